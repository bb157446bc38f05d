//! Arrays of FLOAT as vectors.

use arrow::array::{ArrayRef, AsArray, Float32Builder, ListBuilder};
use arrow::datatypes::{DataType, Field, Float32Type};
use datafusion::common::Result;
use std::sync::Arc;

use crate::frame::{Call, Def};
use crate::raised::{fail, mismatch};

const fn of_two(name: &'static str, run: fn(&Call<'_>) -> Result<ArrayRef>) -> Def {
    Def { name, least: 2, most: 2, takes: vectors, gives: |_| Ok(DataType::Float32), run }
}

pub const FUNCTIONS: &[Def] = &[
    of_two("vector_inner_product", |call| pairs(call, |a, b| Some(inner(a, b)))),
    of_two("vector_l2_distance", |call| {
        pairs(call, |a, b| Some(a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()))
    }),
    of_two("vector_cosine_similarity", |call| {
        pairs(call, |a, b| {
            let size = inner(a, a).sqrt() * inner(b, b).sqrt();
            (size != 0.0).then(|| inner(a, b) / size)
        })
    }),
    Def {
        name: "vector_norm",
        least: 1,
        most: 2,
        takes: vector_and_degree,
        gives: |_| Ok(DataType::Float32),
        run: |call| {
            call.primitives::<Float32Type>(|row| {
                let Some(vector) = vector(&call.args[0], row) else { return Ok(None) };
                norm(&vector, degree(call, row)).map(|norm| Some(narrow(norm)))
            })
        },
    },
    Def {
        name: "vector_normalize",
        least: 1,
        most: 2,
        takes: vector_and_degree,
        gives: |_| Ok(DataType::new_list(DataType::Float32, true)),
        run: |call| {
            let field = Arc::new(Field::new_list_field(DataType::Float32, true));
            let mut builder = ListBuilder::new(Float32Builder::new()).with_field(field);
            for row in 0..call.rows {
                let vector = if call.has_null(row) { None } else { vector(&call.args[0], row) };
                let Some(vector) = vector else {
                    builder.append_null();
                    continue;
                };
                let norm = norm(&vector, degree(call, row))?;
                if norm == 0.0 && !vector.is_empty() {
                    builder.append_null();
                } else {
                    builder.append_value(vector.iter().map(|part| Some(narrow(part / norm))));
                }
            }
            Ok(Arc::new(builder.finish()))
        },
    },
];

pub fn vector_type(given: &DataType) -> Result<DataType> {
    match given {
        DataType::List(item) if item.data_type() == &DataType::Float32 => {}
        DataType::Null => {}
        other => return mismatch(format!("An array of FLOAT is needed, not {other}.")),
    }
    Ok(DataType::new_list(DataType::Float32, true))
}

fn vectors(types: &[DataType]) -> Result<Vec<DataType>> {
    types.iter().map(vector_type).collect()
}

fn vector_and_degree(types: &[DataType]) -> Result<Vec<DataType>> {
    let takes = |(at, given): (usize, &DataType)| match at {
        0 => vector_type(given),
        _ if given.is_numeric() || given.is_null() => Ok(DataType::Float32),
        _ => mismatch(format!("The degree of a norm is a FLOAT, not {given}.")),
    };
    types.iter().enumerate().map(takes).collect()
}

/// `None` where an element is NULL.
fn vector(array: &ArrayRef, row: usize) -> Option<Vec<f64>> {
    let items = array.as_list::<i32>().value(row);
    items.as_primitive::<Float32Type>().iter().map(|item| item.map(f64::from)).collect()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[expect(clippy::cast_possible_truncation, reason = "vectors are of FLOAT")]
pub fn narrow(number: f64) -> f32 {
    number as f32
}

fn pairs(call: &Call<'_>, with: impl Fn(&[f64], &[f64]) -> Option<f64>) -> Result<ArrayRef> {
    call.primitives::<Float32Type>(|row| {
        let (Some(a), Some(b)) = (vector(&call.args[0], row), vector(&call.args[1], row)) else {
            return Ok(None);
        };
        if a.len() != b.len() {
            let text = format!("The vectors have {} and {} dimensions.", a.len(), b.len());
            return fail("VECTOR_DIMENSION_MISMATCH", "22000", text);
        }
        Ok(with(&a, &b).map(narrow))
    })
}

fn degree(call: &Call<'_>, row: usize) -> f32 {
    call.args.get(1).map_or(2.0, |degrees| degrees.as_primitive::<Float32Type>().value(row))
}

fn norm(vector: &[f64], degree: f32) -> Result<f64> {
    let sizes = vector.iter().map(|part| part.abs());
    match degree {
        1.0 => Ok(sizes.sum()),
        2.0 => Ok(inner(vector, vector).sqrt()),
        f32::INFINITY => Ok(sizes.fold(0.0, f64::max)),
        other => {
            let text = format!("The degree {other} of a norm is none of 1, 2 and infinity.");
            fail("INVALID_VECTOR_NORM_DEGREE", "22023", text)
        }
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        let [a, b] = ["1, 2, 3", "4, 5, 6"].map(|all| format!("CAST([{all}] AS FLOAT[])"));
        let cases = [
            (format!("vector_inner_product({a}, {b})"), "32.0"),
            (format!("vector_l2_distance({a}, {b})"), "5.196152"),
            (format!("vector_cosine_similarity({a}, {b})"), "0.97463185"),
            (
                format!("vector_inner_product({a}, CAST([1] AS FLOAT[]))"),
                "[VECTOR_DIMENSION_MISMATCH]",
            ),
            (format!("vector_norm({a}, 1)"), "6.0"),
            (format!("vector_norm({a}, 3)"), "[INVALID_VECTOR_NORM_DEGREE]"),
            ("vector_normalize(CAST([3, 4] AS FLOAT[]))".to_owned(), "[0.6, 0.8]"),
            ("vector_normalize(1, 5)".to_owned(), "[DATATYPE_MISMATCH"),
            (format!("vector_norm({a}, {b})"), "[DATATYPE_MISMATCH"),
            ("vector_norm(CAST([3, NULL] AS FLOAT[]))".to_owned(), ""),
        ];
        let cases: Vec<(&str, &str)> =
            cases.iter().map(|(call, answer)| (call.as_str(), *answer)).collect();
        crate::frame::testing::answers(&cases).await
    }
}
