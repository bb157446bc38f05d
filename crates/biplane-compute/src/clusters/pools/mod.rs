//! Instance pools: hosts kept ready, which clusters of the same workspace take and give back.
//!
//! What must hold: a host that waits runs nothing and belongs to one pool; it is taken and given back by
//! changing its row over, in the transaction of the cluster's own change; it comes back only when nothing of
//! the cluster runs on it any more, and ends when that is not sure. Pools are of one workspace, so no host
//! that ran something is ever another workspace's.

mod give;
pub(crate) mod http;
mod keep;
mod ops;
mod order;
mod spec;
pub(crate) mod store;

pub(super) use give::{Taken, give_back, taken};
pub(super) use order::order;
pub(crate) use spec::pooled;
