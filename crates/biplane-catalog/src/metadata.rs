//! Whole lists in one answer, for the metadata calls of Thrift and for the Files API. Bounded.

use crate::Catalog;
use crate::access::{Asker, Need};
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::names::Pattern;
use crate::node::{Chain, Node};
use crate::resolve::paths;
use crate::{catalogs, functions, schemas, tables};
use biplane_api::catalog::{CatalogInfo, FunctionInfo, SchemaInfo, TableInfo};
use biplane_api::internal::{Access, Storage};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};

const ROWS_MAX: usize = 100_000;

/// Which tables: patterns are SQL LIKE, `*` is taken too; none means all.
#[derive(Debug, Clone, Default)]
pub struct TableQuery<'a> {
    /// None: of all catalogs.
    pub catalog: Option<&'a str>,
    pub schema_like: Option<&'a str>,
    pub table_like: Option<&'a str>,
    /// `TABLE`, `VIEW`, or the catalog's own MANAGED, EXTERNAL; empty: all.
    pub types: &'a [String],
    pub with_columns: bool,
}

impl Catalog {
    pub async fn catalogs_list(&self, ctx: &Ctx) -> Result<Vec<CatalogInfo>> {
        let rows = self.all_catalogs(ctx).await?;
        rows.iter().map(|chain| catalogs::ops::info(ctx, chain, false)).collect()
    }

    /// Schemas of one catalog, or of all; a catalog that is not there or not visible has none.
    pub async fn schemas_list(
        &self,
        ctx: &Ctx,
        catalog: Option<&str>,
        like: Option<&str>,
    ) -> Result<Vec<SchemaInfo>> {
        let rows = self.schema_chains(ctx, catalog, &Pattern::optional(like)).await?;
        rows.iter().map(|chain| schemas::ops::info(chain, false)).collect()
    }

    pub async fn tables_list(&self, ctx: &Ctx, query: &TableQuery<'_>) -> Result<Vec<TableInfo>> {
        let tables_like = Pattern::optional(query.table_like);
        let name_like = tables_like.sql_like();
        let matching = |node: &Node| tables_like.matches(&node.name);
        let mut found = Vec::new();
        for schema in
            self.schema_chains(ctx, query.catalog, &Pattern::optional(query.schema_like)).await?
        {
            let listing = Listing {
                filter: &matching,
                with_columns: query.with_columns,
                name_like: &name_like,
                ..Listing::of(Kind::Table)
            };
            for chain in self.all(ctx, &schema, &listing).await? {
                let table = tables::ops::info(&chain, false)?;
                if query.types.is_empty()
                    || query.types.iter().any(|wanted| is_of(&table.table_type, wanted))
                {
                    found.push(table);
                }
            }
            within(found.len())?;
        }
        Ok(found)
    }

    /// Functions of users in one catalog.
    pub async fn functions_list(
        &self,
        ctx: &Ctx,
        catalog: &str,
        schema_like: Option<&str>,
        function_like: Option<&str>,
    ) -> Result<Vec<FunctionInfo>> {
        let like = Pattern::optional(function_like);
        let name_like = like.sql_like();
        let matching = |node: &Node| like.matches(&node.name);
        let mut found = Vec::new();
        for schema in
            self.schema_chains(ctx, Some(catalog), &Pattern::optional(schema_like)).await?
        {
            let listing =
                Listing { filter: &matching, name_like: &name_like, ..Listing::of(Kind::Function) };
            for chain in self.all(ctx, &schema, &listing).await? {
                found.push(functions::ops::info(&chain, false)?);
            }
            within(found.len())?;
        }
        Ok(found)
    }

    /// Tables with the columns that match; those without any are left out.
    pub async fn columns_list(
        &self,
        ctx: &Ctx,
        query: &TableQuery<'_>,
        column_like: Option<&str>,
    ) -> Result<Vec<TableInfo>> {
        let pattern = Pattern::optional(column_like);
        let mut tables =
            self.tables_list(ctx, &TableQuery { with_columns: true, ..query.clone() }).await?;
        for table in &mut tables {
            table.columns.retain(|column| pattern.matches(&column.name));
        }
        tables.retain(|table| !table.columns.is_empty());
        within(tables.iter().map(|table| table.columns.len()).sum())?;
        Ok(tables)
    }

    /// Refuses a catalog, or a schema of it, that is not there for `ctx` or that it may not use.
    pub async fn namespace_check(
        &self,
        ctx: &Ctx,
        catalog: &str,
        schema: Option<&str>,
    ) -> Result<()> {
        let stored = crate::names::stored;
        let found = match schema {
            None => self.find(ctx, Kind::Catalog, &[stored(catalog)]).await?,
            Some(schema) => {
                self.find(ctx, Kind::Schema, &[stored(catalog), stored(schema)]).await?
            }
        };
        found.require(Asker::of(ctx), Need::Use).map(drop)
    }

    /// `/Volumes/<catalog>/<schema>/<volume>[/…]` to where it lies.
    pub async fn volume_resolve(&self, ctx: &Ctx, path: &str, access: Access) -> Result<Storage> {
        match path.starts_with("/Volumes/") || path.starts_with("dbfs:/Volumes/") {
            true => paths::path_resolve(self, ctx, path, access).await,
            false => {
                Err(ApiError::invalid("The path must be /Volumes/<catalog>/<schema>/<volume>/… ."))
            }
        }
    }

    /// `s3://…` in an external location on whose files `ctx` has that access.
    pub async fn location_resolve(&self, ctx: &Ctx, url: &str, access: Access) -> Result<Storage> {
        match url.starts_with("s3://") {
            true => paths::path_resolve(self, ctx, url, access).await,
            false => Err(ApiError::invalid("The location must be s3://<bucket>/… .")),
        }
    }

    async fn all_catalogs(&self, ctx: &Ctx) -> Result<Vec<Chain>> {
        let metastore = Chain::new(self.metastore(ctx).await?);
        self.all(ctx, &metastore, &Listing::of(Kind::Catalog)).await
    }

    async fn schema_chains(
        &self,
        ctx: &Ctx,
        catalog: Option<&str>,
        like: &Pattern,
    ) -> Result<Vec<Chain>> {
        let catalogs = match catalog.filter(|name| !name.is_empty()) {
            None => self.all_catalogs(ctx).await?,
            Some(name) => {
                let found = self.find(ctx, Kind::Catalog, &[crate::names::stored(name)]).await?;
                found.require(Asker::of(ctx), Need::Use).into_iter().collect()
            }
        };
        let name_like = like.sql_like();
        let matching = |node: &Node| like.matches(&node.name);
        let mut schemas = Vec::new();
        for catalog in &catalogs {
            let listing =
                Listing { filter: &matching, name_like: &name_like, ..Listing::of(Kind::Schema) };
            schemas.extend(self.all(ctx, catalog, &listing).await?);
            within(schemas.len())?;
        }
        Ok(schemas)
    }

    async fn all(&self, ctx: &Ctx, parent: &Chain, listing: &Listing<'_>) -> Result<Vec<Chain>> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = Page { max_results: None, page_token: token.as_deref() };
            let (rows, next) = self.list(ctx, parent, listing, page).await?;
            all.extend(rows.into_iter().map(|(chain, _)| chain));
            within(all.len())?;
            match next {
                Some(next) => token = Some(next),
                None => return Ok(all),
            }
        }
    }
}

fn is_of(table_type: &str, wanted: &str) -> bool {
    match wanted {
        "TABLE" => matches!(table_type, "MANAGED" | "EXTERNAL" | "STREAMING_TABLE"),
        wanted => table_type == wanted,
    }
}

fn within(rows: usize) -> Result<()> {
    match rows > ROWS_MAX {
        true => Err(ApiError::new(
            ErrorCode::ResourceExhausted,
            format!(
                "There are more than {ROWS_MAX} rows. Ask for less: name a catalog, or use patterns."
            ),
        )),
        false => Ok(()),
    }
}
