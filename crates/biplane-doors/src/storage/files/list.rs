//! Listing below a prefix, in the order of keys.

use super::read::etag;
use super::{Failed, PART, Roots};
use crate::http_text::Body;
use crate::storage::name;
use crate::storage::request::Asked;
use crate::storage::xml;
use http::Response;
use std::fmt::Write;
use std::fs::{self, Metadata};
use std::os::fd::AsRawFd;
use std::sync::Arc;

const KEYS_MAX: usize = 1000;
/// Of directories in directories.
const DEPTH_MAX: usize = 64;

enum Entry {
    File(String, Metadata),
    Directory(String),
}

impl Entry {
    fn key(&self) -> &str {
        match self {
            Self::File(key, _) | Self::Directory(key) => key,
        }
    }
}

struct Listing {
    prefix: String,
    after: String,
    flat: bool,
    max: usize,
    found: Vec<Entry>,
}

pub async fn answer(roots: &Arc<Roots>, asked: &Asked) -> Result<Response<Body>, Failed> {
    if asked.parameter("list-type") != "2" || !matches!(asked.parameter("delimiter"), "" | "/") {
        return Err(Failed::Unsupported);
    }
    let max = asked.parameter("max-keys").parse().unwrap_or(KEYS_MAX).min(KEYS_MAX);
    // A token is the last key of the page before.
    let after = [asked.parameter("continuation-token"), asked.parameter("start-after")];
    let mut listing = Listing {
        prefix: asked.parameter("prefix").to_owned(),
        after: after.into_iter().find(|after| !after.is_empty()).unwrap_or_default().to_owned(),
        flat: asked.parameter("delimiter") == "/",
        max,
        found: Vec::new(),
    };
    let roots = roots.clone();
    let listing = tokio::task::spawn_blocking(move || {
        let directory = listing.prefix.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
        listing.walk(&roots, &format!("{directory}/"), 0)?;
        Ok::<_, Failed>(listing)
    })
    .await??;
    Ok(xml::document(document(asked, listing)))
}

impl Listing {
    fn full(&self) -> bool {
        self.found.len() > self.max
    }

    /// `directory`: its key, with a slash at the end.
    fn walk(&mut self, roots: &Roots, directory: &str, depth: usize) -> Result<(), Failed> {
        let opened = match roots.place(directory).and_then(|place| place.directory()) {
            Ok(opened) => opened,
            // To S3 a place without keys is like any other.
            Err(Failed::Missing) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut entries = Vec::new();
        // What was opened, not what has its name by now.
        for entry in fs::read_dir(format!("/proc/self/fd/{}", opened.as_raw_fd()))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with(PART) || !name::is_key(&name) {
                continue;
            }
            match entry.metadata() {
                Ok(about) if about.is_dir() => {
                    entries.push(Entry::Directory(format!("{directory}{name}/")))
                }
                Ok(about) if about.is_file() => {
                    entries.push(Entry::File(format!("{directory}{name}"), about))
                }
                _ => {}
            }
        }
        entries.sort_by(|one, other| one.key().cmp(other.key()));
        for entry in entries {
            if self.full() {
                break;
            }
            let key = entry.key();
            let inside = self.prefix.starts_with(key) && matches!(entry, Entry::Directory(_));
            if !key.starts_with(&self.prefix) && !inside {
                continue;
            }
            let passed = key <= self.after.as_str() && !self.after.is_empty();
            match &entry {
                Entry::File(..) if passed => {}
                Entry::Directory(_) if self.flat && !inside && passed => {}
                Entry::Directory(key) if passed && !self.after.starts_with(key.as_str()) => {}
                Entry::Directory(key) if inside || !self.flat => {
                    if depth < DEPTH_MAX {
                        self.walk(roots, key, depth + 1)?;
                    }
                }
                _ => self.found.push(entry),
            }
        }
        Ok(())
    }
}

fn document(asked: &Asked, mut listing: Listing) -> String {
    let more = listing.full();
    listing.found.truncate(listing.max);
    let encoded = asked.parameter("encoding-type") == "url";
    let text = |key: &str| if encoded { name::encode_path(key) } else { xml::escape(key) };
    let mut page = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
    );
    let mut add = |part: String| page.push_str(&part);
    add(format!("<Name>{}</Name><Prefix>{}</Prefix>", super::BUCKET, text(&listing.prefix)));
    add(format!("<KeyCount>{}</KeyCount><MaxKeys>{}</MaxKeys>", listing.found.len(), listing.max));
    if encoded {
        add("<EncodingType>url</EncodingType>".into());
    }
    add(format!("<IsTruncated>{more}</IsTruncated>"));
    if let Some(last) = listing.found.last().filter(|_| more) {
        add(format!("<NextContinuationToken>{}</NextContinuationToken>", xml::escape(last.key())));
    }
    for entry in &listing.found {
        let key = text(entry.key());
        add(match entry {
            Entry::Directory(_) => {
                format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>")
            }
            Entry::File(_, about) => contents(&key, about),
        });
    }
    page.push_str("</ListBucketResult>");
    page
}

fn contents(key: &str, about: &Metadata) -> String {
    let mut text = format!("<Contents><Key>{key}</Key>");
    if let Ok(modified) = about.modified() {
        let at = chrono::DateTime::<chrono::Utc>::from(modified).format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let _ = write!(text, "<LastModified>{at}</LastModified>");
    }
    let _ = write!(
        text,
        "<ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
        xml::escape(&etag(about)),
        about.len()
    );
    text
}
