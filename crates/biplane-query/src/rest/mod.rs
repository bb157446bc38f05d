//! `/api/2.0/sql/statements`: the statement API in front of `statements`.

pub(crate) mod http;
mod request;
mod response;

pub(crate) use request::warehouse_id;
