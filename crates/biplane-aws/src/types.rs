//! The kinds of machines that a region has and clusters can use.

use crate::errors;
use crate::session::Session;
use crate::tags;
use aws_sdk_ec2::types::{ArchitectureType, InstanceTypeInfo};
use biplane_compute::provider::{NodeType, ProviderResult};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Below that a host has no room for a cluster.
const MEMORY_MIB_MIN: i64 = 4096;
const CORES_MIN: i32 = 2;
const PAGE: i32 = 100;

#[derive(Debug, Clone)]
pub struct Known {
    pub node_type: NodeType,
}

type ByRegion = HashMap<String, (Instant, Arc<[Known]>)>;

pub struct Types {
    known: Mutex<ByRegion>,
    /// By region and type, as the operator tells.
    prices: BTreeMap<String, f64>,
}

impl Types {
    pub fn new(prices: BTreeMap<String, f64>) -> Self {
        Self { known: Mutex::default(), prices }
    }

    pub async fn of(&self, session: &Session) -> ProviderResult<Arc<[Known]>> {
        if let Some((at, known)) = self.known.lock().get(&session.region)
            && at.elapsed() < KEPT
        {
            return Ok(known.clone());
        }
        let mut known = find(session).await?;
        for Known { node_type } in &mut known {
            let id = format!("{}/{}", session.region, node_type.node_type_id);
            node_type.price = self.prices.get(&id).copied();
        }
        let known: Arc<[Known]> = known.into();
        self.known.lock().insert(session.region.clone(), (Instant::now(), known.clone()));
        Ok(known)
    }

    pub async fn one(&self, session: &Session, id: &str) -> ProviderResult<NodeType> {
        let known = self.of(session).await?;
        let found = known.iter().find(|one| one.node_type.node_type_id == id);
        let found = found.map(|one| one.node_type.clone());
        found.ok_or_else(|| {
            errors::invalid(format!("{} has no node type {id:.64} for clusters.", session.region))
        })
    }
}

async fn find(session: &Session) -> ProviderResult<Vec<Known>> {
    let asked = session.asked("list instance types");
    let request = session
        .ec2
        .describe_instance_types()
        .filters(tags::filter("bare-metal", ["false"]))
        .filters(tags::filter("supported-root-device-type", ["ebs"]));
    let mut pages = request.into_paginator().page_size(PAGE).send();
    let mut known = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| errors::of(asked, error))?;
        known.extend(page.instance_types().iter().filter_map(usable));
    }
    known.sort_by(|a: &Known, b| a.node_type.node_type_id.cmp(&b.node_type.node_type_id));
    Ok(known)
}

fn usable(info: &InstanceTypeInfo) -> Option<Known> {
    let id = info.instance_type()?.as_str();
    let cores = info.v_cpu_info()?.default_v_cpus()?;
    let memory_mib = info.memory_info()?.size_in_mib()?;
    let all = info.processor_info()?.supported_architectures();
    let is_arm = all.contains(&ArchitectureType::Arm64);
    let known = is_arm || all.contains(&ArchitectureType::X8664);
    let ours =
        known && cores >= CORES_MIN && memory_mib >= MEMORY_MIB_MIN && category(id).is_some();
    let disks = info.instance_storage_info();
    let disk = disks.and_then(|disks| disks.disks().first());
    let count =
        |number: Option<i32>| number.and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let gpus = info.gpu_info().map(|gpus| gpus.gpus()).unwrap_or_default();
    let gpus: i32 = gpus.iter().filter_map(|gpu| gpu.count()).sum();
    ours.then(|| Known {
        node_type: NodeType {
            node_type_id: id.to_owned(),
            description: id.to_owned(),
            category: category(id).unwrap_or_default().to_owned(),
            cores: f64::from(cores),
            memory_mib: u64::try_from(memory_mib).unwrap_or_default(),
            gpus: count(Some(gpus)),
            local_disks: count(disk.and_then(|disk| disk.count())),
            local_disk_gib: disk
                .and_then(|disk| disk.size_in_gb())
                .and_then(|size| u32::try_from(size).ok())
                .unwrap_or_default(),
            is_arm,
            price: None,
        },
    })
}

/// By the family's letters; None: not for clusters (burstable, macOS, inference, …).
fn category(id: &str) -> Option<&'static str> {
    let family = id.split('.').next().unwrap_or_default();
    let letters: String = family.chars().take_while(char::is_ascii_alphabetic).collect();
    match letters.as_str() {
        "m" => Some("General Purpose"),
        "c" => Some("Compute Optimized"),
        "r" | "x" | "z" => Some("Memory Optimized"),
        "i" | "d" | "h" | "im" | "is" => Some("Storage Optimized"),
        "g" | "gr" | "p" => Some("GPU Accelerated"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::category;

    #[test]
    fn families_have_their_category() {
        assert_eq!(category("m5.large"), Some("General Purpose"));
        assert_eq!(category("r6gd.2xlarge"), Some("Memory Optimized"));
        assert_eq!(category("i4i.xlarge"), Some("Storage Optimized"));
        assert_eq!(category("t3.large"), None);
        assert_eq!(category("mac1.metal"), None);
        assert_eq!(category("u-6tb1.metal"), None);
    }
}
