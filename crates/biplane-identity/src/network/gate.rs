//! Who may reach a workspace, or the account, from where. Compiled from IP access lists and private access
//! settings, kept while nothing changes, asked for every request at the edge.

use super::ip_lists::{Scope, ops::refused, store as lists};
use super::private_access::store as private;
use crate::{Identity, workspaces};
use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, IpNet, Result, Tx};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Gate {
    /// Scopes whose lists count.
    lists: HashMap<i64, Vec<lists::List>>,
    private: HashMap<WorkspaceId, Private>,
    /// Registered endpoints by their name in the cloud.
    endpoints: HashMap<String, String>,
}

#[derive(Debug)]
struct Private {
    public_access: bool,
    /// None = all that are registered.
    endpoints: Option<HashSet<String>>,
}

impl Gate {
    async fn load(tx: &mut Tx) -> Result<Self> {
        let mut counting: HashMap<i64, Vec<lists::List>> = HashMap::new();
        let switches: HashMap<i64, bool> = lists::switches(tx).await?.into_iter().collect();
        for list in lists::everywhere(tx).await? {
            let at_first = list.scope == Scope::Account.key();
            if list.enabled && switches.get(&list.scope).copied().unwrap_or(at_first) {
                counting.entry(list.scope).or_default().push(list);
            }
        }
        let settings: HashMap<String, private::Settings> =
            private::all(tx).await?.into_iter().map(|one| (one.id.clone(), one)).collect();
        let workspaces = workspaces::store::all(tx).await?;
        let attached = workspaces.into_iter().filter_map(|one| {
            let settings = settings.get(one.private_access_settings_id.as_ref()?)?;
            let endpoints = (settings.level == "ENDPOINT")
                .then(|| settings.endpoint_ids.iter().cloned().collect());
            Some((one.id, Private { public_access: settings.public_access, endpoints }))
        });
        let private = attached.collect();
        let endpoints = private::endpoints(tx).await?;
        let endpoints = endpoints.into_iter().map(|one| (one.aws_id, one.id)).collect();
        Ok(Self { lists: counting, private, endpoints })
    }

    fn admits(
        &self,
        networks: &[(String, IpNet)],
        workspace: WorkspaceId,
        address: IpAddr,
    ) -> bool {
        if let Some(settings) = self.private.get(&workspace) {
            let through = networks.iter().find(|(_, net)| net.contains(address));
            match through {
                // Lists are about addresses on the internet.
                Some((name, _)) => {
                    return self.endpoints.get(name).is_some_and(|id| {
                        settings.endpoints.as_ref().is_none_or(|allowed| allowed.contains(id))
                    });
                }
                None if !settings.public_access => return false,
                None => {}
            }
        }
        self.lists.get(&workspace.0).is_none_or(|lists| !refused(lists, address))
    }
}

impl Identity {
    async fn gate(&self) -> Result<Arc<Gate>> {
        let epoch = self.cache.epoch();
        if let Some(gate) = self.cache.gate.get(epoch, &()) {
            return Ok(gate);
        }
        let gate = Gate::load(&mut self.db.read().await?).await?;
        Ok(self.cache.gate.put(epoch, (), gate))
    }

    /// Refuses a request that comes from where none may come to this workspace (or, for None, to the
    /// account).
    pub async fn admit(&self, address: IpAddr, workspace: Option<WorkspaceId>) -> Result<()> {
        let gate = self.gate().await?;
        let (admitted, what) = match workspace {
            Some(id) => (
                gate.admits(&self.network.private_endpoints, id, address),
                format!("workspace {id}"),
            ),
            None => {
                let lists = gate.lists.get(&Scope::Account.key());
                (lists.is_none_or(|lists| !refused(lists, address)), "the account".to_owned())
            }
        };
        match admitted {
            true => Ok(()),
            false => Err(ApiError::denied(format!(
                "Source IP address: {address} may not reach {what} (IP access lists, private access settings)."
            ))),
        }
    }

    /// The same for a request without a credential: by the workspace of its host name, or the only one.
    pub async fn admit_anybody(&self, address: IpAddr, host: Option<&str>) -> Result<()> {
        if host.is_some_and(|host| self.is_account_host(host)) {
            return self.admit(address, None).await;
        }
        let places = self.places().await?;
        let workspace = match host {
            Some(host) => self.workspace_by_host(host).await?,
            None => None,
        };
        match workspace.or(places.only) {
            Some(workspace) => self.admit(address, Some(workspace)).await,
            None => Ok(()),
        }
    }
}
