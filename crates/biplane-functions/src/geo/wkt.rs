//! Well-known text of geometries: `POINT Z (1 2 3)`, and `SRID=4326;POINT(1 2)` of its extension.

use datafusion::common::Result;
use std::fmt::Write as _;

use super::shape::{Axes, Body, Coord, DEPTH_MAX, Kind, Shape};
use crate::raised::fail;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// A geometry, and its reference system where the text is an extended one that says so.
pub fn read(text: &str, is_earth: bool, is_extended: bool) -> Result<(Shape, Option<i32>)> {
    let mut reader = Reader { text, at: 0 };
    let srid = if is_extended { reader.srid()? } else { None };
    let (axes, body) = reader.geometry(None, 0)?;
    if !reader.rest().is_empty() {
        return reader.broken("there is text behind the geometry");
    }
    match body.flaw(is_earth) {
        Some(flaw) => reader.broken(flaw),
        None => Ok((Shape { axes, body }, srid)),
    }
}

impl<'a> Reader<'a> {
    fn broken<T>(&self, why: &str) -> Result<T> {
        let at = self.text[..self.at].chars().count() + 1;
        fail("WKT_PARSE_ERROR", "22023", format!("Error parsing WKT: {why} at position {at}."))
    }

    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn eat(&mut self, mark: char) -> bool {
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len_utf8() } else { 0 };
        found
    }

    fn need(&mut self, mark: char) -> Result<()> {
        match self.eat(mark) {
            true => Ok(()),
            false => self.broken(&format!("'{mark}' is expected")),
        }
    }

    /// The letters that are next, without taking them.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        &rest[..end]
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn srid(&mut self) -> Result<Option<i32>> {
        if !self.eat_word("SRID") {
            return Ok(None);
        }
        self.need('=')?;
        let rest = self.rest();
        let end = rest.find(';').unwrap_or(rest.len());
        let Ok(srid) = rest[..end].trim().parse() else {
            return self.broken("the number of a reference system is expected");
        };
        self.at += end;
        self.need(';')?;
        Ok(Some(srid))
    }

    fn number(&mut self) -> Result<f64> {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "(),".contains(c)).unwrap_or(rest.len());
        let is_number = rest[..end].starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        match rest[..end].parse() {
            Ok(value) if is_number => {
                self.at += end;
                Ok(value)
            }
            _ => self.broken("a number is expected"),
        }
    }

    fn coord(&mut self, axes: Axes) -> Result<Coord> {
        let mut values = [0.0; 4];
        for value in &mut values[..axes.count()] {
            *value = self.number()?;
        }
        Ok(Coord::take(&values, axes))
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        if self.eat_word("EMPTY") {
            return Ok(Vec::new());
        }
        self.need('(')?;
        let mut items = vec![item(self)?];
        while self.eat(',') {
            items.push(item(self)?);
        }
        self.need(')')?;
        Ok(items)
    }

    fn coords(&mut self, axes: Axes) -> Result<Vec<Coord>> {
        self.list(|reader| reader.coord(axes))
    }

    fn point(&mut self, axes: Axes) -> Result<Body> {
        if self.eat_word("EMPTY") {
            return Ok(Body::Point(None));
        }
        self.need('(')?;
        let at = self.coord(axes)?;
        self.need(')')?;
        Ok(Body::Point(Some(at)))
    }

    fn rings(&mut self, axes: Axes) -> Result<Body> {
        Ok(Body::Polygon(self.list(|reader| reader.coords(axes))?))
    }

    /// `only`: the axes that parts of a collection have.
    fn geometry(&mut self, only: Option<Axes>, depth: usize) -> Result<(Axes, Body)> {
        if depth > DEPTH_MAX {
            return self.broken("collections are nested too deeply");
        }
        let word = self.word();
        // The axes may be written behind a space or not.
        let split = ["ZM", "Z", "M", ""].into_iter().find_map(|axes| {
            let bare = word.len().checked_sub(axes.len())?;
            let (name, end) = word.split_at(bare);
            end.eq_ignore_ascii_case(axes).then(|| Kind::named(name)).flatten().zip(Some(axes))
        });
        let Some((kind, mut axes)) = split else {
            return self.broken("the type of a geometry is expected");
        };
        self.at += word.len();
        if axes.is_empty() {
            let found = ["ZM", "Z", "M"].into_iter().find(|axes| self.eat_word(axes));
            axes = found.unwrap_or_default();
        }
        let axes = Axes { z: axes.contains('Z'), m: axes.contains('M') };
        if only.is_some_and(|only| only != axes) {
            return self.broken("a part has other axes than its collection");
        }
        let body = match kind {
            Kind::Point => self.point(axes)?,
            Kind::LineString => Body::Line(self.coords(axes)?),
            Kind::Polygon => self.rings(axes)?,
            Kind::MultiPoint => Body::Many(kind, self.list(|reader| reader.one_of_many(axes))?),
            Kind::MultiLineString => {
                Body::Many(kind, self.list(|reader| Ok(Body::Line(reader.coords(axes)?)))?)
            }
            Kind::MultiPolygon => Body::Many(kind, self.list(|reader| reader.rings(axes))?),
            Kind::GeometryCollection => {
                let part = |reader: &mut Self| Ok(reader.geometry(Some(axes), depth + 1)?.1);
                Body::Many(kind, self.list(part)?)
            }
        };
        Ok((axes, body))
    }

    /// A point among many, which may be written without its brackets.
    fn one_of_many(&mut self, axes: Axes) -> Result<Body> {
        let is_bare = !self.rest().starts_with('(') && self.word().is_empty();
        if is_bare { Ok(Body::Point(Some(self.coord(axes)?))) } else { self.point(axes) }
    }
}

pub fn written(shape: &Shape) -> String {
    let mut out = String::new();
    geometry(&shape.body, shape.axes, &mut out);
    out
}

fn geometry(body: &Body, axes: Axes, out: &mut String) {
    out.push_str(&body.kind().name().to_uppercase());
    out.push_str(match (axes.z, axes.m) {
        (true, true) => " ZM ",
        (true, false) => " Z ",
        (false, true) => " M ",
        (false, false) => "",
    });
    if matches!(body, Body::Many(_, parts) if parts.is_empty()) || is_bare(body) {
        let gap = if axes == Axes::default() { " " } else { "" };
        out.push_str(gap);
    }
    inside(body, axes, out);
}

/// Whether nothing is in it but a word.
fn is_bare(body: &Body) -> bool {
    !matches!(body, Body::Many(..)) && body.is_empty()
}

fn inside(body: &Body, axes: Axes, out: &mut String) {
    match body {
        bare if is_bare(bare) => out.push_str("EMPTY"),
        Body::Point(at) => coords(at.as_slice(), axes, out),
        Body::Line(points) => coords(points, axes, out),
        Body::Polygon(rings) => bracketed(rings, out, |ring, out| coords(ring, axes, out)),
        Body::Many(_, parts) if parts.is_empty() => out.push_str("EMPTY"),
        Body::Many(Kind::GeometryCollection, parts) => {
            bracketed(parts, out, |part, out| geometry(part, axes, out));
        }
        Body::Many(_, parts) => bracketed(parts, out, |part, out| inside(part, axes, out)),
    }
}

fn coords(coords: &[Coord], axes: Axes, out: &mut String) {
    bracketed(coords, out, |coord, out| {
        for (index, value) in coord.values(axes).enumerate() {
            let gap = if index > 0 { " " } else { "" };
            let _ = write!(out, "{gap}{value}");
        }
    });
}

fn bracketed<T>(items: &[T], out: &mut String, mut item: impl FnMut(&T, &mut String)) {
    out.push('(');
    for (index, each) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(each, out);
    }
    out.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (text, same) in [
            ("POINT(1 2)", "POINT(1 2)"),
            (" point z ( 1.50 2e1 -3 ) ", "POINT Z (1.5 20 -3)"),
            ("PointZM(1 2 3 4)", "POINT ZM (1 2 3 4)"),
            ("POINT EMPTY", "POINT EMPTY"),
            ("POINT M EMPTY", "POINT M EMPTY"),
            ("LINESTRING(0 0,1 1)", "LINESTRING(0 0,1 1)"),
            ("POLYGON((0 0, 1 0, 1 1, 0 0))", "POLYGON((0 0,1 0,1 1,0 0))"),
            ("MULTIPOINT(EMPTY,1 2,(3 4))", "MULTIPOINT(EMPTY,(1 2),(3 4))"),
            ("MULTILINESTRING(EMPTY,(1 2,3 4))", "MULTILINESTRING(EMPTY,(1 2,3 4))"),
            ("MULTIPOLYGON EMPTY", "MULTIPOLYGON EMPTY"),
            (
                "GEOMETRYCOLLECTION Z (POINT Z (1 2 3),LINESTRING Z EMPTY)",
                "GEOMETRYCOLLECTION Z (POINT Z (1 2 3),LINESTRING Z EMPTY)",
            ),
        ] {
            let read = read(text, false, false).map(|(shape, _)| written(&shape));
            assert_eq!(read.as_deref().ok(), Some(same), "{text}: {read:?}");
        }
    }

    #[test]
    fn broken_ones() {
        for text in [
            "",
            "POINT",
            "POINT(1)",
            "POINT(1 2",
            "POINT(1 2) x",
            "POINT(1 NaN)",
            "POINT(1 inf)",
            "LINESTRING(1 2)",
            "POLYGON((0 0,1 0,1 1,0 1))",
            "GEOMETRYCOLLECTION(POINT Z (1 2 3))",
            "SRID=1;POINT(1 2)",
            "CIRCLE(1 2)",
            "ä",
        ] {
            assert!(read(text, false, false).is_err(), "{text}");
        }
        let deep = "GEOMETRYCOLLECTION(".repeat(100_000);
        assert!(read(&deep, false, false).is_err());
        assert!(read("POINT(181 0)", true, false).is_err());
        assert_eq!(read("SRID=4326;POINT(1 2)", true, true).ok().and_then(|of| of.1), Some(4326));
    }
}
