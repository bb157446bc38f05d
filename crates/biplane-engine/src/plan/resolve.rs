//! Relations of a query → table sources. One round trip to the catalog for all names of one text;
//! views are planned from their own text, as their owner.

use biplane_api::catalog::system_tables::SYSTEM_FORMAT;
use biplane_api::internal::{Access, ResolvedTable};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlanBuilder, TableSource, ident};
use futures::future::{BoxFuture, FutureExt, try_join_all};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::rewrite::{Found, Relation, Rewritten};
use super::{Planned, Text, changes, delta, streams, versions};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::files::{self, FileRelation};

/// Views inside views.
const VIEW_DEPTH_MAX: usize = 50;

pub type Sources = HashMap<TableReference, Arc<dyn TableSource>>;

/// Sources of all relations; adds the names of their columns as they are stored.
pub async fn sources(
    cx: &StatementContext,
    rewritten: &mut Rewritten,
    via: &[String],
) -> SqlResult<Sources> {
    let names: Vec<[String; 3]> = rewritten
        .found
        .iter()
        .filter_map(|found| match &found.relation {
            Relation::Table(name) | Relation::Changes(name, _) | Relation::Stream(name)
                if !is_information_schema(name) =>
            {
                Some(name.clone())
            }
            _ => None,
        })
        .collect();
    let mut resolved: BTreeMap<[String; 3], ResolvedTable> = BTreeMap::new();
    let answers = cx.try_resolve(&names, Access::Read, via).await?;
    for (name, answer) in names.into_iter().zip(answers) {
        let table = answer.map_err(|error| {
            let error = SqlError::from(error);
            // The catalog's text may not say which of the statement's names it is about.
            match error.class.as_str() {
                "TABLE_OR_VIEW_NOT_FOUND" => {
                    SqlError::table_not_found(format!("`{}`.`{}`.`{}`", name[0], name[1], name[2]))
                }
                _ => error,
            }
        })?;
        if via.is_empty() {
            cx.add_source(&table.info.full_name);
        }
        resolved.insert(name, table);
    }
    let loads =
        rewritten.found.iter().map(|found| source(cx, found, &resolved, via, rewritten.metadata));
    let providers = try_join_all(loads).await?;
    let mut sources = Sources::new();
    for (found, provider) in rewritten.found.iter().zip(providers) {
        for field in provider.schema().fields() {
            let key = field.name().to_lowercase();
            rewritten.spelled.entry(key).or_insert_with(|| field.name().clone());
        }
        sources.insert(found.reference.clone(), lowered(cx, provider)?);
    }
    Ok(sources)
}

pub fn is_information_schema(name: &[String; 3]) -> bool {
    name[1] == "information_schema"
}

fn source<'a>(
    cx: &'a StatementContext,
    found: &'a Found,
    resolved: &'a BTreeMap<[String; 3], ResolvedTable>,
    via: &'a [String],
    metadata: bool,
) -> BoxFuture<'a, SqlResult<Arc<dyn TableProvider>>> {
    async move {
        let version = match &found.version {
            Some(version) => Some(versions::wanted(cx, version).await?),
            None => None,
        };
        if !has_versions(&found.relation) {
            cx.reads.lock().other();
        }
        match &found.relation {
            Relation::Table(name) if is_information_schema(name) => {
                crate::information_schema::provider(cx, name).await
            }
            Relation::Table(name) => {
                let table =
                    resolved.get(name).ok_or_else(|| SqlError::internal("a name was lost"))?;
                catalog_table(cx, table, version, via).await
            }
            Relation::Changes(name, bounds) => {
                let table =
                    resolved.get(name).ok_or_else(|| SqlError::table_not_found(name.join(".")))?;
                changed_rows(cx, name, table, bounds).await
            }
            Relation::Stream(name) => {
                let table =
                    resolved.get(name).ok_or_else(|| SqlError::table_not_found(name.join(".")))?;
                streams::of_table(cx, table).await
            }
            Relation::StreamOfFiles(arguments) => {
                streams::of_files(cx, arguments.clone(), metadata).await
            }
            Relation::TempView(name) => temp_view(cx, name, via).await,
            Relation::Given(name) => {
                cx.relation(name).ok_or_else(|| SqlError::internal("a relation was lost"))
            }
            Relation::Path { format, path } if format == "delta" => {
                let storage = cx.resolve_path(path, Access::Read).await?;
                let shown = metadata.then_some(path.as_str());
                delta::provider(cx, None, &storage, version, shown).await
            }
            Relation::Path { format, path } => {
                let relation = FileRelation::Path { format: format.clone(), path: path.clone() };
                files::provider(cx, relation, metadata).await
            }
            Relation::ReadFiles(arguments) => {
                let relation = FileRelation::ReadFiles(arguments.clone());
                files::provider(cx, relation, metadata).await
            }
        }
    }
    .boxed()
}

/// What is read there can be told from what was there before.
fn has_versions(relation: &Relation) -> bool {
    match relation {
        Relation::Table(name) => !is_information_schema(name),
        Relation::TempView(_) => true,
        Relation::Path { format, .. } => format == "delta",
        Relation::Given(_)
        | Relation::ReadFiles(_)
        | Relation::Changes(..)
        | Relation::Stream(_)
        | Relation::StreamOfFiles(_) => false,
    }
}

async fn changed_rows(
    cx: &StatementContext,
    name: &[String; 3],
    table: &ResolvedTable,
    bounds: &[datafusion::sql::sqlparser::ast::Expr],
) -> SqlResult<Arc<dyn TableProvider>> {
    let is_delta = matches!(table.info.data_source_format.as_deref(), None | Some("DELTA"));
    match &table.storage {
        Some(storage) if is_delta => changes::provider(cx, name, storage, bounds).await,
        _ => Err(SqlError::unsupported("table_changes of anything but a Delta table")),
    }
}

async fn catalog_table(
    cx: &StatementContext,
    table: &ResolvedTable,
    version: Option<versions::Wanted>,
    via: &[String],
) -> SqlResult<Arc<dyn TableProvider>> {
    // The rows of a materialized view are its table's.
    if let (Some(definition), None) = (&table.info.view_definition, &table.storage) {
        let property = |key: &str| table.info.properties.get(key).cloned();
        let text = Text {
            sql: definition.clone(),
            catalog: property("view.catalog").unwrap_or_else(|| table.info.catalog_name.clone()),
            schema: property("view.schema").unwrap_or_else(|| table.info.schema_name.clone()),
            temp_views: false,
        };
        let columns: Vec<String> =
            table.info.columns.iter().map(|column| column.name.clone()).collect();
        return view(cx, &table.info.full_name, text, &columns, via).await;
    }
    let info = &table.info;
    match info.data_source_format.as_deref() {
        None | Some("DELTA") => {
            cx.reads.lock().version(format!("{} {}", info.full_name, info.table_id))
        }
        Some(_) => cx.reads.lock().other(),
    }
    if info.data_source_format.as_deref() == Some(SYSTEM_FORMAT) {
        return match version {
            None => crate::system_tables::provider(cx, table, via),
            Some(_) => Err(SqlError::unsupported("an older version of a system table")),
        };
    }
    let storage = table.storage.as_ref().ok_or_else(|| {
        SqlError::unsupported(format!("reading {}, which has no storage,", table.info.full_name))
    })?;
    match table.info.data_source_format.as_deref() {
        None | Some("DELTA") => {
            delta::provider(cx, Some(&table.info.table_id), storage, version, None).await
        }
        Some(_) => files::provider(cx, FileRelation::Table(Box::new(table.clone())), false).await,
    }
}

async fn temp_view(
    cx: &StatementContext,
    name: &str,
    via: &[String],
) -> SqlResult<Arc<dyn TableProvider>> {
    let found = cx.objects.temp_view(name);
    let found = found.ok_or_else(|| SqlError::table_not_found(format!("`{name}`")))?;
    let text =
        Text { sql: found.query, catalog: found.catalog, schema: found.schema, temp_views: true };
    // Read as the user, not as an owner: the way to it stays as it is, but cycles must end.
    let depth = VIEW_DEPTH.try_with(|depth| *depth).unwrap_or(0);
    if depth >= VIEW_DEPTH_MAX {
        return Err(cycle(name));
    }
    let planned = VIEW_DEPTH.scope(depth + 1, super::text(cx, &text, via).boxed()).await?;
    named(planned, &found.columns, name)
}

tokio::task_local! {
    /// How many temporary views lead here.
    static VIEW_DEPTH: usize;
}

async fn view(
    cx: &StatementContext,
    full_name: &str,
    text: Text,
    columns: &[String],
    via: &[String],
) -> SqlResult<Arc<dyn TableProvider>> {
    if via.len() >= VIEW_DEPTH_MAX || via.iter().any(|name| name == full_name) {
        return Err(cycle(full_name));
    }
    let mut way = via.to_vec();
    way.push(full_name.to_owned());
    let planned = super::text(cx, &text, &way).boxed().await?;
    named(planned, columns, full_name)
}

fn cycle(name: &str) -> SqlError {
    SqlError::new("RECURSIVE_VIEW", "42K0H", format!("The view {name} refers to itself"))
}

/// The plan of a view under the names that its columns were given.
fn named(planned: Planned, columns: &[String], view: &str) -> SqlResult<Arc<dyn TableProvider>> {
    let Planned { plan, names } = planned;
    let names = if columns.is_empty() { names.as_slice() } else { columns };
    if names.len() != plan.schema().fields().len() {
        let text =
            format!("The query of the view {view} has another number of columns than the view");
        return Err(SqlError::new("INCOMPATIBLE_VIEW_SCHEMA_CHANGE", "51024", text));
    }
    let plan = super::renamed(plan, names)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// The source under names in lower case, timestamps in the session's time zone.
fn lowered(
    cx: &StatementContext,
    provider: Arc<dyn TableProvider>,
) -> SqlResult<Arc<dyn TableSource>> {
    let schema = provider.schema();
    let zone = cx.settings.plan_zone();
    let is_ready = schema.fields().iter().all(|field| {
        field.name().chars().all(|c| !c.is_uppercase())
            && !super::types::needs_zone(field.data_type(), &zone)
    });
    let source = provider_as_source(provider);
    if is_ready {
        return Ok(source);
    }
    let scan = LogicalPlanBuilder::scan("t", source, None)?;
    let columns = schema.fields().iter().map(|field| {
        let column = ident_of(field.name());
        let column = match super::types::in_zone(field.data_type(), &zone) {
            Some(target) => datafusion::logical_expr::cast(column, target),
            None => column,
        };
        column.alias(field.name().to_lowercase())
    });
    let plan = scan.project(columns)?.build()?;
    Ok(provider_as_source(Arc::new(ViewTable::new(plan, None))))
}

fn ident_of(name: &str) -> datafusion::logical_expr::Expr {
    // `ident` takes the name as it stands, with dots and capitals.
    ident(name)
}
