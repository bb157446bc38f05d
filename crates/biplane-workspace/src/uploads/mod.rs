//! Multipart uploads: initiate, links for parts, complete or abort.
//!
//! Parts lie on the server's disk until the upload is completed, and are then streamed to the volume in
//! order. A session is a signed token, so there is no row to keep; its directory is the only state.

pub mod http;
pub mod ops;
pub(crate) mod token;
