//! Files as relations: `read_files(…)`, ``csv.`/Volumes/…` ``, tables of formats other than Delta.
//!
//! A path is resolved by the catalog before anything is listed; a provider sees only the files that
//! were found under it.

mod headers;
mod lines;
pub mod list;
pub mod metadata;
mod options;
mod path;
mod provider;
mod records;
mod rescue;
mod schema;
mod view;

pub use list::{Found, find};
pub use options::{Format, Options};
pub use provider::open;

use biplane_api::internal::{Access, ResolvedTable};
use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast::Expr;
use std::sync::Arc;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

/// What of a query is read from files.
pub enum FileRelation {
    /// ``csv.`/Volumes/…` ``
    Path { format: String, path: String },
    /// The arguments of `read_files`.
    ReadFiles(Vec<(Option<String>, Expr)>),
    /// A table whose format is not Delta.
    Table(Box<ResolvedTable>),
}

/// Whether a name of two parts is a path: ``parquet.`s3://…` ``.
pub fn is_path_table(format: &str, path: &str) -> bool {
    let known = ["delta", "parquet", "csv", "json", "text", "binaryfile", "avro", "orc"];
    known.iter().any(|name| format.eq_ignore_ascii_case(name))
        && (path.contains('/') || path.contains(':'))
}

/// The files that a call of `read_files` names, and how they are read.
pub async fn called(
    cx: &StatementContext,
    arguments: Vec<(Option<String>, Expr)>,
) -> SqlResult<(Found, Options)> {
    let (path, options) = options::of_arguments(cx, arguments).await?;
    let found = find(cx, &path, Access::Read, &options).await?;
    Ok((found, options))
}

pub async fn provider(
    cx: &StatementContext,
    relation: FileRelation,
    with_metadata: bool,
) -> SqlResult<Arc<dyn TableProvider>> {
    match relation {
        FileRelation::Path { format, path } => {
            let mut options = Options::new(Some(Format::parse(&format)?));
            // A path alone says nothing of a header; Spark then takes none and reads text.
            options.infer_types = !matches!(options.format, Some(Format::Csv));
            let found = find(cx, &path, Access::Read, &options).await?;
            open(cx, found, options, with_metadata).await
        }
        FileRelation::ReadFiles(arguments) => {
            let (found, options) = called(cx, arguments).await?;
            open(cx, found, options, with_metadata).await
        }
        FileRelation::Table(table) => {
            let format = table.info.data_source_format.clone().unwrap_or_default();
            let storage = table.storage.as_ref().ok_or_else(|| {
                SqlError::unsupported(format!(
                    "reading {}, which has no storage,",
                    table.info.full_name
                ))
            })?;
            let mut options = Options::new(Some(Format::parse(&format)?));
            for (key, value) in &table.info.properties {
                if let Some(key) = key.strip_prefix("option.") {
                    options.set(key, value)?;
                }
            }
            let location = cx.location(storage)?;
            let found = list::under(location, String::new(), None, &options).await?;
            open(cx, found, options, false).await
        }
    }
}
