//! CREATE TABLE: first the files, in a place nobody sees, then the name. DROP TABLE.
//!
//! OR REPLACE of a table that is there makes a new version of it: same place, same history.

use biplane_api::catalog::{CreateConstraint, TableInfo};
use biplane_api::internal::{
    Access, PublishMode, PublishTable, ResolvedTable, StagingTable, StagingTableRequest,
};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, Projection};
use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, Metadata, MetadataExt, Protocol, StructField, StructType};
use deltalake_core::logstore::get_actions;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::operations::write::WriteBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, TableProperty};
use std::sync::Arc;

use super::catalog::finish_drop;
use super::materialized::{self, MATERIALIZED_VIEW, STREAMING_TABLE};
use super::rest::{Rest, encode, is_taken};
use super::write::{
    Source, Target, align, commit_properties, commit_with_metrics, metric, session,
};
use super::{clone, clustering, columns, defaults, generated, identity, mapping, streaming};
use crate::commit_log::{CommitLog, Kept};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::{Modified, Output};
use crate::parser::{
    Constraint, ConstraintRule, CreateTable, Kept as KeptKind, Name, ObjectKind, Properties,
    TableSource,
};
use crate::session::SESSION;

/// A table about to be made.
pub struct Draft {
    pub full: [String; 3],
    pub fields: Vec<StructField>,
    pub partitions: Vec<String>,
    pub properties: Properties,
    pub comment: Option<String>,
    pub location: Option<String>,
    /// The rows of a CTAS, in the shape of the table.
    pub rows: Option<LogicalPlan>,
    /// The table of a CLONE.
    pub copy: Option<Arc<clone::Source>>,
    /// The query of a materialized view or a streaming table.
    pub definition: Option<Definition>,
}

pub struct Definition {
    pub table_type: &'static str,
    pub text: String,
    pub dependencies: Vec<String>,
}

impl Draft {
    fn table_type(&self) -> &'static str {
        match (&self.definition, &self.location) {
            (Some(definition), _) => definition.table_type,
            (None, Some(_)) => "EXTERNAL",
            (None, None) => "MANAGED",
        }
    }
}

pub async fn create(cx: &StatementContext, create: CreateTable) -> SqlResult<Output> {
    if create.temporary {
        return super::temporary::create(cx, create).await;
    }
    refuse(&create)?;
    let full = cx.qualify_parts(&create.name.0)?;
    check_name(&full)?;
    let or_refresh = create.kept == Some(KeptKind::StreamingTable { or_refresh: true });
    let old = existing(cx, &full, create.or_replace || or_refresh).await?;
    if let Some(old) = old.as_ref().filter(|_| or_refresh) {
        return streaming::go_on(cx, &create, old).await;
    }
    if old.is_some() && !create.or_replace {
        return match create.if_not_exists {
            true => Ok(Output::Empty),
            false => Err(SqlError::table_exists(create.name)),
        };
    }
    let if_not_exists = create.if_not_exists;
    let constraints = create.constraints.clone();
    let name = create.name.clone();
    let draft = draft(cx, full, create).await?;
    let full_name = draft.full.join(".");
    let query = draft.rows.is_some();
    if let Some(old) = &old {
        let kept = draft.definition.as_ref().map(|definition| definition.table_type);
        materialized::check_replaced(&old.info, kept)?;
    }
    let done = match old {
        Some(old) if old.storage.is_some() && draft.location.is_none() => {
            super::replace::run(cx, &draft, &old).await
        }
        Some(_) => publish(cx, &draft, PublishMode::Replace).await,
        None => publish(cx, &draft, PublishMode::Create).await,
    };
    let table = match done {
        Err(error) if if_not_exists && error.class == "TABLE_OR_VIEW_ALREADY_EXISTS" => {
            return Ok(Output::Empty);
        }
        done => done?,
    };
    cx.add_target(&full_name);
    for constraint in constraints {
        super::alter::add_constraint(cx, &draft.full, table.clone(), constraint).await?;
    }
    if let Some(source) = &draft.copy {
        return source.counts();
    }
    match &draft.definition {
        Some(kept) if kept.table_type == STREAMING_TABLE => {
            streaming::refresh(cx, &name, false).await
        }
        None if query => {
            Ok(Output::Modified(Modified::inserted(metric(&table, "num_added_rows").await?)))
        }
        _ => Ok(Output::Empty),
    }
}

/// Makes a table of rows that no query gives, unless it is there. Whether it was made.
pub async fn create_from_plan(
    cx: &StatementContext,
    full: [String; 3],
    rows: LogicalPlan,
) -> SqlResult<bool> {
    if existing(cx, &full, false).await?.is_some() {
        return Ok(false);
    }
    let fields = columns::fields_of_query(rows.schema().as_arrow(), false)?;
    let rows = shaped(cx, rows, &fields)?;
    let draft = Draft {
        full,
        fields,
        partitions: Vec::new(),
        properties: Properties::new(),
        comment: None,
        location: None,
        rows: Some(rows),
        copy: None,
        definition: None,
    };
    match publish(cx, &draft, PublishMode::Create).await {
        Err(error) if error.class == "TABLE_OR_VIEW_ALREADY_EXISTS" => Ok(false),
        done => done.map(|_| true),
    }
}

pub fn refuse(create: &CreateTable) -> SqlResult<()> {
    if create.or_replace && create.if_not_exists {
        return Err(SqlError::syntax("OR REPLACE and IF NOT EXISTS exclude each other", 0, 0));
    }
    match create.format.as_deref() {
        None | Some("delta") => {}
        Some(other) => {
            return Err(SqlError::unsupported(format!("a table USING {}", other.to_uppercase())));
        }
    }
    if !create.options.is_empty() {
        return Err(SqlError::unsupported("OPTIONS of a Delta table"));
    }
    let is_clone = matches!(create.source, TableSource::Clone { .. });
    if is_clone && (!create.partitioned_by.is_empty() || create.clustered_by.is_some()) {
        return Err(SqlError::unsupported("PARTITIONED BY or CLUSTER BY of a clone"));
    }
    Ok(())
}

pub fn check_name(full: &[String; 3]) -> SqlResult<()> {
    if full[1] == "information_schema" {
        return Err(SqlError::denied("The information schema cannot be changed"));
    }
    let name = &full[2];
    if name.len() > 255 || name.contains(['/', '.', ' ']) {
        let text = format!(
            "{name:?} is not a valid name of a table: at most 255 bytes, no '.', '/' or space"
        );
        return Err(SqlError::new("INVALID_SCHEMA_OR_RELATION_NAME", "42602", text));
    }
    Ok(())
}

fn is_mapped(draft: &Draft) -> bool {
    mapping::is_mapped(draft.properties.iter().map(|(key, value)| (key, value)))
}

/// What stands under the name now. To replace it, the right to manage it is needed.
async fn existing(
    cx: &StatementContext,
    full: &[String; 3],
    replace: bool,
) -> SqlResult<Option<ResolvedTable>> {
    let access = if replace { Access::Manage } else { Access::Metadata };
    let mut found = cx.try_resolve(std::slice::from_ref(full), access, &[]).await?;
    match found.pop() {
        Some(Ok(table)) => Ok(Some(table)),
        // Taken, but not ours to see: the answer of `staging-tables` says so.
        Some(Err(error)) if error.error_code == "PERMISSION_DENIED" && !replace => Ok(None),
        Some(Err(error)) if error.error_code == "TABLE_DOES_NOT_EXIST" => Ok(None),
        Some(Err(error)) => Err(error.into()),
        None => Err(SqlError::internal("resolve answered nothing")),
    }
}

pub async fn draft(
    cx: &StatementContext,
    full: [String; 3],
    create: CreateTable,
) -> SqlResult<Draft> {
    let partitions: Vec<String> = create.partitioned_by.iter().map(|p| p.name.clone()).collect();
    let mut out = Draft {
        full,
        fields: Vec::new(),
        partitions,
        properties: create.properties.clone(),
        comment: create.comment.clone(),
        location: create.location.clone(),
        rows: None,
        copy: None,
        definition: None,
    };
    if let (Some(kept), TableSource::Query(query)) = (create.kept, &create.source) {
        let table_type = match kept {
            KeptKind::MaterializedView => MATERIALIZED_VIEW,
            KeptKind::StreamingTable { .. } => STREAMING_TABLE,
        };
        out.definition = Some(materialized::definition(cx, query, &out.full, table_type)?);
    }
    match &create.source {
        TableSource::Columns => {
            let mut all = create.columns.clone();
            for partition in &create.partitioned_by {
                if let Some(sql_type) = &partition.sql_type {
                    all.push(crate::parser::ColumnDef {
                        name: partition.name.clone(),
                        sql_type: sql_type.clone(),
                        not_null: false,
                        comment: None,
                        default: None,
                        generated: None,
                    });
                }
            }
            let fields = columns::delta_fields(&all, is_mapped(&out))?;
            let fields = generated::declare(cx, &all, fields).await?;
            out.fields = defaults::declare(cx, &all, fields).await?;
        }
        TableSource::Query(query) => {
            if !create.columns.is_empty() {
                return Err(SqlError::unsupported("a list of columns with types before AS SELECT"));
            }
            out.rows = Some(match create.kept {
                Some(KeptKind::StreamingTable { .. }) => {
                    streaming::rows(cx, &query.query, Arc::default()).await?
                }
                _ => cx.plan_query(&query.query).await?,
            });
        }
        TableSource::Like(name) => {
            let like = Target::open(cx, name, Access::Metadata).await?;
            out.fields =
                like.schema()?.fields().map(mapping::unmapped).collect::<SqlResult<_>>()?;
            if out.partitions.is_empty() {
                out.partitions = like.partitions()?;
            }
        }
        TableSource::Clone { table, version } => {
            return super::clone::draft(cx, out, &create, table, version.as_ref()).await;
        }
    }
    if let Some(rows) = out.rows.take() {
        out.fields = columns::fields_of_query(rows.schema().as_arrow(), is_mapped(&out))?;
        // A streaming table begins without rows.
        if !matches!(create.kept, Some(KeptKind::StreamingTable { .. })) {
            out.rows = Some(shaped(cx, rows, &out.fields)?);
        }
    }
    settle_partitions(&mut out)?;
    if let Some(clustering) = &create.clustered_by {
        let schema = StructType::try_new(out.fields.iter().cloned())
            .map_err(|e| columns::invalid_schema(&e))?;
        out.properties.retain(|(key, _)| key != clustering::KEY);
        if let Some(columns) = clustering::settle(&schema, &out.partitions, clustering)? {
            out.properties.push((clustering::KEY.to_owned(), columns));
        }
    }
    Ok(out)
}

/// Partition columns by the names of the columns; at least one column stays for the files.
fn settle_partitions(draft: &mut Draft) -> SqlResult<()> {
    for name in &mut draft.partitions {
        let of_identity = draft.fields.iter().find(|field| field.name().eq_ignore_ascii_case(name));
        if of_identity.is_some_and(|field| identity::rule_of(field).is_some()) {
            let text = format!("The identity column `{name}` cannot be a partition column");
            return Err(SqlError::new(
                "DELTA_IDENTITY_COLUMNS_PARTITION_NOT_SUPPORTED",
                "42601",
                text,
            ));
        }
        let found = draft.fields.iter().find(|field| field.name().eq_ignore_ascii_case(name));
        match found {
            Some(field) => *name = field.name().clone(),
            None => return Err(SqlError::column_not_found(format!("`{name}`"), &[])),
        }
    }
    if !draft.fields.is_empty() && draft.partitions.len() >= draft.fields.len() {
        let text = "Cannot use all columns as partition columns";
        return Err(SqlError::new("ALL_PARTITION_COLUMNS_NOT_ALLOWED", "KD005", text));
    }
    Ok(())
}

/// The rows of a query with the types and the nullability of the table's columns.
pub fn shaped(
    cx: &StatementContext,
    rows: LogicalPlan,
    fields: &[StructField],
) -> SqlResult<LogicalPlan> {
    let schema =
        StructType::try_new(fields.iter().cloned()).map_err(|e| columns::invalid_schema(&e))?;
    let schema = columns::arrow_schema(&schema)?;
    let same: Vec<Source> = (0..fields.len()).map(Source::At).collect();
    let aligned = align(cx, rows, &schema, &same)?;
    let LogicalPlan::Projection(projection) = &aligned else { return Ok(aligned) };
    let exprs: Vec<Expr> = projection.expr.clone();
    let schema = Arc::new(DFSchema::try_from(schema.as_ref().clone())?);
    let nullable = Projection::try_new_with_schema(exprs, projection.input.clone(), schema)?;
    Ok(LogicalPlan::Projection(nullable))
}

/// Properties that the log keeps. Features that nothing here makes use of are left out, so that no
/// other writer is kept away.
pub fn configuration(properties: &Properties) -> Vec<(String, Option<String>)> {
    properties
        .iter()
        .filter(|(key, _)| {
            !key.starts_with("delta.feature.")
                && !key.starts_with("option.")
                && key != mapping::COLUMN_ID_MAX
        })
        .map(|(key, value)| (key.clone(), Some(value.clone())))
        .collect()
}

async fn publish(cx: &StatementContext, draft: &Draft, mode: PublishMode) -> SqlResult<DeltaTable> {
    let [catalog_name, schema_name, name] = draft.full.clone();
    let request = StagingTableRequest {
        catalog_name: catalog_name.clone(),
        schema_name: schema_name.clone(),
        name: name.clone(),
        location: draft.location.clone(),
    };
    let staging: StagingTable =
        cx.control().post("/internal/v1/staging-tables", cx.token(), &request).await?;
    let location = cx.location(&staging.storage)?;
    let table =
        if draft.location.is_some() && location.log_store().is_delta_table_location().await? {
            adopt(draft, location.delta()).await?
        } else {
            make(cx, draft, location.log_store()).await?
        };
    let snapshot = table.snapshot()?;
    let partitions = snapshot.metadata().partition_columns().to_vec();
    let body = PublishTable {
        catalog_name,
        schema_name,
        name,
        table_type: draft.table_type().to_owned(),
        data_source_format: Some("DELTA".to_owned()),
        columns: columns::column_infos(snapshot.schema().as_ref(), &partitions),
        staging_table_id: Some(staging.table_id),
        view_definition: draft.definition.as_ref().map(|view| view.text.clone()),
        view_dependencies: draft
            .definition
            .as_ref()
            .map_or_else(Vec::new, |view| view.dependencies.clone()),
        comment: draft.comment.clone(),
        properties: draft.properties.iter().cloned().collect(),
        mode,
    };
    let done = cx.control().post::<TableInfo>("/internal/v1/tables", cx.token(), &body).await;
    match done {
        Err(error) if is_taken(&error) => Err(SqlError::table_exists(Name(draft.full.to_vec()))),
        done => done.map(|_| table).map_err(SqlError::from),
    }
}

/// A Delta table that lies at the LOCATION already.
async fn adopt(draft: &Draft, mut table: DeltaTable) -> SqlResult<DeltaTable> {
    table.load().await?;
    if draft.rows.is_some() || draft.copy.is_some() {
        let text =
            "The location holds a Delta table already; CREATE TABLE … AS SELECT needs an empty one";
        return Err(SqlError::new("DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION", "42601", text));
    }
    let there = table.snapshot()?.schema();
    let same = there.fields().map(|f| (f.name().to_lowercase(), f.data_type()));
    let given = draft.fields.iter().map(|f| (f.name().to_lowercase(), f.data_type()));
    if !draft.fields.is_empty() && !same.eq(given) {
        let text = "The columns given are not those of the Delta table at the location";
        return Err(SqlError::new("DELTA_CREATE_TABLE_SCHEME_MISMATCH", "42KD7", text));
    }
    Ok(table)
}

pub async fn make(
    cx: &StatementContext,
    draft: &Draft,
    log_store: deltalake_core::logstore::LogStoreRef,
) -> SqlResult<DeltaTable> {
    if draft.fields.is_empty() {
        let text = "A table needs at least one column";
        return Err(SqlError::new("DELTA_EMPTY_SCHEMA", "428GU", text));
    }
    if draft.rows.is_none() && draft.copy.is_none() {
        let mut builder = CreateBuilder::new()
            .with_log_store(log_store)
            .with_columns(draft.fields.clone())
            .with_partition_columns(draft.partitions.clone())
            .with_configuration(configuration(&draft.properties))
            .with_raise_if_key_not_exists(false)
            .with_commit_properties(commit_properties(cx));
        if let Some(comment) = &draft.comment {
            builder = builder.with_comment(comment);
        }
        return Ok(builder.await?);
    }
    let made = made(cx, draft, log_store.clone()).await?;
    let operation = DeltaOperation::Create {
        mode: SaveMode::ErrorIfExists,
        location: log_store.root_url().clone(),
        protocol: made.protocol.clone(),
        metadata: made.metadata.clone(),
    };
    let mut actions = vec![Action::Protocol(made.protocol), Action::Metadata(made.metadata)];
    actions.extend(made.files);
    let name = if draft.copy.is_some() { "CLONE" } else { "CREATE TABLE AS SELECT" };
    let properties = commit_with_metrics(cx, name, made.metrics);
    let commit = CommitBuilder::from(properties)
        .with_actions(actions)
        .build(None, log_store.clone(), operation)
        .await?;
    let mut table = DeltaTable::new(log_store);
    table.state = Some(commit.snapshot());
    Ok(table)
}

/// What a commit that makes a table says.
pub struct Made {
    pub protocol: Protocol,
    pub metadata: Metadata,
    pub files: Vec<Action>,
    /// `operationMetrics`.
    pub metrics: Option<serde_json::Value>,
}

/// Writes the files of a draft where a table is already, and commits nothing.
pub async fn made(
    cx: &StatementContext,
    draft: &Draft,
    log_store: deltalake_core::logstore::LogStoreRef,
) -> SqlResult<Made> {
    if let Some(source) = &draft.copy {
        return source.made(&log_store).await;
    }
    let rows = match &draft.rows {
        Some(rows) => rows.clone(),
        None => {
            if draft.fields.is_empty() {
                let text = "A table needs at least one column";
                return Err(SqlError::new("DELTA_EMPTY_SCHEMA", "428GU", text));
            }
            let schema = StructType::try_new(draft.fields.iter().cloned())
                .map_err(|e| columns::invalid_schema(&e))?;
            let schema = columns::arrow_schema(&schema)?;
            let schema = Arc::new(DFSchema::try_from(schema.as_ref().clone())?);
            LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema })
        }
    };
    let kept = Arc::new(Kept::default());
    let all = configuration(&draft.properties);
    let is_known = |key: &str| key.parse::<TableProperty>().is_ok();
    let mut builder =
        WriteBuilder::new(Arc::new(CommitLog::keeping(log_store, kept.clone())), None)
            .with_input_plan(rows)
            .with_save_mode(SaveMode::ErrorIfExists)
            .with_partition_columns(draft.partitions.clone())
            // The library takes no properties but those it knows.
            .with_configuration(all.iter().filter(|(key, _)| is_known(key)).cloned())
            .with_session_state(session(cx));
    if let Some(comment) = &draft.comment {
        builder = builder.with_description(comment);
    }
    let done = builder.await;
    // What follows the commit may fail, for there was none.
    let Some(commit) = kept.take() else {
        return Err(done
            .err()
            .map_or_else(|| SqlError::internal("no commit was made"), Into::into));
    };
    let (mut protocol, mut metadata) = (None, None);
    let (mut files, mut metrics) = (Vec::new(), None);
    for action in get_actions(0, &commit)? {
        match action {
            Action::Protocol(found) => protocol = Some(found),
            Action::Metadata(found) => metadata = Some(found),
            Action::CommitInfo(info) => metrics = info.info.get("operationMetrics").cloned(),
            Action::Add(_) => files.push(action),
            _ => {}
        }
    }
    let (Some(mut protocol), Some(mut metadata)) = (protocol, metadata) else {
        return Err(SqlError::internal("a new table has no metadata"));
    };
    for (key, value) in all.into_iter().filter(|(key, _)| !is_known(key)) {
        let value = value.unwrap_or_default();
        metadata = metadata.add_config_key(key, value).map_err(SqlError::internal)?;
    }
    let schema = StructType::try_new(draft.fields.iter().cloned())
        .map_err(|e| columns::invalid_schema(&e))?;
    if let Some(more) = mapping::protocol(&protocol, &schema, metadata.configuration())? {
        protocol = more;
    }
    Ok(Made { protocol, metadata, files, metrics })
}

/// A primary or foreign key, which the catalog keeps for information.
pub async fn declare_key(
    cx: &StatementContext,
    full: &[String; 3],
    constraint: &Constraint,
) -> SqlResult<()> {
    let name = constraint.name.clone().unwrap_or_else(|| match &constraint.rule {
        ConstraintRule::PrimaryKey { .. } => format!("{}_pk", full[2]),
        ConstraintRule::ForeignKey { columns, .. } => {
            format!("{}_{}_fk", full[2], columns.join("_"))
        }
        ConstraintRule::Check(_) => format!("{}_check", full[2]),
    });
    let body = match &constraint.rule {
        ConstraintRule::PrimaryKey { columns, rely } => serde_json::json!({
            "primary_key_constraint": { "name": name, "child_columns": columns, "rely": rely }
        }),
        ConstraintRule::ForeignKey { columns, parent, parent_columns } => {
            let parent = cx.qualify_parts(&parent.0)?.join(".");
            let parent_columns = if parent_columns.is_empty() { columns } else { parent_columns };
            serde_json::json!({ "foreign_key_constraint": {
                "name": name, "child_columns": columns, "parent_table": parent, "parent_columns": parent_columns
            } })
        }
        ConstraintRule::Check(_) => return Err(SqlError::internal("a CHECK is no key")),
    };
    let body = CreateConstraint { full_name_arg: full.join("."), constraint: body };
    let _: serde_json::Value = Rest::new(cx).post("constraints", &body).await?;
    Ok(())
}

pub async fn drop(
    cx: &StatementContext,
    name: &Name,
    if_exists: bool,
    kind: ObjectKind,
) -> SqlResult<Output> {
    let view = kind == ObjectKind::View;
    if let [one] = name.0.as_slice()
        && view
        && cx.objects.drop_temp_view(one)
    {
        return Ok(Output::Empty);
    }
    let of_session = match name.0.as_slice() {
        [one] if kind == ObjectKind::Table => cx.objects.drop_temp_table(one),
        // DROP TEMPORARY TABLE: no other will do.
        [session, _, one] if session == SESSION => {
            if !cx.objects.drop_temp_table(one) && !if_exists {
                return Err(SqlError::table_not_found(format!("`{one}`")));
            }
            true
        }
        _ => false,
    };
    if of_session {
        return Ok(Output::Empty);
    }
    let full = cx.qualify_parts(&name.0)?;
    let mut found = cx.try_resolve(std::slice::from_ref(&full), Access::Manage, &[]).await?;
    let table = match found.pop() {
        Some(Ok(table)) => table,
        Some(Err(error)) if if_exists && error.error_code.ends_with("_DOES_NOT_EXIST") => {
            return Ok(Output::Empty);
        }
        Some(Err(error)) => return Err(error.into()),
        None => return Err(SqlError::table_not_found(name)),
    };
    let is_materialized = table.info.table_type == MATERIALIZED_VIEW;
    if is_materialized != (kind == ObjectKind::MaterializedView) {
        return Err(materialized::wrong_kind(name, is_materialized));
    }
    let is_view = table.info.table_type == "VIEW";
    if is_view != view {
        let (class, text) = match view {
            true => (
                "EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE",
                format!("{name} is a table. Use DROP TABLE instead"),
            ),
            false => (
                "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
                format!("{name} is a view. Use DROP VIEW instead"),
            ),
        };
        return Err(SqlError::new(class, "42809", text));
    }
    let path = format!("tables/{}", encode(&full.join(".")));
    finish_drop(Rest::new(cx).delete(&path).await, if_exists)
}
