//! Routes that need no credential, by pattern. Everything else does; a test walks both lists.

pub const PUBLIC: &[&str] = &[
    "/healthz",
    "/openapi.json",
    // Discovery: read by clients before they have a credential.
    "/.well-known/databricks-config",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/oidc/.well-known/oauth-authorization-server",
    "/oidc/.well-known/openid-configuration",
    "/oidc/accounts/{account_id}/.well-known/oauth-authorization-server",
    "/oidc/accounts/{account_id}/.well-known/openid-configuration",
    "/oidc/jwks.json",
    // They check the credential in their own way.
    "/oidc/v1/token",
    "/oidc/accounts/{account_id}/v1/token",
    "/oidc/v1/authorize",
    "/oidc/accounts/{account_id}/v1/authorize",
    "/oidc/oauth2/v2.0/authorize",
    "/api/2.0/biplane/auth/login",
    // Signed links: the path is the credential.
    "/api/2.0/biplane/uploads/{token}",
    "/api/2.0/biplane/files/{token}",
    "/api/2.0/biplane/results/{statement_id}/{chunk_index}",
    "/telemetry-unauth",
];
