//! Files as relations: path tables, `read_files`, tables that are not Delta.

use biplane_api::internal::ResolvedTable;
use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast;
use std::sync::Arc;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

/// What a query names that is not a Delta table of the catalog.
#[derive(Debug, Clone)]
pub enum FileRelation {
    /// ``parquet.`/Volumes/…` ``: format in lower case (never `delta`) and path.
    Path { format: String, path: String },
    /// `read_files('…', format => 'csv', …)`: name (None = positional) and value, both as written.
    ReadFiles(Vec<(Option<String>, ast::Expr)>),
    /// An external table of the catalog in another format.
    Table(Box<ResolvedTable>),
}

pub async fn provider(
    _cx: &StatementContext,
    relation: FileRelation,
) -> SqlResult<Arc<dyn TableProvider>> {
    let what = match relation {
        FileRelation::Path { format, .. } => format!("a path table of the format {format}"),
        FileRelation::ReadFiles(_) => "read_files".to_owned(),
        FileRelation::Table(_) => "a table that is not Delta".to_owned(),
    };
    Err(SqlError::unsupported(what))
}
