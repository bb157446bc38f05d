//! Delivers the logs of a cluster to where it says (`cluster_log_conf`): every few minutes, and at its end.
//! They are written as its owner; a delivery that fails is told in `cluster_log_status` and tried again.

use super::keep::Memory;
use super::log::FILES;
use super::prepare::Turn;
use super::store::Cluster;
use crate::Compute;
use crate::supplies::{Encryption, InBucket, Supplies};
use biplane_api::clusters::{ClusterLogStatus, ClusterSpec};
use biplane_api::internal::Access;
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

/// Where logs go to: a directory on a volume, or in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    place: String,
    bucket: Option<InBucket>,
}

/// As it is asked for; refused when it is another place.
pub(super) fn destination(spec: &ClusterSpec) -> Result<Option<Destination>> {
    let Some(conf) = spec.cluster_log_conf.as_ref().filter(|conf| !conf.is_null()) else {
        return Ok(None);
    };
    let none = || {
        ApiError::invalid("cluster_log_conf names one place, volumes or s3, with a destination.")
    };
    let fields = conf.as_object().filter(|fields| fields.len() == 1).ok_or_else(none)?;
    let (kind, place): (&String, &Value) = fields.iter().next().ok_or_else(none)?;
    let path = place["destination"].as_str().unwrap_or_default().trim_end_matches('/');
    match kind.as_str() {
        "volumes" => {
            let parts: Vec<&str> = path.split('/').collect();
            match parts.len() >= 5
                && parts[1] == "Volumes"
                && !parts[2..].iter().any(|part| matches!(*part, "" | "." | ".."))
            {
                true => Ok(Some(Destination { place: path.to_owned(), bucket: None })),
                false => Err(ApiError::invalid(
                    "The destination of logs is a directory on a volume: /Volumes/<catalog>/<schema>/<volume>/….",
                )),
            }
        }
        "s3" => {
            let plain = |key: &str| !key.split('/').any(|part| matches!(part, "" | "." | ".."));
            let key = path.strip_prefix("s3://");
            if !key.is_some_and(plain) || path.contains(['?', '#', '%']) {
                return Err(ApiError::invalid(
                    "The destination of logs in a bucket is s3://<bucket>/<prefix>.",
                ));
            }
            Ok(Some(Destination { place: path.to_owned(), bucket: Some(in_bucket(place)?) }))
        }
        "dbfs" => {
            Err(ApiError::unsupported("Delivery of a cluster's logs to dbfs (use volumes or s3)"))
        }
        _ => Err(none()),
    }
}

/// How the files of a bucket are to be written.
fn in_bucket(s3: &Value) -> Result<InBucket> {
    let text = |name: &str| s3[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    // Buckets have owned all that is in them for years: other lists are not kept.
    if text("canned_acl").is_some_and(|acl| acl != "bucket-owner-full-control") {
        return Err(ApiError::unsupported(
            "A canned_acl of logs other than bucket-owner-full-control",
        ));
    }
    let (kind, key) = (text("encryption_type"), text("kms_key"));
    let encryption = match (s3["enable_encryption"].as_bool().unwrap_or(false), kind.as_deref()) {
        (false, _) => None,
        (true, None | Some("sse-s3")) if key.is_none() => Some(Encryption::S3),
        (true, Some("sse-kms")) => Some(Encryption::Kms(key)),
        (true, None | Some("sse-s3")) => {
            return Err(ApiError::invalid("kms_key goes with the encryption_type sse-kms."));
        }
        (true, Some(_)) => {
            return Err(ApiError::invalid("encryption_type is sse-s3 or sse-kms."));
        }
    };
    let (region, endpoint) = (text("region"), text("endpoint"));
    if region.is_none() && endpoint.is_none() {
        return Err(ApiError::invalid("Logs in a bucket need its region or its endpoint."));
    }
    Ok(InBucket { region, endpoint, encryption })
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
    let place = Destination { place: format!("{}/{}", place.place, row.id), ..place };
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

async fn write(compute: &Arc<Compute>, row: &Cluster, place: &Destination) -> Result<()> {
    let logs = &compute.clusters.logs;
    let (supplies, owner) = (compute.supplies()?, compute.cluster_owner(row).await?);
    if logs.due(&row.id).is_some_and(|due| due.begins) {
        let mut before = [const { String::new() }; 3];
        for (text, name) in before.iter_mut().zip(FILES) {
            *text = earlier(&*supplies, &owner, place, name).await?;
        }
        logs.put_before(&row.id, before);
    }
    let Some(due) = logs.due(&row.id) else { return Ok(()) };
    for (name, text) in due.files {
        let path = format!("{}/{name}", place.place);
        match &place.bucket {
            None => supplies.file_write(&owner, &path, text.into()).await?,
            Some(how) => supplies.object_write(&owner, &path, how, text.into()).await?,
        }
    }
    logs.delivered(&row.id, due.changes);
    Ok(())
}

/// What a log before this one left: nothing when there is no file.
async fn earlier(
    supplies: &dyn Supplies,
    owner: &Ctx,
    place: &Destination,
    name: &str,
) -> Result<String> {
    let path = format!("{}/{name}", place.place);
    if let Some(how) = &place.bucket {
        let found =
            supplies.object_read(owner, &path, how, Access::Write, EARLIER_BYTES_MAX).await?;
        return Ok(String::from_utf8_lossy(&found.unwrap_or_default()).into_owned());
    }
    let mut bytes = match supplies.file_open(owner, &path).await {
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
                let supplies = self.supplies()?;
                match &place.bucket {
                    None => supplies.place_check(ctx, &place.place).await,
                    Some(how) => supplies.object_check(ctx, &place.place, how).await,
                }
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
    fn logs_go_to_volumes_and_buckets() {
        let of = |conf: Value| {
            let spec = ClusterSpec { cluster_log_conf: Some(conf), ..ClusterSpec::default() };
            let found = destination(&spec).map_err(|error| error.code.as_str());
            found.map(|found| found.map(|one| (one.place, one.bucket)))
        };
        let volume = |path: &str| json!({ "volumes": { "destination": path } });
        let there = Some(("/Volumes/a/b/c/logs".to_owned(), None));
        assert_eq!(of(volume("/Volumes/a/b/c/logs/")), Ok(there));
        let s3 = |more: Value| {
            let mut fields = json!({ "destination": "s3://b/logs/", "region": "eu-central-1" });
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "s3": fields })
        };
        let how = InBucket {
            region: Some("eu-central-1".into()),
            endpoint: None,
            encryption: Some(Encryption::Kms(Some("k".into()))),
        };
        let kms =
            json!({ "enable_encryption": true, "encryption_type": "sse-kms", "kms_key": "k" });
        assert_eq!(of(s3(kms)), Ok(Some(("s3://b/logs".into(), Some(how)))));
        for (conf, code) in [
            (volume("/Volumes/a/b"), "INVALID_PARAMETER_VALUE"),
            (volume("/Volumes/a/b/c/../d"), "INVALID_PARAMETER_VALUE"),
            (json!({}), "INVALID_PARAMETER_VALUE"),
            (json!({ "dbfs": { "destination": "dbfs:/logs" } }), "FEATURE_DISABLED"),
            (json!({ "s3": { "destination": "s3://b/logs" } }), "INVALID_PARAMETER_VALUE"),
            (s3(json!({ "destination": "s3://b/../c" })), "INVALID_PARAMETER_VALUE"),
            (s3(json!({ "destination": "/logs" })), "INVALID_PARAMETER_VALUE"),
            (s3(json!({ "canned_acl": "public-read" })), "FEATURE_DISABLED"),
            (s3(json!({ "enable_encryption": true, "kms_key": "k" })), "INVALID_PARAMETER_VALUE"),
        ] {
            assert_eq!(of(conf.clone()), Err(code), "{conf}");
        }
    }
}
