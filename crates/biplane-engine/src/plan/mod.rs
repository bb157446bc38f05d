//! From an AST to a DataFusion plan: names, views, the dialect's meaning, scans.

pub mod provider;
pub mod state;

use datafusion::common::{DFSchema, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, TableSource};
use datafusion::sql::planner::{PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast;
use std::collections::HashMap;
use std::sync::Arc;

use crate::context::StatementContext;
use crate::error::SqlResult;

pub async fn query(cx: &StatementContext, query: &ast::Query) -> SqlResult<LogicalPlan> {
    let state = cx.session.state();
    let tables: HashMap<TableReference, Arc<dyn TableSource>> = HashMap::new();
    let names = provider::Names { state: &state, tables: &tables, types: None };
    let planner = SqlToRel::new(&names);
    let statement = ast::Statement::Query(Box::new(query.clone()));
    Ok(planner.sql_statement_to_plan(statement)?)
}

pub async fn expr(cx: &StatementContext, expr: &ast::Expr, schema: &DFSchema) -> SqlResult<Expr> {
    let state = cx.session.state();
    let tables: HashMap<TableReference, Arc<dyn TableSource>> = HashMap::new();
    let names = provider::Names { state: &state, tables: &tables, types: None };
    let planner = SqlToRel::new(&names);
    Ok(planner.sql_to_expr(expr.clone(), schema, &mut PlannerContext::new())?)
}
