//! Network configuration: what compute may reach (`policies`, `connectivity`), who may reach the server
//! (`ip_lists`, `private_access`), the gate that decides it at the edge (`gate`), and what of it everybody in
//! a workspace may know (`here`).

pub mod connectivity;
mod gate;
mod here;
pub mod ip_lists;
pub mod policies;
pub mod private_access;

pub use gate::Gate;

use crate::Identity;
use biplane_api::network::ServiceAddress;
use biplane_platform::{ApiError, ErrorCode, IpNet, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// Topic of `Db::subscribe`: the egress policy of a workspace (the key; `*` = of any) has changed.
pub const EGRESS_TOPIC: &str = "egress_policies";

/// What the operator says of the networks around this deployment.
#[derive(Debug, Clone, Default)]
pub struct NetworkConfig {
    /// Where compute comes from when it calls out.
    pub egress_addresses: Vec<IpNet>,
    /// Networks that are the private endpoint of this name in the cloud.
    pub private_endpoints: Vec<(String, IpNet)>,
    /// Where the service of this name is in networks that the hosts reach; a name may have several.
    pub endpoint_services: Vec<(String, ServiceAddress)>,
}

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    policies::http::routes(identity)
        .merge(connectivity::http::routes(identity))
        .merge(ip_lists::http::routes(identity))
        .merge(private_access::http::routes(identity))
        .merge(here::http::routes(identity))
}

pub(crate) fn check_region(region: Option<&str>) -> Result<&str> {
    let region = region.unwrap_or_default();
    let shaped = (1..=63).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match shaped {
        true => Ok(region),
        false => Err(ApiError::invalid("region must be the name of a region, such as us-east-1.")),
    }
}

/// A name people give: 1 to 255 printable characters.
pub(crate) fn check_label<'a>(what: &str, name: Option<&'a str>) -> Result<&'a str> {
    let name = name.unwrap_or_default().trim();
    let good =
        !name.is_empty() && name.chars().count() <= 255 && !name.chars().any(char::is_control);
    match good {
        true => Ok(name),
        false => Err(ApiError::invalid(format!("{what} must have 1 to 255 printable characters."))),
    }
}

pub(crate) fn in_use(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::ResourceConflict, message)
}

pub(crate) fn quota(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::QuotaExceeded, message)
}

pub(crate) fn taken(what: &'static str, name: &str) -> impl Fn(ApiError) -> ApiError {
    let message = format!("{what} with the name {name} exists already.");
    move |error| match error.code {
        ErrorCode::ResourceAlreadyExists => ApiError { message: message.clone(), ..error },
        _ => error,
    }
}
