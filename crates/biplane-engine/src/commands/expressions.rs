//! Expressions of UPDATE, DELETE, MERGE and their like: planned as the columns of a query over the
//! tables they speak of, so that they mean what they mean in a SELECT.

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, cast};
use datafusion::sql::sqlparser::ast;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::parser::{Name, parse_query};

/// The columns of one table or query under a name.
pub struct From_<'a> {
    /// SQL text: a full name, or a query in brackets.
    pub relation: String,
    pub alias: &'a str,
}

pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

pub fn full_sql(full: &[String; 3]) -> String {
    Name(full.to_vec()).to_string()
}

/// `SELECT <exprs> FROM <tables>`.
pub fn query_of(exprs: &[ast::Expr], tables: &[From_<'_>]) -> SqlResult<Box<ast::Query>> {
    let from: Vec<String> =
        tables.iter().map(|t| format!("{} AS {}", t.relation, quoted(t.alias))).collect();
    let mut query = parse_query(&format!("SELECT 1 FROM {}", from.join(" CROSS JOIN ")))?;
    let ast::SetExpr::Select(select) = query.body.as_mut() else {
        return Err(SqlError::internal("a SELECT was read as something else"));
    };
    select.projection = exprs
        .iter()
        .enumerate()
        .map(|(index, expr)| ast::SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: ast::Ident::with_quote('`', format!("__e{index}")),
        })
        .collect();
    Ok(query)
}

/// The planned expressions and the schema they stand on.
pub async fn plan(
    cx: &StatementContext,
    exprs: &[ast::Expr],
    tables: &[From_<'_>],
) -> SqlResult<(Vec<Expr>, DFSchemaRef)> {
    let query = query_of(exprs, tables)?;
    let plan = cx.plan_query(&query).await?;
    let LogicalPlan::Projection(projection) = plan else {
        return Err(SqlError::unsupported("an aggregate or window function in this place"));
    };
    let mut plain = true;
    projection.input.apply(|node| {
        if matches!(node, LogicalPlan::Aggregate(_) | LogicalPlan::Window(_)) {
            plain = false;
        }
        Ok(match node {
            LogicalPlan::SubqueryAlias(_) | LogicalPlan::TableScan(_) => TreeNodeRecursion::Jump,
            _ => TreeNodeRecursion::Continue,
        })
    })?;
    if !plain {
        return Err(SqlError::unsupported("an aggregate or window function in this place"));
    }
    let exprs = projection.expr.iter().map(|expr| expr.clone().unalias()).collect();
    Ok((exprs, projection.input.schema().clone()))
}

pub fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|node| {
        Ok(matches!(
            node,
            Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
        ))
    })
    .unwrap_or(true)
}

/// Columns as they are stored: planned expressions have them in lower case, with instants in the time
/// zone of the session. `keep`: the name of the table before them, where the columns of another table
/// stand beside.
pub fn stored(
    cx: &StatementContext,
    expr: Expr,
    target: &SchemaRef,
    keep: Option<&str>,
) -> SqlResult<Expr> {
    let zone = cx.settings.plan_zone();
    let done = expr.transform(|node| {
        let Expr::Column(column) = &node else { return Ok(Transformed::no(node)) };
        let of_target = match (&column.relation, keep) {
            (_, None) => true,
            (Some(relation), Some(alias)) => relation.table() == alias,
            (None, Some(_)) => false,
        };
        if !of_target {
            return Ok(Transformed::no(node));
        }
        let field = target.fields().iter().find(|field| field.name().to_lowercase() == column.name);
        let Some(field) = field else { return Ok(Transformed::no(node)) };
        let relation = keep.map(TableReference::bare);
        let column = Expr::Column(Column::new(relation, field.name()));
        Ok(Transformed::yes(match field.data_type() {
            DataType::Timestamp(unit, Some(own)) if *own != zone => {
                cast(column, DataType::Timestamp(*unit, Some(zone.clone())))
            }
            _ => column,
        }))
    })?;
    Ok(done.data)
}
