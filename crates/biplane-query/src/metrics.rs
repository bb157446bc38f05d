//! What statements do, for Prometheus.

use crate::statements::{Ended, State};
use biplane_platform::metrics::{Seconds, registered};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::sync::LazyLock;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct End {
    state: String,
}

struct Statements {
    seconds: Family<End, Histogram, Seconds>,
    queued_seconds: Histogram,
    running: Gauge,
    result_bytes: Counter,
    rows: Counter,
}

static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| Statements {
    seconds: registered(
        "statement_duration_seconds",
        "Statements by how they ended, from acceptance to end.",
        Family::new_with_constructor(Seconds),
    ),
    queued_seconds: registered(
        "statement_queued_seconds",
        "What statements waited for their turn on a warehouse.",
        Seconds.new_metric(),
    ),
    running: registered(
        "statements_running",
        "Statements accepted and not ended.",
        Gauge::default(),
    ),
    result_bytes: registered(
        "statement_result_bytes",
        "Bytes of results made by engines.",
        Counter::default(),
    ),
    rows: registered("statement_result_rows", "Rows of results.", Counter::default()),
});

/// Counts as running until it is dropped.
pub struct Running(());

impl Running {
    pub fn begin() -> Self {
        STATEMENTS.running.inc();
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        STATEMENTS.running.dec();
    }
}

pub fn ended(ended: &Ended) {
    let seconds = |ms: u64| std::time::Duration::from_millis(ms).as_secs_f64();
    let state = match ended.state {
        State::Succeeded => "succeeded",
        State::Canceled => "canceled",
        _ => "failed",
    };
    let metrics = &ended.metrics;
    STATEMENTS
        .seconds
        .get_or_create(&End { state: state.to_owned() })
        .observe(seconds(metrics.total_ms));
    STATEMENTS.queued_seconds.observe(seconds(metrics.queued_ms));
    STATEMENTS.result_bytes.inc_by(metrics.result_bytes);
    STATEMENTS.rows.inc_by(metrics.rows_produced);
}
