//! Whole numbers are INT where they fit, as in Spark. DataFusion's planner makes them BIGINT; where columns of
//! several rows or queries come together (VALUES, UNION, recursion) it is too late to narrow them afterwards.

use datafusion::sql::sqlparser::ast::{
    self, DuplicateTreatment, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    ObjectNamePart, UnaryOperator, Value, WindowType,
};

use super::functions::cast;
use crate::error::SqlError;

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
        Expr::Function(function) => {
            let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return };
            let word = name.value.to_lowercase();
            if CONSTRUCTORS.contains(&word.as_str())
                && let FunctionArguments::List(list) = &mut function.args
            {
                for argument in &mut list.args {
                    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                        narrow(expr);
                    }
                }
            }
        }
        _ => {}
    }
}

/// `-9223372036854775808`, of which the number alone is no BIGINT.
pub fn least_long(expr: &Expr) -> Option<Expr> {
    const DIGITS: &str = "9223372036854775808";
    let Expr::UnaryOp { op: UnaryOperator::Minus, expr } = expr else { return None };
    let inner = match expr.as_ref() {
        Expr::Cast { expr, data_type: ast::DataType::BigInt(_), .. } => expr.as_ref(),
        other => other,
    };
    let Expr::Value(value) = inner else { return None };
    let is_it = matches!(&value.value, Value::Number(digits, _) if digits == DIGITS);
    is_it.then(|| {
        let text = Value::SingleQuotedString(format!("-{DIGITS}"));
        cast(Expr::value(text), ast::DataType::BigInt(None))
    })
}

/// Calls whose result holds its arguments as they are.
const CONSTRUCTORS: [&str; 4] = ["array", "map", "struct", "named_struct"];

/// What Spark refuses of a window, before it is one: ranks need an order, DISTINCT has no meaning there.
pub fn refused(expr: &Expr) -> Option<SqlError> {
    let Expr::Function(function) = expr else { return None };
    let Some(WindowType::WindowSpec(spec)) = &function.over else { return None };
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    let name = name.value.to_lowercase();
    let is_distinct = matches!(&function.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    if is_distinct {
        let text = format!("Distinct window functions are not supported: {name}");
        return Some(SqlError::new("DISTINCT_WINDOW_FUNCTION_UNSUPPORTED", "0A000", text));
    }
    if ORDERED.contains(&name.as_str()) && spec.order_by.is_empty() && spec.window_name.is_none() {
        let text = format!("Window function {name}() requires window to be ordered");
        return Some(SqlError::new("WINDOW_FUNCTION_FRAME_NOT_ORDERED", "42601", text));
    }
    None
}

/// Functions that say where a row stands.
const ORDERED: [&str; 8] =
    ["row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"];

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
