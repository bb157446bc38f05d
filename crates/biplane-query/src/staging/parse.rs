//! Reads the three statements. Everything else is the engine's to read.

use super::{Staging, StagingVerb};
use crate::statements::StatementError;
use crate::statements::kind::first_word;

/// None when the statement is of another kind; an error when it begins like one and goes on differently.
pub(crate) fn parse(sql: &str) -> Option<Result<Staging, StatementError>> {
    let (word, rest) = first_word(sql);
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    let mut words = Words(rest);
    let found = if is("put") {
        words.put()
    } else if is("get") {
        words.get()
    } else if is("remove") {
        words.remove()
    } else {
        return None;
    };
    Some(found.filter(|_| words.ended()).ok_or_else(|| {
        let text = "Expected PUT '<file>' INTO '<path>' [OVERWRITE], GET '<path>' TO '<file>' or REMOVE '<path>'.";
        StatementError::new("BAD_REQUEST", "PARSE_SYNTAX_ERROR", "42601", text)
    }))
}

struct Words<'a>(&'a str);

impl Words<'_> {
    fn put(&mut self) -> Option<Staging> {
        let local_file = self.text()?;
        self.word("into")?;
        let path = self.text()?;
        let overwrite = self.word("overwrite").is_some();
        Some(Staging { verb: StagingVerb::Put { overwrite }, path, local_file })
    }

    fn get(&mut self) -> Option<Staging> {
        let path = self.text()?;
        self.word("to")?;
        Some(Staging { verb: StagingVerb::Get, path, local_file: self.text()? })
    }

    fn remove(&mut self) -> Option<Staging> {
        let path = self.text()?;
        Some(Staging { verb: StagingVerb::Remove, path, local_file: String::new() })
    }

    /// The next word if it is this one.
    fn word(&mut self, expected: &str) -> Option<()> {
        let (word, rest) = first_word(self.0);
        word.eq_ignore_ascii_case(expected).then(|| self.0 = rest)
    }

    /// A literal in either kind of quotes. A backslash takes quotes and itself as they are; before
    /// anything else it is one, for the paths of Windows.
    fn text(&mut self) -> Option<String> {
        let (word, rest) = first_word(self.0);
        let quote = rest.chars().next().filter(|c| word.is_empty() && matches!(c, '\'' | '"'))?;
        let mut text = String::new();
        let mut chars = rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                if let Some((_, again)) = chars.peek().copied().filter(|(_, next)| *next == quote) {
                    text.push(again);
                    chars.next();
                    continue;
                }
                self.0 = &rest[at + 1..];
                return Some(text);
            }
            match chars.peek().copied() {
                Some((_, next @ ('\'' | '"' | '\\'))) if c == '\\' => {
                    text.push(next);
                    chars.next();
                }
                _ => text.push(c),
            }
        }
        None
    }

    fn ended(&self) -> bool {
        let (word, rest) = first_word(self.0);
        word.is_empty() && rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Staging {
        parse(sql).unwrap().unwrap()
    }

    #[test]
    fn the_three_statements() {
        let put = read("-- upload\nPUT '/tmp/a b.csv' INTO '/Volumes/c/s/v/a b.csv' OVERWRITE;");
        let overwrite = StagingVerb::Put { overwrite: true };
        assert_eq!((put.verb, &put.local_file[..]), (overwrite, "/tmp/a b.csv"));
        assert_eq!(put.path, "/Volumes/c/s/v/a b.csv");
        let put = read("put \"__input_stream__\" into '/Volumes/c/s/v/f'");
        assert_eq!(put.verb, StagingVerb::Put { overwrite: false });
        let get = read(r"GET '/Volumes/c/s/v/it\'s' TO 'C:\temp\x'");
        assert_eq!((&get.path[..], &get.local_file[..]), ("/Volumes/c/s/v/it's", r"C:\temp\x"));
        assert_eq!(read("remove '/Volumes/c/s/v/it''s' /* gone */").path, "/Volumes/c/s/v/it's");
    }

    #[test]
    fn others_are_not_touched_and_broken_ones_are_told() {
        for sql in ["SELECT 1", "", "getx 'a'", "INSERT INTO put VALUES (1)"] {
            assert!(parse(sql).is_none(), "{sql}");
        }
        for sql in [
            "PUT",
            "PUT 'a' INTO",
            "PUT 'a' '/Volumes/x'",
            "GET '/Volumes/x' TO 'y' OVERWRITE",
            "REMOVE '/Volumes/x",
            "REMOVE /Volumes/x",
            "REMOVE '/Volumes/x'; SELECT 1",
            "REMOVE é",
        ] {
            assert!(parse(sql).unwrap().is_err(), "{sql}");
        }
    }
}
