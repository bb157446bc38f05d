//! Short-lived credentials for engines outside the platform.

pub(crate) mod http;
pub(crate) mod ops;
