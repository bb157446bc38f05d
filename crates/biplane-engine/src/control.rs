//! Calls to the control plane: one HTTP/2 connection through the relay door, shared by all statements,
//! dialled again when it ends. Each call carries the token of its statement.

use biplane_proto::preface::DoorRequest;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use crate::error::SqlError;

/// Answers beyond this are not ours.
const BODY_BYTES_MAX: usize = 64 << 20;
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// An answer that is not a success.
#[derive(Debug, Clone)]
pub struct ControlError {
    pub status: u16,
    /// The public code: TABLE_DOES_NOT_EXIST, PERMISSION_DENIED, …
    pub error_code: String,
    pub message: String,
}

/// Why a call has no answer of the type asked for.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("{}", .0.message)]
    Refused(ControlError),
    #[error("the control plane cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer of the control plane is not what was expected")]
    Malformed(#[source] serde_json::Error),
}

impl CallError {
    /// The public error code, when the control plane gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            CallError::Refused(error) => Some(&error.error_code),
            _ => None,
        }
    }
}

impl From<CallError> for SqlError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(error) => error.into(),
            CallError::Unreachable(cause) => SqlError::unavailable(cause),
            CallError::Malformed(cause) => SqlError::internal(cause),
        }
    }
}

impl From<ControlError> for SqlError {
    fn from(error: ControlError) -> Self {
        let (class, state, code) = match error.error_code.as_str() {
            "TABLE_DOES_NOT_EXIST" => ("TABLE_OR_VIEW_NOT_FOUND", "42P01", "NOT_FOUND"),
            "SCHEMA_DOES_NOT_EXIST" => ("SCHEMA_NOT_FOUND", "42704", "NOT_FOUND"),
            "CATALOG_DOES_NOT_EXIST" => ("NO_SUCH_CATALOG_EXCEPTION", "42704", "NOT_FOUND"),
            "VOLUME_DOES_NOT_EXIST" => ("VOLUME_DOES_NOT_EXIST", "42704", "NOT_FOUND"),
            "FUNCTION_DOES_NOT_EXIST" => ("UNRESOLVED_ROUTINE", "42883", "NOT_FOUND"),
            "RESOURCE_DOES_NOT_EXIST" | "NOT_FOUND" | "ENDPOINT_NOT_FOUND" => {
                ("RESOURCE_DOES_NOT_EXIST", "42704", "NOT_FOUND")
            }
            "TABLE_ALREADY_EXISTS" => ("TABLE_OR_VIEW_ALREADY_EXISTS", "42P07", "ALREADY_EXISTS"),
            "SCHEMA_ALREADY_EXISTS" => ("SCHEMA_ALREADY_EXISTS", "42P06", "ALREADY_EXISTS"),
            "CATALOG_ALREADY_EXISTS" => ("CATALOG_ALREADY_EXISTS", "42P06", "ALREADY_EXISTS"),
            "RESOURCE_ALREADY_EXISTS" | "ALREADY_EXISTS" => {
                ("RESOURCE_ALREADY_EXISTS", "42710", "ALREADY_EXISTS")
            }
            "PERMISSION_DENIED" | "UNAUTHENTICATED" => {
                ("INSUFFICIENT_PERMISSIONS", "42501", "PERMISSION_DENIED")
            }
            "RESOURCE_CONFLICT" | "ABORTED" => ("CONCURRENT_MODIFICATION", "40001", "ABORTED"),
            "RESOURCE_EXHAUSTED" | "REQUEST_LIMIT_EXCEEDED" => {
                ("RESOURCE_EXHAUSTED", "53200", "RESOURCE_EXHAUSTED")
            }
            "FEATURE_DISABLED" => ("UNSUPPORTED_FEATURE", "0A000", "BAD_REQUEST"),
            "TEMPORARILY_UNAVAILABLE" => {
                ("TEMPORARILY_UNAVAILABLE", "08006", "TEMPORARILY_UNAVAILABLE")
            }
            _ if error.status >= 500 => return SqlError::internal(&error.error_code),
            "INVALID_STATE" => ("INVALID_STATE", "55000", "BAD_REQUEST"),
            _ => ("INVALID_PARAMETER_VALUE", "22023", "BAD_REQUEST"),
        };
        SqlError::new(class, state, error.message).with_code(code)
    }
}

/// The calling side of the relay door.
#[derive(Clone)]
pub struct ControlClient {
    door: Arc<PathBuf>,
    connection: Arc<Mutex<Option<SendRequest<Full<Bytes>>>>>,
}

impl ControlClient {
    pub fn new(door: PathBuf) -> Self {
        Self { door: Arc::new(door), connection: Arc::default() }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, CallError> {
        decode(&self.call(Method::GET, path, token, None).await?)
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        decode(&self.call(Method::POST, path, token, Some(encode(body)?)).await?)
    }

    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        decode(&self.call(Method::PATCH, path, token, Some(encode(body)?)).await?)
    }

    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        decode(&self.call(Method::PUT, path, token, Some(encode(body)?)).await?)
    }

    pub async fn delete(&self, path: &str, token: &str) -> Result<(), CallError> {
        self.call(Method::DELETE, path, token, None).await.map(drop)
    }

    /// Sends; once more on a new connection when the old one turns out to be dead before the request left.
    async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Bytes>,
    ) -> Result<Bytes, CallError> {
        let work = async {
            let mut sender = self.sender(false).await?;
            if sender.ready().await.is_err() {
                sender = self.sender(true).await?;
            }
            match sender.try_send_request(request(&method, path, token, body.clone())?).await {
                Ok(response) => Ok(response),
                Err(error) if error.message().is_some() => {
                    let mut sender = self.sender(true).await?;
                    let request = request(&method, path, token, body)?;
                    sender.send_request(request).await.map_err(unreachable)
                }
                Err(error) => Err(unreachable(error.into_error())),
            }
        };
        let response = tokio::time::timeout(CALL_TIMEOUT, work).await.map_err(unreachable)??;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX);
        let bytes = tokio::time::timeout(CALL_TIMEOUT, body.collect())
            .await
            .map_err(unreachable)?
            .map_err(CallError::Unreachable)?
            .to_bytes();
        if status.is_success() { Ok(bytes) } else { Err(refused(status, &bytes)) }
    }

    async fn sender(&self, renew: bool) -> Result<SendRequest<Full<Bytes>>, CallError> {
        let mut connection = self.connection.lock().await;
        if let Some(sender) = connection.as_ref().filter(|sender| !renew && !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let sender = dial(&self.door).await?;
        *connection = Some(sender.clone());
        Ok(sender)
    }
}

async fn dial(door: &PathBuf) -> Result<SendRequest<Full<Bytes>>, CallError> {
    let mut stream = UnixStream::connect(door).await.map_err(unreachable)?;
    DoorRequest::Call.write(&mut stream).await.map_err(unreachable)?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the call connection ended");
        }
    });
    Ok(sender)
}

fn request(
    method: &Method,
    path: &str,
    token: &str,
    body: Option<Bytes>,
) -> Result<Request<Full<Bytes>>, CallError> {
    let mut builder = Request::builder()
        .method(method)
        .uri(format!("http://control{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    if let Some(traceparent) = crate::trace::traceparent() {
        builder = builder.header("traceparent", traceparent);
    }
    if body.is_some() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    builder.body(Full::new(body.unwrap_or_default())).map_err(unreachable)
}

fn encode(body: &impl Serialize) -> Result<Bytes, CallError> {
    serde_json::to_vec(body).map(Bytes::from).map_err(CallError::Malformed)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CallError> {
    let bytes = if bytes.is_empty() { b"null".as_slice() } else { bytes };
    serde_json::from_slice(bytes).map_err(CallError::Malformed)
}

fn refused(status: StatusCode, bytes: &[u8]) -> CallError {
    #[derive(serde::Deserialize, Default)]
    struct Body {
        #[serde(default)]
        error_code: String,
        #[serde(default)]
        message: String,
    }
    let body: Body = serde_json::from_slice(bytes).unwrap_or_default();
    CallError::Refused(ControlError {
        status: status.as_u16(),
        error_code: body.error_code,
        message: body.message,
    })
}

fn unreachable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CallError {
    CallError::Unreachable(error.into())
}
