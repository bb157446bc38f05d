//! The first start: account, admin, workspace. Later starts find them.

use crate::principals::{
    ACCOUNT_ADMIN, ACCOUNT_USERS, Email, Kind, PrincipalRow, store as principals,
};
use crate::workspaces::{Workspace, store as workspaces};
use crate::{Identity, hash, lookup, tokens};
use biplane_api::ids::{AccountId, PrincipalId, WorkspaceId};
use biplane_platform::{ApiError, ErrorCode, Result, Secret, Tx};

#[derive(Debug, Clone)]
pub struct BootstrapOptions {
    pub admin_user_name: String,
    /// None: a random one is made.
    pub admin_password: Option<Secret>,
    pub workspace_name: String,
    /// First label of the workspace's host name.
    pub deployment_name: String,
    pub host_name: Option<String>,
    pub region: String,
}

#[derive(Debug, Clone)]
pub struct Bootstrap {
    pub account_id: AccountId,
    pub workspace_id: WorkspaceId,
    pub admin_user_name: String,
    /// On the first start only; it is not kept.
    pub admin_password: Option<Secret>,
    /// On the first start only: a personal access token that does not expire.
    pub admin_pat: Option<Secret>,
}

impl Identity {
    pub async fn bootstrap(&self, options: &BootstrapOptions) -> Result<Bootstrap> {
        if let Some(done) = self.bootstrapped().await? {
            return Ok(done);
        }
        match self.bootstrap_first(options).await {
            // Another replica was faster.
            Err(error) if error.code == ErrorCode::ResourceAlreadyExists => {
                self.bootstrapped().await?.ok_or_else(|| ApiError::internal("half a bootstrap"))
            }
            other => other,
        }
    }

    async fn bootstrapped(&self) -> Result<Option<Bootstrap>> {
        let mut tx = self.db.read().await?;
        if principals::by_name(&mut tx, ACCOUNT_USERS).await?.is_none() {
            return Ok(None);
        }
        let admin = lookup::account_admin(&mut tx).await?;
        let admin = match admin {
            Some(id) => principals::by_id(&mut tx, id).await?,
            None => None,
        };
        let workspace = workspaces::all(&mut tx).await?.into_iter().next();
        let (Some(admin), Some(workspace)) = (admin, workspace) else {
            return Err(ApiError::internal("the account has no admin or no workspace"));
        };
        Ok(Some(Bootstrap {
            account_id: self.account_id.clone(),
            workspace_id: workspace.id,
            admin_user_name: admin.name,
            admin_password: None,
            admin_pat: None,
        }))
    }

    async fn bootstrap_first(&self, options: &BootstrapOptions) -> Result<Bootstrap> {
        let now = self.clock.now_ms();
        let password = match &options.admin_password {
            Some(password) => password.clone(),
            None => readable_password()?,
        };
        let password_hash = self.passwords.hash(&password).await?;
        let workspace = Workspace {
            id: WorkspaceId::random(),
            name: options.workspace_name.clone(),
            deployment_name: options.deployment_name.to_lowercase(),
            host_name: options.host_name.as_ref().map(|host| host.to_lowercase()),
            region: options.region.clone(),
            compute_mode: "SERVERLESS".into(),
            pricing_tier: "ENTERPRISE".into(),
            custom_tags: Default::default(),
            // The server gives it its metastore in the same start.
            status: "RUNNING".into(),
            status_message: "Workspace is running.".into(),
            network_policy_id: None,
            network_connectivity_config_id: None,
            private_access_settings_id: None,
            credentials_id: None,
            storage_configuration_id: None,
            network_id: None,
            storage_key_id: None,
            created_at: now,
            updated_at: now,
        };
        let admin = first_admin(&options.admin_user_name, now);
        let mut tx = self.db.write().await?;
        principals::insert(&mut tx, &workspaces::system_group(ACCOUNT_USERS, None, now), None)
            .await?;
        principals::insert(&mut tx, &admin, Some(&password_hash)).await?;
        workspaces::insert(&mut tx, &workspace, Some(admin.id)).await?;
        workspaces::permission_set(&mut tx, workspace.id, admin.id, "ADMIN").await?;
        let pat = first_token(&mut tx, admin.id, workspace.id, now).await?;
        self.changed(tx).await?;
        Ok(Bootstrap {
            account_id: self.account_id.clone(),
            workspace_id: workspace.id,
            admin_user_name: admin.name,
            admin_password: Some(password),
            admin_pat: Some(pat),
        })
    }

    /// For the operator at the machine: a new password for a user who lost it. All its sessions end.
    pub async fn password_reset(&self, user_name: &str) -> Result<Secret> {
        let password = readable_password()?;
        let hash = self.passwords.hash(&password).await?;
        let mut tx = self.db.write().await?;
        let user =
            principals::by_name(&mut tx, user_name).await?.filter(|row| row.kind == Kind::User);
        let user =
            user.ok_or_else(|| ApiError::not_found(format!("User {user_name} does not exist.")))?;
        principals::set_password_hash(&mut tx, user.id, Some(&hash)).await?;
        principals::sign_out(&mut tx, user.id).await?;
        self.changed(tx).await?;
        Ok(password)
    }

    /// For the operator at the machine: a new personal access token of an account admin, when the client
    /// profile is lost.
    pub async fn admin_pat_issue(&self, workspace: WorkspaceId) -> Result<Secret> {
        let mut tx = self.db.write().await?;
        let admin = lookup::account_admin(&mut tx).await?;
        let admin = admin.ok_or_else(|| ApiError::internal("the account has no admin"))?;
        let pat = first_token(&mut tx, admin, workspace, self.clock.now_ms()).await?;
        self.changed(tx).await?;
        Ok(pat)
    }
}

async fn first_token(
    tx: &mut Tx,
    admin: PrincipalId,
    workspace: WorkspaceId,
    now_ms: i64,
) -> Result<Secret> {
    let (row, pat) =
        tokens::store::TokenRow::fresh(admin, workspace, "client profile", admin, now_ms, None)?;
    tokens::store::insert(tx, &row, &pat).await?;
    Ok(pat)
}

fn first_admin(user_name: &str, now: i64) -> PrincipalRow {
    let name = user_name.to_lowercase();
    PrincipalRow {
        id: PrincipalId::random(),
        kind: Kind::User,
        display_name: user_name.split('@').next().unwrap_or(user_name).to_owned(),
        given_name: None,
        family_name: None,
        emails: vec![Email { value: name.clone(), r#type: Some("work".into()), primary: true }],
        name,
        active: true,
        external_id: None,
        roles: vec![ACCOUNT_ADMIN.into()],
        scope: None,
        home: None,
        system: false,
        created_by: None,
        created_at: now,
    }
}

/// Five groups of five, 120 bits and more: letters and digits that are not mistaken for each other.
fn readable_password() -> Result<Secret> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = hash::random::<25>()?;
    let mut text = String::with_capacity(29);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            text.push('-');
        }
        text.push(LETTERS[usize::from(byte % 32)].into());
    }
    Ok(Secret::new(text))
}
