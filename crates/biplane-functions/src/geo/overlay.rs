//! Geometries as sets of points: union, intersection and difference, and unions of a group.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use geo::line_measures::{Distance, Euclidean};
use geo::{BooleanOps, Intersects, Line, MultiLineString, MultiPolygon, Point, unary_union};

use super::edits::envelope;
use super::lines::{self, chained, segments};
use super::shape::{Body, Coord, Shape};
use super::{
    Builder, Geo, Space, geometries, geometry, made, pair, parts, planar, same_srid, value,
};
use crate::frame::{Call, Def, Run};
use crate::gather::Aggregate;

const fn def(name: &'static str, run: Run) -> Def {
    Def {
        name,
        least: 2,
        most: 2,
        takes: geometries,
        gives: |_| Ok(Space::Geometry.data_type()),
        run,
    }
}

pub const FUNCTIONS: &[Def] = &[
    def("st_difference", |call| combined(call, Sets::without)),
    def("st_intersection", |call| combined(call, Sets::common)),
    def("st_union", |call| combined(call, Sets::with)),
];

pub static AGGREGATES: &[Aggregate] = &[
    Aggregate {
        name: "st_union_agg",
        least: 1,
        most: 1,
        takes: geometry,
        gives: |_| Ok(Space::Geometry.data_type()),
        known: 0,
        finish: |args, gives, _| {
            let Some((srid, shapes)) = gathered(&args[0])? else {
                return ScalarValue::try_from(gives);
            };
            let bodies: Vec<&Body> = shapes.iter().map(|shape| &shape.body).collect();
            one(srid, Sets::of(&bodies)?.body(), gives)
        },
    },
    Aggregate {
        name: "st_envelope_agg",
        least: 1,
        most: 1,
        takes: geometry,
        gives: |_| Ok(Space::Geometry.data_type()),
        known: 0,
        finish: |args, gives, _| {
            let Some((srid, shapes)) = gathered(&args[0])? else {
                return ScalarValue::try_from(gives);
            };
            let all = Body::gathered(shapes.into_iter().map(|shape| shape.body).collect());
            one(srid, envelope(&all), gives)
        },
    },
];

/// All of a group that are not NULL, which are of one system.
fn gathered(values: &ArrayRef) -> Result<Option<(i32, Vec<Shape>)>> {
    let mut found: Option<(i32, Vec<Shape>)> = None;
    let fields = values.as_struct();
    for row in
        (0..values.len()).filter(|row| values.is_valid(*row) && fields.column(1).is_valid(*row))
    {
        let Geo { srid, shape } = value(values, row)?;
        let (known, shapes) = found.get_or_insert((srid, Vec::new()));
        same_srid(*known, srid)?;
        shapes.push(shape);
    }
    Ok(found)
}

fn one(srid: i32, body: Body, gives: &DataType) -> Result<ScalarValue> {
    let mut builder = Builder::default();
    builder.push(Some(&Geo { srid, shape: Shape::flat(body) }));
    ScalarValue::try_from_array(&builder.finish(gives)?, 0)
}

fn combined(call: &Call<'_>, combine: fn(Sets, Sets) -> Result<Sets>) -> Result<ArrayRef> {
    made(call, |row| {
        let (left, right) = pair(call, row)?;
        let srid = left.srid;
        let sets = combine(Sets::of(&[&left.shape.body])?, Sets::of(&[&right.shape.body])?)?;
        Ok(Some(Geo { srid, shape: Shape::flat(sets.body()) }))
    })
}

/// Points that are on no line or area, lines that are in no area, and areas without borders between them.
struct Sets {
    points: Vec<Coord>,
    lines: Vec<Vec<Coord>>,
    areas: MultiPolygon,
}

impl Sets {
    fn of(bodies: &[&Body]) -> Result<Self> {
        let mut all = Vec::new();
        bodies.iter().for_each(|body| body.simple(&mut all));
        let polygons = planar::polygons(&all);
        let areas = if polygons.0.len() > 1 { unary_union(&polygons.0) } else { polygons };
        let (mut points, mut lines) = (Vec::new(), Vec::new());
        for part in all {
            match part {
                Body::Point(at) => points.extend(at.map(|at| Coord::of(at.x, at.y))),
                // A line is what it has that those before it have not.
                Body::Line(line) => {
                    let line = std::slice::from_ref(line);
                    lines.extend(lines::without(line, &segments(&lines))?);
                }
                _ => {}
            }
        }
        Self { points, lines, areas }.settled()
    }

    fn settled(mut self) -> Result<Self> {
        self.lines = clipped(&self.lines, &self.areas, true);
        let points = std::mem::take(&mut self.points);
        let sight = self.sight();
        let mut points: Vec<Coord> = points.into_iter().filter(|at| !sight.sees(*at)).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
        points.dedup();
        self.points = points;
        Ok(self)
    }

    fn with(self, other: Self) -> Result<Self> {
        let areas = self.areas.union(&other.areas);
        let more = lines::without(&other.lines, &segments(&self.lines))?;
        let lines = [self.lines, more].concat();
        Self { points: [self.points, other.points].concat(), lines, areas }.settled()
    }

    fn without(self, other: Self) -> Result<Self> {
        let areas = self.areas.difference(&other.areas);
        let lines = clipped(&self.lines, &other.areas, true);
        let lines = lines::without(&lines, &segments(&other.lines))?;
        let sight = other.sight();
        let points = self.points.into_iter().filter(|at| !sight.sees(*at)).collect();
        Self { points, lines, areas }.settled()
    }

    fn common(self, other: Self) -> Result<Self> {
        let areas = self.areas.intersection(&other.areas);
        let mut lines = clipped(&self.lines, &other.areas, false);
        lines.extend(clipped(&other.lines, &self.areas, false));
        // What meets at lines and borders of areas only.
        let met = lines::common(&self.segments(), &other.segments())?;
        let so_far = Self { points: Vec::new(), lines, areas };
        let sight = so_far.sight();
        let edges = met.segments.into_iter().filter(|edge| {
            let middle = Point::from((edge.start + edge.end) / 2.0);
            !sight.sees(Coord::of(middle.x(), middle.y()))
        });
        let edges = chained(edges);
        let (mine, others) = (self.sight(), other.sight());
        let mut points = met.points;
        points.extend(self.points.iter().filter(|at| others.sees(**at)));
        points.extend(other.points.iter().filter(|at| mine.sees(**at)));
        points.extend(self.points.iter().filter(|at| other.points.contains(at)));
        let Self { mut lines, areas, .. } = so_far;
        let more = lines::without(&edges, &segments(&lines))?;
        lines.extend(more);
        Self { points, lines, areas }.settled()
    }

    /// Of lines and of the borders of areas.
    fn segments(&self) -> Vec<Line> {
        let rings = self
            .areas
            .iter()
            .flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
        segments(&self.lines).into_iter().chain(rings.flat_map(|ring| ring.lines())).collect()
    }

    fn sight(&self) -> Sight<'_> {
        let all = self.lines.iter().flatten().flat_map(|at| [at.x, at.y]);
        let bounds = parts::bounds(&self.body_of_areas());
        let corners = bounds.into_iter().flat_map(|(a, b)| [a.x, a.y, b.x, b.y]);
        let extent = all.chain(corners).fold(1.0, |most: f64, value| most.max(value.abs()));
        Sight { segments: segments(&self.lines), areas: &self.areas, near: extent * 1e-10 }
    }

    fn body_of_areas(&self) -> Body {
        Body::gathered(self.areas.iter().map(planar::of_polygon).collect())
    }

    fn body(self) -> Body {
        let areas = self.body_of_areas();
        let points = self.points.into_iter().map(|at| Body::Point(Some(at))).collect();
        let lines = self.lines.into_iter().map(Body::Line).collect();
        let kinds = [Body::gathered(points), Body::gathered(lines), areas];
        Body::gathered(kinds.into_iter().filter(|kind| !kind.is_empty()).collect())
    }
}

/// Tells whether a point is on a line or in an area, by as much as the numbers of an overlay are exact.
struct Sight<'a> {
    segments: Vec<Line>,
    areas: &'a MultiPolygon,
    near: f64,
}

impl Sight<'_> {
    fn sees(&self, at: Coord) -> bool {
        let point = Point::new(at.x, at.y);
        self.areas.intersects(&point)
            || (!self.areas.0.is_empty() && Euclidean.distance(&point, self.areas) <= self.near)
            || self.segments.iter().any(|line| Euclidean.distance(&point, line) <= self.near)
    }
}

/// What of lines is inside of areas, or `outside`.
fn clipped(lines: &[Vec<Coord>], areas: &MultiPolygon, outside: bool) -> Vec<Vec<Coord>> {
    if areas.0.is_empty() {
        return if outside { lines.to_vec() } else { Vec::new() };
    }
    let lines: MultiLineString = lines.iter().map(|line| planar::line(line)).collect();
    areas.clip(&lines, outside).iter().map(planar::of_line).collect()
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        let square = "st_geomfromtext('POLYGON((0 0,4 0,4 4,0 4,0 0))')";
        let other = "st_geomfromtext('POLYGON((2 2,6 2,6 6,2 6,2 2))')";
        let beside = "st_geomfromtext('POLYGON((4 0,8 0,8 4,4 4,4 0))')";
        let line = "st_geomfromtext('LINESTRING(-2 2,6 2)')";
        let points = "st_geomfromtext('MULTIPOINT(1 1,9 9)')";
        let cases = [
            (format!("st_area(st_union({square}, {other}))"), "28.0"),
            (
                format!("st_astext(st_intersection({square}, {other}))"),
                "POLYGON((2 2,4 2,4 4,2 4,2 2))",
            ),
            (
                format!("st_astext(st_difference({square}, {other}))"),
                "POLYGON((0 0,4 0,4 2,2 2,2 4,0 4,0 0))",
            ),
            // Neighbours have an edge in common.
            (format!("st_astext(st_intersection({square}, {beside}))"), "LINESTRING(4 4,4 0)"),
            (
                format!("st_astext(st_union({square}, {beside}))"),
                "POLYGON((0 0,8 0,8 4,0 4,0 0))",
            ),
            (format!("st_astext(st_intersection({line}, {square}))"), "LINESTRING(0 2,4 2)"),
            (
                format!("st_astext(st_difference({line}, {square}))"),
                "MULTILINESTRING((-2 2,0 2),(4 2,6 2))",
            ),
            (format!("st_astext(st_intersection({points}, {square}))"), "POINT(1 1)"),
            (format!("st_astext(st_difference({points}, {square}))"), "POINT(9 9)"),
            (
                format!("st_astext(st_union({points}, {square}))"),
                "GEOMETRYCOLLECTION(POINT(9 9),POLYGON((0 0,4 0,4 4,0 4,0 0)))",
            ),
            (
                "st_astext(st_intersection(st_geomfromtext('LINESTRING(0 0,4 4)'), st_geomfromtext('LINESTRING(0 4,4 0)')))"
                    .to_owned(),
                "POINT(2 2)",
            ),
            (
                format!("st_astext(st_intersection({square}, st_point(9, 9)))"),
                "GEOMETRYCOLLECTION EMPTY",
            ),
            (
                "st_asewkt(st_union_agg(st_geomfromtext(w, 4326))) FROM (VALUES ('MULTIPOINT(EMPTY,4 3,5 6,-1 8)'), ('POLYGON((0 0,10 0,0 10,0 0))'), (NULL)) AS t(w)"
                    .to_owned(),
                "SRID=4326;GEOMETRYCOLLECTION(MULTIPOINT((-1 8),(5 6)),POLYGON((0 0,10 0,0 10,0 0)))",
            ),
            (
                "st_astext(st_union_agg(st_geomfromtext(w))) FROM (VALUES ('POINT(-5 -5)'), ('MULTIPOINT(1 2,8 8,5 9,-7 -7,EMPTY)'), ('MULTILINESTRING(EMPTY,(5 5,9 9),(9 9,15 15))'), ('POLYGON((0 0,10 0,10 10,0 10,0 0))')) AS t(w)"
                    .to_owned(),
                "GEOMETRYCOLLECTION(MULTIPOINT((-7 -7),(-5 -5)),LINESTRING(10 10,15 15),POLYGON((0 0,10 0,10 10,0 10,0 0)))",
            ),
            (
                "st_astext(st_union_agg(st_geomfromtext(w))) FROM (VALUES ('POINT(1 1)')) AS t(w) WHERE w = 'x'"
                    .to_owned(),
                "",
            ),
            (
                "st_astext(st_envelope_agg(st_geomfromtext(w))) FROM (VALUES ('POINT(1 1)'), ('POINT(3 2)')) AS t(w)"
                    .to_owned(),
                "POLYGON((1 1,1 2,3 2,3 1,1 1))",
            ),
        ];
        let cases: Vec<(&str, &str)> =
            cases.iter().map(|(call, answer)| (call.as_str(), *answer)).collect();
        crate::frame::testing::answers(&cases).await
    }
}
