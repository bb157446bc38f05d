//! Adding files: at once, or in parts. A file has its name when all of it is on the disk.

use super::roots::Place;
use super::{Failed, PART, Roots, done, tagged};
use crate::http_text::Body;
use crate::storage::name::Name;
use crate::storage::xml;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

const UPLOADS_MAX: usize = 256;
const PARTS_MAX: usize = 10_000;

/// A file without a name that counts; gone with this.
struct Part {
    directory: File,
    name: OsString,
    file: File,
}

impl Part {
    fn beside(place: &Place<'_>) -> Result<Self, Failed> {
        let (directory, _) = place.parent()?;
        let name = OsString::from(format!("{PART}{}", random()?));
        let flags =
            OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let file = openat(&directory, name.as_os_str(), flags, Mode::from_bits_truncate(0o666))?;
        Ok(Self { directory, name, file: file.into() })
    }

    /// Only where nothing is.
    fn publish(&self, place: &Place<'_>) -> Result<(), Failed> {
        self.file.sync_all()?;
        let (directory, name) = place.parent()?;
        linkat(&self.directory, self.name.as_os_str(), &directory, name, AtFlags::empty())?;
        directory.sync_all()?;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Nobody is told: without its name it would be gone already.
        let _ = unlinkat(&self.directory, self.name.as_os_str(), UnlinkatFlags::NoRemoveDir);
    }
}

fn random() -> Result<String, Failed> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failed::Io(io::Error::other(error.to_string())))?;
    Ok(hex::encode(bytes))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failed> + Send + 'static,
) -> Result<T, Failed> {
    tokio::task::spawn_blocking(work).await?
}

/// All of a body in a file of its own.
async fn received(roots: &Arc<Roots>, key: &str, mut body: Body) -> Result<Part, Failed> {
    let (all, own) = (roots.clone(), key.to_owned());
    let mut part = blocking(move || Part::beside(&all.place(&own)?)).await?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Failed::Body)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        part = append(part, data).await?;
    }
    Ok(part)
}

async fn append(mut part: Part, data: Bytes) -> Result<Part, Failed> {
    blocking(move || {
        part.file.write_all(&data)?;
        Ok(part)
    })
    .await
}

pub async fn put(roots: &Arc<Roots>, key: &str, body: Body) -> Result<Response<Body>, Failed> {
    let part = received(roots, key, body).await?;
    let (roots, key) = (roots.clone(), key.to_owned());
    blocking(move || part.publish(&roots.place(&key)?)).await?;
    Ok(tagged("\"new\""))
}

/// What is being sent in parts. Forgotten, and gone, with the door.
#[derive(Default)]
pub struct Uploads(Mutex<HashMap<String, Upload>>);

struct Upload {
    key: String,
    parts: BTreeMap<u32, Part>,
}

impl Uploads {
    pub fn begin(&self, name: &Name) -> Result<Response<Body>, Failed> {
        let id = random()?;
        let mut uploads = self.0.lock();
        if uploads.len() >= UPLOADS_MAX {
            return Err(Failed::TooMany);
        }
        uploads.insert(id.clone(), Upload { key: name.key.clone(), parts: BTreeMap::new() });
        Ok(xml::document(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>",
            name.bucket,
            xml::escape(&name.key)
        )))
    }

    pub async fn part(
        &self,
        roots: &Arc<Roots>,
        key: &str,
        id: &str,
        number: u32,
        body: Body,
    ) -> Result<Response<Body>, Failed> {
        self.with(id, key, |_| ())?;
        let part = received(roots, key, body).await?;
        let old = self.with(id, key, |upload| match upload.parts.len() < PARTS_MAX {
            true => Ok(upload.parts.insert(number, part)),
            false => Err(Failed::TooMany),
        })??;
        blocking(move || {
            drop(old);
            Ok(())
        })
        .await?;
        Ok(tagged("\"part\""))
    }

    /// Of an upload of this key.
    fn with<T>(
        &self,
        id: &str,
        key: &str,
        what: impl FnOnce(&mut Upload) -> T,
    ) -> Result<T, Failed> {
        let mut uploads = self.0.lock();
        let upload = uploads.get_mut(id).filter(|upload| upload.key == key);
        upload.map(what).ok_or(Failed::Upload)
    }

    fn take(&self, id: &str, key: &str) -> Result<Upload, Failed> {
        self.with(id, key, |_| ())?;
        self.0.lock().remove(id).ok_or(Failed::Upload)
    }

    pub async fn complete(
        &self,
        roots: &Arc<Roots>,
        name: &Name,
        id: &str,
    ) -> Result<Response<Body>, Failed> {
        let upload = self.take(id, &name.key)?;
        let roots = roots.clone();
        let key = name.key.clone();
        blocking(move || {
            let place = roots.place(&key)?;
            let mut whole = Part::beside(&place)?;
            for mut part in upload.parts.into_values() {
                part.file.rewind()?;
                io::copy(&mut part.file, &mut whole.file)?;
            }
            whole.publish(&place)
        })
        .await?;
        Ok(xml::document(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CompleteMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><ETag>\"new\"</ETag></CompleteMultipartUploadResult>",
            name.bucket,
            xml::escape(&name.key)
        )))
    }

    pub async fn abort(&self, key: &str, id: &str) -> Result<Response<Body>, Failed> {
        let upload = self.take(id, key)?;
        blocking(move || {
            drop(upload);
            Ok(())
        })
        .await?;
        Ok(done(StatusCode::NO_CONTENT))
    }
}
