//! Values of types that their place does not take, though DataFusion would cast them or pass over them.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, WindowFrame, WindowFrameBound, WindowFrameUnits,
};

use crate::encode::types::sql_text;
use crate::error::{SqlError, SqlResult};

/// Before any type was made to fit another.
pub fn refused(plan: &LogicalPlan) -> SqlResult<()> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found = misfit(expr, &schema);
                Ok(goes_on(&found))
            })
        })?;
        Ok(goes_on(&found))
    })?;
    found.map_or(Ok(()), Err)
}

fn goes_on(found: &Option<SqlError>) -> TreeNodeRecursion {
    match found {
        None => TreeNodeRecursion::Continue,
        Some(_) => TreeNodeRecursion::Stop,
    }
}

fn misfit(expr: &Expr, schema: &DFSchema) -> Option<SqlError> {
    match expr {
        Expr::Case(case) if case.expr.is_none() => {
            case.when_then_expr.iter().find_map(|(when, _)| {
                let given = when.get_type(schema).ok()?;
                let is_number = given.is_numeric() || given.is_nested();
                is_number.then(|| unexpected("CASE WHEN", "BOOLEAN", &given))
            })
        }
        Expr::ScalarFunction(call) => of_call(call.func.name(), &call.args, schema),
        Expr::WindowFunction(call) => of_window(call, schema),
        _ => None,
    }
}

fn unexpected(of: &str, wanted: &str, given: &DataType) -> SqlError {
    let text = format!(
        "Cannot resolve \"{of}\" due to data type mismatch: it requires the {wanted} type, however the input has \
         the type \"{}\"",
        sql_text(given)
    );
    SqlError::new("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09", text)
}

fn of_call(name: &str, args: &[Expr], schema: &DFSchema) -> Option<SqlError> {
    match (name, args) {
        (
            "length" | "char_length" | "character_length" | "bit_length" | "octet_length",
            [value],
        ) => {
            let given = value.get_type(schema).ok()?;
            given.is_nested().then(|| unexpected(name, "(\"STRING\" or \"BINARY\")", &given))
        }
        ("date_part", [part, value]) => {
            let Expr::Literal(ScalarValue::Utf8(Some(part)), _) = part else { return None };
            let given = value.get_type(schema).ok()?;
            let is_none = given.is_numeric() || given == DataType::Boolean || given.is_nested();
            is_none.then(|| unexpected(&part.to_lowercase(), "DATE", &given))
        }
        ("greatest" | "least", values) => {
            let types = values.iter().filter_map(|value| value.get_type(schema).ok());
            let known = types.filter(|given| !given.is_null());
            let (texts, others): (Vec<_>, Vec<_>) = known.partition(DataType::is_string);
            let other = others.first().filter(|_| !texts.is_empty())?;
            let text = format!(
                "Cannot resolve \"{name}\" due to data type mismatch: its arguments should all be of the same type, \
                 but they are \"STRING\" and \"{}\"",
                sql_text(other)
            );
            Some(SqlError::new("DATATYPE_MISMATCH.DATA_DIFF_TYPES", "42K09", text))
        }
        _ => None,
    }
}

/// Text has no distances.
fn of_window(call: &WindowFunction, schema: &DFSchema) -> Option<SqlError> {
    let WindowFrame { units: WindowFrameUnits::Range, start_bound, end_bound, .. } =
        &call.params.window_frame
    else {
        return None;
    };
    let is_distance = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => !value.is_null(),
        WindowFrameBound::CurrentRow => false,
    };
    let [by] = call.params.order_by.as_slice() else { return None };
    let given = by.expr.get_type(schema).ok()?;
    let is_wrong = (is_distance(start_bound) || is_distance(end_bound)) && given.is_string();
    is_wrong.then(|| {
        let text = format!(
            "The data type \"{}\" used in the order specification does not support the data type of the range frame",
            sql_text(&given)
        );
        let class = "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_UNACCEPTED_TYPE";
        SqlError::new(class, "42K09", text)
    })
}
