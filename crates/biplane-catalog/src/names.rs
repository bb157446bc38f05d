//! Names of securables: which are allowed, and how full names are read.

use crate::kind::Kind;
use biplane_platform::{ApiError, Result};

const NAME_CHARS_MAX: usize = 255;
const COMMENT_BYTES_MAX: usize = 64 << 10;
const PROPERTIES_MAX: usize = 1000;
const PROPERTIES_BYTES_MAX: usize = 1 << 20;

/// A name to create or rename to, in the form it is stored in.
pub fn checked(kind: Kind, name: &str) -> Result<String> {
    let shown = || name.chars().filter(|c| !c.is_control()).take(64).collect::<String>();
    let lower = name.to_lowercase();
    if lower.is_empty() {
        return Err(ApiError::invalid(format!(
            "The name of a {} must not be empty.",
            kind.title().to_lowercase()
        )));
    }
    if lower.chars().count() > NAME_CHARS_MAX {
        return Err(ApiError::invalid(format!(
            "The name '{}…' is longer than {NAME_CHARS_MAX} characters.",
            shown()
        )));
    }
    if lower.chars().any(|c| matches!(c, '.' | '/') || c.is_whitespace() || c.is_control()) {
        return Err(ApiError::invalid(format!(
            "'{}' is not a valid name: names must not have periods, slashes, blanks or control characters.",
            shown()
        )));
    }
    Ok(lower)
}

/// The parts of a full name of this kind, in the form they are stored in. Parts may stand in backticks.
pub fn parts(kind: Kind, full_name: &str) -> Result<Vec<String>> {
    let parts: Vec<String> = full_name.split('.').map(stored).collect();
    if parts.len() == kind.depth() && parts.iter().all(|part| !part.is_empty()) {
        return Ok(parts);
    }
    let shown: String = full_name.chars().filter(|c| !c.is_control()).take(255).collect();
    Err(ApiError::invalid(format!(
        "'{shown}' is not a valid name for a {}: {} parts joined by periods are expected.",
        kind.title().to_lowercase(),
        kind.depth()
    )))
}

/// The form in which a name is looked up. One that cannot exist is simply not found.
pub fn stored(name: &str) -> String {
    let name = name.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).unwrap_or(name);
    name.to_lowercase()
}

/// A comment; empty means none.
pub fn comment(text: Option<&str>) -> Result<Option<String>> {
    match text {
        Some(text) if text.len() > COMMENT_BYTES_MAX => {
            Err(ApiError::invalid("The comment is longer than 64 KiB."))
        }
        Some(text) if text.contains('\0') => {
            Err(ApiError::invalid("The comment must not have NUL characters."))
        }
        Some("") | None => Ok(None),
        Some(text) => Ok(Some(text.to_owned())),
    }
}

pub fn properties(map: &std::collections::BTreeMap<String, String>) -> Result<()> {
    let bytes: usize = map.iter().map(|(key, value)| key.len() + value.len()).sum();
    if map.len() > PROPERTIES_MAX || bytes > PROPERTIES_BYTES_MAX {
        return Err(ApiError::invalid("There are too many properties, or they are too long."));
    }
    if map.iter().any(|(key, value)| key.contains('\0') || value.contains('\0')) {
        return Err(ApiError::invalid("Properties must not have NUL characters."));
    }
    Ok(())
}

/// A pattern of clients: `%` and `*` stand for any text, `_` for one character (only in SQL's LIKE, where
/// `\` takes the meaning away), `|` for alternatives (only with `*`).
#[derive(Debug, Clone)]
pub struct Pattern(Vec<Vec<Token>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    One(char),
    AnyOne,
    Any,
}

impl Pattern {
    /// SQL LIKE, which also takes `*`. Case is ignored.
    pub fn like(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut chars = text.chars().flat_map(char::to_lowercase);
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '%' | '*' => Token::Any,
                '_' => Token::AnyOne,
                '\\' => Token::One(chars.next().unwrap_or('\\')),
                c => Token::One(c),
            });
        }
        tokens.dedup_by(|a, b| *a == Token::Any && *b == Token::Any);
        Self(vec![tokens])
    }

    pub fn any() -> Self {
        Self(vec![vec![Token::Any]])
    }

    /// For `LIKE … ESCAPE '\\'` on stored names; empty when it cannot narrow anything.
    pub fn sql_like(&self) -> String {
        let [tokens] = self.0.as_slice() else { return String::new() };
        if *tokens == [Token::Any] {
            return String::new();
        }
        let mut text = String::new();
        for token in tokens {
            match token {
                Token::Any => text.push('%'),
                Token::AnyOne => text.push('_'),
                Token::One(c) => {
                    if matches!(c, '%' | '_' | '\\') {
                        text.push('\\');
                    }
                    text.push(*c);
                }
            }
        }
        text
    }

    pub fn optional(text: Option<&str>) -> Self {
        text.filter(|text| !text.is_empty()).map_or_else(Self::any, Self::like)
    }

    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
        self.0.iter().any(|tokens| glob(tokens, &name))
    }
}

/// Linear in practice: only the last `Any` is ever retried.
fn glob(tokens: &[Token], name: &[char]) -> bool {
    let (mut t, mut n) = (0, 0);
    let mut retry = None;
    while n < name.len() {
        match tokens.get(t) {
            Some(Token::Any) => {
                retry = Some((t + 1, n));
                t += 1;
            }
            Some(Token::AnyOne) => (t, n) = (t + 1, n + 1),
            Some(Token::One(c)) if *c == name[n] => (t, n) = (t + 1, n + 1),
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    (t, n) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    tokens[t..].iter().all(|token| *token == Token::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_checked() {
        assert_eq!(checked(Kind::Table, "MyTable").unwrap(), "mytable");
        assert_eq!(checked(Kind::Table, "größe-1\"'`;--").unwrap(), "größe-1\"'`;--");
        let long = "x".repeat(256);
        for bad in ["", "a.b", "a/b", "a b", "a\tb", "a\0b", "a\u{7f}", "\u{a0}", long.as_str()] {
            assert!(checked(Kind::Table, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn full_names_have_the_right_number_of_parts() {
        assert_eq!(parts(Kind::Table, "A.`b`.C").unwrap(), ["a", "b", "c"]);
        for bad in ["", "a", "a.b", "a.b.c.d", "a..c", "..", "a.b."] {
            assert!(parts(Kind::Table, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("%", "", true),
            ("d%", "default", true),
            ("d*", "default", true),
            ("D%T", "default", true),
            ("d_fault", "default", true),
            ("d\\_fault", "default", false),
            ("d\\_fault", "d_fault", true),
            ("a%b%c", "axxbyyc", true),
            ("a%b%c", "axxbyy", false),
            ("", "x", false),
            ("default", "default2", false),
        ] {
            assert_eq!(Pattern::like(pattern).matches(name), expected, "{pattern} {name}");
        }
        let hostile = Pattern::like(&"%a".repeat(2000));
        assert!(!hostile.matches(&"a".repeat(1999)));
    }
}
