//! Paths with wildcards: the part without any, and what fits the rest.

use crate::error::{SqlError, SqlResult};
use regex::Regex;

const WILD: [char; 4] = ['*', '?', '[', '{'];
const PATTERN_BYTES_MAX: usize = 2_000;

/// The directory that is listed, and the pattern for what is found in it.
pub fn split(path: &str) -> (String, Option<String>) {
    match path.find(WILD) {
        None => (path.to_owned(), None),
        Some(at) => {
            let cut = path[..at].rfind('/').map_or(0, |slash| slash + 1);
            (path[..cut].to_owned(), Some(path[cut..].to_owned()))
        }
    }
}

/// `*`, `?`, `[a-z]`, `{a,b}`; a wildcard does not cross `/`, `**` does.
pub fn glob(pattern: &str) -> SqlResult<Regex> {
    let invalid = || {
        let short: String = pattern.chars().take(80).collect();
        SqlError::invalid_parameter(format!("The pattern {short:?} of a path cannot be read"))
    };
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(invalid());
    }
    let mut out = String::from("^");
    let mut chars = pattern.chars().peekable();
    let mut open = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                if matches!(chars.peek(), Some('!' | '^')) {
                    chars.next();
                    out.push('^');
                }
                loop {
                    match chars.next() {
                        Some(']') => break out.push(']'),
                        Some('-') => out.push('-'),
                        Some(c) => out.push_str(&regex::escape(&c.to_string())),
                        None => return Err(invalid()),
                    }
                }
            }
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            ',' if open > 0 => out.push('|'),
            '\\' => match chars.next() {
                Some(c) => out.push_str(&regex::escape(&c.to_string())),
                None => return Err(invalid()),
            },
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    if open > 0 {
        return Err(invalid());
    }
    // A directory that fits stands for all that lies in it.
    out.push_str("(?:/.*)?$");
    Regex::new(&out).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_before_the_first_wildcard() {
        assert_eq!(split("/Volumes/a/b/c/x.csv"), ("/Volumes/a/b/c/x.csv".into(), None));
        assert_eq!(split("/Volumes/a/b/c/*.csv"), ("/Volumes/a/b/c/".into(), Some("*.csv".into())));
        assert_eq!(split("s3://b/p/d{1,2}/x"), ("s3://b/p/".into(), Some("d{1,2}/x".into())));
    }

    #[test]
    fn globs_fit() {
        for (pattern, name, expected) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "d/a.csv", false),
            ("**/*.csv", "d/e/a.csv", true),
            ("{a,b}?.csv", "b1.csv", true),
            ("[0-9].csv", "x.csv", false),
            ("[!0-9].csv", "x.csv", true),
            ("d*", "d1/x.csv", true),
            ("a.csv", "aXcsv", false),
        ] {
            assert_eq!(glob(pattern).unwrap().is_match(name), expected, "{pattern} {name}");
        }
        assert!(glob("[a").is_err() && glob("{a").is_err());
    }
}
