//! Well-known binary of geometries (OGC 06-103r4), and its extension that names the reference system.

use datafusion::common::Result;

use super::shape::{Axes, Body, Coord, DEPTH_MAX, Kind, Shape};
use crate::raised::fail;

const EXTENDED_Z: u32 = 0x8000_0000;
const EXTENDED_M: u32 = 0x4000_0000;
const EXTENDED_SRID: u32 = 0x2000_0000;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    is_little: bool,
    is_extended: bool,
    srid: Option<i32>,
}

/// A geometry, and its reference system where the binary is an extended one that says so.
pub fn read(bytes: &[u8], is_earth: bool, is_extended: bool) -> Result<(Shape, Option<i32>)> {
    let mut reader = Reader { bytes, at: 0, is_little: true, is_extended, srid: None };
    let (axes, body) = reader.geometry(None, 0)?;
    if reader.at != bytes.len() {
        return reader.broken("there are bytes behind the geometry");
    }
    match body.flaw(is_earth) {
        Some(flaw) => reader.broken(flaw),
        None => Ok((Shape { axes, body }, reader.srid)),
    }
}

impl Reader<'_> {
    fn broken<T>(&self, why: &str) -> Result<T> {
        let text = format!("Error parsing WKB: {why} at position {}.", self.at);
        fail("WKB_PARSE_ERROR", "22023", text)
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
        Ok(if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn double(&mut self) -> Result<f64> {
        let bytes = self.next::<8>()?;
        Ok(if self.is_little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    }

    fn coord(&mut self, axes: Axes) -> Result<Coord> {
        let mut values = [0.0; 4];
        for value in &mut values[..axes.count()] {
            *value = self.double()?;
        }
        Ok(Coord::take(&values, axes))
    }

    fn coords(&mut self, axes: Axes) -> Result<Vec<Coord>> {
        let count = self.word()?;
        (0..count).map(|_| self.coord(axes)).collect()
    }

    /// `only`: the kind and axes that parts of a collection have.
    fn geometry(
        &mut self,
        only: Option<(Option<Kind>, Axes)>,
        depth: usize,
    ) -> Result<(Axes, Body)> {
        if depth > DEPTH_MAX {
            return self.broken("collections are nested too deeply");
        }
        self.is_little = match self.next::<1>()? {
            [0] => false,
            [1] => true,
            _ => return self.broken("there is no such byte order"),
        };
        // The parts of a collection say their own byte order.
        let is_little = self.is_little;
        let mut code = self.word()?;
        let mut axes = Axes::default();
        if self.is_extended {
            axes = Axes { z: code & EXTENDED_Z != 0, m: code & EXTENDED_M != 0 };
            let has_srid = code & EXTENDED_SRID != 0;
            code &= !(EXTENDED_Z | EXTENDED_M | EXTENDED_SRID);
            if has_srid {
                let srid = self.word()?.cast_signed();
                if depth == 0 {
                    self.srid = Some(srid);
                }
            }
        }
        match code / 1000 {
            0 => {}
            1 => axes.z = true,
            2 => axes.m = true,
            3 => axes = Axes { z: true, m: true },
            _ => return self.broken("there is no such type"),
        }
        let Some(kind) = Kind::ALL.into_iter().find(|kind| *kind as u32 == code % 1000) else {
            return self.broken("there is no such type");
        };
        if let Some((wanted, wanted_axes)) = only
            && (wanted.is_some_and(|wanted| wanted != kind) || wanted_axes != axes)
        {
            return self.broken("a part has another type than its collection");
        }
        let body = match kind {
            Kind::Point => {
                let coord = self.coord(axes)?;
                // The binary of an empty point has no number in it.
                Body::Point((!coord.values(axes).all(f64::is_nan)).then_some(coord))
            }
            Kind::LineString => Body::Line(self.coords(axes)?),
            Kind::Polygon => {
                let count = self.word()?;
                Body::Polygon((0..count).map(|_| self.coords(axes)).collect::<Result<_>>()?)
            }
            many => {
                let mut parts = Vec::new();
                for _ in 0..self.word()? {
                    parts.push(self.geometry(Some((many.part(), axes)), depth + 1)?.1);
                    self.is_little = is_little;
                }
                Body::Many(many, parts)
            }
        };
        Ok((axes, body))
    }
}

#[derive(Clone, Copy)]
pub enum Form {
    Plain,
    /// With the reference system, where there is one.
    Extended(i32),
}

pub fn written(shape: &Shape, is_little: bool, form: Form) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new(), is_little, axes: shape.axes };
    writer.geometry(&shape.body, form);
    writer.out
}

struct Writer {
    out: Vec<u8>,
    is_little: bool,
    axes: Axes,
}

impl Writer {
    fn word(&mut self, value: u32) {
        let bytes = if self.is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        self.out.extend(bytes);
    }

    fn count(&mut self, count: usize) {
        self.word(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn coord(&mut self, coord: Coord) {
        for value in coord.values(self.axes) {
            let bytes = if self.is_little { value.to_le_bytes() } else { value.to_be_bytes() };
            self.out.extend(bytes);
        }
    }

    fn coords(&mut self, coords: &[Coord]) {
        self.count(coords.len());
        coords.iter().for_each(|coord| self.coord(*coord));
    }

    fn geometry(&mut self, body: &Body, form: Form) {
        self.out.push(u8::from(self.is_little));
        let kind = body.kind() as u32;
        let (z, m) = (u32::from(self.axes.z), u32::from(self.axes.m));
        match form {
            Form::Plain => self.word(kind + 1000 * z + 2000 * m),
            Form::Extended(srid) => {
                let named = if srid == 0 { 0 } else { EXTENDED_SRID };
                self.word(kind + z * EXTENDED_Z + m * EXTENDED_M + named);
                if srid != 0 {
                    self.word(srid.cast_unsigned());
                }
            }
        }
        match body {
            Body::Point(at) => {
                let nowhere = Coord { x: f64::NAN, y: f64::NAN, z: f64::NAN, m: f64::NAN };
                self.coord(at.unwrap_or(nowhere));
            }
            Body::Line(points) => self.coords(points),
            Body::Polygon(rings) => {
                self.count(rings.len());
                rings.iter().for_each(|ring| self.coords(ring));
            }
            Body::Many(_, parts) => {
                self.count(parts.len());
                let inner = match form {
                    Form::Plain => Form::Plain,
                    // Parts do not name it again.
                    Form::Extended(_) => Form::Extended(0),
                };
                parts.iter().for_each(|part| self.geometry(part, inner));
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
            let read = read(&bytes(&hex), false, false);
            assert_eq!(read.is_ok(), fits, "{hex}");
            if let Ok((shape, _)) = read {
                let big = written(&shape, false, Form::Plain);
                assert_eq!(super::read(&big, false, false).ok(), Some((shape, None)), "{hex}");
            }
        }
        let deep = "010700000001000000".repeat(100);
        assert!(super::read(&bytes(&deep), false, false).is_err());
    }

    #[test]
    fn extended() {
        let shape = Shape {
            axes: Axes { z: true, m: false },
            body: Body::Many(
                Kind::MultiPoint,
                vec![
                    Body::Point(Some(Coord { x: 1.0, y: 2.0, z: 3.0, m: 0.0 })),
                    Body::Point(None),
                ],
            ),
        };
        let bytes = written(&shape, true, Form::Extended(4326));
        assert_eq!(read(&bytes, true, true).ok(), Some((shape, Some(4326))));
        assert!(read(&bytes, true, false).is_err());
    }
}
