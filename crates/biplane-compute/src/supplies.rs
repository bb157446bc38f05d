//! What hosts of clusters are prepared with that other services have: people, their files, their secrets.

use biplane_api::ids::WorkspaceId;
use biplane_platform::{Ctx, Result};
use bytes::Bytes;
use futures::stream::BoxStream;

/// The bytes of a file as they come.
pub type FileBytes = BoxStream<'static, Result<Bytes>>;

#[async_trait::async_trait]
pub trait Supplies: Send + Sync {
    /// To act as somebody of this name in a workspace; refused when nobody there has it any more.
    async fn ctx_of(&self, name: &str, workspace: WorkspaceId) -> Result<Ctx>;

    /// A file that `ctx` may read.
    async fn file_open(&self, ctx: &Ctx, path: &str) -> Result<FileBytes>;

    /// Writes a file, whether there is one or not.
    async fn file_write(&self, ctx: &Ctx, path: &str, bytes: Bytes) -> Result<()>;

    /// Refuses where `ctx` may not write.
    async fn place_check(&self, ctx: &Ctx, path: &str) -> Result<()>;

    /// A secret that `ctx` may read.
    async fn secret(&self, ctx: &Ctx, scope: &str, key: &str) -> Result<Vec<u8>>;
}
