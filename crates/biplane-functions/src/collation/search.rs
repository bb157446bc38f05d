//! One text in another, as a collation compares them.

use super::Collation;
use super::keys::{Unit, Weight};

/// A text that others are looked for in.
pub struct Searched<'a> {
    collation: Collation,
    text: &'a str,
    units: Vec<Unit>,
}

/// Bytes of a text.
pub type Range = std::ops::Range<usize>;

impl<'a> Searched<'a> {
    pub fn new(collation: Collation, text: &'a str) -> Self {
        Self { collation, text, units: collation.units(text) }
    }

    fn wanted(&self, part: &str) -> Vec<Weight> {
        self.collation.units(part).into_iter().map(|unit| unit.weight).collect()
    }

    /// Whether the units from here on are these, and are whole characters.
    fn is_at(&self, at: usize, wanted: &[Weight]) -> bool {
        let end = at + wanted.len();
        let Some(here) = self.units.get(at..end) else { return false };
        here.iter().zip(wanted).all(|(unit, weight)| unit.weight == *weight)
            && self.is_between(at)
            && self.is_between(end)
    }

    fn is_between(&self, at: usize) -> bool {
        match (at.checked_sub(1).and_then(|before| self.units.get(before)), self.units.get(at)) {
            (Some(before), Some(after)) => before.end <= after.start,
            _ => true,
        }
    }

    fn range(&self, at: usize, count: usize) -> Range {
        let here = &self.units[at..at + count];
        let start = here.first().map_or(self.text.len(), |unit| unit.start);
        start..here.iter().map(|unit| unit.end).max().unwrap_or(start)
    }

    /// All places of a text that is not empty, none in another.
    pub fn places(&self, part: &str) -> Vec<Range> {
        let wanted = self.wanted(part);
        let mut out = Vec::new();
        let mut at = 0;
        while !wanted.is_empty() && at + wanted.len() <= self.units.len() {
            if self.is_at(at, &wanted) {
                out.push(self.range(at, wanted.len()));
                at += wanted.len();
            } else {
                at += 1;
            }
        }
        out
    }

    /// The first place at or behind a byte. A text without elements is everywhere.
    pub fn place(&self, part: &str, from: usize) -> Option<Range> {
        let wanted = self.wanted(part);
        if wanted.is_empty() {
            return Some(from..from);
        }
        let begin = self.units.partition_point(|unit| unit.start < from);
        (begin..self.units.len())
            .find(|at| self.is_at(*at, &wanted))
            .map(|at| self.range(at, wanted.len()))
    }

    pub fn begins_with(&self, part: &str) -> bool {
        self.is_at(0, &self.wanted(part))
    }

    pub fn ends_with(&self, part: &str) -> bool {
        let wanted = self.wanted(part);
        let begin = self.units.len().checked_sub(wanted.len());
        begin.is_some_and(|begin| self.is_at(begin, &wanted))
    }

    /// The text between what is found.
    pub fn parts(&self, separator: &str) -> Vec<&'a str> {
        let mut out = Vec::new();
        let mut from = 0;
        for place in self.places(separator) {
            out.push(&self.text[from..place.start]);
            from = place.end;
        }
        out.push(&self.text[from..]);
        out
    }

    pub fn replaced(&self, part: &str, with: &str) -> String {
        self.parts(part).join(with)
    }

    /// The text before the `count`th separator, or with a negative count behind that many from the end.
    pub fn before(&self, separator: &str, count: i64) -> &'a str {
        let places = self.places(separator);
        let whole = self.text;
        let nth = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if count == 0 || separator.is_empty() {
            return "";
        }
        if count > 0 {
            return places.get(nth - 1).map_or(whole, |place| &whole[..place.start]);
        }
        let at = places.len().checked_sub(nth);
        at.map_or(whole, |at| &whole[places[at].end..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_as_the_collation_compares() {
        for (collation, text, part, expected) in [
            ("UTF8_LCASE", "xAbxaB", "ab", vec![(1, 3), (4, 6)]),
            ("UTF8_LCASE", "aAa", "aa", vec![(0, 2)]),
            ("UTF8_LCASE", "İi", "i", vec![(2, 3)]),
            ("UNICODE_CI", "xÉx", "é", vec![(1, 3)]),
            ("UNICODE_CI", "xe\u{301}x", "e", vec![]),
            ("UNICODE_CI_AI", "xe\u{301}x", "E", vec![(1, 4)]),
            ("UNICODE", "xAx", "a", vec![]),
            ("UTF8_LCASE", "abc", "", vec![]),
        ] {
            let collation = Collation::named(collation).unwrap();
            let searched = Searched::new(collation, text);
            let places = searched.places(part).into_iter().map(|place| (place.start, place.end));
            assert_eq!(places.collect::<Vec<(usize, usize)>>(), expected, "{text} {part}");
        }
    }

    #[test]
    fn text_is_cut_where_something_is_found() {
        let searched = Searched::new(Collation::named("UTF8_LCASE").unwrap(), "aXbxc");
        assert_eq!(searched.parts("X"), ["a", "b", "c"]);
        assert_eq!(searched.replaced("x", "-"), "a-b-c");
        for (count, expected) in
            [(0, ""), (1, "a"), (2, "aXb"), (3, "aXbxc"), (-1, "c"), (-9, "aXbxc")]
        {
            assert_eq!(searched.before("x", count), expected);
        }
        assert!(searched.begins_with("Ax") && searched.ends_with("XC") && searched.ends_with(""));
        assert_eq!(searched.place("X", 2), Some(3..4));
    }
}
