//! Generators of a SELECT (`explode`, `inline`, `stack` …) become relations of its FROM clause, wherever
//! they stand: among the columns, in a LATERAL VIEW, in FROM.
//!
//! The AST has no relation of this kind. It is written as an UNPIVOT whose name column is [`GENERATE`]:
//! the value is the call, INCLUDE NULLS is OUTER, and the one "column" is what the rows must fulfil before.

use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, GroupByExpr, Ident, Join, JoinConstraint,
    JoinOperator, NullInclusion, ObjectName, ObjectNamePart, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins,
    Value, WildcardAdditionalOptions, visit_expressions,
};
use std::ops::ControlFlow;

use super::calls::call;
use super::functions::constraint;
use super::rewrite::{HIDDEN, plain};
use crate::error::{SqlError, SqlResult};

/// Marks a relation that is made by a generator.
pub const GENERATE: &str = "\u{1}generate";

const GENERATORS: [&str; 10] = [
    "explode",
    "explode_outer",
    "inline",
    "inline_outer",
    "json_tuple",
    "posexplode",
    "posexplode_outer",
    "stack",
    "variant_explode",
    "variant_explode_outer",
];

/// Of one SELECT: each multiplies its rows.
const GENERATORS_MAX: usize = 16;

/// Marks a relation with columns that are computed of the others.
pub const COMPUTE: &str = "\u{1}compute";

/// Whether it is one of these, and no UNPIVOT.
pub fn is_ours(name: &Ident) -> bool {
    name.value == GENERATE || name.value == COMPUTE
}

/// The FROM with columns more, of those rows that the WHERE leaves.
pub fn with_columns(select: &mut Select, columns: Vec<(Expr, Ident)>) -> SqlResult<()> {
    let input = together(std::mem::take(&mut select.from))?;
    let filter = select.selection.take().map(|expr| ExprWithAlias { expr, alias: None });
    let columns = columns.into_iter().map(|(expr, name)| ExprWithAlias { expr, alias: Some(name) });
    let relation = TableFactor::Unpivot {
        table: Box::new(TableFactor::NestedJoin { table_with_joins: Box::new(input), alias: None }),
        value: Expr::value(Value::Null),
        name: plain(COMPUTE),
        columns: filter.into_iter().chain(columns).collect(),
        null_inclusion: None,
        alias: None,
    };
    select.from = vec![alone(relation)];
    Ok(())
}

pub fn is_generator(name: &str) -> bool {
    GENERATORS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn called(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = expr else { return None };
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    is_generator(&name.value).then(|| name.value.to_lowercase())
}

/// Whether one is called in an expression.
pub fn has(expr: &Expr) -> bool {
    visit_expressions(expr, |expr| match called(expr) {
        Some(_) => ControlFlow::Break(()),
        None => ControlFlow::Continue(()),
    })
    .is_break()
}

/// One that stands where none may.
pub fn misplaced(expr: &Expr) -> Option<SqlError> {
    let name = called(expr)?;
    let text = format!(
        "The generator {name} is not supported inside of an expression or outside of SELECT and FROM"
    );
    Some(SqlError::new("UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", "42K0E", text))
}

pub fn into_relations(select: &mut Select) -> SqlResult<()> {
    in_from(select)?;
    lateral_views(select)?;
    in_projection(select)
}

struct Generator {
    call: Expr,
    outer: bool,
    alias: TableAlias,
    filter: Option<Expr>,
}

impl Generator {
    fn over(self, input: TableWithJoins) -> TableFactor {
        let Self { mut call, outer, alias, filter } = self;
        if let Expr::Function(function) = &mut call {
            // Under this name it is no longer out of place.
            let name = format!("{HIDDEN}{}", function.name.to_string().to_lowercase());
            function.name = ObjectName(vec![ObjectNamePart::Identifier(plain(name))]);
        }
        TableFactor::Unpivot {
            table: Box::new(TableFactor::NestedJoin {
                table_with_joins: Box::new(input),
                alias: None,
            }),
            value: call,
            name: plain(GENERATE),
            columns: filter.into_iter().map(|expr| ExprWithAlias { expr, alias: None }).collect(),
            null_inclusion: outer.then_some(NullInclusion::IncludeNulls),
            alias: Some(alias),
        }
    }
}

fn alias(name: Ident, columns: Vec<Ident>) -> TableAlias {
    let columns =
        columns.into_iter().map(|name| TableAliasColumnDef { name, data_type: None }).collect();
    TableAlias { explicit: true, name, columns, at: None }
}

fn alone(relation: TableFactor) -> TableWithJoins {
    TableWithJoins { relation, joins: vec![] }
}

/// A relation of one row, whose column nobody can name.
fn one_row() -> SqlResult<TableFactor> {
    Ok(TableFactor::Derived {
        lateral: false,
        subquery: crate::parser::parse_query(&format!("SELECT NULL AS `{HIDDEN}none`"))?,
        alias: Some(alias(plain(format!("{HIDDEN}one")), vec![])),
        sample: None,
    })
}

/// All relations of a FROM clause as one.
fn together(from: Vec<TableWithJoins>) -> SqlResult<TableWithJoins> {
    let mut all = from.into_iter();
    let Some(mut first) = all.next() else { return Ok(alone(one_row()?)) };
    for next in all {
        let relation = TableFactor::NestedJoin { table_with_joins: Box::new(next), alias: None };
        let join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
        first.joins.push(Join { relation, global: false, join_operator });
    }
    Ok(first)
}

/// The call, whether it sees what stands before it, and how it is called.
fn as_generator(factor: &TableFactor) -> Option<(Expr, bool, TableAlias)> {
    let (name, args, lateral, given) = match factor {
        TableFactor::Table { name, alias, args: Some(args), .. } => {
            (name, &args.args, false, alias)
        }
        TableFactor::Function { lateral, name, args, alias, .. } => (name, args, *lateral, alias),
        _ => return None,
    };
    let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return None };
    if !is_generator(&ident.value) {
        return None;
    }
    let arguments = args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
        | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
        | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expr), .. } => Some(expr.clone()),
        _ => None,
    });
    let call = call(&ident.value, arguments.collect::<Option<Vec<_>>>()?);
    let alias = given.clone().unwrap_or_else(|| alias(plain(ident.value.to_lowercase()), vec![]));
    Some((call, lateral, alias))
}

fn in_from(select: &mut Select) -> SqlResult<()> {
    let mut done: Vec<TableWithJoins> = Vec::new();
    for TableWithJoins { relation, joins } in std::mem::take(&mut select.from) {
        let relation = match as_generator(&relation) {
            Some((call, lateral, alias)) => {
                let before = if lateral { std::mem::take(&mut done) } else { Vec::new() };
                Generator { call, outer: false, alias, filter: None }.over(together(before)?)
            }
            None => relation,
        };
        let mut current = alone(relation);
        for mut join in joins {
            let Some((call, lateral, alias)) = as_generator(&join.relation) else {
                current.joins.push(join);
                continue;
            };
            if !lateral {
                let generator = Generator { call, outer: false, alias, filter: None };
                join.relation = generator.over(alone(one_row()?));
                current.joins.push(join);
                continue;
            }
            let outer = match &join.join_operator {
                JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => true,
                JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => {
                    false
                }
                _ => return Err(SqlError::unsupported("this join with a lateral generator")),
            };
            match constraint(&mut join.join_operator) {
                None | Some(JoinConstraint::None) => {}
                Some(JoinConstraint::On(Expr::Value(value)))
                    if value.value == Value::Boolean(true) => {}
                _ => return Err(SqlError::unsupported("a condition beside a lateral generator")),
            }
            current = alone(Generator { call, outer, alias, filter: None }.over(current));
        }
        done.push(current);
    }
    select.from = done;
    Ok(())
}

fn lateral_views(select: &mut Select) -> SqlResult<()> {
    for view in std::mem::take(&mut select.lateral_views) {
        if let Some(name) = called(&view.lateral_view).filter(|name| name.starts_with("variant_")) {
            // It is a function of FROM alone, `LATERAL variant_explode(…)`.
            let text = format!("The routine {name} cannot be found as a generator of LATERAL VIEW");
            return Err(SqlError::new("ROUTINE_NOT_FOUND", "42883", text));
        }
        let input = together(std::mem::take(&mut select.from))?;
        let name = view.lateral_view_name.0.first().and_then(|part| part.as_ident()).cloned();
        let name = name.unwrap_or_else(|| plain(format!("{HIDDEN}view")));
        let mut columns = view.lateral_col_alias;
        columns.retain(|column| column.value != crate::parser::forms::UNNAMED_COLUMNS);
        let alias = alias(name, columns);
        let generator =
            Generator { call: view.lateral_view, outer: view.outer, alias, filter: None };
        select.from = vec![alone(generator.over(input))];
    }
    Ok(())
}

/// Each row is as often there as the generators among the columns make it, one after the other.
fn in_projection(select: &mut Select) -> SqlResult<()> {
    let mut found = Vec::new();
    for (at, item) in select.projection.iter().enumerate() {
        let (expr, names) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, vec![]),
            SelectItem::ExprWithAlias { expr, alias } => (expr, vec![alias.clone()]),
            SelectItem::ExprWithAliases { expr, aliases } => (expr, aliases.clone()),
            _ => continue,
        };
        if called(expr).is_some() {
            found.push((at, expr.clone(), names));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    if found.len() > GENERATORS_MAX {
        return Err(SqlError::exhausted("too many generators in one SELECT"));
    }
    let is_grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
    };
    if is_grouped {
        return Err(SqlError::unsupported("a generator beside GROUP BY"));
    }
    let name = |at: usize| plain(format!("{HIDDEN}generated{at}"));
    for (at, ..) in &found {
        let made = ObjectName(vec![ObjectNamePart::Identifier(name(*at))]);
        select.projection[*at] = SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(made),
            WildcardAdditionalOptions::default(),
        );
    }
    stars_of_tables(select);
    let mut filter = select.selection.take();
    for (at, call, names) in found {
        let input = together(std::mem::take(&mut select.from))?;
        let alias = alias(name(at), names);
        let generator = Generator { call, outer: false, alias, filter: filter.take() };
        select.from = vec![alone(generator.over(input))];
    }
    Ok(())
}

/// `*` beside a generator is what the tables have, and not what is generated.
fn stars_of_tables(select: &mut Select) {
    let Some(names) = names_of_tables(&select.from) else { return };
    let projection = std::mem::take(&mut select.projection);
    for item in projection {
        match item {
            SelectItem::Wildcard(options)
                if names.len() == 1 || options == WildcardAdditionalOptions::default() =>
            {
                select.projection.extend(names.iter().map(|name| {
                    let kind = SelectItemQualifiedWildcardKind::ObjectName(name.clone());
                    SelectItem::QualifiedWildcard(kind, options.clone())
                }));
            }
            other => select.projection.push(other),
        }
    }
}

/// None: a table has no name, or columns of two are one in `*`.
fn names_of_tables(from: &[TableWithJoins]) -> Option<Vec<ObjectName>> {
    let mut names = Vec::new();
    for table in from {
        names.extend(names_of_table(&table.relation)?);
        for join in &table.joins {
            let constraint = match &join.join_operator {
                JoinOperator::Semi(_)
                | JoinOperator::LeftSemi(_)
                | JoinOperator::Anti(_)
                | JoinOperator::LeftAnti(_) => continue,
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint)
                | JoinOperator::CrossJoin(constraint) => constraint,
                _ => return None,
            };
            if matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural) {
                return None;
            }
            names.extend(names_of_table(&join.relation)?);
        }
    }
    Some(names)
}

fn names_of_table(factor: &TableFactor) -> Option<Vec<ObjectName>> {
    let alone =
        |alias: &TableAlias| ObjectName(vec![ObjectNamePart::Identifier(alias.name.clone())]);
    match factor {
        // What a generator made stands behind what it was made of.
        TableFactor::Unpivot { table, name, alias: Some(alias), .. } if name.value == GENERATE => {
            let mut names = names_of_table(table)?;
            names.push(alone(alias));
            Some(names)
        }
        TableFactor::NestedJoin { table_with_joins, alias: None } => {
            names_of_tables(std::slice::from_ref(table_with_joins))
        }
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Unpivot { alias: Some(alias), .. } => Some(vec![alone(alias)]),
        TableFactor::Table { name, alias: None, args: None, .. } => Some(vec![name.clone()]),
        _ => None,
    }
}
