//! What can be done with tables and views by REST.

use super::publish::{self, NewTable};
use super::{columns, store};
use crate::Catalog;
use crate::access::{Asker, Need};
use crate::edit::{self, Common, json};
use crate::external_locations::ops::claim;
use crate::kind::Kind;
use crate::listing::{Listing, Page};
use crate::location::Location;
use crate::names;
use crate::node::{Chain, Node};
use crate::privilege::Privilege;
use crate::rights::{self, Sight};
use crate::store as rows;
use biplane_api::catalog::{
    CreateTable, Dependency, DependencyList, ListTables, TableDependency, TableExists, TableInfo,
    UpdateTable,
};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    /// MANAGED, EXTERNAL or VIEW.
    pub table_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_source_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_definition: Option<String>,
    /// Full names; always there for a view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_dependencies: Option<Vec<String>>,
    pub properties: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<serde_json::Value>,
}

pub(crate) fn info(chain: &Chain, browse_only: bool) -> Result<TableInfo> {
    let node = chain.leaf();
    let details: Details = node.details()?;
    let table = |table_full_name| Dependency { table: Some(TableDependency { table_full_name }) };
    let dependencies = |names: Vec<String>| DependencyList {
        dependencies: names.into_iter().map(table).collect(),
    };
    let shown = !browse_only;
    Ok(TableInfo {
        name: node.name.clone(),
        catalog_name: chain.catalog_name().to_owned(),
        schema_name: chain.schema_name().to_owned(),
        full_name: chain.full_name(),
        table_id: node.id.clone(),
        table_type: details.table_type,
        data_source_format: details.data_source_format,
        columns: columns::parsed(node.columns.as_deref())?,
        storage_location: node.location.clone().filter(|_| shown),
        view_definition: details.view_definition.filter(|_| shown),
        view_dependencies: details.view_dependencies.map(dependencies).filter(|_| shown),
        table_constraints: details.constraints,
        owner: node.owner.clone(),
        comment: node.comment.clone(),
        properties: details.properties,
        metastore_id: node.metastore_id.clone(),
        created_at: node.created_at,
        created_by: node.created_by.clone(),
        updated_at: node.updated_at,
        updated_by: node.updated_by.clone(),
        browse_only,
    })
}

pub(crate) async fn table_create(
    service: &Catalog,
    ctx: &Ctx,
    request: CreateTable,
) -> Result<TableInfo> {
    let managed = match request.table_type.as_str() {
        "EXTERNAL" => false,
        "MANAGED" => true,
        "VIEW" | "MATERIALIZED_VIEW" | "STREAMING_TABLE" | "METRIC_VIEW" | "FOREIGN" => {
            return Err(ApiError::unsupported(format!(
                "Creating a {} by REST",
                request.table_type
            )));
        }
        _ => return Err(ApiError::invalid("table_type must be EXTERNAL or MANAGED.")),
    };
    let Some(location) =
        request.storage_location.as_deref().filter(|location| !location.is_empty())
    else {
        return Err(ApiError::invalid(
            "storage_location is missing. A managed table's is that of a staging table.",
        ));
    };
    let name = names::checked(Kind::Table, &request.name)?;
    let mut write = service.write(ctx).await?;
    let rights = [Privilege::CreateTable];
    let (catalog, schema) = (&request.catalog_name, &request.schema_name);
    let schema = super::staging::schema_for(ctx, &mut write, catalog, schema, &rights).await?;
    let place = match managed {
        false => publish::Place::External(
            claim(ctx, &mut write, location, Privilege::CreateExternalTable).await?,
        ),
        true => {
            let location = Location::parse(location)?.to_string();
            let staged = store::by_location(&mut write.tx, &write.metastore.id, &location).await?;
            let staged = staged.ok_or_else(|| {
                ApiError::invalid(
                    "The storage_location of a managed table must be that of a staging table.",
                )
            })?;
            publish::Place::Staged(
                publish::take_staged(ctx, &mut write, staged, &schema, &name).await?,
            )
        }
    };
    let new = NewTable {
        name,
        data_source_format: Some(data_source_format(request.data_source_format.as_deref())?),
        columns: columns::checked(request.columns.unwrap_or_default())?,
        comment: names::comment(request.comment.as_deref())?,
        properties: request.properties.unwrap_or_default(),
        view: None,
        place: Some(place),
    };
    let chain = publish::insert(ctx, &mut write, &schema, new).await?;
    service.commit(write.tx).await?;
    info(&chain, false)
}

pub(crate) fn data_source_format(format: Option<&str>) -> Result<String> {
    const FORMATS: &[&str] = &["DELTA", "PARQUET", "CSV", "JSON", "AVRO", "ORC", "TEXT", "ICEBERG"];
    let format = format.filter(|format| !format.is_empty()).unwrap_or("DELTA").to_uppercase();
    match FORMATS.contains(&format.as_str()) {
        true => Ok(format),
        false => Err(ApiError::invalid(format!(
            "data_source_format must be one of {}.",
            FORMATS.join(", ")
        ))),
    }
}

/// What a list of tables leaves out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Omit {
    pub columns: bool,
    pub properties: bool,
    pub username: bool,
}

pub(crate) async fn table_list(
    service: &Catalog,
    ctx: &Ctx,
    schema: [&str; 2],
    include_browse: bool,
    omit: Omit,
    page: Page<'_>,
) -> Result<ListTables> {
    let need = if include_browse { Need::See } else { Need::Use };
    let path = schema.map(names::stored);
    let parent = service.find(ctx, Kind::Schema, &path).await?.require(Asker::of(ctx), need)?;
    let listing =
        Listing { include_browse, with_columns: !omit.columns, ..Listing::of(Kind::Table) };
    let (rows, next_page_token) = service.list(ctx, &parent, &listing, page).await?;
    let mut tables = Vec::with_capacity(rows.len());
    for (chain, browse) in &rows {
        let mut table = info(chain, *browse)?;
        if omit.properties {
            table.properties.clear();
        }
        if omit.username {
            [&mut table.owner, &mut table.created_by, &mut table.updated_by]
                .into_iter()
                .for_each(String::clear);
        }
        tables.push(table);
    }
    Ok(ListTables { tables, next_page_token })
}

pub(crate) async fn table_get(service: &Catalog, ctx: &Ctx, full_name: &str) -> Result<TableInfo> {
    let chain = service.get(ctx, Kind::Table, full_name, Need::See).await?;
    info(&chain, rights::sight(chain.nodes(), Asker::of(ctx).who) == Sight::Browse)
}

pub(crate) async fn table_exists(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
) -> Result<TableExists> {
    match service.get(ctx, Kind::Table, full_name, Need::See).await {
        Ok(_) => Ok(TableExists { table_exists: true }),
        Err(error) => match error.code {
            ErrorCode::TableDoesNotExist
            | ErrorCode::SchemaDoesNotExist
            | ErrorCode::CatalogDoesNotExist => Ok(TableExists { table_exists: false }),
            _ => Err(error),
        },
    }
}

pub(crate) async fn table_update(
    service: &Catalog,
    ctx: &Ctx,
    full_name: &str,
    change: UpdateTable,
) -> Result<TableInfo> {
    let mut write = service.write(ctx).await?;
    let (chain, mut node) = write.get(ctx, Kind::Table, full_name, Need::Manage).await?;
    let common = Common {
        new_name: change.new_name.as_deref(),
        owner: change.owner.as_deref(),
        comment: change.comment.as_deref(),
    };
    service.edit(ctx, &mut node, common).await?;
    if let Some(properties) = change.properties {
        names::properties(&properties)?;
        let details = Details { properties, ..node.details()? };
        node.details = json(&details)?;
    }
    rows::update(&mut write.tx, &node, &edit::renamed(&chain, &node)).await?;
    service.commit(write.tx).await?;
    info(&edit::replaced(&chain, node), false)
}

pub(crate) async fn table_delete(service: &Catalog, ctx: &Ctx, full_name: &str) -> Result<()> {
    let mut write = service.write(ctx).await?;
    let (_, node): (Chain, Node) = write.get(ctx, Kind::Table, full_name, Need::Manage).await?;
    edit::drop_leaf(&mut write, &node, service.doom_at(ctx)).await?;
    service.commit(write.tx).await
}
