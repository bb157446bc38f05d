//! `struct(*)`, `to_json(struct(t.*))`, `count(DISTINCT *)`: a star among arguments is all columns of the FROM.
//! Which those are is asked of a query that selects them; nothing of it runs. So are the fields of `s.*` where `s` is
//! a struct.

use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, Query,
    Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins,
    VisitMut, VisitorMut, WildcardAdditionalOptions, With,
};
use std::ops::ControlFlow;

use super::refusals::is_distinct;
use super::rewrite::Scope;
use crate::error::{SqlError, SqlResult};

/// Of one query.
const STARS_MAX: usize = 64;

/// Puts the columns in the place of the stars, in the columns and the HAVING of the query and of those in its WITH and
/// FROM.
pub async fn expand(scope: &Scope<'_>, query: &mut Query, via: &[String]) -> SqlResult<()> {
    in_query(scope, None, query, via).await
}

/// `around`: what the queries around have in their WITH.
async fn in_query(
    scope: &Scope<'_>,
    around: Option<&With>,
    query: &mut Query,
    via: &[String],
) -> SqlResult<()> {
    let mut known = around.cloned();
    let is_recursive = query.with.as_ref().is_some_and(|with| with.recursive);
    for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
        // A recursion would be asked for before it is known.
        if !is_recursive {
            Box::pin(in_query(scope, known.as_ref(), &mut cte.query, via)).await?;
        }
        match &mut known {
            Some(known) => known.cte_tables.push(cte.clone()),
            None => {
                let with_token = AttachedToken::empty();
                let cte_tables = vec![cte.clone()];
                known = Some(With { with_token, recursive: false, cte_tables });
            }
        }
    }
    if let Some(known) = &mut known {
        known.recursive |= is_recursive;
    }
    let shell = Query { with: known, order_by: None, limit_clause: None, ..query.clone() };
    let mut left = vec![query.body.as_mut()];
    while let Some(body) = left.pop() {
        match body {
            SetExpr::Select(select) => {
                for factor in select.from.iter_mut().flat_map(factors) {
                    if let TableFactor::Derived { lateral: false, subquery, .. } = factor {
                        Box::pin(in_query(scope, shell.with.as_ref(), subquery, via)).await?;
                    }
                }
                of_select(scope, &shell, select, via).await?;
            }
            SetExpr::SetOperation { left: one, right: other, .. } => {
                left.extend([one.as_mut(), other.as_mut()])
            }
            SetExpr::Query(inner) => {
                Box::pin(in_query(scope, shell.with.as_ref(), inner, via)).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn factors(from: &mut TableWithJoins) -> impl Iterator<Item = &mut TableFactor> {
    std::iter::once(&mut from.relation).chain(from.joins.iter_mut().map(|join| &mut join.relation))
}

async fn of_select(
    scope: &Scope<'_>,
    shell: &Query,
    select: &mut Select,
    via: &[String],
) -> SqlResult<()> {
    of_structs(scope, shell, select, via).await?;
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
        let planned = ask(scope, shell, select, star.clone(), via).await?;
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

/// How the query would be planned if it selected this alone.
async fn ask(
    scope: &Scope<'_>,
    shell: &Query,
    select: &Select,
    item: SelectItem,
    via: &[String],
) -> SqlResult<super::Planned> {
    let asked = Select {
        projection: vec![item],
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
    Box::pin(super::with_routines(scope, asked, via)).await
}

/// `s.*` where no relation is called so.
async fn of_structs(
    scope: &Scope<'_>,
    shell: &Query,
    select: &mut Select,
    via: &[String],
) -> SqlResult<()> {
    let mut names = Vec::new();
    select.from.iter().for_each(|from| relations(from, &mut names));
    let views = select.lateral_views.iter();
    names.extend(views.filter_map(|view| Some(view.lateral_view_name.0.last()?.to_string())));
    let is_known = |name: &Ident| {
        names.iter().any(|known| known.replace('`', "").eq_ignore_ascii_case(&name.value))
    };
    let mut projection = Vec::with_capacity(select.projection.len());
    for item in select.projection.clone() {
        let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), options) =
            &item
        else {
            projection.push(item);
            continue;
        };
        let parts: Vec<Ident> = of.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
        let asked = match parts.last() {
            Some(last) if !is_known(last) => {
                let whole = match parts.as_slice() {
                    [only] => Expr::Identifier(only.clone()),
                    _ => Expr::CompoundIdentifier(parts.clone()),
                };
                let whole = SelectItem::UnnamedExpr(whole);
                ask(scope, shell, select, whole, via).await.ok()
            }
            _ => None,
        };
        let field = asked.as_ref().and_then(|planned| planned.plan.schema().fields().first());
        let Some(DataType::Struct(fields)) = field.map(|field| field.data_type()) else {
            projection.push(item);
            continue;
        };
        let hidden = options.opt_except.iter().flat_map(|except| {
            std::iter::once(&except.first_element).chain(&except.additional_elements)
        });
        let hidden: Vec<String> = hidden.map(|name| name.value.to_lowercase()).collect();
        let shown = fields.iter().filter(|field| !hidden.contains(&field.name().to_lowercase()));
        projection.extend(shown.map(|field| {
            let name = Ident::with_quote('`', field.name().clone());
            let path = parts.iter().cloned().chain([name]).collect();
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path))
        }));
    }
    select.projection = projection;
    Ok(())
}

/// The names that relations of a FROM are called by.
fn relations(from: &TableWithJoins, names: &mut Vec<String>) {
    let joined = from.joins.iter().map(|join| &join.relation);
    for factor in std::iter::once(&from.relation).chain(joined) {
        match factor {
            TableFactor::Table { alias: Some(alias), .. }
            | TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::TableFunction { alias: Some(alias), .. }
            | TableFactor::Function { alias: Some(alias), .. }
            | TableFactor::UNNEST { alias: Some(alias), .. }
            | TableFactor::NestedJoin { alias: Some(alias), .. }
            | TableFactor::Pivot { alias: Some(alias), .. }
            | TableFactor::Unpivot { alias: Some(alias), .. } => {
                names.push(alias.name.value.clone());
            }
            TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => {
                names.extend(name.0.last().map(ToString::to_string));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => relations(table_with_joins, names),
            _ => {}
        }
    }
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
