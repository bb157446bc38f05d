//! Time travel: which version of a table is meant.

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::TableVersion;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Version(u64),
    Timestamp(DateTime<Utc>),
}

pub async fn wanted(cx: &StatementContext, version: &TableVersion) -> SqlResult<Wanted> {
    match version {
        TableVersion::VersionAsOf(expr) => {
            let value = cx.constant(expr).await?.cast_to(&DataType::Int64)?;
            match value {
                ScalarValue::Int64(Some(number)) => u64::try_from(number)
                    .map(Wanted::Version)
                    .map_err(|_| invalid("a version is not negative")),
                _ => Err(invalid("the version is NULL")),
            }
        }
        TableVersion::TimestampAsOf(expr) | TableVersion::ForSystemTimeAsOf(expr) => {
            let zone = cx.settings.plan_zone();
            let target = DataType::Timestamp(TimeUnit::Microsecond, Some(zone));
            let value = cx.constant(expr).await?.cast_to(&target)?;
            match value {
                ScalarValue::TimestampMicrosecond(Some(micros), _) => {
                    DateTime::from_timestamp_micros(micros)
                        .map(Wanted::Timestamp)
                        .ok_or_else(|| invalid("the timestamp is out of range"))
                }
                _ => Err(invalid("the timestamp is NULL")),
            }
        }
        _ => Err(SqlError::unsupported("this form of time travel")),
    }
}

fn invalid(why: &str) -> SqlError {
    SqlError::new(
        "INVALID_TIME_TRAVEL_TIMESTAMP_EXPR",
        "42K0E",
        format!("The time travel is invalid: {why}"),
    )
}
