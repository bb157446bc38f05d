//! What a workspace may be called and tagged.

use biplane_api::identity::WorkspaceRequest;
use biplane_platform::{ApiError, Result};

const NAME_CHARS_MAX: usize = 100;
const TAGS_MAX: usize = 45;
const TIERS: &[&str] =
    &["COMMUNITY_EDITION", "DEDICATED", "ENTERPRISE", "PREMIUM", "STANDARD", "UNKNOWN"];

pub fn name(name: &str) -> Result<&str> {
    let name = name.trim();
    let good = !name.is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    match good {
        true => Ok(name),
        false => Err(ApiError::invalid(format!(
            "workspace_name must have 1 to {NAME_CHARS_MAX} characters."
        ))),
    }
}

/// A label of a host name.
pub fn label(name: &str) -> Result<String> {
    let name = name.to_ascii_lowercase();
    let shaped = name.len() <= 63
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    match shaped && name != "accounts" && name != "www" {
        true => Ok(name),
        false => Err(ApiError::invalid(
            "deployment_name must be usable in a host name: letters, digits and hyphens, and not reserved.",
        )),
    }
}

pub fn tier(tier: Option<&str>) -> Result<Option<&str>> {
    match tier.filter(|tier| !tier.is_empty()) {
        Some(tier) if !TIERS.contains(&tier) => {
            Err(ApiError::invalid("pricing_tier is not a known one."))
        }
        tier => Ok(tier),
    }
}

pub fn tags(request: &WorkspaceRequest) -> Result<()> {
    let tags = request.custom_tags.iter().flatten();
    let good = tags.clone().count() <= TAGS_MAX
        && tags.clone().all(|(key, value)| key.len() <= 127 && value.len() <= 255);
    match good {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "There may be {TAGS_MAX} custom tags of 127 and 255 bytes."
        ))),
    }
}

/// What the mask names of the request; without a mask all of it.
pub fn masked(request: WorkspaceRequest, mask: Option<&str>) -> WorkspaceRequest {
    let mask = mask.unwrap_or_default().trim();
    if mask.is_empty() || mask == "*" {
        return request;
    }
    let names: Vec<&str> = mask.split(',').map(str::trim).collect();
    let kept = |name: &str, value: Option<String>| value.filter(|_| names.contains(&name));
    WorkspaceRequest {
        workspace_name: kept("workspace_name", request.workspace_name),
        deployment_name: kept("deployment_name", request.deployment_name),
        aws_region: kept("aws_region", request.aws_region),
        location: None,
        pricing_tier: kept("pricing_tier", request.pricing_tier),
        custom_tags: request.custom_tags.filter(|_| names.contains(&"custom_tags")),
        compute_mode: kept("compute_mode", request.compute_mode),
        credentials_id: kept("credentials_id", request.credentials_id),
        storage_configuration_id: kept(
            "storage_configuration_id",
            request.storage_configuration_id,
        ),
        network_id: kept("network_id", request.network_id),
        managed_services_customer_managed_key_id: kept(
            "managed_services_customer_managed_key_id",
            request.managed_services_customer_managed_key_id,
        ),
        storage_customer_managed_key_id: kept(
            "storage_customer_managed_key_id",
            request.storage_customer_managed_key_id,
        ),
        is_no_public_ip_enabled: request
            .is_no_public_ip_enabled
            .filter(|_| names.contains(&"is_no_public_ip_enabled")),
        network_connectivity_config_id: kept(
            "network_connectivity_config_id",
            request.network_connectivity_config_id,
        ),
        private_access_settings_id: kept(
            "private_access_settings_id",
            request.private_access_settings_id,
        ),
        other: request.other,
    }
}
