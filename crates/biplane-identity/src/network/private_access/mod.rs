//! Private access settings: whether a workspace is reached from anywhere or through private endpoints
//! only, and the endpoints that are registered. Which network is which endpoint the operator says
//! (`--private-endpoint`): the server sees addresses, not the cloud's endpoints.

pub mod endpoints;
pub mod http;
pub mod ops;
pub mod store;
