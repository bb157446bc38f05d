//! Local files of the platform, in the words of S3: for programs of which only what was granted is shown.
//!
//! What must hold: a key is a path below one of the roots and goes through no link; nothing that is there
//! is ever changed or deleted, only added to; what is half written has no name that a listing shows.

mod list;
mod read;
mod roots;
mod write;

use super::request::{Asked, Operation};
use super::xml;
use crate::http_text::{self, Body, BoxError};
use http::{HeaderMap, Method, Response, StatusCode};
pub use roots::Roots;
use std::sync::Arc;
use write::Uploads;

/// The bucket that all of them are in; no bucket of S3 may be called so.
pub const BUCKET: &str = "local_files";
/// What has not all of its bytes yet is called so.
const PART: &str = ".biplane-part-";

/// The files of one sandbox's door.
pub struct Files {
    roots: Arc<Roots>,
    uploads: Uploads,
}

impl Files {
    pub fn new(roots: Arc<Roots>) -> Self {
        Self { roots, uploads: Uploads::default() }
    }

    /// `body`: counted and watched already. That the grants allow it was decided.
    pub async fn answer(
        &self,
        asked: &Asked,
        headers: &HeaderMap,
        method: &Method,
        body: Body,
    ) -> Response<Body> {
        let answered = match (asked.operation, method) {
            (Operation::Read, &Method::GET | &Method::HEAD) if asked.query.is_empty() => {
                read::answer(&self.roots, &asked.name.key, headers, method).await
            }
            (Operation::List, _) if asked.parameter("uploads").is_empty() => {
                list::answer(&self.roots, asked).await
            }
            (Operation::Put | Operation::Write, _) => self.write(asked, method, body).await,
            _ => Err(Failed::Unsupported),
        };
        answered.unwrap_or_else(|failed| failed.told(method, &asked.name.key))
    }

    async fn write(
        &self,
        asked: &Asked,
        method: &Method,
        body: Body,
    ) -> Result<Response<Body>, Failed> {
        let (key, upload) = (&asked.name.key, asked.parameter("uploadId"));
        match (asked.operation, method, upload) {
            (Operation::Put, _, "") => write::put(&self.roots, key, body).await,
            (Operation::Put, ..) => {
                let number =
                    asked.parameter("partNumber").parse().map_err(|_| Failed::Unsupported)?;
                self.uploads.part(&self.roots, key, upload, number, body).await
            }
            (_, &Method::POST, "") => self.uploads.begin(&asked.name),
            (_, &Method::POST, _) => self.uploads.complete(&self.roots, &asked.name, upload).await,
            (_, &Method::DELETE, upload) if !upload.is_empty() => {
                self.uploads.abort(key, upload).await
            }
            _ => Err(Failed::Unsupported),
        }
    }
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("there is no such file")]
    Missing,
    #[error("it is there already, and files are only added")]
    There,
    #[error("it lies in no place of this node")]
    Elsewhere,
    #[error("the range is not in the file")]
    Range(u64),
    #[error("there is no such upload")]
    Upload,
    #[error("too many uploads, or parts of one")]
    TooMany,
    #[error("this operation is not possible with local files")]
    Unsupported,
    #[error("the body could not be read")]
    Body(#[source] BoxError),
    #[error("the file could not be read or written")]
    Io(#[from] std::io::Error),
}

impl From<nix::Error> for Failed {
    fn from(error: nix::Error) -> Self {
        match error {
            nix::Error::ENOENT | nix::Error::ENOTDIR => Self::Missing,
            nix::Error::EEXIST => Self::There,
            // Links: whoever put them there is not followed.
            nix::Error::ELOOP | nix::Error::EXDEV => Self::Elsewhere,
            other => Self::Io(other.into()),
        }
    }
}

impl From<tokio::task::JoinError> for Failed {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Io(std::io::Error::other(error))
    }
}

impl Failed {
    fn told(self, method: &Method, key: &str) -> Response<Body> {
        let (status, code) = match &self {
            Self::Missing => (StatusCode::NOT_FOUND, "NoSuchKey"),
            Self::Upload => (StatusCode::NOT_FOUND, "NoSuchUpload"),
            Self::There => (StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
            Self::Elsewhere => (StatusCode::FORBIDDEN, "AccessDenied"),
            Self::Range(_) => (StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
            Self::TooMany => (StatusCode::BAD_REQUEST, "TooManyParts"),
            // Clients would try again what a server cannot do.
            Self::Unsupported => (StatusCode::BAD_REQUEST, "NotImplemented"),
            Self::Body(_) => (StatusCode::BAD_REQUEST, "IncompleteBody"),
            Self::Io(error) => {
                tracing::warn!(%error, key, "a local file could not be served");
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
            }
        };
        let mut answer = xml::error(method, status, code, &self.to_string());
        if let Self::Range(length) = self
            && let Ok(value) = format!("bytes */{length}").parse()
        {
            answer.headers_mut().insert(http::header::CONTENT_RANGE, value);
        }
        answer
    }
}

/// An answer without a body.
fn done(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(http_text::empty());
    *answer.status_mut() = status;
    answer
}

fn tagged(etag: &'static str) -> Response<Body> {
    let mut answer = done(StatusCode::OK);
    answer.headers_mut().insert(http::header::ETAG, http::HeaderValue::from_static(etag));
    answer
}
