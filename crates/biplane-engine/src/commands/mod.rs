//! Statement → [`Output`]: one place where every kind of statement is sent to the code that runs it.

use datafusion::sql::sqlparser::ast;

use crate::context::StatementContext;
use crate::error::SqlError;
use crate::output::Output;
use crate::parser::Statement;

pub async fn run(cx: &StatementContext, statement: Statement) -> Result<Output, SqlError> {
    match statement {
        Statement::Sql(statement) => match *statement {
            ast::Statement::Query(query) => cx.query(*query).await,
            other => Err(SqlError::unsupported(first_word(&other))),
        },
    }
}

fn first_word(statement: &ast::Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace().next().unwrap_or("this statement").to_uppercase()
}
