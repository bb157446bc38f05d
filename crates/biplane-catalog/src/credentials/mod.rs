//! Credentials: how external locations are reached, and credentials for other services.
//!
//! Without a cloud account of its own the server cannot assume roles. Such credentials are kept for
//! clients that declare them, and refused where they would be used; the credential `server_storage`
//! stands for the S3 access the operator configured.

pub(crate) mod http;
pub(crate) mod ops;
pub(crate) mod storage_http;
