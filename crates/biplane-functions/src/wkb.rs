//! Well-known binary of geometries (OGC 06-103r4): it is checked in full and can be written in either byte order.

use datafusion::common::Result;

use crate::raised::fail;

/// Collections inside of collections.
const DEPTH_MOST: usize = 32;

/// What was read: numbers of four and of eight bytes, and where a geometry begins.
#[derive(Debug)]
enum Part {
    Order,
    Word(u32),
    Double(f64),
}

#[derive(Debug)]
pub struct Wkb(Vec<Part>);

impl Wkb {
    pub fn little(&self) -> Vec<u8> {
        self.written(1, u32::to_le_bytes, f64::to_le_bytes)
    }

    pub fn big(&self) -> Vec<u8> {
        self.written(0, u32::to_be_bytes, f64::to_be_bytes)
    }

    fn written(&self, order: u8, word: fn(u32) -> [u8; 4], double: fn(f64) -> [u8; 8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * 8);
        for part in &self.0 {
            match part {
                Part::Order => out.push(order),
                Part::Word(value) => out.extend(word(*value)),
                Part::Double(value) => out.extend(double(*value)),
            }
        }
        out
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    is_little: bool,
    is_earth: bool,
    parts: Vec<Part>,
}

/// `is_earth`: coordinates are degrees of longitude and latitude.
pub fn read(bytes: &[u8], is_earth: bool) -> Result<Wkb> {
    let parts = Vec::with_capacity(bytes.len() / 8);
    let mut reader = Reader { bytes, at: 0, is_little: true, is_earth, parts };
    reader.geometry(None, 0)?;
    if reader.at != bytes.len() {
        return reader.broken("there are bytes behind the geometry");
    }
    Ok(Wkb(reader.parts))
}

impl Reader<'_> {
    fn broken<T>(&self, why: &str) -> Result<T> {
        fail(
            "WKB_PARSE_ERROR",
            "22023",
            format!("Error parsing WKB: {why} at position {}.", self.at),
        )
    }

    fn next<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>) {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => self.broken("unexpected end"),
        }
    }

    fn word(&mut self) -> Result<u32> {
        let bytes = self.next::<4>()?;
        let word =
            if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
        self.parts.push(Part::Word(word));
        Ok(word)
    }

    fn double(&mut self) -> Result<f64> {
        let bytes = self.next::<8>()?;
        let value =
            if self.is_little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) };
        self.parts.push(Part::Double(value));
        Ok(value)
    }

    /// `may_be_empty`: a point of which all coordinates are NaN.
    fn point(&mut self, dimensions: usize, may_be_empty: bool) -> Result<()> {
        for axis in 0..dimensions {
            let value = self.double()?;
            let is_allowed = value.is_finite() || (may_be_empty && value.is_nan());
            if !is_allowed {
                return self.broken("a coordinate is not finite");
            }
            let most = if axis == 0 { 180.0 } else { 90.0 };
            if self.is_earth && axis < 2 && value.abs() > most {
                return self.broken("a longitude or latitude is out of its bounds");
            }
        }
        Ok(())
    }

    fn points(&mut self, dimensions: usize, least: u32, is_ring: bool) -> Result<()> {
        let count = self.word()?;
        if count > 0 && count < least {
            return self.broken("there are too few points");
        }
        let begin = self.at;
        for _ in 0..count {
            self.point(dimensions, false)?;
        }
        let size = dimensions * 8;
        if is_ring
            && count > 0
            && self.bytes[begin..begin + size] != self.bytes[self.at - size..self.at]
        {
            return self.broken("a ring is not closed");
        }
        Ok(())
    }

    /// `only`: the kind that parts of a collection have.
    fn geometry(&mut self, only: Option<u32>, depth: usize) -> Result<()> {
        if depth > DEPTH_MOST {
            return self.broken("collections are nested too deeply");
        }
        self.is_little = match self.next::<1>()? {
            [0] => false,
            [1] => true,
            _ => return self.broken("there is no such byte order"),
        };
        // The parts of a collection say their own byte order.
        let is_little = self.is_little;
        self.parts.push(Part::Order);
        let code = self.word()?;
        let (kind, dimensions) = match (code % 1000, code / 1000) {
            (kind @ 1..=7, 0) => (kind, 2),
            (kind @ 1..=7, 1 | 2) => (kind, 3),
            (kind @ 1..=7, 3) => (kind, 4),
            _ => return self.broken("there is no such type"),
        };
        if only.is_some_and(|only| only != kind) {
            return self.broken("a part has another type than its collection");
        }
        match kind {
            1 => self.point(dimensions, true),
            2 => self.points(dimensions, 2, false),
            3 => {
                for _ in 0..self.word()? {
                    self.points(dimensions, 4, true)?;
                }
                Ok(())
            }
            _ => {
                let only = (kind < 7).then(|| kind - 3);
                for _ in 0..self.word()? {
                    self.geometry(only, depth + 1)?;
                    self.is_little = is_little;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2)
            .filter_map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).ok())
            .collect()
    }

    #[test]
    fn both_orders() {
        let point = "0101000000000000000000F03F0000000000000040";
        // A MULTIPOINT with its point in the other order.
        let many = "000000000400000001";
        for (hex, fits) in [
            (point.to_owned(), true),
            (format!("{many}{point}"), true),
            (format!("{many}{many}{point}"), false),
            (format!("{point}00"), false),
            ("0102000000010000000000000000000000".to_owned(), false),
            ("0109000000".to_owned(), false),
            ("0201000000".to_owned(), false),
            (format!("0107000000{}", "FFFFFFFF"), false),
        ] {
            let read = read(&bytes(&hex), false);
            assert_eq!(read.is_ok(), fits, "{hex}");
            if let Ok(wkb) = read {
                let big = super::read(&wkb.big(), false);
                assert_eq!(big.map(|big| big.little()).ok(), Some(wkb.little()), "{hex}");
            }
        }
        let deep = "010700000001000000".repeat(100);
        assert!(super::read(&bytes(&deep), false).is_err());
    }
}
