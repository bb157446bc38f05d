//! Reading the rows of `statements`.

use super::filter::Filter;
use crate::statements::record::{Stored, stored};
use biplane_api::ids::{PrincipalId, StatementId, WarehouseId, WorkspaceId};
use biplane_platform::Result;
use biplane_platform::db::{Tx, args};
use biplane_platform::system::SystemWanted;

/// Whose statements may be seen.
pub(super) struct Visible {
    pub all: bool,
    pub own: PrincipalId,
    /// All statements of these.
    pub warehouses: Vec<WarehouseId>,
}

/// Newest first, behind `after` (start, id).
pub(super) async fn list(
    tx: &mut Tx,
    workspace: WorkspaceId,
    visible: &Visible,
    filter: &Filter,
    after: Option<&(i64, String)>,
    limit: usize,
) -> Result<Vec<Stored>> {
    let (before_ms, before_id) = after.cloned().unwrap_or((i64::MAX, String::new()));
    let rows = tx
        .fetch_all(
            "SELECT statement_id, workspace_id, warehouse_id, session_id, principal_id,
               principal_name, statement_text, client_application, query_tags, started_at, state, closed,
               ended_at, error_code, error_class, sql_state, error_message, num_modified_rows,
               statement_type, metrics
             FROM statements
             WHERE workspace_id = $1
               AND ($2 = 1 OR principal_id = $3 OR $4 LIKE '%,' || warehouse_id || ',%')
               AND started_at >= $5 AND started_at <= $6
               AND ($7 = '' OR $7 LIKE '%,' || state || ',%')
               AND ($8 = '' OR $8 LIKE '%,' || CAST(principal_id AS TEXT) || ',%')
               AND ($9 = '' OR $9 LIKE '%,' || warehouse_id || ',%')
               AND ($10 = '' OR $10 LIKE '%,' || statement_id || ',%')
               AND (started_at < $11 OR (started_at = $11 AND statement_id < $12))
             ORDER BY started_at DESC, statement_id DESC LIMIT $13",
            args![
                workspace.0,
                i64::from(visible.all),
                visible.own.0,
                commas(visible.warehouses.iter().map(WarehouseId::as_str)),
                filter.start_ms.unwrap_or(0),
                filter.end_ms.unwrap_or(i64::MAX),
                commas(filter.states.iter().copied()),
                commas(filter.user_ids.iter().map(String::as_str)),
                commas(filter.warehouse_ids.iter().map(String::as_str)),
                commas(filter.statement_ids.iter().map(String::as_str)),
                before_ms,
                before_id,
                i64::try_from(limit).unwrap_or(i64::MAX)
            ],
        )
        .await?;
    rows.iter().map(stored).collect()
}

/// Those that have ended, of all users of some workspaces.
pub(super) async fn ended(tx: &mut Tx, wanted: &SystemWanted) -> Result<Vec<Stored>> {
    let (before, before_id) = wanted.position();
    let rows = tx
        .fetch_all(
            "SELECT statement_id, workspace_id, warehouse_id, session_id, principal_id,
               principal_name, statement_text, client_application, query_tags, started_at, state, closed,
               ended_at, error_code, error_class, sql_state, error_message, num_modified_rows,
               statement_type, metrics
             FROM statements
             WHERE ended_at IS NOT NULL AND $1 LIKE '%,' || CAST(workspace_id AS TEXT) || ',%'
               AND started_at >= $2 AND started_at <= $3
               AND (started_at < $4 OR (started_at = $4 AND statement_id < $5))
             ORDER BY started_at DESC, statement_id DESC LIMIT $6",
            args![
                wanted.workspaces.as_str(),
                wanted.since_ms,
                wanted.until_ms,
                before,
                before_id,
                wanted.limit()
            ],
        )
        .await?;
    rows.iter().map(stored).collect()
}

/// `,a,b,`; empty for none.
fn commas<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for value in values {
        text.push_str(if text.is_empty() { "," } else { "" });
        text.push_str(value);
        text.push(',');
    }
    text.replace('\0', "")
}

pub(super) async fn profile(tx: &mut Tx, id: &StatementId) -> Result<Option<String>> {
    let row = tx
        .fetch_opt(
            "SELECT profile FROM statement_profiles WHERE statement_id = $1",
            args![id.as_str()],
        )
        .await?;
    row.map(|row| row.text(0)).transpose()
}
