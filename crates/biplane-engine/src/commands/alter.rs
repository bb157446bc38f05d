//! ALTER TABLE and COMMENT ON: a commit to the log, then what the catalog shows.

use biplane_api::internal::{Access, PatchTable};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, MetadataExt, MetadataValue, StructField, StructType};
use deltalake_core::operations::update_table_metadata::TableMetadataUpdate;
use deltalake_core::protocol::DeltaOperation;
use std::collections::{BTreeMap, HashMap};

use super::protocol::Change;
use super::rest::{Rest, encode};
use super::view::{new_name, patch_table, set_owner, unset_missing};
use super::write::{Target, commit_as, commit_properties, find_column, session};
use super::{alter_columns, clustering, defaults, mapping};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{
    AlterTable, Clustering, CommentOn, Constraint, ConstraintRule, ExprText, Name, ObjectKind,
    Properties, TableAction, parse_query,
};
use crate::session::SESSION;

pub async fn run(cx: &StatementContext, alter: AlterTable) -> SqlResult<Output> {
    if cx.table_parts(&alter.name.0)?[0] == SESSION {
        return Err(SqlError::unsupported("ALTER of a temporary table"));
    }
    match alter.action {
        TableAction::Rename(to) => {
            let full = cx.qualify_parts(&alter.name.0)?;
            let patch =
                PatchTable { new_name: Some(new_name(cx, &full, &to)?), ..Default::default() };
            return patch_table(cx, &full.join("."), &patch).await;
        }
        TableAction::SetOwner(owner) => {
            let full = cx.qualify_parts(&alter.name.0)?;
            return set_owner(cx, &full.join("."), owner).await;
        }
        _ => {}
    }
    let change = match &alter.action {
        TableAction::ColumnType { .. } => Change::Rewrite,
        _ => Change::Metadata,
    };
    let mut target = Target::open_for(cx, &alter.name, Access::Manage, change).await?;
    match alter.action {
        TableAction::AddColumns { columns, positions, if_not_exists } => {
            alter_columns::add(cx, &mut target, columns, &positions, if_not_exists).await?;
        }
        TableAction::DropColumns { columns, if_exists } => {
            alter_columns::drop(cx, &mut target, &columns, if_exists).await?;
        }
        TableAction::RenameColumn { from, to } => {
            alter_columns::rename(cx, &mut target, &from, &to).await?;
        }
        TableAction::ColumnType { column, sql_type } => {
            alter_columns::widen(cx, &mut target, &column, &sql_type).await?;
        }
        TableAction::ColumnPosition { column, position } => {
            alter_columns::move_to(cx, &mut target, &column, &position).await?;
        }
        TableAction::SyncIdentity { column } => {
            alter_columns::sync_identity(cx, &mut target, &column).await?;
        }
        TableAction::ColumnComment { column, comment } => {
            column_comment(cx, &mut target, &column, comment).await?;
        }
        TableAction::ColumnNotNull { column, not_null } => {
            column_not_null(cx, &mut target, &column, not_null).await?;
        }
        TableAction::ColumnDefault { column, default } => {
            column_default(cx, &mut target, &column, default.map(|text| *text)).await?;
        }
        TableAction::ClusterBy(clustering) => cluster_by(cx, &mut target, &clustering).await?,
        TableAction::SetProperties(properties) => {
            set_properties(cx, &mut target, properties).await?;
        }
        TableAction::UnsetProperties { keys, if_exists } => {
            unset_properties(cx, &mut target, keys, if_exists).await?;
        }
        TableAction::AddConstraint(constraint) => {
            add_constraint(cx, &target.full, target.delta, constraint).await?;
        }
        TableAction::DropConstraint { name, if_exists } => {
            drop_constraint(cx, &target, &name, if_exists).await?;
        }
        _ => return Err(SqlError::internal("a change of a table was missed")),
    }
    Ok(Output::Empty)
}

async fn column_comment(
    cx: &StatementContext,
    target: &mut Target,
    column: &str,
    comment: Option<String>,
) -> SqlResult<()> {
    let schema = target.arrow_schema()?;
    let name = schema.field(find_column(&schema, column)?).name().clone();
    let comment = MetadataValue::String(comment.unwrap_or_default());
    let table = target.delta.clone();
    target.delta = table
        .update_field_metadata()
        .with_field_name(&name)
        .with_metadata(HashMap::from([("comment".to_owned(), comment)]))
        .with_commit_properties(commit_as(cx, "CHANGE COLUMN"))
        .await?;
    target.publish_columns(cx).await
}

async fn column_not_null(
    cx: &StatementContext,
    target: &mut Target,
    column: &str,
    not_null: bool,
) -> SqlResult<()> {
    let schema = target.arrow_schema()?;
    let name = schema.field(find_column(&schema, column)?).name().clone();
    if not_null {
        let quoted = super::expressions::quoted(&name);
        let table = Name(target.full.to_vec());
        let sql = format!("SELECT count(*) AS n FROM {table} WHERE {quoted} IS NULL");
        let plan = cx.plan_query(parse_query(&sql)?.as_ref()).await?;
        if super::write::number(cx, plan).await? > 0 {
            let text = format!("The column `{name}` has NULL values and cannot become NOT NULL");
            return Err(SqlError::new("DELTA_NEW_NOT_NULL_VIOLATION", "23512", text));
        }
    }
    change_field(cx, target, &name, |mut field| {
        field.nullable = !not_null;
        field
    })
    .await
}

async fn column_default(
    cx: &StatementContext,
    target: &mut Target,
    column: &str,
    default: Option<ExprText>,
) -> SqlResult<()> {
    let schema = target.arrow_schema()?;
    let name = schema.field(find_column(&schema, column)?).name().clone();
    let there = target.schema()?;
    let field = there.field(&name).ok_or_else(|| SqlError::internal("a column is gone"))?.clone();
    let field = match default {
        Some(default) => defaults::with_default(cx, field, &default.text).await?,
        None => defaults::without_default(field),
    };
    change_field(cx, target, &name, |_| field.clone()).await
}

/// A new version of the table, in which one column is described otherwise.
async fn change_field(
    cx: &StatementContext,
    target: &mut Target,
    name: &str,
    change: impl Fn(StructField) -> StructField,
) -> SqlResult<()> {
    let there = target.schema()?;
    let fields = there.fields().cloned();
    let fields = fields.map(|field| if field.name() == name { change(field) } else { field });
    let schema = StructType::try_new(fields).map_err(SqlError::internal)?;
    let metadata = target.delta.snapshot()?.metadata().clone();
    let metadata = metadata.with_schema(&schema).map_err(SqlError::internal)?;
    let operation =
        DeltaOperation::UpdateFieldMetadata { fields: schema.fields().cloned().collect() };
    commit(cx, target, "CHANGE COLUMN", vec![Action::Metadata(metadata)], operation).await?;
    target.publish_columns(cx).await
}

async fn cluster_by(
    cx: &StatementContext,
    target: &mut Target,
    clustering: &Clustering,
) -> SqlResult<()> {
    let schema = target.schema()?;
    let settled = clustering::settle(schema.as_ref(), &target.partitions()?, clustering)?;
    let key = clustering::KEY.to_owned();
    let mut metadata = target.delta.snapshot()?.metadata().clone();
    let there = target.configuration()?.get(&key).cloned();
    if there == settled {
        return Ok(());
    }
    let done = match &settled {
        Some(value) => metadata.add_config_key(key.clone(), value.clone()),
        None => metadata.remove_config_key(&key),
    };
    metadata = done.map_err(SqlError::internal)?;
    let properties = HashMap::from([(key, settled.unwrap_or_default())]);
    let operation = DeltaOperation::SetTableProperties { properties };
    commit(cx, target, "CLUSTER BY", vec![Action::Metadata(metadata)], operation).await?;
    publish_properties(cx, target).await
}

/// A commit of metadata alone.
pub async fn commit(
    cx: &StatementContext,
    target: &mut Target,
    name: &str,
    actions: Vec<Action>,
    operation: DeltaOperation,
) -> SqlResult<()> {
    commit_with(target, commit_as(cx, name), actions, operation).await
}

pub async fn commit_with(
    target: &mut Target,
    properties: CommitProperties,
    actions: Vec<Action>,
    operation: DeltaOperation,
) -> SqlResult<()> {
    let snapshot = target.delta.snapshot()?.snapshot().clone();
    CommitBuilder::from(properties)
        .with_actions(actions)
        .build(Some(&snapshot), target.delta.log_store(), operation)
        .await?;
    target.delta.update_state().await?;
    Ok(())
}

async fn set_properties(
    cx: &StatementContext,
    target: &mut Target,
    properties: Properties,
) -> SqlResult<()> {
    let config: HashMap<String, String> =
        properties.iter().filter(|(key, _)| !key.starts_with("delta.feature.")).cloned().collect();
    if config.is_empty() {
        return Ok(());
    }
    if config.contains_key(mapping::MODE) {
        let properties: Vec<(String, String)> = config.into_iter().collect();
        return alter_columns::set_mapping(cx, target, &properties).await;
    }
    let table = target.delta.clone();
    target.delta = table
        .set_tbl_properties()
        .with_properties(config)
        .with_raise_if_not_exists(false)
        .with_commit_properties(commit_properties(cx))
        .await?;
    publish_properties(cx, target).await
}

pub async fn publish_properties(cx: &StatementContext, target: &Target) -> SqlResult<()> {
    let all: BTreeMap<String, String> = target.configuration()?.into_iter().collect();
    let patch = PatchTable { properties: Some(all), ..Default::default() };
    patch_table(cx, &target.full_name(), &patch).await.map(drop)
}

async fn unset_properties(
    cx: &StatementContext,
    target: &mut Target,
    keys: Vec<String>,
    if_exists: bool,
) -> SqlResult<()> {
    let config = target.configuration()?;
    let mut metadata = target.delta.snapshot()?.metadata().clone();
    let mut gone = HashMap::new();
    for key in keys {
        if key.starts_with("delta.columnMapping.") {
            let text = format!("The property {key} cannot be unset");
            return Err(SqlError::new(
                "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
                "0AKDC",
                text,
            ));
        }
        match config.get(&key) {
            Some(value) => {
                metadata = metadata.remove_config_key(&key).map_err(SqlError::internal)?;
                gone.insert(key, value.clone());
            }
            None if if_exists => {}
            None => return Err(unset_missing(&key)),
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    let operation = DeltaOperation::SetTableProperties { properties: gone };
    commit(cx, target, "UNSET TBLPROPERTIES", vec![Action::Metadata(metadata)], operation).await?;
    publish_properties(cx, target).await
}

pub async fn add_constraint(
    cx: &StatementContext,
    full: &[String; 3],
    table: DeltaTable,
    constraint: Constraint,
) -> SqlResult<()> {
    let ConstraintRule::Check(check) = &constraint.rule else {
        return super::table::declare_key(cx, full, &constraint).await;
    };
    let name = constraint.name.clone().unwrap_or_else(|| format!("{}_check", full[2]));
    let key = format!("delta.constraints.{}", name.to_lowercase());
    if table.snapshot()?.metadata().configuration().keys().any(|k| k.to_lowercase() == key) {
        let text = format!("The constraint `{name}` already exists");
        return Err(SqlError::new("DELTA_CONSTRAINT_ALREADY_EXISTS", "42710", text));
    }
    let done = table
        .add_constraint()
        .with_constraint(name.to_lowercase(), check.text.clone())
        .with_session_state(session(cx))
        .with_commit_properties(commit_properties(cx))
        .await;
    done.map(drop).map_err(|error| {
        let cause = error.to_string();
        if ["violate", "Check constraint", "failed validation check"]
            .iter()
            .any(|w| cause.contains(w))
        {
            let text = format!("Rows of the table violate the new CHECK constraint `{name}`");
            return SqlError::new("DELTA_NEW_CHECK_CONSTRAINT_VIOLATION", "23512", text);
        }
        error.into()
    })
}

async fn drop_constraint(
    cx: &StatementContext,
    target: &Target,
    name: &str,
    if_exists: bool,
) -> SqlResult<()> {
    let key = format!("delta.constraints.{}", name.to_lowercase());
    let stored = target.configuration()?.into_keys().find(|k| k.to_lowercase() == key);
    if let Some(stored) = stored {
        let name = stored.strip_prefix("delta.constraints.").unwrap_or(name).to_owned();
        target
            .delta
            .clone()
            .drop_constraints()
            .with_constraint(name)
            .with_commit_properties(commit_properties(cx))
            .await?;
        return Ok(());
    }
    let path = format!(
        "constraints/{}?constraint_name={}&cascade=true",
        encode(&target.full_name()),
        encode(name)
    );
    match Rest::new(cx).delete(&path).await {
        Err(error) if super::rest::is_missing(&error) && if_exists => Ok(()),
        Err(error) if super::rest::is_missing(&error) => {
            let text = format!("The constraint `{name}` does not exist");
            Err(SqlError::new("DELTA_CONSTRAINT_DOES_NOT_EXIST", "42704", text))
        }
        done => done.map_err(SqlError::from),
    }
}

pub async fn comment_on(cx: &StatementContext, comment: CommentOn) -> SqlResult<Output> {
    let text = comment.comment.clone().unwrap_or_default();
    match comment.kind {
        ObjectKind::Catalog | ObjectKind::Schema => {
            super::catalog::comment(cx, comment.kind, &comment.name, text).await
        }
        ObjectKind::Volume => super::volume::comment(cx, &comment.name, text).await,
        ObjectKind::Table | ObjectKind::View => comment_on_table(cx, comment, text).await,
        other => Err(SqlError::unsupported(format!("COMMENT ON {}", other.word()))),
    }
}

async fn comment_on_table(
    cx: &StatementContext,
    comment: CommentOn,
    text: String,
) -> SqlResult<Output> {
    let full = cx.qualify_parts(&comment.name.0)?;
    let info = super::view::table_info(cx, &full).await?;
    if let Some(column) = &comment.column {
        if info.table_type == "VIEW" {
            let mut all = info.columns;
            let found = all.iter_mut().find(|c| c.name.eq_ignore_ascii_case(column));
            let found =
                found.ok_or_else(|| SqlError::column_not_found(format!("`{column}`"), &[]))?;
            found.comment = comment.comment;
            let patch = PatchTable { columns: Some(all), ..Default::default() };
            return patch_table(cx, &full.join("."), &patch).await;
        }
        let mut target =
            Target::open_for(cx, &comment.name, Access::Manage, Change::Metadata).await?;
        column_comment(cx, &mut target, column, comment.comment).await?;
        return Ok(Output::Empty);
    }
    if info.table_type != "VIEW" {
        let target = Target::open_for(cx, &comment.name, Access::Manage, Change::Metadata).await?;
        let update = TableMetadataUpdate { name: None, description: Some(text.clone()) };
        target
            .delta
            .clone()
            .update_table_metadata()
            .with_update(update)
            .with_commit_properties(commit_properties(cx))
            .await?;
    }
    let patch = PatchTable { comment: Some(text), ..Default::default() };
    patch_table(cx, &full.join("."), &patch).await
}
