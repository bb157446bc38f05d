//! The columns of USING. Of `RIGHT JOIN … USING (k)` and `FULL JOIN … USING (k)` it is what the side has that a row
//! comes from: DataFusion takes it from the left side, where rows of the right one have NULL. Where USING names
//! a column twice, DataFusion does not know which of them is meant.

use datafusion::sql::sqlparser::ast::{
    ExceptSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query,
    Select, SelectItem, SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, VisitMut,
    VisitorMut, WildcardAdditionalOptions,
};
use std::ops::ControlFlow;

use super::calls::call;
use super::functions;
use super::naming::display_name;
use super::rewrite::plain;
use crate::context::object_name_parts;
use crate::error::{SqlError, SqlResult};

/// A column that two sides have, and where it comes from.
struct Merged {
    name: Ident,
    value: Expr,
    /// Not simply that of the side on the left, or of more than two: DataFusion does not know which.
    is_made: bool,
    /// A row may have it from a side on the right.
    turns: bool,
}

/// The relations of a FROM, each with the columns that USING names of it.
#[derive(Default)]
struct Sides {
    relations: Vec<(Option<Ident>, Vec<Ident>)>,
    merged: Vec<Merged>,
}

/// Puts the columns where the query names them. Before columns get their names.
pub fn put_in(select: &mut Select) -> SqlResult<()> {
    let mut sides = Sides::default();
    for from in &mut select.from {
        sides.add(from)?;
    }
    if !sides.merged.iter().any(|column| column.is_made) {
        return Ok(());
    }
    let mut projection = Vec::with_capacity(select.projection.len());
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) => sides.expand(options, &mut projection)?,
            SelectItem::UnnamedExpr(mut expr) => {
                let alias = match &expr {
                    Expr::Identifier(name) => name.clone(),
                    other => plain(display_name(other)),
                };
                projection.push(match named(&mut expr, &sides.merged) {
                    true => SelectItem::ExprWithAlias { expr, alias },
                    false => SelectItem::UnnamedExpr(expr),
                });
            }
            mut other => {
                if let SelectItem::ExprWithAlias { expr, .. } = &mut other {
                    named(expr, &sides.merged);
                }
                projection.push(other);
            }
        }
    }
    select.projection = projection;
    let conditions = [&mut select.selection, &mut select.having, &mut select.qualify];
    for expr in conditions.into_iter().flatten() {
        named(expr, &sides.merged);
    }
    named(&mut select.group_by, &sides.merged);
    Ok(())
}

impl Sides {
    /// Joins from left to right.
    fn add(&mut self, from: &mut TableWithJoins) -> SqlResult<()> {
        let first = self.relations.len();
        self.relations.push((name_of(&from.relation), Vec::new()));
        for join in &mut from.joins {
            let turns = turns(&join.join_operator);
            let right = name_of(&join.relation);
            let mut columns = Vec::new();
            if let Some(JoinConstraint::Using(names)) =
                functions::constraint(&mut join.join_operator)
            {
                let names = names.iter().filter_map(|name| name.0.last()?.as_ident().cloned());
                columns.extend(names);
            }
            for name in &columns {
                self.merge(name, first, right.as_ref(), turns)?;
            }
            self.relations.push((right, columns));
        }
        Ok(())
    }

    fn merge(
        &mut self,
        name: &Ident,
        first: usize,
        right: Option<&Ident>,
        turns: Turns,
    ) -> SqlResult<()> {
        let of = |side: &Ident| Expr::CompoundIdentifier(vec![side.clone(), name.clone()]);
        let known = self.merged.iter().position(|column| is(&column.name, name));
        if known.is_some_and(|at| self.merged[at].turns) {
            let text = format!(
                "USING ({name}) again behind a RIGHT or FULL JOIN USING ({name}); write it with ON"
            );
            return Err(SqlError::unsupported(text));
        }
        let left = match (known, &mut self.relations[first..]) {
            (Some(at), _) => Some(self.merged.remove(at).value),
            (None, [(side, columns)]) => {
                columns.push(name.clone());
                side.as_ref().map(of)
            }
            (None, _) => None,
        };
        let value = match (turns, left, right.map(of)) {
            (Turns::No, Some(left), _) => left,
            (Turns::No, None, _) => return Ok(()),
            (Turns::Right, Some(_), Some(right)) => right,
            (Turns::Full, Some(left), Some(right)) => call("coalesce", vec![left, right]),
            _ => {
                let text = format!(
                    "USING ({name}) where it is not clear whose column that is; write it with ON"
                );
                return Err(SqlError::unsupported(text));
            }
        };
        let turns = turns != Turns::No;
        let name = name.clone();
        self.merged.push(Merged { name, value, is_made: turns || known.is_some(), turns });
        Ok(())
    }

    /// `*`: what two sides have comes once and first.
    fn expand(
        &self,
        options: WildcardAdditionalOptions,
        projection: &mut Vec<SelectItem>,
    ) -> SqlResult<()> {
        let except: Vec<Ident> = options.opt_except.iter().flat_map(names_of).collect();
        let is_merged = |name: &Ident| self.merged.iter().any(|column| is(&column.name, name));
        let named: Option<Vec<&Ident>> =
            self.relations.iter().map(|(name, _)| name.as_ref()).collect();
        let (Some(named), true) = (named, except.iter().all(is_merged)) else {
            let text = "* of relations that USING joins so; give all of them aliases, and leave no other columns out";
            return Err(SqlError::unsupported(text));
        };
        for column in &self.merged {
            if !except.iter().any(|hidden| is(hidden, &column.name)) {
                let (expr, alias) = (column.value.clone(), column.name.clone());
                projection.push(SelectItem::ExprWithAlias { expr, alias });
            }
        }
        for (name, (_, columns)) in named.into_iter().zip(&self.relations) {
            let mut options = WildcardAdditionalOptions { opt_except: None, ..options.clone() };
            if let Some((first, others)) = columns.split_first() {
                options.opt_except = Some(ExceptSelectItem {
                    first_element: first.clone(),
                    additional_elements: others.to_vec(),
                });
            }
            let name = ObjectName(vec![ObjectNamePart::Identifier(name.clone())]);
            let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
            projection.push(SelectItem::QualifiedWildcard(kind, options));
        }
        Ok(())
    }
}

fn names_of(except: &ExceptSelectItem) -> Vec<Ident> {
    std::iter::once(&except.first_element).chain(&except.additional_elements).cloned().collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turns {
    No,
    Right,
    Full,
}

fn turns(operator: &JoinOperator) -> Turns {
    match operator {
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => Turns::Right,
        JoinOperator::FullOuter(_) => Turns::Full,
        _ => Turns::No,
    }
}

fn is(one: &Ident, other: &Ident) -> bool {
    one.value.to_lowercase() == other.value.to_lowercase()
}

fn name_of(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, args: None, .. } => {
            object_name_parts(name).ok()?.pop().map(|name| Ident::with_quote('`', name))
        }
        _ => None,
    }
}

/// Whether the columns stand in there by their names alone.
fn named(tree: &mut impl VisitMut, made: &[Merged]) -> bool {
    let mut names = Names { made, depth: 0, found: false };
    let _ = tree.visit(&mut names);
    names.found
}

struct Names<'a> {
    made: &'a [Merged],
    /// Queries inside have columns of their own.
    depth: usize,
    found: bool,
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Identifier(name) = expr else { return ControlFlow::Continue(()) };
        let column = self.made.iter().find(|column| column.is_made && is(&column.name, name));
        if let Some(column) = column.filter(|_| self.depth == 0) {
            *expr = column.value.clone();
            self.found = true;
        }
        ControlFlow::Continue(())
    }
}
