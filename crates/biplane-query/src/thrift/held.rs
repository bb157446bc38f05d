//! Results of metadata calls: most go out with the answer; what does not fit is held for a while and
//! fetched like the rows of a statement.

use super::Thrift;
use super::columns::{self, Row};
use super::failure::{Failure, Result, success};
use super::handles::Kind;
use super::idl::*;
use super::metadata::Found;
use super::schema::describe;
use biplane_api::ids::PrincipalId;
use biplane_platform::{ApiError, Ctx};
use moka::sync::Cache;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const HELD_FOR: Duration = Duration::from_secs(30 * 60);
/// About this many values of all held results together.
const HELD_VALUES_MAX: u64 = 20_000_000;
const ROWS_MAX: usize = 100_000;

pub struct Held {
    found: Found,
    owner: PrincipalId,
    next_row: Mutex<usize>,
}

pub type HeldResults = Cache<Uuid, Arc<Held>>;

pub fn results() -> HeldResults {
    Cache::builder()
        .time_to_idle(HELD_FOR)
        .max_capacity(HELD_VALUES_MAX)
        .weigher(|_, held: &Arc<Held>| {
            let values = (held.found.rows.len() + 1) * held.found.layout.len();
            u32::try_from(values).unwrap_or(u32::MAX)
        })
        .build()
}

/// The answer of a metadata call.
pub fn answer(
    thrift: &Thrift,
    ctx: &Ctx,
    direct: Option<TSparkGetDirectResults>,
    found: Found,
) -> Result<TOperationResp> {
    let id = Uuid::new_v4();
    let rows_max = direct.map(|direct| usize::try_from(direct.max_rows).unwrap_or(0));
    let handle = TOperationHandle {
        operation_id: thrift.handles.make(Kind::Metadata, id),
        operation_type: found.kind,
        has_result_set: true,
        modified_row_count: None,
    };
    let held = Held { found, owner: ctx.principal.id, next_row: Mutex::new(0) };
    let mut direct_results = None;
    if let Some(rows_max) = rows_max {
        let result_set = held.fetch(TFetchOrientation::NEXT, None, rows_max)?;
        let complete = result_set.has_more_rows != Some(true);
        direct_results = Some(TSparkDirectResults {
            operation_status: Some(held.status()),
            result_set_metadata: Some(held.metadata()),
            result_set: Some(result_set),
            close_operation: complete.then(|| TStatusResp { status: success() }),
        });
    }
    let closed = direct_results.as_ref().is_some_and(|direct| direct.close_operation.is_some());
    if !closed {
        thrift.held.insert(id, Arc::new(held));
    }
    Ok(TOperationResp { status: success(), operation_handle: Some(handle), direct_results })
}

/// The held result of a handle, if it is the caller's own.
pub fn find(thrift: &Thrift, ctx: &Ctx, handle: &THandleIdentifier) -> Result<Option<Arc<Held>>> {
    let Some(id) = thrift.handles.open(Kind::Metadata, handle) else {
        return Ok(None);
    };
    let held = thrift.held.get(&id).filter(|held| held.owner == ctx.principal.id);
    held.map(Some).ok_or_else(|| Failure::invalid_handle("OperationHandle"))
}

/// Whether the handle was one of a held result.
pub fn close(thrift: &Thrift, ctx: &Ctx, handle: &THandleIdentifier) -> bool {
    let Some(id) = thrift.handles.open(Kind::Metadata, handle) else {
        return false;
    };
    if thrift.held.get(&id).is_some_and(|held| held.owner == ctx.principal.id) {
        thrift.held.invalidate(&id);
    }
    true
}

impl Held {
    pub fn status(&self) -> TGetOperationStatusResp {
        TGetOperationStatusResp {
            status: success(),
            operation_state: Some(TOperationState::FINISHED),
            has_result_set: Some(true),
            ..Default::default()
        }
    }

    pub fn metadata(&self) -> TGetResultSetMetadataResp {
        let columns = self.found.layout.iter().zip(1..);
        let columns =
            columns.map(|((name, found), position)| describe(name, *found, None, position, None));
        TGetResultSetMetadataResp {
            status: success(),
            schema: Some(TTableSchema { columns: columns.collect() }),
            result_format: Some(TSparkRowSetType::COLUMN_BASED),
            lz4_compressed: Some(false),
            cache_lookup_result: Some(TCacheLookupResult::CACHE_INELIGIBLE),
            is_staging_operation: Some(false),
            ..Default::default()
        }
    }

    pub fn fetch(
        &self,
        orientation: TFetchOrientation,
        start_row: Option<i64>,
        rows_max: usize,
    ) -> Result<TFetchResultsResp> {
        let rows = &self.found.rows;
        let mut next_row = self.next_row.lock();
        let start = match start_row {
            Some(row) => usize::try_from(row).unwrap_or(0),
            None if orientation == TFetchOrientation::FIRST => 0,
            None => *next_row,
        };
        let start = start.min(rows.len());
        let end = (start + rows_max.clamp(1, ROWS_MAX)).min(rows.len());
        *next_row = end;
        drop(next_row);
        Ok(TFetchResultsResp {
            status: success(),
            has_more_rows: Some(end < rows.len()),
            results: Some(row_set(self.found.layout, start, &rows[start..end])?),
            result_set_metadata: None,
        })
    }
}

fn row_set(layout: &[(&str, TTypeId)], start: usize, rows: &[Row]) -> Result<TRowSet> {
    let types: Vec<TTypeId> = layout.iter().map(|(_, found)| *found).collect();
    Ok(TRowSet {
        start_row_offset: start as i64,
        columns: Some(columns::columns(&types, rows).map_err(ApiError::internal)?),
        column_count: i32::try_from(layout.len()).ok(),
        ..Default::default()
    })
}
