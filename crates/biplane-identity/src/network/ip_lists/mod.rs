//! IP access lists of a workspace and of the account: block lists first, then allow lists, and without an
//! allow list everything that is not blocked may come.

pub mod conf;
pub mod http;
pub mod ops;
pub mod store;

use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, Ctx, Result};

/// Whose lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Account,
    Workspace(WorkspaceId),
}

impl Scope {
    /// Of the workspace of the call.
    pub fn here(ctx: &Ctx) -> Result<Self> {
        ctx.workspace().map(Self::Workspace)
    }

    pub fn key(self) -> i64 {
        match self {
            Self::Account => 0,
            Self::Workspace(id) => id.0,
        }
    }

    pub fn require_admin(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Account => ctx.require_account_admin(),
            Self::Workspace(id) if ctx.workspace == Some(id) => ctx.require_workspace_admin(),
            Self::Workspace(_) => Err(ApiError::denied("This is another workspace.")),
        }
    }

    /// The lists count unless an administrator of the account said otherwise; of a workspace, when one did.
    pub fn enabled_at_first(self) -> bool {
        self == Self::Account
    }
}
