//! Delta tables as relations.
//!
//! A table is read as the Parquet files its log names: DataFusion's own source, with the log's statistics.
//! What needs more than names of columns and deletion vectors goes through delta-rs' provider.

mod added;
mod files;
mod names;
mod scan;
mod snapshots;
mod stats;
mod vectors;

use biplane_api::internal::Storage;
use datafusion::catalog::TableProvider;
use deltalake_core::DeltaTable;
use deltalake_core::table::state::DeltaTableState;
use std::sync::Arc;

use super::versions::Wanted;
use crate::commands::mapping;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::storage::Location;

pub use added::added;
pub use snapshots::Snapshots;

/// Features of the reader that change nothing about how plain files are read.
const HARMLESS: [&str; 6] = [
    "timestampNtz",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    "deletionVectors",
    "appendOnly",
    "columnMapping",
];

/// `table_id`: None for a path that is no table of the catalog. `described_as`: the path under which the
/// files are shown in `_metadata`, where that is asked for.
pub async fn provider(
    cx: &StatementContext,
    table_id: Option<&str>,
    storage: &Storage,
    wanted: Option<Wanted>,
    described_as: Option<&str>,
) -> SqlResult<Arc<dyn TableProvider>> {
    let location = cx.location(storage)?;
    let table = match wanted {
        None => cx.engine.snapshots.latest(table_id, &location).await?,
        Some(version) => at_version(&location, version).await?,
    };
    let state = table.snapshot()?;
    let (id, version) = (state.metadata().id(), state.version());
    cx.reads.lock().version(format!("{} {id} {version}", location.url));
    if let Some(files) = files_of(cx, table_id, &location, state).await? {
        let files = match described_as {
            None => files,
            Some(path) => Arc::new(files.described(cx, &location, path)?),
        };
        return Ok(Arc::new(scan::DeltaFiles::new(cx, files, &location)?));
    }
    if described_as.is_some() {
        return Err(SqlError::unsupported(
            "_metadata of a Delta table of a protocol that is not read here",
        ));
    }
    if state.log_data().into_iter().any(|file| !location.holds(&file.path())) {
        return Err(SqlError::denied("The log of the table names files that lie outside of it"));
    }
    let session = Arc::new(cx.session.state());
    Ok(table.table_provider().with_session(session).await?)
}

async fn at_version(location: &Location, version: Wanted) -> SqlResult<DeltaTable> {
    let mut table = location.delta();
    match version {
        Wanted::Version(version) => {
            table.load_version(version).await.map_err(|error| {
                tracing::debug!(cause = %error, "no such version");
                let text = format!("Cannot time travel Delta table to version {version}");
                SqlError::new("DELTA_VERSION_NOT_FOUND", "22003", text)
            })?;
        }
        Wanted::Timestamp(at) => {
            table.load_with_datetime(at).await?;
            let version = table.version().unwrap_or_default();
            let made = table.snapshot()?.version_timestamp(version);
            if made.is_some_and(|made| made > at.timestamp_millis()) {
                let text = "The timestamp is before the earliest version of the table";
                return Err(SqlError::new(
                    "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
                    "42816",
                    text,
                ));
            }
        }
    }
    Ok(table)
}

/// None: the table needs delta-rs' own reader.
async fn files_of(
    cx: &StatementContext,
    table_id: Option<&str>,
    location: &Location,
    state: &DeltaTableState,
) -> SqlResult<Option<Arc<files::Files>>> {
    let snapshots = &cx.engine.snapshots;
    if let Some(known) = snapshots.files(table_id, location, state.version()) {
        return Ok(Some(known));
    }
    let Some(is_mapped) = reading(state)? else { return Ok(None) };
    let vectors = snapshots.vectors(table_id, location);
    let files = files::Files::of(state, location, is_mapped, &vectors).await?;
    let Some(files) = files.map(Arc::new) else { return Ok(None) };
    snapshots.keep_files(table_id, location, state.version(), files.clone());
    Ok(Some(files))
}

/// Whether columns have other names in the files; None where more than that would have to be known.
fn reading(state: &DeltaTableState) -> SqlResult<Option<bool>> {
    let protocol = serde_json::to_value(state.protocol()).map_err(SqlError::internal)?;
    let features = protocol.get("readerFeatures").and_then(|features| features.as_array());
    let are_harmless = features.is_none_or(|features| {
        features.iter().filter_map(|name| name.as_str()).all(|name| HARMLESS.contains(&name))
    });
    if !are_harmless {
        return Ok(None);
    }
    let mode = state.metadata().configuration().get(mapping::MODE);
    Ok(match mode.map(String::as_str) {
        None | Some("none") => Some(false),
        Some("name") => Some(true),
        // Files may have other names and the numbers of columns alone.
        Some(_) => None,
    })
}
