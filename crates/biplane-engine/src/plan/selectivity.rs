//! The part of the rows that a condition is likely to let through.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Like, Operator};
use std::collections::HashMap;

use super::estimates::{Estimate, Values};

/// Of conditions that nothing is known of.
const UNKNOWN: f64 = 0.25;
/// Of `=` with a value, where the number of values is not known.
const EQUAL: f64 = 0.05;
const LESS: f64 = 0.3;
const ALIKE: f64 = 0.05;

/// The column that an expression is, seen through names and casts.
pub fn column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column(&alias.expr),
        Expr::Cast(cast) => column(&cast.expr),
        Expr::TryCast(cast) => column(&cast.expr),
        _ => None,
    }
}

/// The column that a condition gives one value.
pub fn fixed(condition: &Expr) -> Option<&Column> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (literal(left), literal(right)) {
                (None, Some(_)) => column(left),
                (Some(_), None) => column(right),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Where values lie between each other. None: not on a line.
pub fn as_number(value: &ScalarValue) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    Some(match value {
        ScalarValue::Decimal128(Some(value), _, scale) => {
            *value as f64 / 10_f64.powi(i32::from(*scale))
        }
        ScalarValue::Date32(Some(days)) => f64::from(*days),
        ScalarValue::TimestampMicrosecond(Some(at), _) => *at as f64,
        ScalarValue::Float64(Some(value)) => *value,
        ScalarValue::Float32(Some(value)) => f64::from(*value),
        ScalarValue::Int8(Some(value)) => f64::from(*value),
        ScalarValue::Int16(Some(value)) => f64::from(*value),
        ScalarValue::Int32(Some(value)) => f64::from(*value),
        ScalarValue::Int64(Some(value)) => *value as f64,
        _ => return None,
    })
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        Expr::Alias(alias) => literal(&alias.expr),
        Expr::Cast(cast) => literal(&cast.expr),
        _ => None,
    }
}

/// Conditions that all hold. Bounds of one column are looked at together.
pub fn of_all(conditions: &[&Expr], input: &Estimate) -> f64 {
    let mut ranges: HashMap<&Column, (f64, f64)> = HashMap::new();
    let mut part = 1.0;
    for condition in conditions {
        match bounds(condition) {
            Some((column, low, high)) if line(input, column).is_some() => {
                let range = ranges.entry(column).or_insert((f64::NEG_INFINITY, f64::INFINITY));
                *range = (range.0.max(low), range.1.min(high));
            }
            _ => part *= of(condition, input),
        }
    }
    for (column, (low, high)) in ranges {
        if let Some((min, max)) = line(input, column) {
            let width = (max - min).max(1.0);
            let within = (high.min(max) - low.max(min)).max(0.0) / width;
            let one = input.column(column).map_or(0.0, |values| 1.0 / values.distinct.max(1.0));
            part *= within.clamp(one.min(1.0), 1.0);
        }
    }
    part.clamp(0.0, 1.0)
}

fn line(input: &Estimate, column: &Column) -> Option<(f64, f64)> {
    let values = input.column(column)?;
    values.min.zip(values.max)
}

/// `column < 5` and its like, as a range.
fn bounds(condition: &Expr) -> Option<(&Column, f64, f64)> {
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (of, value, op) = match (literal(left), literal(right)) {
                (None, Some(value)) => (left, value, *op),
                (Some(value), None) => (right, value, op.swap()?),
                _ => return None,
            };
            let (of, value) = (column(of)?, as_number(value)?);
            match op {
                Operator::Lt | Operator::LtEq => Some((of, low, value)),
                Operator::Gt | Operator::GtEq => Some((of, value, high)),
                _ => None,
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let (low, high) = (as_number(literal(low)?)?, as_number(literal(high)?)?);
            Some((column(expr)?, low, high))
        }
        _ => None,
    }
}

fn of(condition: &Expr, input: &Estimate) -> f64 {
    match condition {
        Expr::Alias(alias) => of(&alias.expr, input),
        Expr::Not(inner) => 1.0 - of(inner, input),
        Expr::IsNull(inner) => nulls(inner, input),
        Expr::IsNotNull(inner) => 1.0 - nulls(inner, input),
        Expr::Like(Like { negated, .. }) => {
            if *negated {
                1.0 - ALIKE
            } else {
                ALIKE
            }
        }
        Expr::Between(_) => of_all(&[condition], input),
        Expr::InList(list) => {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let part = (equal(&list.expr, input) * list.list.len() as f64).min(0.9);
            if list.negated { 1.0 - part } else { part }
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => {
                of_all(&datafusion::logical_expr::utils::split_conjunction(condition), input)
            }
            Operator::Or => {
                let (one, other) =
                    (of_all(&[left.as_ref()], input), of_all(&[right.as_ref()], input));
                one + other - one * other
            }
            Operator::Eq | Operator::IsNotDistinctFrom => match literal(left) {
                Some(_) => equal(right, input),
                None => equal(left, input),
            },
            Operator::NotEq | Operator::IsDistinctFrom => 1.0 - EQUAL,
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => LESS,
            _ => UNKNOWN,
        },
        _ => UNKNOWN,
    }
}

fn nulls(expr: &Expr, input: &Estimate) -> f64 {
    column(expr).and_then(|column| input.column(column)).map_or(EQUAL, |values| values.nulls)
}

fn equal(expr: &Expr, input: &Estimate) -> f64 {
    match column(expr).and_then(|column| input.column(column)) {
        Some(Values { min: Some(_), distinct, .. }) => 1.0 / distinct.max(1.0),
        _ => EQUAL,
    }
}
