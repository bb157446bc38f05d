//! Where the init scripts of a cluster are.

use crate::clusters::libraries::path_of;
use biplane_api::clusters::ClusterSpec;
use biplane_platform::{ApiError, Result};
use serde_json::Value;

const SCRIPTS_MAX: usize = 10;

/// The path of one, and nothing that cannot be had.
fn path(script: &Value) -> Result<String> {
    let one =
        || ApiError::invalid("An init script is one of volumes and workspace, with a destination.");
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
        "dbfs" | "s3" | "file" | "abfss" | "gcs" => Err(ApiError::unsupported(format!(
            "An init script of the kind {kind} (use workspace or volumes)"
        ))),
        _ => Err(one()),
    }
}

pub fn paths(spec: &ClusterSpec) -> Result<Vec<String>> {
    spec.init_scripts.iter().flatten().map(path).collect()
}

pub fn check(spec: &ClusterSpec) -> Result<()> {
    match paths(spec)?.len() <= SCRIPTS_MAX {
        true => Ok(()),
        false => {
            Err(ApiError::invalid(format!("A cluster has at most {SCRIPTS_MAX} init scripts.")))
        }
    }
}
