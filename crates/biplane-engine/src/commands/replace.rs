//! CREATE OR REPLACE of a table that is there: a new version in the old place, history kept.
//!
//! What the old table had beside rows (keys, CHECK constraints, properties) does not pass to the new one.

use biplane_api::internal::{PatchTable, ResolvedTable};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, MetadataExt, StructType, Transaction};
use deltalake_core::operations::write::{SchemaMode, WriteBuilder};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use std::collections::HashMap;
use std::sync::Arc;

use super::protocol::{self, Change};
use super::rest::{Rest, encode, is_missing};
use super::table::{Draft, configuration};
use super::write::{commit_as, commit_properties, session};
use super::{columns, copy_into};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

const CHECK_PREFIX: &str = "delta.constraints.";

/// A new version in the old place.
pub async fn run(
    cx: &StatementContext,
    draft: &Draft,
    old: &ResolvedTable,
) -> SqlResult<DeltaTable> {
    let delta = cx.delta_table(old).await?;
    protocol::check(&delta, Change::Rewrite)?;
    let delta = without_checks(cx, delta).await?;
    let rows = match &draft.rows {
        Some(rows) => rows.clone(),
        None => {
            if draft.fields.is_empty() {
                return Err(SqlError::new(
                    "DELTA_EMPTY_SCHEMA",
                    "428GU",
                    "A table needs at least one column",
                ));
            }
            let schema = StructType::try_new(draft.fields.clone())
                .map_err(|e| columns::invalid_schema(&e))?;
            let schema = columns::arrow_schema(&schema)?;
            let schema = Arc::new(DFSchema::try_from(schema.as_ref().clone())?);
            LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema })
        }
    };
    let operation = match draft.rows {
        Some(_) => "CREATE OR REPLACE TABLE AS SELECT",
        None => "CREATE OR REPLACE TABLE",
    };
    let snapshot = delta.snapshot()?.snapshot().clone();
    let table = WriteBuilder::new(delta.log_store(), Some(snapshot))
        .with_input_plan(rows)
        .with_save_mode(SaveMode::Overwrite)
        .with_schema_mode(SchemaMode::Overwrite)
        .with_partition_columns(draft.partitions.clone())
        .with_session_state(session(cx))
        // The new table has loaded nothing yet.
        .with_commit_properties(
            commit_as(cx, operation)
                .with_application_transaction(Transaction::new(copy_into::APP_ID, 0)),
        )
        .await?;
    let table = with_properties(cx, table, draft).await?;
    drop_keys(cx, old).await?;
    let patch = PatchTable {
        columns: Some(columns::column_infos(
            table.snapshot()?.schema().as_ref(),
            &draft.partitions,
        )),
        comment: Some(draft.comment.clone().unwrap_or_default()),
        properties: Some(draft.properties.iter().cloned().collect()),
        ..Default::default()
    };
    super::view::patch_table(cx, &draft.full.join("."), &patch).await?;
    Ok(table)
}

/// The new columns need not have what a CHECK of the old table speaks of.
async fn without_checks(cx: &StatementContext, mut table: DeltaTable) -> SqlResult<DeltaTable> {
    let config = table.snapshot()?.metadata().configuration().clone();
    for name in config.keys().filter_map(|key| key.strip_prefix(CHECK_PREFIX)) {
        table = table
            .drop_constraints()
            .with_constraint(name)
            .with_commit_properties(commit_properties(cx))
            .await?;
    }
    Ok(table)
}

/// The properties of the new table and none of the old one.
async fn with_properties(
    cx: &StatementContext,
    mut table: DeltaTable,
    draft: &Draft,
) -> SqlResult<DeltaTable> {
    let wanted: HashMap<String, String> = configuration(&draft.properties)
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    let snapshot = table.snapshot()?;
    let mut metadata = snapshot.metadata().clone();
    let mut gone = HashMap::new();
    for (key, value) in snapshot.metadata().configuration() {
        if !wanted.contains_key(key) && !key.starts_with("delta.columnMapping.") {
            metadata = metadata.remove_config_key(key).map_err(SqlError::internal)?;
            gone.insert(key.clone(), value.clone());
        }
    }
    if !gone.is_empty() {
        let eager = snapshot.snapshot().clone();
        CommitBuilder::from(commit_properties(cx))
            .with_actions(vec![Action::Metadata(metadata)])
            .build(
                Some(&eager),
                table.log_store(),
                DeltaOperation::SetTableProperties { properties: gone },
            )
            .await?;
        table.update_state().await?;
    }
    let there = table.snapshot()?.metadata().configuration().clone();
    if wanted.iter().all(|(key, value)| there.get(key) == Some(value)) {
        return Ok(table);
    }
    let builder = table.set_tbl_properties().with_properties(wanted);
    let builder = builder.with_raise_if_not_exists(false);
    Ok(builder.with_commit_properties(commit_properties(cx)).await?)
}

async fn drop_keys(cx: &StatementContext, old: &ResolvedTable) -> SqlResult<()> {
    for constraint in &old.info.table_constraints {
        let bodies = constraint.as_object().into_iter().flat_map(serde_json::Map::values);
        let name = bodies.filter_map(|body| body.get("name")?.as_str()).next();
        let Some(name) = name else { continue };
        let path = format!(
            "constraints/{}?constraint_name={}&cascade=true",
            encode(&old.info.full_name),
            encode(name)
        );
        match Rest::new(cx).delete(&path).await {
            Err(error) if !is_missing(&error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
