//! Instance profiles of a workspace: those that its hosts in AWS may be started with.
//!
//! What must hold: a host gets no profile that an admin did not add. They are the host's alone: what runs in
//! a sandbox does not get to the credentials of its host.

pub(super) mod http;
mod ops;
mod store;

pub(super) use store::forget_workspace;
