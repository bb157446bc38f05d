//! `/api/2.0/accounts/{account_id}/workspaces…`.

use super::{assignments, check, delete, ops};
use crate::{Identity, principal_id, workspace_id};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use biplane_api::error::ErrorBody;
use biplane_api::identity::{
    PermissionAssignment, PermissionAssignments, UpdateAssignment, WorkspaceInfo,
    WorkspacePermissions, WorkspaceRequest,
};
use biplane_api::ids::AccountId;
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct UpdateMask {
    /// The fields to change, with commas between; all that are given without it.
    update_mask: Option<String>,
}

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(workspace_create, workspace_list))
        .routes(routes!(workspace_get, workspace_update, workspace_delete))
        .routes(routes!(assignment_list))
        .routes(routes!(assignment_permissions))
        .routes(routes!(assignment_update, assignment_delete))
        .with_state(identity.clone())
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/workspaces", operation_id = "workspace_create",
    tag = "workspaces", params(("account_id" = String, Path)), request_body = WorkspaceRequest,
    responses((status = 201, body = WorkspaceInfo), (status = 409, body = ErrorBody), (status = 501, body = ErrorBody)))]
async fn workspace_create(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
    ApiJson(request): ApiJson<WorkspaceRequest>,
) -> Result<(StatusCode, Json<WorkspaceInfo>)> {
    identity.check_account(&account_id)?;
    let row = ops::workspace_create(&identity, &ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(ops::info(&identity, row))))
}

/// The list is a bare array: clients read nothing else.
#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/workspaces", operation_id = "workspace_list",
    tag = "workspaces", params(("account_id" = String, Path)), responses((status = 200, body = Vec<WorkspaceInfo>)))]
async fn workspace_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<Json<Vec<WorkspaceInfo>>> {
    identity.check_account(&account_id)?;
    let rows = ops::workspace_list(&identity, &ctx).await?;
    Ok(Json(rows.into_iter().map(|row| ops::info(&identity, row)).collect()))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}", operation_id = "workspace_get",
    tag = "workspaces", params(("account_id" = String, Path), ("workspace_id" = String, Path)),
    responses((status = 200, body = WorkspaceInfo), (status = 404, body = ErrorBody)))]
async fn workspace_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<WorkspaceInfo>> {
    identity.check_account(&account_id)?;
    let row = ops::workspace_get(&identity, &ctx, workspace_id(&id)?).await?;
    Ok(Json(ops::info(&identity, row)))
}

#[utoipa::path(patch, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}",
    operation_id = "workspace_update", tag = "workspaces",
    params(("account_id" = String, Path), ("workspace_id" = String, Path), UpdateMask),
    request_body = WorkspaceRequest,
    responses((status = 200, body = WorkspaceInfo), (status = 404, body = ErrorBody)))]
async fn workspace_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
    ApiQuery(UpdateMask { update_mask }): ApiQuery<UpdateMask>,
    ApiJson(request): ApiJson<WorkspaceRequest>,
) -> Result<Json<WorkspaceInfo>> {
    identity.check_account(&account_id)?;
    let request = check::masked(request, update_mask.as_deref());
    let row = ops::workspace_update(&identity, &ctx, workspace_id(&id)?, &request).await?;
    Ok(Json(ops::info(&identity, row)))
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}",
    operation_id = "workspace_delete", tag = "workspaces",
    params(("account_id" = String, Path), ("workspace_id" = String, Path)),
    responses((status = 200, body = WorkspaceInfo), (status = 404, body = ErrorBody)))]
async fn workspace_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<WorkspaceInfo>> {
    identity.check_account(&account_id)?;
    let row = delete::workspace_delete(&identity, &ctx, workspace_id(&id)?).await?;
    Ok(Json(ops::info(&identity, row)))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/permissionassignments",
    operation_id = "assignment_list", tag = "workspaces",
    params(("account_id" = String, Path), ("workspace_id" = String, Path)),
    responses((status = 200, body = PermissionAssignments), (status = 404, body = ErrorBody)))]
async fn assignment_list(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<PermissionAssignments>> {
    identity.check_account(&account_id)?;
    let permission_assignments =
        assignments::assignment_list(&identity, &ctx, workspace_id(&id)?).await?;
    Ok(Json(PermissionAssignments { permission_assignments }))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/permissionassignments/permissions",
    operation_id = "assignment_permissions", tag = "workspaces",
    params(("account_id" = String, Path), ("workspace_id" = String, Path)),
    responses((status = 200, body = WorkspacePermissions), (status = 404, body = ErrorBody)))]
async fn assignment_permissions(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(AccountId, String)>,
) -> Result<Json<WorkspacePermissions>> {
    identity.check_account(&account_id)?;
    let permissions =
        assignments::assignment_permissions(&identity, &ctx, workspace_id(&id)?).await?;
    Ok(Json(WorkspacePermissions { permissions }))
}

#[utoipa::path(put,
    path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/permissionassignments/principals/{principal_id}",
    operation_id = "assignment_update", tag = "workspaces",
    params(("account_id" = String, Path), ("workspace_id" = String, Path), ("principal_id" = String, Path)),
    request_body = UpdateAssignment,
    responses((status = 200, body = PermissionAssignment), (status = 404, body = ErrorBody)))]
async fn assignment_update(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id, principal)): ApiPath<(AccountId, String, String)>,
    ApiJson(request): ApiJson<UpdateAssignment>,
) -> Result<Json<PermissionAssignment>> {
    identity.check_account(&account_id)?;
    let (id, principal) = (workspace_id(&id)?, principal_id(&principal)?);
    assignments::assignment_update(&identity, &ctx, id, principal, &request.permissions)
        .await
        .map(Json)
}

#[utoipa::path(delete,
    path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/permissionassignments/principals/{principal_id}",
    operation_id = "assignment_delete", tag = "workspaces",
    params(("account_id" = String, Path), ("workspace_id" = String, Path), ("principal_id" = String, Path)),
    responses((status = 200), (status = 404, body = ErrorBody)))]
async fn assignment_delete(
    State(identity): Service,
    ctx: Ctx,
    ApiPath((account_id, id, principal)): ApiPath<(AccountId, String, String)>,
) -> Result<Json<Value>> {
    identity.check_account(&account_id)?;
    let (id, principal) = (workspace_id(&id)?, principal_id(&principal)?);
    assignments::assignment_update(&identity, &ctx, id, principal, &[]).await?;
    Ok(Json(json!({})))
}
