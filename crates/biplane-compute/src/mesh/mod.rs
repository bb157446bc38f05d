//! Clusters of sandboxes that may reach each other: those of one compute resource in one generation.
//!
//! What must hold: a node is told of a member only what makes it one, and only when it runs there; who
//! leaves is named no more to those who stay; certificates are renewed at half their life, and without a
//! control plane they end.

mod authority;

pub(crate) use authority::Authorities;

use crate::Compute;
use crate::relay::nodes::Node;
use authority::{Authority, LIFE};
use biplane_api::ids::{NodeId, SandboxId, WorkspaceId};
use biplane_platform::Result;
use biplane_proto::v1::{MeshMembership, MeshPeer, SetMeshRequest};
use std::sync::Arc;
use tokio::time::Instant;

/// A sandbox that runs, and its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MeshMember {
    pub sandbox_id: SandboxId,
    pub node_id: NodeId,
}

/// What the nodes of a cluster were told last.
#[derive(Default)]
pub(crate) struct Told {
    cluster: String,
    members: Vec<(MeshMember, String)>,
    renewal: Option<Instant>,
}

impl Compute {
    /// Makes these members of one cluster, and those who are no longer among them members of none.
    /// Returns when it is to be called again, if it is: for a renewal, or `None` when a node could not
    /// be told.
    pub(crate) async fn mesh_tell(
        &self,
        workspace_id: WorkspaceId,
        cluster: &str,
        members: Vec<MeshMember>,
        ports: &[u16],
        told: &mut Told,
    ) -> Result<Meshed> {
        let address = |member: &MeshMember| {
            self.nodes.get(&member.node_id).map(|node| node.hello.mesh_address.clone())
        };
        let members: Vec<(MeshMember, String)> = members
            .into_iter()
            .map(|member| {
                let address = address(&member).unwrap_or_default();
                (member, address)
            })
            .collect();
        let same = told.cluster == cluster && told.members == members;
        // Programs that are found by name look for themselves, too.
        if ports.is_empty() && members.len() < 2 && (told.members.is_empty() || same) {
            return Ok(Meshed::Alone);
        }
        if let Some(renewal) = told.renewal.filter(|renewal| same && Instant::now() < *renewal) {
            return Ok(Meshed::Until(renewal));
        }
        let authority = self.mesh.of(workspace_id, cluster)?;
        let mut requests = Vec::with_capacity(members.len());
        for (member, _) in &members {
            let Some(node) = self.nodes.get(&member.node_id) else {
                // Its sandbox ends, or it comes back: both are news.
                continue;
            };
            requests.push((node, request(&authority, cluster, member, &members, ports)?));
        }
        let all = requests.into_iter().map(|(node, request)| tell(node, request));
        if futures::future::join_all(all).await.contains(&false) {
            return Ok(Meshed::Untold);
        }
        let renewal = Instant::now() + LIFE / 2;
        *told = Told { cluster: cluster.to_owned(), members, renewal: Some(renewal) };
        Ok(Meshed::Until(renewal))
    }
}

/// How a cluster stands.
pub(crate) enum Meshed {
    /// One sandbox needs no mesh.
    Alone,
    /// All know; to be renewed then.
    Until(Instant),
    /// Somebody does not know yet.
    Untold,
}

fn request(
    authority: &Authority,
    cluster: &str,
    member: &MeshMember,
    members: &[(MeshMember, String)],
    ports: &[u16],
) -> Result<SetMeshRequest> {
    let others = members.iter().filter(|(other, _)| other.sandbox_id != member.sandbox_id);
    let peer = |(other, address): &(MeshMember, String)| MeshPeer {
        sandbox_id: other.sandbox_id.to_string(),
        address: address.clone(),
    };
    let membership = MeshMembership {
        cluster: cluster.to_owned(),
        authority: authority.certificate().to_owned(),
        identity: authority.issue(&member.sandbox_id)?,
        peers: others.map(peer).collect(),
        ports: ports.iter().copied().map(u32::from).collect(),
    };
    Ok(SetMeshRequest { sandbox_id: member.sandbox_id.to_string(), membership: Some(membership) })
}

async fn tell(node: Arc<Node>, request: SetMeshRequest) -> bool {
    let sandbox_id = request.sandbox_id.clone();
    let told = node.set_mesh(request).await;
    if let Err(status) = &told {
        tracing::debug!(node_id = %node.id, sandbox_id, %status, "a member of a mesh could not be told");
    }
    told.is_ok()
}
