//! The doors at the wire, with a world outside that the tests make up.

mod bed;
mod connect;
mod forwarder;
mod limits;
mod plain;
mod policy;
