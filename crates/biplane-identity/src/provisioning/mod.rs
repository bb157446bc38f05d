//! What the account says of its own cloud account: credentials, storage, networks, keys; and the place a
//! workspace has there. Must hold: what a workspace uses is not deleted.

mod check;
pub mod credentials;
pub mod http;
pub mod keys;
pub mod networks;
pub mod place;
pub mod storage;
pub mod store;

pub use place::{Cloud, CloudNetwork, CloudPlace, PlaceFinding, TryAgain};
