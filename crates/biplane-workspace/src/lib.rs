//! Files on volumes: the Files API and multipart uploads; objects and secrets of workspaces.
//!
//! Rights and places are the catalog's: every path goes through `Volumes`. Bytes are streamed between
//! the client and the object store; nothing here holds a whole file.

mod files;
mod links;
pub mod objects;
mod place;
pub mod secrets;
mod uploads;

pub use links::FileVerb;
pub use place::{Place, delete_prefix, object_read, object_write};

use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_api::internal::{Access, Storage};
use biplane_platform::{Clock, Ctx, Result};
use bytes::Bytes;
use futures::stream::BoxStream;
use std::path::PathBuf;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// What this service needs of the catalog.
#[async_trait::async_trait]
pub trait Volumes: Send + Sync {
    /// The storage of an absolute path `/Volumes/<catalog>/<schema>/<volume>[/…]`, if `ctx` has that access.
    async fn resolve(&self, ctx: &Ctx, path: &str, access: Access) -> Result<Storage>;

    /// To act as a principal that a link was made for; refused when it may not act there any more.
    async fn ctx_of(&self, principal: PrincipalId, workspace: WorkspaceId) -> Result<Ctx>;
}

pub struct Workspace {
    volumes: Arc<dyn Volumes>,
    clock: Clock,
    /// Parts of unfinished uploads.
    uploads_dir: PathBuf,
    /// Signs upload sessions and part links.
    key: [u8; 32],
}

impl Workspace {
    pub fn new(
        volumes: Arc<dyn Volumes>,
        clock: Clock,
        uploads_dir: PathBuf,
        key: [u8; 32],
    ) -> Arc<Self> {
        Arc::new(Self { volumes, clock, uploads_dir, key })
    }

    pub fn routes(self: &Arc<Self>) -> OpenApiRouter {
        files::http::routes(self)
            .merge(uploads::http::routes(self))
            .merge(links::http::routes(self))
    }

    /// The bytes of a file that `ctx` may read.
    pub async fn file_open(
        &self,
        ctx: &Ctx,
        path: &str,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        files::file_open(self, ctx, path).await
    }

    /// Writes a file, whether there is one or not.
    pub async fn file_write(&self, ctx: &Ctx, path: &str, bytes: Bytes) -> Result<()> {
        let body = futures::stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
        files::file_put(self, ctx, &files::VolumePath::parse(path)?, true, body).await
    }

    /// Refuses where `ctx` may not write.
    pub async fn place_check(&self, ctx: &Ctx, path: &str) -> Result<()> {
        let path = files::VolumePath::parse(path)?;
        files::open(self, ctx, &path, biplane_api::internal::Access::Write).await.map(drop)
    }

    /// Removes parts of uploads that were never completed; for the server's timer.
    pub async fn uploads_sweep(&self) {
        uploads::ops::sweep(self).await;
    }
}
