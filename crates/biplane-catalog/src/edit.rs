//! What all securables have in common when they are made, changed and dropped.

use crate::Catalog;
use crate::kind::Kind;
use crate::names;
use crate::node::{Chain, Node};
use crate::service::Write;
use crate::store;
use biplane_api::ids::SecurableId;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use serde::Serialize;

/// A row of `ctx`'s that is not stored yet.
pub(crate) fn fresh(ctx: &Ctx, parent: &Node, kind: Kind, name: &str) -> Node {
    let now = ctx.now_ms();
    let user = &ctx.principal.name;
    Node {
        id: SecurableId::random().to_string(),
        metastore_id: parent.metastore_id.clone(),
        parent_id: Some(parent.id.clone()),
        kind,
        name: name.to_owned(),
        owner: user.clone(),
        comment: None,
        details: "{}".to_owned(),
        columns: None,
        location: None,
        managed: false,
        isolated: false,
        system: false,
        created_at: now,
        created_by: user.clone(),
        updated_at: now,
        updated_by: user.clone(),
        grants: Vec::new(),
        bindings: Vec::new(),
    }
}

pub(crate) fn json<T: Serialize>(details: &T) -> Result<String> {
    serde_json::to_string(details).map_err(ApiError::internal)
}

/// Fields that PATCH takes on every kind.
#[derive(Debug, Default)]
pub(crate) struct Common<'a> {
    pub new_name: Option<&'a str>,
    pub owner: Option<&'a str>,
    pub comment: Option<&'a str>,
}

impl Catalog {
    /// Changes `node` in memory; the caller has checked that it may be managed.
    pub(crate) async fn edit(&self, ctx: &Ctx, node: &mut Node, change: Common<'_>) -> Result<()> {
        if let Some(name) = change.new_name {
            node.name = names::checked(node.kind, name)?;
        }
        if let Some(owner) = change.owner
            && owner != node.owner
        {
            node.owner = self.principal(owner).await?;
        }
        if change.comment.is_some() {
            node.comment = names::comment(change.comment)?;
        }
        node.updated_at = ctx.now_ms();
        node.updated_by = ctx.principal.name.clone();
        Ok(())
    }

    /// When files of something dropped now may go.
    pub(crate) fn doom_at(&self, ctx: &Ctx) -> i64 {
        const GRACE_MS: i64 = 60 * 60 * 1000;
        ctx.now_ms().saturating_add(self.config.drop_grace_ms.unwrap_or(GRACE_MS).max(0))
    }
}

/// The full name `node` has or will have below the parent of `chain`'s leaf.
pub(crate) fn renamed(chain: &Chain, node: &Node) -> String {
    let mut full_name = chain.full_name();
    if let Some(cut) = full_name.rfind('.') {
        full_name.truncate(cut + 1);
        full_name.push_str(&node.name);
        full_name
    } else {
        node.name.clone()
    }
}

/// Drops a table, volume or function; files of managed ones go later.
pub(crate) async fn drop_leaf(write: &mut Write, node: &Node, due_at: i64) -> Result<()> {
    if let Some(location) = node.location.as_deref().filter(|_| node.managed) {
        store::doom(&mut write.tx, location, due_at).await?;
    }
    store::delete(&mut write.tx, &node.id).await
}

pub(crate) fn not_empty(kind: Kind, full_name: &str, holds: &str) -> ApiError {
    ApiError::new(
        ErrorCode::InvalidState,
        format!(
            "{} '{full_name}' is not empty: it has {holds}. Use force (CASCADE) to drop all of it.",
            kind.title()
        ),
    )
}

/// The chain with another leaf in the place of its own.
pub(crate) fn replaced(chain: &Chain, node: Node) -> Chain {
    let mut nodes = chain.nodes().iter();
    nodes.next_back();
    let mut replaced = Chain::new(chain.metastore().clone());
    nodes.skip(1).for_each(|above| replaced.push(above.clone()));
    replaced.with(node.into())
}
