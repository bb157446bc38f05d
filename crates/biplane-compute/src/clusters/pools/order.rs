//! How a host of a pool is ordered, whoever needs it first.

use super::super::order::{Wanted, put_together};
use super::ops::default_tags;
use super::spec;
use super::store::Pool;
use crate::Compute;
use crate::provider::{HostOrder, Place};
use biplane_api::ids::NodeId;
use biplane_platform::Result;

/// It is known as one of its pool: clusters come and go.
pub(in super::super) async fn order(
    compute: &Compute,
    pool: &Pool,
    node_id: &NodeId,
    provider: &str,
    place: &Place,
) -> Result<HostOrder> {
    let mut tags = pool.spec.custom_tags.clone().unwrap_or_default();
    tags.extend(default_tags(pool));
    let wanted = Wanted {
        kind: "instance pool",
        id: pool.id.as_str(),
        workspace_id: pool.workspace_id,
        creator_name: &pool.creator_name,
        node_id,
        provider,
        place,
        node_type_id: pool.node_type(),
        on_demand: false,
        aws: spec::attributes(&pool.spec),
        tags,
    };
    put_together(compute, wanted).await
}
