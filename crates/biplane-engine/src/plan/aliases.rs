//! Aliases used by later columns of the same SELECT: `SELECT a + 1 AS b, b * 2`.
//!
//! Columns of the relations come first; so an alias is only put in where planning found no column.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::ast::{Expr, Query, Select, SelectItem, VisitMut, VisitorMut};
use std::ops::ControlFlow;

/// The unqualified column that is missing, if that is why planning failed.
pub fn missing_column(error: &DataFusionError) -> Option<String> {
    match error {
        DataFusionError::SchemaError(inner, _) => match inner.as_ref() {
            SchemaError::FieldNotFound { field, .. } if field.relation.is_none() => {
                Some(field.name.clone())
            }
            _ => None,
        },
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => {
            missing_column(inner)
        }
        DataFusionError::Shared(inner) => missing_column(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(missing_column),
        _ => None,
    }
}

/// Puts the meaning of the alias in its place. Whether there was such a place.
pub fn put_in(query: &mut Query, alias: &str) -> bool {
    let mut selects = Selects { alias, changed: false };
    let _ = query.visit(&mut selects);
    selects.changed
}

struct Selects<'a> {
    alias: &'a str,
    changed: bool,
}

impl VisitorMut for Selects<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut meaning: Option<Expr> = None;
        for item in &mut select.projection {
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item
            else {
                continue;
            };
            if let Some(meaning) = &meaning {
                let mut uses = Uses { alias: self.alias, meaning, changed: false };
                let _ = expr.visit(&mut uses);
                self.changed |= uses.changed;
            }
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && alias.value == self.alias
                && meaning.is_none()
            {
                meaning = Some(Expr::Nested(Box::new(expr.clone())));
            }
        }
        ControlFlow::Continue(())
    }
}

struct Uses<'a> {
    alias: &'a str,
    meaning: &'a Expr,
    changed: bool,
}

impl VisitorMut for Uses<'_> {
    type Break = ();

    // Behind the children: what is put in is not visited again.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Identifier(name) if name.value == self.alias) {
            *expr = self.meaning.clone();
            self.changed = true;
        }
        ControlFlow::Continue(())
    }
}
