//! SQL warehouses: what is wanted of them (in the database), what is (in memory), and what makes the
//! second follow the first (`reconcile`).

pub(crate) mod acquire;
pub(crate) mod config;
pub(crate) mod endpoints;
pub(crate) mod http;
pub(crate) mod ops;
pub(crate) mod overrides;
pub(crate) mod reconcile;
pub(crate) mod slot;
pub(crate) mod spec;
pub(crate) mod store;
mod teardown;
mod view;
