//! What Spark refuses though it can be planned, and the classes of what cannot, as the query tells them.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{self, GroupByExpr, Query, SetExpr};
use std::collections::HashSet;
use std::ops::ControlFlow;

use super::rewrite::HIDDEN;
use crate::error::{SqlError, SqlResult};

/// Two columns of one name are told apart behind [`HIDDEN`]; whoever names one of them alone means neither.
pub fn references(plan: &LogicalPlan) -> SqlResult<()> {
    let mut found: Option<String> = None;
    plan.apply_with_subqueries(|node| {
        if matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Filter(_)) {
            found = ambiguous(node)?;
        }
        let goes_on = found.is_none();
        Ok(if goes_on { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    match found {
        Some(name) => {
            let text =
                format!("Reference `{name}` is ambiguous, more than one column has that name");
            Err(SqlError::new("AMBIGUOUS_REFERENCE", "42704", text))
        }
        None => Ok(()),
    }
}

fn ambiguous(node: &LogicalPlan) -> Result<Option<String>> {
    let mut twins: HashSet<(Option<String>, String)> = HashSet::new();
    for input in node.inputs() {
        for (qualifier, field) in input.schema().iter() {
            if let Some((name, rest)) = field.name().split_once(HIDDEN)
                && !name.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_digit())
            {
                twins.insert((qualifier.map(ToString::to_string), name.to_owned()));
            }
        }
    }
    if twins.is_empty() {
        return Ok(None);
    }
    // A `*` names them all.
    let mut named: Vec<Column> = Vec::new();
    node.apply_expressions(|expr| {
        expr.apply(|expr| {
            if let Expr::Column(column) = expr {
                named.push(column.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    let key = |column: &Column, name: &str| {
        (column.relation.as_ref().map(ToString::to_string), name.to_owned())
    };
    let is_whole = |name: &str| {
        named
            .iter()
            .any(|other| other.name.split(HIDDEN).next() == Some(name) && other.name != name)
    };
    let lonely = named
        .iter()
        .find(|column| twins.contains(&key(column, &column.name)) && !is_whole(&column.name));
    Ok(lonely.map(|column| column.name.clone()))
}

/// A relation that no function makes.
pub fn of_routine(error: SqlError, query: &Query) -> SqlError {
    let wanted = error.message.split('`').nth(1).unwrap_or_default();
    let mut called = Called { wanted, found: false };
    let _ = ast::Visit::visit(query, &mut called);
    match called.found {
        true => SqlError { class: "UNRESOLVABLE_TABLE_VALUED_FUNCTION".to_owned(), ..error },
        false => error,
    }
}

struct Called<'a> {
    wanted: &'a str,
    found: bool,
}

impl ast::Visitor for Called<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &ast::TableFactor) -> ControlFlow<()> {
        if let ast::TableFactor::Table { name, args: Some(_), .. } = factor
            && name.to_string().replace('`', "").eq_ignore_ascii_case(self.wanted)
        {
            self.found = true;
        }
        ControlFlow::Continue(())
    }
}

/// Where the column that is missing was looked for.
fn of_column(error: SqlError, query: &Query) -> SqlError {
    let missing = error.message.split('`').nth(1).unwrap_or_default().to_lowercase();
    let is_it = |expr: &ast::Expr| matches!(expr, ast::Expr::Identifier(name) if name.value.to_lowercase() == missing);
    if let Some(ast::LimitClause::LimitOffset { limit: Some(limit), .. }) = &query.limit_clause
        && is_it(limit)
    {
        let text =
            format!("The limit expression must evaluate to a constant value, but got {missing}");
        return SqlError::new("INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE", "42K0E", text);
    }
    let SetExpr::Select(select) = query.body.as_ref() else { return error };
    let joins = select.from.iter().flat_map(|from| &from.joins);
    let is_joined = joins.clone().any(|join| {
        let mut operator = join.join_operator.clone();
        match super::functions::constraint(&mut operator) {
            Some(ast::JoinConstraint::Using(names)) => {
                names.iter().any(|name| name.to_string().to_lowercase() == missing)
            }
            _ => false,
        }
    });
    match is_joined {
        true => {
            let text =
                format!("USING column `{missing}` cannot be resolved on both sides of the join");
            SqlError {
                message: text,
                class: "UNRESOLVED_USING_COLUMN_FOR_JOIN".to_owned(),
                ..error
            }
        }
        false => error,
    }
}

/// The class that follows from what the query looks like.
pub fn refined(error: SqlError, query: &Query) -> SqlError {
    if error.class.starts_with("UNRESOLVED_COLUMN") {
        return of_column(error, query);
    }
    if error.class != "MISSING_AGGREGATION" {
        return error;
    }
    let grouped = match query.body.as_ref() {
        SetExpr::Select(select) => match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
        },
        _ => return error,
    };
    let with = |class: &str, state: &str| SqlError {
        class: class.to_owned(),
        sql_state: state.to_owned(),
        ..error.clone()
    };
    if grouped && (error.message.contains("in ORDER BY") || error.message.contains("in HAVING")) {
        return with("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703");
    }
    if grouped {
        return error;
    }
    let orders_by_many = query.order_by.as_ref().is_some_and(|order| {
        ast::visit_expressions(order, |expr| match expr {
            ast::Expr::Function(function) if function.over.is_none() => {
                let name = function.name.to_string().to_lowercase();
                match ["sum", "avg", "count", "min", "max"].contains(&name.as_str()) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            }
            _ => ControlFlow::Continue(()),
        })
        .is_break()
    });
    match orders_by_many {
        true => with("UNSUPPORTED_EXPR_FOR_OPERATOR", "42K0E"),
        false => with("MISSING_GROUP_BY", "42803"),
    }
}
