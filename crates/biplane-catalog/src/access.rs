//! From a name and a need to a chain, or to the error a client gets.
//!
//! It goes from the top down and stops at the first thing the asker may not go through, so nothing is
//! told about what lies below: PERMISSION_DENIED when what it lies in is visible, and the not-found error
//! only to those who could have seen it.

use crate::kind::Kind;
use crate::node::{Chain, Node, full_name};
use crate::privilege::Privilege;
use crate::rights::{self, Sight, Who};
use biplane_platform::{ApiError, Ctx, Result};
use std::sync::Arc;

#[derive(Debug, Clone, Copy)]
pub enum Need<'a> {
    /// Its description: any right, or BROWSE.
    See,
    /// To look into a catalog or schema.
    Use,
    /// To change it: owner, or MANAGE.
    Manage,
    /// To grant it: the same, also for what the server made.
    Grant,
    All(&'a [Privilege]),
    Any(&'a [Privilege]),
}

/// In whose name and from where.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    pub who: Who<'a>,
    pub workspace: Option<i64>,
}

impl<'a> Asker<'a> {
    pub fn of(ctx: &'a Ctx) -> Self {
        Self { who: Who::of(ctx), workspace: ctx.workspace.map(|id| id.0) }
    }
}

/// What a name led to: the rows that exist, and the first that does not.
#[derive(Debug, Clone)]
pub struct Found {
    pub chain: Chain,
    pub missing: Option<(Kind, String)>,
}

impl Found {
    pub fn require(self, asker: Asker<'_>, need: Need<'_>) -> Result<Chain> {
        let nodes = self.chain.nodes();
        let whole = self.missing.is_none();
        let containers = if whole { nodes.len() - 1 } else { nodes.len() };
        for end in 1..=containers {
            let chain = &nodes[..end];
            bound(chain, asker, need)?;
            let browses =
                matches!(need, Need::See) && rights::granted(chain, asker.who, Privilege::Browse);
            if !browses && !rights::passes(chain, asker.who) {
                return Err(no_use(chain));
            }
        }
        if let Some((kind, name)) = self.missing {
            let mut path = full_name(nodes);
            if nodes.len() == 1 {
                path.clear();
            } else {
                path.push('.');
            }
            return Err(kind.missing(&format!("{path}{name}")));
        }
        let managing_catalog = nodes.len() == 2 && rights::manages(nodes, asker.who);
        if !managing_catalog {
            bound(nodes, asker, need)?;
        }
        leaf(nodes, asker.who, need)?;
        Ok(self.chain)
    }
}

fn leaf(chain: &[Arc<Node>], who: Who<'_>, need: Need<'_>) -> Result<()> {
    let Some(node) = chain.last() else { return Ok(()) };
    let (title, name) = (title(node), full_name(chain));
    let lacks = |privilege: Privilege| {
        ApiError::denied(format!("User does not have {} on {title} '{name}'.", privilege.title()))
    };
    let refused = |privilege: &Privilege| !rights::has(chain, who, *privilege);
    match need {
        Need::See if rights::sight(chain, who) == Sight::None => {
            Err(ApiError::denied(format!("User does not have any privilege on {title} '{name}'.")))
        }
        Need::Use if !rights::passes(chain, who) => Err(no_use(chain)),
        Need::Manage | Need::Grant if !rights::manages(chain, who) => Err(ApiError::denied(
            format!("User is not an owner of {title} '{name}' and does not have MANAGE on it."),
        )),
        Need::Manage if node.system => Err(untouchable(chain)),
        Need::All(privileges) => match privileges.iter().find(|privilege| refused(privilege)) {
            Some(privilege) => Err(lacks(*privilege)),
            // A credential of the server's is there to be used.
            None if node.kind == Kind::Credential => Ok(()),
            None if node.system && privileges.iter().any(|privilege| privilege.writes()) => {
                Err(untouchable(chain))
            }
            None => Ok(()),
        },
        Need::Any(privileges) if privileges.iter().all(refused) => Err(privileges
            .first()
            .map_or_else(|| untouchable(chain), |privilege| lacks(*privilege))),
        Need::Any(_) if node.system => Err(untouchable(chain)),
        _ => Ok(()),
    }
}

fn untouchable(chain: &[Arc<Node>]) -> ApiError {
    ApiError::denied(format!("'{}' is made by the server and cannot be changed.", full_name(chain)))
}

fn no_use(chain: &[Arc<Node>]) -> ApiError {
    let (right, title) = match chain.last().map(|node| node.kind) {
        Some(Kind::Schema) => ("USE SCHEMA", "Schema"),
        _ => ("USE CATALOG", "Catalog"),
    };
    ApiError::denied(format!("User does not have {right} on {title} '{}'.", full_name(chain)))
}

fn title(node: &Node) -> &'static str {
    let view = node.kind == Kind::Table && node.details.contains("\"table_type\":\"VIEW\"");
    if view { "View" } else { node.kind.title() }
}

/// An isolated securable is there for the workspaces it is bound to, and with a read-only binding for reading.
fn bound(chain: &[Arc<Node>], asker: Asker<'_>, need: Need<'_>) -> Result<()> {
    let Some(node) = chain.last().filter(|node| node.isolated) else { return Ok(()) };
    let binding =
        node.bindings.iter().find(|binding| Some(binding.workspace_id) == asker.workspace);
    let refused = |what: &str| {
        Err(ApiError::denied(format!(
            "{} '{}' is not {what} in the current workspace.",
            node.kind.title(),
            node.name
        )))
    };
    match (binding, need) {
        (None, _) => refused("accessible"),
        (Some(binding), Need::Manage | Need::Grant) if binding.read_only => refused("writable"),
        (Some(binding), Need::All(privileges) | Need::Any(privileges))
            if binding.read_only && privileges.iter().any(|privilege| privilege.writes()) =>
        {
            refused("writable")
        }
        _ => Ok(()),
    }
}

/// Whether lists of this workspace show it.
pub fn is_bound(node: &Node, workspace: Option<i64>) -> bool {
    !node.isolated || node.bindings.iter().any(|binding| Some(binding.workspace_id) == workspace)
}
