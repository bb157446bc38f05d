//! From a request to its answer: understand, decide, write anew, sign, send, and clean what comes back.

use super::aws_chunked::Decoded;
use super::body::{Touched, Way, watched};
use super::delete::{self, Delete};
use super::grants::{Store, Stores};
use super::name::{Name, encode_path};
use super::request::{self, Asked, Operation, Wrong};
use super::{FILES_BUCKET, Storage, Whose, runtime, sign, xml};
use crate::event::{Destination, Outcome, Reason};
use crate::http_text::{self, Body, BoxError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Completing a large upload takes minutes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);
const ERROR_BYTES_MAX: usize = 64 << 10;
const COPY_SOURCE: &str = "x-amz-copy-source";

/// What a client may say beside path and query.
const HEADERS: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-mode",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-checksum-type",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
    "x-amz-copy-source-range",
    "x-amz-metadata-directive",
    "x-amz-mp-object-size",
    "x-amz-storage-class",
    "x-amz-tagging-directive",
];
/// Would give somebody else a way to what the workspace writes: refused, not ignored.
const REFUSED: &[&str] = &["x-amz-acl", "x-amz-grant-", "x-amz-website-redirect-location"];

pub enum Refused {
    Denied {
        bucket: String,
        key: String,
        reason: Reason,
    },
    /// What programs try without needing it.
    NotKept,
    Wrong(Wrong),
    Header(HeaderName),
    NoLength,
    TooLarge,
    Malformed,
    Body,
    Store(BoxError),
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

impl Storage {
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let method = request.method().clone();
        match self.pass(request).await {
            Ok(answer) => answer,
            Err(refused) => self.refuse(&method, refused),
        }
    }

    fn refuse(&self, method: &Method, refused: Refused) -> Response<Body> {
        let (status, code, message) = match refused {
            Refused::Denied { bucket, key, reason } => {
                let message = format!("access to s3://{bucket}/{key} denied: {reason}");
                self.denied(&bucket, &key, reason);
                (StatusCode::FORBIDDEN, "AccessDenied", message)
            }
            Refused::NotKept => {
                let message = "checkpoints and checksums are not taken from a Spark runtime".into();
                (StatusCode::FORBIDDEN, "AccessDenied", message)
            }
            Refused::Wrong(Wrong::Path) => {
                (StatusCode::BAD_REQUEST, "InvalidURI", "the path is not /bucket/key".into())
            }
            Refused::Wrong(Wrong::Query) => {
                (StatusCode::BAD_REQUEST, "InvalidArgument", "the query cannot be read".into())
            }
            Refused::Wrong(Wrong::Service) => {
                (StatusCode::FORBIDDEN, "AccessDenied", "buckets are not listed here".into())
            }
            Refused::Wrong(Wrong::Unsupported) => {
                let message = "this operation does not pass the storage door".into();
                (StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
            }
            Refused::Header(name) => {
                let message = format!("the header {name} does not pass the storage door");
                (StatusCode::FORBIDDEN, "AccessDenied", message)
            }
            Refused::NoLength => (
                StatusCode::LENGTH_REQUIRED,
                "MissingContentLength",
                "the body has no length".into(),
            ),
            Refused::TooLarge => {
                (StatusCode::BAD_REQUEST, "EntityTooLarge", "the body is too large".into())
            }
            Refused::Malformed => (
                StatusCode::BAD_REQUEST,
                "MalformedXML",
                "the body is not what it should be".into(),
            ),
            Refused::Body => {
                (StatusCode::BAD_REQUEST, "IncompleteBody", "the body could not be read".into())
            }
            Refused::Store(error) => {
                tracing::warn!(error = &*error, "a store does not answer");
                let message = "the store does not answer".into();
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
            }
        };
        xml::error(method, status, code, &message)
    }

    async fn pass(self: &Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        // From here on a change of the grants is noticed by the bodies.
        let mut stores = self.stores.clone();
        let granted = stores.borrow_and_update().clone();
        let asked = request::parse(request.method(), request.uri())?;
        if let Whose::Runtime(_) = self.whose
            && runtime::is_directory(&granted, &asked)
        {
            let message = "this is a directory";
            return Ok(xml::error(request.method(), StatusCode::NOT_FOUND, "NoSuchKey", message));
        }
        let store = decide(&granted, &asked)?;
        if let Whose::Runtime(_) = self.whose {
            if runtime::is_summary(&asked) {
                return Err(Refused::NotKept);
            }
            // What is copied would not be looked at.
            if request.headers().contains_key(COPY_SOURCE) {
                return Err(denied(&asked.name.bucket, asked.touches(), Reason::AddsOnly));
            }
            runtime::check(&asked, request.method())
                .map_err(|reason| denied(&asked.name.bucket, asked.touches(), reason))?;
        }
        if self.meter.exceeds(self.limits.bytes_max) {
            return Err(denied(&asked.name.bucket, asked.touches(), Reason::Bytes));
        }
        match asked.operation {
            Operation::BucketHead => return Ok(bucket_head(store)),
            Operation::BucketLocation => return Ok(xml::document(location(&store.region))),
            _ => {}
        }
        let touched = Touched {
            bucket: asked.name.bucket.clone(),
            key: asked.touches().to_owned(),
            write: asked.writes(),
        };
        let destination =
            Destination::Storage { bucket: touched.bucket.clone(), path: touched.key.clone() };
        if let Whose::Runtime(files) = &self.whose
            && asked.name.bucket == FILES_BUCKET
        {
            let (parts, body) = request.into_parts();
            let body = self.body(&parts, body, &asked, &stores, &touched).await?;
            self.meter.connected();
            self.recorder.record(destination, Outcome::Allowed, Reason::Listed);
            let (parts, body) =
                files.answer(&asked, &parts.headers, &parts.method, body).await.into_parts();
            let body = given(body, self, &stores, &touched);
            return Ok(Response::from_parts(parts, body));
        }
        let outgoing = self.outgoing(request, &asked, &granted, store, &stores, &touched).await?;
        let sending = self.client.0.request(outgoing);
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, sending)
            .await
            .map_err(|late| Refused::Store(late.into()))?
            .map_err(|error| Refused::Store(error.into()))?;
        self.meter.connected();
        self.recorder.record(destination, Outcome::Allowed, Reason::Listed);
        self.incoming(answer, &stores, touched).await
    }

    async fn outgoing(
        self: &Arc<Self>,
        request: Request<Incoming>,
        asked: &Asked,
        granted: &Stores,
        store: &Store,
        stores: &watch::Receiver<Arc<Stores>>,
        touched: &Touched,
    ) -> Result<Request<Body>, Refused> {
        let (parts, body) = request.into_parts();
        let mut headers = headers(&parts.headers)?;
        let chunked = content_encoding(&parts.headers, &mut headers);
        let body = match asked.operation {
            Operation::DeleteMany => {
                let text = delete_body(body, asked, granted, store).await?;
                let digest = STANDARD.encode(Sha256::digest(&text));
                set(&mut headers, "x-amz-checksum-sha256", &digest)?;
                set(&mut headers, "x-amz-sdk-checksum-algorithm", "SHA256")?;
                headers.remove("content-md5");
                set(&mut headers, "content-length", &text.len().to_string())?;
                http_text::full(text)
            }
            Operation::Put | Operation::Write if parts.method != Method::DELETE => {
                if let Some(source) = parts.headers.get(COPY_SOURCE) {
                    set(&mut headers, COPY_SOURCE, &copy_source(source, asked, granted, store)?)?;
                }
                let length = length(&parts.headers, chunked, asked.operation)?;
                set(&mut headers, "content-length", &length.to_string())?;
                if let Whose::Runtime(_) = self.whose
                    && runtime::makes(asked)
                {
                    set(&mut headers, "if-none-match", "*")?;
                }
                self.body(&parts, body, asked, stores, touched).await?
            }
            _ => http_text::empty(),
        };
        let uri = address(store, asked).map_err(Refused::Store)?;
        let host = uri.authority().map_or("", http::uri::Authority::as_str);
        set(&mut headers, "host", host)?;
        let mut outgoing = Request::new(body);
        *outgoing.method_mut() = parts.method;
        *outgoing.uri_mut() = uri;
        *outgoing.headers_mut() = headers;
        sign::sign(&mut outgoing, &store.keys, &store.region, &now())
            .map_err(|error| Refused::Store(error.into()))?;
        Ok(outgoing)
    }

    /// What a client sends, as it comes out of its wrapping.
    async fn body(
        self: &Arc<Self>,
        parts: &http::request::Parts,
        body: Incoming,
        asked: &Asked,
        stores: &watch::Receiver<Arc<Stores>>,
        touched: &Touched,
    ) -> Result<Body, Refused> {
        if !matches!(asked.operation, Operation::Put | Operation::Write)
            || parts.method == Method::DELETE
        {
            return Ok(http_text::empty());
        }
        let chunked = is_chunked(&parts.headers);
        let length = length(&parts.headers, chunked, asked.operation)?;
        let body = match chunked {
            true => watched(Decoded::new(body, length), self, stores, touched, Way::Up),
            false => watched(body, self, stores, touched, Way::Up),
        };
        match &self.whose {
            Whose::Runtime(_) if runtime::is_commit(&asked.name.key) => {
                let bytes = runtime::commit(body).await?;
                bytes.ok_or_else(|| denied(&touched.bucket, &touched.key, Reason::TableChange))
            }
            _ => Ok(body),
        }
    }

    async fn incoming(
        self: &Arc<Self>,
        answer: Response<Incoming>,
        stores: &watch::Receiver<Arc<Stores>>,
        touched: Touched,
    ) -> Result<Response<Body>, Refused> {
        let (mut parts, body) = answer.into_parts();
        for name in [
            header::CONNECTION,
            header::TRANSFER_ENCODING,
            header::UPGRADE,
            header::LOCATION,
            header::SET_COOKIE,
            HeaderName::from_static("keep-alive"),
        ] {
            parts.headers.remove(name);
        }
        parts.version = http::Version::HTTP_11;
        if matches!(parts.status.as_u16(), 400 | 401 | 403) {
            let bytes = Limited::new(body, ERROR_BYTES_MAX)
                .collect()
                .await
                .map_err(Refused::Store)?
                .to_bytes();
            let text = String::from_utf8_lossy(&bytes);
            // Stores say whose signature they refused, and what was signed.
            if ["AccessKey", "StringToSign", "CanonicalRequest", "Token"]
                .iter()
                .any(|word| text.contains(word))
            {
                tracing::error!(status = %parts.status, "a store refuses the key of the platform");
                let message = "the store refused the key of the platform";
                let status = StatusCode::FORBIDDEN;
                return Ok(xml::error(&Method::GET, status, "AccessDenied", message));
            }
            return Ok(Response::from_parts(parts, http_text::full(bytes)));
        }
        // An empty body has a length that says what a GET would give.
        let body = watched(body, self, stores, &touched, Way::Down);
        Ok(Response::from_parts(parts, body))
    }
}

/// Not in place: the compiler does not see there that this type of body fits.
fn given(
    body: Body,
    door: &Arc<Storage>,
    stores: &watch::Receiver<Arc<Stores>>,
    touched: &Touched,
) -> Body {
    watched(body, door, stores, touched, Way::Down)
}

fn denied(bucket: &str, key: &str, reason: Reason) -> Refused {
    Refused::Denied { bucket: bucket.to_owned(), key: key.to_owned(), reason }
}

fn decide<'a>(granted: &'a Stores, asked: &Asked) -> Result<&'a Store, Refused> {
    let bucket = &asked.name.bucket;
    let found = match asked.operation {
        // Which keys is in the body.
        Operation::BucketHead | Operation::BucketLocation | Operation::DeleteMany => {
            granted.bucket(bucket)
        }
        _ => granted.find(bucket, asked.touches(), asked.writes()),
    };
    found.map_err(|reason| denied(bucket, asked.touches(), reason))
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), Refused> {
    let value = HeaderValue::from_str(value).map_err(|error| Refused::Store(error.into()))?;
    headers.insert(name, value);
    Ok(())
}

fn headers(asked: &HeaderMap) -> Result<HeaderMap, Refused> {
    let mut headers = HeaderMap::new();
    for (name, value) in asked {
        let text = name.as_str();
        if REFUSED.iter().any(|refused| text.starts_with(refused)) {
            return Err(Refused::Header(name.clone()));
        }
        if (HEADERS.contains(&text) || text.starts_with("x-amz-meta-")) && !value.is_empty() {
            // One of each: the store must not choose another than was signed.
            headers.insert(name, value.clone());
        }
    }
    Ok(headers)
}

fn is_chunked(headers: &HeaderMap) -> bool {
    headers
        .get("x-amz-content-sha256")
        .is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"))
}

/// Is the body wrapped? The wrapping's own word does not reach the store.
fn content_encoding(asked: &HeaderMap, headers: &mut HeaderMap) -> bool {
    let text =
        |name: &str| asked.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let chunked = is_chunked(asked);
    let others: Vec<&str> = text("content-encoding")
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty() && *word != "aws-chunked")
        .collect();
    headers.remove(header::CONTENT_ENCODING);
    if let Ok(value) = HeaderValue::from_str(&others.join(","))
        && !others.is_empty()
    {
        headers.insert(header::CONTENT_ENCODING, value);
    }
    chunked
}

fn length(asked: &HeaderMap, chunked: bool, operation: Operation) -> Result<u64, Refused> {
    let name = if chunked { "x-amz-decoded-content-length" } else { "content-length" };
    let text = asked.get(name).and_then(|value| value.to_str().ok());
    match text {
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map_err(|_| Refused::NoLength)
        }
        None if operation == Operation::Write && !asked.contains_key(header::TRANSFER_ENCODING) => {
            Ok(0)
        }
        _ => Err(Refused::NoLength),
    }
}

async fn delete_body(
    body: Incoming,
    asked: &Asked,
    granted: &Stores,
    store: &Store,
) -> Result<String, Refused> {
    let limited = Limited::new(body, delete::BODY_BYTES_MAX).collect();
    let bytes = tokio::time::timeout(Duration::from_secs(60), limited)
        .await
        .map_err(|_| Refused::Body)?
        .map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
            true => Refused::TooLarge,
            false => Refused::Body,
        })?
        .to_bytes();
    let text = std::str::from_utf8(&bytes).map_err(|_| Refused::Malformed)?;
    let delete = Delete::parse(text).ok_or(Refused::Malformed)?;
    for key in &delete.keys {
        let bucket = &asked.name.bucket;
        let found =
            granted.find(bucket, key, true).map_err(|reason| denied(bucket, key, reason))?;
        if !std::ptr::eq(found, store) {
            return Err(denied(bucket, key, Reason::Bucket));
        }
    }
    Ok(delete.write())
}

/// What is copied must be readable here, and in the same store.
fn copy_source(
    value: &HeaderValue,
    asked: &Asked,
    granted: &Stores,
    store: &Store,
) -> Result<String, Refused> {
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Wrong::Path)?;
    if asked.operation != Operation::Put {
        return Err(Wrong::Unsupported.into());
    }
    let source = Name::parse_source(text).ok_or(Wrong::Path)?;
    let Name { bucket, key } = &source;
    let found = granted.find(bucket, key, false).map_err(|reason| denied(bucket, key, reason))?;
    match std::ptr::eq(found, store) {
        true => Ok(source.encoded()),
        false => Err(denied(bucket, key, Reason::Bucket)),
    }
}

fn address(store: &Store, asked: &Asked) -> Result<Uri, BoxError> {
    let Name { bucket, key } = &asked.name;
    let mut text = match &store.endpoint {
        Some(endpoint) => format!("{}{}", endpoint.trim_end_matches('/'), asked.name.encoded()),
        // A bucket with a dot does not fit the certificate.
        None if bucket.contains('.') => {
            format!("https://s3.{}.amazonaws.com{}", store.region, asked.name.encoded())
        }
        None => {
            format!("https://{bucket}.s3.{}.amazonaws.com/{}", store.region, encode_path(key))
        }
    };
    if !asked.query.is_empty() {
        text.push('?');
        text.push_str(&sign::query(&asked.query));
    }
    Ok(text.parse()?)
}

fn bucket_head(store: &Store) -> Response<Body> {
    let mut answer = Response::new(http_text::empty());
    if let Ok(region) = HeaderValue::from_str(&store.region) {
        answer.headers_mut().insert("x-amz-bucket-region", region);
    }
    answer
}

fn location(region: &str) -> String {
    // The oldest region has no name here.
    let region = if region == "us-east-1" { "" } else { region };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}</LocationConstraint>",
        xml::escape(region)
    )
}

fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let time = chrono::DateTime::from_timestamp(i64::try_from(seconds).unwrap_or(0), 0);
    time.unwrap_or_default().format("%Y%m%dT%H%M%SZ").to_string()
}
