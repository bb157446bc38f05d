//! `struct(*)`, `to_json(struct(t.*))`, `count(DISTINCT *)`: a star among arguments is all columns of the FROM.
//! Which those are is asked of a query that selects them; nothing of it runs.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, Query,
    Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};
use std::ops::ControlFlow;

use super::refusals::is_distinct;
use super::rewrite::Scope;
use crate::error::{SqlError, SqlResult};

/// Of one query.
const STARS_MAX: usize = 64;

/// Puts the columns in the place of the stars, in the columns and the HAVING of the query itself.
pub async fn expand(scope: &Scope<'_>, query: &mut Query, via: &[String]) -> SqlResult<()> {
    let mut shell = query.clone();
    (shell.order_by, shell.limit_clause) = (None, None);
    let mut left = vec![query.body.as_mut()];
    while let Some(body) = left.pop() {
        match body {
            SetExpr::Select(select) => of_select(scope, &shell, select, via).await?,
            SetExpr::SetOperation { left: one, right: other, .. } => {
                left.extend([one.as_mut(), other.as_mut()])
            }
            _ => {}
        }
    }
    Ok(())
}

async fn of_select(
    scope: &Scope<'_>,
    shell: &Query,
    select: &mut Select,
    via: &[String],
) -> SqlResult<()> {
    let mut stars = Stars::default();
    stars.go_through(select);
    if stars.found.len() > STARS_MAX {
        return Err(SqlError::exhausted("too many stars among the arguments of one query"));
    }
    if stars.found.is_empty() {
        return Ok(());
    }
    let mut columns = Vec::with_capacity(stars.found.len());
    for star in stars.found {
        let asked = Select {
            projection: vec![star.clone()],
            distinct: None,
            selection: None,
            group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
            having: None,
            qualify: None,
            named_window: Vec::new(),
            sort_by: Vec::new(),
            cluster_by: Vec::new(),
            distribute_by: Vec::new(),
            ..select.clone()
        };
        let asked = Query { body: Box::new(SetExpr::Select(Box::new(asked))), ..shell.clone() };
        let planned = Box::pin(super::with_routines(scope, asked, via)).await?;
        let names = planned.names.into_iter().map(|name| Ident::with_quote('`', name));
        columns.push(match star {
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), _) => {
                let of: Vec<Ident> =
                    of.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
                let of = |name| of.iter().cloned().chain([name]).collect();
                names.map(|name| Expr::CompoundIdentifier(of(name))).collect()
            }
            _ => names.map(Expr::Identifier).collect(),
        });
    }
    let mut stars = Stars { columns: columns.into_iter(), ..Stars::default() };
    stars.go_through(select);
    Ok(())
}

/// Goes through them twice in one order: to find them, then to put columns there.
#[derive(Default)]
struct Stars {
    found: Vec<SelectItem>,
    columns: std::vec::IntoIter<Vec<Expr>>,
    /// Queries inside have a FROM of their own.
    depth: usize,
}

impl Stars {
    fn go_through(&mut self, select: &mut Select) {
        for item in &mut select.projection {
            let _ = item.visit(self);
        }
        let _ = select.having.visit(self);
    }
}

impl VisitorMut for Stars {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let is_count = is_count(function);
        let FunctionArguments::List(list) = &mut function.args else {
            return ControlFlow::Continue(());
        };
        if self.depth > 0 || is_count {
            return ControlFlow::Continue(());
        }
        let is_struct = function.name.to_string() == "`struct`";
        let mut is_filled = false;
        for argument in std::mem::take(&mut list.args) {
            match star(&argument) {
                None => list.args.push(argument),
                Some(star) => {
                    self.found.push(star);
                    match self.columns.next() {
                        None => list.args.push(argument),
                        Some(columns) => {
                            is_filled = true;
                            list.args.extend(columns.into_iter().map(unnamed));
                        }
                    }
                }
            }
        }
        if is_struct && is_filled {
            let values = std::mem::take(&mut list.args).into_iter().filter_map(value).collect();
            *expr = Expr::Struct { values, fields: Vec::new() };
        }
        ControlFlow::Continue(())
    }
}

fn unnamed(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

fn value(argument: FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// `count(*)` counts rows, and `count(t.*)` is refused.
fn is_count(function: &Function) -> bool {
    function.name.to_string().eq_ignore_ascii_case("count") && !is_distinct(function)
}

fn star(argument: &FunctionArg) -> Option<SelectItem> {
    let FunctionArg::Unnamed(argument) = argument else { return None };
    match argument {
        FunctionArgExpr::Expr(_) => None,
        FunctionArgExpr::Wildcard => {
            Some(SelectItem::Wildcard(WildcardAdditionalOptions::default()))
        }
        FunctionArgExpr::WildcardWithOptions(options) => {
            Some(SelectItem::Wildcard(options.clone()))
        }
        FunctionArgExpr::QualifiedWildcard(of) => Some(SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(of.clone()),
            WildcardAdditionalOptions::default(),
        )),
    }
}
