//! Who sees what of the history.

use super::filter::Asked;
use super::store::{self, Visible};
use crate::Query;
use crate::statements::record::Stored;
use crate::statements::{Access, Metrics, State};
use biplane_api::ids::StatementId;
use biplane_api::query::{QueryHistoryResponse, QueryInfo, QueryMetrics, QueryProfile, QueryTag};
use biplane_platform::{Ctx, ErrorCode, Result, page};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1000;

impl Query {
    pub async fn query_history_list(
        &self,
        ctx: &Ctx,
        asked: &QueryHistory,
    ) -> Result<QueryHistoryResponse> {
        let asked = &asked.0;
        let limit = page::size(asked.max_results, PAGE_DEFAULT, PAGE_MAX)?;
        let after: Option<(i64, String)> = page::decode(asked.page_token.as_deref())?;
        if asked.filter.nothing {
            return Ok(QueryHistoryResponse::default());
        }
        let visible = Visible {
            all: ctx.principal.workspace_admin,
            own: ctx.principal.id,
            warehouses: match ctx.principal.workspace_admin {
                true => Vec::new(),
                false => self.engines.monitored(ctx).await?,
            },
        };
        let mut tx = self.db.read().await?;
        let rows = store::list(
            &mut tx,
            ctx.workspace()?,
            &visible,
            &asked.filter,
            after.as_ref(),
            limit + 1,
        )
        .await?;
        let position = |row: &Stored| (row.info.started_at, row.info.id.to_string());
        let (rows, next_page_token) = page::cut(rows, limit, position);
        Ok(QueryHistoryResponse {
            res: rows.into_iter().map(|row| self.info(row, asked.include_metrics)).collect(),
            has_next_page: next_page_token.is_some(),
            next_page_token,
        })
    }

    fn info(&self, row: Stored, include_metrics: bool) -> QueryInfo {
        let info = row.info;
        let status = match row.state {
            State::Pending => "QUEUED",
            State::Running => "RUNNING",
            State::Succeeded | State::Closed => "FINISHED",
            State::Failed => "FAILED",
            State::Canceled => "CANCELED",
        };
        let ended = row.ended;
        let ended_at = ended.as_ref().map(|ended| ended.ended_at);
        let metrics = match &ended {
            Some(ended) => ended.metrics,
            None => self.metrics_so_far(&info.id),
        };
        let until = ended_at.unwrap_or_else(|| self.clock.now_ms());
        let duration = (until - info.started_at).max(0);
        let tag = |tag: crate::sessions::QueryTag| QueryTag { key: tag.key, value: tag.value };
        QueryInfo {
            query_id: info.id,
            status: status.into(),
            query_text: info.text.as_ref().into(),
            statement_type: ended
                .as_ref()
                .map(|ended| ended.statement_type.clone())
                .filter(|t| !t.is_empty()),
            endpoint_id: info.warehouse_id.clone(),
            warehouse_id: info.warehouse_id,
            user_id: info.principal_id.0,
            executed_as_user_id: info.principal_id.0,
            executed_as_user_name: info.principal_name.clone(),
            user_name: info.principal_name,
            query_start_time_ms: info.started_at,
            execution_end_time_ms: ended_at,
            query_end_time_ms: ended_at,
            duration: Some(duration),
            rows_produced: ended.as_ref().map(|ended| int(ended.metrics.rows_produced)),
            error_message: ended.and_then(|ended| ended.error).map(|error| error.message),
            is_final: ended_at.is_some(),
            client_application: info.client_application,
            session_id: info.session_id,
            query_tags: info.query_tags.into_iter().map(tag).collect(),
            metrics: include_metrics.then(|| query_metrics(&metrics, info.started_at, duration)),
        }
    }

    /// Of one that runs here.
    fn metrics_so_far(&self, id: &StatementId) -> Metrics {
        let Some(statement) = self.statements.linked(id) else { return Metrics::default() };
        let snapshot = statement.snapshot();
        Metrics {
            rows_read: snapshot.progress.rows_read,
            bytes_read: snapshot.progress.bytes_read,
            rows_produced: snapshot.rows,
            result_bytes: snapshot.bytes,
            ..Metrics::default()
        }
    }

    pub async fn query_profile_get(&self, ctx: &Ctx, id: &StatementId) -> Result<QueryProfile> {
        if let Err(error) = self.statements.find(ctx, id, Access::Status).await {
            // Whoever monitors the warehouse sees it too.
            if error.code != ErrorCode::ResourceDoesNotExist {
                return Err(error);
            }
            let asked = QueryHistory(Asked {
                filter: super::filter::Filter {
                    statement_ids: vec![id.to_string()],
                    ..Default::default()
                },
                ..Asked::default()
            });
            if self.query_history_list(ctx, &asked).await?.res.is_empty() {
                return Err(error);
            }
        }
        let text = store::profile(&mut self.db.read().await?, id).await?;
        // What is not JSON, or was cut, is no profile.
        Ok(QueryProfile {
            profile: text.and_then(|text| serde_json::value::RawValue::from_string(text).ok()),
        })
    }
}

/// What was asked of the history.
#[derive(Debug)]
pub struct QueryHistory(pub(super) Asked);

fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn query_metrics(metrics: &Metrics, started_at: i64, duration: i64) -> QueryMetrics {
    let queued = int(metrics.queued_ms);
    let provisioning = int(metrics.provisioning_ms);
    QueryMetrics {
        total_time_ms: duration,
        compilation_time_ms: int(metrics.compile_ms),
        execution_time_ms: int(metrics.execute_ms),
        overloading_queue_start_timestamp: (queued > 0).then_some(started_at),
        provisioning_queue_start_timestamp: (provisioning > 0).then_some(started_at + queued),
        query_compilation_start_timestamp: Some(started_at + queued + provisioning),
        overloading_queue_time_ms: queued,
        provisioning_queue_time_ms: provisioning,
        read_bytes: int(metrics.bytes_read),
        read_files_count: int(metrics.files_read),
        pruned_files_count: int(metrics.files_pruned),
        rows_read_count: int(metrics.rows_read),
        rows_produced_count: int(metrics.rows_produced),
        network_sent_bytes: int(metrics.result_bytes),
        spill_to_disk_bytes: int(metrics.spilled_bytes),
        peak_memory_bytes: int(metrics.peak_memory_bytes),
        result_from_cache: metrics.from_cache,
    }
}
