//! Text as what a collation compares: a key whose bytes order as the text does, and the units that are looked for in
//! other text.

use icu_collator::options::{CaseLevel, CollatorOptions, Strength};
use icu_collator::{Collator, CollatorBorrowed};
use icu_locale_core::Locale;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use super::{Base, Collation};

/// A part of text that is compared as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub weight: Weight,
    /// The bytes of the text that it is made of; several units may be of the same.
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weight {
    Char(char),
    Key(Vec<u8>),
}

impl Collation {
    /// What is left where spaces at the end do not count.
    pub fn ended(self, text: &str) -> &str {
        if self.ignores_end { text.trim_end_matches(' ') } else { text }
    }

    /// Bytes that are equal, and in order, as the collation says of the text.
    pub fn key(self, text: &str, out: &mut Vec<u8>) {
        let text = self.ended(text);
        match self.base {
            Base::Binary => out.extend_from_slice(text.as_bytes()),
            Base::Lower => out.extend_from_slice(lowered(text).as_bytes()),
            Base::Locale(locale) => {
                let Ok(()) = self.collator(locale).write_sort_key_to(text, out);
            }
        }
    }

    pub fn key_of(self, text: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        self.key(text, &mut out);
        out
    }

    /// What is looked for, or in. Spaces at the end are looked for, too.
    pub fn units(self, text: &str) -> Vec<Unit> {
        let mut out = Vec::with_capacity(text.len());
        let Base::Locale(locale) = self.base else {
            let is_lower = self.base == Base::Lower;
            for (start, char) in text.char_indices() {
                let end = start + char.len_utf8();
                let mut add = |char| out.push(Unit { weight: Weight::Char(char), start, end });
                if is_lower { lower(char).for_each(&mut add) } else { add(char) }
            }
            return out;
        };
        let collator = self.collator(locale);
        for (start, end) in clusters(text) {
            let mut key = Vec::new();
            let Ok(()) = collator.write_sort_key_to(&text[start..end], &mut key);
            // What has no weight at all is passed over: its key is nothing but the ends of its levels.
            if key.iter().any(|byte| *byte > 1) {
                out.push(Unit { weight: Weight::Key(key), start, end });
            }
        }
        out
    }

    /// One for each collation, made when it is first needed. There are so many as there are names.
    fn collator(self, locale: &'static str) -> &'static CollatorBorrowed<'static> {
        static MADE: LazyLock<RwLock<HashMap<Collation, &'static CollatorBorrowed<'static>>>> =
            LazyLock::new(RwLock::default);
        let known = Self { ignores_end: false, ..self };
        if let Some(made) = MADE.read().unwrap_or_else(PoisonError::into_inner).get(&known) {
            return made;
        }
        let made = Box::leak(Box::new(self.make(locale)));
        MADE.write().unwrap_or_else(PoisonError::into_inner).insert(known, made);
        made
    }

    fn make(self, locale: &str) -> CollatorBorrowed<'static> {
        let mut options = CollatorOptions::default();
        options.strength = Some(match (self.ignores_case, self.ignores_accents) {
            (false, false) => Strength::Tertiary,
            (true, false) => Strength::Secondary,
            (_, true) => Strength::Primary,
        });
        let has_case = !self.ignores_case && self.ignores_accents;
        options.case_level = Some(if has_case { CaseLevel::On } else { CaseLevel::Off });
        // The root order is that of whom has none.
        let language = locale.split('_').next().unwrap_or_default().to_ascii_lowercase();
        let locale = language.parse().unwrap_or(Locale::UNKNOWN);
        let root = || Collator::try_new(Locale::UNKNOWN.into(), options);
        match Collator::try_new((&locale).into(), options).or_else(|_| root()) {
            Ok(collator) => collator,
            Err(error) => unreachable!("the root order is part of the program: {error}"),
        }
    }
}

/// Letters with all the marks that stand on them.
fn clusters(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    const MARKS: CanonicalCombiningClassMapBorrowed<'static> =
        CanonicalCombiningClassMapBorrowed::new();
    let mut letters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, letter) = letters.next()?;
        let mut end = start + letter.len_utf8();
        while let Some((at, mark)) = letters.next_if(|(_, mark)| MARKS.get_u8(*mark) != 0) {
            end = at + mark.len_utf8();
        }
        Some((start, end))
    })
}

/// The text in lower case as Spark compares it: character by character.
pub fn lowered(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return text.chars().flat_map(lower).collect::<String>().into();
    }
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => text.to_ascii_lowercase().into(),
        false => text.into(),
    }
}

fn lower(char: char) -> impl Iterator<Item = char> {
    // A sigma at the end of a word is one like any other.
    let char = if char == 'ς' { 'σ' } else { char };
    char.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(collation: &str, words: &[&str]) -> Vec<String> {
        let collation = Collation::named(collation).unwrap();
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        words.sort_by_key(|word| collation.key_of(word));
        words
    }

    fn are_equal(collation: &str, a: &str, b: &str) -> bool {
        let collation = Collation::named(collation).unwrap();
        collation.key_of(a) == collation.key_of(b)
    }

    #[test]
    fn text_is_in_the_order_of_its_language() {
        let words =
            ["B", "b", "cote", "Côte", "coté", "côté", "A", "a", "ab", "Z", "zoo", "10", "9", " x"];
        assert_eq!(
            sorted("UNICODE", &words),
            [" x", "10", "9", "a", "A", "ab", "b", "B", "cote", "coté", "Côte", "côté", "Z", "zoo"]
        );
        assert_eq!(sorted("UTF8_LCASE", &["b", "A", "C", "a"]), ["A", "a", "b", "C"]);
        assert_eq!(sorted("sv", &["ö", "z", "å", "ä", "a"]), ["a", "z", "å", "ä", "ö"]);
        assert_eq!(sorted("de", &["ö", "z", "å", "ä", "a"]), ["a", "å", "ä", "ö", "z"]);
    }

    #[test]
    fn what_a_collation_ignores_makes_no_difference() {
        for (collation, a, b, expected) in [
            ("UNICODE", "a", "A", false),
            ("UNICODE_CI", "a", "A", true),
            ("UNICODE_CI", "é", "É", true),
            ("UNICODE_CI", "é", "e", false),
            ("UNICODE_AI", "é", "e", true),
            ("UNICODE_AI", "É", "e", false),
            ("UNICODE_CI_AI", "É", "e", true),
            ("de_CI_AI", "ä", "A", true),
            ("sv_CI_AI", "ä", "A", false),
            ("UNICODE_CI_AI", "ß", "ss", true),
            ("UNICODE", "e\u{301}", "é", true),
            ("UNICODE", "a\u{323}\u{302}", "ậ", true),
            ("UNICODE", "a\u{302}\u{323}", "ậ", true),
            ("UNICODE", "가", "\u{1100}\u{1161}", true),
            ("UNICODE", "a ", "a", false),
            ("UNICODE_RTRIM", "a  ", "a", true),
            ("UNICODE_RTRIM", " a", "a", false),
            ("UTF8_BINARY_RTRIM", "a ", "a", true),
            ("UTF8_BINARY_RTRIM", "A ", "a", false),
            ("UTF8_LCASE_RTRIM", "a ", "A", true),
            ("UTF8_LCASE", "ΣΑΣ", "σας", true),
            ("UTF8_LCASE", "İ", "i\u{307}", true),
            ("UTF8_LCASE", "ß", "SS", false),
        ] {
            assert_eq!(are_equal(collation, a, b), expected, "{collation}: {a:?} {b:?}");
        }
    }
}
