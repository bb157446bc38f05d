//! Rows → bytes in the format asked for: schema and chunks of a result.

mod arrow_ipc;
mod chunks;
mod rows;
pub mod text;
pub mod types;
pub mod variants;

pub use chunks::{Cut, Cutter, Options};
