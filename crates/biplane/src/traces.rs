//! Where traces go, by the names that OpenTelemetry gives its environment variables.

use biplane_platform::Secret;
use biplane_server::TracesConfig;
use std::time::Duration;

const LINGER_MS: u64 = 5000;

/// None without an endpoint: then nothing is traced.
pub fn from_environment() -> Option<TracesConfig> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let number = |name: &str| variable(name)?.parse::<f64>().ok();
    let endpoint = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
        let base = variable("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    })?;
    let linger_ms = number("OTEL_BSP_SCHEDULE_DELAY").unwrap_or(LINGER_MS as f64);
    Some(TracesConfig {
        endpoint,
        headers: variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
            .or_else(|| variable("OTEL_EXPORTER_OTLP_HEADERS"))
            .map(Secret::new),
        service_name: variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "biplane".to_owned()),
        ratio: number("OTEL_TRACES_SAMPLER_ARG").unwrap_or(1.0),
        linger: Duration::from_millis(linger_ms.clamp(1.0, 60_000.0) as u64),
    })
}
