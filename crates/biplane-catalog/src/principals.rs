//! What happens to grants and owners when somebody goes.

use crate::Catalog;
use biplane_platform::db::args;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};

impl Catalog {
    /// Before a principal is deleted: its grants go, and what it owned goes to the metastore's owner, so
    /// that a later principal of the same name inherits nothing. A metastore's owner cannot go.
    pub async fn principal_forget(&self, _ctx: &Ctx, name: &str) -> Result<()> {
        let mut tx = self.db.write().await?;
        let owned = "SELECT name FROM securables WHERE kind = 'METASTORE' AND owner = $1 LIMIT 1";
        if let Some(row) = tx.fetch_opt(owned, args![name]).await? {
            return Err(ApiError::new(
                ErrorCode::InvalidState,
                format!(
                    "{name} is the admin of metastore '{}'. Make somebody else its owner first.",
                    row.text(0)?
                ),
            ));
        }
        let grants = tx.execute("DELETE FROM grants WHERE principal = $1", args![name]).await?;
        let handed_over = tx
            .execute(
                "UPDATE securables SET owner = (SELECT m.owner FROM securables m WHERE m.id = securables.metastore_id)
                 WHERE owner = $1",
                args![name],
            )
            .await?;
        match grants + handed_over {
            0 => Ok(()),
            _ => self.commit(tx).await,
        }
    }
}
