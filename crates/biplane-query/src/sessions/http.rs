//! `/api/2.0/sql/sessions`.

use super::{OpenSession, SqlSession};
use crate::Query;
use crate::rest::warehouse_id;
use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::ids::SqlSessionId;
use biplane_api::query::{CreateSqlSessionRequest, SqlSessionInfo};
use biplane_platform::{ApiError, ApiJson, ApiPath, Ctx, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Query>>;

pub(crate) fn routes(query: &Arc<Query>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(sql_session_create))
        .routes(routes!(sql_session_get, sql_session_delete))
        .route("/api/2.0/sql/sessions/", post(sql_session_create))
        .route(
            "/api/2.0/sql/sessions/{session_id}/",
            get(sql_session_get).delete(sql_session_delete),
        )
        .with_state(query.clone())
}

/// Opens a session. Its warehouse is started by the first statement.
#[utoipa::path(post, path = "/api/2.0/sql/sessions", operation_id = "sql_session_create", tag = "Statement Execution",
    request_body = CreateSqlSessionRequest,
    responses((status = 200, body = SqlSessionInfo), (status = "default", body = ErrorBody)))]
async fn sql_session_create(
    State(query): Service,
    ctx: Ctx,
    ApiJson(body): ApiJson<CreateSqlSessionRequest>,
) -> Result<Json<SqlSessionInfo>> {
    let request = OpenSession {
        warehouse_id: warehouse_id(body.warehouse_id.as_deref())?,
        catalog: body.catalog,
        schema: body.schema,
        conf: conf(body.session_confs.unwrap_or_default())?,
        client_application: None,
    };
    Ok(Json(info(&*query.sessions.open(&ctx, request).await?)))
}

fn conf(sent: BTreeMap<String, Value>) -> Result<BTreeMap<String, String>> {
    let text = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Bool(_) | Value::Number(_) => Ok((key, value.to_string())),
        _ => Err(ApiError::invalid("A session configuration value must be a string.")),
    };
    sent.into_iter().filter(|(_, value)| !value.is_null()).map(text).collect()
}

fn info(session: &SqlSession) -> SqlSessionInfo {
    let settings = session.settings();
    SqlSessionInfo {
        session_id: session.id.clone(),
        warehouse_id: session.warehouse_id.clone(),
        catalog: settings.catalog,
        schema: settings.schema,
        created_at: session.created_at,
        last_used_at: session.last_used_at(),
    }
}

fn id(text: &str) -> Result<SqlSessionId> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        ApiError::not_found(format!("Session {shown} does not exist."))
    })
}

/// A session of the caller.
#[utoipa::path(get, path = "/api/2.0/sql/sessions/{session_id}", operation_id = "sql_session_get", tag = "Statement Execution",
    params(("session_id" = String, Path)),
    responses((status = 200, body = SqlSessionInfo), (status = "default", body = ErrorBody)))]
async fn sql_session_get(
    State(query): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<SqlSessionInfo>> {
    Ok(Json(info(&*query.sessions.get(&ctx, &id(&text)?).await?)))
}

/// Ends a session and the statements that run in it.
#[utoipa::path(delete, path = "/api/2.0/sql/sessions/{session_id}", operation_id = "sql_session_delete", tag = "Statement Execution",
    params(("session_id" = String, Path)),
    responses((status = 200, body = Empty), (status = "default", body = ErrorBody)))]
async fn sql_session_delete(
    State(query): Service,
    ctx: Ctx,
    ApiPath(text): ApiPath<String>,
) -> Result<Json<Empty>> {
    query.sessions.close(&ctx, &id(&text)?).await?;
    Ok(Json(Empty {}))
}
