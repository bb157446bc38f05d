//! Moments of a distribution, and its histogram.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int32Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use std::sync::Arc;

use crate::gather::Aggregate;
use crate::raised::{fail, mismatch};

pub fn register(state: &mut SessionState) -> Result<()> {
    for name in ["skewness", "kurtosis"] {
        let signature = Signature::user_defined(Volatility::Immutable);
        state.register_udaf(Arc::new(Shape { name, signature }.into()))?;
    }
    crate::gather::register(state, AGGREGATES)
}

static AGGREGATES: &[Aggregate] = &[Aggregate {
    name: "histogram_numeric",
    least: 2,
    most: 2,
    takes: |types| match &types[0] {
        number if number.is_numeric() => Ok(vec![number.clone(), DataType::Int32]),
        other => mismatch(format!("histogram_numeric takes numbers, not {other}.")),
    },
    gives: |types| Ok(DataType::new_list(DataType::Struct(bin(&types[0])), true)),
    known: 0,
    finish: histogram,
}];

fn bin(x: &DataType) -> Fields {
    Fields::from(vec![Field::new("x", x.clone(), true), Field::new("y", DataType::Float64, true)])
}

/// The first of the two bins that lie closest; of several such pairs Spark throws dice for one.
fn nearest(bins: &[(f64, f64)], dice: &mut Dice) -> usize {
    let (mut found, mut least, mut ties) = (0, f64::INFINITY, 1.0);
    for (at, pair) in bins.windows(2).enumerate() {
        let gap = pair[1].0 - pair[0].0;
        if gap < least {
            (found, least, ties) = (at, gap, 1.0);
        } else if gap <= least {
            ties += 1.0;
            if dice.next() <= 1.0 / ties {
                found = at;
            }
        }
    }
    found
}

/// Those of Java, as they fall for the one seed that Spark gives them.
struct Dice(u64);

impl Default for Dice {
    fn default() -> Self {
        Self((31_183 ^ 0x5_DEEC_E66D) & Self::MASK)
    }
}

impl Dice {
    const MASK: u64 = (1 << 48) - 1;

    fn bits(&mut self, count: u32) -> u64 {
        self.0 = self.0.wrapping_mul(0x5_DEEC_E66D).wrapping_add(11) & Self::MASK;
        self.0 >> (48 - count)
    }

    fn next(&mut self) -> f64 {
        let all = (self.bits(26) << 27) + self.bits(27);
        #[expect(clippy::cast_precision_loss, reason = "53 bits, as many as a double has")]
        let all = all as f64;
        all / (1_u64 << 53) as f64
    }
}

/// Of two neighbours the nearest are made one until there are as few as asked for.
fn histogram(columns: &[ArrayRef], gives: &DataType, _: bool) -> Result<ScalarValue> {
    let most = columns[1].as_primitive::<Int32Type>().value(0);
    let Some(most) = usize::try_from(most).ok().filter(|most| *most >= 2) else {
        return fail(
            "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
            "42K09",
            "The number of bins must be at least 2.",
        );
    };
    let numbers = arrow::compute::cast(&columns[0], &DataType::Float64)?;
    let mut bins: Vec<(f64, f64)> = Vec::new();
    let mut dice = Dice::default();
    for number in numbers.as_primitive::<Float64Type>().iter().flatten() {
        let at = bins.partition_point(|(x, _)| *x < number);
        match bins.get_mut(at) {
            #[expect(clippy::float_cmp, reason = "the very same value")]
            Some((x, count)) if *x == number => *count += 1.0,
            _ => bins.insert(at, (number, 1.0)),
        }
        if bins.len() > most {
            let nearest = nearest(&bins, &mut dice);
            let (b, a) = (bins.remove(nearest + 1), bins[nearest]);
            let count = a.1 + b.1;
            bins[nearest] = ((a.0 * a.1 + b.0 * b.1) / count, count);
        }
    }
    let (x, y): (Vec<f64>, Vec<f64>) = bins.into_iter().unzip();
    let x = arrow::array::Float64Array::from(x);
    let x = arrow::compute::cast(&x, columns[0].data_type())?;
    let y: ArrayRef = Arc::new(arrow::array::Float64Array::from(y));
    let fields = bin(columns[0].data_type());
    let bins: ArrayRef = Arc::new(arrow::array::StructArray::new(fields, vec![x, y], None));
    datafusion::common::utils::SingleRowListArrayBuilder::new(bins)
        .build_list_scalar()
        .cast_to(gives)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Shape {
    name: &'static str,
    signature: Signature,
}

impl AggregateUDFImpl for Shape {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [given] if given.is_numeric() || given.is_null() || given.is_string() => {
                Ok(vec![DataType::Float64])
            }
            _ => mismatch(format!("{} takes one number.", self.name)),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Moments { is_skewness: self.name == "skewness", ..Moments::default() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |at| Field::new(format!("{}[{at}]", args.name), DataType::Float64, true);
        Ok((0..5).map(|at| Arc::new(field(at))).collect())
    }
}

/// Count, mean and sums of powers of what differs from it.
#[derive(Debug, Default, Clone, Copy)]
struct Moments {
    is_skewness: bool,
    count: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    fn add(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        let (n1, n2) = (self.count, other.count);
        let n = n1 + n2;
        let delta = other.mean - self.mean;
        let part = delta / n;
        let m4 = self.m4
            + other.m4
            + delta * part * part * part * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2)
            + 6.0 * part * part * (n1 * n1 * other.m2 + n2 * n2 * self.m2)
            + 4.0 * part * (n1 * other.m3 - n2 * self.m3);
        let m3 = self.m3
            + other.m3
            + delta * part * part * n1 * n2 * (n1 - n2)
            + 3.0 * part * (n1 * other.m2 - n2 * self.m2);
        self.m2 += other.m2 + delta * part * n1 * n2;
        self.mean += part * n2;
        (self.m3, self.m4, self.count) = (m3, m4, n);
    }
}

impl Accumulator for Moments {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for number in values[0].as_primitive::<Float64Type>().iter().flatten() {
            self.add(&Self { count: 1.0, mean: number, ..Self::default() });
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let column = |at: usize| states[at].as_primitive::<Float64Type>();
        for row in 0..states[0].len() {
            let at = |column_at: usize| column(column_at).value(row);
            self.add(&Self {
                is_skewness: self.is_skewness,
                count: at(0),
                mean: at(1),
                m2: at(2),
                m3: at(3),
                m4: at(4),
            });
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let parts = [self.count, self.mean, self.m2, self.m3, self.m4];
        Ok(parts.into_iter().map(ScalarValue::from).collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let known = self.count > 0.0 && self.m2 != 0.0;
        Ok(ScalarValue::Float64(known.then(|| {
            if self.is_skewness {
                self.count.sqrt() * self.m3 / (self.m2 * self.m2 * self.m2).sqrt()
            } else {
                self.count * self.m4 / (self.m2 * self.m2) - 3.0
            }
        })))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::gather::testing::answers(
            "(-10, 0), (-20, 1), (100, 2), (1000, 10), (NULL, 10)",
            &[
                ("round(skewness(x), 12)", "1.113565746902"),
                ("round(kurtosis(x), 12)", "-0.701436804753"),
                ("skewness(1)", ""),
                (
                    "histogram_numeric(y, 5)",
                    "[{x: 0, y: 1.0}, {x: 1, y: 1.0}, {x: 2, y: 1.0}, {x: 10, y: 2.0}]",
                ),
                ("histogram_numeric(y, 1)", "[DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE]"),
            ],
        )
        .await
    }
}
