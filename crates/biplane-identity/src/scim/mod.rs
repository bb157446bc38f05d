//! SCIM 2.0 at the account and in workspaces.
//!
//! Principals are the account's. A workspace shows those that are in it; making one there puts it in;
//! its admins manage who is in, entitlements, and the groups made there, never what belongs to the
//! account.

mod change;
mod described;
mod filter;
pub mod http;
mod list;
mod ops;
mod patch;
mod wire;

use crate::principals::Kind;
use biplane_api::ids::WorkspaceId;

/// Through which door a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Account,
    Workspace(WorkspaceId),
}

impl Level {
    fn workspace(self) -> Option<WorkspaceId> {
        match self {
            Self::Account => None,
            Self::Workspace(id) => Some(id),
        }
    }
}

/// The SCIM attribute that is the name of this kind.
fn name_attribute(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "userName",
        Kind::Group => "displayName",
        Kind::ServicePrincipal => "applicationId",
    }
}

fn path_segment(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "Users",
        Kind::Group => "Groups",
        Kind::ServicePrincipal => "ServicePrincipals",
    }
}
