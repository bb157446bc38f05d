//! Whole numbers are INT where they fit, as in Spark. DataFusion's planner makes them BIGINT; where columns of
//! several rows or queries come together (VALUES, UNION, recursion) it is too late to narrow them afterwards.

use datafusion::sql::sqlparser::ast::{self, Expr, ObjectNamePart, UnaryOperator, Value};

use super::functions::cast;

/// Numbers of a value; not those inside of calls, which may have to be plain literals.
pub fn narrow(expr: &mut Expr) {
    match expr {
        Expr::Value(value) => {
            if let Value::Number(digits, false) = &value.value
                && digits.parse::<i32>().is_ok()
            {
                let number = std::mem::replace(expr, Expr::value(Value::Null));
                *expr = cast(number, ast::DataType::Int(None));
            }
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } | Expr::Nested(expr) => narrow(expr),
        Expr::BinaryOp { left, right, .. } => {
            narrow(left);
            narrow(right);
        }
        Expr::Case { conditions, else_result, .. } => {
            conditions.iter_mut().for_each(|when| narrow(&mut when.result));
            else_result.iter_mut().for_each(|expr| narrow(expr));
        }
        _ => {}
    }
}

/// Ranks are INT.
pub fn of_window(expr: &mut Expr) {
    let Expr::Function(function) = &*expr else { return };
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return };
    let is_rank = ["row_number", "rank", "dense_rank", "ntile"].contains(&name.value.as_str());
    if is_rank && function.over.is_some() {
        let call = std::mem::replace(expr, Expr::value(Value::Null));
        *expr = cast(call, ast::DataType::Int(None));
    }
}
