//! What other services ask of identity: who is called what.

use crate::Identity;
use crate::principals::{Kind, instance_profiles_of, store};
use biplane_api::ids::{PrincipalId, RequestId, WorkspaceId};
use biplane_platform::{ApiError, Ctx, Entitlement, Principal, Result, Tx};
use std::sync::Arc;

/// A user, group or service principal as grants and owners name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPrincipal {
    pub id: PrincipalId,
    /// `user`, `group` or `service_principal`.
    pub kind: &'static str,
    /// As it is written, whatever case was asked for.
    pub name: String,
    pub display_name: String,
    pub active: bool,
}

impl Identity {
    /// Whether a grant may name it. The groups `users` and `admins` are a workspace's and not meant.
    pub async fn principal_exists(&self, name: &str) -> Result<bool> {
        Ok(self.principal_by_name(name).await?.is_some())
    }

    /// A user name, group name or application id, in any case.
    pub async fn principal_by_name(&self, name: &str) -> Result<Option<KnownPrincipal>> {
        Ok(store::by_name(&mut self.db.read().await?, name).await?.map(known))
    }

    pub async fn principal_by_id(&self, id: PrincipalId) -> Result<Option<KnownPrincipal>> {
        Ok(store::by_id(&mut self.db.read().await?, id).await?.map(known))
    }

    /// A user or service principal with its groups as of `workspace`, cached: for acting as the owner of
    /// a view. None when it is a group, not active or not there.
    pub async fn principal_resolve(
        &self,
        id: PrincipalId,
        workspace: Option<WorkspaceId>,
    ) -> Result<Option<Arc<Principal>>> {
        Ok(self.principal(id, workspace).await?.map(|resolved| resolved.principal.clone()))
    }

    /// The instance profiles of AWS that a member of the workspace was given, in person or through a group.
    pub async fn instance_profiles_of(
        &self,
        workspace: WorkspaceId,
        id: PrincipalId,
    ) -> Result<Vec<String>> {
        instance_profiles_of(&mut self.db.read().await?, workspace, id).await
    }

    /// The server's own work (samples, sweeps) in a workspace: as an account admin, with the workspace's
    /// highest rights.
    pub async fn admin_ctx(&self, workspace: WorkspaceId) -> Result<Ctx> {
        let id = account_admin(&mut self.db.read().await?)
            .await?
            .ok_or_else(|| ApiError::internal("the account has no admin"))?;
        let resolved = self.principal(id, Some(workspace)).await?;
        let resolved =
            resolved.ok_or_else(|| ApiError::internal("the account admin is not active"))?;
        let mut principal = Principal::clone(&resolved.principal);
        principal.account_admin = true;
        principal.workspace_admin = true;
        principal.entitlements = Entitlement::ALL.to_vec();
        Ok(Ctx {
            principal: Arc::new(principal),
            account_id: self.account_id.clone(),
            workspace: Some(workspace),
            request_id: RequestId::random(),
            clock: self.clock.clone(),
            source_ip: None,
            user_agent: None,
            base_url: "".into(),
            relay: None,
            trace: biplane_platform::trace::Trace::default(),
        })
    }
}

fn known(row: store::PrincipalRow) -> KnownPrincipal {
    KnownPrincipal {
        id: row.id,
        kind: row.kind.as_str(),
        name: row.name,
        display_name: row.display_name,
        active: row.active,
    }
}

/// The oldest active user who is account admin in person.
pub async fn account_admin(tx: &mut Tx) -> Result<Option<PrincipalId>> {
    let row = tx
        .fetch_opt(
            "SELECT principal_id FROM principals
             WHERE kind = $1 AND active = 1 AND roles LIKE '%\"account_admin\"%' ORDER BY created_at, principal_id",
            biplane_platform::db::args![Kind::User.as_str()],
        )
        .await?;
    row.map(|row| row.int(0).map(PrincipalId)).transpose()
}
