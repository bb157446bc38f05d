//! `STREAM t` and `STREAM read_files(…)`: of each source only what came since a streaming table read it last.
//! How far that was stands in the log of the streaming table, beside its rows.

use biplane_api::internal::ResolvedTable;
use datafusion::catalog::TableProvider;
use datafusion::common::JoinType;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Join, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::Transaction;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{delta, functions};
use crate::commands::copy_into::{self, APP_ID, History, Loaded};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::files::{self, Options};

/// How relations begin that are read so.
pub const NAME: &str = "\u{1}stream";

/// What one filling of a streaming table reads.
#[derive(Default)]
pub struct Streams {
    /// The streaming table; none: everything is read from the start.
    target: Option<DeltaTable>,
    /// How far tables are read now.
    reached: Mutex<Vec<Transaction>>,
    /// Files that are read now.
    files: Mutex<Option<(History, BTreeMap<String, Loaded>)>>,
}

impl Streams {
    pub fn after(target: DeltaTable) -> Self {
        Self { target: Some(target), ..Self::default() }
    }

    /// What the commit of the rows has to carry, and the number of a manifest that was written for it.
    pub async fn progress(&self, table: &DeltaTable) -> SqlResult<(Vec<Transaction>, Option<i64>)> {
        let mut all = std::mem::take(&mut *self.reached.lock());
        let Some((history, loaded)) = self.files.lock().take() else { return Ok((all, None)) };
        let number = copy_into::put_manifest(table, &history, loaded).await?;
        all.push(Transaction::new(APP_ID, number));
        Ok((all, Some(number)))
    }

    /// Whether anything came.
    pub fn is_news(&self) -> bool {
        !self.reached.lock().is_empty() || self.files.lock().is_some()
    }

    async fn version(&self, app_id: &str) -> SqlResult<Option<i64>> {
        let Some(target) = &self.target else { return Ok(None) };
        let snapshot = target.snapshot()?.snapshot();
        Ok(snapshot.transaction_version(target.log_store().as_ref(), app_id).await?)
    }
}

/// What is in the brackets of `STREAM(…)`.
pub enum Source {
    Table(Vec<String>),
    Files(Vec<(Option<String>, Expr)>),
}

pub fn source(arguments: &[FunctionArg]) -> SqlResult<Source> {
    let wrong = || SqlError::invalid_parameter("STREAM takes a table or a call of read_files");
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(source))] = arguments else {
        return Err(wrong());
    };
    match source {
        Expr::Function(call) if is_read_files(call) => match &call.args {
            FunctionArguments::List(list) => {
                Ok(Source::Files(functions::named_arguments(&list.args)?))
            }
            _ => Err(wrong()),
        },
        name => table(name).map(Source::Table).ok_or_else(wrong),
    }
}

/// The parts of a name.
pub fn table(source: &Expr) -> Option<Vec<String>> {
    match source {
        Expr::Identifier(name) => Some(vec![name.value.clone()]),
        Expr::CompoundIdentifier(parts) => {
            Some(parts.iter().map(|part| part.value.clone()).collect())
        }
        _ => None,
    }
}

pub fn is_of_files(arguments: &[FunctionArg]) -> bool {
    matches!(arguments, [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(call)))]
        if is_read_files(call))
}

fn is_read_files(call: &Function) -> bool {
    call.name.to_string().eq_ignore_ascii_case("read_files")
}

fn of(cx: &StatementContext) -> SqlResult<Arc<Streams>> {
    let streams = cx.streams.lock().clone();
    streams.ok_or_else(|| SqlError::unsupported("STREAM outside of a streaming table"))
}

pub async fn of_table(
    cx: &StatementContext,
    table: &ResolvedTable,
) -> SqlResult<Arc<dyn TableProvider>> {
    let (streams, info) = (of(cx)?, &table.info);
    let is_delta = matches!(info.data_source_format.as_deref(), None | Some("DELTA"));
    let Some(storage) = table.storage.as_ref().filter(|_| is_delta) else {
        return Err(SqlError::unsupported(format!("a stream of {}", info.full_name)));
    };
    let app_id = format!("biplane.stream.{}", info.table_id);
    let known = streams.version(&app_id).await?;
    let after = known.and_then(|version| u64::try_from(version).ok());
    let (rows, reached) = delta::added(cx, &info.full_name, &info.table_id, storage, after).await?;
    if after != Some(reached) {
        let reached = i64::try_from(reached).map_err(SqlError::internal)?;
        let mut all = streams.reached.lock();
        if !all.iter().any(|known| known.app_id == app_id) {
            all.push(Transaction::new(app_id, reached));
        }
    }
    Ok(rows)
}

pub async fn of_files(
    cx: &StatementContext,
    arguments: Vec<(Option<String>, Expr)>,
    with_metadata: bool,
) -> SqlResult<Arc<dyn TableProvider>> {
    let streams = of(cx)?;
    let (mut found, options): (_, Options) = files::called(cx, arguments).await?;
    let history = match &streams.target {
        Some(target) => copy_into::history(target).await?,
        None => History::default(),
    };
    let all = found.clone();
    history.keep_new(&mut found);
    if found.files.is_empty() {
        // Their columns are known by the files that were read before.
        let provider = files::open(cx, all, options, with_metadata).await?;
        let none = LogicalPlanBuilder::scan("files", provider_as_source(provider), None)?;
        let none = none.limit(0, Some(0))?.build()?;
        return Ok(Arc::new(ViewTable::new(none, None)));
    }
    let loaded = copy_into::about_to_load(&found);
    if streams.files.lock().replace((history, loaded)).is_some() {
        return Err(SqlError::unsupported("two streams of files in one streaming table"));
    }
    files::open(cx, found, options, with_metadata).await
}

/// Refuses what would need rows that were read before.
pub fn check(plan: &LogicalPlan) -> SqlResult<()> {
    match is_streamed(plan)? {
        true => Ok(()),
        false => {
            let text = "The query of a streaming table reads no stream: \
                        write STREAM before a table or read_files, or make a materialized view";
            Err(SqlError::new("STREAMING_TABLE_QUERY_INVALID", "42000", text))
        }
    }
}

/// Whether a plan gives rows of a stream.
fn is_streamed(plan: &LogicalPlan) -> SqlResult<bool> {
    if let LogicalPlan::SubqueryAlias(alias) = plan
        && alias.alias.table().starts_with(NAME)
    {
        return Ok(true);
    }
    if let LogicalPlan::TableScan(scan) = plan
        && scan.table_name.table().starts_with(NAME)
    {
        return Ok(true);
    }
    let inputs = plan.inputs();
    let streamed = inputs.iter().map(|input| is_streamed(input)).collect::<SqlResult<Vec<_>>>()?;
    let what = match plan {
        _ if !streamed.contains(&true) => return Ok(false),
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_) => return Ok(true),
        LogicalPlan::Join(join) if is_of_one(join, &streamed) => return Ok(true),
        LogicalPlan::Join(_) => "This join",
        LogicalPlan::Aggregate(_) => "An aggregation",
        LogicalPlan::Distinct(_) => "DISTINCT",
        LogicalPlan::Window(_) => "A window function",
        LogicalPlan::Sort(_) => "ORDER BY",
        LogicalPlan::Limit(_) => "LIMIT",
        _ => "This operation",
    };
    let text = format!(
        "{what} over a stream needs rows that were read before. A streaming table adds rows only; \
         a materialized view can do it"
    );
    Err(SqlError::new("STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION", "42KDE", text))
}

/// Whether each row of the stream joins by itself with tables that are read whole.
fn is_of_one(join: &Join, streamed: &[bool]) -> bool {
    match (streamed, join.join_type) {
        ([true, false] | [false, true], JoinType::Inner) => true,
        ([true, false], kind) => {
            matches!(kind, JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti)
        }
        ([false, true], kind) => {
            matches!(kind, JoinType::Right | JoinType::RightSemi | JoinType::RightAnti)
        }
        _ => false,
    }
}
