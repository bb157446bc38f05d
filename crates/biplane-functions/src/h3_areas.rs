//! H3 cells of points, lines and areas, which are given as well-known binary or text or as GeoJSON.

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, ListArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use geo::{BooleanOps, Contains, GeodesicArea, Intersects};
use geo::{LineString, MultiLineString, MultiPolygon, Point, Polygon};
use h3o::{CellIndex, LatLng, Resolution};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::frame::{Call, Def, Given, Gives, Run, Takes};
use crate::geo::{Body, Kind, planar, read_any};
use crate::h3::{bounded, column, lists, resolution};
use crate::raised::{fail, mismatch};

const TAKES: Takes = |types| Ok(vec![crate::geo::text_or_bytes(&types[0])?, DataType::Int32]);

const fn def(name: &'static str, gives: Gives, run: Run) -> Def {
    Def { name, least: 2, most: 2, takes: TAKES, gives, run }
}

const fn whole(_: &Given<'_>) -> Result<DataType> {
    Ok(DataType::Int64)
}

const fn text(_: &Given<'_>) -> Result<DataType> {
    Ok(DataType::Utf8)
}

fn list_of_whole(_: &Given<'_>) -> Result<DataType> {
    Ok(DataType::new_list(DataType::Int64, true))
}

fn list_of_text(_: &Given<'_>) -> Result<DataType> {
    Ok(DataType::new_list(DataType::Utf8, true))
}

fn chips(_: &Given<'_>) -> Result<DataType> {
    Ok(DataType::new_list(DataType::Struct(chip()), true))
}

fn chip() -> Fields {
    Fields::from(vec![
        Field::new("cellid", DataType::Int64, true),
        Field::new("core", DataType::Boolean, true),
        Field::new("chip", DataType::Binary, true),
    ])
}

pub const FUNCTIONS: &[Def] = &[
    def("h3_pointash3", whole, |call| points(call, false)),
    def("h3_pointash3string", text, |call| points(call, false)),
    def("h3_try_pointash3", whole, |call| points(call, true)),
    def("h3_try_pointash3string", text, |call| points(call, true)),
    def("h3_polyfillash3", list_of_whole, |call| areas(call, polyfill, false)),
    def("h3_polyfillash3string", list_of_text, |call| areas(call, polyfill, false)),
    def("h3_try_polyfillash3", list_of_whole, |call| areas(call, polyfill, true)),
    def("h3_try_polyfillash3string", list_of_text, |call| areas(call, polyfill, true)),
    def("h3_coverash3", list_of_whole, |call| areas(call, cover, false)),
    def("h3_coverash3string", list_of_text, |call| areas(call, cover, false)),
    def("h3_try_coverash3", list_of_whole, |call| areas(call, cover, true)),
    def("h3_try_coverash3string", list_of_text, |call| areas(call, cover, true)),
    def("h3_tessellateaswkb", chips, |call| tessellate(call, false)),
    def("h3_try_tessellateaswkb", chips, |call| tessellate(call, true)),
];

fn body(call: &Call<'_>, row: usize) -> Result<Body> {
    read_any(call, 0, row, true).map(|(shape, _)| shape.body)
}

fn asked(call: &Call<'_>, row: usize) -> Result<Resolution> {
    resolution(call.int(1, row), Resolution::Zero, Resolution::Fifteen)
}

/// `tries`: NULL in place of a geography that is not fit.
fn tried<T>(result: Result<T>, tries: bool) -> Result<Option<T>> {
    match result {
        Err(_) if tries => Ok(None),
        other => other.map(Some),
    }
}

fn unfit<T>(body: &Body, wanted: &str) -> Result<T> {
    let text = format!("A {} is given where {wanted} is needed.", body.kind().name());
    fail("WKT_PARSE_ERROR", "22023", text)
}

fn points(call: &Call<'_>, tries: bool) -> Result<ArrayRef> {
    let found = (0..call.rows).map(|row| {
        if call.has_null(row) {
            return Ok(None);
        }
        let resolution = asked(call, row)?;
        let point = body(call, row).and_then(|body| match &body {
            Body::Point(Some(at)) => Ok(cell_at(at.x, at.y, resolution)),
            other => unfit(other, "a point"),
        });
        Ok(tried(point, tries)?.flatten())
    });
    Ok(column(&found.collect::<Result<Vec<_>>>()?, call.gives))
}

fn cell_at(x: f64, y: f64, resolution: Resolution) -> Option<CellIndex> {
    LatLng::new(y, x).ok().map(|place| place.to_cell(resolution))
}

type Cells = fn(&Body, Resolution) -> Result<Vec<CellIndex>>;

fn areas(call: &Call<'_>, cells: Cells, tries: bool) -> Result<ArrayRef> {
    lists(call, |row| {
        let resolution = asked(call, row)?;
        tried(body(call, row).and_then(|body| cells(&body, resolution)), tries)
    })
}

/// Cells of which the middle is in the area.
fn polyfill(body: &Body, resolution: Resolution) -> Result<Vec<CellIndex>> {
    let Some(area) = area(body) else { return unfit(body, "a polygon or multipolygon") };
    let is_inside = |cell: &CellIndex| {
        let middle = LatLng::from(*cell);
        area.contains(&Point::new(middle.lng(), middle.lat()))
    };
    Ok(tiles(&area, resolution)?.into_keys().filter(is_inside).collect())
}

/// Cells that have something of the area or the lines.
fn cover(body: &Body, resolution: Resolution) -> Result<Vec<CellIndex>> {
    if let Some(lines) = lines(body) {
        return along(&lines, resolution);
    }
    let Some(area) = area(body) else {
        return unfit(body, "a linestring, polygon, multilinestring or multipolygon");
    };
    Ok(tiles(&area, resolution)?.into_keys().collect())
}

fn area(body: &Body) -> Option<MultiPolygon> {
    let is_area = matches!(body.kind(), Kind::Polygon | Kind::MultiPolygon);
    is_area.then(|| planar::polygons(&body.parts()))
}

fn lines(body: &Body) -> Option<MultiLineString> {
    let is_line = matches!(body.kind(), Kind::LineString | Kind::MultiLineString);
    let parts = body.parts();
    let found = parts.iter().filter_map(|part| match part {
        Body::Line(points) => Some(planar::line(points)),
        _ => None,
    });
    is_line.then(|| MultiLineString::new(found.collect()))
}

/// Cells that meet an area, and what is asked of each. They hang together: one is found from the next.
fn tiles(area: &MultiPolygon, resolution: Resolution) -> Result<BTreeMap<CellIndex, MultiPolygon>> {
    let estimate = area.geodesic_area_unsigned() / resolution.area_m2();
    bounded(estimate as u64)?;
    let mut found = BTreeMap::new();
    for polygon in area {
        spread(&mut found, polygon.exterior(), resolution, |cell| cell.intersects(polygon))?;
    }
    Ok(found)
}

fn along(lines: &MultiLineString, resolution: Resolution) -> Result<Vec<CellIndex>> {
    let mut found = BTreeMap::new();
    for line in lines {
        spread(&mut found, line, resolution, |cell| cell.intersects(line))?;
    }
    Ok(found.into_keys().collect())
}

/// From the cell of the first point to all neighbours that are `met`.
fn spread(
    found: &mut BTreeMap<CellIndex, MultiPolygon>,
    line: &LineString,
    resolution: Resolution,
    met: impl Fn(&MultiPolygon) -> bool,
) -> Result<()> {
    let first = line.0.first().and_then(|at| cell_at(at.x, at.y, resolution));
    let mut seen: HashSet<CellIndex> = first.into_iter().collect();
    let mut next: Vec<CellIndex> = first.into_iter().collect();
    while let Some(cell) = next.pop() {
        let shape = of_cell(cell);
        if !met(&shape) {
            continue;
        }
        found.insert(cell, shape);
        bounded(found.len() as u64)?;
        let near = cell.grid_disk::<Vec<_>>(1).into_iter();
        next.extend(near.filter(|near| seen.insert(*near)));
    }
    Ok(())
}

/// A cell in the plane of longitude and latitude; over the antimeridian it is on both sides.
fn of_cell(cell: CellIndex) -> MultiPolygon {
    let mut corners: Vec<(f64, f64)> =
        cell.boundary().iter().map(|at| (at.lng(), at.lat())).collect();
    let is_over = corners.iter().any(|(x, _)| corners[0].0 - x > 180.0 || x - corners[0].0 > 180.0);
    if !is_over {
        return Polygon::new(corners.into(), Vec::new()).into();
    }
    for (x, _) in corners.iter_mut().filter(|(x, _)| *x < 0.0) {
        *x += 360.0;
    }
    let west = corners.iter().map(|(x, y)| (x - 360.0, *y)).collect::<Vec<_>>();
    let sides = [corners, west].map(|side| Polygon::new(side.into(), Vec::new()));
    MultiPolygon::new(sides.into())
}

struct Chip {
    cell: CellIndex,
    is_core: bool,
    wkb: Vec<u8>,
}

/// Each cell with what it has of the geography.
fn chips_of(body: &Body, resolution: Resolution) -> Result<Vec<Chip>> {
    let polygons =
        |area: MultiPolygon| Body::gathered(area.iter().map(planar::of_polygon).collect());
    let chip = |cell, is_core, body| Chip { cell, is_core, wkb: crate::geo::binary(body) };
    if let Body::Point(Some(at)) = body {
        let cell = cell_at(at.x, at.y, resolution);
        return Ok(cell.map(|cell| chip(cell, false, body.clone())).into_iter().collect());
    }
    if let Some(lines) = lines(body) {
        let cells = along(&lines, resolution)?.into_iter();
        return Ok(cells
            .map(|cell| {
                let inside = of_cell(cell).clip(&lines, false);
                let parts = inside.iter().map(|line| Body::Line(planar::of_line(line))).collect();
                chip(cell, false, Body::gathered(parts))
            })
            .collect());
    }
    let Some(area) = area(body) else {
        return unfit(body, "a point, linestring, polygon, multilinestring or multipolygon");
    };
    let cells = tiles(&area, resolution)?.into_iter();
    Ok(cells
        .map(|(cell, all)| {
            let is_core = area.contains(&all);
            chip(cell, is_core, polygons(if is_core { all } else { all.intersection(&area) }))
        })
        .collect())
}

fn tessellate(call: &Call<'_>, tries: bool) -> Result<ArrayRef> {
    let DataType::List(item) = call.gives else { return mismatch("A list is answered.") };
    let (mut all, mut lengths, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..call.rows {
        let mut found = None;
        if !call.has_null(row) {
            let resolution = asked(call, row)?;
            found = tried(body(call, row).and_then(|body| chips_of(&body, resolution)), tries)?;
        }
        known.push(found.is_some());
        let found = found.unwrap_or_default();
        lengths.push(found.len());
        all.extend(found);
        bounded(all.len() as u64)?;
    }
    let cells: Vec<Option<CellIndex>> = all.iter().map(|chip| Some(chip.cell)).collect();
    let cores: BooleanArray = all.iter().map(|chip| Some(chip.is_core)).collect();
    let chips = BinaryArray::from_iter_values(all.iter().map(|chip| &chip.wkb));
    let columns: Vec<ArrayRef> =
        vec![column(&cells, &DataType::Int64), Arc::new(cores), Arc::new(chips)];
    let values: ArrayRef = Arc::new(StructArray::try_new(chip(), columns, None)?);
    let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), NullBuffer::from(known));
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, Some(nulls))?))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        let bay = "'POLYGON((-122.4089866 37.813318,-122.3544736 37.7198061,-122.5123436 37.7835871,-122.4089866 37.813318))'";
        let road = "'LINESTRING(-122.48 37.8,-122.3 37.9)'";
        let cases = [
            ("h3_pointash3string('POINT(-122.4783 37.8199)', 13)".to_owned(), "8d283087022a93f"),
            (
                "h3_pointash3('{\"type\":\"Point\",\"coordinates\":[-122.4783,37.8199]}', 13)"
                    .to_owned(),
                "635714569676958015",
            ),
            (format!("h3_pointash3({bay}, 13)"), "[WKT_PARSE_ERROR]"),
            ("h3_try_pointash3('POINT(', 13)".to_owned(), ""),
            (format!("h3_polyfillash3({bay}, 16)"), "[H3_INVALID_RESOLUTION_VALUE]"),
            (format!("cardinality(h3_polyfillash3({bay}, 7))"), "12"),
            (format!("cardinality(h3_coverash3({bay}, 7))"), "21"),
            (format!("h3_polyfillash3({bay}, 15)"), "[INVALID_PARAMETER_VALUE]"),
            ("h3_polyfillash3('POINT(1 1)', 3)".to_owned(), "[WKT_PARSE_ERROR]"),
            (format!("cardinality(h3_coverash3string({road}, 6))"), "4"),
            (
                format!(
                    "cardinality(h3_tessellateaswkb({bay}, 7)) = cardinality(h3_coverash3({bay}, 7))"
                ),
                "true",
            ),
            (format!("cardinality(h3_tessellateaswkb({road}, 6))"), "4"),
            ("h3_try_tessellateaswkb('nope', 6)".to_owned(), ""),
        ];
        let cases: Vec<(&str, &str)> =
            cases.iter().map(|(call, answer)| (call.as_str(), *answer)).collect();
        crate::frame::testing::answers(&cases).await
    }
}
