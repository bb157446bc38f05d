//! The rows that came into a table since it was read last, by the files that commits put in.

use biplane_api::internal::Storage;
use datafusion::catalog::TableProvider;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::LogicalPlanBuilder;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::Action;
use deltalake_core::logstore::get_actions;
use object_store::path::Path;
use std::collections::HashSet;
use std::sync::Arc;

use super::scan::DeltaFiles;
use super::{files_of, reading};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::storage::Location;

/// Commits that one reading goes through; the next one goes on behind them.
const COMMITS_MAX: u64 = 1_000;

/// The rows and the version that they reach. `after`: the version that was reached before; None: all that is
/// there now.
pub async fn added(
    cx: &StatementContext,
    full_name: &str,
    table_id: &str,
    storage: &Storage,
    after: Option<u64>,
) -> SqlResult<(Arc<dyn TableProvider>, u64)> {
    let location = cx.location(storage)?;
    let newest = cx.engine.snapshots.latest(Some(table_id), &location).await?;
    let version = newest.snapshot()?.version();
    let Some(after) = after else {
        return Ok((super::provider(cx, Some(table_id), storage, None, None).await?, version));
    };
    if after > version {
        let text = format!(
            "{full_name} is at version {version}, but {after} was read before: it was restored or made anew. \
             REFRESH TABLE … FULL reads it from the start"
        );
        return Err(SqlError::new(
            "DELTA_DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE",
            "55019",
            text,
        ));
    }
    let reached = version.min(after + COMMITS_MAX);
    let mut at_reached = newest;
    if reached < version {
        at_reached = location.delta();
        at_reached.load_version(reached).await?;
    }
    let mut together = HashSet::new();
    let mut parts = Vec::new();
    let there = files(cx, &location, &at_reached).await?;
    let known: HashSet<&Path> = there.files.iter().map(|file| &file.object_meta.location).collect();
    for commit in after + 1..=reached {
        let added = of_commit(full_name, &location, &at_reached, commit).await?;
        if added.iter().all(|path| known.contains(path)) {
            together.extend(added);
            continue;
        }
        // OPTIMIZE has put them together since.
        let mut then = location.delta();
        then.load_version(commit).await?;
        let then = files(cx, &location, &then).await?;
        parts.push(DeltaFiles::new(cx, Arc::new(then.only(&added)), &location)?);
    }
    parts.push(DeltaFiles::new(cx, Arc::new(there.only(&together)), &location)?);
    Ok((union(parts)?, reached))
}

async fn files(
    cx: &StatementContext,
    location: &Location,
    table: &DeltaTable,
) -> SqlResult<Arc<super::files::Files>> {
    let state = table.snapshot()?;
    let files = match reading(state)? {
        Some(_) => files_of(cx, None, location, state).await?,
        None => None,
    };
    files.ok_or_else(|| SqlError::unsupported("a stream of a table of this protocol"))
}

/// The files with new rows. What takes rows away cannot be followed.
async fn of_commit(
    full_name: &str,
    location: &Location,
    table: &DeltaTable,
    version: u64,
) -> SqlResult<HashSet<Path>> {
    let commit = table.log_store().read_commit_entry(version).await?;
    let commit = commit.ok_or_else(|| {
        let text = format!(
            "The log of {full_name} no longer has version {version}. REFRESH TABLE … FULL reads it from the start"
        );
        SqlError::new("DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE", "42K03", text)
    })?;
    let mut out = HashSet::new();
    for action in get_actions(version, &commit)? {
        match action {
            Action::Add(add) if add.data_change => {
                let relative = Path::from_url_path(&add.path).map_err(SqlError::internal)?;
                out.insert(Path::from_iter(location.prefix.parts().chain(relative.parts())));
            }
            Action::Remove(remove) if remove.data_change => {
                let text = format!(
                    "Version {version} of {full_name} changed or deleted rows, which a stream cannot follow. \
                     REFRESH TABLE … FULL reads it from the start; a materialized view follows any change"
                );
                return Err(SqlError::new("DELTA_SOURCE_TABLE_IGNORE_CHANGES", "0A000", text));
            }
            _ => {}
        }
    }
    Ok(out)
}

fn union(parts: Vec<DeltaFiles>) -> SqlResult<Arc<dyn TableProvider>> {
    let mut all: Option<LogicalPlanBuilder> = None;
    for part in parts {
        let scan = LogicalPlanBuilder::scan("added", provider_as_source(Arc::new(part)), None)?;
        all = Some(match all {
            None => scan,
            Some(all) => all.union_by_name(scan.build()?)?,
        });
    }
    let all = all.ok_or_else(|| SqlError::internal("a stream has no parts"))?;
    Ok(Arc::new(ViewTable::new(all.build()?, None)))
}
