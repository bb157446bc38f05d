//! What a client asks before it can sign in: where, as which account and workspace.

use super::SCOPES;
use crate::{Identity, authenticate};
use biplane_api::identity::{AuthorizationServer, HostMetadata};
use biplane_platform::{Origin, Result};

fn host(origin: &Origin) -> &str {
    let authority = origin.base_url.split_once("://").map_or(&*origin.base_url, |(_, rest)| rest);
    authenticate::without_port(authority)
}

pub async fn host_metadata(identity: &Identity, origin: &Origin) -> Result<HostMetadata> {
    let (base, account) = (&origin.base_url, &identity.account_id);
    let is_account = identity.is_account_host(host(origin));
    let only = identity.places().await?.only;
    let workspace = match is_account {
        true => None,
        false => identity.workspace_by_host(host(origin)).await?.or(only),
    };
    let host_type = match (is_account, workspace) {
        (true, _) => "account",
        (false, Some(_)) => "workspace",
        (false, None) => "unified",
    };
    let oidc_endpoint = match is_account {
        true => format!("{base}/oidc/accounts/{account}"),
        false => format!("{base}/oidc"),
    };
    Ok(HostMetadata {
        oidc_endpoint,
        account_id: account.to_string(),
        workspace_id: workspace.map(|id| id.to_string()),
        cloud: "AWS".into(),
        host_type: host_type.into(),
    })
}

/// `root` is `/oidc` or `/oidc/accounts/<id>`.
pub fn authorization_server(origin: &Origin, root: &str) -> AuthorizationServer {
    let base = format!("{}{root}", origin.base_url);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    AuthorizationServer {
        authorization_endpoint: format!("{base}/v1/authorize"),
        token_endpoint: format!("{base}/v1/token"),
        jwks_uri: format!("{}/oidc/jwks.json", origin.base_url),
        issuer: base,
        scopes_supported: texts(SCOPES),
        response_types_supported: texts(&["code"]),
        response_modes_supported: texts(&["query"]),
        grant_types_supported: texts(&[
            "client_credentials",
            "authorization_code",
            "refresh_token",
        ]),
        code_challenge_methods_supported: texts(&["S256"]),
        token_endpoint_auth_methods_supported: texts(&[
            "client_secret_basic",
            "client_secret_post",
            "none",
        ]),
        subject_types_supported: texts(&["public"]),
        id_token_signing_alg_values_supported: texts(&["ES256"]),
        claims_supported: texts(&[
            "iss",
            "aud",
            "sub",
            "iat",
            "exp",
            "nonce",
            "email",
            "name",
            "preferred_username",
        ]),
    }
}

/// The workspace that tokens given out on this host are good for; None = all of the account.
pub async fn bound_workspace(
    identity: &Identity,
    origin: &Origin,
) -> Result<Option<biplane_api::ids::WorkspaceId>> {
    identity.workspace_by_host(host(origin)).await
}
