//! Rows of a system table, for who may read it.

use crate::Catalog;
use crate::metastores::store as metastores;
use crate::resolve::names;
use biplane_api::catalog::system_tables::SystemTable;
use biplane_api::internal::{SystemRows, SystemRowsRequest};
use biplane_platform::system::SystemWanted;
use biplane_platform::{ApiError, Ctx, Result, page};
use serde_json::value::to_raw_value;

const ROWS_MAX: usize = 1000;
const ROWS_BYTES_MAX: usize = 16 << 20;

pub(super) async fn system_row_list(
    service: &Catalog,
    ctx: &Ctx,
    request: SystemRowsRequest,
) -> Result<SystemRows> {
    let name = ["system".to_owned(), request.schema, request.name];
    let chain = names::readable(service, ctx, &name, &request.via).await?;
    let found = SystemTable::find(chain.schema_name(), &chain.leaf().name);
    let table = found.filter(|_| chain.leaf().system).ok_or_else(|| {
        ApiError::invalid(format!("{} is not a system table.", chain.full_name()))
    })?;
    let source = service.system_source.get();
    let source = source.ok_or_else(|| ApiError::internal("nobody has rows of system tables"))?;
    let workspaces =
        metastores::workspaces(&mut service.db.read().await?, &chain.metastore().id).await?;
    let limit = usize::try_from(request.limit).unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX);
    let wanted = SystemWanted {
        workspaces: SystemWanted::workspaces_text(workspaces),
        since_ms: request.since_ms.unwrap_or(0),
        until_ms: request.until_ms.unwrap_or(i64::MAX),
        after: page::decode(request.page_token.as_deref())?,
        limit: limit + 1,
    };
    let found = source.system_rows(table, wanted).await?;
    let is_last = found.len() <= limit;
    let (mut rows, mut bytes, mut position) = (Vec::with_capacity(limit), 0, None);
    for row in found.iter().take(limit) {
        let value = to_raw_value(&row.values).map_err(ApiError::internal)?;
        bytes += value.get().len();
        rows.push(value);
        position = Some(page::encode(&(row.time_ms, &row.id)));
        if bytes > ROWS_BYTES_MAX {
            break;
        }
    }
    let more = !is_last || rows.len() < found.len();
    Ok(SystemRows { rows, next_page_token: position.filter(|_| more) })
}
