//! What the metadata calls need of the catalog: names as the user may see them.

use biplane_api::catalog::TableInfo;
use biplane_platform::Ctx;

#[async_trait::async_trait]
pub trait Names: Send + Sync {
    /// Catalogs the user sees, by name.
    async fn catalogs(&self, ctx: &Ctx) -> biplane_platform::Result<Vec<String>>;
    /// Schemas of a catalog that the user sees, by name.
    async fn schemas(&self, ctx: &Ctx, catalog: &str) -> biplane_platform::Result<Vec<String>>;
    /// Tables and views of a schema that the user sees, by name; with columns if asked for.
    async fn tables(
        &self,
        ctx: &Ctx,
        catalog: &str,
        schema: &str,
        columns: bool,
    ) -> biplane_platform::Result<Vec<TableInfo>>;
    /// Refuses a catalog or schema that is not there for the user.
    async fn check(
        &self,
        ctx: &Ctx,
        catalog: &str,
        schema: Option<&str>,
    ) -> biplane_platform::Result<()>;
}
