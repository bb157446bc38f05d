//! CREATE TEMPORARY TABLE: a Delta table in the engine's own directory, which goes with its session.

use biplane_api::catalog::TableInfo;
use biplane_api::internal::Storage;
use std::sync::Arc;
use url::Url;
use uuid::Uuid;

use super::catalog::single;
use super::columns;
use super::table::{check_name, draft, make, refuse};
use super::write::metric;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::{Modified, Output};
use crate::parser::{CreateTable, Name, TableSource};
use crate::session::{Scratch, TempTable, temporary_name};

pub async fn create(cx: &StatementContext, create: CreateTable) -> SqlResult<Output> {
    refuse(&create)?;
    let name = single(&create.name)?;
    let full = temporary_name(&name);
    check_name(&full)?;
    if create.location.is_some() || !create.constraints.is_empty() {
        return Err(SqlError::unsupported("LOCATION or constraints of a temporary table"));
    }
    if matches!(create.source, TableSource::Clone { .. }) {
        return Err(SqlError::unsupported("a temporary CLONE"));
    }
    let there = cx.objects.temp_table(&name).is_some();
    if there && create.if_not_exists {
        return Ok(Output::Empty);
    }
    if (there && !create.or_replace) || cx.objects.temp_view(&name).is_some() {
        return Err(taken(&create.name));
    }
    let draft = draft(cx, full.clone(), create).await?;
    let id = Uuid::new_v4().to_string();
    let path = cx.engine.config.spill_dir.join(format!("table-{id}"));
    std::fs::create_dir_all(&path).map_err(SqlError::internal)?;
    let scratch = Arc::new(Scratch::new(path));
    let url = Url::from_directory_path(scratch.path());
    let url = url.map_err(|()| SqlError::internal("the directory of the engine has no URL"))?;
    let storage = Storage { url: url.to_string(), options: Default::default() };
    let table = make(cx, &draft, cx.location(&storage)?.log_store()).await?;
    let snapshot = table.snapshot()?;
    let partitions = snapshot.metadata().partition_columns().to_vec();
    let [catalog_name, schema_name, _] = full.clone();
    let info = TableInfo {
        name: name.clone(),
        catalog_name,
        schema_name,
        full_name: full.join("."),
        table_type: "TEMPORARY".to_owned(),
        table_id: id,
        data_source_format: Some("DELTA".to_owned()),
        columns: columns::column_infos(snapshot.schema().as_ref(), &partitions),
        comment: draft.comment.clone(),
        properties: draft.properties.iter().cloned().collect(),
        ..TableInfo::default()
    };
    cx.objects.put_temp_table(&name, TempTable { info, storage, scratch })?;
    match draft.rows.is_some() {
        true => Ok(Output::Modified(Modified::inserted(metric(&table, "num_added_rows").await?))),
        false => Ok(Output::Empty),
    }
}

pub fn taken(name: &Name) -> SqlError {
    let text = format!("Cannot create the temporary object {name} because it already exists");
    SqlError::new("TEMP_TABLE_OR_VIEW_ALREADY_EXISTS", "42P07", text)
}
