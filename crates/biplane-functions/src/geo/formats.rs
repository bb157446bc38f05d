//! Geometries from their formats and into them.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::Result;

use super::geohash::{self, PRECISION_MAX};
use super::shape::{Body, Coord, Shape};
use super::wkb::Form;
use super::{
    EARTH, Geo, Space, any, at, geojson, geometry, invalid, made, only_geometry, space, wkb, wkt,
};
use crate::frame::{Call, Def, Takes};
use crate::raised::mismatch;

const TEXT: Takes = |_| Ok(vec![DataType::Utf8]);
const TEXT_AND_SRID: Takes = |types| first_of(types, [DataType::Utf8, DataType::Int32]);
const BYTES: Takes = |_| Ok(vec![DataType::Binary]);
const BYTES_AND_SRID: Takes = |types| first_of(types, [DataType::Binary, DataType::Int32]);

fn first_of<const N: usize>(types: &[DataType], wanted: [DataType; N]) -> Result<Vec<DataType>> {
    Ok(wanted.into_iter().take(types.len()).collect())
}

macro_rules! reads {
    ($name:literal, $most:literal, $space:expr, $takes:expr, $read:expr) => {
        Def {
            name: $name,
            least: 1,
            most: $most,
            takes: $takes,
            gives: |_| Ok($space.data_type()),
            run: |call| {
                made(call, |row| {
                    let (shape, srid): (Shape, i32) = $read(call, row)?;
                    $space.check(srid)?;
                    Ok(Some(Geo { srid, shape }))
                })
            },
        }
    };
}

macro_rules! writes {
    ($name:literal, $takes:expr, $gives:expr, $kind:ident, $write:expr) => {
        Def {
            name: $name,
            least: 1,
            most: 1,
            takes: $takes,
            gives: |_| Ok($gives),
            run: |call| call.$kind(|row| Ok(Some($write(&at(call, 0, row)?)))),
        }
    };
}

pub const FUNCTIONS: &[Def] = &[
    reads!("st_geomfromwkb", 2, Space::Geometry, BYTES_AND_SRID, |call, row| {
        Ok::<_, datafusion::error::DataFusionError>((of_wkb(call, row, false)?, srid(call, row)))
    }),
    reads!("st_geogfromwkb", 1, Space::Geography, BYTES, |call, row| of_wkb(call, row, true)
        .map(|shape| (shape, EARTH))),
    reads!("st_geomfromewkb", 1, Space::Geometry, BYTES, |call, row| {
        wkb::read(bytes(call, row), false, true).map(|(shape, srid)| (shape, srid.unwrap_or(0)))
    }),
    reads!("st_geomfromtext", 2, Space::Geometry, TEXT_AND_SRID, geometry_of_text),
    reads!("st_geomfromwkt", 2, Space::Geometry, TEXT_AND_SRID, geometry_of_text),
    reads!("st_geogfromtext", 1, Space::Geography, TEXT, geography_of_text),
    reads!("st_geogfromwkt", 1, Space::Geography, TEXT, geography_of_text),
    reads!("st_geomfromewkt", 1, Space::Geometry, TEXT, |call, row| {
        wkt::read(text(call, row), false, true).map(|(shape, srid)| (shape, srid.unwrap_or(0)))
    }),
    reads!("st_geogfromewkt", 1, Space::Geography, TEXT, |call, row| {
        wkt::read(text(call, row), true, true).map(|(shape, srid)| (shape, srid.unwrap_or(EARTH)))
    }),
    reads!("st_geomfromgeojson", 1, Space::Geometry, TEXT, |call, row| {
        geojson::read(text(call, row), false).map(|shape| (shape, EARTH))
    }),
    reads!("st_geogfromgeojson", 1, Space::Geography, TEXT, |call, row| {
        geojson::read(text(call, row), true).map(|shape| (shape, EARTH))
    }),
    reads!("st_geomfromgeohash", 1, Space::Geometry, TEXT, |call, row| {
        let geohash::Cell { x, y } = geohash::cell(text(call, row))?;
        let corners = [(x.0, y.0), (x.1, y.0), (x.1, y.1), (x.0, y.1), (x.0, y.0)];
        let ring = corners.into_iter().map(|(x, y)| Coord::of(x, y)).collect();
        let shape = Shape::flat(Body::Polygon(vec![ring]));
        Ok::<_, datafusion::error::DataFusionError>((shape, EARTH))
    }),
    reads!("st_pointfromgeohash", 1, Space::Geometry, TEXT, |call, row| {
        let geohash::Cell { x, y } = geohash::cell(text(call, row))?;
        let middle = Coord::of(f64::midpoint(x.0, x.1), f64::midpoint(y.0, y.1));
        let shape = Shape::flat(Body::Point(Some(middle)));
        Ok::<_, datafusion::error::DataFusionError>((shape, EARTH))
    }),
    guesses("to_geometry", |_| Ok(Space::Geometry.data_type()), |call| guessed(call, false)),
    guesses("try_to_geometry", |_| Ok(Space::Geometry.data_type()), |call| guessed(call, true)),
    guesses("to_geography", |_| Ok(Space::Geography.data_type()), |call| guessed(call, false)),
    guesses("try_to_geography", |_| Ok(Space::Geography.data_type()), |call| guessed(call, true)),
    Def {
        name: "st_point",
        least: 2,
        most: 3,
        takes: |types| first_of(types, [DataType::Float64, DataType::Float64, DataType::Int32]),
        gives: |_| Ok(Space::Geometry.data_type()),
        run: |call| {
            made(call, |row| {
                let srid = if call.args.len() > 2 { call.int(2, row) } else { 0 };
                Space::Geometry.check(srid)?;
                let point = Body::Point(Some(Coord::of(call.double(0, row), call.double(1, row))));
                match point.flaw(false) {
                    Some(flaw) => invalid("ST_INVALID_ARGUMENT", format!("\"st_point\": {flaw}.")),
                    None => Ok(Some(Geo { srid, shape: Shape::flat(point) })),
                }
            })
        },
    },
    Def {
        name: "st_setsrid",
        least: 2,
        most: 2,
        takes: |types| Ok(vec![space(&types[0])?.data_type(), DataType::Int32]),
        gives: |types| Ok(types[0].clone()),
        run: |call| {
            let space = space(call.args[0].data_type())?;
            made(call, |row| {
                let srid = call.int(1, row);
                space.check(srid)?;
                Ok(Some(Geo { srid, ..at(call, 0, row)? }))
            })
        },
    },
    Def {
        name: "st_srid",
        least: 1,
        most: 1,
        takes: any,
        gives: |_| Ok(DataType::Int32),
        run: |call| call.primitives::<Int32Type>(|row| Ok(Some(at(call, 0, row)?.srid))),
    },
    as_bytes("st_asbinary"),
    as_bytes("st_aswkb"),
    Def {
        name: "st_asewkb",
        least: 1,
        most: 2,
        takes: |types| first_of(types, [only_geometry(&types[0])?, DataType::Utf8]),
        gives: |_| Ok(DataType::Binary),
        run: |call| {
            call.binaries(|row| {
                let geo = at(call, 0, row)?;
                let form = Form::Extended(geo.srid);
                Ok(Some(wkb::written(&geo.shape, is_little(call, row)?, form)))
            })
        },
    },
    writes!("st_astext", any, DataType::Utf8, texts, |geo: &Geo| wkt::written(&geo.shape)),
    writes!("st_aswkt", any, DataType::Utf8, texts, |geo: &Geo| wkt::written(&geo.shape)),
    writes!("st_asewkt", any, DataType::Utf8, texts, extended_text),
    writes!("st_asgeojson", any, DataType::Utf8, texts, |geo: &Geo| geojson::written(&geo.shape)),
    Def {
        name: "st_geohash",
        least: 1,
        most: 2,
        takes: |types| first_of(types, [geometry(types)?.swap_remove(0), DataType::Int32]),
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            call.texts(|row| {
                let precision = if call.args.len() > 1 { call.int(1, row) } else { -1 };
                hashed(&at(call, 0, row)?.shape.body, precision)
            })
        },
    },
];

const fn as_bytes(name: &'static str) -> Def {
    Def {
        name,
        least: 1,
        most: 2,
        takes: |types| first_of(types, [space(&types[0])?.data_type(), DataType::Utf8]),
        gives: |_| Ok(DataType::Binary),
        run: |call| {
            call.binaries(|row| {
                let shape = at(call, 0, row)?.shape;
                Ok(Some(wkb::written(&shape, is_little(call, row)?, Form::Plain)))
            })
        },
    }
}

const fn guesses(name: &'static str, gives: crate::frame::Gives, run: crate::frame::Run) -> Def {
    Def { name, least: 1, most: 1, takes: |types| Ok(vec![text_or_bytes(&types[0])?]), gives, run }
}

pub fn text_or_bytes(given: &DataType) -> Result<DataType> {
    match given {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Ok(DataType::Binary),
        text if text.is_string() || text.is_null() => Ok(DataType::Utf8),
        other => mismatch(format!("Text or binary is needed, not {other}.")),
    }
}

/// Of a binary or of one of the formats of text; NULL where `tries` and it is none of them.
fn guessed(call: &Call<'_>, tries: bool) -> Result<arrow::array::ArrayRef> {
    let space = space(call.gives)?;
    made(call, |row| {
        let read = read_any(call, 0, row, space.is_earth()).and_then(|(shape, srid)| {
            let default = if space.is_earth() { EARTH } else { 0 };
            let srid = srid.unwrap_or(default);
            space.check(srid)?;
            Ok(Geo { srid, shape })
        });
        match read {
            Ok(geo) => Ok(Some(geo)),
            Err(_) if tries => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// A geometry of well-known binary or text, extended or not, or of GeoJSON.
pub fn read_any(
    call: &Call<'_>,
    arg: usize,
    row: usize,
    is_earth: bool,
) -> Result<(Shape, Option<i32>)> {
    if call.args[arg].data_type() == &DataType::Binary {
        return wkb::read(call.args[arg].as_binary::<i32>().value(row), is_earth, true);
    }
    let text = call.text(arg, row);
    match text.trim_start().starts_with('{') {
        true => Ok((geojson::read(text, is_earth)?, Some(EARTH))),
        false => wkt::read(text, is_earth, true),
    }
}

pub(super) fn extended_text(geo: &Geo) -> String {
    let text = wkt::written(&geo.shape);
    if geo.srid == 0 { text } else { format!("SRID={};{text}", geo.srid) }
}

fn text<'a>(call: &'a Call<'_>, row: usize) -> &'a str {
    call.text(0, row)
}

fn bytes<'a>(call: &'a Call<'_>, row: usize) -> &'a [u8] {
    call.args[0].as_binary::<i32>().value(row)
}

fn srid(call: &Call<'_>, row: usize) -> i32 {
    if call.args.len() > 1 { call.int(1, row) } else { 0 }
}

fn of_wkb(call: &Call<'_>, row: usize, is_earth: bool) -> Result<Shape> {
    wkb::read(bytes(call, row), is_earth, false).map(|(shape, _)| shape)
}

fn geometry_of_text(call: &Call<'_>, row: usize) -> Result<(Shape, i32)> {
    Ok((wkt::read(text(call, row), false, false)?.0, srid(call, row)))
}

fn geography_of_text(call: &Call<'_>, row: usize) -> Result<(Shape, i32)> {
    Ok((wkt::read(text(call, row), true, false)?.0, EARTH))
}

fn is_little(call: &Call<'_>, row: usize) -> Result<bool> {
    let order = if call.args.len() > 1 { call.text(1, row) } else { "NDR" };
    match order.to_uppercase().as_str() {
        "NDR" => Ok(true),
        "XDR" => Ok(false),
        _ => {
            let text = format!("The byte order '{order}' is neither NDR nor XDR.");
            invalid("ST_INVALID_ENDIANNESS_VALUE", text)
        }
    }
}

/// Of the middle of its box; or, where the precision is negative, the longest that holds the whole box.
fn hashed(body: &Body, precision: i32) -> Result<Option<String>> {
    let coords = body.coords();
    for at in &coords {
        if at.x.abs() > 180.0 {
            let text = format!("Longitude coordinate has an out-of-bounds value: {}.", at.x);
            return invalid("ST_INVALID_ARGUMENT.LONGITUDE_OUT_OF_BOUNDS", text);
        }
        if at.y.abs() > 90.0 {
            let text = format!("Latitude coordinate has an out-of-bounds value: {}.", at.y);
            return invalid("ST_INVALID_ARGUMENT.LATITUDE_OUT_OF_BOUNDS", text);
        }
    }
    let Some(bounds) = super::parts::bounds(body) else { return Ok(None) };
    let (least, most) = bounds;
    if let Ok(precision) = usize::try_from(precision) {
        let (x, y) = (f64::midpoint(least.x, most.x), f64::midpoint(least.y, most.y));
        return Ok(Some(geohash::of(x, y, precision)));
    }
    let low = geohash::of(least.x, least.y, PRECISION_MAX);
    let holds = |length: &usize| {
        *length == 0
            || geohash::cell(&low[..*length])
                .is_ok_and(|cell| most.x <= cell.x.1 && most.y <= cell.y.1)
    };
    let length = (0..=PRECISION_MAX).rev().find(holds).unwrap_or(0);
    Ok(Some(low[..length].to_owned()))
}

#[cfg(test)]
mod tests {
    const POINT: &str = "X'0101000000000000000000F03F0000000000000040'";

    #[tokio::test]
    async fn answers() -> Result<(), datafusion::error::DataFusionError> {
        let cases = [
            (format!("st_srid(st_geomfromwkb({POINT}))"), "0"),
            (format!("st_srid(st_geomfromwkb({POINT}, 4326))"), "4326"),
            (format!("st_srid(st_geogfromwkb({POINT}))"), "4326"),
            (format!("st_srid(st_setsrid(st_geomfromwkb({POINT}), 3857))"), "3857"),
            (format!("st_setsrid(st_geogfromwkb({POINT}), 3857)"), "[ST_INVALID_SRID_VALUE]"),
            (format!("st_geomfromwkb({POINT}, 7)"), "[ST_INVALID_SRID_VALUE]"),
            ("st_srid(NULL)".to_owned(), ""),
            (
                format!("st_asbinary(st_geomfromwkb({POINT}), 'XDR')"),
                "00000000013ff00000000000004000000000000000",
            ),
            (format!("st_asbinary(st_geomfromwkb({POINT}), 'x')"), "[ST_INVALID_ENDIANNESS_VALUE]"),
            ("st_geomfromwkb(X'0101')".to_owned(), "[WKB_PARSE_ERROR]"),
            // A longitude of 200 degrees.
            (
                "st_geogfromwkb(X'010100000000000000000069400000000000000040')".to_owned(),
                "[WKB_PARSE_ERROR]",
            ),
            (format!("st_srid({POINT})"), "[DATATYPE_MISMATCH"),
            (
                "st_asewkt(st_geomfromwkt('POINT Z (1 2 3)', 3857))".to_owned(),
                "SRID=3857;POINT Z (1 2 3)",
            ),
            (
                "st_asewkt(st_geogfromtext('POINT Z (2.718281 3.141592 100)'))".to_owned(),
                "SRID=4326;POINT Z (2.718281 3.141592 100)",
            ),
            ("st_geomfromtext('POINT(1)')".to_owned(), "[WKT_PARSE_ERROR]"),
            ("st_geogfromtext('POINT(200 1)')".to_owned(), "[WKT_PARSE_ERROR]"),
            (
                "st_asewkt(st_geomfromewkb(st_asewkb(st_point(1, 2, 4326), 'XDR')))".to_owned(),
                "SRID=4326;POINT(1 2)",
            ),
            (
                r#"st_asewkt(st_geomfromgeojson('{"type":"Point","coordinates":[2.7,3.1,100]}'))"#
                    .to_owned(),
                "SRID=4326;POINT Z (2.7 3.1 100)",
            ),
            ("st_geomfromgeojson('{}')".to_owned(), "[GEOJSON_PARSE_ERROR]"),
            ("st_asgeojson(st_point(1, 2))".to_owned(), r#"{"type":"Point","coordinates":[1,2]}"#),
            ("st_asewkt(to_geometry('SRID=3857;POINT(1 2)'))".to_owned(), "SRID=3857;POINT(1 2)"),
            (format!("st_asewkt(to_geography({POINT}))"), "SRID=4326;POINT(1 2)"),
            ("st_astext(try_to_geometry('POINT(1 x)'))".to_owned(), ""),
            ("to_geometry('POINT(1 x)')".to_owned(), "[WKT_PARSE_ERROR]"),
            (
                "st_geohash(st_geomfromtext('POINT(-122.4261475 37.77374268)'))".to_owned(),
                "9q8yyhebpbpb",
            ),
            (
                "st_geohash(st_geomfromtext('LINESTRING(-122.43 37.77,-122.42 37.78)'))".to_owned(),
                "9q8yy",
            ),
            (
                "st_geohash(st_geomfromtext('LINESTRING(-122.43 37.77,-122.42 37.78)'), 9)"
                    .to_owned(),
                "9q8yyhsz6",
            ),
            ("st_geohash(st_geomfromtext('LINESTRING(0 0,60 60)'))".to_owned(), ""),
            ("st_geohash(st_point(181, 0))".to_owned(), "[ST_INVALID_ARGUMENT.LONGITUDE"),
            ("st_geomfromgeohash('A')".to_owned(), "[ST_INVALID_ARGUMENT.INVALID_GEOHASH_VALUE]"),
            (
                "st_astext(st_geomfromgeohash('9'))".to_owned(),
                "POLYGON((-135 0,-90 0,-90 45,-135 45,-135 0))",
            ),
            ("st_astext(st_pointfromgeohash('9'))".to_owned(), "POINT(-112.5 22.5)"),
        ];
        let cases: Vec<(&str, &str)> =
            cases.iter().map(|(call, answer)| (call.as_str(), *answer)).collect();
        crate::frame::testing::answers(&cases).await
    }
}
