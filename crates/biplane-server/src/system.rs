//! Rows of system tables: which service has which.

use biplane_api::catalog::system_tables::SystemTable;
use biplane_catalog::SystemSource;
use biplane_compute::Compute;
use biplane_platform::system::{SystemRow, SystemWanted};
use biplane_platform::{ApiError, Db, Result, audit};
use biplane_query::Query;
use std::sync::Arc;

pub struct ServiceRows {
    pub account_id: String,
    pub db: Db,
    pub compute: Arc<Compute>,
    pub query: Arc<Query>,
}

#[async_trait::async_trait]
impl SystemSource for ServiceRows {
    async fn system_rows(
        &self,
        table: &'static SystemTable,
        wanted: SystemWanted,
    ) -> Result<Vec<SystemRow>> {
        let mut rows = match (table.schema, table.name) {
            ("access", "audit") => audit::system_rows(&self.db, &wanted).await?,
            ("query", "history") => self.query.system_rows(&wanted).await?,
            (schema, name) => {
                let rows = self.compute.system_rows(schema, name, &wanted).await?;
                rows.ok_or_else(|| ApiError::internal(format!("no rows of {schema}.{name}")))?
            }
        };
        for row in &mut rows {
            row.values["account_id"] = self.account_id.as_str().into();
        }
        Ok(rows)
    }
}
