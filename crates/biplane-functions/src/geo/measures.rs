//! Lengths, areas, distances and angles: in units of the plane, or in metres on the earth's ellipsoid.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use geo::line_measures::{Bearing, Distance, Euclidean, Geodesic, HaversineMeasure, Length};
use geo::{Area, Centroid, GeodesicArea, LineString, MultiPolygon, Point};
use std::f64::consts::TAU;

use super::shape::{Body, Coord, Shape};
use super::{Geo, Space, any, at, geometries, geometry, invalid, made, pair, planar, space};
use crate::frame::{Call, Def, Run, Takes};

/// Of the ellipsoid of WGS 84, in metres.
const MEAN_RADIUS: f64 = 6_371_008.771_415_059;

const fn double(name: &'static str, arguments: usize, takes: Takes, run: Run) -> Def {
    let gives = |_: &crate::frame::Given<'_>| Ok(DataType::Float64);
    Def { name, least: arguments, most: arguments, takes, gives, run }
}

pub const FUNCTIONS: &[Def] = &[
    double("st_area", 1, any, |call| {
        of_parts(call, |parts, is_earth| {
            let polygons = planar::polygons(parts);
            if is_earth { polygons.geodesic_area_unsigned() } else { plane_area(&polygons) }
        })
    }),
    double("st_length", 1, any, |call| {
        of_parts(call, |parts, is_earth| {
            parts.iter().map(|part| along(part, false, is_earth)).sum()
        })
    }),
    double("st_perimeter", 1, any, |call| {
        of_parts(call, |parts, is_earth| parts.iter().map(|part| along(part, true, is_earth)).sum())
    }),
    double("st_distance", 2, geometries, |call| {
        call.primitives::<Float64Type>(|row| {
            let (left, right) = pair(call, row)?;
            Ok(distance(&left.shape.body, &right.shape.body))
        })
    }),
    double("st_distancesphere", 2, geometries, |call| {
        between(call, |from, to| HaversineMeasure::new(MEAN_RADIUS).distance(from, to))
    }),
    double("st_distancespheroid", 2, geometries, |call| {
        between(call, |from, to| Geodesic.distance(from, to))
    }),
    Def {
        name: "st_dwithin",
        least: 3,
        most: 3,
        takes: |types| {
            let mut wanted = geometries(&types[..2])?;
            wanted.push(DataType::Float64);
            Ok(wanted)
        },
        gives: |_| Ok(DataType::Boolean),
        run: |call| {
            call.bools(|row| {
                let (left, right) = pair(call, row)?;
                let far = distance(&left.shape.body, &right.shape.body);
                Ok(Some(far.is_some_and(|far| far <= call.double(2, row))))
            })
        },
    },
    double("st_azimuth", 2, any, |call| {
        let is_earth = space(call.args[0].data_type())?.is_earth();
        call.primitives::<Float64Type>(|row| {
            let (left, right) = pair(call, row)?;
            let (Some(from), Some(to)) = (point(&left.shape)?, point(&right.shape)?) else {
                return Ok(None);
            };
            if from == to {
                return Ok(None);
            }
            let angle = match is_earth {
                true => Geodesic.bearing(from, to).to_radians(),
                false => (to.x() - from.x()).atan2(to.y() - from.y()),
            };
            Ok(Some(angle.rem_euclid(TAU)))
        })
    }),
    Def {
        name: "st_centroid",
        least: 1,
        most: 1,
        takes: geometry,
        gives: |_| Ok(Space::Geometry.data_type()),
        run: |call| {
            made(call, |row| {
                let Geo { srid, shape } = at(call, 0, row)?;
                let middle = planar::of(&shape.body).centroid();
                let middle = middle.map(|point| Coord::of(point.x(), point.y()));
                Ok(Some(Geo { srid, shape: Shape::flat(Body::Point(middle)) }))
            })
        },
    },
];

/// Of each polygon by itself: the order of its corners is of no account.
fn plane_area(polygons: &MultiPolygon) -> f64 {
    polygons.iter().map(Area::unsigned_area).sum()
}

fn of_parts(call: &Call<'_>, measure: fn(&[&Body], bool) -> f64) -> Result<ArrayRef> {
    let is_earth = space(call.args[0].data_type())?.is_earth();
    call.primitives::<Float64Type>(|row| {
        // A sum of nothing is a negative zero.
        Ok(Some(measure(&at(call, 0, row)?.shape.body.parts(), is_earth) + 0.0))
    })
}

/// The length of a line, or of the rings of a polygon.
fn along(part: &Body, of_rings: bool, is_earth: bool) -> f64 {
    let length = |points: &[Coord]| {
        let line: LineString = planar::line(points);
        if is_earth { Geodesic.length(&line) } else { Euclidean.length(&line) }
    };
    match part {
        Body::Line(points) if !of_rings => length(points),
        Body::Polygon(rings) if of_rings => rings.iter().map(|ring| length(ring)).sum(),
        _ => 0.0,
    }
}

/// None where one of them is empty.
fn distance(left: &Body, right: &Body) -> Option<f64> {
    let is_there = !left.is_empty() && !right.is_empty();
    is_there.then(|| Euclidean.distance(&planar::of(left), &planar::of(right)))
}

fn point(shape: &Shape) -> Result<Option<Point>> {
    match &shape.body {
        Body::Point(at) => Ok(at.map(|at| Point::new(at.x, at.y))),
        other => {
            let text = format!("A point is needed, not a {}.", other.kind().name());
            invalid("ST_INVALID_ARGUMENT.INVALID_TYPE", text)
        }
    }
}

/// Between two points of longitude and latitude.
fn between(call: &Call<'_>, far: fn(Point, Point) -> f64) -> Result<ArrayRef> {
    call.primitives::<Float64Type>(|row| {
        let (left, right) = pair(call, row)?;
        Ok(point(&left.shape)?.zip(point(&right.shape)?).map(|(from, to)| far(from, to)))
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("st_area(st_geomfromtext('POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1))'))", "15.0"),
            ("st_area(st_geomfromtext('LINESTRING(0 0,1 1)'))", "0.0"),
            // A degree of the equator by a degree, in square kilometres.
            ("cast(st_area(st_geogfromtext('POLYGON((0 0,1 0,1 1,0 1,0 0))')) / 1e6 AS int)", "12308"),
            ("st_length(st_geomfromtext('MULTILINESTRING((0 0,3 4),(0 0,0 1))'))", "6.0"),
            ("cast(st_length(st_geogfromtext('LINESTRING(0 0,1 0)')) AS int)", "111319"),
            ("st_perimeter(st_geomfromtext('POLYGON((0 0,4 0,4 4,0 4,0 0))'))", "16.0"),
            ("st_distance(st_point(0, 0), st_geomfromtext('LINESTRING(-10 10,20 10)'))", "10.0"),
            ("st_distance(st_point(0, 0), st_geomfromtext('POINT EMPTY'))", ""),
            ("st_distance(st_point(0, 0), st_point(0, 0, 4326))", "[ST_DIFFERENT_SRID_VALUES]"),
            ("st_dwithin(st_geomfromtext('POINT Z (0 0 300)'), st_geomfromtext('LINESTRING(-10 10,20 10)'), 10.0)", "true"),
            ("st_dwithin(st_point(0, 0), st_point(20, 20), 10.0)", "false"),
            ("cast(st_distancesphere(st_point(0, 0), st_point(1, 0)) AS int)", "111195"),
            ("cast(st_distancespheroid(st_point(0, 0), st_point(1, 0)) AS int)", "111319"),
            ("st_azimuth(st_point(0, 0), st_point(1, 0)) = pi() / 2", "true"),
            ("st_azimuth(st_point(0, 0), st_point(0, 0))", ""),
            ("st_astext(st_centroid(st_geomfromtext('POLYGON((0 0,4 0,4 4,0 4,0 0))')))", "POINT(2 2)"),
            ("st_astext(st_centroid(st_geomfromtext('POLYGON EMPTY')))", "POINT EMPTY"),
        ])
        .await
    }
}
