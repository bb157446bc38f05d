//! A walk over the names that match the patterns of a call. Where a name is exact, nothing else is
//! listed.

use super::super::failure::{Failure, Result};
use super::names::{Names, Wanted};
use super::pattern::Pattern;
use biplane_api::catalog::information_schema::table_infos;
use biplane_api::catalog::{FunctionInfo, TableInfo};
use biplane_platform::Ctx;

/// More rows than anybody reads; the call must be narrowed.
const ROWS_MAX: usize = 500_000;
const INFORMATION_SCHEMA: &str = "information_schema";

pub struct Search {
    catalog: Pattern,
    schema: Pattern,
    /// Of the table or function.
    name: Pattern,
}

impl Search {
    pub fn new(catalog: Option<&str>, schema: Option<&str>, name: Option<&str>) -> Self {
        let [catalog, schema, name] = [catalog, schema, name].map(Pattern::new);
        Self { catalog, schema, name }
    }

    async fn catalogs(&self, names: &dyn Names, ctx: &Ctx) -> Result<Vec<String>> {
        if let Some(catalog) = self.catalog.exact() {
            return Ok(vec![catalog]);
        }
        let mut found = names.catalogs(ctx).await?;
        found.retain(|catalog| self.catalog.matches(catalog));
        Ok(found)
    }

    pub async fn schemas(&self, names: &dyn Names, ctx: &Ctx) -> Result<Vec<(String, String)>> {
        let schema_like = self.schema.like();
        let mut found = Vec::new();
        for catalog in self.catalogs(names, ctx).await? {
            let wanted = Wanted {
                catalog: &catalog,
                schema_like: schema_like.as_deref(),
                ..Wanted::default()
            };
            let schemas = names.schemas(ctx, wanted).await?;
            found.extend(schemas.into_iter().map(|schema| (catalog.clone(), schema)));
            limit(found.len())?;
        }
        Ok(found)
    }

    /// Shows each matching table to `take`, which answers how many rows there are now.
    pub async fn each_table(
        &self,
        names: &dyn Names,
        ctx: &Ctx,
        columns: bool,
        mut take: impl FnMut(&TableInfo) -> usize + Send,
    ) -> Result<()> {
        let (schema_like, name_like) = (self.schema.like(), self.name.like());
        for catalog in self.catalogs(names, ctx).await? {
            let wanted = Wanted {
                catalog: &catalog,
                schema_like: schema_like.as_deref(),
                name_like: name_like.as_deref(),
            };
            for table in names.tables(ctx, wanted, columns).await? {
                limit(take(&table))?;
            }
            for table in self.information_schema(names, ctx, &catalog).await? {
                limit(take(&table))?;
            }
        }
        Ok(())
    }

    /// Its views are made by the engine and are no rows of the catalog.
    async fn information_schema(
        &self,
        names: &dyn Names,
        ctx: &Ctx,
        catalog: &str,
    ) -> Result<Vec<TableInfo>> {
        if !self.schema.matches(INFORMATION_SCHEMA) {
            return Ok(Vec::new());
        }
        let mut found = table_infos(catalog);
        found.retain(|table| self.name.matches(&table.name));
        if found.is_empty() {
            return Ok(found);
        }
        let own = Pattern::literal(INFORMATION_SCHEMA);
        let wanted = Wanted { catalog, schema_like: Some(&own), ..Wanted::default() };
        Ok(if names.schemas(ctx, wanted).await?.is_empty() { Vec::new() } else { found })
    }

    pub async fn functions(&self, names: &dyn Names, ctx: &Ctx) -> Result<Vec<FunctionInfo>> {
        let (schema_like, name_like) = (self.schema.like(), self.name.like());
        let mut found = Vec::new();
        for catalog in self.catalogs(names, ctx).await? {
            let wanted = Wanted {
                catalog: &catalog,
                schema_like: schema_like.as_deref(),
                name_like: name_like.as_deref(),
            };
            found.extend(names.functions(ctx, wanted).await?);
            limit(found.len())?;
        }
        Ok(found)
    }
}

pub fn limit(rows: usize) -> Result<()> {
    match rows > ROWS_MAX {
        true => Err(Failure::new(
            "54000",
            format!("More than {ROWS_MAX} rows. Narrow the names that are asked for."),
        )),
        false => Ok(()),
    }
}
