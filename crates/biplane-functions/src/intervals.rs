//! Intervals. All are held as months, days and nanoseconds; that one is `INTERVAL DAY TO HOUR` is said by its
//! field, under [`QUALIFIER`]. One without is a calendar interval, of which all parts stand for themselves.

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::raised::{fail, mismatch, raised};

/// The key of a field's metadata: `month`, `day to second`.
pub const QUALIFIER: &str = "biplane.interval";
const UNITS: [&str; 6] = ["year", "month", "day", "hour", "minute", "second"];
const DAY_MICROS: i64 = 86_400_000_000;
pub const MONTHS: &str = "year to month";
pub const TIME: &str = "day to second";

pub fn interval_type() -> DataType {
    DataType::Interval(IntervalUnit::MonthDayNano)
}

pub fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
}

/// None: it is a calendar interval, or none at all.
pub fn qualifier(field: &Field) -> Option<&str> {
    match field.data_type() {
        DataType::Duration(_) | DataType::Interval(IntervalUnit::DayTime) => Some(TIME),
        DataType::Interval(IntervalUnit::YearMonth) => Some(MONTHS),
        DataType::Interval(_) => field.metadata().get(QUALIFIER).map(String::as_str),
        _ => None,
    }
}

fn range(qualifier: &str) -> Option<(usize, usize)> {
    let place = |unit: &str| UNITS.iter().position(|known| *known == unit.trim());
    let (first, last) = qualifier.split_once(" to ").unwrap_or((qualifier, qualifier));
    Some((place(first)?, place(last)?))
}

pub fn of_range(first: usize, last: usize) -> String {
    match (UNITS.get(first), UNITS.get(last)) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(only), _) => (*only).to_owned(),
        _ => String::new(),
    }
}

/// The one that holds both.
fn joined(a: Option<&str>, b: Option<&str>) -> Option<String> {
    let ((a, b), (c, d)) = (range(a?)?, range(b?)?);
    ((a < 2) == (c < 2)).then(|| of_range(a.min(c), b.max(d)))
}

/// Months, and microseconds of the rest.
pub fn parts(value: IntervalMonthDayNano) -> (i64, i64) {
    let micros = i64::from(value.days).saturating_mul(DAY_MICROS);
    (value.months.into(), micros.saturating_add(value.nanoseconds / 1_000))
}

pub fn made(months: i64, micros: i64) -> Option<IntervalMonthDayNano> {
    let days = i32::try_from(micros / DAY_MICROS).ok()?;
    let nanos = (micros % DAY_MICROS).checked_mul(1_000)?;
    Some(IntervalMonthDayNano::new(i32::try_from(months).ok()?, days, nanos))
}

/// As it is cast to STRING.
pub fn text(value: IntervalMonthDayNano, qualifier: Option<&str>) -> String {
    let Some((first, last)) = qualifier.and_then(range) else { return calendar(value) };
    let (months, micros) = parts(value);
    let total = if last < 2 { months } else { micros };
    let sign = if total < 0 { "-" } else { "" };
    let inner = if last < 2 {
        let months = months.unsigned_abs();
        match (first, last) {
            (0, 0) => (months / 12).to_string(),
            (1, 1) => months.to_string(),
            _ => format!("{}-{}", months / 12, months % 12),
        }
    } else {
        time_text(micros.unsigned_abs(), first, last)
    };
    let words = of_range(first, last).to_uppercase();
    format!("INTERVAL '{sign}{inner}' {words}")
}

fn time_text(micros: u64, first: usize, last: usize) -> String {
    let sizes = [86_400_000_000_u64, 3_600_000_000, 60_000_000, 1_000_000];
    let mut out = String::new();
    let mut rest = micros;
    for place in first..=last {
        let size = sizes[place - 2];
        let number = rest / size;
        rest %= size;
        match place {
            2 => {
                let _ = write!(out, "{number}");
            }
            _ => {
                let before = match place {
                    _ if place == first => "",
                    3 => " ",
                    _ => ":",
                };
                let _ = write!(out, "{before}{number:02}");
            }
        }
    }
    if last == 5 && rest > 0 {
        let digits = format!("{rest:06}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
    out
}

fn calendar(value: IntervalMonthDayNano) -> String {
    let mut out = Vec::new();
    let mut push = |number: i64, unit: &str| {
        if number != 0 {
            out.push(format!("{number} {unit}"));
        }
    };
    push((value.months / 12).into(), "years");
    push((value.months % 12).into(), "months");
    push(value.days.into(), "days");
    let micros = value.nanoseconds / 1_000;
    push(micros / 3_600_000_000, "hours");
    push(micros / 60_000_000 % 60, "minutes");
    let rest = micros % 60_000_000;
    if rest != 0 {
        let (sign, rest) = (if rest < 0 { "-" } else { "" }, rest.unsigned_abs());
        let text = format!("{sign}{}.{:06}", rest / 1_000_000, rest % 1_000_000);
        out.push(format!("{} seconds", text.trim_end_matches('0').trim_end_matches('.')));
    }
    if out.is_empty() { "0 seconds".to_owned() } else { out.join(" ") }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// Months, days, nanoseconds and the qualifier.
    Literal,
    Add,
    Subtract,
    Multiply,
    Divide,
    Abs,
    Negate,
    MakeMonths,
    MakeTime,
    /// Of two dates.
    Days,
    /// A cast to the type that the second argument says.
    Of,
}

const FUNCTIONS: &[(&str, Kind)] = &[
    ("interval_literal", Kind::Literal),
    ("interval_add", Kind::Add),
    ("interval_subtract", Kind::Subtract),
    ("interval_multiply", Kind::Multiply),
    ("interval_divide", Kind::Divide),
    ("interval_abs", Kind::Abs),
    ("interval_negate", Kind::Negate),
    ("make_ym_interval", Kind::MakeMonths),
    ("make_dt_interval", Kind::MakeTime),
    ("days_between", Kind::Days),
    ("interval_of", Kind::Of),
];

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    name: &'static str,
    kind: Kind,
    lenient: bool,
    signature: Signature,
}

pub fn register(state: &mut SessionState) -> Result<()> {
    for (name, _) in FUNCTIONS {
        if let Some(udf) = function(name) {
            state.register_udf(Arc::new(udf))?;
        }
    }
    Ok(())
}

pub fn function(name: &str) -> Option<ScalarUDF> {
    let (name, kind) = *FUNCTIONS.iter().find(|(known, _)| *known == name)?;
    let signature = Signature::user_defined(Volatility::Immutable);
    Some(Function { name, kind, lenient: false, signature }.into())
}

/// The result of `try_add` and its kin, where it is an interval.
pub fn qualified(field: Field, args: &[FieldRef]) -> Field {
    if let DataType::List(item) = field.data_type()
        && item.data_type() == &interval_type()
    {
        // What is said of an interval in an array is said of its items.
        let one = qualified(Field::new(field.name(), interval_type(), true), args);
        let item = item.as_ref().clone().with_metadata(one.metadata().clone());
        return field.with_data_type(DataType::List(Arc::new(item)));
    }
    if field.data_type() != &interval_type() {
        return field;
    }
    let given = |at: usize| args.get(at).and_then(|field| qualifier(field));
    let found = match field.name().as_str() {
        "try_add" | "try_subtract" => joined(given(0), given(1)),
        "try_multiply" | "try_divide" | "avg" | "try_avg" => wide(given(0)).map(str::to_owned),
        "percentile" | "percentile_disc_of" | "percentile_disc_down_of" => {
            wide(given(0)).map(str::to_owned)
        }
        "sum" | "mode" | "mode_greatest" | "percentile_approx" | "max_by" | "min_by" => {
            given(0).map(str::to_owned)
        }
        _ => None,
    };
    let metadata = found.map(|text| HashMap::from([(QUALIFIER.to_owned(), text)]));
    field.with_metadata(metadata.unwrap_or_default())
}

fn wide(qualifier: Option<&str>) -> Option<&'static str> {
    let (first, _) = range(qualifier?)?;
    Some(if first < 2 { MONTHS } else { TIME })
}

/// `try_add` and its kin of intervals.
pub fn tried(operation: &str, arrays: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let kind = match operation {
        "try_add" => Kind::Add,
        "try_subtract" => Kind::Subtract,
        "try_multiply" => Kind::Multiply,
        _ => Kind::Divide,
    };
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = Function { name: "try", kind, lenient: true, signature };
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let has_null = arrays.iter().any(|array| array.is_null(row));
        out.push(if has_null { None } else { function.value(arrays, row)? });
    }
    Ok(Arc::new(IntervalMonthDayNanoArray::from(out)))
}

fn overflow() -> datafusion::common::DataFusionError {
    raised(
        "INTERVAL_ARITHMETIC_OVERFLOW.WITHOUT_SUGGESTION",
        "22015",
        "Integer overflow while operating with intervals.",
    )
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(interval_type())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let given = |at: usize| args.arg_fields.get(at).and_then(|field| qualifier(field));
        let qualifier = match self.kind {
            Kind::Literal => args
                .scalar_arguments
                .get(3)
                .copied()
                .flatten()
                .and_then(|value| value.try_as_str().flatten())
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            Kind::Add | Kind::Subtract => joined(given(0), given(1)),
            Kind::Multiply | Kind::Divide => wide(given(0)).map(str::to_owned),
            Kind::Abs | Kind::Negate => given(0).map(str::to_owned),
            Kind::MakeMonths => Some(MONTHS.to_owned()),
            Kind::MakeTime => Some(TIME.to_owned()),
            Kind::Days => Some("day".to_owned()),
            Kind::Of => {
                let wanted = args.scalar_arguments.get(1).copied().flatten();
                let wanted = wanted.and_then(|value| value.try_as_str().flatten());
                if let (Some((from, _)), Some((to, _))) =
                    (given(0).and_then(range), wanted.and_then(range))
                    && (from < 2) != (to < 2)
                {
                    return fail(
                        "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION",
                        "42K09",
                        "An interval of months cannot be cast to one of days, nor the other way.",
                    );
                }
                wanted.map(str::to_owned)
            }
        };
        let field = Field::new(self.name, interval_type(), true);
        let metadata = qualifier.map(|text| HashMap::from([(QUALIFIER.to_owned(), text)]));
        Ok(Arc::new(field.with_metadata(metadata.unwrap_or_default())))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let wanted: &[DataType] = match self.kind {
            Kind::Literal => &[DataType::Int32, DataType::Int32, DataType::Int64, DataType::Utf8],
            Kind::Add | Kind::Subtract => &[interval_type(), interval_type()],
            Kind::Multiply | Kind::Divide => &[interval_type(), DataType::Float64],
            Kind::Abs | Kind::Negate => &[interval_type()],
            Kind::MakeMonths => &[DataType::Int32, DataType::Int32],
            Kind::MakeTime => {
                &[DataType::Int32, DataType::Int32, DataType::Int32, DataType::Decimal128(18, 6)]
            }
            Kind::Days => &[DataType::Date32, DataType::Date32],
            Kind::Of => {
                return match types {
                    [given, text] if text.is_string() => Ok(vec![
                        match given {
                            whole if whole.is_integer() => DataType::Int64,
                            given if is_interval(given) => interval_type(),
                            _ => DataType::Utf8,
                        },
                        DataType::Utf8,
                    ]),
                    _ => mismatch("A value and a type are needed."),
                };
            }
        };
        let least =
            if matches!(self.kind, Kind::MakeMonths | Kind::MakeTime) { 0 } else { wanted.len() };
        if !(least..=wanted.len()).contains(&types.len()) {
            return mismatch(format!("The arguments of `{}` do not fit.", self.name));
        }
        Ok(wanted[..types.len()].to_vec())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let mut out = Vec::with_capacity(rows);
        for row in 0..rows {
            let has_null = arrays.iter().any(|array| array.is_null(row));
            out.push(match has_null {
                true => None,
                false => match self.value(&arrays, row)? {
                    Some(value) => Some(value),
                    None if self.lenient => None,
                    None => return Err(overflow()),
                },
            });
        }
        let array: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(out));
        Ok(if is_constant {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
        } else {
            ColumnarValue::Array(array)
        })
    }
}

const SIZES: [i64; 4] = [DAY_MICROS, 3_600_000_000, 60_000_000, 1_000_000];

/// So many of the last unit of a type.
fn counted(number: i64, qualifier: &str) -> Option<IntervalMonthDayNano> {
    match range(qualifier)?.1 {
        0 => made(number.checked_mul(12)?, 0),
        1 => made(number, 0),
        place => made(0, number.checked_mul(SIZES[place - 2])?),
    }
}

/// Without what is less than the last unit of a type.
fn cut(value: IntervalMonthDayNano, qualifier: &str) -> Option<IntervalMonthDayNano> {
    let (months, micros) = parts(value);
    match range(qualifier)?.1 {
        0 => made(months / 12 * 12, 0),
        1 => made(months, 0),
        5 => made(0, micros),
        place => made(0, micros / SIZES[place - 2] * SIZES[place - 2]),
    }
}

/// How many of a unit an interval is, as it is cast to a number.
pub fn number_of(value: IntervalMonthDayNano, qualifier: &str) -> Option<i64> {
    let (months, micros) = parts(value);
    Some(match range(qualifier)?.1 {
        0 => months / 12,
        1 => months,
        place => micros / SIZES[place - 2],
    })
}

/// All months or all microseconds of intervals of one kind, as numbers, and which of them.
pub fn totals(array: &ArrayRef) -> (arrow::array::Float64Array, bool) {
    let intervals = array.as_primitive::<IntervalMonthDayNanoType>();
    let all: Vec<Option<(i64, i64)>> = intervals.iter().map(|value| value.map(parts)).collect();
    let are_months = all.iter().flatten().any(|(months, _)| *months != 0);
    #[expect(clippy::cast_precision_loss, reason = "Spark's percentiles are of doubles too")]
    let number =
        |(months, micros): (i64, i64)| if are_months { months as f64 } else { micros as f64 };
    (all.into_iter().map(|value| value.map(number)).collect(), are_months)
}

#[expect(clippy::cast_possible_truncation, reason = "parts of months and microseconds are cut off")]
pub fn of_total(total: f64, are_months: bool) -> Option<IntervalMonthDayNano> {
    if are_months { made(total as i64, 0) } else { made(0, total as i64) }
}

/// `1-2`, `INTERVAL '1-2' YEAR TO MONTH`, `3 04:05:06`
fn read(text: &str, qualifier: &str) -> Result<IntervalMonthDayNano> {
    let broken = || {
        let shown = qualifier.to_uppercase();
        let message =
            format!("Error parsing '{text}' to interval: it is none of the type {shown}.");
        raised("INVALID_INTERVAL_FORMAT.UNMATCHED_FORMAT_STRING_WITH_NOTICE", "22006", message)
    };
    let (first, last) = range(qualifier).ok_or_else(broken)?;
    let trimmed = text.trim();
    let inner = match trimmed.get(..8) {
        Some(word) if word.eq_ignore_ascii_case("interval") => {
            trimmed.split('\'').nth(1).ok_or_else(broken)?
        }
        _ => trimmed,
    };
    let (sign, digits) = match inner.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, inner.trim().trim_start_matches('+')),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numbers: Option<Vec<i64>> =
        whole.split(['-', ' ', ':']).map(|number| number.parse().ok()).collect();
    let numbers = numbers.filter(|all| all.len() == last - first + 1).ok_or_else(broken)?;
    if !fraction.is_empty() && last != 5 {
        return Err(broken());
    }
    let micros: Option<i64> = format!("{fraction:0<6}").get(..6).and_then(|part| part.parse().ok());
    let mut total = (0_i64, if last == 5 { micros.ok_or_else(broken)? } else { 0 });
    for (number, place) in numbers.into_iter().zip(first..) {
        let added = match place {
            0 => number.checked_mul(12).map(|months| (months, 0)),
            1 => Some((number, 0)),
            place => number.checked_mul(SIZES[place - 2]).map(|micros| (0, micros)),
        };
        let (months, micros) = added.ok_or_else(overflow)?;
        let sums = (total.0.checked_add(months), total.1.checked_add(micros));
        let (Some(months), Some(micros)) = sums else { return Err(overflow()) };
        total = (months, micros);
    }
    made(total.0 * sign, total.1 * sign).ok_or_else(overflow)
}

fn interval(arrays: &[ArrayRef], at: usize, row: usize) -> IntervalMonthDayNano {
    let array: &PrimitiveArray<IntervalMonthDayNanoType> = arrays[at].as_primitive();
    array.value(row)
}

impl Function {
    /// None: it is too large.
    fn value(&self, arrays: &[ArrayRef], row: usize) -> Result<Option<IntervalMonthDayNano>> {
        let int = |at: usize| {
            let array = arrays.get(at).map(|array| array.as_primitive::<Int32Type>());
            i64::from(array.map_or(0, |array| array.value(row)))
        };
        Ok(match self.kind {
            Kind::Of => {
                let wanted = arrays[1].as_string::<i32>().value(row);
                match arrays[0].data_type() {
                    DataType::Int64 => {
                        let number = arrays[0].as_primitive::<Int64Type>().value(row);
                        counted(number, wanted)
                    }
                    DataType::Utf8 => Some(read(arrays[0].as_string::<i32>().value(row), wanted)?),
                    _ => cut(interval(arrays, 0, row), wanted),
                }
            }
            Kind::Literal => {
                let nanos = arrays[2].as_primitive::<Int64Type>().value(row);
                let small = |number| i32::try_from(number).ok();
                small(int(0))
                    .zip(small(int(1)))
                    .map(|(months, days)| IntervalMonthDayNano::new(months, days, nanos))
            }
            Kind::Add | Kind::Subtract => {
                let (a, b) = (interval(arrays, 0, row), interval(arrays, 1, row));
                let sign = if self.kind == Kind::Add { 1 } else { -1 };
                let sum = || {
                    Some(IntervalMonthDayNano::new(
                        a.months.checked_add(b.months.checked_mul(sign)?)?,
                        a.days.checked_add(b.days.checked_mul(sign)?)?,
                        a.nanoseconds.checked_add(b.nanoseconds.checked_mul(sign.into())?)?,
                    ))
                };
                sum()
            }
            Kind::Multiply | Kind::Divide => {
                let number = arrays[1].as_primitive::<Float64Type>().value(row);
                if self.kind == Kind::Divide && number == 0.0 {
                    if self.lenient {
                        return Ok(None);
                    }
                    let text = "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead.";
                    return fail("INTERVAL_DIVIDED_BY_ZERO", "22012", text);
                }
                let (months, micros) = parts(interval(arrays, 0, row));
                let by = |part: i64| {
                    let product = part as f64
                        * if self.kind == Kind::Multiply { number } else { 1.0 / number };
                    // Whole numbers of a product are exact, halves go away from zero.
                    (product.abs() < i64::MAX as f64).then(|| product.round() as i64)
                };
                by(months).zip(by(micros)).and_then(|(months, micros)| made(months, micros))
            }
            Kind::Abs | Kind::Negate => {
                let value = interval(arrays, 0, row);
                let (months, micros) = parts(value);
                let stays = self.kind == Kind::Abs && months >= 0 && micros >= 0;
                let negated = || {
                    Some(IntervalMonthDayNano::new(
                        value.months.checked_neg()?,
                        value.days.checked_neg()?,
                        value.nanoseconds.checked_neg()?,
                    ))
                };
                if stays { Some(value) } else { negated() }
            }
            Kind::MakeMonths => made(int(0) * 12 + int(1), 0),
            Kind::MakeTime => {
                let seconds = match arrays.get(3) {
                    Some(array) => {
                        array.as_primitive::<arrow::datatypes::Decimal128Type>().value(row)
                    }
                    None => 0,
                };
                let whole = i128::from(int(0)) * i128::from(DAY_MICROS)
                    + i128::from(int(1)) * 3_600_000_000
                    + i128::from(int(2)) * 60_000_000
                    + seconds;
                i64::try_from(whole).ok().and_then(|micros| made(0, micros))
            }
            Kind::Days => {
                let days = |at: usize| {
                    let days = cast(&arrays[at].slice(row, 1), &DataType::Int32)?;
                    Ok::<_, datafusion::common::DataFusionError>(
                        days.as_primitive::<Int32Type>().value(0),
                    )
                };
                days(0)?.checked_sub(days(1)?).map(|days| IntervalMonthDayNano::new(0, days, 0))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers() -> Result<()> {
        crate::frame::testing::answers(&[
            ("make_ym_interval(1, 2)", "14 mons"),
            ("make_ym_interval(2147483647)", "[INTERVAL_ARITHMETIC_OVERFLOW"),
        ])
        .await
    }

    #[test]
    fn texts() {
        let time = |micros| made(0, micros).unwrap_or_default();
        for (value, qualifier, shown) in [
            (IntervalMonthDayNano::new(14, 0, 0), Some(MONTHS), "INTERVAL '1-2' YEAR TO MONTH"),
            (IntervalMonthDayNano::new(-11, 0, 0), Some(MONTHS), "INTERVAL '-0-11' YEAR TO MONTH"),
            (IntervalMonthDayNano::new(10, 0, 0), Some("month"), "INTERVAL '10' MONTH"),
            (time(-3 * DAY_MICROS), Some("day"), "INTERVAL '-3' DAY"),
            (time(7_200_000_000), Some("hour"), "INTERVAL '02' HOUR"),
            (time(273_906_500_000), Some(TIME), "INTERVAL '3 04:05:06.5' DAY TO SECOND"),
            (time(95_400_000_000), Some("day to minute"), "INTERVAL '1 02:30' DAY TO MINUTE"),
            (
                IntervalMonthDayNano::new(1, 1, 100_000_001_000),
                None,
                "1 months 1 days 1 minutes 40.000001 seconds",
            ),
            (IntervalMonthDayNano::new(0, 0, 0), None, "0 seconds"),
        ] {
            assert_eq!(text(value, qualifier), shown);
        }
        assert_eq!(joined(Some("year"), Some("month")).as_deref(), Some(MONTHS));
        assert_eq!(joined(Some("year"), Some("day")), None);
    }
}
