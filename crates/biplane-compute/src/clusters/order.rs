//! How a machine is ordered, for a cluster or for a pool.

use super::{CLUSTER, WORKSPACE, own, spec};
use crate::Compute;
use crate::nodes::tokens::NewNode;
use crate::provider::{Availability, Boot, HostOrder, Place};
use biplane_api::clusters::AwsAttributes;
use biplane_api::ids::{NodeId, WorkspaceId};
use biplane_platform::Result;
use std::collections::BTreeMap;

/// What is wanted, and by whom.
pub(super) struct Wanted<'a> {
    /// "cluster" or "instance pool".
    pub kind: &'a str,
    pub id: &'a str,
    pub workspace_id: WorkspaceId,
    pub creator_name: &'a str,
    pub node_id: &'a NodeId,
    pub provider: &'a str,
    pub place: &'a Place,
    pub node_type_id: &'a str,
    /// Whatever the attributes say of it.
    pub on_demand: bool,
    pub aws: AwsAttributes,
    pub tags: BTreeMap<String, String>,
}

pub(super) async fn put_together(compute: &Compute, wanted: Wanted<'_>) -> Result<HostOrder> {
    let join_token = match wanted.provider == own::NAME {
        // It is a node already.
        true => String::new(),
        false => token(compute, &wanted).await?,
    };
    let home = compute.clusters.home.read().clone();
    let aws = wanted.aws;
    let spot_bid_percent = spec::bid(&aws);
    let availability = match wanted.on_demand {
        true => Availability::OnDemand,
        false => spec::availability_of(aws.availability.as_deref().unwrap_or_default())
            .unwrap_or_default(),
    };
    Ok(HostOrder {
        node_id: Some(wanted.node_id.clone()),
        cluster_id: wanted.id.to_owned(),
        node_type_id: wanted.node_type_id.to_owned(),
        zone_id: aws.zone_id.unwrap_or_else(|| "auto".into()),
        availability,
        spot_bid_percent,
        instance_profile_arn: aws.instance_profile_arn.filter(|arn| !arn.is_empty()),
        disk_gib: aws.ebs_volume_size.and_then(|gib| u32::try_from(gib).ok()),
        tags: wanted.tags,
        boot: Boot {
            relay: home.relay,
            join_token,
            program_url: home.program_url,
            program_sha256: home.program_sha256,
        },
    })
}

/// Lets that one machine in, as one of the cluster or pool.
async fn token(compute: &Compute, wanted: &Wanted<'_>) -> Result<String> {
    let ttl = compute.config.clusters.boot_wait.as_secs().max(60);
    let labels = [
        (CLUSTER.to_owned(), wanted.id.to_owned()),
        (WORKSPACE.to_owned(), wanted.workspace_id.to_string()),
    ];
    let new = NewNode {
        node_id: Some(wanted.node_id.clone()),
        region: wanted.place.region.clone(),
        labels: labels.into(),
        ttl_seconds: i64::try_from(ttl).ok(),
        comment: format!("a host of {} {}", wanted.kind, wanted.id),
        created_by: wanted.creator_name.to_owned(),
    };
    Ok(compute.node_token_issue(new).await?.0.expose())
}
