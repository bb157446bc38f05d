//! What the two sides of an operator are cast to before it is planned, as ANSI Spark does: text becomes what
//! stands beside it, decimals keep Spark's digits, and what does not fit together is refused.

use biplane_functions::decimals::{self, Operation};
use biplane_functions::opaque;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::planner::{PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::error::SqlError;

/// The operator that `pmod(a, b)` is planned as.
pub const POSITIVE_REMAINDER: &str = "pmod";

fn is_arithmetic(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Divide, Minus, Modulo, Multiply, MyIntegerDivide, Plus};
    matches!(op, Plus | Minus | Multiply | Divide | Modulo | MyIntegerDivide) || is_pmod(op)
}

pub fn is_pmod(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::Custom(name) if name == POSITIVE_REMAINDER)
}

pub fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq, Spaceship};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | Spaceship)
}

/// What text beside a value of this type is read as.
pub fn text_beside(other: &DataType) -> Option<DataType> {
    Some(match other {
        whole if whole.is_integer() => DataType::Int64,
        number if number.is_numeric() => DataType::Float64,
        DataType::Boolean | DataType::Date32 | DataType::Timestamp(..) => other.clone(),
        _ => return None,
    })
}

/// The same operator over sides that fit, or why they do not.
pub fn fitted(
    expr: RawBinaryExpr,
    left: &DataType,
    right: &DataType,
) -> Result<PlannerResult<RawBinaryExpr>> {
    let RawBinaryExpr { op, left: mut a, right: mut b } = expr;
    if is_comparison(&op)
        && let (Some(name), Some(_)) = (opaque::name(left), opaque::name(right))
    {
        let text = format!("A {name} has no order and is equal to nothing: compare what it holds");
        let error = SqlError::new("DATATYPE_MISMATCH.INVALID_ORDERING_TYPE", "42K09", text);
        return Err(DataFusionError::External(Box::new(error)));
    }
    if is_comparison(&op) && !are_comparable(left, right) {
        return Err(differ(&op, left, right));
    }
    let is_text = |data_type: &DataType| data_type.is_string();
    let (mut left, mut right) = (left.clone(), right.clone());
    let takes_text = is_comparison(&op) || is_arithmetic(&op);
    if takes_text && is_text(&left) && (is_comparison(&op) || right.is_numeric()) {
        if let Some(wanted) = text_beside(&right) {
            (a, left) = (cast(a, wanted.clone()), wanted);
        }
    } else if takes_text && is_text(&right) && (is_comparison(&op) || left.is_numeric()) {
        if let Some(wanted) = text_beside(&left) {
            (b, right) = (cast(b, wanted.clone()), wanted);
        }
    } else if is_arithmetic(&op) && is_text(&left) && is_text(&right) {
        return Err(wrong(&op));
    } else if is_arithmetic(&op) && is_wide(&left, &right) {
        (a, b) = (cast(a, DataType::Float64), cast(b, DataType::Float64));
        (left, right) = (DataType::Float64, DataType::Float64);
    }
    let expr = RawBinaryExpr { op, left: a, right: b };
    match operation(&expr.op).filter(|_| are_exact(&left, &right)) {
        Some(operation) => exact(operation, expr, &left, &right),
        None => Ok(PlannerResult::Original(expr)),
    }
}

/// A FLOAT beside a number that is exact: both are DOUBLE.
fn is_wide(left: &DataType, right: &DataType) -> bool {
    let is_exact = |data_type: &DataType| data_type.is_integer() || data_type.is_decimal();
    (left == &DataType::Float32 && is_exact(right))
        || (right == &DataType::Float32 && is_exact(left))
}

fn wrong(op: &BinaryOperator) -> DataFusionError {
    let text = format!(
        "Cannot resolve the operator {op} due to data type mismatch: the binary operator requires numbers or \
         intervals, not \"STRING\""
    );
    let error = SqlError::new("DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "42K09", text);
    DataFusionError::External(Box::new(error))
}

fn operation(op: &BinaryOperator) -> Option<Operation> {
    Some(match op {
        BinaryOperator::Plus => Operation::Add,
        BinaryOperator::Minus => Operation::Subtract,
        BinaryOperator::Multiply => Operation::Multiply,
        BinaryOperator::Divide => Operation::Divide,
        BinaryOperator::Modulo => Operation::Remainder,
        BinaryOperator::MyIntegerDivide => Operation::Whole,
        op if is_pmod(op) => Operation::Positive,
        _ => return None,
    })
}

fn are_exact(left: &DataType, right: &DataType) -> bool {
    let is_exact = |data_type: &DataType| {
        matches!(data_type, DataType::Decimal128(..)) || data_type.is_signed_integer()
    };
    let has_decimal = left.is_decimal() || right.is_decimal();
    has_decimal && is_exact(left) && is_exact(right)
}

fn exact(
    operation: Operation,
    expr: RawBinaryExpr,
    left: &DataType,
    right: &DataType,
) -> Result<PlannerResult<RawBinaryExpr>> {
    let (a, b) = (narrowed(expr.left), narrowed(expr.right));
    let kind = |narrow: &Option<DataType>, given: &DataType| {
        narrow.clone().unwrap_or_else(|| given.clone())
    };
    let (left, right) = (kind(&a.1, left), kind(&b.1, right));
    if !decimals::differs(operation, &left, &right) {
        return Ok(PlannerResult::Original(RawBinaryExpr { op: expr.op, left: a.0, right: b.0 }));
    }
    let name = decimals::name(operation);
    let function = biplane_functions::function(name)
        .ok_or_else(|| internal_datafusion_err!("no function {name}"))?;
    Ok(PlannerResult::Planned(function.call(vec![a.0, b.0])))
}

/// A whole number that is written has no more digits than are written.
fn narrowed(expr: Expr) -> (Expr, Option<DataType>) {
    let value = match &expr {
        Expr::Literal(value, _) => whole(value),
        Expr::Cast(inner) if inner.field.data_type() != &DataType::Int8 => match &*inner.expr {
            Expr::Literal(value, _) if inner.field.data_type().is_integer() => whole(value),
            _ => None,
        },
        Expr::Negative(inner) => match inner.as_ref() {
            Expr::Literal(value, _) => whole(value).map(|value| -value),
            _ => None,
        },
        _ => None,
    };
    let Some(value) = value else { return (expr, None) };
    let digits = u8::try_from(value.unsigned_abs().to_string().len()).unwrap_or(38);
    let literal = ScalarValue::Decimal128(Some(value), digits, 0);
    (Expr::Literal(literal, None), Some(DataType::Decimal128(digits, 0)))
}

fn whole(value: &ScalarValue) -> Option<i128> {
    match value {
        ScalarValue::Int64(value) => value.map(i128::from),
        ScalarValue::Int32(value) => value.map(i128::from),
        ScalarValue::Int16(value) => value.map(i128::from),
        _ => None,
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Boolean,
    Moment,
    Binary,
    Interval,
    Other,
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        number if number.is_numeric() => Kind::Number,
        text if text.is_string() => Kind::Text,
        DataType::Boolean => Kind::Boolean,
        DataType::Date32 | DataType::Timestamp(..) => Kind::Moment,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Kind::Binary,
        DataType::Interval(_) | DataType::Duration(_) => Kind::Interval,
        _ => Kind::Other,
    }
}

pub fn are_comparable(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (DataType::Null, _) | (_, DataType::Null) => true,
        (DataType::List(a), DataType::List(b)) => {
            let (a, b) = (a.data_type(), b.data_type());
            a.is_null() || b.is_null() || (kind(a) == kind(b) && are_comparable(a, b))
        }
        (DataType::Struct(_), DataType::Struct(_)) => true,
        _ if left.is_nested() || right.is_nested() => left == right,
        _ => {
            let (a, b) = (kind(left), kind(right));
            a == b || (a == Kind::Text && b != Kind::Other) || (b == Kind::Text && a != Kind::Other)
        }
    }
}

fn differ(op: &BinaryOperator, left: &DataType, right: &DataType) -> DataFusionError {
    let name = |data_type: &DataType| crate::encode::types::sql_text(data_type);
    let text = format!(
        "Cannot resolve the operator {op} due to data type mismatch: the left and right operands have \
         incompatible types (\"{}\" and \"{}\")",
        name(left),
        name(right)
    );
    let error = SqlError::new("DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09", text);
    DataFusionError::External(Box::new(error))
}
