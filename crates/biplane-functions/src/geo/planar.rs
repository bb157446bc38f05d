//! Geometries as the `geo` crate has them, in the plane.

use geo::{
    Coord as At, Geometry, LineString, MultiPolygon, Orient, Point, Polygon, orient::Direction,
};

use super::shape::{Body, Coord};

pub fn line(points: &[Coord]) -> LineString {
    LineString::new(points.iter().map(|point| At { x: point.x, y: point.y }).collect())
}

/// However its corners are ordered: what measures and joins polygons goes by it.
pub fn polygon(rings: &[Vec<Coord>]) -> Polygon {
    let mut rings = rings.iter().map(|ring| line(ring));
    let outside = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
    Polygon::new(outside, rings.collect()).orient(Direction::Default)
}

/// An empty point or polygon is an empty collection.
pub fn of(body: &Body) -> Geometry {
    match body {
        empty if empty.is_empty() => Geometry::GeometryCollection(geo::GeometryCollection::empty()),
        Body::Point(at) => {
            let at = at.unwrap_or_default();
            Geometry::Point(Point::new(at.x, at.y))
        }
        Body::Line(points) => Geometry::LineString(line(points)),
        Body::Polygon(rings) => Geometry::Polygon(polygon(rings)),
        Body::Many(..) => {
            let parts = body.parts();
            let all = |wanted: fn(&Body) -> bool| parts.iter().all(|part| wanted(part));
            // Parts of one kind are looked at as one: neighbours among polygons share their borders.
            if all(|part| matches!(part, Body::Polygon(_))) {
                return Geometry::MultiPolygon(polygons(&parts));
            }
            if all(|part| matches!(part, Body::Line(_))) {
                let lines = parts.iter().filter_map(|part| match part {
                    Body::Line(points) => Some(line(points)),
                    _ => None,
                });
                return Geometry::MultiLineString(lines.collect());
            }
            Geometry::GeometryCollection(parts.into_iter().map(of).collect())
        }
    }
}

/// Those that are polygons.
pub fn polygons(parts: &[&Body]) -> MultiPolygon {
    let found = parts.iter().filter_map(|part| match part {
        Body::Polygon(rings) => Some(polygon(rings)),
        _ => None,
    });
    found.collect()
}

pub fn of_line(line: &LineString) -> Vec<Coord> {
    line.coords().map(|at| Coord::of(at.x, at.y)).collect()
}

/// The ring outside goes against the clock, holes with it; each begins at its least corner.
pub fn of_polygon(polygon: &Polygon) -> Body {
    let polygon = polygon.orient(Direction::Default);
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    let rings = rings.filter(|ring| !ring.0.is_empty());
    Body::Polygon(rings.map(|ring| from_least(of_line(ring))).collect())
}

fn from_least(mut ring: Vec<Coord>) -> Vec<Coord> {
    ring.pop();
    let least = (0..ring.len()).min_by(|a, b| {
        let (a, b) = (ring[*a], ring[*b]);
        a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y))
    });
    ring.rotate_left(least.unwrap_or(0));
    ring.extend(ring.first().copied());
    ring
}

pub fn of_geometry(geometry: &Geometry) -> Body {
    let many = |parts: Vec<Body>| Body::gathered(parts);
    match geometry {
        Geometry::Point(point) => Body::Point(Some(Coord::of(point.x(), point.y()))),
        Geometry::Line(line) => of_geometry(&Geometry::LineString((*line).into())),
        Geometry::LineString(line) => Body::Line(of_line(line)),
        Geometry::Polygon(polygon) => of_polygon(polygon),
        Geometry::MultiPoint(points) => {
            many(points.iter().map(|point| of_geometry(&Geometry::Point(*point))).collect())
        }
        Geometry::MultiLineString(lines) => {
            many(lines.iter().map(|line| Body::Line(of_line(line))).collect())
        }
        Geometry::MultiPolygon(polygons) => many(polygons.iter().map(of_polygon).collect()),
        Geometry::GeometryCollection(all) => many(all.iter().map(of_geometry).collect()),
        Geometry::Rect(rect) => of_polygon(&rect.to_polygon()),
        Geometry::Triangle(triangle) => of_polygon(&triangle.to_polygon()),
    }
}
