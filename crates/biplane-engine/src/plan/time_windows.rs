//! `GROUP BY window(time, '10 minutes', …)`: each row is as often there as windows have its moment. It is brought into
//! a lateral view of these windows, with the column `window`.

use datafusion::sql::sqlparser::ast::{
    Expr, LateralView, ObjectName, ObjectNamePart, OrderBy, OrderByKind, Query, Select, VisitMut,
    VisitorMut,
};
use std::ops::ControlFlow;

use super::calls::{arguments, call};
use super::rewrite::{HIDDEN, plain};
use crate::error::{SqlError, SqlResult};

pub const COLUMN: &str = "window";

/// Calls in one SELECT; all must be of the same window.
struct Calls {
    found: Option<Vec<Expr>>,
    /// Queries inside have windows of their own.
    depth: usize,
    error: Option<SqlError>,
}

impl VisitorMut for Calls {
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
        let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
            return ControlFlow::Continue(());
        };
        if self.depth > 0 || function.over.is_some() {
            return ControlFlow::Continue(());
        }
        let name = name.value.to_lowercase();
        if name == "session_window" {
            self.error = Some(SqlError::unsupported("session_window"));
            return ControlFlow::Break(());
        }
        let args = arguments(function).filter(|args| (2..=4).contains(&args.len()));
        let Some(args) = args.filter(|_| name == COLUMN) else { return ControlFlow::Continue(()) };
        if self.found.as_ref().is_some_and(|found| *found != args) {
            let text = "Several different windows of time in one query are not supported";
            self.error = Some(SqlError::unsupported(text));
            return ControlFlow::Break(());
        }
        self.found = Some(args);
        *expr = Expr::Identifier(plain(COLUMN));
        ControlFlow::Continue(())
    }
}

/// Also in the order of the query, which is not the SELECT's own.
pub fn into_view(query: &mut Query) -> SqlResult<()> {
    let order = query.order_by.take();
    let done = match query.body.as_mut() {
        datafusion::sql::sqlparser::ast::SetExpr::Select(select) => of_select(select, order),
        _ => Ok(order),
    };
    query.order_by = done?;
    Ok(())
}

/// The order given is one behind the SELECT.
pub fn of_select(select: &mut Select, mut order: Option<OrderBy>) -> SqlResult<Option<OrderBy>> {
    let mut calls = Calls { found: None, depth: 0, error: None };
    // What is read has no windows of this SELECT.
    let from = std::mem::take(&mut select.from);
    let _ = select.visit(&mut calls);
    select.from = from;
    if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &mut order {
        for key in keys {
            let _ = key.expr.visit(&mut calls);
        }
    }
    if let Some(error) = calls.error {
        return Err(error);
    }
    let Some(args) = calls.found else { return Ok(order) };
    let name = |name: String| ObjectName(vec![ObjectNamePart::Identifier(plain(name))]);
    select.lateral_views.push(LateralView {
        lateral_view: call("explode", vec![call("windows_of", args)]),
        lateral_view_name: name(format!("{HIDDEN}windows")),
        lateral_col_alias: vec![plain(COLUMN)],
        outer: false,
    });
    Ok(order)
}
