//! The type that fits variants: `ARRAY<OBJECT<a: BIGINT>>`.

use std::collections::BTreeMap;

use super::tree::{DECIMAL_DIGITS, Tree};

#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Void,
    Plain(&'static str),
    Decimal(usize, usize),
    List(Box<Shape>),
    Object(BTreeMap<String, Shape>),
    Variant,
}

const LONG_DIGITS: usize = 19;

impl Shape {
    pub fn of(tree: &Tree) -> Self {
        match tree {
            Tree::Null => Self::Void,
            Tree::Bool(_) => Self::Plain("BOOLEAN"),
            Tree::Long(_) => Self::Plain("BIGINT"),
            Tree::Decimal(unscaled, scale) => {
                let digits = match unscaled.unsigned_abs() {
                    0 => 0,
                    number => number.to_string().len(),
                };
                let scale = usize::from(*scale);
                Self::Decimal(digits.max(scale).max(1), scale)
            }
            Tree::Float(_) => Self::Plain("FLOAT"),
            Tree::Double(_) => Self::Plain("DOUBLE"),
            Tree::Text(_) => Self::Plain("STRING"),
            Tree::Bytes(_) => Self::Plain("BINARY"),
            Tree::Date(_) => Self::Plain("DATE"),
            Tree::Instant(_) => Self::Plain("TIMESTAMP"),
            Tree::Wall(_) => Self::Plain("TIMESTAMP_NTZ"),
            Tree::Uuid(_) => Self::Plain("UUID"),
            Tree::List(items) => {
                Self::List(Box::new(items.iter().map(Self::of).fold(Self::Void, Self::with)))
            }
            Tree::Object(fields) => Self::Object(
                fields.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect(),
            ),
        }
    }

    /// What fits both.
    pub fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Void, other) | (other, Self::Void) => other,
            (a, b) if a == b => a,
            (Self::Decimal(p, s), Self::Decimal(q, t)) => {
                let scale = s.max(t);
                match (p - s).max(q - t) + scale {
                    digits if digits <= DECIMAL_DIGITS => Self::Decimal(digits, scale),
                    _ => Self::Plain("DOUBLE"),
                }
            }
            (Self::Decimal(p, s), Self::Plain("BIGINT"))
            | (Self::Plain("BIGINT"), Self::Decimal(p, s)) => {
                Self::Decimal(LONG_DIGITS, 0).with(Self::Decimal(p, s))
            }
            (Self::Plain("FLOAT" | "DOUBLE"), Self::Plain("BIGINT" | "DOUBLE" | "FLOAT"))
            | (Self::Plain("BIGINT"), Self::Plain("FLOAT" | "DOUBLE"))
            | (Self::Decimal(..), Self::Plain("FLOAT" | "DOUBLE"))
            | (Self::Plain("FLOAT" | "DOUBLE"), Self::Decimal(..)) => Self::Plain("DOUBLE"),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.with(*b))),
            (Self::Object(mut a), Self::Object(b)) => {
                for (name, shape) in b {
                    let known = a.remove(&name).unwrap_or(Self::Void);
                    a.insert(name, known.with(shape));
                }
                Self::Object(a)
            }
            _ => Self::Variant,
        }
    }

    pub fn shown(&self) -> String {
        match self {
            Self::Void => "VOID".to_owned(),
            Self::Variant => "VARIANT".to_owned(),
            Self::Plain(name) => (*name).to_owned(),
            Self::Decimal(digits, scale) => format!("DECIMAL({digits},{scale})"),
            Self::List(item) => format!("ARRAY<{}>", item.shown()),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, shape)| {
                    format!("{}: {}", crate::ddl::quoted_name(name), shape.shown())
                });
                format!("OBJECT<{}>", fields.collect::<Vec<_>>().join(", "))
            }
        }
    }
}
