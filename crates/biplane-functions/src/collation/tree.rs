//! Collations of a type: those of the text in it, at the places where it is.

use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use std::collections::HashMap;

use super::Collation;

/// Under which name a field says it.
pub const METADATA: &str = "biplane.collation";

/// Types nested more deeply have no collations.
const DEPTH_MAX: usize = 50;

/// Which collation wins where two meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Of a literal, or of what is made of no text.
    Default,
    /// Of a column.
    Implicit,
    /// Of COLLATE.
    Explicit,
    /// Two implicit ones met.
    Indeterminate,
}

/// The text of a type with the collation of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tree {
    /// No text in it, or text that is compared by its bytes.
    Plain,
    Text(Collation),
    List(Box<Tree>),
    Map(Box<Tree>, Box<Tree>),
    Struct(Vec<Tree>),
}

impl Tree {
    pub fn of(collation: Collation) -> Self {
        if collation.is_binary() { Self::Plain } else { Self::Text(collation) }
    }

    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    pub fn collation(&self) -> Collation {
        match self {
            Self::Text(collation) => *collation,
            _ => Collation::BINARY,
        }
    }

    pub fn list(item: Self) -> Self {
        if item.is_plain() { Self::Plain } else { Self::List(Box::new(item)) }
    }

    pub fn map(key: Self, value: Self) -> Self {
        match key.is_plain() && value.is_plain() {
            true => Self::Plain,
            false => Self::Map(Box::new(key), Box::new(value)),
        }
    }

    pub fn fields(fields: Vec<Self>) -> Self {
        if fields.iter().all(Self::is_plain) { Self::Plain } else { Self::Struct(fields) }
    }

    pub fn item(&self) -> Self {
        match self {
            Self::List(item) => (**item).clone(),
            _ => Self::Plain,
        }
    }

    pub fn key(&self) -> Self {
        match self {
            Self::Map(key, _) => (**key).clone(),
            _ => Self::Plain,
        }
    }

    pub fn value(&self) -> Self {
        match self {
            Self::Map(_, value) => (**value).clone(),
            _ => Self::Plain,
        }
    }

    pub fn field(&self, at: usize) -> Self {
        match self {
            Self::Struct(fields) => fields.get(at).cloned().unwrap_or(Self::Plain),
            _ => Self::Plain,
        }
    }

    /// As text: `UTF8_LCASE`, `[UNICODE]`, `{,de_CI}` of a map, `(,UTF8_LCASE)` of a struct.
    pub fn written(&self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Text(collation) => collation.name(),
            Self::List(item) => format!("[{}]", item.written()),
            Self::Map(key, value) => format!("{{{},{}}}", key.written(), value.written()),
            Self::Struct(fields) => {
                let fields: Vec<String> = fields.iter().map(Self::written).collect();
                format!("({})", fields.join(","))
            }
        }
    }

    /// What [`Tree::written`] wrote; of anything else nothing.
    pub fn read(text: &str) -> Self {
        match read(text, 0) {
            Some((tree, "")) => tree,
            _ => Self::Plain,
        }
    }

    /// The same, where the type has text at these places; a field may be cast and still say what it said.
    pub fn fitting(&self, data_type: &DataType) -> Self {
        match (self, data_type) {
            (Self::Text(_), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                self.clone()
            }
            (Self::List(tree), DataType::List(item) | DataType::LargeList(item)) => {
                Self::list(tree.fitting(item.data_type()))
            }
            (Self::Map(key, value), DataType::Map(entries, _)) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Self::map(
                    key.fitting(fields[0].data_type()),
                    value.fitting(fields[1].data_type()),
                ),
                _ => Self::Plain,
            },
            (Self::Struct(trees), DataType::Struct(fields)) if trees.len() == fields.len() => {
                let fit =
                    trees.iter().zip(fields).map(|(tree, field)| tree.fitting(field.data_type()));
                Self::fields(fit.collect())
            }
            _ => Self::Plain,
        }
    }
}

fn read(text: &str, depth: usize) -> Option<(Tree, &str)> {
    if depth > DEPTH_MAX {
        return None;
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (item, rest) = read(rest, depth + 1)?;
        return Some((Tree::list(item), rest.strip_prefix(']')?));
    }
    if let Some(rest) = text.strip_prefix('{') {
        let (key, rest) = read(rest, depth + 1)?;
        let (value, rest) = read(rest.strip_prefix(',')?, depth + 1)?;
        return Some((Tree::map(key, value), rest.strip_prefix('}')?));
    }
    if let Some(mut rest) = text.strip_prefix('(') {
        let mut fields = Vec::new();
        loop {
            let (field, after) = read(rest, depth + 1)?;
            fields.push(field);
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => return Some((Tree::fields(fields), after.strip_prefix(')')?)),
            }
        }
    }
    let end = text.find([',', ']', '}', ')']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let tree = match name {
        "" => Tree::Plain,
        name => Tree::of(Collation::named(name).ok()?),
    };
    Some((tree, rest))
}

/// The collations that a field says its text has.
pub fn of_field(field: &Field) -> Tree {
    match field.metadata().get(METADATA) {
        Some(written) => Tree::read(written).fitting(field.data_type()),
        None => Tree::Plain,
    }
}

/// The field with these collations.
pub fn with_tree(field: Field, tree: &Tree) -> Field {
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    match tree {
        Tree::Plain => metadata.remove(METADATA),
        tree => metadata.insert(METADATA.to_owned(), tree.written()),
    };
    field.with_metadata(metadata)
}

/// One collation where two of the same strength or different ones meet.
pub fn met(
    (left, left_strength): (&Tree, Strength),
    (right, right_strength): (&Tree, Strength),
) -> Result<(Tree, Strength)> {
    use Strength::{Explicit, Implicit, Indeterminate};
    let first = || (left.clone(), left_strength);
    let second = || (right.clone(), right_strength);
    Ok(match (left_strength, right_strength) {
        (Explicit, Explicit) if left != right => {
            let text = format!(
                "Could not determine which collation to use for string functions and operators. \
                 Error occurred due to the mismatch between explicit collations: [{}, {}]. \
                 Decide on a single explicit collation and remove others.",
                shown(left),
                shown(right)
            );
            return Err(crate::raised::raised("COLLATION_MISMATCH.EXPLICIT", "42P21", text));
        }
        (Explicit, _) => first(),
        (_, Explicit) => second(),
        (Indeterminate, _) => first(),
        (_, Indeterminate) => second(),
        (Implicit, Implicit) if left != right => (Tree::Plain, Indeterminate),
        (Implicit, _) => first(),
        (_, Implicit) => second(),
        _ if left.is_plain() => second(),
        _ => first(),
    })
}

fn shown(tree: &Tree) -> String {
    match tree {
        Tree::Plain | Tree::Text(_) => format!("\"STRING COLLATE {}\"", tree.collation().name()),
        other => other.written(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_read_as_they_were_written() {
        for text in
            ["", "UTF8_LCASE", "[de_CI]", "{UNICODE_AI,}", "(,[UTF8_LCASE],{UNICODE,UNICODE})"]
        {
            assert_eq!(Tree::read(text).written(), text);
        }
        for text in ["[", "(,)", "[UTF8_LCASE]]", "NOPE", "{UNICODE}", &"[".repeat(10_000)] {
            assert_eq!(Tree::read(text), Tree::Plain, "{text}");
        }
    }
}
