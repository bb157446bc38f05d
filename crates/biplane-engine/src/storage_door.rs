//! S3 through the storage door: HTTP over its Unix socket, without any key. The door signs, and lets
//! through what belongs to the workspace.

use async_trait::async_trait;
use http::HeaderValue;
use http::header::HOST;
use http::uri::{PathAndQuery, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;

/// The door serves it under any name.
pub const ENDPOINT: &str = "http://storage.biplane.internal";

/// Until the head of an answer is there; bodies may take longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Idle connections kept.
const IDLE_MAX: usize = 64;

/// All stores of an engine share its connections.
#[derive(Debug, Clone)]
pub struct StorageDoor(Arc<Door>);

#[derive(Debug)]
struct Door {
    path: PathBuf,
    /// Busy ones too: one that is ready can be used.
    open: Mutex<Vec<SendRequest<HttpRequestBody>>>,
}

impl StorageDoor {
    pub fn new(path: PathBuf) -> Self {
        Self(Arc::new(Door { path, open: Mutex::default() }))
    }
}

impl HttpConnector for StorageDoor {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for StorageDoor {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let asking = self.0.ask(local(request)?);
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, asking)
            .await
            .map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))??;
        let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
        Ok(answer.map(|body| HttpResponseBody::new(body.map_err(broken))))
    }
}

impl Door {
    async fn ask(
        &self,
        mut request: HttpRequest,
    ) -> Result<http::Response<hyper::body::Incoming>, HttpError> {
        loop {
            let (mut sender, fresh) = match self.idle() {
                Some(sender) => (sender, false),
                None => (self.dial().await?, true),
            };
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    // It is ready again when the body was read.
                    let mut open = self.open.lock();
                    if open.len() < IDLE_MAX {
                        open.push(sender);
                    }
                    return Ok(answer);
                }
                Err(mut failed) => match failed.take_message() {
                    // The door had closed it meanwhile; nothing was sent.
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(HttpError::new(HttpErrorKind::Request, failed.into_error())),
                },
            }
        }
    }

    fn idle(&self) -> Option<SendRequest<HttpRequestBody>> {
        let mut open = self.open.lock();
        open.retain(|sender| !sender.is_closed());
        let ready = open.iter().position(SendRequest::is_ready)?;
        Some(open.swap_remove(ready))
    }

    async fn dial(&self) -> Result<SendRequest<HttpRequestBody>, HttpError> {
        let stream = UnixStream::connect(&self.path)
            .await
            .map_err(|error| HttpError::new(HttpErrorKind::Connect, error))?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| HttpError::new(HttpErrorKind::Connect, error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the storage door broke");
            }
        });
        Ok(sender)
    }
}

/// As a server takes it: the path, and whom it is for in a header.
fn local(mut request: HttpRequest) -> Result<HttpRequest, HttpError> {
    let host = request.uri().authority().map_or("", |authority| authority.as_str());
    let host = HeaderValue::from_str(host)
        .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
    request.headers_mut().insert(HOST, host);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::aws::AmazonS3Builder;
    use object_store::path::Path;
    use object_store::{ObjectStoreExt, PutPayload};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    /// Answers every request, closing the connection after each second one.
    async fn door(listener: UnixListener, seen: Arc<Mutex<String>>) {
        while let Ok((mut stream, _)) = listener.accept().await {
            for _ in 0..2 {
                let mut bytes = Vec::new();
                while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
                    if stream.read_buf(&mut bytes).await.unwrap() == 0 {
                        break;
                    }
                }
                seen.lock().push_str(&String::from_utf8_lossy(&bytes));
                let text = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_store_speaks_to_the_door_without_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("storage.sock");
        let seen = Arc::<Mutex<String>>::default();
        tokio::spawn(door(UnixListener::bind(&path).unwrap(), seen.clone()));
        let store = AmazonS3Builder::new()
            .with_bucket_name("lake")
            .with_endpoint(ENDPOINT)
            .with_allow_http(true)
            .with_skip_signature(true)
            .with_http_connector(StorageDoor::new(path))
            .build()
            .unwrap();
        for n in 0..5 {
            store.put(&Path::from(format!("a b/{n}")), PutPayload::new()).await.unwrap();
        }
        let seen = seen.lock().to_ascii_lowercase();
        assert!(seen.contains("put /lake/a%20b/4 http/1.1\r\n"), "{seen}");
        assert!(seen.contains("host: storage.biplane.internal\r\n"), "{seen}");
        assert!(!seen.contains("authorization") && !seen.contains("http://"), "{seen}");
    }
}
