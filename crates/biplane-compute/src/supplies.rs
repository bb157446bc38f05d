//! What hosts of clusters are prepared with that other services have: people, their files, their secrets.

use biplane_api::ids::WorkspaceId;
use biplane_api::internal::Access;
use biplane_platform::{Ctx, Result};
use bytes::Bytes;
use futures::stream::BoxStream;

/// The bytes of a file as they come.
pub type FileBytes = BoxStream<'static, Result<Bytes>>;

/// How a file in a bucket is to be written. What is not said is as the place has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InBucket {
    pub region: Option<String>,
    pub endpoint: Option<String>,
    pub encryption: Option<Encryption>,
}

/// What the store encrypts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// Its own key.
    S3,
    /// The one that is named, or the account's own.
    Kms(Option<String>),
}

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

    /// What a file in a bucket holds, up to so many bytes; None = there is none. `url` is `s3://…`, within an external
    /// location to which `ctx` has that access.
    async fn object_read(
        &self,
        ctx: &Ctx,
        url: &str,
        how: &InBucket,
        access: Access,
        bytes_max: usize,
    ) -> Result<Option<Bytes>>;

    async fn object_write(&self, ctx: &Ctx, url: &str, how: &InBucket, bytes: Bytes) -> Result<()>;

    /// Refuses where `ctx` may not write, or not so.
    async fn object_check(&self, ctx: &Ctx, url: &str, how: &InBucket) -> Result<()>;

    /// A secret that `ctx` may read.
    async fn secret(&self, ctx: &Ctx, scope: &str, key: &str) -> Result<Vec<u8>>;
}
