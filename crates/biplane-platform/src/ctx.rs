//! Who asks, where, and with which clock: the first argument of every operation.

use crate::trace::Trace;
use crate::{ApiError, Clock, Result};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use biplane_api::ids::{AccountId, PrincipalId, RequestId, SandboxId, WorkspaceId};
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind {
    User,
    ServicePrincipal,
}

impl PrincipalKind {
    /// As in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ServicePrincipal => "service_principal",
        }
    }
}

/// What a workspace lets somebody do, whatever objects they have permissions on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entitlement {
    WorkspaceAccess,
    DatabricksSqlAccess,
    WorkspaceConsume,
    AllowClusterCreate,
    AllowInstancePoolCreate,
}

impl Entitlement {
    pub const ALL: &[Entitlement] = &[
        Self::WorkspaceAccess,
        Self::DatabricksSqlAccess,
        Self::WorkspaceConsume,
        Self::AllowClusterCreate,
        Self::AllowInstancePoolCreate,
    ];

    /// As in SCIM.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkspaceAccess => "workspace-access",
            Self::DatabricksSqlAccess => "databricks-sql-access",
            Self::WorkspaceConsume => "workspace-consume",
            Self::AllowClusterCreate => "allow-cluster-create",
            Self::AllowInstancePoolCreate => "allow-instance-pool-create",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == text)
    }
}

/// Who was authenticated, as known in the workspace (or account) of the request.
#[derive(Debug, Clone)]
pub struct Principal {
    pub id: PrincipalId,
    pub kind: PrincipalKind,
    /// User name (an e-mail address) or application id: the name grants and owners use.
    pub name: String,
    pub display_name: String,
    /// Names of all groups, nested ones included; system groups too (`account users`, in a workspace
    /// `users`, and `admins` for its admins).
    pub groups: Vec<String>,
    pub account_admin: bool,
    pub workspace_admin: bool,
    /// In the workspace of the request, own and inherited; admins have all.
    pub entitlements: Vec<Entitlement>,
}

impl Principal {
    /// Whether `name`, an owner or grantee, means this principal: itself or a group it is in.
    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.groups.iter().any(|group| group == name)
    }
}

/// The connection came in through the relay door of this sandbox. Put into the request's extensions
/// by the relay; no public listener can set it.
#[derive(Debug, Clone)]
pub struct RelayPeer {
    pub sandbox_id: SandboxId,
    pub workspace_id: WorkspaceId,
}

/// How a request came to this server: known without authentication, so also on public routes. The
/// edge puts it into every request's extensions.
#[derive(Debug, Clone)]
pub struct Origin {
    /// As in [`Ctx::base_url`].
    pub base_url: Arc<str>,
    pub source_ip: Option<IpAddr>,
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        if let Some(origin) = parts.extensions.get::<Origin>() {
            return Ok(origin.clone());
        }
        let header =
            parts.headers.get(axum::http::header::HOST).and_then(|host| host.to_str().ok());
        let host = header.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
        let host = host.ok_or_else(|| ApiError::invalid("The Host header is missing."))?;
        Ok(Self { base_url: format!("http://{host}").into(), source_ip: None })
    }
}

#[derive(Debug, Clone)]
pub struct Ctx {
    pub principal: Arc<Principal>,
    pub account_id: AccountId,
    /// None on account-level calls.
    pub workspace: Option<WorkspaceId>,
    pub request_id: RequestId,
    pub clock: Clock,
    pub source_ip: Option<IpAddr>,
    pub user_agent: Option<Arc<str>>,
    /// Host (with port) and scheme the client used, for links back to this server: `http://127.0.0.1:8080`.
    pub base_url: Arc<str>,
    /// Set when an engine calls on behalf of a statement.
    pub relay: Option<RelayPeer>,
    /// What happens for this request is recorded there; mostly nowhere.
    pub trace: Trace,
}

impl Ctx {
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The workspace of a call that makes sense in one only.
    pub fn workspace(&self) -> Result<WorkspaceId> {
        self.workspace.ok_or_else(|| {
            ApiError::invalid("This call needs a workspace: use the workspace's host name or send X-Databricks-Workspace-Id.")
        })
    }

    pub fn require_account_admin(&self) -> Result<()> {
        match self.principal.account_admin {
            true => Ok(()),
            false => Err(ApiError::denied("Only account admins may do this.")),
        }
    }

    pub fn require_entitlement(&self, entitlement: Entitlement) -> Result<()> {
        match self.principal.entitlements.contains(&entitlement) {
            true => Ok(()),
            false => Err(ApiError::denied(format!(
                "You need the entitlement {} in this workspace to do this.",
                entitlement.as_str()
            ))),
        }
    }

    pub fn require_workspace_admin(&self) -> Result<()> {
        match self.principal.workspace_admin {
            true => Ok(()),
            false => Err(ApiError::denied("Only workspace admins may do this.")),
        }
    }
}

/// The edge authenticates and puts the context into the request; a route it forgot answers 401.
impl<S: Send + Sync> FromRequestParts<S> for Ctx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get::<Ctx>().cloned().ok_or_else(|| {
            ApiError::new(
                crate::ErrorCode::Unauthenticated,
                "Credential was not sent or is not valid.",
            )
        })
    }
}
