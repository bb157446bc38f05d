//! Files of results: `<dir>/<statement>/<index>` and `manifest`.

use super::{ChunkMeta, Place, Spool, Stored};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::ids::StatementId;
use biplane_proto::v1::ResultSchema;
use bytes::Bytes;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MANIFEST: &str = "manifest";
const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// A finished result in files, with all that is needed to serve it after a restart.
#[derive(Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub info: crate::statements::Info,
    /// `ResultSchema`, encoded, in Base64.
    schema: String,
    pub chunks: Vec<ChunkMeta>,
    pub ended: crate::statements::Ended,
}

impl Manifest {
    pub fn new(
        info: crate::statements::Info,
        schema: &ResultSchema,
        chunks: Vec<ChunkMeta>,
        ended: crate::statements::Ended,
    ) -> Self {
        Self { info, schema: STANDARD.encode(schema.encode_to_vec()), chunks, ended }
    }

    pub fn schema(&self) -> Option<ResultSchema> {
        ResultSchema::decode(STANDARD.decode(&self.schema).ok()?.as_slice()).ok()
    }

    /// The chunks in their files; None when room or a file is missing.
    pub fn stored(&self, spool: &Arc<Spool>) -> Option<Vec<Stored>> {
        let dir = dir(spool, &self.info.id);
        let one = |(index, meta): (usize, &ChunkMeta)| {
            let path = dir.join(index.to_string());
            let whole = std::fs::metadata(&path).is_ok_and(|found| found.len() == meta.bytes);
            let share = spool.disk_now(meta.bytes).filter(|_| whole)?;
            Some(Stored { meta: *meta, place: Place::File(path, share) })
        };
        self.chunks.iter().enumerate().map(one).collect()
    }
}

pub(crate) fn dir(spool: &Spool, id: &StatementId) -> PathBuf {
    spool.config.results_dir.join(id.as_str())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

pub(crate) async fn write_chunk(dir: PathBuf, index: usize, bytes: Bytes) -> io::Result<PathBuf> {
    blocking(move || {
        if index == 0 || !dir.exists() {
            std::fs::create_dir_all(&dir)?;
        }
        let path = dir.join(index.to_string());
        if let Err(error) = std::fs::write(&path, &bytes) {
            // Half a file would stay where nobody looks for it; the directory stays when others are in it.
            let _ = std::fs::remove_file(&path).and_then(|()| std::fs::remove_dir(&dir));
            return Err(error);
        }
        Ok(path)
    })
    .await
}

/// Last of all files: a result without it is not whole.
pub(crate) async fn write_manifest(dir: PathBuf, manifest: Manifest) -> io::Result<()> {
    blocking(move || {
        let text = serde_json::to_vec(&manifest).map_err(io::Error::other)?;
        std::fs::create_dir_all(&dir)?;
        let part = dir.join("manifest.part");
        std::fs::write(&part, text)?;
        std::fs::rename(part, dir.join(MANIFEST))
    })
    .await
}

pub(crate) async fn remove(dir: PathBuf) {
    let removed = blocking(move || match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    });
    if let Err(error) = removed.await {
        tracing::warn!(%error, "the files of a result could not be removed");
    }
}

/// Whole results from before a restart; what is not whole or no longer wanted is removed. Blocking.
pub(crate) fn survivors(
    dir: &Path,
    wanted: impl Fn(&Manifest) -> bool,
) -> io::Result<Vec<Manifest>> {
    std::fs::create_dir_all(dir)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        match read_manifest(&path).filter(|manifest| wanted(manifest)) {
            Some(manifest) => found.push(manifest),
            None => {
                let is_result = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| name.parse::<StatementId>().is_ok());
                if is_result {
                    std::fs::remove_dir_all(&path)?;
                }
            }
        }
    }
    Ok(found)
}

fn read_manifest(dir: &Path) -> Option<Manifest> {
    let path = dir.join(MANIFEST);
    if std::fs::metadata(&path).ok()?.len() > MANIFEST_BYTES_MAX {
        return None;
    }
    let manifest: Manifest = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    (dir.file_name()?.to_str()? == manifest.info.id.as_str()).then_some(manifest)
}
