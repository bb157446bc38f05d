//! What a function fails with: an error class of Spark.

use datafusion::common::{DataFusionError, Result};

/// An error of the user's data or SQL; the engine makes its own error of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[{class}] {message}")]
pub struct Raised {
    pub class: &'static str,
    pub sql_state: &'static str,
    pub message: String,
}

pub fn raised(
    class: &'static str,
    sql_state: &'static str,
    message: impl Into<String>,
) -> DataFusionError {
    DataFusionError::External(Box::new(Raised { class, sql_state, message: message.into() }))
}

pub fn fail<T>(
    class: &'static str,
    sql_state: &'static str,
    message: impl Into<String>,
) -> Result<T> {
    Err(raised(class, sql_state, message))
}

/// Wrong arguments, as seen while the statement is planned.
pub fn mismatch<T>(message: impl Into<String>) -> Result<T> {
    fail("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09", message)
}

pub fn overflow(function: &str) -> DataFusionError {
    let text = format!("Datetime operation overflow: the result of {function} is out of range.");
    raised("DATETIME_OVERFLOW", "22008", text)
}
