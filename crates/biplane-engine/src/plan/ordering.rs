//! Clauses in the one form that DataFusion knows: ORDER BY ALL, SORT BY and CLUSTER BY as an ORDER BY (a
//! result is one partition here, so what sorts each partition sorts it all), WITH ROLLUP, MINUS.

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, GroupByWithModifier, OrderBy, OrderByExpr, OrderByKind, OrderByOptions,
    Query, Select, SelectItem, SetExpr, SetOperator, Value,
};

use crate::error::{SqlError, SqlResult};

pub fn plain(query: &mut Query) {
    operators(&mut query.body);
    if let SetExpr::Select(select) = query.body.as_mut() {
        let sorted = sorted_by(select);
        if query.order_by.is_none() && !sorted.is_empty() {
            let kind = OrderByKind::Expressions(sorted);
            query.order_by = Some(OrderBy { kind, interpolate: None });
        }
    }
    let Some(OrderBy { kind, .. }) = &mut query.order_by else { return };
    let OrderByKind::All(options) = kind else { return };
    if let Some(count) = first_select(&query.body).and_then(|select| width(&select.projection)) {
        let position = |at: usize| {
            let number = Expr::value(Value::Number(at.to_string(), false));
            OrderByExpr { expr: number, options: *options, with_fill: None }
        };
        *kind = OrderByKind::Expressions((1..=count).map(position).collect());
    }
}

/// MINUS is EXCEPT.
fn operators(body: &mut SetExpr) {
    let SetExpr::SetOperation { left, op, right, .. } = body else { return };
    if *op == SetOperator::Minus {
        *op = SetOperator::Except;
    }
    operators(left);
    operators(right);
}

/// `GROUP BY a, b WITH ROLLUP` is `GROUP BY ROLLUP (a, b)`.
///
/// The planner passes over what stands behind the keys, so nothing may be left there.
pub fn grouping(select: &mut Select) -> SqlResult<()> {
    let (keys, modifiers) = match &mut select.group_by {
        GroupByExpr::Expressions(keys, modifiers) => (keys, std::mem::take(modifiers)),
        GroupByExpr::All(modifiers) if modifiers.is_empty() => return Ok(()),
        GroupByExpr::All(_) => {
            return Err(SqlError::unsupported(
                "WITH ROLLUP, WITH CUBE or GROUPING SETS behind ALL",
            ));
        }
    };
    let Some((modifier, more)) = modifiers.split_first() else { return Ok(()) };
    if !more.is_empty() {
        return Err(SqlError::unsupported("several modifiers behind the keys of GROUP BY"));
    }
    let each = keys.drain(..).map(|key| vec![key]).collect();
    *keys = match modifier {
        GroupByWithModifier::Rollup => vec![Expr::Rollup(each)],
        GroupByWithModifier::Cube => vec![Expr::Cube(each)],
        GroupByWithModifier::GroupingSets(sets) => vec![sets.clone()],
        GroupByWithModifier::Totals => return Err(SqlError::unsupported("WITH TOTALS")),
    };
    Ok(())
}

fn sorted_by(select: &mut Select) -> Vec<OrderByExpr> {
    select.distribute_by.clear();
    let by_cluster = std::mem::take(&mut select.cluster_by).into_iter().map(|expr| {
        let options = OrderByOptions { asc: None, nulls_first: None };
        OrderByExpr { expr, options, with_fill: None }
    });
    by_cluster.chain(std::mem::take(&mut select.sort_by)).collect()
}

/// The SELECT whose columns are those of the whole.
fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first_select(left),
        SetExpr::Query(query) => first_select(&query.body),
        _ => None,
    }
}

/// None where a `*` hides how many columns there are.
fn width(projection: &[SelectItem]) -> Option<usize> {
    let is_one = |item: &SelectItem| {
        matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
    };
    projection.iter().all(is_one).then_some(projection.len())
}
