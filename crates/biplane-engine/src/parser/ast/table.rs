//! CREATE TABLE and ALTER TABLE.

use super::{ExprText, Name, Properties, QueryText};
use crate::parser::types::SqlType;

#[derive(Debug, Clone)]
pub struct ColumnDef {
    pub name: String,
    pub sql_type: SqlType,
    pub not_null: bool,
    pub comment: Option<String>,
    pub default: Option<ExprText>,
    pub generated: Option<Generated>,
}

#[derive(Debug, Clone)]
pub enum Generated {
    As(Box<ExprText>),
    Identity(Identity),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// GENERATED ALWAYS; else BY DEFAULT.
    pub always: bool,
    pub start: i64,
    pub step: i64,
}

/// Where a column stands among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    First,
    After(String),
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

/// What a table with a query of its own is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    MaterializedView,
    /// `or_refresh`: one that is there goes on with this query.
    StreamingTable {
        or_refresh: bool,
    },
}

#[derive(Debug, Clone)]
pub struct CreateTable {
    pub name: Name,
    pub if_not_exists: bool,
    pub or_replace: bool,
    /// Of the session alone.
    pub temporary: bool,
    /// Its source is a query, which is kept.
    pub kept: Option<Kept>,
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
    /// SHALLOW or DEEP: both are tables of their own.
    Clone {
        table: Name,
        version: Option<TableVersion>,
    },
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
    AddColumns {
        columns: Vec<ColumnDef>,
        /// Of each of them.
        positions: Vec<Option<Position>>,
        if_not_exists: bool,
    },
    /// Columns, or fields inside of them, by their paths.
    DropColumns {
        columns: Vec<Vec<String>>,
        if_exists: bool,
    },
    RenameColumn {
        from: Vec<String>,
        to: String,
    },
    ColumnComment {
        column: String,
        comment: Option<String>,
    },
    ColumnNotNull {
        column: String,
        not_null: bool,
    },
    ColumnType {
        column: String,
        sql_type: SqlType,
    },
    ColumnPosition {
        column: String,
        position: Position,
    },
    SyncIdentity {
        column: String,
    },
    /// None: DROP DEFAULT.
    ColumnDefault {
        column: String,
        default: Option<Box<ExprText>>,
    },
    SetProperties(Properties),
    UnsetProperties {
        keys: Vec<String>,
        if_exists: bool,
    },
    SetOwner(String),
    AddConstraint(Constraint),
    DropConstraint {
        name: String,
        if_exists: bool,
    },
    ClusterBy(Clustering),
}
