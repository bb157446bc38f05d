//! The whole control plane in process, over real sockets.
#![expect(clippy::unwrap_used, reason = "test")]

mod coverage;
mod edge;
mod harness;
mod metrics;
mod network;
mod openapi;
