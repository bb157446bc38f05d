//! Parts of the public API that are not built: they say so instead of not being there.

use crate::Catalog;
use axum::http::Uri;
use axum::routing::any;
use biplane_platform::{ApiError, Ctx};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

const PATHS: &[&str] = &[
    "artifact-allowlists",
    "clean-rooms",
    "connections",
    "delta",
    "entity-tag-assignments",
    "mcp-services",
    "model-provider-services",
    "model-services",
    "models",
    "policies",
    "providers",
    "recipients",
    "resource-quotas",
    "secrets",
    "shares",
    "skills",
    "temporary-model-version-credentials",
    "temporary-service-credentials",
    "validate-credentials",
    "validate-storage-credentials",
];
const INNER: &[&str] = &["metastores/{id}/systemschemas", "tables/{full_name}/monitor"];

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    let mut router = OpenApiRouter::new();
    for path in PATHS.iter().chain(INNER) {
        let path = format!("/api/2.1/unity-catalog/{path}");
        let rest = format!("{path}/{{*rest}}");
        router = router.route(&path, any(refuse)).route(&rest, any(refuse));
    }
    router
}

async fn refuse(_: Ctx, uri: Uri) -> ApiError {
    ApiError::unsupported(uri.path())
}
