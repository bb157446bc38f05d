//! The type TIME, which Spark has behind a switch that is off: whoever uses it is told so. As in Spark a literal of it
//! may stand in calls that only put a point in time together or show one.

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart,
};

use super::calls::call;
use crate::error::SqlError;

const FUNCTIONS: [&str; 14] = [
    "current_time",
    "localtime",
    "make_time",
    "time_diff",
    "time_from_micros",
    "time_from_millis",
    "time_from_seconds",
    "time_literal",
    "time_to_micros",
    "time_to_millis",
    "time_to_seconds",
    "time_trunc",
    "to_time",
    "try_to_time",
];

const TAKING: [&str; 7] = [
    "date_format",
    "make_timestamp",
    "make_timestamp_ltz",
    "make_timestamp_ntz",
    "try_make_timestamp",
    "try_make_timestamp_ltz",
    "try_make_timestamp_ntz",
];

/// The literals in a call that takes them. The quoted name tells what they become from a call of the user.
pub fn placed(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return };
    if !TAKING.iter().any(|known| name.value.eq_ignore_ascii_case(known)) {
        return;
    }
    let FunctionArguments::List(list) = &mut function.args else { return };
    for argument in &mut list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = argument
            && let Expr::TypedString(typed) = value
            && matches!(typed.data_type, DataType::Time(..))
        {
            let mut literal = call("time_literal", vec![Expr::Value(typed.value.clone())]);
            if let Expr::Function(function) = &mut literal
                && let [ObjectNamePart::Identifier(name)] = function.name.0.as_mut_slice()
            {
                name.quote_style = Some('`');
            }
            *value = literal;
        }
    }
}

pub fn refused(expr: &Expr) -> Option<SqlError> {
    let is_time = match expr {
        Expr::TypedString(typed) => matches!(typed.data_type, DataType::Time(..)),
        Expr::Cast { data_type, .. } => matches!(data_type, DataType::Time(..)),
        Expr::Function(function) => match function.name.0.as_slice() {
            [ObjectNamePart::Identifier(name)] => {
                name.quote_style.is_none()
                    && FUNCTIONS.iter().any(|known| name.value.eq_ignore_ascii_case(known))
            }
            _ => false,
        },
        _ => false,
    };
    is_time.then(|| {
        SqlError::new("UNSUPPORTED_TIME_TYPE", "0A000", "The data type TIME is not supported.")
    })
}
