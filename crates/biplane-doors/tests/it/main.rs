//! The doors at the wire, with a world outside that the tests make up.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bed;
mod connect;
mod files;
mod forwarder;
mod limits;
mod mesh;
mod mesh_bed;
mod mesh_sandboxed;
mod mesh_strangers;
mod plain;
mod policy;
mod private;
mod storage;

biplane_sandbox::launcher_in_tests!();
