//! Streaming tables: a table to which a query adds rows, with what came into its sources since the last time.
//!
//! The commit that adds rows says too how far the sources were read: both are there or neither, and of two
//! refreshes at the same time one begins anew.

use biplane_api::catalog::TableInfo;
use biplane_api::internal::{Access, PatchTable, ResolvedTable};
use datafusion::logical_expr::LogicalPlan;
use deltalake_core::operations::write::SchemaMode;
use deltalake_core::protocol::SaveMode;
use std::sync::Arc;

use super::materialized::{self, STREAMING_TABLE};
use super::protocol::{self, Change};
use super::table::Draft;
use super::write::{Source, Target, align, commit_as, find_column, inserted, writer};
use super::{columns, copy_into, mapping, replace, table};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{CreateTable, Name, QueryText, TableSource, parse_query};
use crate::plan::streams::{self, Streams};

const ATTEMPTS_MAX: usize = 10;
const OPERATION: &str = "STREAMING UPDATE";

/// The rows that its query gives now.
pub async fn rows(
    cx: &StatementContext,
    query: &datafusion::sql::sqlparser::ast::Query,
    streams: Arc<Streams>,
) -> SqlResult<LogicalPlan> {
    *cx.streams.lock() = Some(streams);
    let planned = cx.plan_query(query).await;
    *cx.streams.lock() = None;
    let rows = planned?;
    streams::check(&rows)?;
    Ok(rows)
}

/// CREATE OR REFRESH of one that is there: it goes on with this query.
pub async fn go_on(
    cx: &StatementContext,
    create: &CreateTable,
    old: &ResolvedTable,
) -> SqlResult<Output> {
    materialized::check_replaced(&old.info, Some(STREAMING_TABLE))?;
    let TableSource::Query(query) = &create.source else {
        return Err(SqlError::internal("a streaming table has no query"));
    };
    redefine(cx, &old.info, query).await?;
    refresh(cx, &create.name, false).await
}

async fn redefine(cx: &StatementContext, old: &TableInfo, query: &QueryText) -> SqlResult<()> {
    let full = [old.catalog_name.clone(), old.schema_name.clone(), old.name.clone()];
    let definition = materialized::definition(cx, query, &full, STREAMING_TABLE)?;
    if old.view_definition.as_deref() == Some(definition.text.as_str()) {
        return Ok(());
    }
    // A query that cannot run is not kept.
    rows(cx, &query.query, Arc::default()).await?;
    let patch = PatchTable {
        view_definition: Some(definition.text),
        view_dependencies: Some(definition.dependencies),
        ..Default::default()
    };
    super::view::patch_table(cx, &old.full_name, &patch).await.map(drop)
}

pub async fn is_one(cx: &StatementContext, name: &Name) -> SqlResult<bool> {
    if matches!(name.0.as_slice(), [one] if cx.objects.temp_view(one).is_some()) {
        return Ok(false);
    }
    let full = cx.table_parts(&name.0)?;
    let found = cx.resolve(std::slice::from_ref(&full), Access::Metadata).await?;
    Ok(found.first().is_some_and(|table| table.info.table_type == STREAMING_TABLE))
}

/// REFRESH. `full`: all rows go, and the sources are read from the start.
pub async fn refresh(cx: &StatementContext, name: &Name, full: bool) -> SqlResult<Output> {
    for _ in 1..ATTEMPTS_MAX {
        match attempt(cx, name, full).await {
            Err(error) if error.error_code == "ABORTED" => continue,
            done => return done,
        }
    }
    attempt(cx, name, full).await
}

async fn attempt(cx: &StatementContext, name: &Name, full: bool) -> SqlResult<Output> {
    let mut target = Target::open(cx, name, Access::Manage).await?;
    let is_streaming = target.info.table_type == STREAMING_TABLE;
    let Some(text) = target.info.view_definition.clone().filter(|_| is_streaming) else {
        let text = format!("{name} is no streaming table");
        return Err(SqlError::new("STREAMING_TABLE_OPERATION_NOT_ALLOWED", "42601", text));
    };
    cx.add_target(&target.full_name());
    let query = parse_query(&text)?;
    if full {
        protocol::check(&target.delta, Change::Rewrite)?;
        return anew(cx, &mut target, &query).await;
    }
    protocol::check(&target.delta, Change::Append)?;
    let streams = Arc::new(Streams::after(target.delta.clone()));
    let rows = rows(cx, &query, streams.clone()).await?;
    if !streams.is_news() {
        return Ok(Output::Empty);
    }
    let (rows, grows) = fitted(cx, &target, rows).await?;
    let (transactions, manifest) = streams.progress(&target.delta).await?;
    let properties = commit_as(cx, OPERATION).with_application_transactions(transactions);
    let mut builder =
        writer(cx, &target, rows, SaveMode::Append)?.with_commit_properties(properties);
    if grows {
        builder = builder.with_schema_mode(SchemaMode::Merge);
    }
    match builder.await {
        Ok(table) => target.delta = table,
        Err(error) => {
            if let Some(number) = manifest {
                copy_into::forget(&target.delta, number).await;
            }
            return Err(error.into());
        }
    }
    if grows {
        target.publish_columns(cx).await?;
    }
    Ok(Output::Empty)
}

async fn anew(
    cx: &StatementContext,
    target: &mut Target,
    query: &datafusion::sql::sqlparser::ast::Query,
) -> SqlResult<Output> {
    let streams = Arc::new(Streams::default());
    let rows = rows(cx, query, streams.clone()).await?;
    let configuration = target.configuration()?;
    let mapped = mapping::is_mapped(&configuration);
    let fields = columns::fields_of_query(rows.schema().as_arrow(), mapped)?;
    let rows = table::shaped(cx, rows, &fields)?;
    let draft = Draft {
        full: target.full.clone(),
        partitions: target.partitions()?,
        fields,
        properties: configuration.into_iter().collect(),
        comment: target.info.comment.clone().filter(|comment| !comment.is_empty()),
        location: None,
        rows: Some(rows),
        copy: None,
        definition: None,
    };
    let (transactions, manifest) = streams.progress(&target.delta).await?;
    let table = target.delta.clone();
    match replace::swap(cx, &draft, table, OPERATION, transactions).await {
        Ok(table) => target.delta = table,
        Err(error) => {
            if let Some(number) = manifest {
                copy_into::forget(&target.delta, number).await;
            }
            return Err(error);
        }
    }
    target.publish_columns(cx).await?;
    Ok(Output::Empty)
}

/// Rows by the names of the table's columns; those that it lacks are added to it. Whether some are.
async fn fitted(
    cx: &StatementContext,
    target: &Target,
    rows: LogicalPlan,
) -> SqlResult<(LogicalPlan, bool)> {
    let schema = target.arrow_schema()?;
    let mut sources = vec![Source::Null; schema.fields().len()];
    let mut extra = Vec::new();
    for (position, field) in rows.schema().fields().iter().enumerate() {
        match find_column(&schema, field.name()) {
            Ok(at) => sources[at] = Source::At(position),
            Err(_) => extra.push(position),
        }
    }
    if extra.is_empty() {
        return Ok((inserted(cx, rows, &schema, sources, &target.numbering).await?, false));
    }
    if mapping::is_mapped(&target.configuration()?) {
        return Err(SqlError::unsupported(
            "new columns of a streaming table with column mapping; REFRESH TABLE … FULL makes it anew",
        ));
    }
    let fields: Vec<_> = extra.iter().map(|at| rows.schema().field(*at).as_ref().clone()).collect();
    let wide = columns::widened(&schema, fields)?;
    sources.extend(extra.into_iter().map(Source::At));
    Ok((align(cx, rows, &wide, &sources)?, true))
}
