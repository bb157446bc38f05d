//! Who is a node: let in with a token, good for as long as its certificate, removed by the operator.
//!
//! What must hold: a token lets in one key; of two admissions or agents of one node only the later one
//! is the node; who was removed is nobody from the commit on, here at once and elsewhere with the news.

use super::store::{self, NewNode as NewRow, NodeRow};
use super::token_store;
use super::tokens::secret_hash;
use crate::Compute;
use crate::ca::{CaError, NodeName, RelayCa, SigningRequest};
use biplane_api::ids::NodeId;
use biplane_platform::{ApiError, Ctx, Result};
use biplane_proto::admission::{Admitted, Join, Retire};
use biplane_proto::preface::{Agent, Refusal};
use std::collections::HashMap;
use std::sync::Arc;

/// A host whose answer was lost may ask again with the same key for so long.
const AGAIN_MS: i64 = 900_000;

/// One that runs, one that takes over, and what an end without notice left.
const NODES_ON_HOST_MAX: i64 = 4;

/// Why a wish is not granted, for the operator to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAdmitted {
    #[error("the control plane does not know this token")]
    UnknownToken,
    #[error("this token has expired")]
    Expired,
    #[error("this token was used; a token lets one host in")]
    Used,
    #[error(transparent)]
    Node(#[from] Refusal),
    #[error("this is no node of the same host")]
    OtherHost,
    #[error("there are too many nodes of this host; remove those that are no more")]
    Crowded,
    #[error("the request for a certificate cannot be read")]
    Request(#[source] CaError),
    #[error("the certificate could not be made")]
    Sign(#[source] CaError),
    #[error("the control plane cannot do this now")]
    Internal(#[from] ApiError),
}

type Granted<T> = std::result::Result<T, NotAdmitted>;

impl Compute {
    /// The authority of the relay; tokens carry its pin.
    pub fn set_authority(&self, ca: Arc<RelayCa>) {
        let _ = self.authority.set(ca);
    }

    pub(super) fn authority(&self) -> Result<Arc<RelayCa>> {
        let authority = self.authority.get().cloned();
        authority.ok_or_else(|| ApiError::internal("the relay's authority is not set"))
    }

    pub(crate) async fn node_join(&self, join: &Join, request: &[u8]) -> Granted<Admitted> {
        let request = SigningRequest::read(request).map_err(NotAdmitted::Request)?;
        let (key, now) = (request.key_hash(), self.clock.now_ms());
        let mut tx = self.db.write().await?;
        let token = token_store::get(&mut tx, &join.token_id).await?;
        let token = token
            .filter(|token| token.secret_hash == secret_hash(&join.secret))
            .ok_or(NotAdmitted::UnknownToken)?;
        let info = &token.info;
        match info.used_at {
            None if now >= info.expires_at => return Err(NotAdmitted::Expired),
            None => {}
            Some(used_at) => {
                let node = store::get(&mut tx, &info.node_id).await?;
                let same = token.key_hash.as_ref() == Some(&key)
                    && node.is_some_and(|node| node.admission == info.token_id);
                if !same || now > used_at + AGAIN_MS {
                    return Err(NotAdmitted::Used);
                }
            }
        }
        let admitted = self.sign(&request, &info.node_id, &info.token_id)?;
        let row = NewRow {
            id: &info.node_id,
            host_id: &info.node_id,
            admission: &info.token_id,
            certificate_expires_at: now + self.certificate_ms(),
            region: &info.region,
            labels: &info.labels,
        };
        store::admit(&mut tx, &row, now).await?;
        if info.used_at.is_none() {
            token_store::spend(&mut tx, &info.token_id, &key, now).await?;
        }
        tx.commit().await?;
        tracing::info!(node_id = %info.node_id, token_id = info.token_id, created_by = info.created_by, "a node joined");
        self.node_changed(&info.node_id).await;
        Ok(admitted)
    }

    /// The next certificate of a node; the one it has is still good.
    pub(crate) async fn node_renew(&self, name: &NodeName, request: &[u8]) -> Granted<Admitted> {
        let request = SigningRequest::read(request).map_err(NotAdmitted::Request)?;
        let mut tx = self.db.write().await?;
        let row = known(&mut tx, name).await?;
        let admitted = self.sign(&request, &row.id, &row.admission)?;
        let expires_at = self.clock.now_ms() + self.certificate_ms();
        store::renewed(&mut tx, &row.id, expires_at).await?;
        tx.commit().await?;
        tracing::debug!(node_id = %row.id, "a node renewed its certificate");
        Ok(admitted)
    }

    /// A second node on the host of the first, which is to take over from it.
    pub(crate) async fn node_succeed(&self, name: &NodeName, request: &[u8]) -> Granted<Admitted> {
        let request = SigningRequest::read(request).map_err(NotAdmitted::Request)?;
        let now = self.clock.now_ms();
        let mut tx = self.db.write().await?;
        let row = known(&mut tx, name).await?;
        if store::on_host(&mut tx, &row.host_id).await? >= NODES_ON_HOST_MAX {
            return Err(NotAdmitted::Crowded);
        }
        let id = NodeId::random();
        let admitted = self.sign(&request, &id, &row.admission)?;
        let new = NewRow {
            id: &id,
            host_id: &row.host_id,
            admission: &row.admission,
            certificate_expires_at: now + self.certificate_ms(),
            region: &row.region,
            labels: &row.labels,
        };
        store::admit(&mut tx, &new, now).await?;
        tx.commit().await?;
        tracing::info!(node_id = %id, predecessor = %row.id, "a node is to take over on its host");
        Ok(admitted)
    }

    /// Another node of the same host is no more.
    pub(crate) async fn node_retire(&self, name: &NodeName, retire: &Retire) -> Granted<()> {
        let Ok(id) = retire.node_id.parse::<NodeId>() else {
            return Err(NotAdmitted::OtherHost);
        };
        let mut tx = self.db.write().await?;
        let row = known(&mut tx, name).await?;
        match store::get(&mut tx, &id).await? {
            Some(other) if other.host_id == row.host_id && other.id != row.id => {
                store::delete(&mut tx, &id).await?;
                tx.commit().await?;
            }
            Some(_) => return Err(NotAdmitted::OtherHost),
            None => return Ok(()),
        }
        tracing::info!(node_id = %id, "a node was taken over from");
        self.node_gone(&id);
        Ok(())
    }

    pub async fn node_delete(&self, ctx: &Ctx, id: &NodeId) -> Result<()> {
        ctx.require_account_admin()?;
        let mut tx = self.db.write().await?;
        if !store::delete(&mut tx, id).await? {
            return Err(ApiError::not_found(format!("Node {id} does not exist.")));
        }
        tx.commit().await?;
        tracing::info!(node_id = %id, by = ctx.principal.name, "a node was removed");
        self.node_gone(id);
        Ok(())
    }

    /// This agent wants to be the node that its certificate names. It is, once it `agent_enters`.
    pub(crate) async fn agent_arrives(&self, name: &NodeName, agent: &Agent) -> Granted<NodeRow> {
        let row = known(&mut self.db.read().await?, name).await?;
        if self.clock.now_ms() >= row.certificate_expires_at {
            return Err(Refusal::Expired.into());
        }
        later(agent, &row)?;
        Ok(row)
    }

    /// It has said hello: whatever agent was the node before is not any more.
    pub(crate) async fn agent_enters(&self, node: &NodeRow, agent: &Agent) -> Granted<()> {
        let mut tx = self.db.write().await?;
        let row = store::get(&mut tx, &node.id).await?;
        let row = row.filter(|row| row.admission == node.admission).ok_or(Refusal::Unknown)?;
        if later(agent, &row)? {
            store::agent_set(&mut tx, &row.id, agent).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Whether this certificate is one of a node now. Costs no database while nothing changes.
    pub(crate) async fn node_known(&self, name: &NodeName) -> Granted<()> {
        let admission = self.admissions.read().get(&name.node_id).cloned();
        let admission = match admission {
            Some(admission) => admission,
            None => {
                let row = store::get(&mut self.db.read().await?, &name.node_id).await?;
                let row = row.ok_or(Refusal::Unknown)?;
                self.admissions.write().insert(row.id, row.admission.clone());
                row.admission
            }
        };
        if admission != name.admission {
            return Err(Refusal::Unknown.into());
        }
        match self.clock.now_ms() < name.expires_at {
            true => Ok(()),
            false => Err(Refusal::Expired.into()),
        }
    }

    /// When its certificate, as far as it was renewed, ends; None when there is no such node.
    pub(crate) async fn certificate_expires_at(&self, id: &NodeId) -> Result<Option<i64>> {
        let row = store::get(&mut self.db.read().await?, id).await?;
        Ok(row.map(|row| row.certificate_expires_at))
    }

    /// Looks at a node again: who is connected may not be it any more.
    pub(crate) async fn node_changed(&self, id: &NodeId) {
        self.admissions.write().remove(id);
        let row = match self.db.read().await {
            Ok(mut tx) => store::get(&mut tx, id).await,
            Err(error) => Err(error),
        };
        match row {
            Ok(None) => self.node_gone(id),
            Ok(Some(row)) => {
                self.node_heed(id, row.draining);
                if let Some(node) = self.nodes.get(id)
                    && (node.admission != row.admission || node.agent != row.agent)
                {
                    node.cut();
                }
            }
            Err(error) => {
                tracing::warn!(node_id = %id, %error, cause = ?error.internal, "news of a node could not be followed");
            }
        }
    }

    /// It was removed: its connections end, and nobody waits for it.
    pub(crate) fn node_gone(&self, id: &NodeId) {
        self.admissions.write().remove(id);
        if let Some(node) = self.nodes.get(id) {
            node.cut();
        }
        for slot in self.all_slots() {
            let here: Vec<_> = {
                let live = slot.live.borrow();
                let here = live.members.iter().filter(|member| member.node_id == *id);
                here.map(|member| member.id.clone()).collect()
            };
            for sandbox_id in here {
                slot.update_member(&sandbox_id, |member| {
                    member.exited = Some("its node was removed".into());
                    if let Some(engine) = member.engine.take() {
                        engine.cut.cancel();
                    }
                });
            }
        }
        self.code_heed_node(id, &HashMap::new());
        self.wake_all();
    }

    fn sign(&self, request: &SigningRequest, id: &NodeId, admission: &str) -> Granted<Admitted> {
        let (authority, life) = (self.authority()?, self.config.node_certificate);
        let cert = authority.sign_node(request, id, admission, life).map_err(NotAdmitted::Sign)?;
        let of_authority = authority.certificate_der().map_err(NotAdmitted::Sign)?;
        Ok(Admitted {
            node_id: id.to_string(),
            certificate: cert.to_vec(),
            authority: of_authority.to_vec(),
            life_ms: u64::try_from(life.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn certificate_ms(&self) -> i64 {
        i64::try_from(self.config.node_certificate.as_millis()).unwrap_or(i64::MAX / 2)
    }
}

/// False: it is the same that was the node before.
fn later(agent: &Agent, row: &NodeRow) -> Granted<bool> {
    if *agent == row.agent {
        return Ok(false);
    }
    match agent.incarnation > row.agent.incarnation {
        true => Ok(true),
        false => Err(Refusal::Superseded.into()),
    }
}

async fn known(tx: &mut biplane_platform::Tx, name: &NodeName) -> Granted<NodeRow> {
    let row = store::get(tx, &name.node_id).await?.ok_or(Refusal::Unknown)?;
    match row.admission == name.admission {
        true => Ok(row),
        false => Err(Refusal::Unknown.into()),
    }
}
