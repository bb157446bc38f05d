//! Primary and foreign keys, which the catalog keeps with each table.

use biplane_api::catalog::TableInfo;
use serde_json::Value;

use super::Cell;
use super::rows::Rows;

struct Key<'a> {
    table: &'a TableInfo,
    name: String,
    columns: Vec<String>,
    /// Table and columns a foreign key points to.
    parent: Option<(Vec<String>, Vec<String>)>,
}

fn strings(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn keys(tables: &[TableInfo]) -> Vec<Key<'_>> {
    let mut out = Vec::new();
    for table in tables {
        for constraint in &table.table_constraints {
            if let Some(key) = constraint.get("primary_key_constraint") {
                let columns = strings(key, "child_columns");
                out.push(Key { table, name: text(key, "name"), columns, parent: None });
            } else if let Some(key) = constraint.get("foreign_key_constraint") {
                let mut parent: Vec<String> =
                    text(key, "parent_table").split('.').map(str::to_owned).collect();
                parent.resize(3, String::new());
                let parent = Some((parent, strings(key, "parent_columns")));
                let columns = strings(key, "child_columns");
                out.push(Key { table, name: text(key, "name"), columns, parent });
            }
        }
    }
    out
}

impl Key<'_> {
    fn id(&self) -> [Cell; 3] {
        let t = self.table;
        [Cell::text(&t.catalog_name), Cell::text(&t.schema_name), Cell::text(&self.name)]
    }

    fn place(&self) -> [Cell; 3] {
        let t = self.table;
        [Cell::text(&t.catalog_name), Cell::text(&t.schema_name), Cell::text(&t.name)]
    }
}

pub fn rows(name: &str, tables: &[TableInfo]) -> Rows {
    let keys = keys(tables);
    match name {
        "table_constraints" => keys.iter().map(constraint).collect(),
        "key_column_usage" => keys.iter().flat_map(usage).collect(),
        "constraint_column_usage" => keys.iter().flat_map(column_usage).collect(),
        _ => keys.iter().filter_map(|key| referential(key, &keys)).collect(),
    }
}

fn constraint(key: &Key<'_>) -> Vec<Cell> {
    let kind = if key.parent.is_some() { "FOREIGN KEY" } else { "PRIMARY KEY" };
    let mut row: Vec<Cell> = key.id().into_iter().chain(key.place()).collect();
    row.extend([
        Cell::text(kind),
        Cell::text("YES"),
        Cell::text("YES"),
        Cell::text("NO"),
        Cell::null(),
    ]);
    row
}

fn usage(key: &Key<'_>) -> Vec<Vec<Cell>> {
    (1..)
        .zip(&key.columns)
        .map(|(position, column)| {
            let mut row: Vec<Cell> = key.id().into_iter().chain(key.place()).collect();
            let unique = key.parent.is_some().then_some(position);
            row.extend([Cell::text(column), Cell::Number(Some(position)), Cell::Number(unique)]);
            row
        })
        .collect()
}

fn column_usage(key: &Key<'_>) -> Vec<Vec<Cell>> {
    let (place, columns) = match &key.parent {
        Some((parent, columns)) => (parent.iter().map(Cell::text).collect::<Vec<_>>(), columns),
        None => (key.place().to_vec(), &key.columns),
    };
    columns
        .iter()
        .map(|column| {
            let mut row = place.clone();
            row.push(Cell::text(column));
            row.extend(key.id());
            row
        })
        .collect()
}

fn referential(key: &Key<'_>, all: &[Key<'_>]) -> Option<Vec<Cell>> {
    let (parent, _) = key.parent.as_ref()?;
    let unique = all.iter().find(|other| {
        let t = other.table;
        other.parent.is_none() && [&t.catalog_name, &t.schema_name, &t.name].into_iter().eq(parent)
    });
    let mut row: Vec<Cell> = key.id().to_vec();
    row.push(Cell::text(&parent[0]));
    row.push(Cell::text(&parent[1]));
    row.push(Cell::Text(unique.map(|unique| unique.name.clone())));
    row.extend([Cell::text("FULL"), Cell::text("NO ACTION"), Cell::text("NO ACTION")]);
    Some(row)
}
