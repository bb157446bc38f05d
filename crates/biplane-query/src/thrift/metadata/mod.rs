//! The metadata calls: what JDBC's DatabaseMetaData and its cousins ask, answered from the catalog as
//! the user who asks.

pub mod calls;
pub mod keys;
mod layout;
mod names;
mod pattern;
mod search;
mod sql_types;

pub use calls::Found;
pub use names::{Names, Wanted};
#[cfg(test)]
pub use pattern::Pattern;
