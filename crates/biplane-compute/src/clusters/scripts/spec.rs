//! Where the init scripts of a cluster are.

use crate::clusters::libraries::path_of;
use crate::supplies::InBucket;
use biplane_api::clusters::ClusterSpec;
use biplane_platform::{ApiError, Result};
use serde_json::Value;

const SCRIPTS_MAX: usize = 10;

/// Where one is: a path, or the URL of a file in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub path: String,
    pub bucket: Option<InBucket>,
}

/// Nothing that cannot be had.
fn source(script: &Value) -> Result<Source> {
    if script["s3"].is_object() && script.as_object().is_some_and(|fields| fields.len() == 1) {
        let (path, bucket) = in_bucket(&script["s3"])?;
        return Ok(Source { path, bucket: Some(bucket) });
    }
    Ok(Source { path: path(script)?, bucket: None })
}

/// Only where it is matters: it is read.
fn in_bucket(s3: &Value) -> Result<(String, InBucket)> {
    let text = |name: &str| s3[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let path = text("destination").unwrap_or_default();
    let plain = |key: &str| {
        key.contains('/') && !key.split('/').any(|part| matches!(part, "" | "." | ".."))
    };
    if !path.strip_prefix("s3://").is_some_and(plain) || path.contains(['?', '#', '%']) {
        return Err(ApiError::invalid(
            "The destination of an init script in a bucket is s3://<bucket>/<path>.",
        ));
    }
    let how = InBucket { region: text("region"), endpoint: text("endpoint"), encryption: None };
    match how.region.is_none() && how.endpoint.is_none() {
        true => {
            Err(ApiError::invalid("An init script in a bucket needs its region or its endpoint."))
        }
        false => Ok((path, how)),
    }
}

fn path(script: &Value) -> Result<String> {
    let one = || {
        ApiError::invalid("An init script is one of volumes, workspace and s3, with a destination.")
    };
    let fields = script.as_object().filter(|fields| fields.len() == 1).ok_or_else(one)?;
    let (kind, place) = fields.iter().next().ok_or_else(one)?;
    let destination = place["destination"].as_str().unwrap_or_default();
    match kind.as_str() {
        "volumes"
            if destination.starts_with("/Volumes/")
                || destination.starts_with("dbfs:/Volumes/") =>
        {
            path_of(destination)
        }
        "volumes" => Err(ApiError::invalid(
            "The destination of an init script on a volume begins with /Volumes/.",
        )),
        "workspace" if destination.starts_with('/') && !destination.starts_with("/Volumes/") => {
            path_of(destination)
        }
        "workspace" => Err(ApiError::invalid(
            "The destination of an init script in the workspace begins with /Users/, /Shared/ or /Workspace/.",
        )),
        "dbfs" | "file" | "abfss" | "gcs" => Err(ApiError::unsupported(format!(
            "An init script of the kind {kind} (use workspace, volumes or s3)"
        ))),
        _ => Err(one()),
    }
}

pub fn sources(spec: &ClusterSpec) -> Result<Vec<Source>> {
    spec.init_scripts.iter().flatten().map(source).collect()
}

pub fn check(spec: &ClusterSpec) -> Result<()> {
    match sources(spec)?.len() <= SCRIPTS_MAX {
        true => Ok(()),
        false => {
            Err(ApiError::invalid(format!("A cluster has at most {SCRIPTS_MAX} init scripts.")))
        }
    }
}
