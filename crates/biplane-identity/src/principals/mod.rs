//! Users, groups and service principals, and what follows from their groups.

pub mod ops;
mod resolve;
pub mod store;

pub use resolve::{Resolved, resolve};
pub use store::{Email, Kind, PrincipalRow};

/// Everybody in the account.
pub const ACCOUNT_USERS: &str = "account users";
/// Everybody in a workspace, and its admins.
pub const USERS: &str = "users";
pub const ADMINS: &str = "admins";
pub const ACCOUNT_ADMIN: &str = "account_admin";
