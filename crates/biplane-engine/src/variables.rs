//! Variables: of the session (DECLARE VARIABLE) and of the blocks of a script that runs.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::Expr;
use std::collections::BTreeMap;

use crate::error::{SqlError, SqlResult};

const VARIABLES_MAX: usize = 1_000;

#[derive(Debug, Clone)]
pub struct Variable {
    pub data_type: DataType,
    pub value: ScalarValue,
    /// What `SET v = DEFAULT` sets again.
    pub default: Option<Expr>,
}

/// Names are in lower case.
#[derive(Debug, Default)]
pub struct Variables(BTreeMap<String, Variable>);

impl Variables {
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.0.get(&name.to_lowercase())
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Variable> {
        self.0.get_mut(&name.to_lowercase())
    }

    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(&name.to_lowercase()).is_some()
    }

    pub fn put(&mut self, name: &str, variable: Variable, or_replace: bool) -> SqlResult<()> {
        let name = name.to_lowercase();
        if self.0.len() >= VARIABLES_MAX {
            return Err(SqlError::exhausted("there are too many variables"));
        }
        if !or_replace && self.0.contains_key(&name) {
            let text = format!("Cannot create the variable `{name}` because it already exists");
            return Err(SqlError::new("VARIABLE_ALREADY_EXISTS", "42723", text));
        }
        self.0.insert(name, variable);
        Ok(())
    }
}

/// A block of a script while it runs, or the row of a FOR.
#[derive(Debug, Default)]
pub struct Frame {
    pub label: Option<String>,
    pub variables: Variables,
}

pub fn not_found(name: &str) -> SqlError {
    let text = format!("Cannot resolve the variable `{name}`");
    SqlError::new("UNRESOLVED_VARIABLE", "42883", text)
}
