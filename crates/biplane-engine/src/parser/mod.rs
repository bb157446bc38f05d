//! SQL text → [`Statement`].

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::parser::Parser;

use crate::dialect::SqlDialect;
use crate::error::SqlError;

/// Levels of nesting that the parser follows before it refuses.
pub const NESTING_MAX: usize = 150;

/// A statement as the engine runs it.
#[derive(Debug, Clone)]
pub enum Statement {
    /// What sqlparser knows.
    Sql(Box<ast::Statement>),
}

/// Parses exactly one statement.
pub fn parse(sql: &str) -> Result<Statement, SqlError> {
    let mut statements = Parser::new(&SqlDialect)
        .with_recursion_limit(NESTING_MAX)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_statements())?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(Statement::Sql(Box::new(statement))),
        (None, _) => Err(SqlError::syntax("the statement is empty", 1, 1)),
        (Some(_), false) => Err(SqlError::syntax("only one statement can be run at a time", 1, 1)),
    }
}
