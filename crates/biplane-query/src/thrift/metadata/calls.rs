//! The metadata calls themselves.

use super::super::columns::Row;
use super::super::failure::Result;
use super::super::idl::*;
use super::super::{Thrift, held, session};
use super::layout::{self, Layout};
use super::pattern::Pattern;
use super::search::Search;
use super::sql_types::{display_name, jdbc_type, type_info as type_info_rows};
use biplane_api::catalog::{ColumnInfo, FunctionInfo, TableInfo};
use biplane_platform::Ctx;

/// What a metadata call found.
pub struct Found {
    pub kind: TOperationType,
    pub layout: Layout,
    pub rows: Vec<Row>,
}

pub(super) async fn answer(
    thrift: &Thrift,
    ctx: &Ctx,
    direct: Option<TSparkGetDirectResults>,
    kind: TOperationType,
    layout: Layout,
    rows: Vec<Row>,
) -> Result<TOperationResp> {
    held::answer(thrift, ctx, direct, Found { kind, layout, rows })
}

pub(super) fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

pub(super) fn number(value: i32) -> Option<String> {
    Some(value.to_string())
}

pub async fn type_info(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetPlainReq,
) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let kind = TOperationType::GET_TYPE_INFO;
    let direct = request.get_direct_results;
    answer(thrift, ctx, direct, kind, layout::TYPE_INFO, type_info_rows()).await
}

pub async fn table_types(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetPlainReq,
) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let rows = ["TABLE", "VIEW"].map(|kind| vec![text(kind)]).to_vec();
    let kind = TOperationType::GET_TABLE_TYPES;
    answer(thrift, ctx, request.get_direct_results, kind, layout::TABLE_TYPES, rows).await
}

pub async fn catalogs(thrift: &Thrift, ctx: &Ctx, request: TGetPlainReq) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let names = thrift.names.catalogs(ctx).await?;
    let rows = names.iter().map(|name| vec![text(name)]).collect();
    let kind = TOperationType::GET_CATALOGS;
    answer(thrift, ctx, request.get_direct_results, kind, layout::CATALOGS, rows).await
}

pub async fn schemas(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetSchemasReq,
) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let search = Search::new(request.catalog_name.as_deref(), request.schema_name.as_deref(), None);
    let found = search.schemas(&*thrift.names, ctx).await?;
    let rows = found.iter().map(|(catalog, schema)| vec![text(schema), text(catalog)]).collect();
    let kind = TOperationType::GET_SCHEMAS;
    answer(thrift, ctx, request.get_direct_results, kind, layout::SCHEMAS, rows).await
}

pub async fn tables(thrift: &Thrift, ctx: &Ctx, request: TGetTablesReq) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let search = Search::new(
        request.catalog_name.as_deref(),
        request.schema_name.as_deref(),
        request.table_name.as_deref(),
    );
    let types = request.table_types.unwrap_or_default();
    let wanted = |table: &TableInfo| {
        types.is_empty() || types.iter().any(|kind| kind.eq_ignore_ascii_case(table_type(table)))
    };
    let mut rows = Vec::new();
    search
        .each_table(&*thrift.names, ctx, false, |table| {
            if wanted(table) {
                rows.push(table_row(table));
            }
            rows.len()
        })
        .await?;
    let kind = TOperationType::GET_TABLES;
    answer(thrift, ctx, request.get_direct_results, kind, layout::TABLES, rows).await
}

pub async fn columns(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetColumnsReq,
) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let search = Search::new(
        request.catalog_name.as_deref(),
        request.schema_name.as_deref(),
        request.table_name.as_deref(),
    );
    let column_pattern = Pattern::new(request.column_name.as_deref());
    let mut rows = Vec::new();
    search
        .each_table(&*thrift.names, ctx, true, |table| {
            let columns = table.columns.iter().zip(1..);
            let matching = columns.filter(|(column, _)| column_pattern.matches(&column.name));
            rows.extend(matching.map(|(column, position)| column_row(table, column, position)));
            rows.len()
        })
        .await?;
    let kind = TOperationType::GET_COLUMNS;
    answer(thrift, ctx, request.get_direct_results, kind, layout::COLUMNS, rows).await
}

/// Functions of users. Those built in have no catalog and are not listed.
pub async fn functions(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetFunctionsReq,
) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let search = Search::new(
        request.catalog_name.as_deref(),
        request.schema_name.as_deref(),
        Some(&request.function_name),
    );
    let found = search.functions(&*thrift.names, ctx).await?;
    let rows = found.iter().map(function_row).collect();
    let kind = TOperationType::GET_FUNCTIONS;
    answer(thrift, ctx, request.get_direct_results, kind, layout::FUNCTIONS, rows).await
}

fn table_type(table: &TableInfo) -> &'static str {
    match table.table_type.as_str() {
        "VIEW" | "MATERIALIZED_VIEW" => "VIEW",
        _ => "TABLE",
    }
}

fn function_row(function: &FunctionInfo) -> Row {
    /// Constants of `java.sql.DatabaseMetaData`.
    const NO_TABLE: i32 = 1;
    const RETURNS_TABLE: i32 = 2;
    let spec = &function.spec;
    let specific = match spec.specific_name.as_str() {
        "" => &spec.name,
        name => name,
    };
    vec![
        text(&spec.catalog_name),
        text(&spec.schema_name),
        text(&spec.name),
        text(spec.comment.as_deref().unwrap_or_default()),
        number(if spec.data_type == "TABLE_TYPE" { RETURNS_TABLE } else { NO_TABLE }),
        text(specific),
    ]
}

fn table_row(table: &TableInfo) -> Row {
    vec![
        text(&table.catalog_name),
        text(&table.schema_name),
        text(&table.name),
        text(table_type(table)),
        text(table.comment.as_deref().unwrap_or_default()),
        None,
        None,
        None,
        None,
        None,
    ]
}

fn column_row(table: &TableInfo, column: &ColumnInfo, position: i32) -> Row {
    let found = jdbc_type(column);
    vec![
        text(&table.catalog_name),
        text(&table.schema_name),
        text(&table.name),
        text(&column.name),
        number(found.number),
        Some(display_name(&column.type_text)),
        found.size.and_then(number),
        None,
        found.digits.and_then(number),
        found.numeric.then(|| "10".to_owned()),
        number(column.nullable.into()),
        text(column.comment.as_deref().unwrap_or_default()),
        None,
        None,
        None,
        None,
        number(position),
        text(if column.nullable { "YES" } else { "NO" }),
        None,
        None,
        None,
        None,
        text("NO"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fill_their_layouts() {
        let (table, column) = (TableInfo::default(), ColumnInfo::default());
        assert_eq!(table_row(&table).len(), layout::TABLES.len());
        assert_eq!(function_row(&FunctionInfo::default()).len(), layout::FUNCTIONS.len());
        assert_eq!(column_row(&table, &column, 1).len(), layout::COLUMNS.len());
    }
}
