//! Windows that are made of other windows, and frames that Spark refuses.

use datafusion::sql::sqlparser::ast::{
    Expr, NamedWindowExpr, Select, UnaryOperator, Value, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowSpec, WindowType,
};

use crate::error::SqlError;

/// `WINDOW w AS (…), v AS (w)`: `v` is what `w` is.
pub fn named(select: &mut Select) {
    let known: Vec<(String, NamedWindowExpr)> = select
        .named_window
        .iter()
        .map(|window| (window.0.value.to_lowercase(), window.1.clone()))
        .collect();
    for window in &mut select.named_window {
        if let Some(other) = only_name(&window.1)
            && let Some((_, meaning)) = known.iter().find(|(name, _)| *name == other)
        {
            window.1 = meaning.clone();
        }
    }
}

fn only_name(window: &NamedWindowExpr) -> Option<String> {
    match window {
        NamedWindowExpr::NamedWindow(name) => Some(name.value.to_lowercase()),
        NamedWindowExpr::WindowSpec(spec) => alone(spec),
    }
}

fn alone(spec: &WindowSpec) -> Option<String> {
    let is_alone =
        spec.partition_by.is_empty() && spec.order_by.is_empty() && spec.window_frame.is_none();
    spec.window_name.as_ref().filter(|_| is_alone).map(|name| name.value.to_lowercase())
}

/// `OVER (w)` is `OVER w`; what Spark does not take is refused.
pub fn of_call(over: &mut WindowType) -> Option<SqlError> {
    let WindowType::WindowSpec(spec) = over else { return None };
    if let Some(name) = &spec.window_name {
        if alone(spec).is_none() {
            let text = format!("Syntax error at or near '{name}': a named window stands alone");
            return Some(SqlError::syntax(text, 0, 0));
        }
        *over = WindowType::NamedWindow(name.clone());
        return None;
    }
    spec.window_frame.as_ref().and_then(frame)
}

fn frame(frame: &WindowFrame) -> Option<SqlError> {
    if matches!(frame.units, WindowFrameUnits::Groups) {
        return Some(SqlError::syntax("Syntax error at or near 'GROUPS'", 0, 0));
    }
    let is_rows = matches!(frame.units, WindowFrameUnits::Rows);
    for bound in std::iter::once(&frame.start_bound).chain(frame.end_bound.as_ref()) {
        let (WindowFrameBound::Preceding(Some(bound)) | WindowFrameBound::Following(Some(bound))) =
            bound
        else {
            continue;
        };
        match written(bound) {
            None => {
                let text = format!("The bound {bound} of a window frame must be a literal");
                let class = "INVALID_SQL_SYNTAX.INVALID_WINDOW_FRAME_BOUND";
                return Some(SqlError::new(class, "42000", text));
            }
            Some(Value::Number(digits, _)) if is_rows && digits.contains('.') => {
                let text = "The bound of a ROWS frame is a whole number";
                let class = "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_UNACCEPTED_TYPE";
                return Some(SqlError::new(class, "42K09", text));
            }
            Some(_) => {}
        }
    }
    None
}

/// The literal in a bound; an interval counts as one.
fn written(bound: &Expr) -> Option<&Value> {
    match bound {
        Expr::Value(value) => Some(&value.value),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => written(expr),
        Expr::Interval(interval) => written(&interval.value),
        Expr::BinaryOp { left, right, .. } => written(left).and(written(right)),
        Expr::Nested(inner) => written(inner),
        Expr::Cast { expr, .. } => written(expr),
        // Others may be folded to one.
        Expr::Function(_) | Expr::Case { .. } | Expr::TypedString(_) => Some(&Value::Null),
        _ => None,
    }
}
