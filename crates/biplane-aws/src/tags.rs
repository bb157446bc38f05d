//! The tags of what was started: whose it is, so that it is found again and ended by nobody else.

use crate::errors::invalid;
use aws_sdk_ec2::types::{Filter, Tag};
use biplane_compute::provider::{HostOrder, Place, ProviderResult};
use std::collections::BTreeMap;

pub const ACCOUNT: &str = "biplane:account";
pub const WORKSPACE: &str = "biplane:workspace";
pub const CLUSTER: &str = "biplane:cluster";
pub const NODE: &str = "biplane:node";
const NAME: &str = "Name";
/// As many as AWS takes.
const TAGS_MAX: usize = 50;

/// The user's tags, and ours, which no user's tag can replace.
pub fn of_order(place: &Place, order: &HostOrder) -> ProviderResult<Vec<Tag>> {
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in &order.tags {
        if key.to_ascii_lowercase().starts_with("aws:") || key.len() > 128 || value.len() > 256 {
            return Err(invalid(format!("AWS does not take the tag {key:.128}.")));
        }
        tags.insert(key.clone(), value.clone());
    }
    let name = format!("biplane {}", order.cluster_id);
    tags.entry(NAME.into()).or_insert(name);
    tags.insert(ACCOUNT.into(), place.account_id.clone());
    tags.insert(WORKSPACE.into(), place.workspace_id.to_string());
    tags.insert(CLUSTER.into(), order.cluster_id.clone());
    if let Some(node) = &order.node_id {
        tags.insert(NODE.into(), node.to_string());
    }
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!("AWS takes at most {TAGS_MAX} tags.")));
    }
    Ok(tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect())
}

pub fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// What was started for this workspace.
pub fn of_place(place: &Place) -> [Filter; 2] {
    [
        filter(&format!("tag:{ACCOUNT}"), [&place.account_id]),
        filter(&format!("tag:{WORKSPACE}"), [place.workspace_id.to_string()]),
    ]
}
