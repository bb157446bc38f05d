//! The statements, as data. Queries and expressions inside are those of the parser library.

use super::types::SqlType;
pub use datafusion::sql::sqlparser::ast::{Expr, Query};

/// A name of one to three parts, as written, without quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(pub Vec<String>);

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}`{}`", part.replace('`', "``"))?;
        }
        Ok(())
    }
}

/// A query and the text it was written in.
#[derive(Debug, Clone)]
pub struct QueryText {
    pub query: Box<Query>,
    pub text: String,
}

/// An expression and the text it was written in.
#[derive(Debug, Clone)]
pub struct ExprText {
    pub expr: Expr,
    pub text: String,
}

pub type Properties = Vec<(String, String)>;

#[derive(Debug, Clone)]
pub enum Statement {
    Query(Box<Query>),
    Explain(Explain),
    Use(UseTarget),
    Set(SetStatement),
    CreateCatalog(CreateContainer),
    CreateSchema(CreateContainer),
    AlterContainer(AlterContainer),
    CreateTable(Box<CreateTable>),
    AlterTable(AlterTable),
    CreateView(Box<CreateView>),
    AlterView(AlterView),
    CreateVolume(CreateVolume),
    AlterVolume(AlterVolume),
    CreateFunction(Box<CreateFunction>),
    Drop(Drop),
    CommentOn(CommentOn),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    Truncate {
        table: Name,
    },
    CopyInto(Box<CopyInto>),
    Optimize(Box<Optimize>),
    Vacuum(Vacuum),
    Restore(Restore),
    Show(Show),
    Describe(Describe),
    Grant(Grant),
    List {
        path: String,
        limit: Option<u64>,
    },
    Call {
        name: Name,
        arguments: Vec<String>,
    },
    /// REFRESH TABLE, MSCK, ANALYZE TABLE …: nothing to do, as every statement reads the latest state.
    Refresh {
        table: Option<Name>,
    },
}

impl Statement {
    /// The `statement_type` of the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Query(_) => "SELECT",
            Self::Explain(_) => "EXPLAIN",
            Self::Use(_) => "USE",
            Self::Set(_) => "SET",
            Self::CreateCatalog(_)
            | Self::CreateSchema(_)
            | Self::CreateTable(_)
            | Self::CreateView(_)
            | Self::CreateVolume(_)
            | Self::CreateFunction(_) => "CREATE",
            Self::AlterContainer(_)
            | Self::AlterTable(_)
            | Self::AlterView(_)
            | Self::AlterVolume(_)
            | Self::CommentOn(_) => "ALTER",
            Self::Drop(_) => "DROP",
            Self::Insert(_) => "INSERT",
            Self::Update(_) => "UPDATE",
            Self::Delete(_) | Self::Truncate { .. } => "DELETE",
            Self::Merge(_) => "MERGE",
            Self::CopyInto(_) => "COPY",
            Self::Optimize(_) => "OPTIMIZE",
            Self::Vacuum(_) => "VACUUM",
            Self::Restore(_) => "RESTORE",
            Self::Show(_) | Self::List { .. } => "SHOW",
            Self::Describe(_) => "DESCRIBE",
            Self::Grant(g) if g.revoke => "REVOKE",
            Self::Grant(_) => "GRANT",
            Self::Call { .. } | Self::Refresh { .. } => "OTHER",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainMode {
    Simple,
    Extended,
    Formatted,
    Cost,
    Codegen,
}

#[derive(Debug, Clone)]
pub struct Explain {
    pub mode: ExplainMode,
    pub statement: Box<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UseTarget {
    Catalog(String),
    /// One part, or catalog and schema.
    Schema(Name),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetStatement {
    List,
    Show(String),
    Assign(String, String),
    TimeZone(String),
    Reset(Option<String>),
}

/// CREATE CATALOG and CREATE SCHEMA.
#[derive(Debug, Clone)]
pub struct CreateContainer {
    pub name: Name,
    pub if_not_exists: bool,
    pub comment: Option<String>,
    pub location: Option<String>,
    pub properties: Properties,
}

#[derive(Debug, Clone)]
pub struct AlterContainer {
    pub kind: ObjectKind,
    pub name: Name,
    pub action: ContainerAction,
}

#[derive(Debug, Clone)]
pub enum ContainerAction {
    SetOwner(String),
    SetProperties(Properties),
    Rename(Name),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    Metastore,
    Catalog,
    Schema,
    Table,
    View,
    Volume,
    Function,
    ExternalLocation,
    StorageCredential,
}

impl ObjectKind {
    /// The word of SQL.
    pub fn word(self) -> &'static str {
        match self {
            Self::Metastore => "METASTORE",
            Self::Catalog => "CATALOG",
            Self::Schema => "SCHEMA",
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::Volume => "VOLUME",
            Self::Function => "FUNCTION",
            Self::ExternalLocation => "EXTERNAL LOCATION",
            Self::StorageCredential => "STORAGE CREDENTIAL",
        }
    }
}

#[derive(Debug, Clone)]
pub struct ColumnDef {
    pub name: String,
    pub sql_type: SqlType,
    pub not_null: bool,
    pub comment: Option<String>,
    pub default: Option<ExprText>,
    pub generated: Option<ExprText>,
}

#[derive(Debug, Clone)]
pub struct Constraint {
    pub name: Option<String>,
    pub rule: ConstraintRule,
}

#[derive(Debug, Clone)]
pub enum ConstraintRule {
    PrimaryKey { columns: Vec<String>, rely: bool },
    ForeignKey { columns: Vec<String>, parent: Name, parent_columns: Vec<String> },
    Check(Box<ExprText>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clustering {
    Columns(Vec<String>),
    Auto,
    None,
}

#[derive(Debug, Clone)]
pub struct CreateTable {
    pub name: Name,
    pub if_not_exists: bool,
    pub or_replace: bool,
    pub columns: Vec<ColumnDef>,
    pub constraints: Vec<Constraint>,
    /// Lower case; None = delta.
    pub format: Option<String>,
    pub options: Properties,
    pub partitioned_by: Vec<PartitionColumn>,
    pub clustered_by: Option<Clustering>,
    pub location: Option<String>,
    pub comment: Option<String>,
    pub properties: Properties,
    pub source: TableSource,
}

#[derive(Debug, Clone)]
pub enum TableSource {
    Columns,
    Query(QueryText),
    Like(Name),
    Clone { table: Name, shallow: bool, version: Option<TableVersion> },
}

#[derive(Debug, Clone)]
pub struct PartitionColumn {
    pub name: String,
    pub sql_type: Option<SqlType>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableVersion {
    Version(i64),
    /// As written; read by the command.
    Timestamp(String),
}

#[derive(Debug, Clone)]
pub struct AlterTable {
    pub name: Name,
    pub action: TableAction,
}

#[derive(Debug, Clone)]
pub enum TableAction {
    Rename(Name),
    AddColumns { columns: Vec<ColumnDef>, if_not_exists: bool },
    DropColumns(Vec<String>),
    RenameColumn { from: String, to: String },
    ColumnComment { column: String, comment: Option<String> },
    ColumnNotNull { column: String, not_null: bool },
    ColumnType { column: String, sql_type: SqlType },
    SetProperties(Properties),
    UnsetProperties { keys: Vec<String>, if_exists: bool },
    SetOwner(String),
    AddConstraint(Constraint),
    DropConstraint { name: String, if_exists: bool },
    ClusterBy(Clustering),
}

#[derive(Debug, Clone)]
pub struct ViewColumn {
    pub name: String,
    pub comment: Option<String>,
}

#[derive(Debug, Clone)]
pub struct CreateView {
    pub name: Name,
    pub or_replace: bool,
    pub temporary: bool,
    pub if_not_exists: bool,
    pub columns: Vec<ViewColumn>,
    pub comment: Option<String>,
    pub properties: Properties,
    pub query: QueryText,
}

#[derive(Debug, Clone)]
pub struct AlterView {
    pub name: Name,
    pub action: ViewAction,
}

#[derive(Debug, Clone)]
pub enum ViewAction {
    As(QueryText),
    Rename(Name),
    SetOwner(String),
    SetProperties(Properties),
    UnsetProperties { keys: Vec<String>, if_exists: bool },
}

#[derive(Debug, Clone)]
pub struct CreateVolume {
    pub name: Name,
    pub external: bool,
    pub if_not_exists: bool,
    pub location: Option<String>,
    pub comment: Option<String>,
}

#[derive(Debug, Clone)]
pub struct AlterVolume {
    pub name: Name,
    pub action: ContainerAction,
}

#[derive(Debug, Clone)]
pub struct CreateFunction {
    pub name: Name,
    pub or_replace: bool,
    pub if_not_exists: bool,
    pub temporary: bool,
    pub parameters: Vec<ColumnDef>,
    pub returns: Option<SqlType>,
    pub returns_table: bool,
    /// `SQL` or `PYTHON`.
    pub language: String,
    pub deterministic: bool,
    pub comment: Option<String>,
    pub body: String,
}

#[derive(Debug, Clone)]
pub struct Drop {
    pub kind: ObjectKind,
    pub name: Name,
    pub if_exists: bool,
    pub cascade: bool,
}

#[derive(Debug, Clone)]
pub struct CommentOn {
    pub kind: ObjectKind,
    pub name: Name,
    /// COMMENT ON COLUMN: `name` is then the table.
    pub column: Option<String>,
    pub comment: Option<String>,
}

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
pub struct Restore {
    pub table: Name,
    pub to: TableVersion,
}

/// `IN …` of a SHOW.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Current,
    /// A schema, or for SHOW SCHEMAS a catalog.
    In(Name),
    Catalog(String),
    AllCatalogs,
}

#[derive(Debug, Clone)]
pub enum Show {
    Catalogs {
        like: Option<String>,
    },
    Schemas {
        scope: Scope,
        like: Option<String>,
    },
    Tables {
        scope: Scope,
        schema_like: Option<String>,
        like: Option<String>,
    },
    TableExtended {
        scope: Scope,
        like: String,
    },
    Views {
        scope: Scope,
        like: Option<String>,
    },
    Volumes {
        scope: Scope,
        like: Option<String>,
    },
    Functions {
        scope: Scope,
        schema_like: Option<String>,
        like: Option<String>,
        kind: FunctionKind,
    },
    /// SHOW COLUMNS IN t.
    Columns {
        table: Name,
    },
    /// The columns of all tables that fit, as drivers ask for them.
    ColumnsLike {
        scope: Scope,
        schema_like: Option<String>,
        table_like: Option<String>,
        like: Option<String>,
    },
    Keys {
        table: Name,
    },
    ForeignKeys {
        table: Name,
    },
    Properties {
        table: Name,
        key: Option<String>,
    },
    CreateTable {
        table: Name,
    },
    Partitions {
        table: Name,
    },
    Grants {
        principal: Option<String>,
        kind: ObjectKind,
        name: Option<Name>,
    },
    CurrentSchema,
    Users {
        like: Option<String>,
    },
    Groups {
        like: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    All,
    User,
    System,
}

#[derive(Debug, Clone)]
pub enum Describe {
    Table { table: Name, extended: bool, json: bool, column: Option<String> },
    Query(Box<Query>),
    History { table: Name, limit: Option<u64> },
    Detail { table: Name },
    Catalog { name: String, extended: bool },
    Schema { name: Name, extended: bool },
    Volume { name: Name },
    Function { name: Name, extended: bool },
}

#[derive(Debug, Clone)]
pub struct Grant {
    pub revoke: bool,
    /// REST form: `USE_CATALOG`.
    pub privileges: Vec<String>,
    pub kind: ObjectKind,
    /// None for a metastore.
    pub name: Option<Name>,
    pub principal: String,
}
