//! What a geometry is made of.

use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::common::Result;
use std::sync::Arc;

use super::shape::{Axes, Body, Coord, Kind, Shape};
use super::{Builder, Geo, any, at, geometry, invalid, made, planar, space};
use crate::frame::{Call, Def, Run, Takes};
use crate::raised::mismatch;

const AND_INT: Takes = |types| Ok(vec![space(&types[0])?.data_type(), DataType::Int32]);

const fn def(name: &'static str, takes: Takes, gives: crate::frame::Gives, run: Run) -> Def {
    Def { name, least: 1, most: 1, takes, gives, run }
}

const fn double(name: &'static str, run: Run) -> Def {
    def(name, any, |_| Ok(DataType::Float64), run)
}

const fn int(name: &'static str, run: Run) -> Def {
    def(name, any, |_| Ok(DataType::Int32), run)
}

/// A part of the value, which is of its type.
const fn part(name: &'static str, run: Run) -> Def {
    def(name, any, |types| Ok(types[0].clone()), run)
}

const fn part_at(name: &'static str, run: Run) -> Def {
    Def { name, least: 2, most: 2, takes: AND_INT, gives: |types| Ok(types[0].clone()), run }
}

pub const FUNCTIONS: &[Def] = &[
    double("st_x", |call| of_point(call, |_, at| Some(at.x))),
    double("st_y", |call| of_point(call, |_, at| Some(at.y))),
    double("st_z", |call| of_point(call, |axes, at| axes.z.then_some(at.z))),
    double("st_m", |call| of_point(call, |axes, at| axes.m.then_some(at.m))),
    double("st_xmin", |call| extreme(call, f64::min, |_, at| Some(at.x))),
    double("st_xmax", |call| extreme(call, f64::max, |_, at| Some(at.x))),
    double("st_ymin", |call| extreme(call, f64::min, |_, at| Some(at.y))),
    double("st_ymax", |call| extreme(call, f64::max, |_, at| Some(at.y))),
    double("st_zmin", |call| extreme(call, f64::min, |axes, at| axes.z.then_some(at.z))),
    double("st_zmax", |call| extreme(call, f64::max, |axes, at| axes.z.then_some(at.z))),
    double("st_mmin", |call| extreme(call, f64::min, |axes, at| axes.m.then_some(at.m))),
    double("st_mmax", |call| extreme(call, f64::max, |axes, at| axes.m.then_some(at.m))),
    def(
        "st_geometrytype",
        any,
        |_| Ok(DataType::Utf8),
        |call| {
            call.texts(|row| Ok(Some(format!("ST_{}", at(call, 0, row)?.shape.body.kind().name()))))
        },
    ),
    def(
        "st_isempty",
        any,
        |_| Ok(DataType::Boolean),
        |call| call.bools(|row| Ok(Some(at(call, 0, row)?.shape.body.is_empty()))),
    ),
    def(
        "st_isvalid",
        geometry,
        |_| Ok(DataType::Boolean),
        |call| {
            use geo::Validation as _;
            call.bools(|row| Ok(Some(planar::of(&at(call, 0, row)?.shape.body).is_valid())))
        },
    ),
    int("st_ndims", |call| count(call, |shape| Some(shape.axes.count()))),
    int("st_dimension", |call| count(call, |shape| Some(dimension(&shape.body)))),
    int("st_npoints", |call| count(call, |shape| Some(shape.body.coords().len()))),
    int("st_numpoints", |call| count(call, |shape| Some(shape.body.coords().len()))),
    int("st_numgeometries", |call| {
        count(call, |shape| match &shape.body {
            Body::Many(_, parts) => Some(parts.len()),
            one => Some(usize::from(!one.is_empty())),
        })
    }),
    int("st_numinteriorrings", |call| {
        count(call, |shape| match &shape.body {
            Body::Polygon(rings) => Some(rings.len().saturating_sub(1)),
            _ => None,
        })
    }),
    part("st_startpoint", |call| of_line(call, |points| points.first().copied())),
    part("st_endpoint", |call| of_line(call, |points| points.last().copied())),
    part("st_exteriorring", |call| {
        of_body(call, |body| match body {
            Body::Polygon(rings) => Some(Body::Line(rings.into_iter().next().unwrap_or_default())),
            _ => None,
        })
    }),
    part_at("st_pointn", |call| {
        made(call, |row| {
            let Geo { srid, shape } = at(call, 0, row)?;
            let Body::Line(points) = &shape.body else { return Ok(None) };
            let Some(index) = nth(call.int(1, row), points.len(), true) else {
                return no_index("st_pointn", call.int(1, row));
            };
            let body = Body::Point(Some(points[index]));
            Ok(Some(Geo { srid, shape: Shape { axes: shape.axes, body } }))
        })
    }),
    part_at("st_geometryn", |call| {
        made(call, |row| {
            let Geo { srid, shape: Shape { axes, body } } = at(call, 0, row)?;
            let mut parts = match body {
                Body::Many(_, parts) => parts,
                one => vec![one],
            };
            let Some(index) = nth(call.int(1, row), parts.len(), false) else {
                return no_index("st_geometryn", call.int(1, row));
            };
            let body = parts.swap_remove(index);
            Ok(Some(Geo { srid, shape: Shape { axes, body } }))
        })
    }),
    part_at("st_interiorringn", |call| {
        made(call, |row| {
            let Geo { srid, shape: Shape { axes, body } } = at(call, 0, row)?;
            let Body::Polygon(mut rings) = body else { return Ok(None) };
            let Some(index) = nth(call.int(1, row), rings.len().saturating_sub(1), false) else {
                return no_index("st_interiorringn", call.int(1, row));
            };
            let body = Body::Line(rings.swap_remove(index + 1));
            Ok(Some(Geo { srid, shape: Shape { axes, body } }))
        })
    }),
    def("st_dump", any, |types| Ok(DataType::new_list(types[0].clone(), true)), dump),
];

fn of_point(call: &Call<'_>, take: fn(Axes, Coord) -> Option<f64>) -> Result<ArrayRef> {
    call.primitives::<Float64Type>(|row| {
        let Shape { axes, body } = at(call, 0, row)?.shape;
        match body {
            Body::Point(at) => Ok(at.and_then(|at| take(axes, at))),
            other => {
                let text = format!("A point is needed, not a {}.", other.kind().name());
                invalid("ST_INVALID_ARGUMENT.INVALID_TYPE", text)
            }
        }
    })
}

fn extreme(
    call: &Call<'_>,
    pick: fn(f64, f64) -> f64,
    take: fn(Axes, Coord) -> Option<f64>,
) -> Result<ArrayRef> {
    call.primitives::<Float64Type>(|row| {
        let Shape { axes, body } = at(call, 0, row)?.shape;
        let mut found: Option<f64> = None;
        body.each(&mut |at| {
            if let Some(value) = take(axes, *at) {
                found = Some(found.map_or(value, |found| pick(found, value)));
            }
        });
        Ok(found)
    })
}

fn count(call: &Call<'_>, take: fn(&Shape) -> Option<usize>) -> Result<ArrayRef> {
    call.primitives::<Int32Type>(|row| {
        Ok(take(&at(call, 0, row)?.shape).map(|count| i32::try_from(count).unwrap_or(i32::MAX)))
    })
}

fn dimension(body: &Body) -> usize {
    match body {
        Body::Point(_) | Body::Many(Kind::MultiPoint, _) => 0,
        Body::Line(_) | Body::Many(Kind::MultiLineString, _) => 1,
        Body::Polygon(_) | Body::Many(Kind::MultiPolygon, _) => 2,
        Body::Many(_, parts) => parts.iter().map(dimension).max().unwrap_or(0),
    }
}

fn of_body(call: &Call<'_>, take: fn(Body) -> Option<Body>) -> Result<ArrayRef> {
    made(call, |row| {
        let Geo { srid, shape: Shape { axes, body } } = at(call, 0, row)?;
        Ok(take(body).map(|body| Geo { srid, shape: Shape { axes, body } }))
    })
}

/// A point of a line; NULL where there is no line.
fn of_line(call: &Call<'_>, take: fn(&[Coord]) -> Option<Coord>) -> Result<ArrayRef> {
    made(call, |row| {
        let Geo { srid, shape: Shape { axes, body } } = at(call, 0, row)?;
        let Body::Line(points) = body else { return Ok(None) };
        let body = take(&points).map(|at| Body::Point(Some(at)));
        Ok(body.map(|body| Geo { srid, shape: Shape { axes, body } }))
    })
}

/// An index counted from one; from the end where it is negative and `from_end`.
pub(super) fn nth(given: i32, length: usize, from_end: bool) -> Option<usize> {
    let length = i32::try_from(length).ok()?;
    let index =
        if given < 0 && from_end { length.checked_add(given)? } else { given.checked_sub(1)? };
    usize::try_from(index).ok().filter(|_| index < length)
}

pub(super) fn no_index<T>(function: &str, index: i32) -> Result<T> {
    let text = format!("\"{function}\": Invalid index {index} for the provided geospatial value.");
    invalid("ST_INVALID_ARGUMENT.INVALID_INDEX_VALUE", text)
}

/// The corners of its box.
pub(super) fn bounds(body: &Body) -> Option<(Coord, Coord)> {
    let mut found: Option<(Coord, Coord)> = None;
    body.each(&mut |at| {
        let (least, most) = found.get_or_insert((*at, *at));
        *least = Coord::of(least.x.min(at.x), least.y.min(at.y));
        *most = Coord::of(most.x.max(at.x), most.y.max(at.y));
    });
    found
}

/// The points, lines and polygons of it.
fn dump(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::List(item) = call.gives else { return mismatch("A list is answered.") };
    let (mut builder, mut lengths, mut known) = (Builder::default(), Vec::new(), Vec::new());
    for row in 0..call.rows {
        let is_known = !call.has_null(row);
        let mut length = 0;
        if is_known {
            let Geo { srid, shape } = at(call, 0, row)?;
            for part in shape.body.parts() {
                let shape = Shape { axes: shape.axes, body: part.clone() };
                builder.push(Some(&Geo { srid, shape }));
                length += 1;
            }
        }
        lengths.push(length);
        known.push(is_known);
    }
    let values = builder.finish(item.data_type())?;
    let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), NullBuffer::from(known));
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, Some(nulls))?))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("st_x(st_geomfromtext('POINT ZM (1 2 3 4)'))", "1.0"),
            ("st_m(st_geomfromtext('POINT ZM (1 2 3 4)'))", "4.0"),
            ("st_z(st_point(1, 2))", ""),
            ("st_x(st_geomfromtext('POINT EMPTY'))", ""),
            ("st_x(st_geomfromtext('LINESTRING(1 2,3 4)'))", "[ST_INVALID_ARGUMENT.INVALID_TYPE]"),
            ("st_ymax(st_geogfromtext('LINESTRING(1 2,3 4)'))", "4.0"),
            ("st_zmin(st_geomfromtext('MULTIPOINT Z (EMPTY,1 2 3,1 2 -3)'))", "-3.0"),
            ("st_geometrytype(st_geomfromtext('MULTIPOINT EMPTY'))", "ST_MultiPoint"),
            ("st_isempty(st_geomfromtext('GEOMETRYCOLLECTION(POINT EMPTY)'))", "true"),
            ("st_isvalid(st_geomfromtext('POLYGON((0 0,1 1,1 0,0 1,0 0))'))", "false"),
            ("st_isvalid(st_geomfromtext('POLYGON((0 0,1 0,1 1,0 0))'))", "true"),
            ("st_ndims(st_geomfromtext('POINT M (1 2 3)'))", "3"),
            ("st_dimension(st_geomfromtext('GEOMETRYCOLLECTION(POINT(0 0),LINESTRING EMPTY)'))", "1"),
            ("st_npoints(st_geomfromtext('MULTIPOINT(EMPTY,1 2)'))", "1"),
            ("st_numgeometries(st_geomfromtext('MULTIPOINT(EMPTY,1 2)'))", "2"),
            ("st_astext(st_pointn(st_geomfromtext('LINESTRING(1 2,3 4)'), -1))", "POINT(3 4)"),
            (
                "st_pointn(st_geomfromtext('LINESTRING(1 2,3 4)'), 3)",
                "[ST_INVALID_ARGUMENT.INVALID_INDEX_VALUE]",
            ),
            ("st_astext(st_endpoint(st_geomfromtext('LINESTRING(1 2,3 4)')))", "POINT(3 4)"),
            ("st_astext(st_endpoint(st_point(1, 2)))", ""),
            ("st_astext(st_geometryn(st_geomfromtext('MULTIPOINT(1 2,3 4)'), 2))", "POINT(3 4)"),
            (
                "st_astext(st_interiorringn(st_geomfromtext('POLYGON((0 0,9 0,9 9,0 0),(2 1,3 1,3 2,2 1))'), 1))",
                "LINESTRING(2 1,3 1,3 2,2 1)",
            ),
            ("cardinality(st_dump(st_geomfromtext('GEOMETRYCOLLECTION(POINT(1 1),MULTIPOINT(2 2,3 3))')))", "3"),
        ])
        .await
    }
}
