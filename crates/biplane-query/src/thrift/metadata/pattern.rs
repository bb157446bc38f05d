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
}
