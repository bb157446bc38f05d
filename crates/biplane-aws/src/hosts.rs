//! What became of hosts, and their end.

use crate::errors;
use crate::session::Session;
use crate::tags;
use aws_sdk_ec2::types::{Filter, Instance, InstanceLifecycleType, InstanceStateName};
use biplane_compute::provider::{Host, HostState, Place, ProviderErrorKind, ProviderResult};

/// As many as one filter takes.
const AT_ONCE: usize = 200;
/// Codes with which AWS says that it took a host back.
const RECLAIMED: &[&str] =
    &["Server.SpotInstanceTermination", "Server.SpotInstanceShutdown", "Server.InstanceRetirement"];

pub fn told(instance: &Instance) -> Host {
    let tag = |key: &str| {
        let found = instance.tags().iter().find(|tag| tag.key() == Some(key));
        found.and_then(|tag| tag.value()).unwrap_or_default()
    };
    let reason = instance.state_reason();
    let code = reason.and_then(|reason| reason.code()).unwrap_or_default();
    let state = match instance.state().and_then(|state| state.name()) {
        Some(InstanceStateName::Running) => HostState::Running,
        Some(InstanceStateName::Pending) | None => HostState::Pending,
        // A host is never stopped by us; one that somebody stopped does nothing for its cluster.
        Some(
            InstanceStateName::ShuttingDown
            | InstanceStateName::Stopping
            | InstanceStateName::Stopped,
        ) => HostState::Ending,
        Some(_) => HostState::Ended,
    };
    let over = matches!(state, HostState::Ending | HostState::Ended);
    let said = reason.and_then(|reason| reason.message()).or(instance.state_transition_reason());
    Host {
        host_id: instance.instance_id().unwrap_or_default().to_owned(),
        node_id: tag(tags::NODE).parse().ok(),
        cluster_id: tag(tags::CLUSTER).to_owned(),
        workspace_id: tag(tags::WORKSPACE).parse().ok(),
        state: if over && RECLAIMED.contains(&code) { HostState::Reclaimed } else { state },
        private_ip: instance.private_ip_address().map(str::to_owned),
        zone_id: instance
            .placement()
            .and_then(|placement| placement.availability_zone())
            .unwrap_or_default()
            .to_owned(),
        is_spot: instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot),
        started_at: instance.launch_time().and_then(|at| at.to_millis().ok()).unwrap_or_default(),
        reason: said.filter(|said| over && !said.is_empty()).map(str::to_owned),
    }
}

pub async fn find(session: &Session, filters: Vec<Filter>) -> ProviderResult<Vec<Host>> {
    let asked = session.asked("look for hosts");
    let request = session.ec2.describe_instances().set_filters(Some(filters));
    let mut pages = request.into_paginator().page_size(500).send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| errors::of(asked, error))?;
        let instances = page.reservations().iter().flat_map(|one| one.instances());
        found.extend(instances.map(told));
    }
    Ok(found)
}

/// By a filter: an id that AWS does not know any more is then no error. The tags keep what is not ours out.
pub async fn describe(
    session: &Session,
    place: &Place,
    host_ids: &[String],
) -> ProviderResult<Vec<Host>> {
    let mut found = Vec::with_capacity(host_ids.len());
    for ids in host_ids.chunks(AT_ONCE) {
        let mut filters = vec![tags::filter("instance-id", ids)];
        filters.extend(tags::of_place(place));
        found.extend(find(session, filters).await?);
    }
    Ok(found)
}

pub async fn of_place(session: &Session, place: &Place) -> ProviderResult<Vec<Host>> {
    let alive = ["pending", "running", "stopping", "stopped"];
    let mut filters = vec![tags::filter("instance-state-name", alive)];
    filters.extend(tags::of_place(place));
    find(session, filters).await
}

pub async fn terminate(
    session: &Session,
    place: &Place,
    host_ids: &[String],
) -> ProviderResult<()> {
    for ids in host_ids.chunks(AT_ONCE) {
        match end(session, ids).await {
            // One unknown id keeps the others alive: then those that are there and have not ended.
            Err(error) if error.code.as_deref().is_some_and(|code| code.contains("NotFound")) => {
                let alive = of_place(session, place).await?.into_iter().map(|host| host.host_id);
                let known: Vec<String> = alive.filter(|id| ids.contains(id)).collect();
                if !known.is_empty() {
                    end(session, &known).await?;
                }
            }
            other => other?,
        }
    }
    Ok(())
}

async fn end(session: &Session, ids: &[String]) -> ProviderResult<()> {
    let asked = session.asked("end hosts");
    let request = session.ec2.terminate_instances().set_instance_ids(Some(ids.to_vec()));
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = errors::of(asked, error);
            if error.kind == ProviderErrorKind::Unauthorized {
                tracing::warn!(role = session.role, %error, "hosts cannot be ended");
            }
            Err(error)
        }
    }
}
