//! GROUP BY in the forms that DataFusion's planner knows: keys that are INT where Spark's are, tuples in ROLLUP and
//! CUBE, `grouping_id()`, and what Spark refuses of them.

use datafusion::sql::sqlparser::ast::{
    self, Expr, FunctionArguments, GroupByExpr, ObjectNamePart, Select, SelectItem, Value,
    VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

use super::calls::call;
use super::functions::cast;
use super::generators;
use super::rewrite::HIDDEN;
use super::subqueries::Aggregates;
use super::widths;
use crate::error::{SqlError, SqlResult};

/// Sets that a CUBE may have.
const CUBE_KEYS_MAX: usize = 10;

pub fn settle(aggregates: &Aggregates, select: &mut Select) -> SqlResult<()> {
    let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return Ok(()) };
    for key in keys.iter_mut() {
        positions(aggregates, &select.projection, key)?;
    }
    computed(select)?;
    let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return Ok(()) };
    for key in keys.iter_mut() {
        plain(key)?;
    }
    let sets: Vec<&Expr> = keys
        .iter()
        .filter(|key| matches!(key, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_)))
        .collect();
    let mut all: Vec<Expr> = Vec::new();
    let grouped = keys.iter().filter(|_| !sets.is_empty());
    for key in grouped {
        let parts: Vec<Expr> = match key {
            Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                sets.iter().flatten().cloned().collect()
            }
            other => vec![other.clone()],
        };
        for part in parts {
            if !all.contains(&part) {
                all.push(part);
            }
        }
    }
    let mut ids = Ids { keys: &all };
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        if let ControlFlow::Break(error) = expr.visit(&mut ids) {
            return Err(error);
        }
    }
    if let Some(having) = &mut select.having
        && let ControlFlow::Break(error) = having.visit(&mut ids)
    {
        return Err(error);
    }
    Ok(())
}

/// Keys of sets that are no columns become some of the FROM: the planner knows only columns in sets.
fn computed(select: &mut Select) -> SqlResult<()> {
    let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return Ok(()) };
    let mut found: Vec<Expr> = Vec::new();
    for key in keys.iter_mut() {
        let (Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets)) = key else {
            continue;
        };
        for part in sets.iter_mut().flatten() {
            match part {
                Expr::Tuple(parts) => parts.iter_mut().for_each(|part| put_away(part, &mut found)),
                part => put_away(part, &mut found),
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let mut uses = Uses { found: &found, depth: 0 };
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = expr.visit(&mut uses);
        }
    }
    let _ = select.having.visit(&mut uses);
    let _ = keys.visit(&mut uses);
    let columns = found.into_iter().enumerate().map(|(at, mut expr)| {
        widths::narrow(&mut expr);
        (expr, name_of(at))
    });
    generators::with_columns(select, columns.collect())
}

fn name_of(at: usize) -> ast::Ident {
    ast::Ident::new(format!("{HIDDEN}key{at}"))
}

fn put_away(part: &mut Expr, found: &mut Vec<Expr>) {
    if matches!(part, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
        return;
    }
    let known = found.iter().position(|known| known == part).unwrap_or(found.len());
    let part = std::mem::replace(part, Expr::Identifier(name_of(known)));
    if known == found.len() {
        found.push(part);
    }
}

/// Puts the columns where the same is written.
struct Uses<'a> {
    found: &'a [Expr],
    /// Queries inside have columns of their own.
    depth: usize,
}

impl VisitorMut for Uses<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut ast::Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut ast::Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let known = self.found.iter().position(|known| known == expr);
        if let Some(at) = known.filter(|_| self.depth == 0) {
            *expr = Expr::Identifier(name_of(at));
        }
        ControlFlow::Continue(())
    }
}

/// A key that is a place among the columns may not be an aggregate; in ROLLUP the planner knows no places.
fn positions(aggregates: &Aggregates, columns: &[SelectItem], key: &mut Expr) -> SqlResult<()> {
    let column = |expr: &Expr| {
        let Expr::Value(value) = expr else { return None };
        let Value::Number(digits, _) = &value.value else { return None };
        let at: usize = digits.parse().ok()?;
        match columns.get(at.checked_sub(1)?)? {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                Some((at, expr.clone()))
            }
            _ => None,
        }
    };
    match key {
        Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
            for part in sets.iter_mut().flatten() {
                if let Some((_, found)) = column(part) {
                    *part = found;
                }
            }
        }
        other => {
            if let Some((at, found)) = column(other)
                && aggregates.are_in(&found)
            {
                let text = format!(
                    "GROUP BY {at} refers to an expression that contains an aggregate function"
                );
                return Err(SqlError::new("GROUP_BY_POS_AGGREGATE", "42903", text));
            }
            if aggregates.are_in(other) {
                let text =
                    format!("Aggregate functions are not allowed in GROUP BY, but found {other}");
                return Err(SqlError::new("GROUP_BY_AGGREGATE", "42903", text));
            }
        }
    }
    Ok(())
}

fn plain(key: &mut Expr) -> SqlResult<()> {
    let has_tuples = |sets: &[Vec<Expr>]| {
        sets.iter().any(|set| set.len() != 1 || matches!(set.first(), Some(Expr::Tuple(_))))
    };
    match key {
        Expr::Rollup(sets) => {
            flat(sets);
            if has_tuples(sets) {
                let prefix = |count: usize| sets.iter().take(count).flatten().cloned().collect();
                *key = Expr::GroupingSets((0..=sets.len()).rev().map(prefix).collect());
            }
        }
        Expr::Cube(sets) => {
            flat(sets);
            if has_tuples(sets) {
                if sets.len() > CUBE_KEYS_MAX {
                    return Err(SqlError::exhausted("CUBE of so many keys"));
                }
                let count = sets.len();
                let of = |mask: usize| {
                    let kept = sets.iter().enumerate();
                    let kept = kept.filter(|(at, _)| mask & (1 << (count - 1 - at)) != 0);
                    kept.flat_map(|(_, set)| set.iter().cloned()).collect()
                };
                *key = Expr::GroupingSets((0..1_usize << count).rev().map(of).collect());
            }
        }
        Expr::GroupingSets(sets) => flat(sets),
        Expr::Value(_) => return Ok(()),
        _ => widths::narrow(key),
    }
    if let Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) = key {
        sets.iter_mut().flatten().for_each(widths::narrow);
    }
    Ok(())
}

fn flat(sets: &mut [Vec<Expr>]) {
    for set in sets {
        if let [Expr::Tuple(parts)] = set.as_mut_slice() {
            *set = std::mem::take(parts);
        }
    }
}

struct Ids<'a> {
    keys: &'a [Expr],
}

impl VisitorMut for Ids<'_> {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let given = match expr {
            Expr::Identifier(name) if name.value.eq_ignore_ascii_case("grouping__id") => {
                if self.keys.is_empty() {
                    return ControlFlow::Continue(());
                }
                Vec::new()
            }
            Expr::Function(function) if is_id(function) => {
                super::calls::arguments(function).unwrap_or_default()
            }
            Expr::Function(function)
                if self.keys.is_empty()
                    && function.name.to_string().eq_ignore_ascii_case("grouping") =>
            {
                Vec::new()
            }
            _ => return ControlFlow::Continue(()),
        };
        if self.keys.is_empty() {
            let text = "grouping()/grouping_id() can only be used with GroupingSets/Cube/Rollup";
            let error = SqlError::new("UNSUPPORTED_GROUPING_EXPRESSION", "42K0E", text);
            return ControlFlow::Break(error);
        }
        if !given.is_empty() && !same(&given, self.keys) {
            let text = "Columns of grouping_id do not match the columns of the grouping";
            let error = SqlError::new("GROUPING_ID_COLUMN_MISMATCH", "42803", text);
            return ControlFlow::Break(error);
        }
        let mut grouping = call("grouping", self.keys.to_vec());
        if let Expr::Function(function) = &mut grouping
            && let Some(ObjectNamePart::Identifier(name)) = function.name.0.first_mut()
        {
            // In quotes it is not looked at again.
            name.quote_style = Some('`');
        }
        *expr = cast(grouping, ast::DataType::BigInt(None));
        ControlFlow::Continue(())
    }
}

fn is_id(function: &ast::Function) -> bool {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return false };
    let takes = matches!(&function.args, FunctionArguments::List(_));
    takes && name.value.eq_ignore_ascii_case("grouping_id")
}

/// By the last part of their names, in any case of letters.
fn same(given: &[Expr], keys: &[Expr]) -> bool {
    let name = |expr: &Expr| match expr {
        Expr::CompoundIdentifier(parts) => {
            parts.last().map(|part| part.value.to_lowercase()).unwrap_or_default()
        }
        other => other.to_string().to_lowercase(),
    };
    given.len() == keys.len() && given.iter().zip(keys).all(|(a, b)| name(a) == name(b))
}
