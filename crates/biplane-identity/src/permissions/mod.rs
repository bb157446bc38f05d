//! `/api/2.0/permissions`: the permissions of objects that are not the catalog's, over `biplane_platform::acl`.

pub mod http;
mod ops;
