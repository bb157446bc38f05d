//! Users, groups and service principals, and what follows from their groups.

pub mod ops;
mod resolve;
pub mod store;

pub use resolve::{Resolved, instance_profiles_of, resolve};
pub use store::{Email, Kind, PrincipalRow};

/// Everybody in the account.
pub const ACCOUNT_USERS: &str = "account users";
/// Everybody in a workspace, and its admins.
pub const USERS: &str = "users";
pub const ADMINS: &str = "admins";
pub const ACCOUNT_ADMIN: &str = "account_admin";

/// A role of somebody in a workspace: an instance profile that its clusters may have. Kept with the
/// entitlements, whose names have no colon.
pub fn is_instance_profile(role: &str) -> bool {
    role.starts_with("arn:") && role.contains(":instance-profile/")
}
