//! The statements, as data. Queries and expressions inside are those of the parser library.

mod data;
mod objects;
mod script;
mod show;
mod table;

pub use data::*;
pub use datafusion::sql::sqlparser::ast::{Expr, Query};
pub use objects::*;
pub use script::*;
pub use show::*;
pub use table::*;

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
    AlterTags(AlterTags),
    CreateFunction(Box<CreateFunction>),
    DropRoutine {
        name: Name,
        if_exists: bool,
    },
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
    Convert(Convert),
    RefreshView {
        view: Name,
    },
    RefreshStreaming {
        table: Name,
        full: bool,
    },
    /// Of a streaming table or of any other.
    RefreshTable {
        table: Name,
        full: bool,
    },
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
    DeclareVariable(Box<DeclareVariable>),
    SetVariable(SetVariable),
    DropVariable {
        name: String,
        if_exists: bool,
    },
    ExecuteImmediate(Box<ExecuteImmediate>),
    Script(Box<Block>),
    /// MSCK, ANALYZE TABLE …: nothing to do, as every statement reads the latest state.
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
            Self::Set(_) | Self::SetVariable(_) => "SET",
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
            | Self::AlterTags(_)
            | Self::CommentOn(_) => "ALTER",
            Self::Drop(_) | Self::DropRoutine { .. } | Self::DropVariable { .. } => "DROP",
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
            Self::Call { .. }
            | Self::Convert(_)
            | Self::RefreshView { .. }
            | Self::RefreshStreaming { .. }
            | Self::RefreshTable { .. }
            | Self::Refresh { .. }
            | Self::DeclareVariable(_)
            | Self::ExecuteImmediate(_)
            | Self::Script(_) => "OTHER",
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
