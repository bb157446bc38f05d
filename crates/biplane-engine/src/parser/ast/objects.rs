//! Everything that has a name and is no table: containers, views, volumes, functions; rights on them.

use super::{ColumnDef, Name, Properties, QueryText};
use crate::parser::types::SqlType;

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
    MaterializedView,
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
            Self::MaterializedView => "MATERIALIZED VIEW",
            Self::Volume => "VOLUME",
            Self::Function => "FUNCTION",
            Self::ExternalLocation => "EXTERNAL LOCATION",
            Self::StorageCredential => "STORAGE CREDENTIAL",
        }
    }
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

/// What `set` and `unset` name, of one object or of one of its columns.
#[derive(Debug, Clone)]
pub struct AlterTags {
    pub kind: ObjectKind,
    pub name: Name,
    pub column: Option<String>,
    pub set: Properties,
    pub unset: Vec<String>,
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
    /// Of a table, where they are declared.
    pub columns: Vec<ColumnDef>,
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
pub struct Grant {
    pub revoke: bool,
    /// REST form: `USE_CATALOG`.
    pub privileges: Vec<String>,
    pub kind: ObjectKind,
    /// None for a metastore.
    pub name: Option<Name>,
    pub principal: String,
}
