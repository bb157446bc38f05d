//! Identity over its router, behind an edge of a few lines, on a real database.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test")]

mod app;
mod authentication;
mod entitlements;
mod hostile;
mod login;
mod network;
mod oauth;
mod permissions;
mod provisioning;
mod scim;
mod tokens;
mod workspaces;
