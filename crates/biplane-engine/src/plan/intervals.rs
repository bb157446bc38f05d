//! Literals of intervals: `INTERVAL '1-2' YEAR TO MONTH`, `INTERVAL 1 DAY 2 HOURS`. Each becomes a call that
//! keeps which units it was written in.

use datafusion::sql::sqlparser::ast::{
    DateTimeField, Expr, Interval, UnaryOperator, Value, WindowFrame, WindowFrameBound, WindowSpec,
};

use super::calls::call;
use crate::error::SqlError;

const UNITS: [&str; 6] = ["year", "month", "day", "hour", "minute", "second"];
const DAY: usize = 2;
const HOUR: usize = 3;
const SECOND: usize = 5;
const SECOND_NANOS: i64 = 1_000_000_000;

#[derive(Default)]
struct Parts {
    months: i64,
    days: i64,
    nanos: i64,
    first: Option<usize>,
    last: usize,
}

impl Parts {
    /// Adds so many of a unit; weeks and parts of seconds count as days and seconds.
    fn add(&mut self, number: &str, unit: &str, sign: i64) -> Option<()> {
        let (number, sign) = match number.trim().strip_prefix('-') {
            Some(rest) => (rest, -sign),
            None => (number.trim().trim_start_matches('+'), sign),
        };
        let singular = unit.strip_suffix('s').unwrap_or(unit);
        let (place, size) = match singular {
            "week" => (DAY, 7),
            "millisecond" => (5, 1_000_000),
            "microsecond" => (5, 1_000),
            "nanosecond" => (5, 1),
            other => (UNITS.iter().position(|known| *known == other)?, 1),
        };
        if place == 5 && size == 1 && singular == "second" {
            let (whole, part) = number.split_once('.').unwrap_or((number, ""));
            let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
            let part: i64 = format!("{part:0<9}").get(..9)?.parse().ok()?;
            let nanos = whole.checked_mul(SECOND_NANOS)?.checked_add(part)?;
            self.nanos = self.nanos.checked_add(nanos * sign)?;
        } else {
            let number = number.parse::<i64>().ok()?.checked_mul(sign)?;
            let total = |unit: i64| number.checked_mul(unit);
            match place {
                0 => self.months = self.months.checked_add(total(12)?)?,
                1 => self.months = self.months.checked_add(number)?,
                2 => self.days = self.days.checked_add(total(size)?)?,
                3 => self.nanos = self.nanos.checked_add(total(3_600 * SECOND_NANOS)?)?,
                4 => self.nanos = self.nanos.checked_add(total(60 * SECOND_NANOS)?)?,
                _ => self.nanos = self.nanos.checked_add(total(size)?)?,
            }
        }
        self.first = Some(self.first.map_or(place, |first| first.min(place)));
        self.last = self.last.max(place);
        Some(())
    }

    fn call(self) -> Expr {
        let first = self.first.unwrap_or(DAY);
        // Months beside days are one of the calendar.
        let qualifier = match (first < DAY, self.last < DAY) {
            (true, false) => String::new(),
            _ if first == self.last => UNITS[first].to_owned(),
            _ => format!("{} to {}", UNITS[first], UNITS[self.last]),
        };
        let number = |number: i64| Expr::value(Value::Number(number.to_string(), false));
        let qualifier = Expr::value(Value::SingleQuotedString(qualifier));
        let (months, days) = (number(self.months), number(self.days));
        call("interval_literal", vec![months, days, number(self.nanos), qualifier])
    }
}

/// One of a unit, of those that `timestampadd` knows.
pub fn one(unit: &str) -> Option<Expr> {
    let mut parts = Parts::default();
    match unit.to_lowercase().as_str() {
        "dayofyear" => parts.add("1", "day", 1)?,
        "quarter" => parts.add("3", "month", 1)?,
        "nanosecond" => return None,
        other => parts.add("1", other, 1)?,
    }
    Some(parts.call())
}

/// An interval of no time at all, which makes a timestamp of a date.
pub fn no_time() -> Expr {
    let parts = Parts { first: Some(HOUR), last: SECOND, ..Parts::default() };
    parts.call()
}

/// `INTERVAL '1 2' DAY` has a number too many.
pub fn refused(expr: &Expr) -> Option<SqlError> {
    let Expr::Interval(Interval { value, leading_field: Some(unit), last_field: None, .. }) = expr
    else {
        return None;
    };
    let Expr::Value(value) = value.as_ref() else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    (text.split_whitespace().count() > 1 && text.split_whitespace().all(is_number)).then(|| {
        let text = format!("Error parsing '{text} {unit}' to interval: invalid unit '{text}'.");
        SqlError::new("INVALID_INTERVAL_FORMAT.INVALID_UNIT", "22006", text)
    })
}

/// None: it is left to the planner.
pub fn literal(interval: &Interval, negated: bool) -> Option<Expr> {
    let mut sign = if negated { -1 } else { 1 };
    let mut value = interval.value.as_ref();
    while let Expr::UnaryOp { op: UnaryOperator::Minus, expr } = value {
        sign = -sign;
        value = expr.as_ref();
    }
    let Expr::Value(value) = value else { return None };
    let text = match &value.value {
        Value::Number(digits, _) => digits.clone(),
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.to_lowercase(),
        _ => return None,
    };
    let mut parts = Parts::default();
    if text.contains(char::is_alphabetic) {
        let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "interval").collect();
        for pair in words.chunks(2) {
            let [number, unit] = pair else { return None };
            parts.add(number, unit, sign)?;
        }
        return parts.first.map(|_| parts.call());
    }
    let unit = |field: &DateTimeField| field.to_string().to_lowercase();
    let first = unit(interval.leading_field.as_ref()?);
    let Some(last) = interval.last_field.as_ref().map(unit) else {
        parts.add(&text, &first, sign)?;
        return Some(parts.call());
    };
    let place = |unit: &str| {
        let unit = unit.strip_suffix('s').unwrap_or(unit);
        UNITS.iter().position(|known| *known == unit)
    };
    let (from, to) = (place(&first)?, place(&last)?);
    if from >= to || (from < DAY) != (to < DAY) {
        return None;
    }
    let (sign, text) = match text.trim().strip_prefix('-') {
        Some(rest) => (-sign, rest),
        None => (sign, text.trim()),
    };
    let numbers: Vec<&str> = text.split([' ', ':', '-']).filter(|part| !part.is_empty()).collect();
    if numbers.len() != to - from + 1 {
        return None;
    }
    for (number, place) in numbers.iter().zip(from..) {
        parts.add(number, UNITS[place], sign)?;
    }
    Some(parts.call())
}

/// Bounds of a frame are read by the planner itself, which knows the text of an interval: as text it passes by
/// what makes calls of intervals.
pub fn in_frame(spec: &mut WindowSpec) {
    each_bound(spec, |bound| {
        let Expr::Interval(interval) = bound else { return };
        let Expr::Value(value) = interval.value.as_ref() else { return };
        let text = match &value.value {
            Value::Number(digits, _) => digits.clone(),
            Value::SingleQuotedString(text) => text.clone(),
            _ => return,
        };
        let is_whole = text.contains(char::is_alphabetic);
        let text = match (&interval.leading_field, &interval.last_field) {
            (_, None) if is_whole => text,
            (Some(unit), None) => format!("{text} {unit}"),
            _ => return,
        };
        *bound = Expr::value(Value::SingleQuotedString(text));
    });
}

/// What [`in_frame`] left, when everything else was read.
pub fn of_frame(spec: &mut WindowSpec) {
    each_bound(spec, |bound| {
        if let Expr::Value(value) = bound
            && matches!(value.value, Value::SingleQuotedString(_))
        {
            *bound = Expr::Interval(Interval {
                value: Box::new(Expr::Value(value.clone())),
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            });
        }
    });
}

fn each_bound(spec: &mut WindowSpec, mut change: impl FnMut(&mut Expr)) {
    let Some(WindowFrame { start_bound, end_bound, .. }) = &mut spec.window_frame else { return };
    for bound in std::iter::once(start_bound).chain(end_bound.as_mut()) {
        if let WindowFrameBound::Preceding(Some(bound)) | WindowFrameBound::Following(Some(bound)) =
            bound
        {
            change(bound);
        }
    }
}
