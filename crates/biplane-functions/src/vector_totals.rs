//! The sum and the mean of the vectors of a group, element by element.

use arrow::array::{Array, ArrayRef, AsArray, Float32Array};
use arrow::datatypes::{DataType, Float32Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use std::sync::Arc;

use crate::gather::Aggregate;
use crate::raised::fail;
use crate::vector::{narrow, vector_type};

const fn of_all(
    name: &'static str,
    finish: fn(&[ArrayRef], &DataType, bool) -> Result<ScalarValue>,
) -> Aggregate {
    Aggregate {
        name,
        least: 1,
        most: 1,
        takes: |types| Ok(vec![vector_type(&types[0])?]),
        gives: |_| Ok(DataType::new_list(DataType::Float32, true)),
        known: 0,
        finish,
    }
}

pub static AGGREGATES: &[Aggregate] = &[
    of_all("vector_sum", |args, gives, _| total(&args[0], gives, false)),
    of_all("vector_avg", |args, gives, _| total(&args[0], gives, true)),
];

/// Vectors of which an element is NULL count for nothing. Summed as doubles, so that the order of rows does not
/// show in the answer.
fn total(vectors: &ArrayRef, gives: &DataType, is_mean: bool) -> Result<ScalarValue> {
    let vectors = vectors.as_list::<i32>();
    let mut sums: Option<Vec<f64>> = None;
    let mut count = 0_u32;
    for vector in vectors.iter().flatten().filter(|vector| vector.null_count() == 0) {
        let vector = vector.as_primitive::<Float32Type>();
        let sums = sums.get_or_insert_with(|| vec![0.0; vector.len()]);
        if sums.len() != vector.len() {
            let text = format!("The vectors have {} and {} dimensions.", sums.len(), vector.len());
            return fail("VECTOR_DIMENSION_MISMATCH", "22000", text);
        }
        for (sum, part) in sums.iter_mut().zip(vector.values()) {
            *sum += f64::from(*part);
        }
        count = count.saturating_add(1);
    }
    let Some(sums) = sums else { return ScalarValue::try_from(gives) };
    let divisor = if is_mean { f64::from(count) } else { 1.0 };
    let parts: Float32Array = sums.into_iter().map(|sum| Some(narrow(sum / divisor))).collect();
    SingleRowListArrayBuilder::new(Arc::new(parts)).build_list_scalar().cast_to(gives)
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        let rows = "(CAST([1, 2] AS FLOAT[]), CAST([1] AS FLOAT[])), (CAST([3, 4] AS FLOAT[]), \
                    CAST([1, 2] AS FLOAT[])), (CAST([NULL, 4] AS FLOAT[]), NULL)";
        crate::gather::testing::answers(
            rows,
            &[
                ("vector_sum(x)", "[4.0, 6.0]"),
                ("vector_avg(x)", "[2.0, 3.0]"),
                ("vector_avg(y)", "[VECTOR_DIMENSION_MISMATCH]"),
                ("vector_sum(1)", "[DATATYPE_MISMATCH"),
                ("vector_sum(x) FILTER (WHERE y IS NULL)", ""),
            ],
        )
        .await
    }
}
