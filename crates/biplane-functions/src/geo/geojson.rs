//! Geometries as GeoJSON (RFC 7946).

use datafusion::common::Result;
use std::fmt::Write as _;

use super::shape::{Axes, Body, Coord, DEPTH_MAX, Kind, Shape};
use crate::json_value::Json;
use crate::raised::fail;

fn broken<T>(why: &str) -> Result<T> {
    fail("GEOJSON_PARSE_ERROR", "22023", format!("Error parsing GeoJSON: {why}."))
}

pub fn read(text: &str, is_earth: bool) -> Result<Shape> {
    let Some(json) = Json::whole(text) else { return broken("it is not JSON") };
    let mut reader = Reader { axes: None };
    let body = reader.geometry(&json, 0)?;
    match body.flaw(is_earth) {
        Some(flaw) => broken(flaw),
        None => Ok(Shape { axes: reader.axes.unwrap_or_default(), body }),
    }
}

struct Reader {
    axes: Option<Axes>,
}

impl Reader {
    fn geometry(&mut self, json: &Json, depth: usize) -> Result<Body> {
        if depth > DEPTH_MAX {
            return broken("collections are nested too deeply");
        }
        let Json::Object(fields) = json else { return broken("an object is expected") };
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let Some(Json::Text(name)) = field("type") else { return broken("a type is expected") };
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else {
            let name: String = name.chars().take(40).collect();
            return broken(&format!("invalid or unsupported type '{name}'"));
        };
        let inner = if kind == Kind::GeometryCollection { "geometries" } else { "coordinates" };
        let Some(Json::List(items)) = field(inner) else {
            return broken(&format!("{inner} are expected"));
        };
        if kind == Kind::GeometryCollection {
            let parts = items.iter().map(|item| self.geometry(item, depth + 1));
            return Ok(Body::Many(kind, parts.collect::<Result<_>>()?));
        }
        self.body(kind, items)
    }

    fn body(&mut self, kind: Kind, items: &[Json]) -> Result<Body> {
        Ok(match kind {
            Kind::Point if items.is_empty() => Body::Point(None),
            Kind::Point => Body::Point(Some(self.coord(items)?)),
            Kind::LineString => Body::Line(self.coords(items)?),
            Kind::Polygon => {
                let rings = items.iter().map(|ring| self.coords(list(ring)?));
                Body::Polygon(rings.collect::<Result<_>>()?)
            }
            many => {
                let part = many.part().unwrap_or(Kind::Point);
                let parts = items.iter().map(|item| self.body(part, list(item)?));
                Body::Many(many, parts.collect::<Result<_>>()?)
            }
        })
    }

    fn coords(&mut self, items: &[Json]) -> Result<Vec<Coord>> {
        items.iter().map(|item| self.coord(list(item)?)).collect()
    }

    fn coord(&mut self, items: &[Json]) -> Result<Coord> {
        let axes = match items.len() {
            2 => Axes::default(),
            3 => Axes { z: true, m: false },
            _ => return broken("a position has two or three coordinates"),
        };
        if *self.axes.get_or_insert(axes) != axes {
            return broken("all positions must have as many coordinates");
        }
        let mut values = [0.0; 3];
        for (value, item) in values.iter_mut().zip(items) {
            match item {
                Json::Number(digits) => *value = digits.parse().unwrap_or(f64::NAN),
                _ => return broken("a number is expected"),
            }
        }
        Ok(Coord::take(&values[..items.len()], axes))
    }
}

fn list(json: &Json) -> Result<&[Json]> {
    match json {
        Json::List(items) => Ok(items),
        _ => broken("a list is expected"),
    }
}

pub fn written(shape: &Shape) -> String {
    let mut out = String::new();
    // A measure has no place in GeoJSON.
    geometry(&shape.body, Axes { m: false, ..shape.axes }, &mut out);
    out
}

fn geometry(body: &Body, axes: Axes, out: &mut String) {
    let _ = write!(out, r#"{{"type":"{}","#, body.kind().name());
    match body {
        Body::Many(Kind::GeometryCollection, parts) => {
            out.push_str(r#""geometries":"#);
            listed(parts, out, |part, out| geometry(part, axes, out));
        }
        _ => {
            out.push_str(r#""coordinates":"#);
            inside(body, axes, out);
        }
    }
    out.push('}');
}

fn inside(body: &Body, axes: Axes, out: &mut String) {
    match body {
        Body::Point(None) => out.push_str("[]"),
        Body::Point(Some(at)) => coord(*at, axes, out),
        Body::Line(points) => listed(points, out, |point, out| coord(*point, axes, out)),
        Body::Polygon(rings) => listed(rings, out, |ring, out| {
            listed(ring, out, |point, out| coord(*point, axes, out));
        }),
        Body::Many(_, parts) => listed(parts, out, |part, out| inside(part, axes, out)),
    }
}

fn coord(at: Coord, axes: Axes, out: &mut String) {
    let values: Vec<f64> = at.values(axes).collect();
    listed(&values, out, |value, out| {
        let _ = write!(out, "{value}");
    });
}

fn listed<T>(items: &[T], out: &mut String, mut item: impl FnMut(&T, &mut String)) {
    out.push('[');
    for (index, each) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(each, out);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in [
            r#"{"type":"Point","coordinates":[1,2.5]}"#,
            r#"{"type":"Point","coordinates":[]}"#,
            r#"{"type":"MultiPoint","coordinates":[[1,2,3]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#,
            r#"{"type":"GeometryCollection","geometries":[{"type":"LineString","coordinates":[]}]}"#,
        ] {
            assert_eq!(read(text, true).map(|shape| written(&shape)).ok().as_deref(), Some(text));
        }
        for text in [
            "",
            "{}",
            r#"{"type":"Circle","coordinates":[1,2]}"#,
            r#"{"type":"Point","coordinates":["1",2]}"#,
            r#"{"type":"Point","coordinates":[200,2]}"#,
            r#"{"type":"MultiPoint","coordinates":[[1,2,3],[1,2]]}"#,
        ] {
            assert!(read(text, true).is_err(), "{text}");
        }
    }
}
