//! `st_*`: GEOMETRY and GEOGRAPHY as Spark's functions read, mark and write them. A value is its well-known
//! binary with the number of its reference system; that it is of the earth is said of the field of the binary.

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, Int32Builder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int32Type};
use datafusion::common::Result;
use std::collections::HashMap;
use std::sync::Arc;

use crate::frame::{Call, Def};
use crate::raised::{fail, mismatch};
use crate::wkb;

const MARK: &str = "biplane.geo";
const GEOMETRY: &str = "geometry";
const GEOGRAPHY: &str = "geography";
/// Longitude and latitude: the only system of a GEOGRAPHY.
const EARTH: i32 = 4326;

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "st_geomfromwkb",
        least: 1,
        most: 2,
        takes: |types| {
            Ok([DataType::Binary, DataType::Int32].into_iter().take(types.len()).collect())
        },
        gives: |_| Ok(geo(GEOMETRY)),
        run: |call| {
            made(call, |row| {
                let srid = if call.args.len() > 1 { call.int(1, row) } else { 0 };
                known_srid(srid, GEOMETRY)?;
                Ok((srid, wkb::read(bytes(&call.args[0], row), false)?.little()))
            })
        },
    },
    Def {
        name: "st_geogfromwkb",
        least: 1,
        most: 1,
        takes: |_| Ok(vec![DataType::Binary]),
        gives: |_| Ok(geo(GEOGRAPHY)),
        run: |call| {
            made(call, |row| Ok((EARTH, wkb::read(bytes(&call.args[0], row), true)?.little())))
        },
    },
    Def {
        name: "st_setsrid",
        least: 2,
        most: 2,
        takes: |types| Ok(vec![geo(kind(&types[0])?), DataType::Int32]),
        gives: |types| Ok(types[0].clone()),
        run: |call| {
            let kind = kind(call.args[0].data_type())?;
            made(call, |row| {
                let srid = call.int(1, row);
                known_srid(srid, kind)?;
                Ok((srid, bytes(call.args[0].as_struct().column(1), row).to_vec()))
            })
        },
    },
    Def {
        name: "st_srid",
        least: 1,
        most: 1,
        takes: |types| Ok(vec![geo(kind(&types[0])?)]),
        gives: |_| Ok(DataType::Int32),
        run: |call| {
            call.primitives::<Int32Type>(|row| {
                let values = call.args[0].as_struct();
                Ok(Some(values.column(0).as_primitive::<Int32Type>().value(row)))
            })
        },
    },
    Def {
        name: "st_asbinary",
        least: 1,
        most: 2,
        takes: |types| {
            let wanted = [geo(kind(&types[0])?), DataType::Utf8];
            Ok(wanted.into_iter().take(types.len()).collect())
        },
        gives: |_| Ok(DataType::Binary),
        run: |call| {
            call.binaries(|row| {
                let order = if call.args.len() > 1 { call.text(1, row) } else { "NDR" };
                let read = wkb::read(bytes(call.args[0].as_struct().column(1), row), false)?;
                match order.to_uppercase().as_str() {
                    "NDR" => Ok(Some(read.little())),
                    "XDR" => Ok(Some(read.big())),
                    _ => {
                        let text = format!("The byte order '{order}' is neither NDR nor XDR.");
                        fail("ST_INVALID_ENDIANNESS_VALUE", "22023", text)
                    }
                }
            })
        },
    },
];

fn fields(kind: &str) -> Fields {
    let mark = HashMap::from([(MARK.to_owned(), kind.to_owned())]);
    Fields::from(vec![
        Field::new("srid", DataType::Int32, true),
        Field::new("wkb", DataType::Binary, true).with_metadata(mark),
    ])
}

fn geo(kind: &str) -> DataType {
    DataType::Struct(fields(kind))
}

fn kind(given: &DataType) -> Result<&'static str> {
    if given.is_null() {
        return Ok(GEOMETRY);
    }
    if let DataType::Struct(fields) = given
        && let [_, wkb] = fields.as_ref()
        && let Some(mark) = wkb.metadata().get(MARK)
    {
        return Ok(if mark == GEOGRAPHY { GEOGRAPHY } else { GEOMETRY });
    }
    mismatch(format!("A GEOMETRY or a GEOGRAPHY is needed, not {given}."))
}

fn bytes(array: &ArrayRef, row: usize) -> &[u8] {
    array.as_binary::<i32>().value(row)
}

/// Of those that Spark knows: none, the two of maps, and what is counted as in degrees.
fn known_srid(srid: i32, kind: &str) -> Result<()> {
    let is_known = match kind {
        GEOGRAPHY => srid == EARTH,
        _ => matches!(srid, 0 | 3857 | EARTH),
    };
    if is_known {
        return Ok(());
    }
    let text = format!("The SRID {srid} is not one of a {}.", kind.to_uppercase());
    fail("ST_INVALID_SRID_VALUE", "22023", text)
}

fn made(call: &Call<'_>, each: impl Fn(usize) -> Result<(i32, Vec<u8>)>) -> Result<ArrayRef> {
    let (mut srids, mut values) = (Int32Builder::new(), BinaryBuilder::new());
    let mut known = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        known.push(!call.has_null(row));
        if call.has_null(row) {
            srids.append_null();
            values.append_null();
            continue;
        }
        let (srid, bytes) = each(row)?;
        srids.append_value(srid);
        values.append_value(bytes);
    }
    let DataType::Struct(fields) = call.gives else { return mismatch("A value of two parts.") };
    let columns: Vec<ArrayRef> = vec![Arc::new(srids.finish()), Arc::new(values.finish())];
    Ok(Arc::new(StructArray::try_new(fields.clone(), columns, Some(NullBuffer::from(known)))?))
}

#[cfg(test)]
mod tests {
    const POINT: &str = "X'0101000000000000000000F03F0000000000000040'";

    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
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
        ];
        let cases: Vec<(&str, &str)> =
            cases.iter().map(|(call, answer)| (call.as_str(), *answer)).collect();
        crate::frame::testing::answers(&cases).await
    }
}
