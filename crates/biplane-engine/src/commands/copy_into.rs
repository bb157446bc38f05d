//! COPY INTO: each file once.
//!
//! What was loaded stands in manifests beside the log, `_delta_log/_copy_into_log/<number>.json`, each
//! naming the one before it. The commit that loads files carries a transaction action whose version is
//! the number of the newest manifest: rows and memory of them become visible together or not at all,
//! and of two copies at the same time one fails and begins anew.

use arrow::datatypes::SchemaRef;
use biplane_api::internal::Access;
use datafusion::catalog::TableProvider;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::Transaction;
use deltalake_core::operations::write::SchemaMode;
use deltalake_core::protocol::SaveMode;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::identity::{self, Numbering};
use super::protocol::Change;
use super::rows::Table;
use super::write::{Source, Target, align, commit_as, find_column, inserted, metric, writer};
use super::{generated, mapping};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::files::{self, Format, Found, Options};
use crate::output::Output;
use crate::parser::CopyInto;

/// The `appId` of the transaction action.
pub const APP_ID: &str = "biplane.copy_into";
const MANIFEST_DIRECTORY: &str = "_delta_log/_copy_into_log";
/// A chain longer than this is written into one manifest.
const CHAIN_MAX: usize = 20;
const MANIFEST_BYTES_MAX: u64 = 256 << 20;
const ATTEMPTS_MAX: usize = 10;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Loaded {
    size: u64,
    modified_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e_tag: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    /// By the path as users know it.
    files: BTreeMap<String, Loaded>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<i64>,
}

/// The files that a table has loaded.
#[derive(Default)]
pub struct History {
    newest: Option<i64>,
    length: usize,
    files: BTreeMap<String, Loaded>,
}

impl History {
    /// Leaves those that were not loaded yet.
    pub fn keep_new(&self, found: &mut Found) {
        let base = found.clone();
        found.files.retain(|file| !self.files.contains_key(&base.shown(file)));
    }
}

pub fn about_to_load(found: &Found) -> BTreeMap<String, Loaded> {
    let files = found.files.iter().map(|file| {
        let entry = Loaded {
            size: file.size,
            modified_ms: file.last_modified.timestamp_millis(),
            e_tag: file.e_tag.clone(),
        };
        (found.shown(file), entry)
    });
    files.collect()
}

struct CopyOptions {
    force: bool,
    merge_schema: bool,
}

pub async fn run(cx: &StatementContext, copy: CopyInto) -> SqlResult<Output> {
    let (options, copy_options) = read_options(&copy)?;
    for _ in 1..ATTEMPTS_MAX {
        match attempt(cx, &copy, &options, &copy_options).await {
            Err(error) if error.error_code == "ABORTED" => continue,
            done => return done,
        }
    }
    attempt(cx, &copy, &options, &copy_options).await
}

fn read_options(copy: &CopyInto) -> SqlResult<(Options, CopyOptions)> {
    let mut options = Options::new(Some(Format::parse(&copy.format)?));
    // Text stays text unless asked for; the cast to the table's columns does the rest.
    options.infer_types = options.format != Some(Format::Csv);
    let mut out = CopyOptions { force: false, merge_schema: false };
    for (key, value) in &copy.format_options {
        match key.to_lowercase().as_str() {
            // Of the files among themselves; what the table gets is a matter of COPY_OPTIONS.
            "mergeschema" => {}
            _ => options.set(key, value)?,
        }
    }
    for (key, value) in &copy.copy_options {
        let value = value.eq_ignore_ascii_case("true");
        match key.to_lowercase().as_str() {
            "force" => out.force = value,
            "mergeschema" => out.merge_schema = value,
            _ => return Err(SqlError::unsupported(format!("the copy option {key}"))),
        }
    }
    if copy.by_position {
        return Err(SqlError::unsupported("COPY INTO … BY POSITION"));
    }
    if let Some(pattern) = &copy.pattern {
        options.glob = Some(pattern.clone());
    }
    Ok((options, out))
}

async fn attempt(
    cx: &StatementContext,
    copy: &CopyInto,
    options: &Options,
    copy_options: &CopyOptions,
) -> SqlResult<Output> {
    let mut target = Target::open_for(cx, &copy.table, Access::Write, Change::Append).await?;
    let mut found = found_files(cx, copy, options).await?;
    let history = if copy.validate.is_some() { None } else { Some(history(&target.delta).await?) };
    if let Some(history) = history.as_ref().filter(|_| !copy_options.force) {
        history.keep_new(&mut found);
    }
    if found.files.is_empty() {
        return counts(0);
    }
    let loaded = about_to_load(&found);
    let provider = files::open(cx, found, options.clone(), asks_for_files(copy)).await?;
    let plan = source_plan(cx, copy, provider).await?;
    let numbering = Numbering::of(&target, &target.arrow_schema()?).await?;
    let (rows, merges) = shape(cx, copy, &mut target, plan, copy_options, &numbering).await?;
    target.delta = numbering.table(&target.delta);
    let Some(history) = history else {
        return validated(cx, copy, rows).await;
    };
    let number = put_manifest(&target.delta, &history, loaded).await?;
    let properties =
        commit_as(cx, "COPY INTO").with_application_transaction(Transaction::new(APP_ID, number));
    let properties = numbering.properties(properties);
    let mut builder =
        writer(cx, &target, rows, SaveMode::Append)?.with_commit_properties(properties);
    if merges {
        builder = builder.with_schema_mode(SchemaMode::Merge);
    }
    let done = builder.await;
    let table = match done {
        Ok(table) => table,
        Err(error) => {
            // Nobody refers to it; a copy that follows does not read it.
            forget(&target.delta, number).await;
            return Err(error.into());
        }
    };
    let rows = metric(&table, "num_added_rows").await?;
    cx.add_target(&target.full_name());
    if merges {
        target.delta = table;
        target.publish_columns(cx).await?;
    }
    counts(rows)
}

/// Whether the query given with the files speaks of `_metadata`.
fn asks_for_files(copy: &CopyInto) -> bool {
    let query = copy.projection.as_ref().map(|projection| projection.query.as_ref());
    query.is_some_and(files::metadata::is_asked_for)
}

fn counts(rows: i64) -> SqlResult<Output> {
    Table::default()
        .long("num_affected_rows", vec![Some(rows)])
        .long("num_inserted_rows", vec![Some(rows)])
        .long("num_skipped_corrupt_files", vec![Some(0)])
        .output()
}

async fn found_files(
    cx: &StatementContext,
    copy: &CopyInto,
    options: &Options,
) -> SqlResult<Found> {
    if copy.files.is_empty() {
        return files::find(cx, &copy.path, Access::Read, options).await;
    }
    let mut all =
        files::find(cx, &copy.path, Access::Read, &Options { glob: None, ..options.clone() })
            .await?;
    let wanted: Vec<String> = copy
        .files
        .iter()
        .map(|name| format!("{}/{}", all.base.trim_end_matches('/'), name.trim_start_matches('/')))
        .collect();
    let base = all.clone();
    all.files.retain(|file: &ObjectMeta| wanted.contains(&base.shown(file)));
    if all.files.len() < wanted.len() {
        let there: Vec<String> = all.files.iter().map(|file| base.shown(file)).collect();
        let missing = wanted.iter().find(|path| !there.contains(path));
        return Err(SqlError::path_not_found(missing.cloned().unwrap_or_default()));
    }
    Ok(all)
}

/// The rows of the files, through the query given with them if there is one.
async fn source_plan(
    cx: &StatementContext,
    copy: &CopyInto,
    provider: Arc<dyn TableProvider>,
) -> SqlResult<LogicalPlan> {
    let scan = LogicalPlanBuilder::scan("files", provider_as_source(provider), None)?.build()?;
    match &copy.projection {
        None => Ok(scan),
        Some(projection) => {
            let view = Arc::new(ViewTable::new(scan, None));
            cx.put_relation(crate::parser::COPY_SOURCE, view);
            cx.plan_query(&projection.query).await
        }
    }
}

/// Columns by name; with mergeSchema those the table lacks are added. Whether any are.
async fn shape(
    cx: &StatementContext,
    copy: &CopyInto,
    target: &mut Target,
    plan: LogicalPlan,
    options: &CopyOptions,
    numbering: &Numbering,
) -> SqlResult<(LogicalPlan, bool)> {
    let schema = target.arrow_schema()?;
    let from = plan.schema().clone();
    if schema.fields().is_empty() {
        return Err(SqlError::unsupported("COPY INTO a table without columns"));
    }
    if !copy.columns.is_empty() {
        return Ok((listed(cx, copy, &schema, plan, numbering).await?, false));
    }
    let mut sources = vec![Source::Null; schema.fields().len()];
    let mut extra = Vec::new();
    for position in 0..from.fields().len() {
        let name = from.field(position).name();
        match find_column(&schema, name) {
            Ok(at) => sources[at] = Source::At(position),
            Err(_) => extra.push(position),
        }
    }
    if let Some(position) = extra.first()
        && !options.merge_schema
    {
        let text = format!(
            "A schema mismatch detected when copying into {}: the files have the column `{}`, the table has not. \
             COPY_OPTIONS ('mergeSchema' = 'true') adds it",
            copy.table,
            from.field(*position).name()
        );
        return Err(SqlError::new("COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE", "42KDG", text));
    }
    if extra.is_empty() {
        return Ok((loaded_rows(cx, plan, &schema, sources, numbering).await?, false));
    }
    if mapping::is_mapped(&target.configuration()?)
        || schema.fields().iter().any(|field| generated::is_generated(field))
    {
        return Err(SqlError::unsupported(
            "mergeSchema into a table with column mapping or generated columns",
        ));
    }
    let fields: Vec<arrow::datatypes::Field> =
        extra.iter().map(|position| from.field(*position).as_ref().clone()).collect();
    let wide = super::columns::widened(&schema, fields)?;
    sources.extend(extra.into_iter().map(Source::At));
    Ok((align(cx, plan, &wide, &sources)?, true))
}

/// Values for identity columns come from files only where that is allowed.
async fn loaded_rows(
    cx: &StatementContext,
    plan: LogicalPlan,
    schema: &SchemaRef,
    sources: Vec<Source>,
    numbering: &Numbering,
) -> SqlResult<LogicalPlan> {
    for (field, source) in schema.fields().iter().zip(&sources) {
        let always = identity::rule(field).is_some_and(|rule| rule.always);
        if always && !matches!(source, Source::Null) {
            return Err(identity::explicit_insert(field.name()));
        }
    }
    inserted(cx, plan, schema, sources, numbering).await
}

/// `COPY INTO t (a, b)`: the columns of the files in this order.
async fn listed(
    cx: &StatementContext,
    copy: &CopyInto,
    schema: &SchemaRef,
    plan: LogicalPlan,
    numbering: &Numbering,
) -> SqlResult<LogicalPlan> {
    let given = plan.schema().fields().len();
    if given != copy.columns.len() {
        let text =
            format!("COPY INTO names {} columns, the files have {given}", copy.columns.len());
        return Err(SqlError::new("COPY_INTO_COLUMN_ARITY_MISMATCH", "21S01", text));
    }
    let mut sources = vec![Source::Null; schema.fields().len()];
    for (position, name) in copy.columns.iter().enumerate() {
        sources[find_column(schema, name)?] = Source::At(position);
    }
    loaded_rows(cx, plan, schema, sources, numbering).await
}

/// VALIDATE: shows the rows, loads nothing.
async fn validated(cx: &StatementContext, copy: &CopyInto, rows: LogicalPlan) -> SqlResult<Output> {
    const SHOWN_MAX: u64 = 50;
    let limit = copy.validate.flatten().unwrap_or(SHOWN_MAX).min(1_000);
    let limit = usize::try_from(limit).unwrap_or(50);
    let plan = LogicalPlanBuilder::from(rows).limit(0, Some(limit))?.build()?;
    let stream = cx.execute(plan).await?;
    Ok(Output::Stream(crate::output::QueryStream::from(stream)))
}

fn manifest_path(number: i64) -> Path {
    Path::from(format!("{MANIFEST_DIRECTORY}/{number}.json"))
}

/// A manifest whose commit failed.
pub async fn forget(table: &DeltaTable, number: i64) {
    let _ = table.object_store().delete(&manifest_path(number)).await;
}

pub async fn history(table: &DeltaTable) -> SqlResult<History> {
    let log_store = table.log_store();
    let newest =
        table.snapshot()?.snapshot().transaction_version(log_store.as_ref(), APP_ID).await?;
    // Zero: forgotten, as when the table was replaced.
    let newest = newest.filter(|number| *number != 0);
    let mut out = History { newest, length: 0, files: BTreeMap::new() };
    let store = table.object_store();
    let mut next = newest;
    while let Some(number) = next {
        let found = store.get(&manifest_path(number)).await.map_err(SqlError::io)?;
        if found.meta.size > MANIFEST_BYTES_MAX || out.length > 10 * CHAIN_MAX {
            return Err(SqlError::internal("a manifest of COPY INTO is out of bounds"));
        }
        let bytes = found.bytes().await.map_err(SqlError::io)?;
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(SqlError::internal)?;
        for (path, loaded) in manifest.files {
            out.files.entry(path).or_insert(loaded);
        }
        out.length += 1;
        next = manifest.previous;
    }
    Ok(out)
}

/// Says what the commit will load that carries this number.
pub async fn put_manifest(
    table: &DeltaTable,
    history: &History,
    mut loaded: BTreeMap<String, Loaded>,
) -> SqlResult<i64> {
    let mut previous = history.newest;
    if history.length >= CHAIN_MAX {
        for (path, entry) in &history.files {
            loaded.entry(path.clone()).or_insert_with(|| entry.clone());
        }
        previous = None;
    }
    let number = fresh_number()?;
    let manifest = Manifest { files: loaded, previous };
    let bytes = serde_json::to_vec(&manifest).map_err(SqlError::internal)?;
    let store = table.object_store();
    store.put(&manifest_path(number), PutPayload::from(bytes)).await.map_err(SqlError::io)?;
    Ok(number)
}

/// Never given twice, never 0.
fn fresh_number() -> SqlResult<i64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(SqlError::internal)?;
    Ok((i64::from_le_bytes(bytes) & i64::MAX) | 1)
}
