//! Catalogs and schemas: CREATE, ALTER, DROP; USE looks whether they are there.

use biplane_api::catalog::{
    CatalogInfo, CreateCatalog, CreateSchema, SchemaInfo, UpdateCatalog, UpdateSchema,
};
use std::collections::BTreeMap;

use super::rest::{Rest, encode, is_missing, is_taken};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{
    AlterContainer, ContainerAction, CreateContainer, Name, ObjectKind, Properties,
};

pub fn map(properties: &Properties) -> Option<BTreeMap<String, String>> {
    (!properties.is_empty()).then(|| properties.iter().cloned().collect())
}

/// One part, in lower case.
pub fn single(name: &Name) -> SqlResult<String> {
    match name.0.as_slice() {
        [one] => Ok(one.to_lowercase()),
        _ => {
            Err(SqlError::new("INVALID_IDENTIFIER", "42602", format!("{name} has too many parts")))
        }
    }
}

/// Catalog and schema of a schema's name.
pub fn schema_parts(cx: &StatementContext, name: &Name) -> SqlResult<[String; 2]> {
    match name.0.as_slice() {
        [schema] => Ok([cx.catalog(), schema.to_lowercase()]),
        [catalog, schema] => Ok([catalog.to_lowercase(), schema.to_lowercase()]),
        _ => Err(SqlError::new(
            "INVALID_IDENTIFIER",
            "42602",
            format!("{name} is not the name of a schema"),
        )),
    }
}

pub async fn create_catalog(cx: &StatementContext, create: CreateContainer) -> SqlResult<Output> {
    let body = CreateCatalog {
        name: single(&create.name)?,
        comment: create.comment,
        storage_root: create.location,
        properties: map(&create.properties),
        options: None,
        isolation_mode: None,
        connection_name: None,
        provider_name: None,
        share_name: None,
    };
    match Rest::new(cx).post::<CatalogInfo>("catalogs", &body).await {
        Err(error) if create.if_not_exists && is_taken(&error) => Ok(Output::Empty),
        done => done.map(|_| Output::Empty).map_err(SqlError::from),
    }
}

pub async fn create_schema(cx: &StatementContext, create: CreateContainer) -> SqlResult<Output> {
    let [catalog_name, name] = schema_parts(cx, &create.name)?;
    let body = CreateSchema {
        name,
        catalog_name,
        comment: create.comment,
        storage_root: create.location,
        properties: map(&create.properties),
    };
    match Rest::new(cx).post::<SchemaInfo>("schemas", &body).await {
        Err(error) if create.if_not_exists && is_taken(&error) => Ok(Output::Empty),
        done => done.map(|_| Output::Empty).map_err(SqlError::from),
    }
}

pub async fn alter(cx: &StatementContext, alter: AlterContainer) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    if alter.kind == ObjectKind::Catalog {
        let name = single(&alter.name)?;
        let body = match alter.action {
            ContainerAction::SetOwner(owner) => {
                UpdateCatalog { owner: Some(owner), ..Default::default() }
            }
            ContainerAction::Rename(to) => {
                UpdateCatalog { new_name: Some(single(&to)?), ..Default::default() }
            }
            ContainerAction::SetProperties(properties) => {
                let mut all = rest.catalog(&name).await?.properties;
                all.extend(properties);
                UpdateCatalog { properties: Some(all), ..Default::default() }
            }
        };
        let _: CatalogInfo = rest.patch(&format!("catalogs/{}", encode(&name)), &body).await?;
        return Ok(Output::Empty);
    }
    let full_name = schema_parts(cx, &alter.name)?.join(".");
    let body = match alter.action {
        ContainerAction::SetOwner(owner) => {
            UpdateSchema { owner: Some(owner), ..Default::default() }
        }
        ContainerAction::Rename(to) => {
            let [_, to] = schema_parts(cx, &to)?;
            UpdateSchema { new_name: Some(to), ..Default::default() }
        }
        ContainerAction::SetProperties(properties) => {
            let mut all = rest.schema(&full_name).await?.properties;
            all.extend(properties);
            UpdateSchema { properties: Some(all), ..Default::default() }
        }
    };
    let _: SchemaInfo = rest.patch(&format!("schemas/{}", encode(&full_name)), &body).await?;
    Ok(Output::Empty)
}

pub async fn drop_catalog(
    cx: &StatementContext,
    name: &Name,
    if_exists: bool,
    cascade: bool,
) -> SqlResult<Output> {
    let path = format!("catalogs/{}?force={cascade}", encode(&single(name)?));
    finish_drop(Rest::new(cx).delete(&path).await, if_exists)
}

pub async fn drop_schema(
    cx: &StatementContext,
    name: &Name,
    if_exists: bool,
    cascade: bool,
) -> SqlResult<Output> {
    let full_name = schema_parts(cx, name)?.join(".");
    let path = format!("schemas/{}?force={cascade}", encode(&full_name));
    match Rest::new(cx).delete(&path).await {
        Err(error) if !cascade && error.code() == Some("INVALID_STATE") => {
            let text = format!(
                "Cannot drop the schema {name} because it is not empty. Use DROP SCHEMA … CASCADE"
            );
            Err(SqlError::new("SCHEMA_NOT_EMPTY", "2BP01", text))
        }
        done => finish_drop(done, if_exists),
    }
}

pub fn finish_drop(
    done: Result<(), crate::control::CallError>,
    if_exists: bool,
) -> SqlResult<Output> {
    match done {
        Err(error) if if_exists && is_missing(&error) => Ok(Output::Empty),
        done => done.map(|()| Output::Empty).map_err(SqlError::from),
    }
}

pub async fn comment(
    cx: &StatementContext,
    kind: ObjectKind,
    name: &Name,
    comment: String,
) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    if kind == ObjectKind::Catalog {
        let body = UpdateCatalog { comment: Some(comment), ..Default::default() };
        let _: CatalogInfo =
            rest.patch(&format!("catalogs/{}", encode(&single(name)?)), &body).await?;
    } else {
        let body = UpdateSchema { comment: Some(comment), ..Default::default() };
        let full_name = schema_parts(cx, name)?.join(".");
        let _: SchemaInfo = rest.patch(&format!("schemas/{}", encode(&full_name)), &body).await?;
    }
    Ok(Output::Empty)
}
