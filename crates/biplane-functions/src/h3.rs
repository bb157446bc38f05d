//! H3: cells of the earth's surface, as BIGINT or as text. A result has the form of the cell it was asked for.

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, ListArray, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Int64Type};
use datafusion::common::Result;
use h3o::{CellIndex, LatLng, Resolution};
use std::sync::Arc;

use crate::frame::{Call, Def, Given};
use crate::geo::{Body, Coord, binary};
use crate::raised::{fail, mismatch, raised};

/// Cells that one call may give.
const CELLS_MAX: u64 = 1 << 20;
/// How far from a cell: the disk is within what a call may give.
const DISTANCE_MAX: i32 = 500;

fn cell_type(given: &DataType) -> Result<DataType> {
    match given {
        whole if whole.is_integer() => Ok(DataType::Int64),
        text if text.is_string() || text.is_null() => Ok(DataType::Utf8),
        other => mismatch(format!("An H3 cell is a BIGINT or a STRING, not {other}.")),
    }
}

fn one(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok(vec![cell_type(&types[0])?])
}

fn and_int(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok(vec![cell_type(&types[0])?, DataType::Int32])
}

fn two(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok(vec![cell_type(&types[0])?, cell_type(&types[1])?])
}

fn place(_: &[DataType]) -> Result<Vec<DataType>> {
    Ok(vec![DataType::Float64, DataType::Float64, DataType::Int32])
}

fn list_of(types: &[DataType]) -> Result<Vec<DataType>> {
    let DataType::List(item) = &types[0] else {
        return mismatch(format!("An array of H3 cells is needed, not {}.", types[0]));
    };
    let list = DataType::new_list(cell_type(item.data_type())?, true);
    Ok(std::iter::once(list).chain(types.get(1).map(|_| DataType::Int32)).collect())
}

fn same(given: &Given<'_>) -> Result<DataType> {
    Ok(given[0].clone())
}

fn list(given: &Given<'_>) -> Result<DataType> {
    Ok(DataType::new_list(given[0].clone(), true))
}

fn pair(cell: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("cellid", cell.clone(), true),
        Field::new("distance", DataType::Int32, true),
    ])
}

macro_rules! def {
    ($name:literal, $least:literal, $takes:expr, $gives:expr, $run:expr) => {
        Def { name: $name, least: $least, most: $least, takes: $takes, gives: $gives, run: $run }
    };
}

pub const FUNCTIONS: &[Def] = &[
    def!("h3_longlatash3", 3, place, |_| Ok(DataType::Int64), |call| cells(call, |row| {
        at_place(call, row).map(Some)
    })),
    def!("h3_longlatash3string", 3, place, |_| Ok(DataType::Utf8), |call| cells(call, |row| {
        at_place(call, row).map(Some)
    })),
    def!("h3_h3tostring", 1, one, |_| Ok(DataType::Utf8), |call| cells(call, |row| {
        cell(call, 0, row).map(Some)
    })),
    def!("h3_stringtoh3", 1, one, |_| Ok(DataType::Int64), |call| cells(call, |row| {
        cell(call, 0, row).map(Some)
    })),
    def!("h3_validate", 1, one, same, |call| cells(call, |row| cell(call, 0, row).map(Some))),
    def!("h3_try_validate", 1, one, same, |call| cells(call, |row| Ok(found(call, 0, row)))),
    def!("h3_isvalid", 1, one, |_| Ok(DataType::Boolean), |call| {
        call.bools(|row| Ok(Some(found(call, 0, row).is_some())))
    }),
    def!("h3_ispentagon", 1, one, |_| Ok(DataType::Boolean), |call| {
        call.bools(|row| Ok(Some(cell(call, 0, row)?.is_pentagon())))
    }),
    def!("h3_resolution", 1, one, |_| Ok(DataType::Int32), |call| {
        call.primitives::<Int32Type>(|row| {
            Ok(Some(i32::from(u8::from(cell(call, 0, row)?.resolution()))))
        })
    }),
    def!("h3_toparent", 2, and_int, same, |call| cells(call, |row| {
        let cell = cell(call, 0, row)?;
        let most = cell.resolution();
        Ok(cell.parent(resolution(call.int(1, row), Resolution::Zero, most)?))
    })),
    def!("h3_minchild", 2, and_int, same, |call| cells(call, |row| {
        let (cell, resolution) = with_children(call, row)?;
        Ok(cell.children(resolution).next())
    })),
    def!("h3_maxchild", 2, and_int, same, |call| cells(call, |row| {
        // The last of the children of the last child, down to the resolution.
        let (mut cell, resolution) = with_children(call, row)?;
        while cell.resolution() < resolution {
            let next = cell.resolution().succ().unwrap_or(resolution);
            let Some(last) = cell.children(next).last() else { break };
            cell = last;
        }
        Ok(Some(cell))
    })),
    def!("h3_tochildren", 2, and_int, list, |call| lists(call, |row| {
        let (cell, resolution) = with_children(call, row)?;
        bounded(cell.children_count(resolution))?;
        Ok(Some(cell.children(resolution).collect()))
    })),
    def!("h3_ischildof", 2, two, |_| Ok(DataType::Boolean), |call| call.bools(|row| {
        let (child, parent) = (cell(call, 0, row)?, cell(call, 1, row)?);
        Ok(Some(child.parent(parent.resolution()) == Some(parent)))
    })),
    def!("h3_distance", 2, two, |_| Ok(DataType::Int64), |call| {
        call.primitives::<Int64Type>(|row| {
            distance(call, row)?.map(Some).ok_or_else(|| {
                raised(
                    "H3_UNDEFINED_GRID_DISTANCE",
                    "22023",
                    "H3 grid distance between the cells is undefined.",
                )
            })
        })
    }),
    def!("h3_try_distance", 2, two, |_| Ok(DataType::Int64), |call| {
        call.primitives::<Int64Type>(|row| distance(call, row))
    }),
    def!("h3_kring", 2, and_int, list, |call| lists(call, |row| {
        Ok(Some(cell(call, 0, row)?.grid_disk(steps(call.int(1, row))?)))
    })),
    def!("h3_hexring", 2, and_int, list, |call| lists(call, |row| {
        let ring = cell(call, 0, row)?.grid_ring_fast(steps(call.int(1, row))?);
        ring.collect::<Option<Vec<CellIndex>>>().map(Some).ok_or_else(|| {
            let text = "A pentagon was encountered while the hex ring was computed.";
            raised("H3_PENTAGON_ENCOUNTERED_ERROR", "22023", text)
        })
    })),
    def!(
        "h3_kringdistances",
        2,
        and_int,
        |given| Ok(DataType::new_list(DataType::Struct(pair(&given[0])), true)),
        distances
    ),
    def!("h3_compact", 1, list_of, same, |call| lists(call, |row| {
        let mut all = items(call, row)?;
        all.sort_unstable();
        all.dedup();
        CellIndex::compact(&mut all).map_err(|_| {
            let text = "The cells of h3_compact must all be of one resolution.";
            raised("H3_INVALID_RESOLUTION_VALUE", "22023", text)
        })?;
        Ok(Some(all))
    })),
    def!("h3_uncompact", 2, list_of, same, |call| lists(call, |row| {
        let all = items(call, row)?;
        let least = all.iter().map(|cell| cell.resolution()).max().unwrap_or(Resolution::Zero);
        let resolution = resolution(call.int(1, row), least, Resolution::Fifteen)?;
        bounded(CellIndex::uncompact_size(all.iter().copied(), resolution))?;
        Ok(Some(CellIndex::uncompact(all, resolution).collect()))
    })),
    def!("h3_centeraswkt", 1, one, |_| Ok(DataType::Utf8), |call| call.texts(|row| {
        let (x, y) = of_place(LatLng::from(cell(call, 0, row)?));
        Ok(Some(format!("POINT({x} {y})")))
    })),
    def!("h3_centeraswkb", 1, one, |_| Ok(DataType::Binary), |call| call.binaries(|row| {
        let (x, y) = of_place(LatLng::from(cell(call, 0, row)?));
        Ok(Some(binary(Body::Point(Some(Coord::of(x, y))))))
    })),
    def!("h3_boundaryaswkb", 1, one, |_| Ok(DataType::Binary), |call| call.binaries(|row| {
        let corners = boundary(cell(call, 0, row)?).into_iter();
        let ring = corners.map(|(x, y)| Coord::of(x, y)).collect();
        Ok(Some(binary(Body::Polygon(vec![ring]))))
    })),
    def!("h3_centerasgeojson", 1, one, |_| Ok(DataType::Utf8), |call| call.texts(|row| {
        let (x, y) = of_place(LatLng::from(cell(call, 0, row)?));
        Ok(Some(format!(r#"{{"type":"Point","coordinates":[{x},{y}]}}"#)))
    })),
    def!("h3_boundaryaswkt", 1, one, |_| Ok(DataType::Utf8), |call| call.texts(|row| {
        let points = boundary(cell(call, 0, row)?).into_iter();
        let points: Vec<String> = points.map(|(x, y)| format!("{x} {y}")).collect();
        Ok(Some(format!("POLYGON(({}))", points.join(","))))
    })),
    def!("h3_boundaryasgeojson", 1, one, |_| Ok(DataType::Utf8), |call| call.texts(|row| {
        let points = boundary(cell(call, 0, row)?).into_iter();
        let points: Vec<String> = points.map(|(x, y)| format!("[{x},{y}]")).collect();
        Ok(Some(format!(r#"{{"type":"Polygon","coordinates":[[{}]]}}"#, points.join(","))))
    })),
];

fn at_place(call: &Call<'_>, row: usize) -> Result<CellIndex> {
    let (x, y) = (call.double(0, row), call.double(1, row));
    let resolution = resolution(call.int(2, row), Resolution::Zero, Resolution::Fifteen)?;
    match LatLng::new(y, x) {
        Ok(place) if (-90.0..=90.0).contains(&y) && (-540.0..=540.0).contains(&x) => {
            Ok(place.to_cell(resolution))
        }
        _ => fail(
            "INVALID_PARAMETER_VALUE",
            "22023",
            format!("There is no place of longitude {x} and latitude {y}."),
        ),
    }
}

fn of_place(place: LatLng) -> (f64, f64) {
    (place.lng(), place.lat())
}

/// The corners, the first of them at the end again.
fn boundary(cell: CellIndex) -> Vec<(f64, f64)> {
    let corners: Vec<(f64, f64)> = cell.boundary().iter().map(|place| of_place(*place)).collect();
    let first = corners.first().copied();
    corners.into_iter().chain(first).collect()
}

/// The cell in an array, if it is one.
fn of_array(array: &ArrayRef, at: usize) -> Option<CellIndex> {
    match array.data_type() {
        DataType::Int64 => {
            let number = array.as_primitive::<Int64Type>().value(at);
            CellIndex::try_from(number.cast_unsigned()).ok()
        }
        _ => array.as_string::<i32>().value(at).parse().ok(),
    }
}

fn found(call: &Call<'_>, arg: usize, row: usize) -> Option<CellIndex> {
    of_array(&call.args[arg], row)
}

fn shown(array: &ArrayRef, at: usize) -> String {
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at).to_string(),
        _ => array.as_string::<i32>().value(at).chars().take(40).collect(),
    }
}

fn known(array: &ArrayRef, at: usize) -> Result<CellIndex> {
    of_array(array, at).ok_or_else(|| {
        let text = format!("{} is not a valid H3 cell ID.", shown(array, at));
        raised("H3_INVALID_CELL_ID", "22023", text)
    })
}

fn cell(call: &Call<'_>, arg: usize, row: usize) -> Result<CellIndex> {
    known(&call.args[arg], row)
}

pub fn resolution(given: i32, least: Resolution, most: Resolution) -> Result<Resolution> {
    let found = u8::try_from(given).ok().and_then(|given| Resolution::try_from(given).ok());
    found.filter(|found| (least..=most).contains(found)).ok_or_else(|| {
        let text = format!(
            "H3 resolution {given} must be between {} and {}, inclusive.",
            u8::from(least),
            u8::from(most)
        );
        raised("H3_INVALID_RESOLUTION_VALUE", "22023", text)
    })
}

fn with_children(call: &Call<'_>, row: usize) -> Result<(CellIndex, Resolution)> {
    let cell = cell(call, 0, row)?;
    let least = cell.resolution();
    Ok((cell, resolution(call.int(1, row), least, Resolution::Fifteen)?))
}

fn steps(given: i32) -> Result<u32> {
    match u32::try_from(given) {
        Ok(steps) if given <= DISTANCE_MAX => Ok(steps),
        _ => fail(
            "H3_INVALID_GRID_DISTANCE_VALUE",
            "22023",
            format!("H3 grid distance {given} must be between 0 and {DISTANCE_MAX}."),
        ),
    }
}

pub fn bounded(count: u64) -> Result<()> {
    match count <= CELLS_MAX {
        true => Ok(()),
        false => fail(
            "INVALID_PARAMETER_VALUE",
            "22023",
            format!("{count} cells are more than the {CELLS_MAX} that one call may give."),
        ),
    }
}

fn distance(call: &Call<'_>, row: usize) -> Result<Option<i64>> {
    let (from, to) = (cell(call, 0, row)?, cell(call, 1, row)?);
    Ok(from.grid_distance(to).ok().map(i64::from))
}

/// Cells in the form of the result.
pub fn column(cells: &[Option<CellIndex>], form: &DataType) -> ArrayRef {
    let cells = cells.iter();
    match form {
        DataType::Int64 => {
            let number = |cell: &CellIndex| u64::from(*cell).cast_signed();
            let numbers = cells.map(|cell| cell.as_ref().map(number));
            Arc::new(numbers.collect::<Int64Array>())
        }
        _ => {
            let texts = cells.map(|cell| cell.as_ref().map(ToString::to_string));
            Arc::new(texts.collect::<StringArray>())
        }
    }
}

fn cells(
    call: &Call<'_>,
    mut each: impl FnMut(usize) -> Result<Option<CellIndex>>,
) -> Result<ArrayRef> {
    let all = (0..call.rows).map(|row| if call.has_null(row) { Ok(None) } else { each(row) });
    Ok(column(&all.collect::<Result<Vec<_>>>()?, call.gives))
}

fn items(call: &Call<'_>, row: usize) -> Result<Vec<CellIndex>> {
    let list = call.args[0].as_list::<i32>().value(row);
    (0..list.len()).filter(|at| list.is_valid(*at)).map(|at| known(&list, at)).collect()
}

/// NULL where an argument is, or what is found says so.
pub fn lists(
    call: &Call<'_>,
    mut each: impl FnMut(usize) -> Result<Option<Vec<CellIndex>>>,
) -> Result<ArrayRef> {
    let DataType::List(item) = call.gives else { return mismatch("A list is answered.") };
    let (mut all, mut lengths, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..call.rows {
        let cells = if call.has_null(row) { None } else { each(row)? };
        known.push(cells.is_some());
        let cells = cells.unwrap_or_default();
        lengths.push(cells.len());
        all.extend(cells.into_iter().map(Some));
        bounded(all.len() as u64)?;
    }
    let values = column(&all, item.data_type());
    let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), NullBuffer::from(known));
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, Some(nulls))?))
}

fn distances(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::List(item) = call.gives else { return mismatch("A list is answered.") };
    let (mut all, mut far, mut lengths, mut known) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in 0..call.rows {
        let is_known = !call.has_null(row);
        let mut disk: Vec<(CellIndex, u32)> = Vec::new();
        if is_known {
            disk = cell(call, 0, row)?.grid_disk_distances(steps(call.int(1, row))?);
        }
        lengths.push(disk.len());
        known.push(is_known);
        for (cell, steps) in disk {
            all.push(Some(cell));
            far.push(i32::try_from(steps).unwrap_or(i32::MAX));
        }
        bounded(all.len() as u64)?;
    }
    let fields = pair(call.args[0].data_type());
    let columns: Vec<ArrayRef> =
        vec![column(&all, call.args[0].data_type()), Arc::new(Int32Array::from(far))];
    let values: ArrayRef = Arc::new(StructArray::try_new(fields, columns, None)?);
    let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), NullBuffer::from(known));
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, Some(nulls))?))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("h3_longlatash3(-122.4783, 37.8199, 13)", "635714569676958015"),
            ("h3_longlatash3string(-122.4783, 37.8199, 13)", "8d283087022a93f"),
            ("h3_longlatash3(-122.4783, 37.8199, 16)", "[H3_INVALID_RESOLUTION_VALUE]"),
            ("h3_longlatash3(0.0, 91.0, 1)", "[INVALID_PARAMETER_VALUE]"),
            ("h3_longlatash3(NULL, 37.8199, 13)", ""),
            ("h3_h3tostring(599686042433355775)", "85283473fffffff"),
            ("h3_stringtoh3('85283473fffffff')", "599686042433355775"),
            ("h3_stringtoh3('nope')", "[H3_INVALID_CELL_ID]"),
            ("h3_isvalid(599686042433355775)", "true"),
            ("h3_isvalid('85283473ffffff')", "false"),
            ("h3_try_validate(0)", ""),
            ("h3_validate('85283473FFFFFFF')", "85283473fffffff"),
            ("h3_ispentagon(590112357393367039)", "true"),
            ("h3_ispentagon('85283473fffffff')", "false"),
            ("h3_resolution('85283473fffffff')", "5"),
            ("h3_toparent('85283473fffffff', 0)", "8029fffffffffff"),
            ("h3_toparent('85283473fffffff', 6)", "[H3_INVALID_RESOLUTION_VALUE]"),
            ("h3_minchild('85283473fffffff', 6)", "862834707ffffff"),
            ("h3_maxchild('85283473fffffff', 6)", "862834737ffffff"),
            ("cardinality(h3_tochildren('85283473fffffff', 7))", "49"),
            ("h3_tochildren('80f3fffffffffff', 15)", "[INVALID_PARAMETER_VALUE]"),
            ("h3_ischildof('862834707ffffff', '85283473fffffff')", "true"),
            ("h3_ischildof('85283473fffffff', '862834707ffffff')", "false"),
            ("h3_distance('8528344ffffffff', '85283473fffffff')", "2"),
            ("h3_try_distance('85283473fffffff', '862834707ffffff')", ""),
            ("h3_distance('85283473fffffff', '862834707ffffff')", "[H3_UNDEFINED_GRID_DISTANCE]"),
            ("cardinality(h3_kring(599686042433355775, 2))", "19"),
            ("cardinality(h3_hexring(599686042433355775, 2))", "12"),
            ("h3_kring('85283473fffffff', -1)", "[H3_INVALID_GRID_DISTANCE_VALUE]"),
            ("h3_hexring(590112357393367039, 1)", "[H3_PENTAGON_ENCOUNTERED_ERROR]"),
            ("h3_kringdistances('85283473fffffff', 0)", "[{cellid: 85283473fffffff, distance: 0}]"),
            ("h3_compact(h3_tochildren('85283473fffffff', 7))", "[85283473fffffff]"),
            ("cardinality(h3_uncompact(['85283473fffffff'], 6))", "7"),
            ("substr(h3_centeraswkt('85283473fffffff'), 1, 14)", "POINT(-121.976"),
            ("substr(h3_boundaryaswkt('85283473fffffff'), 1, 9)", "POLYGON(("),
            (
                "substr(h3_centerasgeojson('85283473fffffff'), 1, 30)",
                r#"{"type":"Point","coordinates":"#,
            ),
        ])
        .await
    }
}
