//! How two geometries lie to each other: predicates of the DE-9IM model.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use geo::relate::{IntersectionMatrix, Relate};

use super::shape::Body;
use super::{geometries, pair, parts, planar};
use crate::frame::{Call, Def, Run};

const fn def(name: &'static str, run: Run) -> Def {
    Def { name, least: 2, most: 2, takes: geometries, gives: |_| Ok(DataType::Boolean), run }
}

pub const FUNCTIONS: &[Def] = &[
    def("st_contains", |call| related(call, false, IntersectionMatrix::is_contains)),
    def("st_covers", |call| related(call, false, IntersectionMatrix::is_covers)),
    def("st_disjoint", |call| related(call, true, IntersectionMatrix::is_disjoint)),
    def("st_equals", |call| {
        call.bools(|row| {
            let (left, right) = pair(call, row)?;
            let (left, right) = (left.shape.body, right.shape.body);
            let both = left.is_empty() && right.is_empty();
            Ok(Some(both || holds(&left, &right, false, IntersectionMatrix::is_equal_topo)))
        })
    }),
    def("st_intersects", |call| related(call, false, IntersectionMatrix::is_intersects)),
    def("st_touches", |call| related(call, false, IntersectionMatrix::is_touches)),
    def("st_within", |call| related(call, false, IntersectionMatrix::is_within)),
];

fn related(call: &Call<'_>, apart: bool, is: fn(&IntersectionMatrix) -> bool) -> Result<ArrayRef> {
    call.bools(|row| {
        let (left, right) = pair(call, row)?;
        Ok(Some(holds(&left.shape.body, &right.shape.body, apart, is)))
    })
}

/// `apart`: what is true of geometries that have nothing in common, as those whose boxes have not.
fn holds(left: &Body, right: &Body, apart: bool, is: fn(&IntersectionMatrix) -> bool) -> bool {
    let (Some((a, b)), Some((c, d))) = (parts::bounds(left), parts::bounds(right)) else {
        return apart;
    };
    if b.x < c.x || d.x < a.x || b.y < c.y || d.y < a.y {
        return apart;
    }
    is(&planar::of(left).relate(&planar::of(right)))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        let square = "st_geomfromtext('POLYGON((0 0,4 0,4 4,0 4,0 0))')";
        let cases = [
            (format!("st_contains({square}, st_point(1, 1))"), "true"),
            // A point of the border is covered and not contained.
            (format!("st_contains({square}, st_point(0, 1))"), "false"),
            (format!("st_covers({square}, st_point(0, 1))"), "true"),
            (format!("st_touches({square}, st_point(0, 1))"), "true"),
            (format!("st_within(st_point(1, 1), {square})"), "true"),
            (format!("st_intersects({square}, st_geomfromtext('LINESTRING(3 3,9 9)'))"), "true"),
            (format!("st_intersects({square}, st_point(9, 9))"), "false"),
            (format!("st_disjoint({square}, st_point(9, 9))"), "true"),
            (format!("st_disjoint({square}, st_geomfromtext('POINT EMPTY'))"), "true"),
            (
                format!("st_equals({square}, st_geomfromtext('POLYGON((4 4,0 4,0 0,4 0,4 4))'))"),
                "true",
            ),
            (format!("st_contains({square}, st_point(1, 1, 4326))"), "[ST_DIFFERENT_SRID_VALUES]"),
            (format!("st_contains({square}, NULL)"), ""),
        ];
        let cases: Vec<(&str, &str)> =
            cases.iter().map(|(call, answer)| (call.as_str(), *answer)).collect();
        crate::frame::testing::answers(&cases).await
    }
}
