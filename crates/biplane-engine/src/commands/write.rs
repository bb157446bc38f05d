//! What all writes to a Delta table share: opening the target, giving rows its types, committing.

use arrow::compute::can_cast_types;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use biplane_api::catalog::TableInfo;
use biplane_api::internal::{Access, PatchTable, Storage};
use datafusion::catalog::Session;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use deltalake_core::DeltaTable;
use deltalake_core::delta_datafusion::planner::DeltaPlanner;
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::operations::write::WriteBuilder;
use deltalake_core::protocol::SaveMode;
use futures::TryStreamExt;
use std::collections::HashMap;
use std::sync::Arc;

use super::handed::{Check, handed};
use super::identity::Numbering;
use super::protocol::{self, Change};
use super::{columns, defaults, generated, not_null};
use crate::commit_log::OPERATION;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::parser::Name;
use crate::session::SESSION;
use crate::storage::Location;

/// A Delta table that a statement writes to.
pub struct Target {
    pub full: [String; 3],
    pub info: TableInfo,
    pub delta: DeltaTable,
    pub storage: Option<Storage>,
    /// Of the rows that a statement inserts.
    pub numbering: Numbering,
}

impl Target {
    pub async fn open(cx: &StatementContext, name: &Name, access: Access) -> SqlResult<Self> {
        let full = cx.table_parts(&name.0)?;
        if let [one] = name.0.as_slice()
            && cx.objects.temp_view(one).is_some()
        {
            let text = format!("{name} is a temporary view; a table is expected");
            return Err(SqlError::new("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", text));
        }
        if full[1] == "information_schema" {
            return Err(SqlError::denied("The information schema cannot be changed"));
        }
        let mut found = cx.resolve(std::slice::from_ref(&full), access).await?;
        let table = found.pop().ok_or_else(|| SqlError::table_not_found(name))?;
        let format = table.info.data_source_format.as_deref().unwrap_or("DELTA");
        if !format.eq_ignore_ascii_case("delta") {
            return Err(SqlError::unsupported(format!(
                "this statement on a table of the format {format}"
            )));
        }
        let delta = cx.delta_table(&table).await?;
        Ok(Self {
            full,
            info: table.info,
            delta,
            storage: table.storage,
            numbering: Numbering::default(),
        })
    }

    /// To change it. Refused where that would spoil the table.
    pub async fn open_for(
        cx: &StatementContext,
        name: &Name,
        access: Access,
        change: Change,
    ) -> SqlResult<Self> {
        let target = Self::open(cx, name, access).await?;
        super::materialized::check_changed(&target.info)?;
        protocol::check(&target.delta, change)?;
        Ok(target)
    }

    /// Where its files are.
    pub fn location(&self, cx: &StatementContext) -> SqlResult<Location> {
        let storage = self.storage.as_ref().ok_or_else(|| SqlError::internal("no storage"))?;
        cx.location(storage)
    }

    pub fn full_name(&self) -> String {
        self.full.join(".")
    }

    pub fn schema(&self) -> SqlResult<Arc<StructType>> {
        Ok(self.delta.snapshot()?.schema())
    }

    pub fn arrow_schema(&self) -> SqlResult<SchemaRef> {
        columns::arrow_schema(self.schema()?.as_ref())
    }

    pub fn partitions(&self) -> SqlResult<Vec<String>> {
        Ok(self.delta.snapshot()?.metadata().partition_columns().to_vec())
    }

    pub fn configuration(&self) -> SqlResult<HashMap<String, String>> {
        Ok(self.delta.snapshot()?.metadata().configuration().clone())
    }

    /// Whether its feed of changes is on.
    pub fn records_changes(&self) -> SqlResult<bool> {
        let configuration = self.configuration()?;
        let value = configuration.get("delta.enableChangeDataFeed");
        Ok(value.is_some_and(|value| value.eq_ignore_ascii_case("true")))
    }

    /// What the catalog shows of the columns, once the log has changed.
    pub async fn publish_columns(&self, cx: &StatementContext) -> SqlResult<()> {
        let columns = columns::column_infos(self.schema()?.as_ref(), &self.partitions()?);
        if self.full[0] == SESSION {
            cx.objects.set_temp_columns(&self.full[2], columns);
            return Ok(());
        }
        let patch = PatchTable { columns: Some(columns), ..Default::default() };
        super::view::patch_table(cx, &self.full_name(), &patch).await.map(drop)
    }
}

/// The session of the statement, able to plan the nodes that delta-rs puts into its plans.
pub fn session(cx: &StatementContext) -> Arc<dyn Session> {
    let state = SessionStateBuilder::new_from_existing(cx.session.state());
    Arc::new(state.with_query_planner(DeltaPlanner::new()).build())
}

/// Who did it, for the history of the table.
pub fn commit_properties(cx: &StatementContext) -> CommitProperties {
    let user = serde_json::Value::String(cx.state.user_name.clone());
    CommitProperties::default()
        .with_metadata([("userName".to_owned(), user)])
        .with_create_checkpoint(true)
}

/// The same, with the operation as Databricks calls it.
pub fn commit_as(cx: &StatementContext, operation: &str) -> CommitProperties {
    let text = |text: &str| serde_json::Value::String(text.to_owned());
    commit_properties(cx).with_metadata([
        ("userName".to_owned(), text(&cx.state.user_name)),
        (OPERATION.to_owned(), text(operation)),
    ])
}

/// The same, with what the commit did.
pub fn commit_with_metrics(
    cx: &StatementContext,
    operation: &str,
    metrics: Option<serde_json::Value>,
) -> CommitProperties {
    let text = |text: &str| serde_json::Value::String(text.to_owned());
    let mut all = vec![
        ("userName".to_owned(), text(&cx.state.user_name)),
        (OPERATION.to_owned(), text(operation)),
    ];
    all.extend(metrics.map(|metrics| ("operationMetrics".to_owned(), metrics)));
    commit_properties(cx).with_metadata(all)
}

/// Where a column of a table takes its values from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The column of the query at this position.
    At(usize),
    Value(Expr, DataType),
    Null,
}

/// Rows in the shape of the table: its columns in its order, with its types.
pub fn align(
    cx: &StatementContext,
    plan: LogicalPlan,
    target: &SchemaRef,
    sources: &[Source],
) -> SqlResult<LogicalPlan> {
    let schema = plan.schema().clone();
    let mut exprs = Vec::with_capacity(sources.len());
    for (field, source) in target.fields().iter().zip(sources) {
        let expr = match source {
            Source::At(position) => {
                let (qualifier, from) = schema.qualified_field(*position);
                let column = Expr::Column(Column::from((qualifier, from)));
                let column = if from.metadata().is_empty() { column } else { bare(column) };
                assign(cx, column, from.data_type(), field.data_type(), field.name())?
            }
            Source::Value(expr, from) => {
                assign(cx, expr.clone(), from, field.data_type(), field.name())?
            }
            Source::Null => {
                let null = ScalarValue::try_from(field.data_type()).map_err(SqlError::from)?;
                lit(null)
            }
        };
        exprs.push(not_null::required(expr, field).alias(field.name()));
    }
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}

/// Rows that are inserted: what has no source gets its default or its number, then what follows from the
/// others is computed.
pub async fn inserted(
    cx: &StatementContext,
    plan: LogicalPlan,
    schema: &SchemaRef,
    mut sources: Vec<Source>,
    numbering: &Numbering,
) -> SqlResult<LogicalPlan> {
    let given: Vec<bool> = sources.iter().map(|source| !matches!(source, Source::Null)).collect();
    defaults::fill(cx, schema, &mut sources).await?;
    for (field, source) in schema.fields().iter().zip(&mut sources) {
        if let (Source::Null, Some(number)) = (&source, numbering.value(field.name())) {
            *source = Source::Value(number, DataType::Int64);
        }
        if matches!(source, Source::Null) && !field.is_nullable() && !generated::is_generated(field)
        {
            let text = format!("The column `{}` is NOT NULL and has no value", field.name());
            return Err(SqlError::new("DELTA_MISSING_NOT_NULL_COLUMN_VALUE", "23502", text));
        }
    }
    // What is computed is checked once it is there.
    let loose: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let nullable = field.is_nullable() || generated::is_generated(field);
            field.as_ref().clone().with_nullable(nullable)
        })
        .collect();
    let rows = align(cx, plan, &Arc::new(Schema::new(loose)), &sources)?;
    generated::complete(cx, rows, schema, &given).await
}

/// The value alone: what its column says of itself is nothing for the table it goes to.
fn bare(value: Expr) -> Expr {
    handed(Bare, vec![value])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bare;

impl Check for Bare {
    const NAME: &'static str = "bare";

    fn check(&self, _arguments: &[ColumnarValue], _rows: usize) -> Result<()> {
        Ok(())
    }
}

/// A value on its way into a column: cast with an error where it does not fit.
pub fn assign(
    cx: &StatementContext,
    expr: Expr,
    from: &DataType,
    to: &DataType,
    column: &str,
) -> SqlResult<Expr> {
    if from == to {
        return Ok(expr);
    }
    let odd = (from.is_temporal() && to.is_numeric()) || (from.is_numeric() && to.is_temporal());
    if odd || !(can_cast_types(from, to) || (from.is_nested() && to.is_nested())) {
        let text = format!(
            "Cannot write the column `{column}`: a value of the type \"{}\" cannot be stored as \"{}\"",
            crate::encode::types::sql_text(from),
            crate::encode::types::sql_text(to)
        );
        return Err(SqlError::new("INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "KD000", text));
    }
    // Text and wall-clock times are read in the time zone of the session.
    let local = matches!(to, DataType::Timestamp(_, Some(_)))
        && (from.is_string() || matches!(from, DataType::Date32 | DataType::Timestamp(_, None)));
    if local {
        let zone = Some(cx.settings.plan_zone());
        return Ok(cast(cast(expr, DataType::Timestamp(TimeUnit::Microsecond, zone)), to.clone()));
    }
    // And shown in it, when a time becomes text or a date.
    let shown = matches!(from, DataType::Timestamp(_, Some(_)))
        && (to.is_string() || matches!(to, DataType::Date32 | DataType::Timestamp(_, None)));
    if shown {
        let zone = Some(cx.settings.plan_zone());
        return Ok(cast(cast(expr, DataType::Timestamp(TimeUnit::Microsecond, zone)), to.clone()));
    }
    Ok(cast(expr, to.clone()))
}

/// A writer of rows to a table that is there.
pub fn writer(
    cx: &StatementContext,
    target: &Target,
    plan: LogicalPlan,
    mode: SaveMode,
) -> SqlResult<WriteBuilder> {
    let snapshot = target.delta.snapshot()?.snapshot().clone();
    Ok(WriteBuilder::new(target.delta.log_store(), Some(snapshot))
        .with_input_plan(plan)
        .with_save_mode(mode)
        .with_session_state(session(cx))
        .with_commit_properties(target.numbering.properties(commit_properties(cx))))
}

/// `operationMetrics` of the version that a table is at: what its last commit did.
pub async fn metric(table: &DeltaTable, key: &str) -> SqlResult<i64> {
    let mut infos: Vec<_> = table.history(Some(1)).try_collect().await?;
    let Some(info) = infos.pop() else { return Ok(0) };
    let metrics = info.info.get("operationMetrics");
    let value = metrics.and_then(|metrics| metrics.get(key));
    let number = value.and_then(|v| v.as_i64().or_else(|| v.as_str().and_then(|s| s.parse().ok())));
    Ok(number.unwrap_or(0))
}

/// A column of a table by its name in any case.
pub fn find_column(schema: &SchemaRef, name: &str) -> SqlResult<usize> {
    let position = schema
        .fields()
        .iter()
        .position(|field| field.name() == name)
        .or_else(|| {
            schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name))
        })
        .or_else(|| {
            let lower = name.to_lowercase();
            schema.fields().iter().position(|field| field.name().to_lowercase() == lower)
        });
    position.ok_or_else(|| {
        let names: Vec<String> =
            schema.fields().iter().map(|f| format!("`{}`", f.name())).collect();
        SqlError::column_not_found(format!("`{name}`"), &names[..names.len().min(5)])
    })
}

pub fn batch_i64(batch: &arrow::array::RecordBatch) -> Option<i64> {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int64Type;
    let column = batch.columns().first()?;
    let column = arrow::compute::cast(column, &DataType::Int64).ok()?;
    let column = column.as_primitive_opt::<Int64Type>()?;
    (column.len() == 1 && column.is_valid(0)).then(|| column.value(0))
}

/// The single number that a query gives.
pub async fn number(cx: &StatementContext, plan: LogicalPlan) -> SqlResult<i64> {
    let batches: Vec<_> = cx.execute(plan).await?.try_collect().await?;
    let number = batches.iter().find(|batch| batch.num_rows() > 0).and_then(batch_i64);
    Ok(number.unwrap_or(0))
}
