//! Column lists: checked when they come in.

use biplane_api::catalog::ColumnInfo;
use biplane_platform::{ApiError, Result};
use std::collections::HashSet;

const COLUMNS_MAX: usize = 10_000;
const NAME_CHARS_MAX: usize = 255;
const BYTES_MAX: usize = 8 << 20;
const TYPES: &[&str] = &[
    "BOOLEAN",
    "BYTE",
    "SHORT",
    "INT",
    "LONG",
    "FLOAT",
    "DOUBLE",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP_NTZ",
    "STRING",
    "BINARY",
    "DECIMAL",
    "INTERVAL",
    "ARRAY",
    "STRUCT",
    "MAP",
    "CHAR",
    "NULL",
    "USER_DEFINED_TYPE",
    "TABLE_TYPE",
    "VARIANT",
    "GEOMETRY",
    "GEOGRAPHY",
];

/// As stored: positions in order, names unique whatever their case.
pub(crate) fn checked(mut columns: Vec<ColumnInfo>) -> Result<String> {
    if columns.len() > COLUMNS_MAX {
        return Err(ApiError::invalid(format!("A table may have at most {COLUMNS_MAX} columns.")));
    }
    let mut names = HashSet::new();
    for (position, column) in columns.iter_mut().enumerate() {
        column.position = i32::try_from(position).map_err(ApiError::internal)?;
        let name = column.name.as_str();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains('\0') {
            return Err(ApiError::invalid("A column's name must have 1 to 255 characters."));
        }
        if !names.insert(name.to_lowercase()) {
            return Err(ApiError::invalid(format!("The column '{name}' is there twice.")));
        }
        if !column.type_name.is_empty() && !TYPES.contains(&column.type_name.as_str()) {
            return Err(ApiError::invalid(format!(
                "The column '{name}' has an unknown type_name."
            )));
        }
    }
    let text = serde_json::to_string(&columns).map_err(ApiError::internal)?;
    if text.len() > BYTES_MAX {
        return Err(ApiError::invalid("The columns' descriptions are too long."));
    }
    // PostgreSQL has no NUL in text.
    match text.contains("\\u0000") {
        true => Err(ApiError::invalid("The columns' descriptions must not have NUL characters.")),
        false => Ok(text),
    }
}

pub(crate) fn parsed(text: Option<&str>) -> Result<Vec<ColumnInfo>> {
    text.map_or_else(
        || Ok(Vec::new()),
        |text| serde_json::from_str(text).map_err(ApiError::internal),
    )
}
