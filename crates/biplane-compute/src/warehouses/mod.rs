//! SQL warehouses: what is wanted of them (in the database), what is (in memory), and what makes the
//! second follow the first (`reconcile`).

pub(crate) mod acquire;
mod changes;
pub(crate) mod config;
pub(crate) mod endpoints;
mod events;
pub(crate) mod http;
mod member;
mod mesh;
pub(crate) mod ops;
pub(crate) mod overrides;
pub(crate) mod queue;
pub(crate) mod reconcile;
pub(crate) mod samples;
mod scale;
pub(crate) mod slot;
pub(crate) mod spec;
pub(crate) mod store;
mod teardown;
mod view;
