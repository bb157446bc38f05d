//! The metadata calls themselves.

use super::super::columns::Row;
use super::super::failure::{Failure, Result};
use super::super::idl::*;
use super::super::{Thrift, held, session};
use super::layout::{self, Layout};
use super::names::Names;
use super::pattern::Pattern;
use super::sql_types::{display_name, jdbc_type, type_info as type_info_rows};
use biplane_api::catalog::{ColumnInfo, TableInfo};
use biplane_platform::Ctx;

/// More rows than anybody reads; the call must be narrowed.
const ROWS_MAX: usize = 500_000;

/// What a metadata call found.
pub struct Found {
    pub kind: TOperationType,
    pub layout: Layout,
    pub rows: Vec<Row>,
}

async fn answer(
    thrift: &Thrift,
    ctx: &Ctx,
    direct: Option<TSparkGetDirectResults>,
    kind: TOperationType,
    layout: Layout,
    rows: Vec<Row>,
) -> Result<TOperationResp> {
    held::answer(thrift, ctx, direct, Found { kind, layout, rows })
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn number(value: i32) -> Option<String> {
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

/// Functions of users are not called yet, and built-in ones are not listed.
pub async fn functions(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetFunctionsReq,
) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let kind = TOperationType::GET_FUNCTIONS;
    answer(thrift, ctx, request.get_direct_results, kind, layout::FUNCTIONS, Vec::new()).await
}

/// No table has a key: constraints are refused where tables are made.
pub async fn primary_keys(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetPrimaryKeysReq,
) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let kind = TOperationType::UNKNOWN;
    answer(thrift, ctx, request.get_direct_results, kind, layout::PRIMARY_KEYS, Vec::new()).await
}

pub async fn cross_reference(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetCrossReferenceReq,
) -> Result<TOperationResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    let kind = TOperationType::UNKNOWN;
    answer(thrift, ctx, request.get_direct_results, kind, layout::CROSS_REFERENCE, Vec::new()).await
}

/// A walk over what matches the patterns of a call.
struct Search {
    catalog: Pattern,
    schema: Pattern,
    table: Pattern,
}

impl Search {
    fn new(catalog: Option<&str>, schema: Option<&str>, table: Option<&str>) -> Self {
        let [catalog, schema, table] = [catalog, schema, table].map(Pattern::new);
        Self { catalog, schema, table }
    }

    async fn schemas(&self, names: &dyn Names, ctx: &Ctx) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for catalog in names.catalogs(ctx).await? {
            if !self.catalog.matches(&catalog) {
                continue;
            }
            for schema in names.schemas(ctx, &catalog).await? {
                if self.schema.matches(&schema) {
                    found.push((catalog.clone(), schema));
                }
            }
            limit(found.len())?;
        }
        Ok(found)
    }

    /// Shows each matching table to `take`, which answers how many rows there are now.
    async fn each_table(
        &self,
        names: &dyn Names,
        ctx: &Ctx,
        columns: bool,
        mut take: impl FnMut(&TableInfo) -> usize + Send,
    ) -> Result<()> {
        for (catalog, schema) in self.schemas(names, ctx).await? {
            for table in names.tables(ctx, &catalog, &schema, columns).await? {
                if self.table.matches(&table.name) {
                    limit(take(&table))?;
                }
            }
        }
        Ok(())
    }
}

fn limit(rows: usize) -> Result<()> {
    match rows > ROWS_MAX {
        true => Err(Failure::new(
            "54000",
            format!("More than {ROWS_MAX} rows. Narrow the names that are asked for."),
        )),
        false => Ok(()),
    }
}

fn table_type(table: &TableInfo) -> &'static str {
    match table.table_type.as_str() {
        "VIEW" | "MATERIALIZED_VIEW" => "VIEW",
        _ => "TABLE",
    }
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
        assert_eq!(column_row(&table, &column, 1).len(), layout::COLUMNS.len());
    }
}
