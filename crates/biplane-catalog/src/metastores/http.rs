//! `/api/2.1/unity-catalog/metastores` and assignments; `/api/2.0/accounts/{account_id}/metastores` and theirs

use super::{account, ops};
use crate::Catalog;
use crate::http::Force;
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{
    AccountAssignMetastore, AccountCreateMetastore, AccountMetastore, AccountMetastoreAssignment,
    AccountUpdateMetastore, AssignMetastore, CreateMetastore, Empty, ListMetastores,
    MetastoreAssignment, MetastoreInfo, MetastoreWorkspaces, UpdateMetastore,
};
use biplane_api::ids::WorkspaceId;
use biplane_platform::{ApiError, ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(metastore_summary))
        .routes(routes!(metastore_list, metastore_create))
        .routes(routes!(metastore_get, metastore_update, metastore_delete))
        .routes(routes!(metastore_assignment_current))
        .routes(routes!(
            metastore_assignment_create,
            metastore_assignment_update,
            metastore_assignment_delete
        ))
        .routes(routes!(account_metastore_list, account_metastore_create))
        .routes(routes!(account_metastore_get, account_metastore_update, account_metastore_delete))
        .routes(routes!(account_metastore_workspaces))
        .routes(routes!(account_assignment_get))
        .routes(routes!(
            account_assignment_create,
            account_assignment_update,
            account_assignment_delete
        ))
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/metastore_summary", operation_id = "metastore_summary",
    tag = "metastores", responses((status = 200, body = MetastoreInfo)))]
async fn metastore_summary(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
) -> Result<Json<MetastoreInfo>> {
    ops::metastore_summary(&service, &ctx).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/metastores", operation_id = "metastore_list",
    tag = "metastores", responses((status = 200, body = ListMetastores)))]
async fn metastore_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
) -> Result<Json<ListMetastores>> {
    ops::metastore_list(&service, &ctx).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.1/unity-catalog/metastores", operation_id = "metastore_create",
    tag = "metastores", request_body = CreateMetastore, responses((status = 200, body = MetastoreInfo)))]
async fn metastore_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiJson(request): ApiJson<CreateMetastore>,
) -> Result<Json<MetastoreInfo>> {
    account::metastore_create(&service, &ctx, request).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/metastores/{id}", operation_id = "metastore_get",
    tag = "metastores", params(("id" = String, Path)), responses((status = 200, body = MetastoreInfo)))]
async fn metastore_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<MetastoreInfo>> {
    ops::metastore_get(&service, &ctx, &id).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/metastores/{id}", operation_id = "metastore_update",
    tag = "metastores", params(("id" = String, Path)), request_body = UpdateMetastore,
    responses((status = 200, body = MetastoreInfo)))]
async fn metastore_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateMetastore>,
) -> Result<Json<MetastoreInfo>> {
    ops::metastore_update(&service, &ctx, &id, change).await.map(Json)
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/metastores/{id}", operation_id = "metastore_delete",
    tag = "metastores", params(("id" = String, Path), Force), responses((status = 200, body = Empty)))]
async fn metastore_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<Force>,
) -> Result<Json<Empty>> {
    account::metastore_delete(&service, &ctx, &id, query.force).await.map(|()| Json(Empty {}))
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/current-metastore-assignment",
    operation_id = "metastore_assignment_current", tag = "metastores",
    responses((status = 200, body = MetastoreAssignment)))]
async fn metastore_assignment_current(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
) -> Result<Json<MetastoreAssignment>> {
    ops::current_assignment(&service, &ctx).await.map(Json)
}

#[utoipa::path(put, path = "/api/2.1/unity-catalog/workspaces/{workspace_id}/metastore",
    operation_id = "metastore_assignment_create", tag = "metastores", params(("workspace_id" = i64, Path)),
    request_body = AssignMetastore, responses((status = 200, body = Empty)))]
async fn metastore_assignment_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(workspace): ApiPath<WorkspaceId>,
    ApiJson(change): ApiJson<AssignMetastore>,
) -> Result<Json<Empty>> {
    ops::assignment_update(&service, &ctx, workspace, change).await.map(|()| Json(Empty {}))
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/workspaces/{workspace_id}/metastore",
    operation_id = "metastore_assignment_update", tag = "metastores", params(("workspace_id" = i64, Path)),
    request_body = AssignMetastore, responses((status = 200, body = Empty)))]
async fn metastore_assignment_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(workspace): ApiPath<WorkspaceId>,
    ApiJson(change): ApiJson<AssignMetastore>,
) -> Result<Json<Empty>> {
    ops::assignment_update(&service, &ctx, workspace, change).await.map(|()| Json(Empty {}))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfMetastore {
    metastore_id: String,
}

#[utoipa::path(delete, path = "/api/2.1/unity-catalog/workspaces/{workspace_id}/metastore",
    operation_id = "metastore_assignment_delete", tag = "metastores",
    params(("workspace_id" = i64, Path), OfMetastore), responses((status = 200, body = Empty)))]
async fn metastore_assignment_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(workspace): ApiPath<WorkspaceId>,
    ApiQuery(query): ApiQuery<OfMetastore>,
) -> Result<Json<Empty>> {
    ops::assignment_delete(&service, &ctx, workspace, &query.metastore_id)
        .await
        .map(|()| Json(Empty {}))
}

/// Another account's objects do not exist for this one.
fn own_account(ctx: &Ctx, account_id: &str) -> Result<()> {
    match ctx.account_id.as_str() == account_id {
        true => Ok(()),
        false => Err(ApiError::not_found(format!("Account {account_id} does not exist."))),
    }
}

fn wrapped(metastore_info: MetastoreInfo) -> Json<AccountMetastore> {
    Json(AccountMetastore { metastore_info })
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/metastores", operation_id = "account_metastore_list",
    tag = "account metastores", params(("account_id" = String, Path)), responses((status = 200, body = ListMetastores)))]
async fn account_metastore_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<String>,
) -> Result<Json<ListMetastores>> {
    own_account(&ctx, &account_id)?;
    account::metastore_list(&service, &ctx).await.map(Json)
}

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/metastores", operation_id = "account_metastore_create",
    tag = "account metastores", params(("account_id" = String, Path)), request_body = AccountCreateMetastore,
    responses((status = 200, body = AccountMetastore)))]
async fn account_metastore_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<String>,
    ApiJson(request): ApiJson<AccountCreateMetastore>,
) -> Result<Json<AccountMetastore>> {
    own_account(&ctx, &account_id)?;
    account::metastore_create(&service, &ctx, request.metastore_info).await.map(wrapped)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/metastores/{metastore_id}",
    operation_id = "account_metastore_get", tag = "account metastores",
    params(("account_id" = String, Path), ("metastore_id" = String, Path)),
    responses((status = 200, body = AccountMetastore)))]
async fn account_metastore_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(String, String)>,
) -> Result<Json<AccountMetastore>> {
    own_account(&ctx, &account_id)?;
    account::metastore_get(&service, &ctx, &id).await.map(wrapped)
}

#[utoipa::path(put, path = "/api/2.0/accounts/{account_id}/metastores/{metastore_id}",
    operation_id = "account_metastore_update", tag = "account metastores",
    params(("account_id" = String, Path), ("metastore_id" = String, Path)), request_body = AccountUpdateMetastore,
    responses((status = 200, body = AccountMetastore)))]
async fn account_metastore_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(String, String)>,
    ApiJson(change): ApiJson<AccountUpdateMetastore>,
) -> Result<Json<AccountMetastore>> {
    own_account(&ctx, &account_id)?;
    account::metastore_update(&service, &ctx, &id, change.metastore_info).await.map(wrapped)
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/metastores/{metastore_id}",
    operation_id = "account_metastore_delete", tag = "account metastores",
    params(("account_id" = String, Path), ("metastore_id" = String, Path), Force),
    responses((status = 200, body = Empty)))]
async fn account_metastore_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(String, String)>,
    ApiQuery(query): ApiQuery<Force>,
) -> Result<Json<Empty>> {
    own_account(&ctx, &account_id)?;
    account::metastore_delete(&service, &ctx, &id, query.force).await.map(|()| Json(Empty {}))
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/metastores/{metastore_id}/workspaces",
    operation_id = "account_metastore_workspaces", tag = "account metastores",
    params(("account_id" = String, Path), ("metastore_id" = String, Path)),
    responses((status = 200, body = MetastoreWorkspaces)))]
async fn account_metastore_workspaces(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((account_id, id)): ApiPath<(String, String)>,
) -> Result<Json<MetastoreWorkspaces>> {
    own_account(&ctx, &account_id)?;
    account::workspaces(&service, &ctx, &id).await.map(Json)
}

#[utoipa::path(get, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/metastore",
    operation_id = "account_assignment_get", tag = "account metastores",
    params(("account_id" = String, Path), ("workspace_id" = i64, Path)),
    responses((status = 200, body = AccountMetastoreAssignment)))]
async fn account_assignment_get(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((account_id, workspace)): ApiPath<(String, WorkspaceId)>,
) -> Result<Json<AccountMetastoreAssignment>> {
    own_account(&ctx, &account_id)?;
    ctx.require_account_admin()?;
    let metastore_assignment = ops::assignment(&service, workspace).await?;
    Ok(Json(AccountMetastoreAssignment { metastore_assignment }))
}

async fn assign(
    service: &Catalog,
    ctx: &Ctx,
    (account_id, workspace, metastore_id): (String, WorkspaceId, String),
    request: AccountAssignMetastore,
) -> Result<Json<Empty>> {
    own_account(ctx, &account_id)?;
    ctx.require_account_admin()?;
    let given = request.metastore_assignment.unwrap_or_default();
    let metastore_id = given.metastore_id.filter(|id| !id.is_empty()).unwrap_or(metastore_id);
    let change = AssignMetastore { metastore_id: Some(metastore_id), ..given };
    ops::assignment_update(service, ctx, workspace, change).await.map(|()| Json(Empty {}))
}

type Assignment = ApiPath<(String, WorkspaceId, String)>;

#[utoipa::path(post, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/metastores/{metastore_id}",
    operation_id = "account_assignment_create", tag = "account metastores",
    params(("account_id" = String, Path), ("workspace_id" = i64, Path), ("metastore_id" = String, Path)),
    request_body = AccountAssignMetastore, responses((status = 200, body = Empty)))]
async fn account_assignment_create(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(path): Assignment,
    ApiJson(request): ApiJson<AccountAssignMetastore>,
) -> Result<Json<Empty>> {
    assign(&service, &ctx, path, request).await
}

#[utoipa::path(put, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/metastores/{metastore_id}",
    operation_id = "account_assignment_update", tag = "account metastores",
    params(("account_id" = String, Path), ("workspace_id" = i64, Path), ("metastore_id" = String, Path)),
    request_body = AccountAssignMetastore, responses((status = 200, body = Empty)))]
async fn account_assignment_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(path): Assignment,
    ApiJson(request): ApiJson<AccountAssignMetastore>,
) -> Result<Json<Empty>> {
    assign(&service, &ctx, path, request).await
}

#[utoipa::path(delete, path = "/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/metastores/{metastore_id}",
    operation_id = "account_assignment_delete", tag = "account metastores",
    params(("account_id" = String, Path), ("workspace_id" = i64, Path), ("metastore_id" = String, Path)),
    responses((status = 200, body = Empty)))]
async fn account_assignment_delete(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((account_id, workspace, metastore_id)): Assignment,
) -> Result<Json<Empty>> {
    own_account(&ctx, &account_id)?;
    ops::assignment_delete(&service, &ctx, workspace, &metastore_id).await.map(|()| Json(Empty {}))
}
