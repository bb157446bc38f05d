//! Side calls of the SQL connectors: feature flags and telemetry.
//!
//! There are no flags to switch. Telemetry is taken and dropped: nothing of it is read beyond counting
//! its entries, nothing is kept or passed on.

use axum::Json;
use axum::extract::DefaultBodyLimit;
use biplane_api::error::ErrorBody;
use biplane_platform::{ApiJson, Result};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const TELEMETRY_BYTES_MAX: usize = 4 << 20;

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(feature_flags_get))
        .routes(routes!(telemetry_send))
        .routes(routes!(telemetry_send_unauthenticated))
        .layer(DefaultBodyLimit::max(TELEMETRY_BYTES_MAX))
}

#[derive(Serialize, ToSchema)]
struct FeatureFlags {
    flags: Vec<FeatureFlag>,
    ttl_seconds: u32,
}

#[derive(Serialize, ToSchema)]
struct FeatureFlag {
    name: String,
    value: String,
}

/// No flags: connectors use their defaults.
#[utoipa::path(get, path = "/api/2.0/connector-service/feature-flags/{client}/{version}", operation_id = "feature_flags_get", tag = "Connectors",
    params(("client" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = FeatureFlags), (status = "default", body = ErrorBody)))]
async fn feature_flags_get() -> Json<FeatureFlags> {
    Json(FeatureFlags { flags: Vec::new(), ttl_seconds: 900 })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Telemetry {
    items: Option<Vec<IgnoredAny>>,
    proto_logs: Option<Vec<IgnoredAny>>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TelemetryTaken {
    errors: Vec<String>,
    num_success: usize,
    num_proto_success: usize,
    num_realtime_success: usize,
}

fn taken(sent: &Telemetry) -> Json<TelemetryTaken> {
    let count = |list: &Option<Vec<IgnoredAny>>| list.as_ref().map_or(0, Vec::len);
    Json(TelemetryTaken {
        errors: Vec::new(),
        num_success: count(&sent.items),
        num_proto_success: count(&sent.proto_logs),
        num_realtime_success: 0,
    })
}

/// Taken and dropped.
#[utoipa::path(post, path = "/telemetry-ext", operation_id = "telemetry_send", tag = "Connectors", request_body = serde_json::Value,
    responses((status = 200, body = TelemetryTaken), (status = "default", body = ErrorBody)))]
async fn telemetry_send(ApiJson(sent): ApiJson<Telemetry>) -> Result<Json<TelemetryTaken>> {
    Ok(taken(&sent))
}

/// Taken and dropped.
#[utoipa::path(post, path = "/telemetry-unauth", operation_id = "telemetry_send_unauthenticated", tag = "Connectors", request_body = serde_json::Value,
    responses((status = 200, body = TelemetryTaken), (status = "default", body = ErrorBody)), security(()))]
async fn telemetry_send_unauthenticated(
    ApiJson(sent): ApiJson<Telemetry>,
) -> Result<Json<TelemetryTaken>> {
    Ok(taken(&sent))
}
