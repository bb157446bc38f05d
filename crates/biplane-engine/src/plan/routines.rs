//! Functions that are written in SQL. A call is replaced by the body of its function before the query is
//! planned, with the arguments, cast to what the function takes, in the places of its parameters.
//!
//! What a body reads is read as the user who calls: a function opens nothing that its caller may not see.

use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Query, Select, SelectItem, TableAlias, TableFactor, Value, VisitMut,
    VisitorMut,
};
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use super::functions::cast;
use super::naming::display_name;
use super::rewrite::{HIDDEN, plain};
use crate::error::{SqlError, SqlResult};
use crate::parser::{parse_expr, parse_query};

/// Functions that call functions.
const DEPTH_MAX: usize = 16;
/// Calls of one query, those in the bodies included.
const CALLS_MAX: usize = 500;

#[derive(Debug, Clone)]
pub struct Parameter {
    pub name: String,
    pub data_type: String,
    pub default: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Returns {
    Value(String),
    /// Names, and types where they are declared.
    Table(Vec<(String, Option<String>)>),
}

#[derive(Debug, Clone)]
pub struct Routine {
    pub name: String,
    pub parameters: Vec<Parameter>,
    pub returns: Returns,
    pub body: String,
    /// Catalog and schema in which the names of its body are looked up; None: those of the session.
    pub home: Option<(String, String)>,
}

/// By the name that calls it: in lower case, its parts joined by dots.
pub type Routines = BTreeMap<String, Routine>;

/// Puts the bodies in the places of the calls.
pub fn put_in<T: VisitMut>(routines: &Routines, ast: &mut T) -> SqlResult<()> {
    if routines.is_empty() {
        return Ok(());
    }
    let mut calls = Calls { routines, around: Vec::new(), left: CALLS_MAX, changed: false };
    for _ in 0..DEPTH_MAX {
        calls.changed = false;
        if let ControlFlow::Break(error) = ast.visit(&mut calls) {
            return Err(error);
        }
        if !calls.changed {
            return Ok(());
        }
    }
    Err(SqlError::exhausted("SQL functions call each other too deeply"))
}

fn key(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(ident) => ident.value.to_lowercase(),
        ObjectNamePart::Function(function) => function.to_string(),
    });
    parts.collect::<Vec<_>>().join(".")
}

struct Calls<'a> {
    routines: &'a Routines,
    /// The relation of each SELECT around, where it has one alone.
    around: Vec<Option<Ident>>,
    left: usize,
    changed: bool,
}

impl Calls<'_> {
    fn routine(&self, name: &ObjectName) -> Option<&Routine> {
        self.routines.get(&key(name))
    }

    fn spend(&mut self) -> SqlResult<()> {
        self.changed = true;
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| SqlError::exhausted("too many calls of SQL functions"))?;
        Ok(())
    }

    fn value(&mut self, function: &ast::Function) -> SqlResult<Option<Expr>> {
        let Some(routine) = self.routine(&function.name).cloned() else { return Ok(None) };
        let Returns::Value(returns) = &routine.returns else {
            let text = format!("`{}` is a table function; it stands in FROM", routine.name);
            return Err(SqlError::new("NOT_A_SCALAR_FUNCTION", "42887", text));
        };
        self.spend()?;
        let FunctionArguments::List(list) = &function.args else {
            return Err(wrong_number(&routine, 0));
        };
        let mut body = match parse_expr(&routine.body) {
            Ok(body) => body,
            Err(_) => Expr::Subquery(parse_query(&routine.body)?),
        };
        let arguments = self.arguments(&routine, &list.args, has_query(&body))?;
        substitute(&routine, &arguments, &mut body)?;
        Ok(Some(cast(Expr::Nested(Box::new(body)), type_of(returns)?)))
    }

    fn table(&mut self, factor: &TableFactor) -> SqlResult<Option<TableFactor>> {
        let (name, args, lateral, alias) = match factor {
            TableFactor::Table { name, args: Some(args), alias, .. } => {
                (name, &args.args, false, alias)
            }
            TableFactor::Function { lateral, name, args, alias, .. } => {
                (name, args, *lateral, alias)
            }
            _ => return Ok(None),
        };
        let Some(routine) = self.routine(name).cloned() else { return Ok(None) };
        let Returns::Table(columns) = &routine.returns else {
            let text = format!("`{}` is no table function", routine.name);
            return Err(SqlError::new("NOT_A_TABLE_FUNCTION", "42887", text));
        };
        self.spend()?;
        let arguments = self.arguments(&routine, args, false)?;
        let mut body = parse_query(&routine.body)?;
        substitute(&routine, &arguments, body.as_mut())?;
        let subquery = typed(body, columns)?;
        let name = plain(routine.name.rsplit('.').next().unwrap_or_default());
        let mut alias =
            alias.clone().unwrap_or(TableAlias { explicit: true, name, columns: vec![], at: None });
        if alias.columns.is_empty() {
            let names = columns.iter().map(|(name, _)| quoted(name));
            alias.columns =
                names.map(|name| ast::TableAliasColumnDef { name, data_type: None }).collect();
        }
        Ok(Some(TableFactor::Derived { lateral, subquery, alias: Some(alias), sample: None }))
    }

    /// A value for each parameter.
    fn arguments(
        &self,
        routine: &Routine,
        given: &[FunctionArg],
        qualified: bool,
    ) -> SqlResult<Vec<Expr>> {
        let mut values: Vec<Option<Expr>> = vec![None; routine.parameters.len()];
        for (at, argument) in given.iter().enumerate() {
            let (name, value) = match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (None, value),
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                    (Some(name.value.clone()), value)
                }
                FunctionArg::ExprNamed {
                    name: Expr::Identifier(name),
                    arg: FunctionArgExpr::Expr(value),
                    ..
                } => (Some(name.value.clone()), value),
                _ => return Err(wrong_number(routine, given.len())),
            };
            let place = match name {
                None => at,
                Some(name) => routine
                    .parameters
                    .iter()
                    .position(|known| known.name.eq_ignore_ascii_case(&name))
                    .ok_or_else(|| unknown(routine, &name))?,
            };
            let slot = values.get_mut(place).ok_or_else(|| wrong_number(routine, given.len()))?;
            let mut value = value.clone();
            if qualified && let Some(Some(relation)) = self.around.last() {
                let _ = value.visit(&mut Qualify { relation });
            }
            if slot.replace(value).is_some() {
                return Err(wrong_number(routine, given.len()));
            }
        }
        let each = values.into_iter().zip(&routine.parameters).map(|(value, parameter)| {
            let value = match (value, &parameter.default) {
                (Some(value), _) => value,
                (None, Some(default)) => parse_expr(default)?,
                (None, None) => return Err(wrong_number(routine, given.len())),
            };
            Ok(cast(Expr::Nested(Box::new(value)), type_of(&parameter.data_type)?))
        });
        each.collect()
    }
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('`', name)
}

/// The query with its columns cast to what is declared.
fn typed(body: Box<Query>, columns: &[(String, Option<String>)]) -> SqlResult<Box<Query>> {
    if columns.iter().all(|(_, data_type)| data_type.is_none()) {
        return Ok(body);
    }
    let mut body = body;
    if cast_in_place(body.as_mut(), columns)? {
        return Ok(body);
    }
    let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    let mut items = Vec::new();
    for (name, (shown, data_type)) in names.iter().zip(columns) {
        let column = format!("`{name}`");
        let expr = match data_type {
            Some(data_type) => cast(parse_expr(&column)?, type_of(data_type)?),
            None => parse_expr(&column)?,
        };
        items.push(SelectItem::ExprWithAlias { expr, alias: quoted(shown) });
    }
    let mut outer = parse_query(&format!("SELECT 1 FROM (SELECT 1) AS r({})", names.join(", ")))?;
    if let ast::SetExpr::Select(select) = outer.body.as_mut() {
        select.projection = items;
        if let Some(TableFactor::Derived { subquery, .. }) =
            select.from.first_mut().map(|from| &mut from.relation)
        {
            *subquery = body;
        }
    }
    Ok(outer)
}

/// Where every column is written out, a subquery around would only be in the way of LATERAL.
fn cast_in_place(body: &mut Query, columns: &[(String, Option<String>)]) -> SqlResult<bool> {
    let ast::SetExpr::Select(select) = body.body.as_mut() else { return Ok(false) };
    let is_one = |item: &SelectItem| {
        matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
    };
    let is_plain = select.distinct.is_none()
        && body.order_by.is_none()
        && select.projection.len() == columns.len()
        && select.projection.iter().all(is_one);
    if !is_plain {
        return Ok(false);
    }
    for (item, (name, data_type)) in select.projection.iter_mut().zip(columns) {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = &*item
        else {
            continue;
        };
        let expr = match data_type {
            Some(data_type) => cast(Expr::Nested(Box::new(expr.clone())), type_of(data_type)?),
            None => expr.clone(),
        };
        *item = SelectItem::ExprWithAlias { expr, alias: quoted(name) };
    }
    Ok(true)
}

fn type_of(text: &str) -> SqlResult<ast::DataType> {
    match parse_expr(&format!("CAST(NULL AS {text})"))? {
        Expr::Cast { data_type, .. } => Ok(data_type),
        _ => Err(SqlError::internal(format!("{text} is no type"))),
    }
}

fn wrong_number(routine: &Routine, given: usize) -> SqlError {
    let text = format!(
        "The function `{}` requires {} parameters but the actual number is {given}",
        routine.name,
        routine.parameters.len()
    );
    SqlError::new("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text)
}

fn unknown(routine: &Routine, name: &str) -> SqlError {
    let known: Vec<String> =
        routine.parameters.iter().map(|known| format!("`{}`", known.name)).collect();
    let text = format!(
        "Cannot invoke `{}` because it has no parameter named `{name}`. It has {}",
        routine.name,
        known.join(", ")
    );
    SqlError::new("UNRECOGNIZED_PARAMETER_NAME", "4274K", text)
}

fn has_query(expr: &Expr) -> bool {
    ast::visit_expressions(expr, |expr| match expr {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

fn substitute<T: VisitMut>(routine: &Routine, arguments: &[Expr], body: &mut T) -> SqlResult<()> {
    // Relations of the body get names that no argument can mean.
    let mut ctes = Ctes::default();
    let _ = body.visit(&mut ctes);
    let home = routine.home.as_ref();
    let mut relations = Relations { renamed: HashSet::new(), ctes: ctes.0, home };
    let _ = body.visit(&mut relations);
    let mut places = Places { routine, arguments, renamed: &relations.renamed };
    match body.visit(&mut places) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

#[derive(Default)]
struct Ctes(HashSet<String>);

impl VisitorMut for Ctes {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|cte| cte.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }
}

struct Relations<'a> {
    renamed: HashSet<String>,
    ctes: HashSet<String>,
    home: Option<&'a (String, String)>,
}

impl Relations<'_> {
    /// The name of a table in full.
    fn settle(&self, name: &mut ObjectName) {
        let Some((catalog, schema)) = self.home else { return };
        let before: &[&String] = match name.0.as_slice() {
            [ObjectNamePart::Identifier(one)] if self.ctes.contains(&one.value.to_lowercase()) => {
                return;
            }
            [_] => &[catalog, schema],
            [_, _] => &[catalog],
            _ => return,
        };
        let before = before.iter().map(|part| ObjectNamePart::Identifier(quoted(part)));
        name.0.splice(0..0, before);
    }
}

fn hidden(name: &str) -> String {
    format!("{HIDDEN}f_{name}")
}

impl VisitorMut for Relations<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        self.settle(name);
        if alias.is_none()
            && let Some(ObjectNamePart::Identifier(last)) = name.0.last()
        {
            let last = last.value.to_lowercase();
            let name = plain(hidden(&last));
            *alias = Some(TableAlias { explicit: true, name, columns: vec![], at: None });
            self.renamed.insert(last);
        }
        ControlFlow::Continue(())
    }
}

struct Places<'a> {
    routine: &'a Routine,
    arguments: &'a [Expr],
    renamed: &'a HashSet<String>,
}

impl Places<'_> {
    fn argument(&self, name: &Ident) -> Option<&Expr> {
        let known = self.routine.parameters.iter();
        let at = known.into_iter().position(|known| known.name.eq_ignore_ascii_case(&name.value));
        at.and_then(|at| self.arguments.get(at))
    }

    fn compound(&self, parts: &[Ident]) -> Option<Expr> {
        let own = self.routine.name.rsplit('.').next().unwrap_or_default();
        let (value, fields) = match parts {
            [first, name, fields @ ..] if first.value.eq_ignore_ascii_case(own) => {
                (self.argument(name)?, fields)
            }
            [name, fields @ ..] => (self.argument(name)?, fields),
            [] => return None,
        };
        if fields.is_empty() {
            return Some(value.clone());
        }
        let chain = fields.iter().map(|field| {
            AccessExpr::Dot(Expr::value(Value::SingleQuotedString(field.value.clone())))
        });
        let root = Box::new(Expr::Nested(Box::new(value.clone())));
        Some(Expr::CompoundFieldAccess { root, access_chain: chain.collect() })
    }
}

impl VisitorMut for Places<'_> {
    type Break = SqlError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        match expr {
            Expr::Identifier(name) => {
                if let Some(value) = self.argument(name) {
                    *expr = value.clone();
                }
            }
            Expr::CompoundIdentifier(parts) => {
                let first = parts.first().map(|part| part.value.to_lowercase()).unwrap_or_default();
                if self.renamed.contains(&first) {
                    parts[0] = plain(hidden(&first));
                } else if let Some(value) = self.compound(parts) {
                    *expr = value;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// A column that is a parameter is called as the parameter.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(Expr::Identifier(name)) = item
                && self.argument(name).is_some()
            {
                let (expr, alias) = (Expr::Identifier(name.clone()), name.clone());
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
        }
        ControlFlow::Continue(())
    }
}

/// Names of columns with the one relation that they are of.
struct Qualify<'a> {
    relation: &'a Ident,
}

impl VisitorMut for Qualify<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr {
            *expr = Expr::CompoundIdentifier(vec![self.relation.clone(), name.clone()]);
        }
        ControlFlow::Continue(())
    }
}

fn only_relation(select: &Select) -> Option<Ident> {
    let [from] = select.from.as_slice() else { return None };
    if !from.joins.is_empty() {
        return None;
    }
    match &from.relation {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, args: None, .. } => match name.0.last() {
            Some(ObjectNamePart::Identifier(last)) => Some(last.clone()),
            _ => None,
        },
        _ => None,
    }
}

impl VisitorMut for Calls<'_> {
    type Break = SqlError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        self.around.push(only_relation(select));
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(expr) = item else { continue };
            let calls = ast::visit_expressions(&*expr, |expr| match expr {
                Expr::Function(function) if self.routine(&function.name).is_some() => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            });
            if calls.is_break() {
                let alias = quoted(&display_name(expr));
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &mut Select) -> ControlFlow<SqlError> {
        self.around.pop();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        match self.value(function) {
            Ok(None) => {}
            Ok(Some(value)) => *expr = value,
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        match self.table(factor) {
            Ok(None) => {}
            Ok(Some(made)) => *factor = made,
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}
