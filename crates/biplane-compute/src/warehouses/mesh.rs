//! The engines of a warehouse may reach each other: those of one generation are one cluster.

use super::reconcile::{Alarm, TRY_AGAIN};
use super::slot::Slot;
use crate::Compute;
use crate::mesh::{MeshMember, Meshed, Told};
use biplane_platform::Result;
use tokio::time::Instant;

pub(super) async fn tell(
    compute: &Compute,
    slot: &Slot,
    told: &mut Told,
    alarm: &mut Alarm,
) -> Result<()> {
    let (generation, members) = {
        let live = slot.live.borrow();
        let generation = live.row.generation;
        let here = live.members.iter().filter(|member| {
            member.generation == generation
                && member.served_since.is_some()
                && member.exited.is_none()
        });
        let named = here.map(|member| MeshMember {
            sandbox_id: member.id.clone(),
            node_id: member.node_id.clone(),
        });
        (generation, named.collect::<Vec<_>>())
    };
    let cluster = format!("{}-{generation}", slot.id);
    // Engines speak to the door themselves: without ports.
    match compute.mesh_tell(slot.workspace_id, &cluster, members, &[], told).await? {
        Meshed::Alone => {}
        Meshed::Until(renewal) => alarm.at(renewal),
        Meshed::Untold => alarm.at(Instant::now() + TRY_AGAIN),
    }
    Ok(())
}
