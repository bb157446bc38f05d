//! `sum` and `avg`: DataFusion's, for what Spark lets them take, and with an error where a sum of whole numbers
//! or decimals is too large for its type.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, PrimitiveArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Field, FieldRef, Int64Type, i256,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs, Volatility,
};
use std::mem::size_of_val;
use std::sync::Arc;

use crate::interval_average::{self, IntervalAverage};
use crate::intervals::{interval_type, is_interval};
use crate::raised::{fail, mismatch};

pub fn register(state: &mut SessionState) -> Result<()> {
    for (name, inner) in [("sum", sum_udaf()), ("avg", avg_udaf()), ("try_avg", avg_udaf())] {
        let signature = Signature::user_defined(Volatility::Immutable);
        let total = Total { name, inner, is_sum: name == "sum", signature };
        state.register_udaf(Arc::new(total.into()))?;
    }
    Ok(())
}

impl Total {
    fn averages_intervals(&self, args: &AccumulatorArgs<'_>) -> bool {
        !self.is_sum && args.expr_fields.iter().any(|field| is_interval(field.data_type()))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Total {
    name: &'static str,
    inner: Arc<AggregateUDF>,
    is_sum: bool,
    signature: Signature,
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        if self.name == "try_avg" { &[] } else { self.inner.aliases() }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [interval] if is_interval(interval) => Ok(interval_type()),
            _ => self.inner.return_type(types),
        }
    }

    fn return_field(&self, args: &[FieldRef]) -> Result<FieldRef> {
        let types: Vec<DataType> = args.iter().map(|field| field.data_type().clone()).collect();
        let field = Field::new(self.name(), self.return_type(&types)?, true);
        Ok(Arc::new(crate::intervals::qualified(field, args)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [given] = types else {
            let text = format!("The function `{}` takes one argument.", self.name());
            return fail("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text);
        };
        Ok(vec![match given {
            whole if whole.is_integer() && self.is_sum => DataType::Int64,
            number if number.is_integer() || number.is_floating() => DataType::Float64,
            text if text.is_string() || text.is_null() => DataType::Float64,
            decimal @ DataType::Decimal128(..) => decimal.clone(),
            interval if is_interval(interval) => interval_type(),
            other => return mismatch(format!("{} cannot take {other}.", self.name())),
        }])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if self.is_sum && !args.is_distinct {
            let gives = args.return_type();
            if let Some(limit) = limit(gives) {
                return Ok(Box::new(Sum { total: None, limit, gives: gives.clone() }));
            }
        }
        if self.averages_intervals(&args) {
            return Ok(Box::new(IntervalAverage::new(self.name == "try_avg")));
        }
        match Scaling::of(&args).filter(|_| !self.is_sum && !args.is_distinct) {
            Some(scaling) => Ok(Box::new(Average { total: 0, count: 0, scaling })),
            None => self.inner.accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let given = args.input_fields.first().map(|field| field.data_type());
        match given {
            Some(DataType::Decimal128(_, scale)) if !self.is_sum && !args.is_distinct => {
                let sum = DataType::Decimal128(38, *scale);
                Ok(vec![
                    Arc::new(Field::new(format!("{}[sum]", args.name), sum, true)),
                    Arc::new(Field::new(format!("{}[count]", args.name), DataType::Int64, true)),
                ])
            }
            Some(given) if !self.is_sum && is_interval(given) => {
                Ok(interval_average::state_fields(args.name))
            }
            _ => self.inner.state_fields(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !self.averages_intervals(&args) && self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let gives = args.return_type().clone();
        if let Some(scaling) = Scaling::of(&args).filter(|_| !self.is_sum) {
            return Ok(Box::new(Averages { totals: Vec::new(), counts: Vec::new(), scaling }));
        }
        match limit(&gives) {
            Some(limit) if self.is_sum => {
                Ok(Box::new(Sums { totals: Vec::new(), seen: Vec::new(), limit, gives }))
            }
            _ => self.inner.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        match Scaling::of(&args).filter(|_| !self.is_sum && !args.is_distinct) {
            Some(scaling) => Ok(Box::new(Average { total: 0, count: 0, scaling })),
            None => self.inner.create_sliding_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> datafusion::logical_expr::utils::AggregateOrderSensitivity {
        datafusion::logical_expr::utils::AggregateOrderSensitivity::Insensitive
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}

/// What no sum of this type may reach; None: sums of it are not exact.
fn limit(gives: &DataType) -> Option<i128> {
    match gives {
        DataType::Int64 => Some(1 << 63),
        DataType::Decimal128(digits, _) => 10_i128.checked_pow(u32::from(*digits)),
        _ => None,
    }
}

fn overflow<T>() -> Result<T> {
    fail(
        "ARITHMETIC_OVERFLOW",
        "22003",
        "The sum is too large for its type. Use `try_sum` to tolerate overflow and return NULL instead.",
    )
}

fn fits(total: i128, limit: i128, gives: &DataType) -> bool {
    match gives {
        DataType::Int64 => i64::try_from(total).is_ok(),
        _ => total.unsigned_abs() < limit.unsigned_abs(),
    }
}

/// What is there, with its place, in a type that holds sums of all of it or nearly all.
fn each(array: &ArrayRef, with: impl FnMut(usize, i128)) {
    match array.data_type() {
        DataType::Int64 => each_of(array.as_primitive::<Int64Type>(), with),
        _ => each_of(array.as_primitive::<Decimal128Type>(), with),
    }
}

fn each_of<P: ArrowPrimitiveType<Native: Into<i128>>>(
    numbers: &PrimitiveArray<P>,
    mut with: impl FnMut(usize, i128),
) {
    let values = numbers.values().iter().enumerate();
    match numbers.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => values.for_each(|(at, number)| with(at, (*number).into())),
        Some(nulls) => values.filter(|(at, _)| nulls.is_valid(*at)).for_each(|(at, number)| {
            with(at, (*number).into());
        }),
    }
}

#[derive(Debug)]
struct Sum {
    total: Option<i128>,
    limit: i128,
    gives: DataType,
}

impl Accumulator for Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(array) = values.first() else { return Ok(()) };
        let mut total = self.total;
        let mut is_lost = false;
        each(array, |_, number| match total.unwrap_or(0).checked_add(number) {
            Some(next) => total = Some(next),
            None => is_lost = true,
        });
        if is_lost {
            return overflow();
        }
        self.total = total;
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.total.is_some_and(|total| !fits(total, self.limit, &self.gives)) {
            return overflow();
        }
        Ok(match &self.gives {
            DataType::Decimal128(digits, scale) => {
                ScalarValue::Decimal128(self.total, *digits, *scale)
            }
            _ => ScalarValue::Int64(self.total.and_then(|total| i64::try_from(total).ok())),
        })
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// A sum for each group.
struct Sums {
    totals: Vec<i128>,
    seen: Vec<bool>,
    limit: i128,
    gives: DataType,
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        let Some(array) = values.first() else { return Ok(()) };
        self.totals.resize(count, 0);
        self.seen.resize(count, false);
        let mut is_lost = false;
        let (totals, seen) = (&mut self.totals, &mut self.seen);
        each(array, |at, number| {
            if filter.is_some_and(|filter| filter.is_null(at) || !filter.value(at)) {
                return;
            }
            let Some(group) = groups.get(at) else { return };
            match totals[*group].checked_add(number) {
                Some(next) => totals[*group] = next,
                None => is_lost = true,
            }
            seen[*group] = true;
        });
        if is_lost { overflow() } else { Ok(()) }
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let totals = emit.take_needed(&mut self.totals);
        let seen = emit.take_needed(&mut self.seen);
        // Of a group without a number it is 0, which fits.
        if totals.iter().any(|total| !fits(*total, self.limit, &self.gives)) {
            return overflow();
        }
        let nulls = Some(NullBuffer::from(seen)).filter(|nulls| nulls.null_count() > 0);
        Ok(match &self.gives {
            DataType::Decimal128(..) => {
                let array = Decimal128Array::new(totals.into(), nulls);
                Arc::new(array.with_data_type(self.gives.clone()))
            }
            _ => {
                let longs = totals.iter().map(|total| i64::try_from(*total).unwrap_or_default());
                Arc::new(Int64Array::new(longs.collect(), nulls))
            }
        })
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.update_batch(states, groups, None, count)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(array) = values.first() else { return Ok(Vec::new()) };
        let kept = match filter {
            Some(filter) => {
                let dropped = arrow::compute::not(&arrow::compute::prep_null_mask_filter(filter))?;
                arrow::compute::nullif(array, &dropped)?
            }
            None => array.clone(),
        };
        Ok(vec![arrow::compute::cast(&kept, &self.gives)?])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<i128>() + self.seen.capacity()
    }
}

/// Of an average of decimals: what is summed, and what comes of it.
#[derive(Debug, Clone)]
struct Scaling {
    from: i8,
    digits: u8,
    to: i8,
}

impl Scaling {
    fn of(args: &AccumulatorArgs<'_>) -> Option<Self> {
        let given = args.expr_fields.first().map(|field| field.data_type());
        match (given, args.return_type()) {
            (Some(DataType::Decimal128(_, from)), DataType::Decimal128(digits, to)) => {
                Some(Self { from: *from, digits: *digits, to: *to })
            }
            _ => None,
        }
    }

    fn state(&self) -> DataType {
        DataType::Decimal128(38, self.from)
    }

    fn gives(&self) -> DataType {
        DataType::Decimal128(self.digits, self.to)
    }

    /// Rounded half up.
    fn average(&self, total: i128, count: i64) -> Result<Option<i128>> {
        if count == 0 {
            return Ok(None);
        }
        let more = u32::try_from(i32::from(self.to) - i32::from(self.from)).unwrap_or(0);
        let limit = 10_u128.checked_pow(u32::from(self.digits)).unwrap_or(u128::MAX);
        // Most totals leave room, and 128 bits are divided much faster.
        let narrow = 10_i128.checked_pow(more).and_then(|unit| total.checked_mul(unit));
        if let Some(total) = narrow {
            let (whole, rest) = (total / i128::from(count), total % i128::from(count));
            let goes = rest.unsigned_abs() * 2 >= u128::from(count.unsigned_abs());
            let average = whole + if goes { total.signum() } else { 0 };
            return match average.unsigned_abs() < limit {
                true => Ok(Some(average)),
                false => overflow(),
            };
        }
        let total = i256::from_i128(total).wrapping_mul(i256::from_i128(10).wrapping_pow(more));
        let count = i256::from_i128(count.into());
        let (whole, rest) = (total.wrapping_div(count), total.wrapping_rem(count));
        let goes = rest.wrapping_abs().wrapping_mul(i256::from_i128(2)) >= count;
        let step = match (goes, total >= i256::ZERO) {
            (false, _) => i256::ZERO,
            (true, true) => i256::ONE,
            (true, false) => i256::MINUS_ONE,
        };
        match whole.wrapping_add(step).to_i128().filter(|out| out.unsigned_abs() < limit) {
            Some(out) => Ok(Some(out)),
            None => overflow(),
        }
    }
}

#[derive(Debug)]
struct Average {
    total: i128,
    count: i64,
    scaling: Scaling,
}

impl Average {
    fn change(&mut self, values: &[ArrayRef], sign: i8) -> Result<()> {
        let Some(array) = values.first() else { return Ok(()) };
        let (mut total, mut count, mut is_lost) = (self.total, self.count, false);
        each(array, |_, number| {
            let next = match sign {
                1 => total.checked_add(number),
                _ => total.checked_sub(number),
            };
            is_lost |= next.is_none();
            total = next.unwrap_or(total);
            count += i64::from(sign);
        });
        (self.total, self.count) = (total, count);
        if is_lost { overflow() } else { Ok(()) }
    }
}

impl Accumulator for Average {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.change(values, 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.change(values, -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [sums, counts] = states else { return Ok(()) };
        let mut total = Some(self.total);
        each(sums, |_, sum| total = total.and_then(|total| total.checked_add(sum)));
        let Some(total) = total else { return overflow() };
        self.total = total;
        self.count += counts.as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = ScalarValue::Decimal128(Some(self.total), 38, self.scaling.from);
        Ok(vec![sum, ScalarValue::Int64(Some(self.count))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let average = self.scaling.average(self.total, self.count)?;
        Ok(ScalarValue::Decimal128(average, self.scaling.digits, self.scaling.to))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// An average for each group.
struct Averages {
    totals: Vec<i128>,
    counts: Vec<i64>,
    scaling: Scaling,
}

impl GroupsAccumulator for Averages {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        let Some(array) = values.first() else { return Ok(()) };
        self.totals.resize(count, 0);
        self.counts.resize(count, 0);
        let mut is_lost = false;
        let (totals, counts) = (&mut self.totals, &mut self.counts);
        each(array, |at, number| {
            if filter.is_some_and(|filter| filter.is_null(at) || !filter.value(at)) {
                return;
            }
            let Some(group) = groups.get(at) else { return };
            let next = totals[*group].checked_add(number);
            is_lost |= next.is_none();
            totals[*group] = next.unwrap_or_default();
            counts[*group] += 1;
        });
        if is_lost { overflow() } else { Ok(()) }
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let totals = emit.take_needed(&mut self.totals);
        let counts = emit.take_needed(&mut self.counts);
        let pairs = totals.into_iter().zip(counts);
        let averages = pairs.map(|(total, count)| self.scaling.average(total, count));
        let averages = averages.collect::<Result<Decimal128Array>>()?;
        Ok(Arc::new(averages.with_data_type(self.scaling.gives())))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let totals = emit.take_needed(&mut self.totals);
        let counts = emit.take_needed(&mut self.counts);
        let totals = Decimal128Array::from(totals);
        Ok(vec![
            Arc::new(totals.with_data_type(self.scaling.state())),
            Arc::new(Int64Array::from(counts)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        let [sums, parts] = states else { return Ok(()) };
        self.totals.resize(count, 0);
        self.counts.resize(count, 0);
        let parts = parts.as_primitive::<Int64Type>();
        let mut is_lost = false;
        each(sums, |at, sum| {
            let Some(group) = groups.get(at) else { return };
            let next = self.totals[*group].checked_add(sum);
            is_lost |= next.is_none();
            self.totals[*group] = next.unwrap_or_default();
            self.counts[*group] += parts.value(at);
        });
        if is_lost { overflow() } else { Ok(()) }
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(array) = values.first() else { return Ok(Vec::new()) };
        let (mut totals, mut counts) = (vec![0; array.len()], vec![0; array.len()]);
        each(array, |at, number| {
            if filter.is_none_or(|filter| filter.is_valid(at) && filter.value(at)) {
                (totals[at], counts[at]) = (number, 1);
            }
        });
        let totals = Decimal128Array::from(totals);
        Ok(vec![
            Arc::new(totals.with_data_type(self.scaling.state())),
            Arc::new(Int64Array::from(counts)),
        ])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<i128>() + self.counts.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_is_rounded_half_away_from_zero() -> Result<()> {
        let scaling = Scaling { from: 2, digits: 38, to: 6 };
        for (total, count, expected) in [
            (100, 3, 333_333),
            (200, 3, 666_667),
            (-200, 3, -666_667),
            (1, 20_000, 1),
            (-1, 20_000, -1),
            (1, 20_001, 0),
        ] {
            assert_eq!(scaling.average(total, count)?, Some(expected), "{total} / {count}");
        }
        // On the way it has more than 128 bits.
        let large = i128::MAX / 1000 * 100;
        assert_eq!(scaling.average(large, 1_000_000)?, Some(large / 100));
        assert_eq!(scaling.average(5, 0)?, None);
        Ok(())
    }

    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::gather::testing::answers(
            "(1, '1'), (9223372036854775807, '2')",
            &[
                ("sum(x)", "[ARITHMETIC_OVERFLOW]"),
                ("sum(y)", "3.0"),
                ("avg(y)", "1.5"),
                ("sum(x % 10)", "8"),
                ("sum(x > 1)", "[DATATYPE_MISMATCH"),
            ],
        )
        .await
    }
}
