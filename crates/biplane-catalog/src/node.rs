//! One securable as stored, with its grants, and the chain from the metastore down to it.

use crate::kind::Kind;
use crate::privilege::Privilege;
use biplane_platform::{ApiError, Result};
use serde::de::DeserializeOwned;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub principal: String,
    pub privilege: Privilege,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub workspace_id: i64,
    pub read_only: bool,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub id: String,
    pub metastore_id: String,
    pub parent_id: Option<String>,
    pub kind: Kind,
    pub name: String,
    pub owner: String,
    pub comment: Option<String>,
    /// JSON, one struct per kind; see [`Node::details`].
    pub details: String,
    /// JSON; only of tables and views.
    pub columns: Option<String>,
    pub location: Option<String>,
    /// The files at `location` are ours: they go when it goes.
    pub managed: bool,
    pub isolated: bool,
    pub system: bool,
    pub created_at: i64,
    pub created_by: String,
    pub updated_at: i64,
    pub updated_by: String,
    pub grants: Vec<Grant>,
    pub bindings: Vec<Binding>,
}

impl Node {
    pub fn details<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.details).map_err(ApiError::internal)
    }

    /// What it costs in memory, about.
    pub fn bytes(&self) -> usize {
        let grants: usize = self.grants.iter().map(|grant| grant.principal.len() + 40).sum();
        512 + self.details.len()
            + self.columns.as_ref().map_or(0, String::len)
            + grants
            + self.bindings.len() * 16
    }
}

/// From the metastore down to a securable. Never empty.
#[derive(Debug, Clone)]
pub struct Chain(Vec<Arc<Node>>);

impl Chain {
    pub fn new(metastore: Arc<Node>) -> Self {
        Self(vec![metastore])
    }

    pub fn push(&mut self, node: Arc<Node>) {
        self.0.push(node);
    }

    pub fn with(&self, node: Arc<Node>) -> Self {
        let mut chain = self.clone();
        chain.push(node);
        chain
    }

    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.0
    }

    pub fn metastore(&self) -> &Arc<Node> {
        &self.0[0]
    }

    pub fn leaf(&self) -> &Arc<Node> {
        &self.0[self.0.len() - 1]
    }

    pub fn catalog(&self) -> Option<&Arc<Node>> {
        self.0.iter().find(|node| node.kind == Kind::Catalog)
    }

    pub fn schema(&self) -> Option<&Arc<Node>> {
        self.0.iter().find(|node| node.kind == Kind::Schema)
    }

    /// Name of the catalog, or nothing.
    pub fn catalog_name(&self) -> &str {
        self.catalog().map_or("", |node| &node.name)
    }

    pub fn schema_name(&self) -> &str {
        self.schema().map_or("", |node| &node.name)
    }

    /// `catalog.schema.table`; the metastore's own name for a metastore.
    pub fn full_name(&self) -> String {
        full_name(&self.0)
    }
}

pub fn full_name(nodes: &[Arc<Node>]) -> String {
    match nodes {
        [] => String::new(),
        [metastore] => metastore.name.clone(),
        [_, rest @ ..] => rest.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join("."),
    }
}
