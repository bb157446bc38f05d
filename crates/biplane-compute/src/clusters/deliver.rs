//! Delivers the logs of a cluster to where it says (`cluster_log_conf`): every few minutes, and at its end.
//! They are written as its owner; a delivery that fails is told in `cluster_log_status` and tried again.

use super::keep::Memory;
use super::log::FILES;
use super::prepare::Turn;
use super::store::Cluster;
use crate::Compute;
use crate::supplies::Supplies;
use biplane_api::clusters::{ClusterLogStatus, ClusterSpec};
use biplane_platform::{ApiError, Ctx, Result};
use futures::StreamExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// As much as one of ours has.
const EARLIER_BYTES_MAX: usize = 1 << 20;
/// For the last one, while the cluster is TERMINATING.
const LAST_MAX: Duration = Duration::from_secs(20);

/// The directory on a volume that logs go to; refused when it is another place.
pub(super) fn destination(spec: &ClusterSpec) -> Result<Option<String>> {
    let Some(conf) = spec.cluster_log_conf.as_ref().filter(|conf| !conf.is_null()) else {
        return Ok(None);
    };
    let none =
        || ApiError::invalid("cluster_log_conf names one place, volumes, with a destination.");
    let fields = conf.as_object().filter(|fields| fields.len() == 1).ok_or_else(none)?;
    let (kind, place): (&String, &Value) = fields.iter().next().ok_or_else(none)?;
    match kind.as_str() {
        "volumes" => {
            let path = place["destination"].as_str().unwrap_or_default().trim_end_matches('/');
            let parts: Vec<&str> = path.split('/').collect();
            match parts.len() >= 5
                && parts[1] == "Volumes"
                && !parts[2..].iter().any(|part| matches!(*part, "" | "." | ".."))
            {
                true => Ok(Some(path.to_owned())),
                false => Err(ApiError::invalid(
                    "The destination of logs is a directory on a volume: /Volumes/<catalog>/<schema>/<volume>/….",
                )),
            }
        }
        "dbfs" | "s3" => Err(ApiError::unsupported(format!(
            "Delivery of a cluster's logs to {kind} (use volumes)"
        ))),
        _ => Err(none()),
    }
}

/// When it is time, has what changed delivered.
pub(super) fn keep(compute: &Arc<Compute>, row: &Cluster, memory: &mut Memory) {
    if !matches!(destination(&row.spec), Ok(Some(_))) {
        return;
    }
    let (now, every) = (Instant::now(), compute.config.clusters.log_every);
    let due = *memory.delivered_at.get_or_insert(now) + every;
    if now < due {
        return memory.wake_at(due);
    }
    if let Some(turn) = Turn::take(compute, &row.id, "logs") {
        memory.delivered_at = Some(now);
        memory.wake_at(now + every);
        let row = row.clone();
        tokio::spawn(async move {
            let delivered = deliver(&turn.compute, &row);
            tokio::select! {
                () = delivered => {}
                () = turn.compute.stop.cancelled() => {}
            }
        });
    }
}

/// The rest, before the cluster is TERMINATED.
pub(super) async fn at_end(compute: &Arc<Compute>, row: &Cluster) {
    if tokio::time::timeout(LAST_MAX, deliver(compute, row)).await.is_err() {
        tracing::warn!(cluster_id = %row.id, "the last logs of a cluster could not be delivered in time");
    }
}

async fn deliver(compute: &Arc<Compute>, row: &Cluster) {
    let Ok(Some(place)) = destination(&row.spec) else { return };
    if compute.clusters.logs.due(&row.id).is_none() {
        return;
    }
    let place = format!("{place}/{}", row.id);
    let written = write(compute, row, &place).await;
    let status = ClusterLogStatus {
        last_attempted: Some(compute.clock.now_ms()),
        last_exception: written.err().map(|error| {
            tracing::info!(cluster_id = %row.id, %error, "logs of a cluster could not be delivered");
            error.message
        }),
    };
    compute.clusters.log_status.lock().insert(row.id.clone(), status);
}

async fn write(compute: &Arc<Compute>, row: &Cluster, place: &str) -> Result<()> {
    let logs = &compute.clusters.logs;
    let (supplies, owner) = (compute.supplies()?, compute.cluster_owner(row).await?);
    if logs.due(&row.id).is_some_and(|due| due.begins) {
        let mut before = [const { String::new() }; 3];
        for (text, name) in before.iter_mut().zip(FILES) {
            *text = earlier(&*supplies, &owner, &format!("{place}/{name}")).await?;
        }
        logs.put_before(&row.id, before);
    }
    let Some(due) = logs.due(&row.id) else { return Ok(()) };
    for (name, text) in due.files {
        supplies.file_write(&owner, &format!("{place}/{name}"), text.into()).await?;
    }
    logs.delivered(&row.id, due.changes);
    Ok(())
}

/// What a log before this one left: nothing when there is no file.
async fn earlier(supplies: &dyn Supplies, owner: &Ctx, path: &str) -> Result<String> {
    let mut bytes = match supplies.file_open(owner, path).await {
        Ok(bytes) => bytes,
        Err(error) if error.code.http_status() == http::StatusCode::NOT_FOUND => {
            return Ok(String::new());
        }
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    while let Some(piece) = bytes.next().await {
        text.extend_from_slice(&piece?);
        if text.len() > EARLIER_BYTES_MAX {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

impl Compute {
    /// Who has logs delivered somewhere may write there: they are written as the cluster's owner.
    pub(super) async fn log_place_check(
        &self,
        ctx: &Ctx,
        before: Option<&ClusterSpec>,
        spec: &ClusterSpec,
    ) -> Result<()> {
        let place = destination(spec)?;
        let known = before.map(destination).transpose()?.flatten();
        match place {
            Some(place) if known.as_ref() != Some(&place) => {
                self.supplies()?.place_check(ctx, &place).await
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn logs_go_to_volumes() {
        let of = |conf: Value| {
            let spec = ClusterSpec { cluster_log_conf: Some(conf), ..ClusterSpec::default() };
            destination(&spec).map_err(|error| error.code.as_str())
        };
        let volume = |path: &str| json!({ "volumes": { "destination": path } });
        assert_eq!(of(volume("/Volumes/a/b/c/logs/")), Ok(Some("/Volumes/a/b/c/logs".into())));
        for (conf, code) in [
            (volume("/Volumes/a/b"), "INVALID_PARAMETER_VALUE"),
            (volume("/Volumes/a/b/c/../d"), "INVALID_PARAMETER_VALUE"),
            (json!({}), "INVALID_PARAMETER_VALUE"),
            (json!({ "dbfs": { "destination": "dbfs:/logs" } }), "FEATURE_DISABLED"),
            (json!({ "s3": { "destination": "s3://b/logs" } }), "FEATURE_DISABLED"),
        ] {
            assert_eq!(of(conf.clone()), Err(code), "{conf}");
        }
    }
}
