//! Aliases used by later columns of the same SELECT: `SELECT a + 1 AS b, b * 2`.
//!
//! Columns of the relations come first; so an alias is only put in where planning found no column.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, SelectItem, VisitMut, VisitorMut, visit_expressions,
};
use std::ops::ControlFlow;

use super::rewrite::HIDDEN;
use crate::error::{SqlError, SqlResult};

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

/// Puts the meaning of the alias in its places. How many expressions that added; an error if more
/// than there may be, or if two columns are called so.
pub fn put_in(query: &mut Query, alias: &str, added_max: usize) -> SqlResult<usize> {
    let mut selects = Selects { alias, added: 0, added_max };
    match query.visit(&mut selects) {
        ControlFlow::Continue(()) => Ok(selects.added),
        ControlFlow::Break(error) => Err(error),
    }
}

pub fn too_many() -> SqlError {
    SqlError::exhausted("too many columns of the query are made from each other")
}

struct Selects<'a> {
    alias: &'a str,
    added: usize,
    added_max: usize,
}

/// Expressions in an expression, itself included.
fn size(expr: &Expr) -> usize {
    let mut count = 0;
    let _ = visit_expressions(expr, |_| {
        count += 1;
        ControlFlow::<()>::Continue(())
    });
    count
}

impl VisitorMut for Selects<'_> {
    type Break = SqlError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        let mut meaning: Option<(Expr, usize)> = None;
        let mut is_ambiguous = false;
        for item in &mut select.projection {
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item
            else {
                continue;
            };
            if let Some((meaning, size)) = &meaning {
                let left = self.added_max - self.added;
                let mut uses = Uses { alias: self.alias, meaning, size: *size, added: 0, left };
                if expr.visit(&mut uses).is_break() {
                    return ControlFlow::Break(too_many());
                }
                if is_ambiguous && uses.added > 0 {
                    let text = format!("Lateral column alias `{}` is ambiguous", self.alias);
                    let error = SqlError::new("AMBIGUOUS_LATERAL_COLUMN_ALIAS", "42702", text);
                    return ControlFlow::Break(error);
                }
                self.added += uses.added;
            }
            if let SelectItem::ExprWithAlias { alias, .. } = item
                && alias.value.split_once(HIDDEN).is_some_and(|(name, _)| name == self.alias)
            {
                is_ambiguous = true;
            }
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && alias.value == self.alias
                && meaning.is_none()
            {
                let nested = Expr::Nested(Box::new(expr.clone()));
                let size = size(&nested);
                meaning = Some((nested, size));
            }
        }
        ControlFlow::Continue(())
    }
}

struct Uses<'a> {
    alias: &'a str,
    meaning: &'a Expr,
    size: usize,
    added: usize,
    left: usize,
}

impl VisitorMut for Uses<'_> {
    type Break = ();

    // Behind the children: what is put in is not visited again.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Identifier(name) if name.value == self.alias) {
            if self.added + self.size > self.left {
                return ControlFlow::Break(());
            }
            *expr = self.meaning.clone();
            self.added += self.size;
        }
        ControlFlow::Continue(())
    }
}
