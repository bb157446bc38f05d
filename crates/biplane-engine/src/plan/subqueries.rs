//! Subqueries in forms that DataFusion's planner knows: one value of at most one row, `EXISTS` and `IN` among the
//! columns, pairs in `IN`, and lateral subqueries that read no table.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, FunctionArguments, GroupByExpr, JoinOperator, Query, Select,
    SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor, Value, VisitMut, VisitorMut,
    visit_expressions,
};
use std::collections::HashSet;
use std::ops::ControlFlow;

use super::calls::call;
use super::rewrite::{HIDDEN, plain};
use super::spellings::named_struct;
use crate::error::{SqlError, SqlResult};
use crate::parser::parse_query;

/// What a query may call to make one row of many.
pub struct Aggregates(pub HashSet<String>);

impl Aggregates {
    pub fn are_in(&self, expr: &Expr) -> bool {
        visit_expressions(expr, |expr| match expr {
            Expr::Function(function) if function.over.is_none() => {
                let name = function.name.to_string().to_lowercase();
                let is_one = self.0.contains(&name) || super::functions::is_aggregate(&name);
                if is_one { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            _ => ControlFlow::Continue(()),
        })
        .is_break()
    }
}

fn plain_select(query: &mut Query) -> Option<&mut Select> {
    let is_bounded = query.limit_clause.is_some() || query.fetch.is_some();
    if is_bounded || query.with.is_some() {
        return None;
    }
    match query.body.as_mut() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

fn is_grouped(select: &Select) -> bool {
    match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, modifiers) => !keys.is_empty() || !modifiers.is_empty(),
    }
}

/// `(SELECT city FROM …)` → `(SELECT single_value(city) FROM …)`, which fails where there is a second row.
pub fn single(aggregates: &Aggregates, query: &mut Query) {
    let Some(select) = plain_select(query) else { return };
    if is_grouped(select) || select.distinct.is_some() || select.from.is_empty() {
        return;
    }
    let has_having = select.having.is_some() || select.qualify.is_some();
    let [item] = select.projection.as_mut_slice() else { return };
    let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
        return;
    };
    let is_window = matches!(&*expr, Expr::Function(function) if function.over.is_some());
    if has_having || is_window || aggregates.are_in(expr) || super::generators::has(expr) {
        return;
    }
    let value = std::mem::replace(expr, Expr::value(Value::Null));
    *expr = call("single_value", vec![value, Expr::value(Value::Boolean(true))]);
    query.order_by = None;
}

/// `count(*)` of what is left of the query, as a subquery over one hidden column.
fn counted(query: &Query, condition: Option<Expr>) -> SqlResult<Expr> {
    let mut outer = parse_query("SELECT count(*) FROM (SELECT 1) AS q(v)")?;
    if let SetExpr::Select(select) = outer.body.as_mut()
        && let Some(from) = select.from.first_mut()
        && let TableFactor::Derived { subquery, alias: Some(alias), .. } = &mut from.relation
    {
        **subquery = query.clone();
        alias.name = plain(format!("{HIDDEN}in"));
        let columns = width(query).unwrap_or(1);
        let name = |at| TableAliasColumnDef::from_name(format!("{HIDDEN}v{at}"));
        alias.columns = (0..columns).map(name).collect();
        select.selection = condition;
    }
    Ok(Expr::Subquery(outer))
}

fn width(query: &Query) -> Option<usize> {
    match query.body.as_ref() {
        SetExpr::Select(select) => {
            let is_one = |item: &SelectItem| {
                matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
            };
            select.projection.iter().all(is_one).then_some(select.projection.len())
        }
        _ => None,
    }
}

fn column(at: usize) -> Expr {
    Expr::CompoundIdentifier(vec![plain(format!("{HIDDEN}in")), plain(format!("{HIDDEN}v{at}"))])
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn some(count: Expr) -> Expr {
    let zero = Expr::value(Value::Number("0".to_owned(), false));
    Expr::Nested(Box::new(binary(count, BinaryOperator::Gt, zero)))
}

fn case(conditions: Vec<(Expr, Expr)>, otherwise: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: conditions
            .into_iter()
            .map(|(condition, result)| CaseWhen { condition, result })
            .collect(),
        else_result: Some(Box::new(otherwise)),
    }
}

/// `x IN (SELECT y …)` as a value: unknown where a NULL might be it.
fn is_in(value: &Expr, query: &Query) -> SqlResult<Expr> {
    let equal = binary(column(0), BinaryOperator::Eq, Expr::Nested(Box::new(value.clone())));
    let bool = |value| Expr::value(Value::Boolean(value));
    let unknown = || Expr::value(Value::Null);
    let is_null = Expr::IsNull(Box::new(Expr::Nested(Box::new(value.clone()))));
    let any = some(counted(query, None)?);
    let null = some(counted(query, Some(Expr::IsNull(Box::new(column(0)))))?);
    Ok(case(
        vec![
            (some(counted(query, Some(equal))?), bool(true)),
            (binary(is_null, BinaryOperator::And, any), unknown()),
            (null, unknown()),
        ],
        bool(false),
    ))
}

/// Where the planner does not take them: among the columns of a SELECT.
pub struct Values;

impl VisitorMut for Values {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let (made, negated) = match expr {
            Expr::Exists { subquery, negated } => (counted(subquery, None).map(some), *negated),
            Expr::InSubquery { expr, subquery, negated } if width(subquery) == Some(1) => {
                (is_in(expr, subquery), *negated)
            }
            _ => return ControlFlow::Continue(()),
        };
        match made {
            Ok(value) => {
                let value = Expr::Nested(Box::new(value));
                *expr = match negated {
                    true => Expr::UnaryOp {
                        op: datafusion::sql::sqlparser::ast::UnaryOperator::Not,
                        expr: Box::new(value),
                    },
                    false => value,
                };
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

pub fn in_projection(select: &mut Select) -> SqlResult<()> {
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        if let ControlFlow::Break(error) = expr.visit(&mut Values) {
            return Err(error);
        }
    }
    Ok(())
}

/// `(a, b) IN (SELECT x, y …)` → EXISTS of a row that equals it.
pub fn pairs(expr: &mut Expr) -> SqlResult<()> {
    let Expr::InSubquery { expr: value, subquery, negated } = &*expr else { return Ok(()) };
    let (count, width) = match value.as_ref() {
        Expr::Tuple(parts) => (parts.len(), width(subquery)),
        _ => (1, width(subquery)),
    };
    if let Some(width) = width.filter(|width| *width != count) {
        let text = format!(
            "The number of columns in the left hand side of an IN subquery does not match the number of columns in \
             its output: {count} and {width}"
        );
        let class = "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH";
        return Err(SqlError::new(class, "42K09", text));
    }
    let Expr::Tuple(parts) = value.as_ref() else { return Ok(()) };
    if *negated || width.is_none() {
        return Ok(());
    }
    let equal = parts
        .iter()
        .enumerate()
        .map(|(at, part)| {
            binary(column(at), BinaryOperator::Eq, Expr::Nested(Box::new(part.clone())))
        })
        .reduce(|left, right| binary(left, BinaryOperator::And, right));
    let Expr::Subquery(query) = counted(subquery, equal)? else { return Ok(()) };
    let mut query = query;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection =
            vec![SelectItem::UnnamedExpr(Expr::value(Value::Number("1".to_owned(), false)))];
    }
    *expr = Expr::Exists { subquery: query, negated: false };
    Ok(())
}

/// `FROM t, LATERAL (SELECT t.a + 1 AS b)` is a generator of one row.
pub fn lateral(aggregates: &Aggregates, select: &mut Select) {
    for (at, from) in select.from.iter_mut().enumerate() {
        if at > 0 {
            generated(aggregates, &mut from.relation);
        }
        for join in &mut from.joins {
            if matches!(
                join.join_operator,
                JoinOperator::Join(_)
                    | JoinOperator::Inner(_)
                    | JoinOperator::CrossJoin(_)
                    | JoinOperator::Left(_)
                    | JoinOperator::LeftOuter(_)
            ) {
                generated(aggregates, &mut join.relation);
            }
        }
    }
}

fn generated(aggregates: &Aggregates, factor: &mut TableFactor) {
    let TableFactor::Derived { lateral: true, subquery, alias, .. } = factor else { return };
    let Some(select) = plain_select(subquery) else { return };
    let is_plain = select.from.is_empty()
        && select.selection.is_none()
        && select.having.is_none()
        && select.lateral_views.is_empty()
        && !is_grouped(select);
    if !is_plain {
        return;
    }
    let mut fields = Vec::new();
    let mut names = Vec::new();
    for item in &select.projection {
        let (expr, name) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, plain(super::naming::display_name(expr))),
            SelectItem::ExprWithAlias { expr, alias } => (expr, alias.clone()),
            _ => return,
        };
        if aggregates.are_in(expr) || super::generators::has(expr) {
            return;
        }
        names.push(name);
        fields.push(expr.clone());
    }
    let rows = call("array", vec![named_struct(fields)]);
    let Expr::Function(generator) = call("inline", vec![rows]) else { return };
    let FunctionArguments::List(list) = generator.args else { return };
    let mut alias = alias.clone().unwrap_or(TableAlias {
        explicit: true,
        name: plain(format!("{HIDDEN}lateral")),
        columns: vec![],
        at: None,
    });
    if alias.columns.is_empty() {
        let column = |name| TableAliasColumnDef { name, data_type: None };
        alias.columns = names.into_iter().map(column).collect();
    }
    *factor = TableFactor::Function {
        lateral: true,
        name: generator.name,
        args: list.args,
        with_ordinality: false,
        alias: Some(alias),
    };
}
