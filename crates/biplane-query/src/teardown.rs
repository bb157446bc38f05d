//! The end of a workspace: its statements are cancelled, its sessions, results and history go.

use crate::Query;
use biplane_api::ids::WorkspaceId;
use biplane_platform::Result;
use biplane_platform::db::args;
use std::time::Duration;
use tokio::time::Instant;

const WAIT: Duration = Duration::from_secs(10);

impl Query {
    /// May be repeated.
    pub async fn workspace_forget(&self, workspace: WorkspaceId) -> Result<()> {
        let statements: Vec<_> = {
            let known = self.statements.known.lock();
            let of = known.all.values().filter(|one| one.info.workspace_id == workspace);
            of.cloned().collect()
        };
        statements.iter().for_each(|statement| statement.cancel());
        let deadline = Instant::now() + WAIT;
        for statement in &statements {
            statement.wait(deadline, |_| false).await;
            self.statements.close_statement(statement).await?;
        }
        self.sessions.workspace_forget(workspace).await?;
        let mut tx = self.db.write().await?;
        for sql in [
            "DELETE FROM statement_profiles WHERE statement_id IN (
               SELECT statement_id FROM statements WHERE workspace_id = $1)",
            "DELETE FROM statements WHERE workspace_id = $1",
            "DELETE FROM sql_sessions WHERE workspace_id = $1",
        ] {
            tx.execute(sql, args![workspace.0]).await?;
        }
        tx.commit().await
    }
}
