//! `st_*`: GEOMETRY and GEOGRAPHY. A value is its well-known binary with the number of its reference system; that
//! it is of the earth is said of the field of the binary.

pub mod edits;
pub mod formats;
mod geohash;
mod geojson;
mod lines;
pub mod measures;
pub mod overlay;
pub mod parts;
pub mod planar;
pub mod relations;
mod shape;
mod wkb;
mod wkt;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, Int32Builder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int32Type};
use datafusion::common::Result;
use std::collections::HashMap;
use std::sync::Arc;

use crate::frame::Call;
use crate::raised::{fail, mismatch};
pub use formats::{read_any, text_or_bytes};
use shape::Shape;
pub use shape::{Body, Coord, Kind};

const MARK: &str = "biplane.geo";
/// Longitude and latitude: the only system of a GEOGRAPHY.
const EARTH: i32 = 4326;
/// Maps on the web, in metres.
const MERCATOR: i32 = 3857;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    Geometry,
    Geography,
}

impl Space {
    fn name(self) -> &'static str {
        match self {
            Self::Geometry => "geometry",
            Self::Geography => "geography",
        }
    }

    fn is_earth(self) -> bool {
        self == Self::Geography
    }

    fn data_type(self) -> DataType {
        let mark = HashMap::from([(MARK.to_owned(), self.name().to_owned())]);
        DataType::Struct(Fields::from(vec![
            Field::new("srid", DataType::Int32, true),
            Field::new("wkb", DataType::Binary, true).with_metadata(mark),
        ]))
    }

    fn of(data_type: &DataType) -> Option<Self> {
        let DataType::Struct(fields) = data_type else { return None };
        let [_, wkb] = fields.as_ref() else { return None };
        let mark = wkb.metadata().get(MARK)?;
        [Self::Geometry, Self::Geography].into_iter().find(|space| space.name() == mark)
    }

    /// Reference systems are those that Spark knows: none, the two of maps, and what is counted as in degrees.
    fn check(self, srid: i32) -> Result<()> {
        let is_known = match self {
            Self::Geography => srid == EARTH,
            Self::Geometry => matches!(srid, 0 | MERCATOR | EARTH),
        };
        if is_known {
            return Ok(());
        }
        let text = format!("The SRID {srid} is not one of a {}.", self.name().to_uppercase());
        fail("ST_INVALID_SRID_VALUE", "22023", text)
    }
}

/// The SQL name of the type, if it is one of these.
pub fn type_text(data_type: &DataType) -> Option<&'static str> {
    Some(match Space::of(data_type)? {
        Space::Geometry => "GEOMETRY(ANY)",
        Space::Geography => "GEOGRAPHY(4326)",
    })
}

/// A value as it is shown: its extended text.
pub fn text_of(array: &ArrayRef, row: usize) -> Result<Option<String>> {
    let is_known = array.is_valid(row) && array.as_struct().column(1).is_valid(row);
    is_known.then(|| Ok(formats::extended_text(&value(array, row)?))).transpose()
}

pub fn is_geo(data_type: &DataType) -> bool {
    Space::of(data_type).is_some()
}

/// Well-known binary.
pub fn binary(body: Body) -> Vec<u8> {
    wkb::written(&Shape::flat(body), true, wkb::Form::Plain)
}

/// A value of a row.
#[derive(Debug, Clone)]
struct Geo {
    srid: i32,
    shape: Shape,
}

fn value(array: &ArrayRef, row: usize) -> Result<Geo> {
    let fields = array.as_struct();
    let srid = fields.column(0).as_primitive::<Int32Type>().value(row);
    let (shape, _) = wkb::read(fields.column(1).as_binary::<i32>().value(row), false, false)?;
    Ok(Geo { srid, shape })
}

fn at(call: &Call<'_>, arg: usize, row: usize) -> Result<Geo> {
    value(&call.args[arg], row)
}

/// Both are of one system.
fn pair(call: &Call<'_>, row: usize) -> Result<(Geo, Geo)> {
    let (left, right) = (at(call, 0, row)?, at(call, 1, row)?);
    same_srid(left.srid, right.srid)?;
    Ok((left, right))
}

fn same_srid(left: i32, right: i32) -> Result<()> {
    if left == right {
        return Ok(());
    }
    let text = format!("Geometries of different SRID values are given: {left} and {right}.");
    fail("ST_DIFFERENT_SRID_VALUES", "22023", text)
}

fn space(given: &DataType) -> Result<Space> {
    if given.is_null() {
        return Ok(Space::Geometry);
    }
    match Space::of(given) {
        Some(space) => Ok(space),
        None => mismatch(format!("A GEOMETRY or a GEOGRAPHY is needed, not {given}.")),
    }
}

fn only_geometry(given: &DataType) -> Result<DataType> {
    match space(given)? {
        Space::Geometry => Ok(Space::Geometry.data_type()),
        Space::Geography => mismatch("A GEOMETRY is needed, not a GEOGRAPHY."),
    }
}

fn geometry(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok(vec![only_geometry(&types[0])?])
}

fn geometries(types: &[DataType]) -> Result<Vec<DataType>> {
    types.iter().map(only_geometry).collect()
}

/// GEOMETRYs or GEOGRAPHYs.
fn any(types: &[DataType]) -> Result<Vec<DataType>> {
    let spaces = types.iter().map(space).collect::<Result<Vec<_>>>()?;
    match spaces.iter().all(|space| *space == spaces[0]) {
        true => Ok(spaces.into_iter().map(Space::data_type).collect()),
        false => mismatch("A GEOMETRY and a GEOGRAPHY cannot be used together."),
    }
}

fn invalid<T>(class: &'static str, text: impl Into<String>) -> Result<T> {
    fail(class, "22023", text)
}

/// A value of a type of this module for each row. NULL where an argument is, or what is made says so.
fn made(call: &Call<'_>, mut each: impl FnMut(usize) -> Result<Option<Geo>>) -> Result<ArrayRef> {
    let mut builder = Builder::default();
    for row in 0..call.rows {
        builder.push(if call.has_null(row) { None } else { each(row)? }.as_ref());
    }
    builder.finish(call.gives)
}

#[derive(Default)]
struct Builder {
    srids: Int32Builder,
    values: BinaryBuilder,
    known: Vec<bool>,
}

impl Builder {
    fn push(&mut self, geo: Option<&Geo>) {
        self.known.push(geo.is_some());
        self.srids.append_option(geo.map(|geo| geo.srid));
        let bytes = geo.map(|geo| wkb::written(&geo.shape, true, wkb::Form::Plain));
        self.values.append_option(bytes);
    }

    fn finish(mut self, gives: &DataType) -> Result<ArrayRef> {
        let DataType::Struct(fields) = gives else { return mismatch("A value of two parts.") };
        let columns: Vec<ArrayRef> =
            vec![Arc::new(self.srids.finish()), Arc::new(self.values.finish())];
        let nulls = NullBuffer::from(self.known);
        Ok(Arc::new(StructArray::try_new(fields.clone(), columns, Some(nulls))?))
    }
}
