//! The engine at its wire: gRPC in front, a control plane behind.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod catalog;
mod crafted;
mod dml;
mod fuzz;
mod harness;
mod loading;
mod plans;
mod query;
mod results;
mod service;
mod slt;
mod spark;
mod tables;
mod vectors;
