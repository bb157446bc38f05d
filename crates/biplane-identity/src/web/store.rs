//! Rows of web sessions.

use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_platform::db::args;
use biplane_platform::{Result, Tx};

pub struct SessionRow {
    pub principal_id: PrincipalId,
    pub workspace_id: Option<WorkspaceId>,
    pub expires_at: i64,
}

pub async fn insert(tx: &mut Tx, hash: &str, row: &SessionRow, now_ms: i64) -> Result<()> {
    // Whoever signs in sweeps out what has expired.
    tx.execute("DELETE FROM web_sessions WHERE expires_at < $1", args![now_ms]).await?;
    tx.execute(
        "INSERT INTO web_sessions (session_hash, principal_id, workspace_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        args![hash, row.principal_id.0, row.workspace_id.map(|id| id.0), now_ms, row.expires_at],
    )
    .await
    .map(|_| ())
}

pub async fn by_hash(tx: &mut Tx, hash: &str) -> Result<Option<SessionRow>> {
    let sql =
        "SELECT principal_id, workspace_id, expires_at FROM web_sessions WHERE session_hash = $1";
    let row = tx.fetch_opt(sql, args![hash]).await?;
    row.map(|row| {
        Ok(SessionRow {
            principal_id: PrincipalId(row.int(0)?),
            workspace_id: row.opt_int(1)?.map(WorkspaceId),
            expires_at: row.int(2)?,
        })
    })
    .transpose()
}

pub async fn delete(tx: &mut Tx, hash: &str) -> Result<()> {
    tx.execute("DELETE FROM web_sessions WHERE session_hash = $1", args![hash]).await.map(|_| ())
}
