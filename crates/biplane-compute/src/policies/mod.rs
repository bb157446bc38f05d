//! Cluster policies: what clusters may be. Admins write them; who may use one makes clusters that keep to
//! it, and needs no other right for that.
//!
//! What must hold: a cluster that names a policy is made and changed only as the policy says at that
//! moment; clusters from before are left as they are until somebody changes them or enforces it.

mod apply;
mod check;
mod compliance;
mod families;
pub(crate) mod http;
mod ops;
mod path;
mod rule;
mod store;

pub(crate) use apply::{libraries_want, require_room};
pub(crate) use ops::forget;
