//! Names and types of the tables of a whole catalog.

use super::ops::Details;
use crate::Catalog;
use crate::access::Need;
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::names::Pattern;
use crate::node::{Chain, Node};
use biplane_api::catalog::{ListTableSummaries, TableSummary};
use biplane_platform::{Ctx, Result, page};
use serde::{Deserialize, Serialize};

const PAGE_MAX: usize = 10_000;
/// Schemas looked into for one page.
const SCHEMAS_MAX: usize = 1000;

pub(crate) struct Query<'a> {
    pub catalog_name: &'a str,
    pub schemas: Pattern,
    pub tables: Pattern,
    pub max_results: Option<i64>,
    pub page_token: Option<&'a str>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Position {
    /// The last schema that is done.
    done: String,
    /// The schema to go on with, and the last table seen in it.
    schema: String,
    table: String,
}

fn page_of(limit: usize, token: Option<&str>) -> Page<'_> {
    Page { max_results: Some(i64::try_from(limit).unwrap_or(1)), page_token: token }
}

pub(crate) async fn table_summary_list(
    service: &Catalog,
    ctx: &Ctx,
    query: Query<'_>,
) -> Result<ListTableSummaries> {
    let limit = page::size(query.max_results, PAGE_MAX, PAGE_MAX)?;
    let mut at: Position = page::decode(query.page_token)?.unwrap_or_default();
    let catalog = service.get(ctx, Kind::Catalog, query.catalog_name, Need::Use).await?;
    let schema_matches = |node: &Node| query.schemas.matches(&node.name);
    let table_matches = |node: &Node| query.tables.matches(&node.name);
    let schemas_of = Listing { filter: &schema_matches, ..Listing::of(Kind::Schema) };
    let tables_of = Listing { filter: &table_matches, ..Listing::of(Kind::Table) };
    let mut tables: Vec<TableSummary> = Vec::new();
    let mut looked_into = 0;
    let more = |tables, at: &Position| {
        Ok(ListTableSummaries { tables, next_page_token: Some(page::encode(at)) })
    };
    loop {
        let done = page::encode(&at.done);
        let (schemas, next_schemas) =
            service.list(ctx, &catalog, &schemas_of, page_of(100, Some(&done))).await?;
        for (schema, _) in &schemas {
            let name = &schema.leaf().name;
            if at.schema != *name {
                (at.schema, at.table) = (name.clone(), String::new());
            }
            if tables.len() >= limit || looked_into >= SCHEMAS_MAX {
                return more(tables, &at);
            }
            looked_into += 1;
            let token = page::encode(&at.table);
            let rest = page_of(limit - tables.len(), Some(&token));
            let (rows, next) = service.list(ctx, schema, &tables_of, rest).await?;
            tables
                .extend(rows.iter().map(|(chain, _)| summary(chain)).collect::<Result<Vec<_>>>()?);
            if next.is_some() {
                at.table = page::decode(next.as_deref())?.unwrap_or_default();
                return more(tables, &at);
            }
            at.done.clone_from(name);
        }
        match next_schemas {
            Some(next) => at.done = page::decode(Some(&next))?.unwrap_or_default(),
            None => return Ok(ListTableSummaries { tables, next_page_token: None }),
        }
    }
}

fn summary(chain: &Chain) -> Result<TableSummary> {
    let details: Details = chain.leaf().details()?;
    Ok(TableSummary { full_name: chain.full_name(), table_type: details.table_type })
}
