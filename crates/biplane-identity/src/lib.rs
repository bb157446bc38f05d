//! Account, workspaces, people, tokens, OAuth, permissions on objects.
//!
//! Must hold: secrets are stored hashed; what a credential may do is read from the database or from a
//! cache that every change of identity empties (`changed`); names of principals are unique in the whole
//! account, so that a grant to a name means one principal; a principal that is deleted takes its tokens,
//! sessions and permissions with it.

mod authenticate;
mod bootstrap;
mod cache;
mod entitlements;
mod hash;
mod lookup;
mod network;
mod oauth;
mod permissions;
mod principals;
mod provisioning;
mod scim;
mod secrets;
mod tokens;
mod web;
mod workspaces;

pub use authenticate::{Authenticated, Call, Credential, account_path, host};
pub use bootstrap::{Bootstrap, BootstrapOptions};
pub use lookup::KnownPrincipal;
pub use network::{EGRESS_TOPIC, NetworkConfig};
pub use provisioning::{Cloud, CloudNetwork, CloudPlace, PlaceFinding, TryAgain};
pub use workspaces::Workspace;

use biplane_api::ids::{AccountId, PrincipalId, WorkspaceId};
use biplane_platform::statement_token::StatementTokens;
use biplane_platform::{Clock, Ctx, Db, Migration, Result, Tx, keys};
use cache::Cache;
use std::sync::{Arc, OnceLock};
use utoipa_axum::router::OpenApiRouter;

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "identity_0001", sql: include_str!("../migrations/0001_identity.sql") },
    Migration { name: "identity_0002", sql: include_str!("../migrations/0002_entitlements.sql") },
    Migration { name: "identity_0003", sql: include_str!("../migrations/0003_nonce.sql") },
    Migration { name: "identity_0004", sql: include_str!("../migrations/0004_network.sql") },
    Migration { name: "identity_0005", sql: include_str!("../migrations/0005_provisioning.sql") },
];

/// Topic of `Db::subscribe`: anything that decides who may do what has changed.
pub const CHANGES_TOPIC: &str = "identity";

#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `biplane.example.com`: then `<deployment>.biplane.example.com` is a workspace and
    /// `accounts.biplane.example.com` the account. `<deployment>.localhost` is always.
    pub domain: Option<String>,
    pub network: NetworkConfig,
}

/// Told when a workspace is made, so that it gets a metastore. Called until it succeeds, so it must
/// bear repetition.
#[async_trait::async_trait]
pub trait WorkspaceCreated: Send + Sync {
    async fn workspace_created(&self, ctx: &Ctx, workspace: &Workspace) -> Result<()>;
}

/// Told when a workspace goes and nobody can use it any more, so that nothing of it stays: what runs is
/// stopped, what is kept for it deleted. Called until it succeeds, so it must bear repetition.
#[async_trait::async_trait]
pub trait WorkspaceDeleting: Send + Sync {
    async fn workspace_deleting(&self, id: WorkspaceId) -> Result<()>;
}

/// Told before a principal goes, so that grants to its name go too: a later principal of that name must
/// not inherit them. An error keeps the principal.
#[async_trait::async_trait]
pub trait PrincipalDeleting: Send + Sync {
    async fn principal_deleting(&self, ctx: &Ctx, id: PrincipalId, name: &str) -> Result<()>;
}

/// Where objects of workspaces are: permissions on a directory are permissions on what is in it.
#[async_trait::async_trait]
pub trait Containers: Send + Sync {
    /// The ids of the directories that an object is in, the nearest first.
    async fn above(&self, workspace: WorkspaceId, id: &str) -> Result<Vec<i64>>;
}

pub struct Identity {
    db: Db,
    clock: Clock,
    account_id: AccountId,
    domain: Option<String>,
    network: NetworkConfig,
    cache: Arc<Cache>,
    statement_tokens: StatementTokens,
    signer: oauth::Signer,
    passwords: web::Passwords,
    cloud: OnceLock<Arc<dyn Cloud>>,
    containers: OnceLock<Arc<dyn Containers>>,
    workspace_created: OnceLock<Arc<dyn WorkspaceCreated>>,
    workspace_deleting: OnceLock<Arc<dyn WorkspaceDeleting>>,
    principal_deleting: OnceLock<Arc<dyn PrincipalDeleting>>,
}

impl Identity {
    /// The database is migrated. Starts the task that hears of changes by other replicas.
    pub async fn new(db: Db, clock: Clock, config: Config) -> Result<Arc<Self>> {
        let account_id =
            keys::stored(&db, &clock, "account_id", || AccountId::random().to_string()).await?;
        let identity = Self {
            account_id: account_id.parse().map_err(biplane_platform::ApiError::internal)?,
            domain: config.domain.map(|domain| domain.to_ascii_lowercase()),
            network: config.network,
            cache: Cache::listening(&db),
            statement_tokens: StatementTokens::load(&db, &clock).await?,
            signer: oauth::Signer::load(&db, &clock).await?,
            passwords: web::Passwords::default(),
            cloud: OnceLock::new(),
            containers: OnceLock::new(),
            workspace_created: OnceLock::new(),
            workspace_deleting: OnceLock::new(),
            principal_deleting: OnceLock::new(),
            db,
            clock,
        };
        Ok(Arc::new(identity))
    }

    /// Once, before serving. Without it places in a cloud are taken as they are given.
    pub fn set_cloud(&self, cloud: Arc<dyn Cloud>) {
        let _ = self.cloud.set(cloud);
    }

    /// Once, before serving. Without them no object is in a directory.
    pub fn set_containers(&self, containers: Arc<dyn Containers>) {
        let _ = self.containers.set(containers);
    }

    /// Once, before serving.
    pub fn on_workspace_created(&self, hook: Arc<dyn WorkspaceCreated>) {
        let _ = self.workspace_created.set(hook);
    }

    /// Once, before serving.
    pub fn on_workspace_deleting(&self, hook: Arc<dyn WorkspaceDeleting>) {
        let _ = self.workspace_deleting.set(hook);
    }

    /// Once, before serving.
    pub fn on_principal_deleting(&self, hook: Arc<dyn PrincipalDeleting>) {
        let _ = self.principal_deleting.set(hook);
    }

    /// Routes that need a `Ctx`.
    pub fn routes(self: &Arc<Self>) -> OpenApiRouter {
        scim::http::routes(self)
            .merge(tokens::http::routes(self))
            .merge(secrets::http::routes(self))
            .merge(workspaces::http::routes(self))
            .merge(provisioning::http::routes(self))
            .merge(permissions::http::routes(self))
            .merge(network::routes(self))
            .merge(web::http::routes(self))
    }

    /// Routes that anybody may call: discovery, OAuth, login. No `Ctx`, only `Origin`.
    pub fn public_routes(self: &Arc<Self>) -> OpenApiRouter {
        oauth::http::routes(self).merge(web::http::public_routes(self))
    }

    pub fn account_id(&self) -> &AccountId {
        &self.account_id
    }

    /// Commits a change of who may do what: the next request already sees it, here and on all replicas.
    async fn changed(&self, mut tx: Tx) -> Result<()> {
        tx.notify(CHANGES_TOPIC, "*");
        tx.commit().await?;
        self.cache.forget();
        Ok(())
    }

    /// The account's id comes in paths; another one is nobody's here.
    fn check_account(&self, account_id: &AccountId) -> Result<()> {
        match *account_id == self.account_id {
            true => Ok(()),
            false => Err(biplane_platform::ApiError::not_found(format!(
                "Account {account_id} does not exist."
            ))),
        }
    }
}

/// SCIM and the account API say it this way; 0 is nobody.
fn principal_id(text: &str) -> Result<PrincipalId> {
    text.parse().map_err(|_| {
        biplane_platform::ApiError::not_found(format!(
            "{} is not the id of a principal.",
            text.chars().take(64).collect::<String>()
        ))
    })
}

fn workspace_id(text: &str) -> Result<WorkspaceId> {
    text.parse().map_err(|_| {
        biplane_platform::ApiError::not_found(format!(
            "{} is not the id of a workspace.",
            text.chars().take(64).collect::<String>()
        ))
    })
}
