//! The Thrift front end: TCLIService over HTTP, as the SQL connectors speak it.
//!
//! `codec` knows bytes, `idl` the structs, `http` the way in, `dispatch` the methods. Sessions, statements
//! and results are the core's; the only state here is how far a client has fetched, and results of
//! metadata calls that did not fit their answer.

pub mod codec;
mod columns;
mod cursor;
mod dispatch;
mod execute;
mod failure;
mod fetch;
mod handles;
mod held;
mod http;
pub mod idl;
mod metadata;
mod parameters;
mod schema;
mod session;
mod status;
#[cfg(test)]
mod tests;

pub use http::refusal;
pub use metadata::{Names, Wanted};

use crate::Query;
use crate::results::Links;
use crate::sessions::Sessions;
use crate::statements::StatementService;
use axum::Router;
use biplane_platform::{Result, keys};
use cursor::Cursors;
use handles::Handles;
use held::HeldResults;
use std::sync::Arc;

pub struct Thrift {
    sessions: Arc<Sessions>,
    statements: Arc<StatementService>,
    links: Links,
    names: Arc<dyn Names>,
    handles: Handles,
    held: HeldResults,
    cursors: Cursors,
}

impl Thrift {
    pub async fn new(query: &Query, names: Arc<dyn Names>) -> Result<Arc<Self>> {
        let key = keys::signing_key(&query.db, &query.clock, "thrift_handles").await?;
        Ok(Arc::new(Self {
            sessions: query.sessions.clone(),
            statements: query.statements.clone(),
            links: query.links.clone(),
            names,
            handles: Handles::new(key),
            held: held::results(),
            cursors: cursor::cursors(),
        }))
    }

    /// `POST /sql/1.0/warehouses/{id}`, `/sql/1.0/endpoints/{id}`, `/sql/protocolv1/o/{workspace}/{id}`.
    pub fn routes(self: &Arc<Self>) -> Router {
        http::routes(self)
    }
}
