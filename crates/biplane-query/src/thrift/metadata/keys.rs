//! GetPrimaryKeys and GetCrossReference: the keys that the catalog keeps of a table, for information,
//! not enforced.

use super::super::columns::Row;
use super::super::failure::{Failure, Result};
use super::super::idl::*;
use super::super::{Thrift, session};
use super::calls::{answer, number, text};
use super::layout;
use super::names::{Names, Wanted};
use super::pattern::Pattern;
use super::search::limit;
use biplane_api::catalog::TableInfo;
use biplane_platform::Ctx;
use serde_json::Value;

/// Constants of `java.sql.DatabaseMetaData`: importedKeyNoAction and importedKeyNotDeferrable.
const NO_ACTION: i32 = 3;
const NOT_DEFERRABLE: i32 = 7;

pub async fn primary_keys(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetPrimaryKeysReq,
) -> Result<TOperationResp> {
    let session = session::find(thrift, ctx, &request.session_handle).await?;
    let place = Place::of(
        session.settings().catalog,
        request.catalog_name,
        request.schema_name,
        request.table_name,
    )?;
    let table = place.table(&*thrift.names, ctx).await?;
    let rows = table.iter().filter_map(primary_key).flat_map(|key| key.rows()).collect();
    let kind = TOperationType::UNKNOWN;
    answer(thrift, ctx, request.get_direct_results, kind, layout::PRIMARY_KEYS, rows).await
}

/// The foreign keys of one table, those that point to one, or those from one to another.
pub async fn cross_reference(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TGetCrossReferenceReq,
) -> Result<TOperationResp> {
    let session = session::find(thrift, ctx, &request.session_handle).await?;
    let home = session.settings().catalog;
    let parent = match request.parent_table_name.filter(|name| !name.is_empty()) {
        Some(table) => Some(Place::of(
            home.clone(),
            request.parent_catalog_name,
            request.parent_schema_name,
            Some(table),
        )?),
        None => None,
    };
    let names = &*thrift.names;
    let children = match request.foreign_table_name.filter(|name| !name.is_empty()) {
        Some(table) => {
            let place = Place::of(
                home,
                request.foreign_catalog_name,
                request.foreign_schema_name,
                Some(table),
            )?;
            place.table(names, ctx).await?.into_iter().collect()
        }
        // Keys stay within their catalog.
        None => {
            let parent = parent.as_ref().ok_or_else(no_table)?;
            let wanted = Wanted { catalog: &parent.catalog, ..Wanted::default() };
            names.tables(ctx, wanted, false).await?
        }
    };
    let mut rows = Vec::new();
    for child in &children {
        for key in foreign_keys(child) {
            if parent.as_ref().is_none_or(|parent| parent.is(&key.parent)) {
                rows.extend(key.rows(primary_key_name(names, ctx, &key.parent).await?));
            }
        }
        limit(rows.len())?;
    }
    let kind = TOperationType::UNKNOWN;
    answer(thrift, ctx, request.get_direct_results, kind, layout::CROSS_REFERENCE, rows).await
}

fn no_table() -> Failure {
    Failure::new("HY009", "[TABLE_NAME_REQUIRED] Keys are asked for by the name of a table.")
}

/// A table by its exact names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    catalog: String,
    schema: String,
    table: String,
}

impl Place {
    fn of(
        home: Option<String>,
        catalog: Option<String>,
        schema: Option<String>,
        table: Option<String>,
    ) -> Result<Self> {
        let given = |name: Option<String>| name.filter(|name| !name.is_empty());
        let table = given(table).ok_or_else(no_table)?;
        let catalog = given(catalog).or(home).ok_or_else(no_table)?;
        let schema = given(schema).unwrap_or_else(|| "default".to_owned());
        Ok(Self { catalog, schema, table })
    }

    fn is(&self, other: &Self) -> bool {
        self.catalog.eq_ignore_ascii_case(&other.catalog)
            && self.schema.eq_ignore_ascii_case(&other.schema)
            && self.table.eq_ignore_ascii_case(&other.table)
    }

    /// None when it is not there for the user.
    async fn table(&self, names: &dyn Names, ctx: &Ctx) -> Result<Option<TableInfo>> {
        let (schema, name) = (Pattern::literal(&self.schema), Pattern::literal(&self.table));
        let wanted =
            Wanted { catalog: &self.catalog, schema_like: Some(&schema), name_like: Some(&name) };
        Ok(names.tables(ctx, wanted, false).await?.pop())
    }
}

struct PrimaryKey<'a> {
    table: &'a TableInfo,
    name: &'a str,
    columns: Vec<&'a str>,
}

struct ForeignKey<'a> {
    table: &'a TableInfo,
    name: &'a str,
    columns: Vec<&'a str>,
    parent: Place,
    parent_columns: Vec<&'a str>,
}

fn primary_key(table: &TableInfo) -> Option<PrimaryKey<'_>> {
    let key = table.table_constraints.iter().find_map(|one| one.get("primary_key_constraint"))?;
    Some(PrimaryKey { table, name: field(key, "name"), columns: list(key, "child_columns") })
}

fn foreign_keys(table: &TableInfo) -> impl Iterator<Item = ForeignKey<'_>> {
    let keys = table.table_constraints.iter().filter_map(|one| one.get("foreign_key_constraint"));
    keys.filter_map(move |key| {
        Some(ForeignKey {
            table,
            name: field(key, "name"),
            columns: list(key, "child_columns"),
            parent: parent_of(table, field(key, "parent_table"))?,
            parent_columns: list(key, "parent_columns"),
        })
    })
}

/// A name with one or two parts is meant from where the child lies.
fn parent_of(child: &TableInfo, name: &str) -> Option<Place> {
    let parts: Vec<&str> = name.split('.').map(|part| part.trim_matches('`')).collect();
    let (catalog, schema, table) = match parts.as_slice() {
        [table] => (child.catalog_name.as_str(), child.schema_name.as_str(), *table),
        [schema, table] => (child.catalog_name.as_str(), *schema, *table),
        [catalog, schema, table] => (*catalog, *schema, *table),
        _ => return None,
    };
    (!table.is_empty()).then(|| Place {
        catalog: catalog.to_owned(),
        schema: schema.to_owned(),
        table: table.to_owned(),
    })
}

/// Whoever sees the foreign key need not see the table that it points to.
async fn primary_key_name(names: &dyn Names, ctx: &Ctx, parent: &Place) -> Result<Option<String>> {
    let table = parent.table(names, ctx).await?;
    Ok(table.as_ref().and_then(primary_key).map(|key| key.name.to_owned()))
}

impl PrimaryKey<'_> {
    fn rows(&self) -> Vec<Row> {
        let row = |(sequence, column): (i32, &&str)| {
            vec![
                text(&self.table.catalog_name),
                text(&self.table.schema_name),
                text(&self.table.name),
                text(column),
                number(sequence),
                text(self.name),
            ]
        };
        (1..).zip(&self.columns).map(row).collect()
    }
}

impl ForeignKey<'_> {
    fn rows(&self, parent_key: Option<String>) -> Vec<Row> {
        let row = |(sequence, (column, parent_column)): (i32, (&&str, &&str))| {
            vec![
                text(&self.parent.catalog),
                text(&self.parent.schema),
                text(&self.parent.table),
                text(parent_column),
                text(&self.table.catalog_name),
                text(&self.table.schema_name),
                text(&self.table.name),
                text(column),
                number(sequence),
                number(NO_ACTION),
                number(NO_ACTION),
                text(self.name),
                parent_key.clone(),
                number(NOT_DEFERRABLE),
            ]
        };
        (1..).zip(self.columns.iter().zip(&self.parent_columns)).map(row).collect()
    }
}

fn field<'a>(key: &'a Value, name: &str) -> &'a str {
    key.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(key: &'a Value, name: &str) -> Vec<&'a str> {
    let found = key.get(name).and_then(Value::as_array);
    found.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_rows_of_their_layouts() {
        let table = TableInfo {
            name: "orders".into(),
            catalog_name: "c".into(),
            schema_name: "s".into(),
            table_constraints: vec![
                serde_json::json!({"primary_key_constraint": {"name": "pk", "child_columns": ["a", "b"]}}),
                serde_json::json!({"foreign_key_constraint": {"name": "fk", "child_columns": ["x"],
                    "parent_table": "c.s.customers", "parent_columns": ["id"]}}),
            ],
            ..Default::default()
        };
        let rows = primary_key(&table).unwrap().rows();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].len(), layout::PRIMARY_KEYS.len());
        assert_eq!((rows[1][3].as_deref(), rows[1][4].as_deref()), (Some("b"), Some("2")));
        let foreign: Vec<_> = foreign_keys(&table).collect();
        let rows = foreign[0].rows(Some("parent_pk".into()));
        assert_eq!(rows[0].len(), layout::CROSS_REFERENCE.len());
        assert_eq!((rows[0][2].as_deref(), rows[0][7].as_deref()), (Some("customers"), Some("x")));
        assert_eq!(parent_of(&table, "t").unwrap().schema, "s");
        assert_eq!(parent_of(&table, "a.b.c.d"), None);
    }
}
