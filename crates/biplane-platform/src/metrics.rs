//! Figures for Prometheus: one registry of the process, which every crate adds its own to.
//!
//! Labels have few values (operation ids, states): never a name, a path or an id from outside.

use parking_lot::Mutex;
use prometheus_client::metrics::family::MetricConstructor;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use std::sync::LazyLock;

/// What is served under `/metrics`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

static REGISTRY: LazyLock<Mutex<Registry>> =
    LazyLock::new(|| Mutex::new(Registry::with_prefix("biplane")));

/// Adds `metric` under its name (`biplane_` comes before it) and gives it back.
pub fn registered<M: Metric + Clone>(name: &str, help: &str, metric: M) -> M {
    REGISTRY.lock().register(name, help, metric.clone());
    metric
}

/// 0.5 ms to half a minute: API calls and statements.
#[derive(Debug, Clone, Copy)]
pub struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new([
            0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
        ])
    }
}

pub fn text() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &REGISTRY.lock())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;

    #[test]
    fn what_is_registered_is_told() {
        let count = registered("test_events", "Events of this test.", Counter::<u64>::default());
        count.inc();
        assert!(text().unwrap().contains("biplane_test_events_total 1"));
    }
}
