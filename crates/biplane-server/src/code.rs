//! SQL in contexts of code runs as every other statement does.

use biplane_api::ids::WarehouseId;
use biplane_compute::{SqlRunner, SqlTable};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use biplane_query::Query;
use biplane_query::results;
use biplane_query::statements::{Delivery, Format, Statement, SubmitRequest, Target};
use serde_json::Value;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const BYTES_MAX: u64 = 4 << 20;
/// Statements have a limit of their own; this is above it.
const WAIT_MAX: Duration = Duration::from_secs(3 * 86_400);
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// Does not keep the service alive: that one holds compute, which holds this.
pub struct ContextSql(pub Weak<Query>);

#[async_trait::async_trait]
impl SqlRunner for ContextSql {
    async fn run(
        &self,
        ctx: &Ctx,
        warehouse: &WarehouseId,
        statement: &str,
        rows_max: u64,
        cancel: CancellationToken,
    ) -> Result<SqlTable> {
        let gone =
            || ApiError::new(ErrorCode::TemporarilyUnavailable, "The server is shutting down.");
        let query = self.0.upgrade().ok_or_else(gone)?;
        let target = Target::Warehouse(warehouse.clone());
        let request = SubmitRequest {
            delivery: Delivery::Inline,
            row_limit: rows_max,
            byte_limit: BYTES_MAX,
            ..SubmitRequest::new(target, statement, Format::JsonArray)
        };
        let running = query.statements.submit(ctx, request).await?;
        let deadline = Instant::now() + WAIT_MAX;
        let cancelled = async {
            cancel.cancelled().await;
            running.cancel();
            tokio::time::sleep(CANCEL_WAIT).await;
        };
        tokio::select! {
            waited = query.statements.wait(&running, deadline, |_| false) => drop(waited?),
            () = cancelled => {}
        }
        let read = table(&running).await;
        // Read to its end: it need not be kept.
        let closed = query.statements.close(ctx, &running.info.id).await;
        let read = read?;
        closed.map(|()| read)
    }
}

async fn table(statement: &Statement) -> Result<SqlTable> {
    let snapshot = statement.snapshot();
    let ended = snapshot
        .ended
        .as_ref()
        .ok_or_else(|| ApiError::conflict("The statement was cancelled."))?;
    if let Some(error) = &ended.error {
        let code = ErrorCode::parse(&error.error_code).unwrap_or(ErrorCode::BadRequest);
        return Err(ApiError::new(code, error.message.clone()));
    }
    let Some(schema) = &snapshot.schema else {
        return Ok(SqlTable::default());
    };
    let chunks =
        (0..snapshot.chunks).map(|index| statement.chunk(index)).collect::<Option<Vec<_>>>();
    let chunks = chunks.ok_or_else(|| ApiError::not_found("The result is not there any more."))?;
    let body = results::body(Format::JsonArray, schema, &chunks).await?;
    let mut rows: Vec<Vec<Value>> = serde_json::from_slice(&body).map_err(ApiError::internal)?;
    for row in &mut rows {
        for (value, column) in row.iter_mut().zip(&schema.columns) {
            type_cell(value, &column.type_name);
        }
    }
    let columns = schema.columns.iter();
    let columns = columns
        .map(|column| (column.name.clone(), column.type_text.to_ascii_lowercase()))
        .collect();
    Ok(SqlTable { columns, rows, truncated: ended.truncated })
}

/// Rows of statements are texts; those of commands have types.
fn type_cell(value: &mut Value, type_name: &str) {
    let Value::String(text) = &*value else {
        return;
    };
    let typed = match type_name {
        "BYTE" | "SHORT" | "INT" | "LONG" => text.parse::<i64>().ok().map(Value::from),
        // Not numbers (NaN, Infinity) stay texts.
        "FLOAT" | "DOUBLE" => {
            text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
        }
        "BOOLEAN" => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    if let Some(typed) = typed {
        *value = typed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_get_their_types() {
        let cell = |text: &str, kind: &str| {
            let mut value = Value::from(text);
            type_cell(&mut value, kind);
            value
        };
        assert_eq!(cell("5", "LONG"), Value::from(5));
        assert_eq!(cell("1.5", "DOUBLE"), Value::from(1.5));
        assert_eq!(cell("NaN", "DOUBLE"), Value::from("NaN"));
        assert_eq!(cell("true", "BOOLEAN"), Value::from(true));
        assert_eq!(cell("5", "STRING"), Value::from("5"));
    }
}
