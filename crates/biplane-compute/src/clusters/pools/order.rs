//! How a host of a pool is ordered, whoever needs it first.

use super::super::{CLUSTER, WORKSPACE, spec as clusters};
use super::ops::default_tags;
use super::spec;
use super::store::Pool;
use crate::Compute;
use crate::nodes::tokens::NewNode;
use crate::provider::{Boot, HostOrder, Place};
use biplane_api::ids::NodeId;
use biplane_platform::Result;
use std::collections::BTreeMap;

/// It is known as one of its pool: clusters come and go.
pub(in super::super) async fn put_together(
    compute: &Compute,
    pool: &Pool,
    node_id: &NodeId,
    place: &Place,
) -> Result<HostOrder> {
    let aws = spec::attributes(&pool.spec);
    let mut tags: BTreeMap<String, String> = pool.spec.custom_tags.clone().unwrap_or_default();
    tags.extend(default_tags(pool));
    let ttl = compute.config.clusters.boot_wait.as_secs().max(60);
    let labels = [
        (CLUSTER.to_owned(), pool.id.to_string()),
        (WORKSPACE.to_owned(), pool.workspace_id.to_string()),
    ];
    let new = NewNode {
        node_id: Some(node_id.clone()),
        region: place.region.clone(),
        labels: labels.into(),
        ttl_seconds: i64::try_from(ttl).ok(),
        comment: format!("a host of instance pool {}", pool.id),
        created_by: pool.creator_name.clone(),
    };
    let join_token = compute.node_token_issue(new).await?.0.expose();
    let home = compute.clusters.home.read().clone();
    Ok(HostOrder {
        node_id: Some(node_id.clone()),
        cluster_id: pool.id.to_string(),
        node_type_id: pool.node_type().to_owned(),
        zone_id: aws.zone_id.unwrap_or_else(|| "auto".into()),
        availability: clusters::availability_of(aws.availability.as_deref().unwrap_or_default())
            .unwrap_or_default(),
        instance_profile_arn: aws.instance_profile_arn,
        disk_gib: aws.ebs_volume_size.and_then(|gib| u32::try_from(gib).ok()),
        tags,
        boot: Boot {
            relay: home.relay,
            join_token,
            program_url: home.program_url,
            program_sha256: home.program_sha256,
        },
    })
}
