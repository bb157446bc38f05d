//! SHOW and DESCRIBE.

use super::{Name, ObjectKind, Query};

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
