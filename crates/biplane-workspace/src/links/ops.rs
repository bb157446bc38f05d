//! Making links and reading them.

use crate::Workspace;
use crate::files::{self, VolumePath};
use crate::uploads::token;
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_api::internal::Access;
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use serde::{Deserialize, Serialize};

const LIFETIME_MS: i64 = 15 * 60_000;
pub const PATH: &str = "/api/2.0/biplane/files";

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileVerb {
    Get,
    Put { overwrite: bool },
    Remove,
}

impl FileVerb {
    fn access(self) -> Access {
        match self {
            FileVerb::Get => Access::Read,
            FileVerb::Put { .. } | FileVerb::Remove => Access::Write,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    verb: FileVerb,
    path: String,
    principal: PrincipalId,
    workspace: WorkspaceId,
    expires_ms: i64,
}

impl token::Expiring for Claims {
    const PURPOSE: &'static str = "file";

    fn expires_ms(&self) -> i64 {
        self.expires_ms
    }
}

impl Workspace {
    /// A link with which `ctx`'s principal, and nobody else's rights, does this with that file. Refused at
    /// once where it would be; that a file is not there to be read or removed, only the link tells.
    pub async fn file_link_create(&self, ctx: &Ctx, path: &str, verb: FileVerb) -> Result<String> {
        let path = VolumePath::parse(path)?;
        if path.is_volume() {
            return Err(ApiError::invalid(format!("{} names no file.", path.as_str())));
        }
        let place = files::open(self, ctx, &path, verb.access()).await?;
        if verb == (FileVerb::Put { overwrite: false }) && files::exists(&place).await? {
            return Err(ApiError::new(
                ErrorCode::AlreadyExists,
                format!("{} exists already.", path.as_str()),
            ));
        }
        let claims = Claims {
            verb,
            path: path.as_str().to_owned(),
            principal: ctx.principal.id,
            workspace: ctx.workspace()?,
            expires_ms: self.clock.now_ms() + LIFETIME_MS,
        };
        Ok(format!("{}{PATH}/{}", ctx.base_url, token::seal(&self.key, &claims)?))
    }

    /// Who follows a link, to which file, and how.
    pub(super) async fn file_link_open(&self, text: &str) -> Result<(Ctx, VolumePath, FileVerb)> {
        let claims: Claims = token::open(&self.key, text, self.clock.now_ms()).map_err(|_| {
            ApiError::denied("This link is not one this server gave out, or it has expired.")
        })?;
        let ctx = self.volumes.ctx_of(claims.principal, claims.workspace).await?;
        Ok((ctx, VolumePath::parse(&claims.path)?, claims.verb))
    }
}

pub fn not_for_this() -> ApiError {
    ApiError::denied("This link is for something else.")
}
