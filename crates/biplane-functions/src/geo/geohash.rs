//! Geohash: longitude and latitude in letters, bits of both in turns.

use datafusion::common::Result;

use crate::raised::fail;

const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
pub const PRECISION_MAX: usize = 12;
/// More letters say nothing that a double can hold.
const LETTERS_MAX: usize = 24;

/// A box: least and most longitude, least and most latitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub x: (f64, f64),
    pub y: (f64, f64),
}

const WORLD: Cell = Cell { x: (-180.0, 180.0), y: (-90.0, 90.0) };

impl Cell {
    /// The half in which is what `is_upper` says of the middle.
    fn halved(&mut self, is_x: bool, is_upper: impl FnOnce(f64) -> bool) -> bool {
        let side = if is_x { &mut self.x } else { &mut self.y };
        let middle = f64::midpoint(side.0, side.1);
        let upper = is_upper(middle);
        *side = if upper { (middle, side.1) } else { (side.0, middle) };
        upper
    }
}

pub fn cell(hash: &str) -> Result<Cell> {
    let mut cell = WORLD;
    let mut is_x = true;
    for letter in hash.bytes() {
        let Some(value) = LETTERS.iter().position(|known| *known == letter) else {
            return unknown(hash);
        };
        for bit in (0..5).rev() {
            cell.halved(is_x, |_| value >> bit & 1 == 1);
            is_x = !is_x;
        }
    }
    if hash.is_empty() || hash.len() > LETTERS_MAX { unknown(hash) } else { Ok(cell) }
}

fn unknown<T>(hash: &str) -> Result<T> {
    let hash: String = hash.chars().take(40).collect();
    let text = format!(
        "Invalid geohash value: '{hash}'. Geohash values must be valid lowercase base32 strings."
    );
    fail("ST_INVALID_ARGUMENT.INVALID_GEOHASH_VALUE", "22023", text)
}

pub fn of(x: f64, y: f64, precision: usize) -> String {
    let mut cell = WORLD;
    let mut is_x = true;
    let mut out = String::with_capacity(precision);
    for _ in 0..precision.min(LETTERS_MAX) {
        let mut value = 0;
        for _ in 0..5 {
            let at = if is_x { x } else { y };
            value = value << 1 | usize::from(cell.halved(is_x, |middle| at >= middle));
            is_x = !is_x;
        }
        out.push(char::from(LETTERS[value]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() -> Result<()> {
        assert_eq!(of(-122.426_147_5, 37.773_742_68, 6), "9q8yyh");
        let cell = cell("9q8yyh")?;
        assert_eq!(
            of(f64::midpoint(cell.x.0, cell.x.1), f64::midpoint(cell.y.0, cell.y.1), 6),
            "9q8yyh"
        );
        assert!(super::cell("9Q").is_err() && super::cell("").is_err());
        Ok(())
    }
}
