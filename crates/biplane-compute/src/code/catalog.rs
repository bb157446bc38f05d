//! The catalog as a Spark runtime sees it: the few calls of Unity Catalog's API that find and open tables.
//!
//! What must hold: every call is made as the user of the runtime, with a token that the runtime never sees;
//! a table is told with its place only when all of it may be read (`granted.rs`); what a runtime cannot do
//! is refused with a reason.

use super::CodeSandbox;
use super::granted::not_here;
use crate::Compute;
use crate::relay::Refused;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use biplane_api::ids::StatementId;
use biplane_platform::{ApiError, ErrorCode, RelayPeer};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;

/// Where a driver of Apache Spark tells how many tasks it has to run.
const TASKS: &str = "/spark/tasks";
const API: &str = "/api/2.1/unity-catalog/";
const TOKEN_LIFE_MS: i64 = 60 * 1000;
const CALL_MAX: Duration = Duration::from_secs(30);
const IDLE_MAX: Duration = Duration::from_secs(120);
const HEAD_BYTES_MAX: usize = 16 << 10;
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Pages of a listing that are put into one.
const PAGES_MAX: usize = 100;
/// Of a reason: its reader shows one line.
const REASON_CHARS_MAX: usize = 400;

const NO_DDL: &str = "Spark writes to the tables that are there (insertInto, INSERT, MERGE, saveAsTable in mode append). \
    They are made, replaced and dropped in SQL, on a warehouse.";

impl Compute {
    /// Serves the catalog to a runtime. Returns when the connection ended.
    pub(crate) async fn catalog_serve<S>(
        self: &Arc<Self>,
        sandbox: &Arc<CodeSandbox>,
        stream: S,
    ) -> Result<(), Refused>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if sandbox.runtime.is_none() {
            return Err(Refused::UnknownSandbox);
        }
        let (compute, own) = (self.clone(), sandbox.clone());
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let (compute, own) = (compute.clone(), own.clone());
            async move {
                let (parts, _) = request.into_parts();
                let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
                let answering = compute.catalog_answer(&own, &parts.method, path);
                let answer = match tokio::time::timeout(CALL_MAX, answering).await {
                    Ok(answer) => answer.map(|value| axum::Json(value).into_response()),
                    Err(_) => Err(ApiError::new(
                        ErrorCode::DeadlineExceeded,
                        "The catalog did not answer in time.",
                    )),
                };
                Ok::<_, Infallible>(answer.unwrap_or_else(told))
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = connection => {}
            () = sandbox.closed.cancelled() => {}
            () = self.stop.cancelled() => {}
        }
        Ok(())
    }

    async fn catalog_answer(
        self: &Arc<Self>,
        sandbox: &Arc<CodeSandbox>,
        method: &Method,
        path: &str,
    ) -> Result<Value, ApiError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let asked = path.strip_prefix(API).unwrap_or_default();
        if method != Method::GET {
            return Err(not_here(NO_DDL));
        }
        if path == TASKS {
            return self.tasks_told(sandbox, query);
        }
        match asked.split_once('/') {
            None if matches!(asked, "catalogs" | "schemas") => {
                self.catalog_list(sandbox, asked, query).await
            }
            None if asked == "tables" => {
                let query = format!("{query}&omit_columns=true&omit_properties=true");
                let mut listed = self.catalog_list(sandbox, asked, &query).await?;
                listed["tables"].as_array_mut().into_iter().flatten().for_each(hide);
                Ok(listed)
            }
            Some(("schemas", name)) if !name.contains('/') => {
                let name =
                    utf8_percent_encode(&parts(name)?.join("."), NON_ALPHANUMERIC).to_string();
                self.catalog_ask(sandbox, Method::GET, &format!("{API}schemas/{name}"), None).await
            }
            Some(("tables", name)) if !name.contains('/') => match parts(name)?.as_slice() {
                [catalog, schema, table] => {
                    let name = [catalog, schema, table].map(Clone::clone);
                    self.table_open(sandbox, name).await
                }
                _ => Err(ApiError::invalid("A table has a name of three parts.")),
            },
            _ => Err(not_here("A Spark runtime may not make this call.")),
        }
    }

    /// It is believed: more than its user could run there does not come of it.
    fn tasks_told(self: &Arc<Self>, sandbox: &CodeSandbox, query: &str) -> Result<Value, ApiError> {
        let tasks = query.strip_prefix("count=").and_then(|count| count.parse().ok());
        let (Some(tasks), Some(runtime)) = (tasks, &sandbox.runtime) else {
            return Err(ApiError::invalid("count is a number of tasks."));
        };
        runtime.tell_tasks(tasks);
        if let Some(cluster) = &sandbox.cluster {
            self.cluster_keep(&cluster.id);
        }
        Ok(json!({}))
    }

    /// All pages of a listing, as one.
    async fn catalog_list(
        &self,
        sandbox: &CodeSandbox,
        what: &str,
        query: &str,
    ) -> Result<Value, ApiError> {
        let (mut all, mut page) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let path = format!("{API}{what}?{query}{page}");
            let mut listed = self.catalog_ask(sandbox, Method::GET, &path, None).await?;
            if let Value::Array(found) = listed[what].take() {
                all.extend(found);
            }
            let Some(token) = listed["next_page_token"].as_str().filter(|token| !token.is_empty())
            else {
                break;
            };
            page = format!("&page_token={}", utf8_percent_encode(token, NON_ALPHANUMERIC));
        }
        Ok(json!({ what: all }))
    }

    /// A call of the control plane to itself, as the user of a runtime.
    pub(super) async fn catalog_ask(
        &self,
        sandbox: &CodeSandbox,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, ApiError> {
        let calls = self.code.calls.read().clone();
        let calls = calls.ok_or_else(|| ApiError::internal("there is no catalog to ask"))?;
        let token = self.code.tokens.issue(
            sandbox.principal_id,
            sandbox.workspace_id,
            &StatementId::random(),
            &sandbox.id,
            self.clock.now_ms() + TOKEN_LIFE_MS,
        )?;
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request =
            Request::builder().method(method).uri(path).body(body).map_err(ApiError::internal)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
        request.headers_mut().insert(AUTHORIZATION, bearer.map_err(ApiError::internal)?);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.extensions_mut().insert(RelayPeer {
            sandbox_id: sandbox.id.clone(),
            workspace_id: sandbox.workspace_id,
        });
        let answer = match calls.oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let (parts, body) = answer.into_parts();
        let body =
            Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(ApiError::internal)?;
        let value: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        match parts.status.is_success() {
            true => Ok(value),
            false => Err(refusal(parts.status, &value)),
        }
    }
}

/// An error of the API again, as it was told.
fn refusal(status: StatusCode, told: &Value) -> ApiError {
    let code = told["error_code"].as_str().and_then(ErrorCode::parse);
    let message = told["message"].as_str().unwrap_or("The catalog refused.");
    ApiError::new(
        code.unwrap_or(match status {
            StatusCode::NOT_FOUND => ErrorCode::ResourceDoesNotExist,
            StatusCode::FORBIDDEN => ErrorCode::PermissionDenied,
            StatusCode::BAD_REQUEST => ErrorCode::InvalidParameterValue,
            _ => ErrorCode::InternalError,
        }),
        message,
    )
}

/// The reason is in the first line of the answer: a runtime shows its user nothing else.
fn told(error: ApiError) -> Response {
    let reason = format!("{}: {}", error.code.as_str(), error.message);
    let reason: String = reason
        .chars()
        .map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { ' ' })
        .take(REASON_CHARS_MAX)
        .collect();
    let mut response = error.into_response();
    if let Ok(reason) = ReasonPhrase::try_from(reason.into_bytes()) {
        response.extensions_mut().insert(reason);
    }
    response
}

/// A name as Sail writes it: percent-encoded, parts in backticks where they need it.
fn parts(name: &str) -> Result<Vec<String>, ApiError> {
    let wrong = || ApiError::invalid("The name cannot be read.");
    let name = percent_decode_str(name).decode_utf8().map_err(|_| wrong())?;
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '`' if quoted && chars.next_if_eq(&'`').is_some() => part.push('`'),
            '`' => quoted = !quoted,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    parts.push(part);
    match quoted || parts.iter().any(String::is_empty) {
        true => Err(wrong()),
        false => Ok(parts),
    }
}

/// Of a table, what a listing of it needs not say.
pub(super) fn hide(table: &mut Value) {
    if let Some(table) = table.as_object_mut() {
        // With an id Sail would have the catalog coordinate its commits.
        for name in ["table_id", "storage_location", "view_definition", "view_dependencies"] {
            table.remove(name);
        }
        if table.get("table_type").is_none_or(|kind| kind == "VIEW") {
            table.remove("data_source_format");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sail_writes_them() {
        assert_eq!(parts("main%2Es%2Et").unwrap(), ["main", "s", "t"]);
        assert_eq!(parts("main.`a.b`.`t``x`").unwrap(), ["main", "a.b", "t`x"]);
        for wrong in ["main..t", "main.`t", "%ff", ""] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reason_is_one_line() {
        let response = told(ApiError::denied("no\r\nX: y é"));
        let reason = response.extensions().get::<ReasonPhrase>().unwrap();
        assert_eq!(reason.as_bytes(), b"PERMISSION_DENIED: no  X: y  ");
    }
}
