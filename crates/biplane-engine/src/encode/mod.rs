//! Rows → bytes in the format asked for: schema and chunks of a result.

mod arrow_ipc;
mod chunks;
pub mod opaque;
mod rows;
pub mod text;
pub mod types;

pub use chunks::{Cut, Cutter, Options};
