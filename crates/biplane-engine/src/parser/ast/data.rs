//! What changes rows or files of a table.

use super::{ColumnDef, Expr, ExprText, Name, Properties, Query, TableVersion};

#[derive(Debug, Clone)]
pub enum InsertMode {
    Append,
    /// All rows, or those of a partition.
    Overwrite,
    ReplaceWhere(ExprText),
    /// REPLACE USING (columns): rows whose values of these columns occur in the source.
    ReplaceUsing(Vec<String>),
    /// REPLACE ON condition.
    ReplaceOn(Expr),
}

#[derive(Debug, Clone)]
pub struct Insert {
    pub table: Name,
    pub schema_evolution: bool,
    pub table_alias: Option<String>,
    pub mode: InsertMode,
    pub by_name: bool,
    pub columns: Vec<String>,
    /// PARTITION (p = 1, q): None = dynamic.
    pub partition: Vec<(String, Option<Expr>)>,
    pub source: Box<Query>,
    pub source_alias: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Update {
    pub table: Name,
    pub alias: Option<String>,
    pub set: Vec<(Vec<String>, Expr)>,
    pub filter: Option<Expr>,
}

#[derive(Debug, Clone)]
pub struct Delete {
    pub table: Name,
    pub alias: Option<String>,
    pub filter: Option<Expr>,
}

#[derive(Debug, Clone)]
pub struct Merge {
    pub target: Name,
    pub target_alias: Option<String>,
    pub source: MergeSource,
    pub source_alias: Option<String>,
    pub schema_evolution: bool,
    pub on: Expr,
    pub clauses: Vec<MergeClause>,
}

#[derive(Debug, Clone)]
pub enum MergeSource {
    Table(Name),
    Query(Box<Query>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeWhen {
    Matched,
    NotMatched,
    NotMatchedBySource,
}

#[derive(Debug, Clone)]
pub struct MergeClause {
    pub when: MergeWhen,
    pub condition: Option<Expr>,
    pub action: MergeAction,
}

#[derive(Debug, Clone)]
pub enum MergeAction {
    Delete,
    UpdateAll,
    Update(Vec<(Vec<String>, Expr)>),
    InsertAll,
    Insert(Vec<(String, Expr)>),
}

#[derive(Debug, Clone)]
pub struct CopyInto {
    pub table: Name,
    pub by_position: bool,
    pub columns: Vec<String>,
    pub path: String,
    /// `(SELECT … FROM path)`: the query with the path put as the path table it reads.
    pub projection: Option<CopyProjection>,
    pub format: String,
    pub validate: Option<Option<u64>>,
    pub files: Vec<String>,
    pub pattern: Option<String>,
    pub format_options: Properties,
    pub copy_options: Properties,
}

#[derive(Debug, Clone)]
pub struct CopyProjection {
    /// Reads from the table [`COPY_SOURCE`].
    pub query: Box<Query>,
}

/// The name under which the files stand in the query of a COPY INTO.
pub const COPY_SOURCE: &str = "__biplane_copy_source";

#[derive(Debug, Clone)]
pub struct Optimize {
    pub table: Name,
    pub filter: Option<Expr>,
    pub zorder: Vec<String>,
    pub full: bool,
}

#[derive(Debug, Clone)]
pub struct Vacuum {
    pub table: Name,
    pub retain_hours: Option<f64>,
    pub dry_run: bool,
    pub lite: bool,
}

#[derive(Debug, Clone)]
pub struct Convert {
    /// Of a directory of Parquet files.
    pub path: String,
    pub partitions: Vec<ColumnDef>,
    /// They are gathered in any case.
    pub statistics: bool,
}

#[derive(Debug, Clone)]
pub struct Restore {
    pub table: Name,
    pub to: TableVersion,
}
