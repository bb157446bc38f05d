//! The edge: what happens to every request before and after its handler.
//!
//! Request id, authentication, audit, one log line per failure, headers clients rely on, the error
//! shape for everything that has no handler. A route that is not in `public` needs a credential.

mod forwarded;
mod operations;
mod public;

pub use operations::Operations;
pub use public::PUBLIC;

use crate::metrics;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use biplane_api::ids::RequestId;
use biplane_identity::{Call, Identity};
use biplane_platform::audit::{AuditEvent, AuditSink, OperationName};
use biplane_platform::trace::{Span, Trace, Tracer};
use biplane_platform::{ApiError, Clock, Ctx, ErrorCode, IpNet, Origin, RelayPeer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

/// Agents longer than this are cut in the audit.
const USER_AGENT_BYTES_MAX: usize = 512;
const PATH_BYTES_MAX: usize = 1024;

/// For whoever watches the server.
const UNGATED: &[&str] = &["/healthz"];

/// The connection a request came on.
#[derive(Debug, Clone, Copy)]
pub struct Conn {
    pub peer: SocketAddr,
    pub scheme: &'static str,
}

impl Conn {
    /// Requests of an engine come through the relay, from no address of their own.
    fn relay() -> Self {
        Self { peer: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0), scheme: "http" }
    }
}

pub struct Edge {
    pub identity: Arc<Identity>,
    pub audit: AuditSink,
    pub tracer: Option<Tracer>,
    pub operations: Operations,
    pub clock: Clock,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

pub async fn edge(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let request_id = RequestId::random();
    let (mut parts, body) = request.into_parts();
    let conn = match parts.extensions.get::<Conn>() {
        Some(conn) => forwarded::resolve(*conn, &parts.headers, &edge.trusted_proxies),
        None => Conn::relay(),
    };
    let matched = parts.extensions.get::<MatchedPath>().cloned();
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let agent = text(&parts.headers, header::USER_AGENT);

    let base_url: Arc<str> = base_url(&parts.headers, &uri, conn).into();
    let authenticated = match &matched {
        // No handler: nothing to protect, and an unknown path is told apart from a missing credential.
        None => Ok(None),
        Some(path) if PUBLIC.contains(&path.as_str()) => Ok(None),
        Some(_) => edge
            .authenticate(&parts, conn, &request_id, &base_url, agent.as_deref())
            .await
            .map(Some),
    };
    let (known, authenticated) = match authenticated {
        Ok(ctx) => (ctx.clone(), edge.admit(&parts, conn, ctx.as_ref()).await.map(|()| ctx)),
        Err(error) => (None, Err(error)),
    };
    let mut span = Span::default();
    let (ctx, mut response) = match authenticated {
        Ok(mut ctx) => {
            if let Some(ctx) = &mut ctx {
                span = edge.span(&parts, start);
                ctx.trace = span.trace();
                parts.extensions.insert(ctx.clone());
            }
            parts.extensions.insert(Origin { base_url, source_ip: Some(conn.peer.ip()) });
            (ctx, next.run(Request::from_parts(parts, body)).await)
        }
        // The SQL connectors read errors from headers.
        Err(error) if uri.path().starts_with("/sql/") => {
            (known, biplane_query::thrift::refusal(error))
        }
        Err(error) if uri.path().starts_with(biplane_compute::SPARK_PREFIX) => {
            (known, biplane_compute::spark_refusal(error))
        }
        Err(error) => (known, error.into_response()),
    };
    let named = response.extensions_mut().remove::<OperationName>();

    let failure = response.extensions_mut().remove::<ApiError>();
    log(&request_id, &method, &uri, &response, failure.as_ref());
    if let Some(matched) = matched {
        let status = response.status().as_u16();
        let event = AuditEvent {
            request_id: request_id.clone(),
            event_time: edge.clock.now_ms(),
            workspace_id: ctx.as_ref().and_then(|ctx| ctx.workspace),
            principal_id: ctx.as_ref().map(|ctx| ctx.principal.id),
            principal_name: ctx.as_ref().map(|ctx| ctx.principal.name.clone()),
            operation: named.map_or_else(
                || edge.operations.name(&method, matched.as_str()),
                |OperationName(name)| name,
            ),
            method: method.as_str().to_owned(),
            // A link's path is its credential: only the pattern is kept.
            path: cut(
                if PUBLIC.contains(&matched.as_str()) { matched.as_str() } else { uri.path() },
                PATH_BYTES_MAX,
            ),
            status,
            error_code: failure.as_ref().map(|error| error.code.as_str()),
            source_ip: Some(conn.peer.ip().to_string()),
            user_agent: agent.map(|agent| cut(&agent, USER_AGENT_BYTES_MAX)),
            duration_us: i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX),
        };
        metrics::request(&event.operation, status, start.elapsed());
        span.rename(|| event.operation.clone());
        span.set("http.response.status_code", || i64::from(status));
        span.set("biplane.request_id", || request_id.as_str());
        if status >= 500 {
            span.fail();
        }
        drop(span);
        edge.audit.record(event).await;
    }
    finish(response.headers_mut(), &request_id, ctx.as_ref());
    response
}

impl Edge {
    /// Of a request that was let in.
    fn span(&self, parts: &Parts, since: Instant) -> Span {
        let Some(tracer) = &self.tracer else { return Span::default() };
        let traceparent = parts.headers.get("traceparent").and_then(|value| value.to_str().ok());
        let mut span = tracer.begin("request".to_owned(), traceparent, since);
        span.set("http.request.method", || parts.method.as_str());
        span
    }

    /// Whether a request may come from where it comes. Engines come through the relay.
    async fn admit(&self, parts: &Parts, conn: Conn, ctx: Option<&Ctx>) -> Result<(), ApiError> {
        let path = parts.uri.path();
        if parts.extensions.get::<RelayPeer>().is_some() || UNGATED.contains(&path) {
            return Ok(());
        }
        let address = conn.peer.ip();
        match ctx.map(|ctx| ctx.workspace) {
            Some(Some(workspace)) => self.identity.admit(address, Some(workspace)).await,
            Some(None) if biplane_identity::account_path(path) => {
                self.identity.admit(address, None).await
            }
            Some(None) => Ok(()),
            None => {
                let host = biplane_identity::host(&parts.uri, &parts.headers);
                self.identity.admit_anybody(address, host).await
            }
        }
    }

    async fn authenticate(
        &self,
        parts: &Parts,
        conn: Conn,
        request_id: &RequestId,
        base_url: &Arc<str>,
        agent: Option<&str>,
    ) -> Result<Ctx, ApiError> {
        let relay = parts.extensions.get::<RelayPeer>();
        let (method, uri, headers) = (&parts.method, &parts.uri, &parts.headers);
        let known = self.identity.authenticate(&Call { method, uri, headers, relay }).await?;
        Ok(Ctx {
            principal: known.principal,
            account_id: known.account_id,
            workspace: known.workspace,
            request_id: request_id.clone(),
            clock: self.clock.clone(),
            source_ip: Some(conn.peer.ip()),
            user_agent: agent.map(Into::into),
            base_url: base_url.clone(),
            relay: relay.cloned(),
            trace: Trace::default(),
        })
    }
}

fn base_url(headers: &HeaderMap, uri: &Uri, conn: Conn) -> String {
    let host = uri
        .authority()
        .map(|authority| authority.as_str().to_owned())
        .or_else(|| text(headers, header::HOST));
    // A host that is no host never gets into a link.
    let host = host
        .filter(|host| host.parse::<axum::http::uri::Authority>().is_ok() && !host.contains('@'));
    format!("{}://{}", conn.scheme, host.as_deref().unwrap_or("localhost"))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

/// The one place where a request's failure is logged.
fn log(
    request_id: &RequestId,
    method: &Method,
    uri: &Uri,
    response: &Response,
    failure: Option<&ApiError>,
) {
    let status = response.status();
    if status.is_server_error() && status != axum::http::StatusCode::NOT_IMPLEMENTED {
        let cause = failure.and_then(|error| error.internal.as_deref());
        tracing::error!(%request_id, %method, path = uri.path(), %status, cause, "request failed");
    } else if let Some(error) = failure {
        tracing::debug!(%request_id, %method, path = uri.path(), %error, cause = error.internal, "request refused");
    }
}

fn finish(headers: &mut HeaderMap, request_id: &RequestId, ctx: Option<&Ctx>) {
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert("x-request-id", value);
    }
    if let Some(workspace) = ctx.and_then(|ctx| ctx.workspace) {
        // Clients read the workspace id from here.
        headers.insert("x-databricks-org-id", HeaderValue::from(workspace.0));
    }
    if headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
    {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
}

pub fn endpoint_not_found(path: &str) -> ApiError {
    ApiError::new(ErrorCode::EndpointNotFound, format!("No API found for /{}.", cut(path, 200)))
}

pub async fn method_not_allowed(request: Request<Body>) -> ApiError {
    let (method, path) = (request.method(), request.uri().path());
    ApiError::new(
        ErrorCode::MethodNotAllowed,
        format!("{method} is not something {} takes.", cut(path, 200)),
    )
}

/// A handler panicked: a bug, told as any internal error. The panic itself is in the log.
pub fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    ApiError::internal(format!("panic: {}", text.unwrap_or_default())).into_response()
}
