//! MERGE INTO.

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use biplane_api::internal::Access;
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::DataFrame;
use datafusion::sql::sqlparser::ast;
use deltalake_core::kernel::{StructField, StructType};
use deltalake_core::operations::merge::MergeBuilder;

use super::expressions::{self, From_, full_sql};
use super::identity::Numbering;
use super::not_null;
use super::protocol::Change;
use super::update::assigned_column;
use super::write::{Source, Target, assign, commit_properties, find_column, session};
use super::{alter_columns, columns, defaults, generated, identity, mapping};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::{Modified, Output};
use crate::parser::{Merge, MergeAction, MergeClause, MergeSource, MergeWhen, parse_query};

/// One clause with its parts planned.
struct Planned {
    when: MergeWhen,
    condition: Option<Expr>,
    delete: bool,
    /// Column and value.
    set: Vec<(String, Expr)>,
}

pub async fn run(cx: &StatementContext, merge: Merge) -> SqlResult<Output> {
    let mut target = Target::open_for(cx, &merge.target, Access::Write, Change::Rewrite).await?;
    let target_alias = merge.target_alias.clone().unwrap_or_else(|| target.full[2].clone());
    let target_alias = target_alias.to_lowercase();
    let source_alias = merge.source_alias.clone().unwrap_or_else(|| match &merge.source {
        MergeSource::Table(name) => name.0.last().cloned().unwrap_or_default(),
        MergeSource::Query(_) => "__source".to_owned(),
    });
    let source_alias = source_alias.to_lowercase();
    if target_alias.eq_ignore_ascii_case(&source_alias) {
        let text = format!(
            "Target and source of MERGE are both called `{source_alias}`; give one an alias"
        );
        return Err(SqlError::new("AMBIGUOUS_REFERENCE", "42704", text));
    }
    let mut source_sql = match &merge.source {
        MergeSource::Table(name) => name.to_string(),
        MergeSource::Query(query) => format!("({query})"),
    };
    let mut schema = target.arrow_schema()?;
    let mut evolution = None;
    let mut merges_schema = merge.schema_evolution;
    if merge.schema_evolution {
        let mut found = evolved(cx, &target, &source_sql).await?;
        if !can_merge_schema(&target)? {
            merges_schema = false;
            let added = found.added.drain(..).map(|field| (field, None)).collect();
            alter_columns::add_fields(cx, &mut target, added, true).await?;
            found = evolved(cx, &target, &source_sql).await?;
        }
        evolution = Some(found);
    }
    if let Some(evolution) = &evolution {
        source_sql.clone_from(&evolution.source);
        schema = evolution.schema.clone();
    }
    let source_plan = {
        let sql = format!("SELECT * FROM {source_sql} AS {}", expressions::quoted(&source_alias));
        lowered(cx.plan_query(parse_query(&sql)?.as_ref()).await?)?
    };
    let names: Vec<String> = match evolution {
        Some(evolution) => evolution.names,
        None => source_plan.schema().fields().iter().map(|field| field.name().clone()).collect(),
    };
    let tables = [
        From_ { relation: full_sql(&target.full), alias: &target_alias },
        From_ { relation: source_sql, alias: &source_alias },
    ];
    let numbering = Numbering::of(&target, &schema).await?;
    let (on, clauses) = plan_clauses(cx, &merge, &schema, &names, &tables, &numbering).await?;
    cx.add_target(&target.full_name());
    let source = DataFrame::new(cx.session.state(), source_plan);
    let mut builder = numbering
        .table(&target.delta)
        .merge(source, on)
        .with_source_alias(source_alias)
        .with_target_alias(target_alias.clone())
        .with_merge_schema(merges_schema)
        .with_session_state(session(cx))
        .with_commit_properties(numbering.properties(commit_properties(cx)));
    for clause in clauses {
        builder = add_clause(builder, clause, &target_alias)?;
    }
    let (table, metrics) = builder.await.map_err(failure)?;
    if merges_schema {
        target.delta = table;
        target.publish_columns(cx).await?;
    }
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let (updated, deleted, inserted) = (
        count(metrics.num_target_rows_updated),
        count(metrics.num_target_rows_deleted),
        count(metrics.num_target_rows_inserted),
    );
    Ok(Output::Modified(Modified {
        affected: updated + deleted + inserted,
        updated: Some(updated),
        deleted: Some(deleted),
        inserted: Some(inserted),
    }))
}

struct Evolution {
    /// The source as a query, with the types of the columns it shares with the target. What only the
    /// target has stands there as NULL: the library looks for every column in the source.
    source: String,
    /// Of the target and what the source adds.
    schema: SchemaRef,
    /// What the source itself has.
    names: Vec<String>,
    added: Vec<StructField>,
}

/// Whether the library adds columns in the commit of the rows: it would make all columns nullable, and knows
/// nothing of column mapping and of what we keep with a column. Else they are added before.
fn can_merge_schema(target: &Target) -> SqlResult<bool> {
    let schema = target.arrow_schema()?;
    let plain = |field: &FieldRef| field.is_nullable() && field.metadata().is_empty();
    Ok(schema.fields().iter().all(plain) && !mapping::is_mapped(&target.configuration()?))
}

/// WITH SCHEMA EVOLUTION.
async fn evolved(cx: &StatementContext, target: &Target, source_sql: &str) -> SqlResult<Evolution> {
    let mapped = mapping::is_mapped(&target.configuration()?);
    let mut added = Vec::new();
    let sql = format!("SELECT * FROM {source_sql} AS `__source`");
    let source = cx.plan_query(parse_query(&sql)?.as_ref()).await?;
    let there = target.schema()?;
    let mut fields: Vec<StructField> = there.fields().cloned().collect();
    let mut casts = Vec::new();
    let mut names = Vec::new();
    for given in columns::fields_of_query(source.schema().as_arrow(), mapped)? {
        let known = there.fields().find(|field| field.name().eq_ignore_ascii_case(given.name()));
        let field = match known {
            Some(field) => field.clone(),
            None => {
                let field =
                    StructField::nullable(given.name().to_lowercase(), given.data_type().clone());
                fields.push(field.clone());
                added.push(field.clone());
                field
            }
        };
        names.push(given.name().to_lowercase());
        let name = expressions::quoted(given.name());
        casts.push(format!("CAST({name} AS {}) AS {name}", columns::type_text(field.data_type())));
    }
    for field in there.fields() {
        if !names.contains(&field.name().to_lowercase()) {
            let name = expressions::quoted(field.name());
            let data_type = columns::type_text(field.data_type());
            casts.push(format!("CAST(NULL AS {data_type}) AS {name}"));
        }
    }
    let all = StructType::try_new(fields).map_err(|e| columns::invalid_schema(&e))?;
    let source = format!("(SELECT {} FROM {source_sql} AS `__source`)", casts.join(", "));
    Ok(Evolution { source, schema: columns::arrow_schema(&all)?, names, added })
}

/// Planned expressions know the columns of the source in lower case.
fn lowered(plan: LogicalPlan) -> SqlResult<LogicalPlan> {
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            Expr::Column(Column::from((qualifier, field))).alias(field.name().to_lowercase())
        })
        .collect();
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}

fn failure(error: deltalake_core::DeltaTableError) -> SqlError {
    let text = error.to_string();
    if text.contains("multiple source rows")
        || text.contains("more than one source")
        || text.contains("matched the same target")
    {
        let text = "Cannot perform MERGE: several rows of the source match one row of the target and try to change it in conflicting ways";
        return SqlError::new(
            "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
            "21506",
            text,
        );
    }
    error.into()
}

/// A column of the source as an expression.
fn source_column(alias: &str, name: &str) -> ast::Expr {
    ast::Expr::CompoundIdentifier(vec![
        ast::Ident::with_quote('`', alias),
        ast::Ident::with_quote('`', name),
    ])
}

/// What each clause sets, with `*` written out.
fn assignments(
    clause: &MergeClause,
    schema: &SchemaRef,
    names: &[String],
    target_alias: &str,
    source_alias: &str,
    evolves: bool,
) -> SqlResult<Vec<(usize, ast::Expr)>> {
    let mut out: Vec<(usize, ast::Expr)> = Vec::new();
    match &clause.action {
        MergeAction::Delete => {}
        MergeAction::Update(set) => {
            for (path, expr) in set {
                let at = assigned_column(schema, path, target_alias)?;
                if identity::rule(schema.field(at)).is_some() {
                    return Err(identity::update_refused(schema.field(at).name()));
                }
                let mut expr = expr.clone();
                defaults::put_in(&mut expr, schema.field(at))?;
                out.push((at, expr));
            }
        }
        MergeAction::Insert(set) => {
            for (name, expr) in set {
                let at = find_column(schema, name)?;
                if let Some(rule) = identity::rule(schema.field(at)) {
                    if defaults::is_word(expr) {
                        continue;
                    }
                    if rule.always {
                        return Err(identity::explicit_insert(schema.field(at).name()));
                    }
                }
                let mut expr = expr.clone();
                defaults::put_in(&mut expr, schema.field(at))?;
                out.push((at, expr));
            }
        }
        MergeAction::UpdateAll | MergeAction::InsertAll => {
            for (at, field) in schema.fields().iter().enumerate() {
                let name = names.iter().find(|name| name.eq_ignore_ascii_case(field.name()));
                // What the source does not have stays as it is, or is made.
                let rule = identity::rule(field);
                let is_made = rule.is_some() || generated::is_generated(field);
                if name.is_none() && (evolves || is_made) {
                    continue;
                }
                match (&clause.action, rule) {
                    (MergeAction::UpdateAll, Some(_)) => {
                        return Err(identity::update_refused(field.name()));
                    }
                    (_, Some(rule)) if rule.always => {
                        return Err(identity::explicit_insert(field.name()));
                    }
                    _ => {}
                }
                let Some(name) = name else {
                    let text = format!(
                        "Cannot resolve `{}` in MERGE: the source has no column of that name",
                        field.name()
                    );
                    return Err(SqlError::new("DELTA_MERGE_UNRESOLVED_EXPRESSION", "42601", text));
                };
                out.push((at, source_column(source_alias, name)));
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    if let Some((at, _)) = out.iter().find(|(at, _)| !seen.insert(*at)) {
        let text = format!("The column `{}` is assigned twice", schema.field(*at).name());
        return Err(SqlError::new("DUPLICATE_ASSIGNMENTS", "42701", text));
    }
    Ok(out)
}

/// What a clause may speak of: the row of the target, of the source, or both.
fn seen<'t, 'a>(when: MergeWhen, tables: &'t [From_<'a>; 2]) -> &'t [From_<'a>] {
    match when {
        MergeWhen::Matched => tables,
        MergeWhen::NotMatched => &tables[1..],
        MergeWhen::NotMatchedBySource => &tables[..1],
    }
}

/// Expressions as they are stored, each with its type.
async fn typed(
    cx: &StatementContext,
    exprs: &[ast::Expr],
    tables: &[From_<'_>],
    schema: &SchemaRef,
    target_alias: &str,
) -> SqlResult<Vec<(Expr, DataType)>> {
    if exprs.is_empty() {
        return Ok(Vec::new());
    }
    let (planned, input) = expressions::plan(cx, exprs, tables).await?;
    if planned.iter().any(expressions::has_subquery) {
        return Err(SqlError::unsupported("a subquery in a condition or value of MERGE"));
    }
    let typed = planned.into_iter().map(|expr| {
        let given = expr.get_type(input.as_ref())?;
        Ok((expressions::stored(cx, expr, schema, Some(target_alias))?, given))
    });
    typed.collect()
}

async fn plan_clauses(
    cx: &StatementContext,
    merge: &Merge,
    schema: &SchemaRef,
    names: &[String],
    tables: &[From_<'_>; 2],
    numbering: &Numbering,
) -> SqlResult<(Expr, Vec<Planned>)> {
    let (target_alias, source_alias) = (tables[0].alias, tables[1].alias);
    let evolves = merge.schema_evolution;
    let mut sets = Vec::new();
    for clause in &merge.clauses {
        sets.push(assignments(clause, schema, names, target_alias, source_alias, evolves)?);
    }
    // One plan for all clauses that see the same tables.
    let kinds = [MergeWhen::Matched, MergeWhen::NotMatched, MergeWhen::NotMatchedBySource];
    let mut planned = Vec::new();
    for when in kinds {
        let mut exprs = Vec::new();
        if when == MergeWhen::Matched {
            exprs.push(merge.on.clone());
        }
        for (clause, set) in merge.clauses.iter().zip(&sets).filter(|(c, _)| c.when == when) {
            exprs.extend(clause.condition.clone());
            exprs.extend(set.iter().map(|(_, expr)| expr.clone()));
        }
        let typed = typed(cx, &exprs, seen(when, tables), schema, target_alias).await?;
        planned.push((when, typed.into_iter()));
    }
    let mut next = |when: MergeWhen| {
        let of_kind = planned.iter_mut().find(|(kind, _)| *kind == when);
        let next = of_kind.and_then(|(_, exprs)| exprs.next());
        next.ok_or_else(|| SqlError::internal("an expression of MERGE is lost"))
    };
    let (on, _) = next(MergeWhen::Matched)?;
    let mut clauses = Vec::new();
    for (clause, set) in merge.clauses.iter().zip(sets) {
        let condition = match clause.condition {
            Some(_) => Some(next(clause.when)?.0),
            None => None,
        };
        let mut values = Vec::new();
        for (at, _) in &set {
            let field = schema.field(*at);
            let (expr, given) = next(clause.when)?;
            let value = assign(cx, expr, &given, field.data_type(), field.name())?;
            values.push((field.name().clone(), not_null::required(value, field)));
        }
        let of_target = |name: &str| {
            let relation = Some(TableReference::bare(target_alias.to_owned()));
            Some(Expr::Column(Column::new(relation, name)))
        };
        match (&clause.action, clause.when) {
            (MergeAction::Delete, _) => {}
            (_, MergeWhen::NotMatched) => {
                fill_missing(cx, schema, &mut values, numbering).await?;
                generated::follow(cx, schema, &mut values, |_| None).await?;
            }
            _ => generated::follow(cx, schema, &mut values, of_target).await?,
        }
        clauses.push(Planned {
            when: clause.when,
            condition,
            delete: matches!(clause.action, MergeAction::Delete),
            set: values,
        });
    }
    Ok((on, clauses))
}

/// A row that is inserted has the default, or NULL, where nothing is said.
async fn fill_missing(
    cx: &StatementContext,
    schema: &SchemaRef,
    values: &mut Vec<(String, Expr)>,
    numbering: &Numbering,
) -> SqlResult<()> {
    for field in schema.fields() {
        if generated::is_generated(field) {
            continue;
        }
        if values.iter().any(|(name, _)| name == field.name()) {
            continue;
        }
        if let Some(number) = numbering.value(field.name()) {
            values.push((field.name().clone(), number));
            continue;
        }
        if let Source::Value(expr, given) = defaults::value(cx, field).await? {
            let value = assign(cx, expr, &given, field.data_type(), field.name())?;
            values.push((field.name().clone(), not_null::required(value, field)));
            continue;
        }
        if !field.is_nullable() {
            let text = format!("The column `{}` is NOT NULL and has no value", field.name());
            return Err(SqlError::new("DELTA_MISSING_NOT_NULL_COLUMN_VALUE", "23502", text));
        }
        let null = datafusion::common::ScalarValue::try_from(field.data_type())?;
        values.push((field.name().clone(), datafusion::logical_expr::lit(null)));
    }
    Ok(())
}

fn add_clause(
    builder: MergeBuilder,
    clause: Planned,
    target_alias: &str,
) -> SqlResult<MergeBuilder> {
    let column =
        |name: &str| Column::new(Some(TableReference::bare(target_alias.to_owned())), name);
    let Planned { when, condition, delete, set } = clause;
    let done = match (when, delete) {
        (MergeWhen::Matched, true) => builder.when_matched_delete(|d| match condition {
            Some(condition) => d.predicate(condition),
            None => d,
        }),
        (MergeWhen::NotMatchedBySource, true) => {
            builder.when_not_matched_by_source_delete(|d| match condition {
                Some(condition) => d.predicate(condition),
                None => d,
            })
        }
        (MergeWhen::Matched, false) => builder.when_matched_update(|mut u| {
            if let Some(condition) = condition {
                u = u.predicate(condition);
            }
            set.into_iter().fold(u, |u, (name, value)| u.update(column(&name), value))
        }),
        (MergeWhen::NotMatchedBySource, false) => {
            builder.when_not_matched_by_source_update(|mut u| {
                if let Some(condition) = condition {
                    u = u.predicate(condition);
                }
                set.into_iter().fold(u, |u, (name, value)| u.update(column(&name), value))
            })
        }
        (MergeWhen::NotMatched, _) => builder.when_not_matched_insert(|mut i| {
            if let Some(condition) = condition {
                i = i.predicate(condition);
            }
            set.into_iter().fold(i, |i, (name, value)| i.set(column(&name), value))
        }),
    };
    done.map_err(failure)
}
