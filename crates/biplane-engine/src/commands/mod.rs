//! Statement → [`Output`]: one place where every kind of statement is sent to the code that runs it.

use crate::context::StatementContext;
use crate::error::SqlError;
use crate::output::Output;
use crate::parser::Statement;

pub async fn run(cx: &StatementContext, statement: Statement) -> Result<Output, SqlError> {
    match statement {
        Statement::Query(query) => cx.query(*query).await,
        other => Err(SqlError::unsupported(other.kind())),
    }
}
