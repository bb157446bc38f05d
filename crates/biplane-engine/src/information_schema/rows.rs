//! Rows from the listings of the catalog.

use biplane_api::catalog::{CatalogInfo, ColumnInfo, PrivilegeAssignments, TableInfo};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::filters::Wanted;
use super::{Cell, keys, tags};
use crate::commands::rest::{Rest, encode, is_missing};
use crate::error::{SqlError, SqlResult};

/// Calls under way at the same time.
const CALLS: usize = 8;
const ROWS_MAX: usize = 1_000_000;

pub type Rows = Vec<Vec<Cell>>;

pub async fn of(rest: &Rest, name: &str, wanted: &Wanted) -> SqlResult<Rows> {
    let rows = match name {
        "information_schema_catalog_name" => {
            let names = wanted.catalogs.iter().flatten();
            names.map(|name| vec![Cell::text(name)]).collect()
        }
        "catalogs" => catalogs(rest, wanted).await?.into_iter().map(catalog_row).collect(),
        "schemata" => schemata(rest, wanted).await?,
        "tables" => tables(rest, wanted, false).await?.iter().map(table_row).collect(),
        "columns" => {
            let tables = tables(rest, wanted, true).await?;
            tables.iter().flat_map(|t| t.columns.iter().map(|c| column_row(t, c))).collect()
        }
        "views" => {
            let tables = tables(rest, wanted, false).await?;
            tables.iter().filter(|t| t.table_type == "VIEW").map(view_row).collect()
        }
        "volumes" => volumes(rest, wanted).await?,
        "routines" => routines(rest, wanted).await?,
        "table_privileges" => table_privileges(rest, wanted).await?,
        "schema_privileges" => schema_privileges(rest, wanted).await?,
        "catalog_privileges" => catalog_privileges(rest, wanted).await?,
        "table_constraints"
        | "key_column_usage"
        | "referential_constraints"
        | "constraint_column_usage" => keys::rows(name, &tables(rest, wanted, true).await?),
        "catalog_tags" | "schema_tags" | "table_tags" | "column_tags" | "volume_tags" => {
            tags_of(rest, name, wanted).await?
        }
        // Masks and filters: there are none.
        _ => Rows::new(),
    };
    match rows.len() > ROWS_MAX {
        true => Err(SqlError::exhausted(
            "the information schema has too many rows; narrow down the query",
        )),
        false => Ok(rows),
    }
}

async fn catalogs(rest: &Rest, wanted: &Wanted) -> SqlResult<Vec<CatalogInfo>> {
    if let Some(names) = &wanted.catalogs {
        let mut out = Vec::new();
        for name in names {
            match rest.catalog(name).await {
                Ok(found) => out.push(found),
                Err(error) if is_missing(&error) || error.code() == Some("PERMISSION_DENIED") => {}
                Err(error) => return Err(error.into()),
            }
        }
        return Ok(out);
    }
    rest.catalogs().await
}

async fn catalog_names(rest: &Rest, wanted: &Wanted) -> SqlResult<Vec<String>> {
    match &wanted.catalogs {
        Some(names) => Ok(names.iter().cloned().collect()),
        None => Ok(rest.catalogs().await?.into_iter().map(|catalog| catalog.name).collect()),
    }
}

/// Catalog and schema of all schemas wanted. What is asked for by name is not looked for in a list.
async fn places(rest: &Rest, wanted: &Wanted) -> SqlResult<Vec<[String; 2]>> {
    let mut out = Vec::new();
    for catalog in catalog_names(rest, wanted).await? {
        match &wanted.schemas {
            Some(names) => out.extend(names.iter().map(|name| [catalog.clone(), name.clone()])),
            None => {
                let mut schemas = or_none(rest.schemas(&catalog).await)?;
                // Added below: it is there for everybody.
                schemas.retain(|schema| schema.name != "information_schema");
                out.extend(schemas.into_iter().map(|schema| [catalog.clone(), schema.name]));
                out.push([catalog, "information_schema".to_owned()]);
            }
        }
    }
    Ok(out)
}

/// What is not there or not ours to see has no rows.
fn or_none<T>(found: SqlResult<Vec<T>>) -> SqlResult<Vec<T>> {
    match found {
        Err(error) if matches!(error.error_code, "NOT_FOUND" | "PERMISSION_DENIED") => {
            Ok(Vec::new())
        }
        found => found,
    }
}

async fn tables(rest: &Rest, wanted: &Wanted, columns: bool) -> SqlResult<Vec<TableInfo>> {
    let places = places(rest, wanted).await?;
    let found: Vec<Vec<TableInfo>> = stream::iter(places)
        .map(|place| tables_of(rest, place, wanted, columns))
        .buffered(CALLS)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn tables_of(
    rest: &Rest,
    [catalog, schema]: [String; 2],
    wanted: &Wanted,
    columns: bool,
) -> SqlResult<Vec<TableInfo>> {
    if schema == "information_schema" {
        let mut own = super::table_infos(&catalog);
        own.retain(|table| wanted.has_table(&table.name));
        return Ok(own);
    }
    if let Some(names) = wanted.tables.as_ref().filter(|names| names.len() <= CALLS) {
        let mut out = Vec::new();
        for name in names {
            match rest.table(&format!("{catalog}.{schema}.{name}")).await {
                Ok(table) => out.push(table),
                Err(error) if is_missing(&error) || error.code() == Some("PERMISSION_DENIED") => {}
                Err(error) => return Err(error.into()),
            }
        }
        return Ok(out);
    }
    let mut found = or_none(rest.tables(&catalog, &schema, columns).await)?;
    found.retain(|table| wanted.has_table(&table.name));
    Ok(found)
}

fn comment(text: &Option<String>) -> Cell {
    Cell::Text(text.clone().filter(|text| !text.is_empty()))
}

fn catalog_row(c: CatalogInfo) -> Vec<Cell> {
    vec![
        Cell::text(c.name),
        Cell::text(c.owner),
        comment(&c.comment),
        Cell::Time(c.created_at),
        Cell::text(c.created_by),
        Cell::Time(c.updated_at),
        Cell::text(c.updated_by),
    ]
}

async fn schemata(rest: &Rest, wanted: &Wanted) -> SqlResult<Rows> {
    let mut out = Rows::new();
    for catalog in catalog_names(rest, wanted).await? {
        for schema in or_none(rest.schemas(&catalog).await)? {
            if schema.name != "information_schema" && wanted.has_schema(&schema.name) {
                out.push(vec![
                    Cell::text(catalog.clone()),
                    Cell::text(schema.name),
                    Cell::text(schema.owner),
                    comment(&schema.comment),
                    Cell::Time(schema.created_at),
                    Cell::text(schema.created_by),
                    Cell::Time(schema.updated_at),
                    Cell::text(schema.updated_by),
                ]);
            }
        }
        if wanted.has_schema("information_schema") {
            let mut row = vec![
                Cell::text(catalog),
                Cell::text("information_schema"),
                Cell::text("System user"),
            ];
            row.push(Cell::null());
            out.push(row);
        }
    }
    Ok(out)
}

fn yes_no(flag: bool) -> Cell {
    Cell::text(if flag { "YES" } else { "NO" })
}

fn table_row(t: &TableInfo) -> Vec<Cell> {
    let format = match t.table_type.as_str() {
        "VIEW" => {
            t.data_source_format.clone().or_else(|| Some("UNKNOWN_DATA_SOURCE_FORMAT".to_owned()))
        }
        _ => t.data_source_format.clone(),
    };
    vec![
        Cell::text(&t.catalog_name),
        Cell::text(&t.schema_name),
        Cell::text(&t.name),
        Cell::text(&t.table_type),
        yes_no(t.table_type != "VIEW"),
        Cell::text("PRESERVE"),
        Cell::text(&t.owner),
        comment(&t.comment),
        Cell::Time(t.created_at),
        Cell::text(&t.created_by),
        Cell::Time(t.updated_at),
        Cell::text(&t.updated_by),
        Cell::Text(format),
        Cell::null(),
        Cell::Text(t.storage_location.clone()),
    ]
}

fn column_row(t: &TableInfo, c: &ColumnInfo) -> Vec<Cell> {
    let number = |n: Option<i64>| Cell::Number(n);
    let (precision, radix, scale): (Option<i64>, Option<i64>, Option<i64>) =
        match c.type_name.as_str() {
            "BYTE" => (Some(3), Some(10), Some(0)),
            "SHORT" => (Some(5), Some(10), Some(0)),
            "INT" => (Some(10), Some(10), Some(0)),
            "LONG" => (Some(19), Some(10), Some(0)),
            "FLOAT" => (Some(24), Some(2), None),
            "DOUBLE" => (Some(53), Some(2), None),
            "DECIMAL" => (c.type_precision.map(i64::from), Some(10), c.type_scale.map(i64::from)),
            _ => (None, None, None),
        };
    let datetime = match c.type_name.as_str() {
        "DATE" => Some(0),
        "TIMESTAMP" | "TIMESTAMP_NTZ" => Some(6),
        _ => None,
    };
    let is_text = c.type_name == "STRING" || c.type_name == "BINARY";
    let length = is_text.then_some(0);
    vec![
        Cell::text(&t.catalog_name),
        Cell::text(&t.schema_name),
        Cell::text(&t.name),
        Cell::text(&c.name),
        number(Some(i64::from(c.position))),
        Cell::null(),
        yes_no(c.nullable),
        Cell::text(&c.type_text),
        Cell::text(&c.type_name),
        number(length),
        number(length),
        number(precision),
        number(radix),
        number(scale),
        number(datetime),
        Cell::Text(c.type_interval_type.clone()),
        number(None),
        number(None),
        Cell::text("NO"),
        Cell::null(),
        Cell::null(),
        Cell::null(),
        Cell::null(),
        Cell::null(),
        Cell::null(),
        Cell::text("NO"),
        Cell::null(),
        Cell::text("NO"),
        Cell::text("NO"),
        Cell::null(),
        yes_no(t.table_type != "VIEW"),
        number(c.partition_index.map(|index| i64::from(index) + 1)),
        comment(&c.comment),
    ]
}

fn view_row(t: &TableInfo) -> Vec<Cell> {
    vec![
        Cell::text(&t.catalog_name),
        Cell::text(&t.schema_name),
        Cell::text(&t.name),
        Cell::Text(t.view_definition.clone()),
        Cell::text("NONE"),
        Cell::text("NO"),
        Cell::text("NO"),
        Cell::null(),
        Cell::text("NO"),
    ]
}

async fn tags_of(rest: &Rest, name: &str, wanted: &Wanted) -> SqlResult<Rows> {
    let (kind, names): (_, Vec<String>) = match name {
        "catalog_tags" => ("CATALOG", catalog_names(rest, wanted).await?),
        "schema_tags" => {
            let places = places(rest, wanted).await?;
            ("SCHEMA", places.iter().map(|place| place.join(".")).collect())
        }
        "volume_tags" => {
            let mut names = Vec::new();
            for [catalog, schema] in places(rest, wanted).await? {
                let found = or_none(rest.volumes(&catalog, &schema).await)?;
                names.extend(found.into_iter().map(|volume| volume.full_name));
            }
            ("VOLUME", names)
        }
        _ => {
            let mut found = tables(rest, wanted, false).await?;
            found.retain(|table| table.schema_name != "information_schema");
            ("TABLE", found.into_iter().map(|table| table.full_name).collect())
        }
    };
    tags::rows(rest, kind, &names, name == "column_tags").await
}

async fn volumes(rest: &Rest, wanted: &Wanted) -> SqlResult<Rows> {
    let mut out = Rows::new();
    for [catalog, schema] in places(rest, wanted).await? {
        if schema == "information_schema" {
            continue;
        }
        for v in or_none(rest.volumes(&catalog, &schema).await)? {
            if wanted.has_table(&v.name) {
                out.push(vec![
                    Cell::text(v.catalog_name),
                    Cell::text(v.schema_name),
                    Cell::text(v.name),
                    Cell::text(v.volume_type),
                    Cell::text(v.owner),
                    comment(&v.comment),
                    Cell::text(v.storage_location),
                    Cell::Time(v.created_at),
                    Cell::text(v.created_by),
                    Cell::Time(v.updated_at),
                    Cell::text(v.updated_by),
                ]);
            }
        }
    }
    Ok(out)
}

async fn routines(rest: &Rest, wanted: &Wanted) -> SqlResult<Rows> {
    let mut out = Rows::new();
    for [catalog, schema] in places(rest, wanted).await? {
        if schema == "information_schema" {
            continue;
        }
        for f in or_none(rest.functions(&catalog, &schema).await)? {
            if !wanted.has_table(&f.spec.name) {
                continue;
            }
            let name = || [Cell::text(&catalog), Cell::text(&schema), Cell::text(&f.spec.name)];
            let mut row: Vec<Cell> = name().into_iter().chain(name()).collect();
            row.extend([
                Cell::text(&f.owner),
                Cell::text("FUNCTION"),
                Cell::text(&f.spec.data_type),
                Cell::text(&f.spec.full_data_type),
                Cell::text(&f.spec.routine_body),
                Cell::text(&f.spec.routine_definition),
                Cell::Text(f.spec.external_name.clone()),
                Cell::Text(f.spec.external_language.clone()),
                Cell::text(&f.spec.parameter_style),
                yes_no(f.spec.is_deterministic),
                Cell::text(&f.spec.sql_data_access),
                yes_no(f.spec.is_null_call),
                Cell::Text(f.spec.sql_path.clone()),
                Cell::text(&f.spec.security_type),
                Cell::text("NO"),
                comment(&f.spec.comment),
                Cell::Time(f.created_at),
                Cell::text(&f.created_by),
                Cell::Time(f.updated_at),
                Cell::text(&f.updated_by),
            ]);
            out.push(row);
        }
    }
    Ok(out)
}

/// Grantee and privilege of what is granted on a securable itself.
async fn grants(rest: &Rest, kind: &str, full_name: &str) -> SqlResult<Vec<(String, String)>> {
    let path = format!("permissions/{kind}/{}", encode(full_name));
    let answer: PrivilegeAssignments = match rest.get(&path).await {
        Err(error) if is_missing(&error) || error.code() == Some("PERMISSION_DENIED") => {
            return Ok(Vec::new());
        }
        answer => answer?,
    };
    let assignments = answer.privilege_assignments.into_iter();
    Ok(assignments
        .flat_map(|a| {
            let principal = a.principal;
            a.privileges.into_iter().map(move |privilege| (principal.clone(), privilege))
        })
        .collect())
}

fn grant_row(grantee: String, place: &[&str], privilege: String) -> Vec<Cell> {
    let mut row = vec![Cell::null(), Cell::text(grantee)];
    row.extend(place.iter().map(|part| Cell::text(*part)));
    row.extend([Cell::text(privilege), Cell::text("NO"), Cell::text("NONE")]);
    row
}

async fn table_privileges(rest: &Rest, wanted: &Wanted) -> SqlResult<Rows> {
    let tables = tables(rest, wanted, false).await?;
    let found: Vec<Rows> =
        stream::iter(tables.into_iter().filter(|t| t.schema_name != "information_schema"))
            .map(|t| async move {
                let grants = grants(rest, "table", &t.full_name).await?;
                let place = [t.catalog_name.as_str(), t.schema_name.as_str(), t.name.as_str()];
                Ok::<_, SqlError>(
                    grants.into_iter().map(|(who, what)| grant_row(who, &place, what)).collect(),
                )
            })
            .buffered(CALLS)
            .try_collect()
            .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn schema_privileges(rest: &Rest, wanted: &Wanted) -> SqlResult<Rows> {
    let mut out = Rows::new();
    for [catalog, schema] in places(rest, wanted).await? {
        if schema == "information_schema" {
            continue;
        }
        for (who, what) in grants(rest, "schema", &format!("{catalog}.{schema}")).await? {
            out.push(grant_row(who, &[&catalog, &schema], what));
        }
    }
    Ok(out)
}

async fn catalog_privileges(rest: &Rest, wanted: &Wanted) -> SqlResult<Rows> {
    let mut out = Rows::new();
    for catalog in catalog_names(rest, wanted).await? {
        for (who, what) in grants(rest, "catalog", &catalog).await? {
            out.push(grant_row(who, &[&catalog], what));
        }
    }
    Ok(out)
}
