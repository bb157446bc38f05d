//! The patterns of SHOW: `%` and `*` stand for anything, `|` between two patterns, any case.

/// A pattern ready for use.
#[derive(Debug, Clone, Default)]
pub struct Like(Option<Vec<Vec<char>>>);

impl Like {
    pub fn new(pattern: Option<&str>) -> Self {
        Self(pattern.map(|text| {
            text.trim().split('|').map(|part| part.to_lowercase().chars().collect()).collect()
        }))
    }

    pub fn fits(&self, name: &str) -> bool {
        let Some(patterns) = &self.0 else { return true };
        let name: Vec<char> = name.to_lowercase().chars().collect();
        patterns.iter().any(|pattern| matches(pattern, &name))
    }
}

/// Linear in practice: only the last wildcard is ever tried again. `\` takes the next as it is.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        let escaped = pattern.get(p) == Some(&'\\') && p + 1 < pattern.len();
        let at = if escaped { p + 1 } else { p };
        match pattern.get(at) {
            Some('%' | '*') if !escaped => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == name[n] || (*c == '.' && !escaped && is_regex_dot(pattern, at)) => {
                p = at + 1;
                n += 1;
            }
            // `_` of LIKE; in names it is itself far more often, so both are taken.
            Some('_') if !escaped => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    p = star + 1;
                    n = from + 1;
                    retry = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|c| matches!(c, '%' | '*')))
}

/// `.*`, as Spark's patterns allow it.
fn is_regex_dot(pattern: &[char], at: usize) -> bool {
    pattern.get(at + 1) == Some(&'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit() {
        for (pattern, name, expected) in [
            ("a*", "abc", true),
            ("A%", "abc", true),
            ("*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a|b*", "bcd", true),
            ("a", "ab", false),
            ("%", "", true),
            ("", "", true),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("a_b", "a_b", true),
            ("a_b", "axb", true),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(Like::new(Some(pattern)).fits(name), expected, "{pattern} {name}");
        }
        assert!(Like::new(None).fits("x"));
    }
}
