//! Which entitlements open which APIs of a workspace. Account-level calls need none.

use axum::http::Method;
use biplane_platform::{ApiError, Entitlement, Principal, Result};

use Entitlement::{DatabricksSqlAccess, WorkspaceAccess, WorkspaceConsume};

/// For everybody who can sign in: who am I, sign out.
const OPEN: &[&str] = &[
    "/api/2.0/preview/scim/v2/Me",
    "/api/2.0/scim/v2/Me",
    "/api/2.0/biplane/auth/",
    "/oidc/",
    "/telemetry-ext",
];
/// Warehouses, queries, their history.
const SQL: &[&str] = &["/api/2.0/sql/", "/api/2.0/preview/sql/", "/api/2.1/sql/", "/sql/"];
/// Of it, what a BI tool needs.
const SQL_CONSUME: &[&str] = &["/api/2.0/sql/statements", "/api/2.0/sql/sessions", "/sql/"];
const WAREHOUSES: &str = "/api/2.0/sql/warehouses";
/// Notebooks, jobs, clusters and what belongs to them.
const ENGINEERING: &[&str] = &[
    "clusters",
    "commands",
    "contexts",
    "git-credentials",
    "instance-pools",
    "jobs",
    "libraries",
    "mlflow",
    "pipelines",
    "policies",
    "policy-families",
    "repos",
    "serving-endpoints",
    "workspace",
    "workspace-files",
];

/// Refuses what the principal's entitlements do not cover. `member`: there is a workspace, and it is in it.
pub fn check(principal: &Principal, member: bool, method: &Method, path: &str) -> Result<()> {
    if OPEN.iter().any(|prefix| path.starts_with(prefix)) {
        return Ok(());
    }
    if !member {
        return match principal.account_admin {
            true => Ok(()),
            false => Err(ApiError::denied("You are not a member of any workspace.")),
        };
    }
    let has = |one| principal.entitlements.contains(&one);
    if SQL.iter().any(|prefix| path.starts_with(prefix)) {
        let consumes = SQL_CONSUME.iter().any(|prefix| path.starts_with(prefix))
            || (path.starts_with(WAREHOUSES) && method.is_safe());
        return match has(DatabricksSqlAccess) || (consumes && has(WorkspaceConsume)) {
            true => Ok(()),
            false => Err(lacking(DatabricksSqlAccess)),
        };
    }
    if engineering(path) {
        return if has(WorkspaceAccess) { Ok(()) } else { Err(lacking(WorkspaceAccess)) };
    }
    match has(WorkspaceAccess) || has(DatabricksSqlAccess) || has(WorkspaceConsume) {
        true => Ok(()),
        false => Err(lacking(WorkspaceAccess)),
    }
}

/// `/api/<version>/<one of them>…`
fn engineering(path: &str) -> bool {
    let service = path.strip_prefix("/api/").and_then(|rest| rest.split('/').nth(1));
    service.is_some_and(|service| ENGINEERING.contains(&service))
}

fn lacking(entitlement: Entitlement) -> ApiError {
    ApiError::denied(format!(
        "This needs the entitlement {} in this workspace.",
        entitlement.as_str()
    ))
}
