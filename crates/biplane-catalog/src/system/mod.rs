//! System tables: their rows in the catalog, and the way from an engine to what the services know.
//!
//! What must hold: nobody writes them; who reads them has SELECT, of which the owner of a metastore gets
//! the first; rows are those of the workspaces of the metastore.

pub(crate) mod http;
mod ops;
pub(crate) mod tables;

use biplane_api::catalog::system_tables::SystemTable;
use biplane_platform::Result;
use biplane_platform::system::{SystemRow, SystemWanted};

/// What the services know.
#[async_trait::async_trait]
pub trait SystemSource: Send + Sync {
    async fn system_rows(
        &self,
        table: &'static SystemTable,
        wanted: SystemWanted,
    ) -> Result<Vec<SystemRow>>;
}
