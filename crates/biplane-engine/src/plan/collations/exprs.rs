//! Expressions over text with collations.

use biplane_functions::collation::{self, Collation, METADATA, Strength, Tree};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{
    DFSchema, DataFusionError, ExprSchema, Result, ScalarValue, internal_datafusion_err,
};
use datafusion::logical_expr::expr::{Between, InList, InSubquery, Sort};
use datafusion::logical_expr::{
    BinaryExpr, Case, Expr, ExprSchemable, Like, LogicalPlanBuilder, Operator, Subquery, lit,
};
use std::sync::Arc;

use super::calls;
use crate::error::SqlError;

/// The collations of a value and how strong they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    pub tree: Tree,
    pub strength: Strength,
}

impl Kind {
    pub const NONE: Self = Self { tree: Tree::Plain, strength: Strength::Default };

    pub fn implicit(tree: Tree) -> Self {
        Self { tree, strength: Strength::Implicit }
    }

    pub fn with(&self, tree: Tree) -> Self {
        Self { tree, strength: self.strength }
    }

    pub fn met(&self, other: &Self) -> Result<Self> {
        let (tree, strength) =
            collation::met((&self.tree, self.strength), (&other.tree, other.strength))?;
        Ok(Self { tree, strength })
    }
}

pub fn raise(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn of_field(field: &Field) -> Kind {
    if has_text(field.data_type()) {
        Kind::implicit(collation::of_field(field))
    } else {
        Kind::NONE
    }
}

fn has_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) => has_text(item.data_type()),
        DataType::Map(entries, _) => has_text(entries.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_text(field.data_type())),
        other => other.is_string(),
    }
}

/// What is known of an expression whose parts are settled: one over text with collations is in a mark.
pub fn kind(expr: &Expr, schema: &DFSchema) -> Kind {
    match expr {
        Expr::Column(column) => match schema.field_from_column(column) {
            Ok(field) => of_field(field),
            Err(_) => Kind::NONE,
        },
        Expr::OuterReferenceColumn(field, _) => of_field(field),
        Expr::LambdaVariable(variable) => {
            variable.field.as_ref().map_or(Kind::NONE, |field| of_field(field))
        }
        Expr::Literal(value, Some(metadata)) => {
            match metadata.inner().get(METADATA).map(|written| Tree::read(written)) {
                Some(tree) => Kind::implicit(tree.fitting(&value.data_type())),
                None => Kind::NONE,
            }
        }
        Expr::Alias(alias) => kind(&alias.expr, schema),
        Expr::ScalarSubquery(query) => {
            query.subquery.schema().fields().first().map_or(Kind::NONE, |field| of_field(field))
        }
        Expr::ScalarFunction(call) if call.func.name() == "collated" => {
            let written = match call.args.get(1) {
                Some(Expr::Literal(value, _)) => value.try_as_str().flatten().unwrap_or_default(),
                _ => "",
            };
            let strength = match written.chars().next() {
                Some('!') => Strength::Explicit,
                Some('?') => Strength::Indeterminate,
                _ => Strength::Implicit,
            };
            Kind { tree: Tree::read(written.trim_start_matches(['!', '?'])), strength }
        }
        _ => Kind::NONE,
    }
}

/// The expression in a mark that says this of it.
pub fn marked(expr: Expr, kind: &Kind) -> Expr {
    let sign = match kind.strength {
        Strength::Default => return expr,
        Strength::Implicit => "",
        Strength::Explicit => "!",
        Strength::Indeterminate => "?",
    };
    collation::mark().call(vec![bare(expr), lit(format!("{sign}{}", kind.tree.written()))])
}

/// What is in a mark.
pub fn bare(expr: Expr) -> Expr {
    match expr {
        Expr::ScalarFunction(mut call)
            if call.func.name() == "collated" && !call.args.is_empty() =>
        {
            call.args.swap_remove(0)
        }
        other => other,
    }
}

/// A call of a function of ours.
pub fn call(name: &str, args: Vec<Expr>) -> Result<Expr> {
    let function = biplane_functions::function(name)
        .ok_or_else(|| internal_datafusion_err!("no function {name}"))?;
    Ok(function.call(args))
}

pub fn key(expr: Expr, tree: &Tree) -> Result<Expr> {
    match &expr {
        Expr::Literal(value, _) if value.data_type().is_null() => Ok(expr),
        _ => call("collation_key", vec![bare(expr), lit(tree.written())]),
    }
}

/// The collation by which all of these are compared with each other.
pub fn compared<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> Result<Kind> {
    let mut all = Kind::NONE;
    let mut seen: Vec<String> = Vec::new();
    for expr in exprs {
        let next = kind(expr, schema);
        if next.strength == Strength::Indeterminate {
            let text = "Data type of an expression has indeterminate collation. \
                        Use COLLATE clause to set the collation explicitly.";
            let class = "INDETERMINATE_COLLATION_IN_EXPRESSION";
            return Err(raise(SqlError::new(class, "42P22", text)));
        }
        seen.push(format!("\"STRING COLLATE {}\"", next.tree.collation().name()));
        all = all.met(&next)?;
    }
    if all.strength == Strength::Indeterminate {
        let text = format!(
            "Could not determine which collation to use for string functions and operators. \
             Error occurred due to the mismatch between implicit collations: [{}]. \
             Use COLLATE function to set the collation explicitly.",
            seen.join(", ")
        );
        return Err(raise(SqlError::new("COLLATION_MISMATCH.IMPLICIT", "42P21", text)));
    }
    Ok(all)
}

/// An expression of a plan as it is meant, in a mark where its field would not say its collation.
pub fn settled(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let expr = expr.transform_up(|expr| rule(expr, schema)).data()?;
    let kind = kind(&expr, schema);
    let said = match expr.to_field(schema) {
        Ok((_, field)) => collation::of_field(&field),
        Err(_) => return Ok(expr),
    };
    if said == kind.tree {
        return Ok(expr);
    }
    let kind = Kind { strength: kind.strength.max(Strength::Implicit), ..kind };
    Ok(match expr {
        Expr::Alias(mut alias) => {
            alias.expr = Box::new(marked(*alias.expr, &kind));
            Expr::Alias(alias)
        }
        other => marked(other, &kind),
    })
}

/// What sorts, or divides into groups that are not shown.
pub fn ordered(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let expr = settled(expr, schema)?;
    let kind = kind(&expr, schema);
    if kind.tree.is_plain() { Ok(expr) } else { key(expr.unalias(), &kind.tree) }
}

pub fn sorted(sort: Sort, schema: &DFSchema) -> Result<Sort> {
    Ok(Sort { expr: ordered(sort.expr, schema)?, ..sort })
}

/// `x COLLATE name`: a name, in a literal.
pub fn named(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn rule(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(Transformed::yes(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let tree = compared([&*left, &*right], schema)?.tree;
            let (left, right) = match tree.is_plain() {
                true => (left, right),
                false => (Box::new(key(*left, &tree)?), Box::new(key(*right, &tree)?)),
            };
            Expr::BinaryExpr(BinaryExpr { left, op, right })
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            let kind = kind(&left, schema).met(&kind(&right, schema))?;
            let op = Operator::StringConcat;
            marked(Expr::BinaryExpr(BinaryExpr { left, op, right }), &kind)
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let tree = compared([&*expr, &*low, &*high], schema)?.tree;
            if tree.is_plain() {
                return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high })));
            }
            let keyed = |expr: Box<Expr>| key(*expr, &tree).map(Box::new);
            let (expr, low, high) = (keyed(expr)?, keyed(low)?, keyed(high)?);
            Expr::Between(Between { expr, negated, low, high })
        }
        Expr::InList(InList { expr, list, negated }) => {
            let tree = compared(std::iter::once(&*expr).chain(&list), schema)?.tree;
            if tree.is_plain() {
                return Ok(Transformed::no(Expr::InList(InList { expr, list, negated })));
            }
            let list = list.into_iter().map(|item| key(item, &tree)).collect::<Result<_>>()?;
            Expr::InList(InList { expr: Box::new(key(*expr, &tree)?), list, negated })
        }
        Expr::InSubquery(query) => {
            is_known_outside(&query.subquery, schema)?;
            in_subquery(query, schema)?
        }
        Expr::ScalarSubquery(query) => {
            is_known_outside(&query, schema)?;
            return Ok(Transformed::no(Expr::ScalarSubquery(query)));
        }
        Expr::Exists(exists) => {
            is_known_outside(&exists.subquery, schema)?;
            return Ok(Transformed::no(Expr::Exists(exists)));
        }
        Expr::HigherOrderFunction(function) => {
            let kinds = function.args.iter().map(|arg| kind(arg, schema));
            if kinds.into_iter().any(|kind| !kind.tree.is_plain()) {
                return Err(unsupported("a lambda function over text with a collation"));
            }
            return Ok(Transformed::no(Expr::HigherOrderFunction(function)));
        }
        Expr::Like(like) => Expr::Like(pattern(like, schema)?),
        Expr::Case(case) => branches(case, schema)?,
        Expr::Cast(cast) if !collation::of_field(&cast.field).is_plain() => {
            let kind = Kind::implicit(collation::of_field(&cast.field));
            marked(Expr::Cast(cast), &kind)
        }
        Expr::TryCast(cast) if !collation::of_field(&cast.field).is_plain() => {
            let kind = Kind::implicit(collation::of_field(&cast.field));
            marked(Expr::TryCast(cast), &kind)
        }
        Expr::ScalarFunction(function) => calls::meant(function, schema)?,
        other => return Ok(Transformed::no(other)),
    }))
}

pub fn unsupported(what: &str) -> DataFusionError {
    raise(SqlError::unsupported(what))
}

/// A subquery was planned when columns around it had not got their collations yet.
fn is_known_outside(query: &Subquery, schema: &DFSchema) -> Result<()> {
    for outer in &query.outer_ref_columns {
        let Expr::OuterReferenceColumn(field, column) = outer else { continue };
        let now = schema.field_from_column(column);
        if now.is_ok_and(|now| collation::of_field(now) != collation::of_field(field)) {
            let what = "a correlated subquery over text that gets its collation in the same query";
            return Err(unsupported(what));
        }
    }
    Ok(())
}

fn in_subquery(query: InSubquery, schema: &DFSchema) -> Result<Expr> {
    let inner = query.subquery.subquery.clone();
    let Some((qualifier, field)) = inner.schema().iter().next() else {
        return Ok(Expr::InSubquery(query));
    };
    let column = Expr::Column(datafusion::common::Column::from((qualifier, field)));
    let both = kind(&query.expr, schema).met(&kind(&column, inner.schema()))?;
    if both.strength == Strength::Indeterminate {
        compared(
            [&*query.expr, &Expr::OuterReferenceColumn(field.clone(), field.name().into())],
            schema,
        )?;
    }
    if both.tree.is_plain() {
        return Ok(Expr::InSubquery(query));
    }
    let keys = LogicalPlanBuilder::new(inner.as_ref().clone())
        .project([key(column, &both.tree)?])?
        .build()?;
    let subquery = Subquery { subquery: Arc::new(keys), ..query.subquery };
    let expr = Box::new(key(*query.expr, &both.tree)?);
    Ok(Expr::InSubquery(InSubquery { expr, subquery, negated: query.negated }))
}

/// Patterns are for text that is compared by bytes, or in lower case.
pub fn with_patterns(collation: Collation, what: &str) -> Result<()> {
    if collation.has_patterns() {
        return Ok(());
    }
    let text = format!(
        "The first parameter of {what} requires the \"STRING\" type, however it has the type \
         \"STRING COLLATE {}\".",
        collation.name()
    );
    Err(raise(SqlError::new("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09", text)))
}

fn pattern(like: Like, schema: &DFSchema) -> Result<Like> {
    let collation = compared([&*like.expr, &*like.pattern], schema)?.tree.collation();
    with_patterns(collation, "LIKE")?;
    if collation.is_of_bytes() {
        return Ok(like);
    }
    let lower = |expr: Box<Expr>| call("collation_lower", vec![bare(*expr)]).map(Box::new);
    Ok(Like { expr: lower(like.expr)?, pattern: lower(like.pattern)?, ..like })
}

fn branches(mut case: Case, schema: &DFSchema) -> Result<Expr> {
    let results = case.when_then_expr.iter().map(|(_, then)| &**then);
    let kind = results
        .chain(case.else_expr.as_deref())
        .try_fold(Kind::NONE, |all, next| all.met(&kind(next, schema)))?;
    if let Some(operand) = case.expr.take() {
        let whens = case.when_then_expr.iter().map(|(when, _)| &**when);
        let tree = compared(std::iter::once(&*operand).chain(whens), schema)?.tree;
        case.expr = Some(operand);
        if !tree.is_plain() {
            case.expr = case.expr.map(|operand| key(*operand, &tree).map(Box::new)).transpose()?;
            for (when, _) in &mut case.when_then_expr {
                let taken = std::mem::replace(&mut **when, lit(ScalarValue::Null));
                **when = key(taken, &tree)?;
            }
        }
    }
    Ok(marked(Expr::Case(case), &kind))
}
