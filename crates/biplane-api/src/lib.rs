//! What goes over the public wire: JSON types, typed ids, the error-code table. One file per service.
//! Nothing here has behaviour beyond reading and writing itself; only this crate derives public JSON.

pub mod catalog;
pub mod clusters;
pub mod compute;
pub mod error;
pub mod files;
pub mod identity;
pub mod ids;
pub mod init_scripts;
pub mod instance_profiles;
pub mod internal;
pub mod libraries;
pub mod mesh;
pub mod network;
pub mod network_config;
pub mod nodes;
pub mod objects;
pub mod policies;
pub mod pools;
pub mod provisioning;
pub mod query;
pub mod secrets;
pub mod seen;

pub use error::{ApiError, ErrorCode};
