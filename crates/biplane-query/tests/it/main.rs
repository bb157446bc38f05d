//! The query service at its REST, with a fake engine behind the real gRPC protocol.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

mod bounds;
mod engine_loss;
mod history;
mod hostile;
mod links;
mod restart;
mod sessions;
mod statements;
mod waiting;
