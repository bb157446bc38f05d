//! OPTIMIZE, VACUUM, RESTORE.

use biplane_api::internal::Access;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, TimeZone, Utc};
use datafusion::sql::sqlparser::ast;
use deltalake_core::kernel::schema::partitions::{FilterOp, FilterValue};
use deltalake_core::operations::convert_to_delta::ConvertToDeltaBuilder;
use deltalake_core::operations::optimize::OptimizeType;

use super::clustering;
use super::protocol::Change;
use super::rows::Table;
use super::write::{Target, commit_as, commit_properties, find_column, session};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{Convert, Optimize, Restore, TableVersion, Vacuum};

/// Files that statements under way may still read are not taken from under them.
const RETENTION_HOURS_DEFAULT: f64 = 168.0;
const RETENTION_HOURS_MAX: f64 = 24.0 * 366.0 * 100.0;

pub async fn optimize(cx: &StatementContext, optimize: Optimize) -> SqlResult<Output> {
    let target = Target::open_for(cx, &optimize.table, Access::Write, Change::Compaction).await?;
    let schema = target.arrow_schema()?;
    let partitions = target.partitions()?;
    let mut columns = Vec::new();
    for name in &optimize.zorder {
        let name = schema.field(find_column(&schema, name)?).name().clone();
        if partitions.contains(&name) {
            let text = format!("`{name}` is a partition column; ZORDER BY takes other columns");
            return Err(SqlError::new("DELTA_ZORDERING_ON_PARTITION_COLUMN", "42P10", text));
        }
        columns.push(name);
    }
    let clustered = clustering::columns(target.configuration()?.get(clustering::KEY));
    if !clustered.is_empty() {
        if !columns.is_empty() {
            let text = "The table is clustered by columns of its own; OPTIMIZE takes no ZORDER BY";
            return Err(SqlError::new("DELTA_CLUSTERING_WITH_ZORDER_BY", "42613", text));
        }
        columns = clustered;
    }
    let mut literals = Vec::new();
    if let Some(filter) = &optimize.filter {
        partition_literals(filter, &mut literals)?;
        for (name, _) in &mut literals {
            *name = schema.field(find_column(&schema, name)?).name().clone();
            if !partitions.contains(name) {
                let text =
                    format!("OPTIMIZE … WHERE takes partition columns only, and `{name}` is none");
                return Err(SqlError::new("DELTA_NON_PARTITION_COLUMN_REFERENCE", "42P10", text));
            }
        }
    }
    let filters: Vec<_> = literals
        .iter()
        .map(|(name, value)| (name.as_str(), FilterOp::Eq, FilterValue::Scalar(value.as_str())))
        .collect();
    let kind =
        if columns.is_empty() { OptimizeType::Compact } else { OptimizeType::ZOrder(columns) };
    let (_, metrics) = target
        .delta
        .clone()
        .optimize()
        .with_type(kind)
        .with_filters(&filters)
        .with_session_state(session(cx))
        .with_commit_properties(commit_properties(cx))
        .await?;
    let text = serde_json::to_string(&metrics).map_err(SqlError::internal)?;
    Table::default()
        .text("path", vec![Some(String::new())])
        .text("metrics", vec![Some(text)])
        .output()
}

/// `p = 'x' AND q = 1`.
fn partition_literals(filter: &ast::Expr, out: &mut Vec<(String, String)>) -> SqlResult<()> {
    let refused =
        || SqlError::unsupported("OPTIMIZE … WHERE with more than `partition = value AND …`");
    match filter {
        ast::Expr::Nested(inner) => partition_literals(inner, out),
        ast::Expr::BinaryOp { left, op: ast::BinaryOperator::And, right } => {
            partition_literals(left, out)?;
            partition_literals(right, out)
        }
        ast::Expr::BinaryOp { left, op: ast::BinaryOperator::Eq, right } => {
            let (ast::Expr::Identifier(name), ast::Expr::Value(value)) =
                (left.as_ref(), right.as_ref())
            else {
                return Err(refused());
            };
            let value = match &value.value {
                ast::Value::SingleQuotedString(text) => text.clone(),
                ast::Value::Number(text, _) => text.clone(),
                ast::Value::Boolean(flag) => flag.to_string(),
                _ => return Err(refused()),
            };
            out.push((name.value.clone(), value));
            Ok(())
        }
        _ => Err(refused()),
    }
}

pub async fn vacuum(cx: &StatementContext, vacuum: Vacuum) -> SqlResult<Output> {
    if vacuum.lite {
        return Err(SqlError::unsupported("VACUUM … LITE"));
    }
    let target = Target::open_for(cx, &vacuum.table, Access::Manage, Change::History).await?;
    let enforce = !cx
        .conf("spark.databricks.delta.retentiondurationcheck.enabled")
        .is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let mut builder = target
        .delta
        .clone()
        .vacuum()
        .with_dry_run(vacuum.dry_run)
        .with_enforce_retention_duration(enforce)
        .with_commit_properties(commit_properties(cx));
    if let Some(hours) = vacuum.retain_hours {
        if !(0.0..=RETENTION_HOURS_MAX).contains(&hours) {
            return Err(SqlError::invalid_parameter("RETAIN takes a number of hours from 0 up"));
        }
        if enforce && hours < RETENTION_HOURS_DEFAULT {
            let text = format!(
                "Are you sure you would like to vacuum files with such a low retention period ({hours} hours)? \
                 At least {RETENTION_HOURS_DEFAULT} hours are kept unless \
                 spark.databricks.delta.retentionDurationCheck.enabled is set to false"
            );
            return Err(SqlError::new("DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT", "22003", text));
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        let seconds = (hours * 3_600.0) as i64;
        builder = builder.with_retention_period(Duration::seconds(seconds));
    }
    let root = target.info.storage_location.clone().unwrap_or_default();
    let (_, metrics) = builder.await?;
    if vacuum.dry_run {
        let root = root.trim_end_matches('/').to_owned();
        let paths = metrics.files_deleted.iter().take(1_000);
        let paths = paths.map(|path| Some(format!("{root}/{path}"))).collect();
        return Table::default().text("path", paths).output();
    }
    Table::default().text("path", vec![Some(root)]).output()
}

pub async fn restore(cx: &StatementContext, restore: Restore) -> SqlResult<Output> {
    let target = Target::open_for(cx, &restore.table, Access::Manage, Change::History).await?;
    let mut builder = target.delta.clone().restore().with_commit_properties(commit_properties(cx));
    builder = match &restore.to {
        TableVersion::Version(version) => {
            let newest = target.delta.version().unwrap_or_default();
            match u64::try_from(*version) {
                Ok(version) if version <= newest => builder.with_version_to_restore(version),
                _ => {
                    let text = format!(
                        "Cannot restore the table to version {version}; versions 0 to {newest} exist"
                    );
                    return Err(SqlError::new("DELTA_CANNOT_RESTORE_TABLE_VERSION", "22003", text));
                }
            }
        }
        TableVersion::Timestamp(text) => {
            builder.with_datetime_to_restore(timestamp(text, &cx.settings.time_zone)?)
        }
    };
    let (table, metrics) = builder.await?;
    let target = Target { delta: table, ..target };
    target.publish_columns(cx).await?;
    let count = |n: usize| Some(i64::try_from(n).unwrap_or(i64::MAX));
    let (files, bytes) = size(&target.delta)?;
    Table::default()
        .long("table_size_after_restore", vec![Some(bytes)])
        .long("num_of_files_after_restore", vec![Some(files)])
        .long("num_removed_files", vec![count(metrics.num_removed_file)])
        .long("num_restored_files", vec![count(metrics.num_restored_file)])
        .output()
}

/// CONVERT TO DELTA: a log for files that are there.
pub async fn convert(cx: &StatementContext, convert: Convert) -> SqlResult<Output> {
    let storage = cx.resolve_path(&convert.path, Access::Write).await?;
    let log_store = cx.location(&storage)?.log_store();
    if log_store.is_delta_table_location().await? {
        // It is what was asked for.
        return Ok(Output::Empty);
    }
    let partitions = super::columns::delta_fields_loose(&convert.partitions)?;
    let done = ConvertToDeltaBuilder::new()
        .with_log_store(log_store)
        .with_partition_schema(partitions)
        .with_commit_properties(commit_as(cx, "CONVERT"))
        .await;
    done.map(|_| Output::Empty).map_err(|error| {
        let text = error.to_string();
        if text.contains("parquet files cannot be found") || text.contains("arquet file") {
            let text = format!("There are no Parquet files at {}", convert.path);
            return SqlError::new("DELTA_CONVERSION_NO_PARQUET_FILES", "0AKDC", text);
        }
        if text.contains("artition") {
            let text = format!(
                "The directories at {} are not those of PARTITIONED BY: {text}",
                convert.path
            );
            return SqlError::new("DELTA_CONVERSION_PARTITION_MISMATCH", "0AKDC", text);
        }
        error.into()
    })
}

/// Files and bytes of the newest version.
pub fn size(table: &deltalake_core::DeltaTable) -> SqlResult<(i64, i64)> {
    let mut files = 0;
    let mut bytes = 0;
    for file in table.snapshot()?.log_data() {
        files += 1;
        bytes += file.size();
    }
    Ok((files, bytes))
}

/// A date, or a time in the zone of the session unless it says its own.
pub fn timestamp(text: &str, zone: &str) -> SqlResult<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Ok(time.with_timezone(&Utc));
    }
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let local = formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    let zone: arrow::array::timezone::Tz = zone
        .parse()
        .map_err(|_| SqlError::invalid_parameter("the time zone of the session is not known"))?;
    let found = local.and_then(|local| zone.from_local_datetime(&local).earliest());
    found.map(|time| time.with_timezone(&Utc)).ok_or_else(|| {
        let text = format!("The timestamp {text:?} cannot be read");
        SqlError::new("DELTA_INVALID_TIMESTAMP_FORMAT", "22007", text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_in_the_zone_of_the_session() {
        let utc = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (text, zone, expected) in [
            ("2024-01-02", "Etc/UTC", "2024-01-02T00:00:00Z"),
            ("2024-01-02 03:04:05", "Europe/Paris", "2024-01-02T02:04:05Z"),
            ("2024-01-02 03:04:05.5", "+02:00", "2024-01-02T01:04:05.5Z"),
            ("2024-01-02T03:04:05Z", "Europe/Paris", "2024-01-02T03:04:05Z"),
        ] {
            assert_eq!(timestamp(text, zone).unwrap(), utc(expected), "{text}");
        }
        assert!(timestamp("yesterday", "Etc/UTC").is_err());
    }
}
