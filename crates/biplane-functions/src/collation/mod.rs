//! Collations: how text is compared. Values stay what they are; which collation they have is said beside their
//! type, as metadata of a field ([`of_field`]), and what compares is made to compare keys ([`Collation::key`]).

mod functions;
mod keys;
mod names;
mod search;
mod tree;
mod values;

pub use functions::{FUNCTIONS, mark, register};
pub use names::{Described, described};
pub use tree::{METADATA, Strength, Tree, met, of_field, with_tree};

/// How text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Collation {
    base: Base,
    ignores_case: bool,
    ignores_accents: bool,
    /// Whether spaces at the end count.
    ignores_end: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Base {
    /// By bytes.
    Binary,
    /// By the bytes of the text in lower case.
    Lower,
    /// As a language does it, which has a place in the list of names.
    Locale(&'static str),
}

impl Collation {
    pub const BINARY: Self = Self::of(Base::Binary);

    const fn of(base: Base) -> Self {
        Self { base, ignores_case: false, ignores_accents: false, ignores_end: false }
    }

    /// Whether text is compared by nothing but its bytes.
    pub fn is_binary(self) -> bool {
        self == Self::BINARY
    }

    /// Whether it is one of bytes, but for spaces at the end.
    pub fn is_of_bytes(self) -> bool {
        self.base == Base::Binary
    }

    /// Whether it is one of bytes or of lower case: LIKE and regular expressions are for these alone.
    pub fn has_patterns(self) -> bool {
        matches!(self.base, Base::Binary | Base::Lower)
    }

    /// Whether text can be looked for in other text: not where case counts and accents do not.
    pub fn has_searches(self) -> bool {
        self.ignores_case || !self.ignores_accents
    }

    /// Who defines it, as Delta's schemas say it.
    pub fn provider(self) -> &'static str {
        match self.base {
            Base::Binary | Base::Lower => "spark",
            Base::Locale(_) => "icu",
        }
    }
}
