//! CREATE OR REPLACE of a table that is there: a new version in the old place, history kept, in one commit.
//!
//! What the old table had beside rows (keys, CHECK constraints, properties) does not pass to the new one.

use biplane_api::internal::{PatchTable, ResolvedTable};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, MetadataExt, StructType, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};

use super::protocol::{self, Change};
use super::rest::{Rest, encode, is_missing};
use super::table::{self, Draft};
use super::write::commit_with_metrics;
use super::{columns, copy_into, mapping};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

/// A new version in the old place.
pub async fn run(
    cx: &StatementContext,
    draft: &Draft,
    old: &ResolvedTable,
) -> SqlResult<DeltaTable> {
    let delta = cx.delta_table(old).await?;
    protocol::check(&delta, Change::Rewrite)?;
    let operation = match (&draft.rows, &draft.copy) {
        (_, Some(_)) => "CLONE",
        (Some(_), None) => "CREATE OR REPLACE TABLE AS SELECT",
        (None, None) => "CREATE OR REPLACE TABLE",
    };
    // The new table has loaded nothing yet.
    let transactions = vec![Transaction::new(copy_into::APP_ID, 0)];
    let table = swap(cx, draft, delta, operation, transactions).await?;
    drop_keys(cx, old).await?;
    let patch = PatchTable {
        columns: Some(columns::column_infos(
            table.snapshot()?.schema().as_ref(),
            &draft.partitions,
        )),
        comment: Some(draft.comment.clone().unwrap_or_default()),
        properties: Some(draft.properties.iter().cloned().collect()),
        view_definition: draft.definition.as_ref().map(|view| view.text.clone()),
        view_dependencies: draft.definition.as_ref().map(|view| view.dependencies.clone()),
        ..Default::default()
    };
    super::view::patch_table(cx, &draft.full.join("."), &patch).await?;
    Ok(table)
}

/// One commit: the files that are there go, those of the draft come, with its metadata.
pub async fn swap(
    cx: &StatementContext,
    draft: &Draft,
    mut delta: DeltaTable,
    operation: &str,
    transactions: Vec<Transaction>,
) -> SqlResult<DeltaTable> {
    let made = table::made(cx, draft, delta.log_store()).await?;
    let snapshot = delta.snapshot()?;
    let schema = StructType::try_new(draft.fields.iter().cloned())
        .map_err(|e| columns::invalid_schema(&e))?;
    let id = snapshot.metadata().id().to_owned();
    let metadata = made.metadata.with_table_id(id).map_err(SqlError::internal)?;
    let protocol = mapping::protocol(snapshot.protocol(), &schema, metadata.configuration())?;
    let mut actions: Vec<Action> = protocol.into_iter().map(Action::Protocol).collect();
    actions.push(Action::Metadata(metadata));
    let gone = snapshot.log_data();
    actions.extend(gone.iter().map(|file| Action::Remove(file.remove_action(true))));
    actions.extend(made.files);
    let partition_by = (!draft.partitions.is_empty()).then(|| draft.partitions.clone());
    let overwrite =
        DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by, predicate: None };
    let snapshot = snapshot.snapshot().clone();
    let properties = commit_with_metrics(cx, operation, made.metrics);
    CommitBuilder::from(properties.with_application_transactions(transactions))
        .with_actions(actions)
        .build(Some(&snapshot), delta.log_store(), overwrite)
        .await?;
    delta.update_state().await?;
    Ok(delta)
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
