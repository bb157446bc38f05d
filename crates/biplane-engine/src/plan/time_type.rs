//! The type TIME, which Spark has behind a switch that is off: whoever uses it is told so.

use datafusion::sql::sqlparser::ast::{DataType, Expr, ObjectNamePart};

use crate::error::SqlError;

const FUNCTIONS: [&str; 10] = [
    "current_time",
    "localtime",
    "make_time",
    "time_diff",
    "time_from_micros",
    "time_from_millis",
    "time_from_seconds",
    "time_trunc",
    "to_time",
    "try_to_time",
];

pub fn refused(expr: &Expr) -> Option<SqlError> {
    let is_time = match expr {
        Expr::TypedString(typed) => matches!(typed.data_type, DataType::Time(..)),
        Expr::Cast { data_type, .. } => matches!(data_type, DataType::Time(..)),
        Expr::Function(function) => match function.name.0.as_slice() {
            [ObjectNamePart::Identifier(name)] => {
                FUNCTIONS.iter().any(|known| name.value.eq_ignore_ascii_case(known))
            }
            _ => false,
        },
        _ => false,
    };
    is_time.then(|| {
        SqlError::new("UNSUPPORTED_TIME_TYPE", "0A000", "The data type TIME is not supported.")
    })
}
