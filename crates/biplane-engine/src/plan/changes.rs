//! `table_changes('t', from[, to])`: the rows that commits put into a table and took out of it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::{TableType, ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr as LogicalExpr, LogicalPlanBuilder, cast, ident};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::sql::sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, Value};
use deltalake_core::DeltaTable;
use deltalake_core::delta_datafusion::DeltaCdfTableProvider;
use std::sync::Arc;

use biplane_api::internal::Storage;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

const ENABLED: &str = "delta.enableChangeDataFeed";

/// A version of a table, or the commits up to a time.
enum Bound {
    Version(u64),
    Time(DateTime<Utc>),
}

/// The name of the table and the bounds, as they are written.
pub fn arguments(args: &[FunctionArg]) -> SqlResult<(Vec<String>, Vec<Expr>)> {
    let usage = || SqlError::invalid_parameter("table_changes takes a table, a start and an end");
    let mut exprs = Vec::new();
    for arg in args {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => exprs.push(expr.clone()),
            _ => return Err(usage()),
        }
    }
    if !(2..=3).contains(&exprs.len()) {
        return Err(usage());
    }
    let table = exprs.remove(0);
    let Expr::Value(value) = &table else { return Err(usage()) };
    let (Value::SingleQuotedString(text) | Value::DoubleQuotedString(text)) = &value.value else {
        return Err(usage());
    };
    Ok((crate::parser::parse_name(text)?.0, exprs))
}

pub async fn provider(
    cx: &StatementContext,
    name: &[String; 3],
    storage: &Storage,
    bounds: &[Expr],
) -> SqlResult<Arc<dyn TableProvider>> {
    let mut table = cx.location(storage)?.delta();
    table.load().await?;
    let newest = table.version().unwrap_or_default();
    let from = match bounds.first() {
        Some(from) => bound(cx, from).await?,
        None => return Err(SqlError::internal("table_changes has no start")),
    };
    let from = match from {
        Bound::Version(version) => version,
        Bound::Time(at) => first_since(cx, storage, at).await?,
    };
    let to = match bounds.get(1) {
        None => newest,
        Some(to) => match bound(cx, to).await? {
            Bound::Version(version) => version.min(newest),
            Bound::Time(at) => version_at(&mut cx.location(storage)?.delta(), at).await?.0,
        },
    };
    if from > newest {
        let text =
            format!("Cannot time travel Delta table to version {from}; {newest} is the newest");
        return Err(SqlError::new("DELTA_VERSION_NOT_FOUND", "22003", text));
    }
    if to < from {
        let text = format!("The range from {from} to {to} ends before it begins");
        return Err(SqlError::new("DELTA_INVALID_CDC_RANGE", "22003", text));
    }
    check_recorded(cx, name, storage, from).await?;
    let changes = table.scan_cdf().with_starting_version(from).with_ending_version(to);
    let provider = DeltaCdfTableProvider::try_new(changes)?;
    shown(Arc::new(Feed(provider)))
}

/// The library's provider, whose plans have partition columns last, whatever its schema says.
#[derive(Debug)]
struct Feed(DeltaCdfTableProvider);

#[async_trait]
impl TableProvider for Feed {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[LogicalExpr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.0.scan(state, None, &[], None).await?;
        // Where there are no files of a kind, the library reads none in no partition, which cannot be sorted.
        let plan = plan.transform_up(|node| {
            let is_nothing =
                node.children().is_empty() && node.output_partitioning().partition_count() == 0;
            Ok(match is_nothing {
                true => Transformed::yes(Arc::new(EmptyExec::new(node.schema())) as _),
                false => Transformed::no(node),
            })
        });
        let plan = plan.data()?;
        let schema = self.0.schema();
        let wanted = match projection {
            Some(projection) => Arc::new(schema.project(projection)?),
            None => schema,
        };
        let from = plan.schema();
        let columns = wanted.fields().iter().map(|field| {
            let name = field.name();
            let column = PhysicalColumn::new(name, from.index_of(name)?);
            Ok((Arc::new(column) as Arc<dyn PhysicalExpr>, name.clone()))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }
}

/// The columns of the feed, with the types that Databricks has.
fn shown(provider: Arc<dyn TableProvider>) -> SqlResult<Arc<dyn TableProvider>> {
    let schema = provider.schema();
    let scan = LogicalPlanBuilder::scan("changes", provider_as_source(provider), None)?;
    let columns = schema.fields().iter().map(|field| {
        let column = ident(field.name());
        let column = match field.name().as_str() {
            "_commit_version" => cast(column, DataType::Int64),
            "_commit_timestamp" => {
                cast(column, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
            }
            _ => column,
        };
        column.alias(field.name())
    });
    let plan = scan.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

async fn bound(cx: &StatementContext, expr: &Expr) -> SqlResult<Bound> {
    let value = cx.constant(expr).await?;
    let invalid = |why: &str| SqlError::invalid_parameter(format!("table_changes: {why}"));
    if value.is_null() {
        return Err(invalid("a bound is NULL"));
    }
    if value.data_type().is_integer() {
        let ScalarValue::Int64(Some(version)) = value.cast_to(&DataType::Int64)? else {
            return Err(invalid("a version is not a number"));
        };
        return u64::try_from(version)
            .map(Bound::Version)
            .map_err(|_| invalid("a version is not negative"));
    }
    let target = DataType::Timestamp(TimeUnit::Microsecond, Some(cx.settings.plan_zone()));
    let ScalarValue::TimestampMicrosecond(Some(micros), _) = value.cast_to(&target)? else {
        return Err(invalid("a bound is neither a version nor a time"));
    };
    let time = DateTime::from_timestamp_micros(micros);
    time.map(Bound::Time).ok_or_else(|| invalid("a time is out of range"))
}

/// The newest version up to a time, and when it was made.
async fn version_at(table: &mut DeltaTable, at: DateTime<Utc>) -> SqlResult<(u64, Option<i64>)> {
    table.load_with_datetime(at).await?;
    let version = table.version().unwrap_or_default();
    Ok((version, table.snapshot()?.version_timestamp(version)))
}

/// The first version from a time on.
async fn first_since(
    cx: &StatementContext,
    storage: &Storage,
    at: DateTime<Utc>,
) -> SqlResult<u64> {
    let (version, made) = version_at(&mut cx.location(storage)?.delta(), at).await?;
    Ok(match made {
        Some(made) if made < at.timestamp_millis() => version + 1,
        _ => version,
    })
}

/// Whether changes are recorded from this version on.
async fn check_recorded(
    cx: &StatementContext,
    name: &[String; 3],
    storage: &Storage,
    from: u64,
) -> SqlResult<()> {
    let mut table = cx.location(storage)?.delta();
    table.load_version(from).await?;
    let configuration = table.snapshot()?.metadata().configuration();
    if configuration.get(ENABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(());
    }
    let text = format!(
        "Change data of {} was not recorded for version {from}. \
         ALTER TABLE … SET TBLPROPERTIES ({ENABLED} = true) turns it on",
        name.join(".")
    );
    Err(SqlError::new("DELTA_MISSING_CHANGE_DATA", "KD002", text))
}
