//! SHOW: listings of the catalog, with the columns that clients know.

use biplane_api::catalog::{SchemaInfo, TableInfo};
use biplane_api::internal::Access;
use std::collections::BTreeSet;

use super::catalog::{schema_parts, single};
use super::like::Like;
use super::rest::Rest;
use super::{describe, grants};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{FunctionKind, Name, Scope, Show};

pub async fn run(cx: &StatementContext, show: Show) -> SqlResult<Output> {
    match show {
        Show::Catalogs { like } => catalogs(cx, like).await,
        Show::Schemas { scope, like } => schemas(cx, scope, like).await,
        Show::Tables { scope, schema_like, like } => tables(cx, scope, schema_like, like).await,
        Show::TableExtended { scope, like } => table_extended(cx, scope, like).await,
        Show::Views { scope, like } => views(cx, scope, like).await,
        Show::Volumes { scope, like } => volumes(cx, scope, like).await,
        Show::Functions { scope, schema_like, like, kind } => {
            functions(cx, scope, schema_like, like, kind).await
        }
        Show::Columns { table } => columns(cx, &table).await,
        Show::ColumnsLike { scope, schema_like, table_like, like } => {
            super::show_columns::run(cx, scope, schema_like, table_like, like).await
        }
        Show::Keys { table } => super::show_columns::keys(cx, &table).await,
        Show::ForeignKeys { table } => super::show_columns::foreign_keys(cx, &table).await,
        Show::Properties { table, key } => properties(cx, &table, key).await,
        Show::CreateTable { table } => describe::create_text(cx, &table).await,
        Show::Partitions { table } => partitions(cx, &table).await,
        Show::Grants { principal, kind, name } => grants::show(cx, principal, kind, name).await,
        Show::CurrentSchema => {
            let row = [Some(cx.catalog()), Some(cx.schema())];
            Output::text_rows(["catalog", "namespace"], [row])
        }
        Show::Users { like } => principals(cx, "Users", "userName", "name", like).await,
        Show::Groups { like } => principals(cx, "Groups", "displayName", "name", like).await,
    }
}

async fn catalogs(cx: &StatementContext, like: Option<String>) -> SqlResult<Output> {
    let like = Like::new(like.as_deref());
    let mut names: Vec<String> =
        Rest::new(cx).catalogs().await?.into_iter().map(|catalog| catalog.name).collect();
    names.retain(|name| like.fits(name));
    names.sort();
    Output::text_rows(["catalog"], names.into_iter().map(|name| [Some(name)]))
}

/// The catalogs that a scope speaks of.
pub async fn scope_catalogs(
    cx: &StatementContext,
    rest: &Rest,
    scope: &Scope,
) -> SqlResult<Vec<String>> {
    Ok(match scope {
        Scope::Current => vec![cx.catalog()],
        Scope::In(name) => match name.0.as_slice() {
            [_] => vec![cx.catalog()],
            [catalog, ..] => vec![catalog.to_lowercase()],
            [] => vec![cx.catalog()],
        },
        Scope::Catalog(name) => vec![name.to_lowercase()],
        Scope::AllCatalogs => {
            rest.catalogs().await?.into_iter().map(|catalog| catalog.name).collect()
        }
    })
}

/// Schemas of the catalogs that fit, `information_schema` among them.
pub async fn scope_schemas(
    cx: &StatementContext,
    rest: &Rest,
    scope: &Scope,
    like: &Like,
) -> SqlResult<Vec<[String; 2]>> {
    if let Scope::In(name) = scope {
        return Ok(vec![schema_parts(cx, name)?]);
    }
    if matches!(scope, Scope::Current) {
        return Ok(vec![[cx.catalog(), cx.schema()]]);
    }
    let mut out = Vec::new();
    for catalog in scope_catalogs(cx, rest, scope).await? {
        let found = rest.schemas(&catalog).await?;
        let mut names: BTreeSet<String> = found.into_iter().map(|schema| schema.name).collect();
        names.insert("information_schema".to_owned());
        out.extend(names.into_iter().filter(|n| like.fits(n)).map(|name| [catalog.clone(), name]));
    }
    Ok(out)
}

async fn schemas(cx: &StatementContext, scope: Scope, like: Option<String>) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    let like = Like::new(like.as_deref());
    let found = match &scope {
        Scope::AllCatalogs => scope_catalogs(cx, &rest, &scope).await?,
        Scope::In(name) => vec![single(name)?],
        other => scope_catalogs(cx, &rest, other).await?,
    };
    let mut rows = Vec::new();
    for catalog in found {
        let mut names: BTreeSet<String> = rest
            .schemas(&catalog)
            .await?
            .into_iter()
            .map(|schema: SchemaInfo| schema.name)
            .collect();
        names.insert("information_schema".to_owned());
        for name in names.into_iter().filter(|name| like.fits(name)) {
            rows.push([Some(name), Some(catalog.clone())]);
        }
    }
    // Spark has the first column alone; drivers read the second where it is there.
    Output::text_rows(["databaseName", "catalogName"], rows)
}

async fn tables_of(
    rest: &Rest,
    catalog: &str,
    schema: &str,
    columns: bool,
) -> SqlResult<Vec<TableInfo>> {
    if schema == "information_schema" {
        return Ok(crate::information_schema::table_infos(catalog));
    }
    let mut found = rest.tables(catalog, schema, columns).await?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

pub async fn listed_tables(
    rest: &Rest,
    place: &[String; 2],
    like: &Like,
    columns: bool,
) -> SqlResult<Vec<TableInfo>> {
    let mut found = tables_of(rest, &place[0], &place[1], columns).await?;
    found.retain(|table| like.fits(&table.name));
    Ok(found)
}

/// TABLE, VIEW: what drivers filter on.
fn driver_type(table: &TableInfo) -> &str {
    match table.table_type.as_str() {
        "VIEW" => "VIEW",
        "SYSTEM" => "SYSTEM TABLE",
        _ => "TABLE",
    }
}

async fn tables(
    cx: &StatementContext,
    scope: Scope,
    schema_like: Option<String>,
    like: Option<String>,
) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    let like = Like::new(like.as_deref());
    let wide = matches!(scope, Scope::Catalog(_) | Scope::AllCatalogs);
    let schema_like = Like::new(schema_like.as_deref());
    let mut rows = Vec::new();
    for place in scope_schemas(cx, &rest, &scope, &schema_like).await? {
        for table in listed_tables(&rest, &place, &like, false).await? {
            let kind = driver_type(&table).to_owned();
            rows.push([
                Some(table.schema_name),
                Some(table.name),
                Some("false".to_owned()),
                Some(String::new()),
                Some(table.catalog_name),
                Some(kind),
                Some(table.comment.unwrap_or_default()),
            ]);
        }
    }
    if wide {
        let names = [
            "namespace",
            "tableName",
            "isTemporary",
            "information",
            "catalogName",
            "tableType",
            "remarks",
        ];
        return Output::text_rows(names, rows);
    }
    let mut table = super::rows::Table::default();
    let mut plain: Vec<(Option<String>, Option<String>, bool)> =
        rows.into_iter().map(|[schema, name, ..]| (schema, name, false)).collect();
    let temporary = cx.objects.temp_views().into_iter().map(|(name, _)| name);
    for name in temporary.chain(cx.objects.temp_table_names()) {
        if like.fits(&name) {
            plain.push((Some(String::new()), Some(name), true));
        }
    }
    table = table.text("database", plain.iter().map(|row| row.0.clone()).collect());
    table = table.text("tableName", plain.iter().map(|row| row.1.clone()).collect());
    table.boolean("isTemporary", plain.iter().map(|row| Some(row.2)).collect()).output()
}

async fn table_extended(cx: &StatementContext, scope: Scope, like: String) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    let like = Like::new(Some(&like));
    let mut rows = Vec::new();
    for place in scope_schemas(cx, &rest, &scope, &Like::default()).await? {
        for table in listed_tables(&rest, &place, &like, true).await? {
            let text = describe::information(&table);
            rows.push([
                Some(table.schema_name),
                Some(table.name),
                Some("false".to_owned()),
                Some(text),
            ]);
        }
    }
    Output::text_rows(["database", "tableName", "isTemporary", "information"], rows)
}

async fn views(cx: &StatementContext, scope: Scope, like: Option<String>) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    let like = Like::new(like.as_deref());
    let mut rows = Vec::new();
    for place in scope_schemas(cx, &rest, &scope, &Like::default()).await? {
        for table in listed_tables(&rest, &place, &like, false).await? {
            if table.table_type == "VIEW" {
                rows.push((table.schema_name, table.name, false));
            }
        }
    }
    for (name, _) in cx.objects.temp_views() {
        if like.fits(&name) {
            rows.push((String::new(), name, true));
        }
    }
    super::rows::Table::default()
        .text("namespace", rows.iter().map(|row| Some(row.0.clone())).collect())
        .text("viewName", rows.iter().map(|row| Some(row.1.clone())).collect())
        .boolean("isTemporary", rows.iter().map(|row| Some(row.2)).collect())
        .boolean("isMaterialized", rows.iter().map(|_| Some(false)).collect())
        .output()
}

async fn volumes(cx: &StatementContext, scope: Scope, like: Option<String>) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    let like = Like::new(like.as_deref());
    let mut rows = Vec::new();
    for place in scope_schemas(cx, &rest, &scope, &Like::default()).await? {
        if place[1] == "information_schema" {
            continue;
        }
        for volume in rest.volumes(&place[0], &place[1]).await? {
            if like.fits(&volume.name) {
                rows.push([Some(volume.schema_name), Some(volume.name)]);
            }
        }
    }
    rows.sort();
    Output::text_rows(["database", "volume_name"], rows)
}

async fn functions(
    cx: &StatementContext,
    scope: Scope,
    schema_like: Option<String>,
    like: Option<String>,
    kind: FunctionKind,
) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    let like = Like::new(like.as_deref());
    let wide = matches!(scope, Scope::Catalog(_) | Scope::AllCatalogs);
    let mut names = BTreeSet::new();
    if kind != FunctionKind::User && !wide {
        let state = cx.session.state();
        names.extend(state.scalar_functions().keys().cloned());
        names.extend(state.aggregate_functions().keys().cloned());
        names.extend(state.window_functions().keys().cloned());
    }
    let mut rows: Vec<[Option<String>; 4]> = Vec::new();
    if kind != FunctionKind::System {
        let schema_like = Like::new(schema_like.as_deref());
        for place in scope_schemas(cx, &rest, &scope, &schema_like).await? {
            if place[1] == "information_schema" {
                continue;
            }
            for function in rest.functions(&place[0], &place[1]).await? {
                if like.fits(&function.spec.name) {
                    rows.push([
                        Some(place[0].clone()),
                        Some(place[1].clone()),
                        Some(function.spec.name.clone()),
                        function.spec.comment.clone(),
                    ]);
                }
            }
        }
    }
    if wide {
        return Output::text_rows(["catalogName", "namespace", "functionName", "remarks"], rows);
    }
    let mut all: Vec<String> = names.into_iter().filter(|name| like.fits(name)).collect();
    all.extend(rows.into_iter().map(|[catalog, schema, name, _]| {
        [catalog, schema, name].into_iter().flatten().collect::<Vec<_>>().join(".")
    }));
    Output::text_rows(["function"], all.into_iter().map(|name| [Some(name)]))
}

async fn columns(cx: &StatementContext, table: &Name) -> SqlResult<Output> {
    let found = describe::relation(cx, table).await?;
    Output::text_rows(["col_name"], found.columns.into_iter().map(|column| [Some(column.name)]))
}

async fn properties(cx: &StatementContext, table: &Name, key: Option<String>) -> SqlResult<Output> {
    let full = cx.qualify_parts(&table.0)?;
    let mut found = cx.resolve(std::slice::from_ref(&full), Access::Metadata).await?;
    let resolved = found.pop().ok_or_else(|| SqlError::table_not_found(table))?;
    let mut all = resolved.info.properties.clone();
    if resolved.storage.is_some()
        && let Ok(delta) = cx.delta_table(&resolved).await
    {
        let snapshot = delta.snapshot()?;
        for (key, value) in snapshot.metadata().configuration() {
            all.insert(key.clone(), value.clone());
        }
        let protocol = snapshot.protocol();
        all.insert("delta.minReaderVersion".to_owned(), protocol.min_reader_version().to_string());
        all.insert("delta.minWriterVersion".to_owned(), protocol.min_writer_version().to_string());
    }
    match key {
        Some(key) => {
            let missing = || format!("Table {} does not have property: {key}", full.join("."));
            let value = all.get(&key).cloned().unwrap_or_else(missing);
            Output::text_rows(["key", "value"], [[Some(key), Some(value)]])
        }
        None => {
            Output::text_rows(["key", "value"], all.into_iter().map(|(k, v)| [Some(k), Some(v)]))
        }
    }
}

/// The values of the partition columns that have rows.
async fn partitions(cx: &StatementContext, table: &Name) -> SqlResult<Output> {
    let target = super::write::Target::open(cx, table, Access::Read).await?;
    let names = target.partitions()?;
    if names.is_empty() {
        let text = format!("{table} is not partitioned");
        return Err(SqlError::new(
            "INVALID_PARTITION_OPERATION.PARTITION_SCHEMA_IS_EMPTY",
            "42601",
            text,
        ));
    }
    let list: Vec<String> = names.iter().map(|name| super::expressions::quoted(name)).collect();
    let list = list.join(", ");
    let sql = format!("SELECT DISTINCT {list} FROM {} ORDER BY {list}", Name(target.full.to_vec()));
    cx.query(*crate::parser::parse_query(&sql)?).await
}

#[derive(serde::Deserialize)]
struct ScimList {
    #[serde(rename = "Resources", default)]
    resources: Vec<serde_json::Map<String, serde_json::Value>>,
}

/// Users or groups, as the SCIM of the workspace lists them.
async fn principals(
    cx: &StatementContext,
    kind: &str,
    field: &str,
    column: &str,
    like: Option<String>,
) -> SqlResult<Output> {
    let like = Like::new(like.as_deref());
    let path = format!("/api/2.0/preview/scim/v2/{kind}?count=10000");
    let list: ScimList = Rest::new(cx).get_at(&path).await?;
    let mut names: Vec<String> = list
        .resources
        .iter()
        .filter_map(|resource| resource.get(field)?.as_str().map(str::to_owned))
        .filter(|name| like.fits(name))
        .collect();
    names.sort();
    Output::text_rows([column], names.into_iter().map(|name| [Some(name)]))
}
