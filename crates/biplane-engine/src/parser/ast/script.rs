//! Variables and scripts.

use super::{Expr, Name, Query, Statement};
use datafusion::sql::sqlparser::ast::DataType;

#[derive(Debug, Clone)]
pub struct DeclareVariable {
    /// One part each.
    pub names: Vec<String>,
    pub or_replace: bool,
    /// None: that of the default.
    pub sql_type: Option<DataType>,
    pub default: Option<Expr>,
}

#[derive(Debug, Clone)]
pub enum SetVariable {
    /// None: DEFAULT.
    Values(Vec<(Name, Option<Expr>)>),
    /// The one row of a query.
    Row(Vec<Name>, Box<Query>),
}

#[derive(Debug, Clone)]
pub struct ExecuteImmediate {
    pub sql: Expr,
    pub into: Vec<Name>,
    pub using: Vec<(Expr, Option<String>)>,
}

/// `BEGIN … END`.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub label: Option<String>,
    /// Names of conditions and their SQLSTATEs.
    pub conditions: Vec<(String, Option<String>)>,
    pub handlers: Vec<Handler>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub struct Handler {
    pub events: Vec<Event>,
    pub action: Box<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Exception,
    NotFound,
    SqlState(String),
    /// An error class, or a condition of the script.
    Condition(String),
}

#[derive(Debug, Clone)]
pub enum Step {
    Block(Block),
    Declare(DeclareVariable),
    Statement(Box<Statement>),
    /// IF and CASE.
    If {
        branches: Vec<(Expr, Vec<Step>)>,
        otherwise: Option<Vec<Step>>,
    },
    While {
        label: Option<String>,
        condition: Expr,
        body: Vec<Step>,
    },
    Repeat {
        label: Option<String>,
        body: Vec<Step>,
        until: Expr,
    },
    Loop {
        label: Option<String>,
        body: Vec<Step>,
    },
    For {
        label: Option<String>,
        row: Option<String>,
        query: Box<Query>,
        body: Vec<Step>,
    },
    Leave(String),
    Iterate(String),
    Signal {
        event: Event,
        message: Option<Expr>,
    },
    /// The error that is being handled, again.
    Resignal,
}
