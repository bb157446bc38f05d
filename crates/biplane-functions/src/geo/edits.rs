//! Geometries made of others: moved, turned, hulls, and lines and polygons of points.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use geo::{Buffer, ConvexHull, MultiPoint, Point, Simplify};
use std::f64::consts::PI;

use super::parts::{bounds, no_index, nth};
use super::shape::{Axes, Body, Coord, Kind, Shape};
use super::{
    EARTH, Geo, MERCATOR, Space, any, at, geometry, invalid, made, only_geometry, planar,
    same_srid, space, value,
};
use crate::frame::{Call, Def, Run, Takes};
use crate::raised::mismatch;

/// Of the sphere of web maps, in metres.
const MERCATOR_RADIUS: f64 = 6_378_137.0;

const fn def(name: &'static str, least: usize, most: usize, takes: Takes, run: Run) -> Def {
    Def { name, least, most, takes, gives: |types| Ok(types[0].clone()), run }
}

/// A GEOMETRY and numbers.
const AND_DOUBLES: Takes = |types| {
    let numbers = types[1..].iter().map(|_| DataType::Float64);
    Ok(std::iter::once(only_geometry(&types[0])?).chain(numbers).collect())
};

pub const FUNCTIONS: &[Def] = &[
    def("st_translate", 3, 4, AND_DOUBLES, |call| {
        moved(call, |at, by| Coord { x: at.x + by[0], y: at.y + by[1], z: at.z + by[2], ..at }, 0.0)
    }),
    def("st_scale", 3, 4, AND_DOUBLES, |call| {
        moved(call, |at, by| Coord { x: at.x * by[0], y: at.y * by[1], z: at.z * by[2], ..at }, 1.0)
    }),
    def("st_rotate", 2, 2, AND_DOUBLES, |call| {
        let turn = |at: Coord, by: [f64; 3]| {
            let (sin, cos) = by[0].sin_cos();
            Coord { x: at.x * cos - at.y * sin, y: at.x * sin + at.y * cos, ..at }
        };
        moved(call, turn, 0.0)
    }),
    def("st_flipcoordinates", 1, 1, geometry, |call| {
        moved(call, |at, _| Coord { x: at.y, y: at.x, ..at }, 0.0)
    }),
    def("st_force2d", 1, 1, any, |call| changed(call, |shape| Shape::flat(shape.body))),
    def("st_reverse", 1, 1, any, |call| {
        changed(call, |mut shape| {
            reverse(&mut shape.body);
            shape
        })
    }),
    def("st_multi", 1, 1, any, |call| {
        changed(call, |Shape { axes, body }| Shape { axes, body: many(body) })
    }),
    def("st_envelope", 1, 1, geometry, |call| {
        changed(call, |shape| match shape.body.is_empty() {
            true => shape,
            false => Shape::flat(envelope(&shape.body)),
        })
    }),
    def("st_boundary", 1, 1, geometry, |call| {
        changed(call, |Shape { axes, body }| Shape { axes, body: boundary(&body) })
    }),
    def("st_convexhull", 1, 1, geometry, |call| {
        changed(call, |shape| Shape::flat(hull(&shape.body)))
    }),
    def("st_simplify", 2, 2, AND_DOUBLES, |call| {
        made(call, |row| {
            let Geo { srid, shape } = at(call, 0, row)?;
            let tolerance = call.double(1, row).max(0.0);
            Ok(Some(Geo { srid, shape: Shape::flat(simple(&shape.body, tolerance)) }))
        })
    }),
    def("st_buffer", 2, 2, AND_DOUBLES, |call| {
        made(call, |row| {
            let Geo { srid, shape } = at(call, 0, row)?;
            let radius = call.double(1, row);
            if !radius.is_finite() {
                return invalid("ST_INVALID_ARGUMENT", "\"st_buffer\": the radius must be finite.");
            }
            let wide = planar::of(&shape.body).buffer(radius);
            let polygons = wide.iter().map(planar::of_polygon).collect();
            Ok(Some(Geo { srid, shape: Shape::flat(Body::gathered(polygons)) }))
        })
    }),
    Def {
        name: "st_transform",
        least: 2,
        most: 2,
        takes: |types| Ok(vec![only_geometry(&types[0])?, DataType::Int32]),
        gives: |types| Ok(types[0].clone()),
        run: |call| made(call, |row| transformed(at(call, 0, row)?, call.int(1, row)).map(Some)),
    },
    Def {
        name: "st_makeline",
        least: 1,
        most: 1,
        takes: |types| Ok(vec![list(&types[0])?]),
        gives: |types| item(&types[0]),
        run: make_line,
    },
    Def {
        name: "st_makepolygon",
        least: 1,
        most: 2,
        takes: |types| {
            let holes = types.get(1).map(list).transpose()?;
            Ok(std::iter::once(only_geometry(&types[0])?).chain(holes).collect())
        },
        gives: |types| Ok(types[0].clone()),
        run: make_polygon,
    },
    Def {
        name: "st_addpoint",
        least: 2,
        most: 3,
        takes: |types| {
            let mut wanted = any(&types[..2])?;
            wanted.extend(types.get(2).map(|_| DataType::Int32));
            Ok(wanted)
        },
        gives: |types| Ok(types[0].clone()),
        run: |call| {
            edited(call, 1, |points, at, row| {
                let index = if call.args.len() > 2 { call.int(2, row) } else { -1 };
                let Some(place) = nth(index, points.len() + 1, true) else {
                    return no_index("st_addpoint", index);
                };
                points.insert(place, at);
                Ok(())
            })
        },
    },
    Def {
        name: "st_setpoint",
        least: 3,
        most: 3,
        takes: |types| {
            let mut wanted = any(&[types[0].clone(), types[2].clone()])?;
            wanted.insert(1, DataType::Int32);
            Ok(wanted)
        },
        gives: |types| Ok(types[0].clone()),
        run: |call| {
            edited(call, 2, |points, at, row| {
                let index = call.int(1, row);
                let Some(place) = nth(index, points.len(), true) else {
                    return no_index("st_setpoint", index);
                };
                points[place] = at;
                Ok(())
            })
        },
    },
    Def {
        name: "st_removepoint",
        least: 2,
        most: 2,
        takes: |types| Ok(vec![space(&types[0])?.data_type(), DataType::Int32]),
        gives: |types| Ok(types[0].clone()),
        run: |call| {
            made(call, |row| {
                let Geo { srid, shape: Shape { axes, body } } = at(call, 0, row)?;
                let mut points = line_of(body)?;
                let Some(place) = nth(call.int(1, row), points.len(), true) else {
                    return no_index("st_removepoint", call.int(1, row));
                };
                points.remove(place);
                checked(srid, axes, Body::Line(points), "st_removepoint")
            })
        },
    },
];

/// `unit`: of an axis for which nothing is given.
fn moved(call: &Call<'_>, step: fn(Coord, [f64; 3]) -> Coord, unit: f64) -> Result<ArrayRef> {
    made(call, |row| {
        let mut geo = at(call, 0, row)?;
        let mut by = [unit; 3];
        for (index, value) in by.iter_mut().enumerate().take(call.args.len() - 1) {
            *value = call.double(index + 1, row);
        }
        geo.shape.body.change(&mut |at| *at = step(*at, by));
        finite(geo)
    })
}

fn finite(geo: Geo) -> Result<Option<Geo>> {
    match geo.shape.body.flaw(false) {
        Some(flaw) => invalid("ST_INVALID_ARGUMENT", format!("Of the result, {flaw}.")),
        None => Ok(Some(geo)),
    }
}

fn changed(call: &Call<'_>, change: fn(Shape) -> Shape) -> Result<ArrayRef> {
    made(call, |row| {
        let Geo { srid, shape } = at(call, 0, row)?;
        Ok(Some(Geo { srid, shape: change(shape) }))
    })
}

fn reverse(body: &mut Body) {
    match body {
        Body::Point(_) => {}
        Body::Line(points) => points.reverse(),
        Body::Polygon(rings) => rings.iter_mut().for_each(|ring| ring.reverse()),
        Body::Many(_, parts) => parts.iter_mut().for_each(reverse),
    }
}

fn many(body: Body) -> Body {
    match body {
        many @ Body::Many(..) => many,
        one => {
            let kind = one.kind().of_many();
            Body::Many(kind, if one.is_empty() { Vec::new() } else { vec![one] })
        }
    }
}

/// The box around it: a point or a line where it has no width or no height.
pub(super) fn envelope(body: &Body) -> Body {
    let Some((a, b)) = bounds(body) else { return Body::empty() };
    match (a.x < b.x, a.y < b.y) {
        (false, false) => Body::Point(Some(a)),
        (true, true) => {
            let (left, right) = (Coord::of(a.x, b.y), Coord::of(b.x, a.y));
            Body::Polygon(vec![vec![a, left, b, right, a]])
        }
        _ => Body::Line(vec![a, b]),
    }
}

/// The rings of polygons, or the ends that an odd number of lines has.
fn boundary(body: &Body) -> Body {
    let parts = body.parts();
    let rings = parts.iter().filter_map(|part| match part {
        Body::Polygon(rings) => Some(rings.iter().cloned().map(Body::Line)),
        _ => None,
    });
    let rings: Vec<Body> = rings.flatten().collect();
    let mut ends: Vec<Coord> = Vec::new();
    for part in parts {
        let Body::Line(points) = part else { continue };
        for end in points.first().into_iter().chain(points.last()) {
            match ends.iter().position(|known| (known.x, known.y) == (end.x, end.y)) {
                Some(known) => {
                    ends.remove(known);
                }
                None => ends.push(*end),
            }
        }
    }
    let ends = ends.into_iter().map(|end| Body::Point(Some(end)));
    Body::gathered(ends.chain(rings).collect())
}

fn hull(body: &Body) -> Body {
    let mut corners: Vec<Coord> =
        body.coords().into_iter().map(|at| Coord::of(at.x, at.y)).collect();
    corners.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    corners.dedup();
    let (Some(first), Some(last)) = (corners.first().copied(), corners.last().copied()) else {
        return Body::empty();
    };
    let is_flat = corners
        .iter()
        .all(|at| (last.x - first.x) * (at.y - first.y) == (last.y - first.y) * (at.x - first.x));
    match (corners.len(), is_flat) {
        (1, _) => Body::Point(Some(first)),
        (_, true) => Body::Line(vec![first, last]),
        _ => {
            let points: MultiPoint = corners.iter().map(|at| Point::new(at.x, at.y)).collect();
            planar::of_polygon(&points.convex_hull())
        }
    }
}

fn simple(body: &Body, tolerance: f64) -> Body {
    match body {
        Body::Point(_) => body.clone(),
        Body::Line(points) if points.len() < 3 => body.clone(),
        Body::Line(points) => {
            Body::Line(planar::of_line(&planar::line(points).simplify(tolerance)))
        }
        Body::Polygon(rings) => {
            let polygon = planar::polygon(rings).simplify(tolerance);
            let is_there = polygon.exterior().0.len() > 3;
            if is_there { planar::of_polygon(&polygon) } else { Body::Polygon(Vec::new()) }
        }
        Body::Many(kind, parts) => {
            let parts = parts.iter().map(|part| simple(part, tolerance));
            let kept = parts.filter(|part| *kind == Kind::GeometryCollection || !part.is_empty());
            Body::Many(*kind, kept.collect())
        }
    }
}

/// Between degrees and web maps; from one of them to itself.
fn transformed(mut geo: Geo, srid: i32) -> Result<Geo> {
    Space::Geometry.check(srid)?;
    let half = MERCATOR_RADIUS * PI;
    let step: fn(Coord, f64) -> Coord = match (geo.srid, srid) {
        (from, to) if from == to => return Ok(geo),
        (EARTH, MERCATOR) => |at, half| {
            let y = (PI / 4.0 + at.y.to_radians() / 2.0).tan().ln() * MERCATOR_RADIUS;
            Coord { x: at.x / 180.0 * half, y, ..at }
        },
        (MERCATOR, EARTH) => |at, half| {
            let y = 2.0 * (at.y / MERCATOR_RADIUS).exp().atan() - PI / 2.0;
            Coord { x: at.x / half * 180.0, y: y.to_degrees(), ..at }
        },
        (from, to) => {
            let text = format!("There is no way from the SRID {from} to the SRID {to}.");
            return invalid("ST_INVALID_SRID_VALUE", text);
        }
    };
    geo.srid = srid;
    geo.shape.body.change(&mut |at| *at = step(*at, half));
    finite(geo)?.map_or_else(|| mismatch("A geometry is answered."), Ok)
}

fn list(given: &DataType) -> Result<DataType> {
    Ok(DataType::new_list(space(&item(given)?)?.data_type(), true))
}

fn item(given: &DataType) -> Result<DataType> {
    match given {
        DataType::List(item) => Ok(item.data_type().clone()),
        other => mismatch(format!("An array of geometries is needed, not {other}.")),
    }
}

/// The geometries of an array that are not NULL, of one system.
fn items(array: &ArrayRef, row: usize) -> Result<Vec<Geo>> {
    let list = array.as_list::<i32>().value(row);
    let valid = (0..list.len()).filter(|at| list.is_valid(*at));
    let all = valid.map(|at| value(&list, at)).collect::<Result<Vec<Geo>>>()?;
    for pair in all.windows(2) {
        same_srid(pair[0].srid, pair[1].srid)?;
    }
    Ok(all)
}

fn line_of(body: Body) -> Result<Vec<Coord>> {
    match body {
        Body::Line(points) => Ok(points),
        other => {
            let text = format!("A linestring is needed, not a {}.", other.kind().name());
            invalid("ST_INVALID_ARGUMENT.INVALID_TYPE", text)
        }
    }
}

fn checked(srid: i32, axes: Axes, body: Body, function: &str) -> Result<Option<Geo>> {
    match body.flaw(false) {
        Some(flaw) => invalid("ST_INVALID_ARGUMENT", format!("\"{function}\": {flaw}.")),
        None => Ok(Some(Geo { srid, shape: Shape { axes, body } })),
    }
}

fn make_line(call: &Call<'_>) -> Result<ArrayRef> {
    made(call, |row| {
        let mut points: Vec<Coord> = Vec::new();
        let parts = items(&call.args[0], row)?;
        let srid = parts.first().map_or(0, |part| part.srid);
        let z = !parts.is_empty() && parts.iter().all(|part| part.shape.axes.z);
        let m = !parts.is_empty() && parts.iter().all(|part| part.shape.axes.m);
        for part in parts {
            match part.shape.body {
                Body::Point(at) => points.extend(at),
                Body::Many(Kind::MultiPoint, _) => points.extend(part.shape.body.coords()),
                other => {
                    let next = line_of(other)?;
                    // A line that begins where the last one ends does not name the point again.
                    let again = usize::from(!points.is_empty() && points.last() == next.first());
                    points.extend_from_slice(&next[again..]);
                }
            }
        }
        checked(srid, Axes { z, m }, Body::Line(points), "st_makeline")
    })
}

fn make_polygon(call: &Call<'_>) -> Result<ArrayRef> {
    made(call, |row| {
        let Geo { srid, shape } = at(call, 0, row)?;
        let mut rings = vec![line_of(shape.body)?];
        let holes = call.args.get(1).map(|array| items(array, row)).transpose()?;
        for hole in holes.unwrap_or_default() {
            same_srid(srid, hole.srid)?;
            rings.push(line_of(hole.shape.body)?);
        }
        if rings[0].is_empty() {
            if rings.len() > 1 {
                let text =
                    "The outer boundary cannot be empty if there is at least one inner boundary.";
                return invalid("ST_INVALID_ARGUMENT.EMPTY_OUTER_BOUNDARY", text);
            }
            rings.clear();
        }
        checked(srid, shape.axes, Body::Polygon(rings), "st_makepolygon")
    })
}

/// A line changed by a point.
fn edited(
    call: &Call<'_>,
    arg: usize,
    change: impl Fn(&mut Vec<Coord>, Coord, usize) -> Result<()>,
) -> Result<ArrayRef> {
    made(call, |row| {
        let (Geo { srid, shape }, point) = (at(call, 0, row)?, at(call, arg, row)?);
        same_srid(srid, point.srid)?;
        let mut points = line_of(shape.body)?;
        let Body::Point(found) = point.shape.body else {
            return invalid("ST_INVALID_ARGUMENT.INVALID_TYPE", "A point is needed.");
        };
        let Some(found) = found else {
            return invalid(
                "ST_INVALID_ARGUMENT.EMPTY_POINT",
                "The input point must not be empty.",
            );
        };
        change(&mut points, found, row)?;
        Ok(Some(Geo { srid, shape: Shape { axes: shape.axes, body: Body::Line(points) } }))
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        let line = "st_geomfromtext('LINESTRING(1 2,3 4)')";
        let cases = [
            (
                "st_astext(st_translate(st_geomfromtext('POINT Z (1 2 3)'), 10, 20, 30))"
                    .to_owned(),
                "POINT Z (11 22 33)",
            ),
            (
                "st_astext(st_scale(st_geomfromtext('POINT Z (1 2 3)'), 2, 3))".to_owned(),
                "POINT Z (2 6 3)",
            ),
            ("round(st_x(st_rotate(st_point(0, 1), pi() / 2)))".to_owned(), "-1.0"),
            (format!("st_astext(st_flipcoordinates({line}))"), "LINESTRING(2 1,4 3)"),
            (
                "st_astext(st_force2d(st_geomfromtext('POINT ZM (1 2 3 4)')))".to_owned(),
                "POINT(1 2)",
            ),
            (format!("st_astext(st_reverse({line}))"), "LINESTRING(3 4,1 2)"),
            (format!("st_astext(st_multi({line}))"), "MULTILINESTRING((1 2,3 4))"),
            (format!("st_astext(st_envelope({line}))"), "POLYGON((1 2,1 4,3 4,3 2,1 2))"),
            ("st_astext(st_envelope(st_point(1, 2)))".to_owned(), "POINT(1 2)"),
            (format!("st_astext(st_boundary({line}))"), "MULTIPOINT((1 2),(3 4))"),
            (
                "st_astext(st_convexhull(st_geomfromtext('MULTIPOINT(0 0,4 0,4 4,0 4,2 2)')))"
                    .to_owned(),
                "POLYGON((0 0,4 0,4 4,0 4,0 0))",
            ),
            (
                "st_astext(st_convexhull(st_geomfromtext('MULTIPOINT(0 0,2 2,4 4)')))".to_owned(),
                "LINESTRING(0 0,4 4)",
            ),
            (
                "st_astext(st_simplify(st_geomfromtext('LINESTRING(0 0,1 0.1,2 0)'), 0.5))"
                    .to_owned(),
                "LINESTRING(0 0,2 0)",
            ),
            ("round(st_area(st_buffer(st_point(0, 0), 1)), 1)".to_owned(), "3.1"),
            (
                "st_astext(st_transform(st_point(180, 0, 4326), 3857))".to_owned(),
                "POINT(20037508.342789244 -0.0000000007081154551613622)",
            ),
            (
                "round(st_y(st_transform(st_transform(st_point(10, 50, 4326), 3857), 4326)), 9)"
                    .to_owned(),
                "50.0",
            ),
            ("st_transform(st_point(1, 1), 4326)".to_owned(), "[ST_INVALID_SRID_VALUE]"),
            (
                format!("st_astext(st_makeline(make_array(st_point(0, 0), {line})))"),
                "LINESTRING(0 0,1 2,3 4)",
            ),
            ("st_makeline(make_array(st_point(0, 0)))".to_owned(), "[ST_INVALID_ARGUMENT]"),
            (
                "st_astext(st_makepolygon(st_geomfromtext('LINESTRING(0 0,1 0,1 1,0 0)')))"
                    .to_owned(),
                "POLYGON((0 0,1 0,1 1,0 0))",
            ),
            (format!("st_makepolygon({line})"), "[ST_INVALID_ARGUMENT]"),
            (format!("st_astext(st_addpoint({line}, st_point(5, 6)))"), "LINESTRING(1 2,3 4,5 6)"),
            (
                format!("st_astext(st_addpoint({line}, st_point(5, 6), 1))"),
                "LINESTRING(5 6,1 2,3 4)",
            ),
            (
                format!("st_addpoint({line}, st_point(5, 6), 4)"),
                "[ST_INVALID_ARGUMENT.INVALID_INDEX_VALUE]",
            ),
            (format!("st_astext(st_setpoint({line}, -1, st_point(5, 6)))"), "LINESTRING(1 2,5 6)"),
            (
                "st_astext(st_removepoint(st_geomfromtext('LINESTRING(1 2,3 4,5 6)'), 2))"
                    .to_owned(),
                "LINESTRING(1 2,5 6)",
            ),
            (format!("st_removepoint({line}, 1)"), "[ST_INVALID_ARGUMENT]"),
        ];
        let cases: Vec<(&str, &str)> =
            cases.iter().map(|(call, answer)| (call.as_str(), *answer)).collect();
        crate::frame::testing::answers(&cases).await
    }
}
