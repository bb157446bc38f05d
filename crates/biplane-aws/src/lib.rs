//! Hosts of classic clusters in the customer's own AWS account.
mod http;
pub use http::Http;
