//! The private wire between control plane, node and engine: messages, services, and how a connection
//! begins. Generated code is committed; `BIPLANE_UPDATE=1 cargo test -p biplane-proto` renews it and
//! a plain test run fails when it is stale.

pub mod admission;
pub mod channel;
pub mod lz4;
pub mod preface;

#[expect(clippy::all, clippy::allow_attributes, reason = "generated")]
#[rustfmt::skip]
mod r#gen;

/// Messages and services of `proto/biplane/v1`.
pub mod v1 {
    pub use crate::r#gen::*;
}
