//! Clusters as callers see them: one, lists of them, and what they can be made of.

use super::store::{self, Cluster, HostRow};
use super::versions;
use crate::Compute;
use crate::provider::NodeType;
use biplane_api::clusters::{
    ClusterInfo, ClusterList, ClusterState as State, NodeInstanceType, NodeTypeInfo, NodeTypeList,
    SparkNode, SparkNodeAws, SparkVersionList, ZoneList,
};
use biplane_platform::acl::{self, CLUSTERS};
use biplane_platform::{ApiError, Ctx, Result, page};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const PAGE_DEFAULT: usize = 20;
const PAGE_MAX: usize = 100;

/// What the query of a list asks for.
#[derive(Debug, Clone, Default)]
pub struct ClusterFilter {
    pub states: Vec<State>,
    pub sources: Vec<String>,
    pub is_pinned: Option<bool>,
    pub policy_id: Option<String>,
    /// By name; else by what runs, then by time.
    pub by_name: bool,
    pub ascending: Option<bool>,
    pub page_size: Option<i64>,
    pub page_token: Option<String>,
}

impl ClusterFilter {
    /// Lists repeat their key.
    pub fn of(query: &[(String, String)]) -> Result<Self> {
        let mut filter = Self::default();
        for (key, value) in query {
            let number = || {
                value.parse::<i64>().map_err(|_| ApiError::invalid(format!("{key} is a number.")))
            };
            match key.as_str() {
                "filter_by.cluster_states" => filter.states.push(
                    State::parse(value)
                        .ok_or_else(|| ApiError::invalid(format!("{value:.64} is no state.")))?,
                ),
                "filter_by.cluster_sources" => filter.sources.push(value.clone()),
                "filter_by.is_pinned" => filter.is_pinned = Some(value == "true"),
                "filter_by.policy_id" => filter.policy_id = Some(value.clone()),
                "sort_by.field" => filter.by_name = value == "CLUSTER_NAME",
                "sort_by.direction" => filter.ascending = Some(value == "ASC"),
                "page_size" => filter.page_size = Some(number()?),
                "page_token" => filter.page_token = Some(value.clone()),
                _ => {}
            }
        }
        Ok(filter)
    }

    fn takes(&self, row: &Cluster) -> bool {
        (self.states.is_empty() || self.states.contains(&row.state))
            && (self.sources.is_empty() || self.sources.contains(&row.source))
            && self.is_pinned.is_none_or(|pinned| pinned == row.pinned_at.is_some())
            && self.policy_id.as_ref().is_none_or(|id| row.spec.policy_id.as_ref() == Some(id))
    }

    /// Where a row stands; smaller is earlier.
    fn position(&self, row: &Cluster) -> (i64, String, String) {
        match self.by_name {
            true => (0, row.name.to_lowercase(), row.id.to_string()),
            false => {
                // Pinned ones, then those that run, then the newest.
                let place = match (row.pinned_at, row.state) {
                    (Some(_), _) => 0,
                    (None, State::Terminated) => 2,
                    _ => 1,
                };
                let newest = i64::MAX - row.started_at;
                (place, format!("{newest:020}"), row.id.to_string())
            }
        }
    }
}

impl Compute {
    pub async fn cluster_get(&self, ctx: &Ctx, id: &str) -> Result<ClusterInfo> {
        let row = self.cluster_for(ctx, id, "CAN_ATTACH_TO").await?;
        let hosts = store::hosts(&mut self.db.read().await?, &row.id).await?;
        let cluster_log_status = self.clusters.log_status.lock().get(&row.id).cloned();
        Ok(ClusterInfo { cluster_log_status, ..view(&row, &hosts.iter().collect::<Vec<_>>()) })
    }

    pub async fn cluster_list(&self, ctx: &Ctx, filter: &ClusterFilter) -> Result<ClusterList> {
        let workspace = ctx.workspace()?;
        let limit = page::size(filter.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let after: Option<(i64, String, String)> = page::decode(filter.page_token.as_deref())?;
        let descending = filter.ascending == Some(false);
        let mut tx = self.db.read().await?;
        let mut rows = Vec::new();
        for row in store::of_workspace(&mut tx, workspace).await? {
            let position = filter.position(&row);
            let later = after.as_ref().is_none_or(|after| match descending {
                true => position < *after,
                false => position > *after,
            });
            if later && filter.takes(&row) {
                rows.push((position, row));
            }
        }
        if !ctx.principal.workspace_admin {
            let mut seen = Vec::new();
            for (position, row) in rows {
                let entries = acl::entries(&mut tx, workspace, &CLUSTERS, row.id.as_str()).await?;
                if acl::rank(ctx, &CLUSTERS, &entries).is_some() {
                    seen.push((position, row));
                }
            }
            rows = seen;
        }
        let hosts = store::hosts_of_workspace(&mut tx, workspace).await?;
        drop(tx);
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        if descending {
            rows.reverse();
        }
        let (rows, next_page_token) = page::cut(rows, limit, |(position, _)| position.clone());
        let clusters = rows.iter().map(|(_, row)| {
            let own: Vec<_> = hosts.iter().filter(|host| host.cluster_id == row.id).collect();
            view(row, &own)
        });
        Ok(ClusterList { clusters: clusters.collect(), next_page_token })
    }

    pub async fn node_type_list(&self, ctx: &Ctx) -> Result<NodeTypeList> {
        let types = self.node_types_of(ctx.workspace()?).await?;
        Ok(NodeTypeList { node_types: types.iter().map(node_type).collect() })
    }

    pub async fn zone_list(&self, ctx: &Ctx) -> Result<ZoneList> {
        let (name, place) = self.place_of(ctx.workspace()?).await?;
        let provider = self.provider(&name)?;
        let zones = self.answered(provider.zones(&place)).await;
        let (zones, default_zone) = zones.map_err(super::reasons::to_caller)?;
        Ok(ZoneList { zones, default_zone })
    }

    pub fn spark_version_list(&self, ctx: &Ctx) -> Result<SparkVersionList> {
        ctx.workspace()?;
        Ok(versions::list())
    }
}

fn view(row: &Cluster, hosts: &[&HostRow]) -> ClusterInfo {
    let hosts: Vec<_> = hosts
        .iter()
        .filter(|host| host.generation == row.generation && host.host_id.is_some())
        .collect();
    let driver = hosts.iter().find(|host| host.ordinal == 0);
    let on = !row.is(&[State::Terminated]) && !hosts.is_empty();
    let memory: u64 = hosts.iter().map(|host| host.size.memory_bytes >> 20).sum();
    let cores: f64 = hosts.iter().map(|host| f64::from(host.size.cpu_millis) / 1000.0).sum();
    let mut effective = row.spec.clone();
    if effective.autoscale.is_some() {
        effective.num_workers = Some(row.workers);
    }
    let tags = [
        ("Vendor", "Biplane".to_owned()),
        ("Creator", row.creator_name.clone()),
        ("ClusterName", row.name.clone()),
        ("ClusterId", row.id.to_string()),
    ];
    ClusterInfo {
        cluster_id: row.id.clone(),
        effective,
        state: row.state,
        state_message: row.state_message.clone(),
        creator_user_name: row.creator_name.clone(),
        cluster_source: row.source.clone(),
        start_time: row.started_at,
        terminated_time: row.terminated_at,
        last_restarted_time: row.restarted_at,
        last_state_loss_time: row.restarted_at.unwrap_or(0),
        termination_reason: row.reason.clone(),
        driver: driver.map(|host| spark_node(host)),
        executors: hosts
            .iter()
            .filter(|host| host.ordinal > 0)
            .map(|host| spark_node(host))
            .collect(),
        spark_context_id: on.then(|| context_id(row)),
        cluster_memory_mb: on.then(|| i64::try_from(memory).unwrap_or(i64::MAX)),
        cluster_cores: on.then_some(cores),
        default_tags: tags
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
        spec: row.request.clone(),
        cluster_log_status: None,
    }
}

fn spark_node(host: &HostRow) -> SparkNode {
    SparkNode {
        node_id: Some(host.node_id.to_string()),
        instance_id: host.host_id.clone(),
        private_ip: host.private_ip.clone(),
        host_private_ip: host.private_ip.clone(),
        public_dns: Some(String::new()),
        start_timestamp: Some(host.created_at),
        node_aws_attributes: Some(SparkNodeAws { is_spot: Some(host.is_spot) }),
    }
}

/// Another one for every start; below 2^53.
fn context_id(row: &Cluster) -> i64 {
    let digest = Sha256::digest(format!("context {} {}", row.id, row.generation));
    digest.iter().take(6).fold(0, |number, byte| number << 8 | i64::from(*byte))
}

fn node_type(known: &NodeType) -> NodeTypeInfo {
    let disk = i64::from(known.local_disk_gib);
    NodeTypeInfo {
        node_type_id: known.node_type_id.clone(),
        memory_mb: i64::try_from(known.memory_mib).unwrap_or(i64::MAX),
        num_cores: known.cores,
        description: known.description.clone(),
        instance_type_id: known.node_type_id.clone(),
        category: known.category.clone(),
        is_graviton: known.is_arm,
        num_gpus: known.gpus.into(),
        node_instance_type: NodeInstanceType {
            instance_type_id: known.node_type_id.clone(),
            local_disks: known.local_disks.into(),
            local_disk_size_gb: disk,
            ..NodeInstanceType::default()
        },
        support_cluster_tags: true,
        ..NodeTypeInfo::default()
    }
}
