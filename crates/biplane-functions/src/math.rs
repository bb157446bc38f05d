//! Functions of one double, with NaN and NULL where Java and Spark have them.

use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;

use crate::frame::Def;
use crate::raised::mismatch;

fn double(types: &[DataType]) -> Result<Vec<DataType>> {
    match &types[0] {
        given if given.is_numeric() || given.is_string() || given.is_null() => {
            Ok(vec![DataType::Float64])
        }
        other => mismatch(format!("A number is needed here, not {other}.")),
    }
}

macro_rules! of_double {
    ($name:literal, $each:expr) => {
        Def {
            name: $name,
            least: 1,
            most: 1,
            takes: double,
            gives: |_| Ok(DataType::Float64),
            run: |call| {
                let each: fn(f64) -> Option<f64> = $each;
                call.primitives::<Float64Type>(|row| Ok(each(call.double(0, row))))
            },
        }
    };
}

pub const FUNCTIONS: &[Def] = &[
    of_double!("sqrt", |x| Some(x.sqrt())),
    of_double!("cbrt", |x| Some(x.cbrt())),
    of_double!("exp", |x| Some(x.exp())),
    of_double!("expm1", |x| Some(x.exp_m1())),
    of_double!("ln", |x| (x > 0.0 || x.is_nan()).then(|| x.ln())),
    of_double!("log10", |x| (x > 0.0 || x.is_nan()).then(|| x.log10())),
    of_double!("log2", |x| (x > 0.0 || x.is_nan()).then(|| x.log2())),
    of_double!("log1p", |x| (x > -1.0 || x.is_nan()).then(|| x.ln_1p())),
    of_double!("sin", |x| Some(x.sin())),
    of_double!("cos", |x| Some(x.cos())),
    of_double!("tan", |x| Some(x.tan())),
    of_double!("asin", |x| Some(x.asin())),
    of_double!("acos", |x| Some(x.acos())),
    of_double!("atan", |x| Some(x.atan())),
    of_double!("sinh", |x| Some(x.sinh())),
    of_double!("cosh", |x| Some(x.cosh())),
    of_double!("tanh", |x| Some(x.tanh())),
    of_double!("degrees", |x| Some(x.to_degrees())),
    of_double!("radians", |x| Some(x.to_radians())),
    Def {
        name: "factorial",
        least: 1,
        most: 1,
        takes: |types| match &types[0] {
            given if given.is_integer() || given.is_string() || given.is_null() => {
                Ok(vec![DataType::Int32])
            }
            other => mismatch(format!("factorial takes an INT, not {other}.")),
        },
        gives: |_| Ok(DataType::Int64),
        run: |call| {
            call.primitives::<Int64Type>(|row| {
                let number = i64::from(call.int(0, row));
                Ok((0..=20).contains(&number).then(|| (1..=number).product()))
            })
        },
    },
];

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("sqrt(4)", "2.0"),
            ("sqrt(-1)", "NaN"),
            ("sqrt('4')", "2.0"),
            ("ln(0)", ""),
            ("acos(2)", "NaN"),
            ("factorial(5)", "120"),
            ("factorial(21)", ""),
            ("sin(true)", "[DATATYPE_MISMATCH"),
        ])
        .await
    }
}
