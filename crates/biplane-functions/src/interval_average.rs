//! `avg` and `try_avg` of intervals.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, IntervalMonthDayNanoType};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use std::sync::Arc;

use crate::intervals::{interval_type, made, parts};
use crate::raised::fail;

/// Of months or of microseconds; the other one is 0.
#[derive(Debug, Default)]
pub struct IntervalAverage {
    months: i64,
    micros: i64,
    count: i64,
    /// A sum did not fit, which is an error, or NULL where that is asked for.
    is_lost: bool,
    is_lenient: bool,
}

pub fn state_fields(name: &str) -> Vec<FieldRef> {
    let field =
        |part: &str, data_type| Arc::new(Field::new(format!("{name}[{part}]"), data_type, true));
    vec![
        field("months", DataType::Int64),
        field("micros", DataType::Int64),
        field("count", DataType::Int64),
        field("lost", DataType::Boolean),
    ]
}

impl IntervalAverage {
    pub fn new(is_lenient: bool) -> Self {
        Self { is_lenient, ..Self::default() }
    }

    fn add(&mut self, months: i64, micros: i64, count: i64) {
        // Spark's sum of months is an INT.
        let sum = self.months.checked_add(months).filter(|sum| i32::try_from(*sum).is_ok());
        match (sum, self.micros.checked_add(micros)) {
            (Some(months), Some(micros)) => (self.months, self.micros) = (months, micros),
            _ => self.is_lost = true,
        }
        self.count += count;
    }
}

/// Halves go away from zero.
fn divided(total: i64, count: i64) -> i64 {
    let (quotient, rest) = (total / count, total % count);
    match rest.unsigned_abs() * 2 >= count.unsigned_abs() && rest != 0 {
        true => quotient + total.signum(),
        false => quotient,
    }
}

impl Accumulator for IntervalAverage {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_primitive::<IntervalMonthDayNanoType>().iter().flatten() {
            let (months, micros) = parts(value);
            self.add(months, micros, 1);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let number = |at: usize, row: usize| states[at].as_primitive::<Int64Type>().value(row);
        for row in 0..states[0].len() {
            self.is_lost |= states[3].as_boolean().value(row);
            self.add(number(0, row), number(1, row), number(2, row));
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::from(self.months),
            ScalarValue::from(self.micros),
            ScalarValue::from(self.count),
            ScalarValue::from(self.is_lost),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let none = || ScalarValue::try_from(&interval_type());
        match (self.is_lost, self.count) {
            (true, _) if self.is_lenient => none(),
            (true, _) => fail(
                "ARITHMETIC_OVERFLOW",
                "22003",
                "The sum of intervals is too large. Use `try_avg` to tolerate overflow and return NULL instead.",
            ),
            (false, 0) => none(),
            (false, count) => Ok(ScalarValue::IntervalMonthDayNano(made(
                divided(self.months, count),
                divided(self.micros, count),
            ))),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::gather::testing::answers(
            "(2147483647, 10), (1, 11), (NULL, NULL)",
            &[
                ("avg(make_ym_interval(0, y))", "11 mons"),
                ("avg(make_dt_interval(0, 0, y))", "10 mins 30.000000000 secs"),
                ("try_avg(make_ym_interval(0, x))", ""),
                ("avg(make_ym_interval(0, x))", "[ARITHMETIC_OVERFLOW]"),
                ("try_avg(y)", "10.5"),
                ("avg(make_ym_interval(y)) FILTER (WHERE y > 99)", ""),
            ],
        )
        .await
    }
}
