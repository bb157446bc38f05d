//! What the metadata calls need of the catalog: names as the user may see them.

use biplane_api::catalog::{FunctionInfo, TableInfo};
use biplane_platform::{Ctx, Result};

/// Which names of one catalog. Patterns are SQL LIKE with `\` as escape, compared without regard to case;
/// none means all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    pub catalog: &'a str,
    pub schema_like: Option<&'a str>,
    /// Of the table or function.
    pub name_like: Option<&'a str>,
}

#[async_trait::async_trait]
pub trait Names: Send + Sync {
    /// Catalogs the user sees, by name.
    async fn catalogs(&self, ctx: &Ctx) -> Result<Vec<String>>;
    /// Schemas of a catalog that the user sees, by name; none of a catalog that is not there.
    async fn schemas(&self, ctx: &Ctx, wanted: Wanted<'_>) -> Result<Vec<String>>;
    /// Tables and views that the user sees, by schema and name; with columns if asked for. Those of
    /// `information_schema` are not among them.
    async fn tables(&self, ctx: &Ctx, wanted: Wanted<'_>, columns: bool) -> Result<Vec<TableInfo>>;
    /// Functions of users that the user sees, by schema and name.
    async fn functions(&self, ctx: &Ctx, wanted: Wanted<'_>) -> Result<Vec<FunctionInfo>>;
    /// Refuses a catalog or schema that is not there for the user.
    async fn check(&self, ctx: &Ctx, catalog: &str, schema: Option<&str>) -> Result<()>;
}
