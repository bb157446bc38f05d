//! Search patterns of the metadata calls: `%` any text, `_` one character, `\` takes the next one as
//! it is. Names are compared without regard to case. `*` alone means all, as some clients send it.

pub struct Pattern(Option<Vec<Part>>);

#[derive(PartialEq)]
enum Part {
    Any,
    One,
    Is(char),
}

impl Pattern {
    /// No pattern, or an empty one, restricts nothing.
    pub fn new(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| !matches!(*text, "" | "%" | "*")) else {
            return Self(None);
        };
        let mut parts = Vec::new();
        let mut characters = text.chars().flat_map(char::to_lowercase);
        while let Some(character) = characters.next() {
            parts.push(match character {
                '%' if parts.last() == Some(&Part::Any) => continue,
                '%' => Part::Any,
                '_' => Part::One,
                '\\' => Part::Is(characters.next().unwrap_or('\\')),
                other => Part::Is(other),
            });
        }
        Self(Some(parts))
    }

    /// As SQL LIKE in lower case, with `\` as escape; none when it restricts nothing.
    pub fn like(&self) -> Option<String> {
        let mut text = String::new();
        for part in self.0.as_ref()? {
            match part {
                Part::Any => text.push('%'),
                Part::One => text.push('_'),
                Part::Is(character) => escape(&mut text, *character),
            }
        }
        Some(text)
    }

    /// The one name that it can match.
    pub fn exact(&self) -> Option<String> {
        let literal = |part: &Part| match part {
            Part::Is(character) => Some(*character),
            Part::Any | Part::One => None,
        };
        self.0.as_ref()?.iter().map(literal).collect()
    }

    /// A name is no pattern: its wildcards are meant as they are.
    pub fn literal(name: &str) -> String {
        let mut text = String::new();
        name.chars().for_each(|character| escape(&mut text, character));
        text
    }

    /// Greedy with one step back to the last `%`: linear in text times pattern at worst.
    pub fn matches(&self, name: &str) -> bool {
        let Some(parts) = &self.0 else { return true };
        let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
        let (mut at, mut part) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while at < name.len() {
            match parts.get(part) {
                Some(Part::Any) => {
                    back = Some((at, part + 1));
                    part += 1;
                }
                Some(Part::One) => (at, part) = (at + 1, part + 1),
                Some(Part::Is(character)) if *character == name[at] => {
                    (at, part) = (at + 1, part + 1);
                }
                _ => match back {
                    Some((start, rest)) => {
                        back = Some((start + 1, rest));
                        (at, part) = (start + 1, rest);
                    }
                    None => return false,
                },
            }
        }
        parts[part..].iter().all(|part| *part == Part::Any)
    }
}

/// Readers of the pattern also take `*` as any text.
fn escape(text: &mut String, character: char) {
    if matches!(character, '%' | '_' | '*' | '\\') {
        text.push('\\');
    }
    text.push(character);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_escapes() {
        for (pattern, name, expected) in [
            ("%", "x", true),
            ("d%", "default", true),
            ("D%T", "default", true),
            ("d_fault", "default", true),
            (r"d\_fault", "default", false),
            (r"a\_b", "a_b", true),
            ("a%b%c", "aXbYbZc", true),
            ("a%b", "abc", false),
            ("main", "main2", false),
            ("_%", "", false),
            ("%%_", "ä", true),
        ] {
            assert_eq!(Pattern::new(Some(pattern)).matches(name), expected, "{pattern} {name}");
        }
        assert!(Pattern::new(None).matches("x") && Pattern::new(Some("")).matches("x"));
    }

    #[test]
    fn patterns_are_written_down_again() {
        for (given, like, exact) in [
            ("t\\_1", Some(r"t\_1"), Some("t_1")),
            ("My_%t", Some("my_%t"), None),
            ("a*b", Some(r"a\*b"), Some("a*b")),
            ("%", None, None),
        ] {
            let pattern = Pattern::new(Some(given));
            assert_eq!(pattern.like().as_deref(), like, "{given}");
            assert_eq!(pattern.exact().as_deref(), exact, "{given}");
        }
        assert_eq!(Pattern::literal("a_b"), r"a\_b");
    }
}
