//! `/api/2.1/unity-catalog/bindings/{securable_type}/{securable_name}`, and the older form for catalogs

use super::ops;
use crate::Catalog;
use crate::kind::Kind;
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{
    CatalogWorkspaces, UpdateCatalogWorkspaces, UpdateWorkspaceBindings, WorkspaceBinding,
    WorkspaceBindings,
};
use biplane_platform::{ApiJson, ApiPath, Ctx, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(binding_list, binding_update))
        .routes(routes!(catalog_workspaces_list, catalog_workspaces_update))
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/bindings/{securable_type}/{securable_name}",
    operation_id = "binding_list", tag = "workspace bindings",
    params(("securable_type" = String, Path), ("securable_name" = String, Path)),
    responses((status = 200, body = WorkspaceBindings)))]
async fn binding_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((kind, name)): ApiPath<(String, String)>,
) -> Result<Json<WorkspaceBindings>> {
    ops::binding_list(&service, &ctx, Kind::parse(&kind)?, &name).await.map(Json)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/bindings/{securable_type}/{securable_name}",
    operation_id = "binding_update", tag = "workspace bindings",
    params(("securable_type" = String, Path), ("securable_name" = String, Path)),
    request_body = UpdateWorkspaceBindings, responses((status = 200, body = WorkspaceBindings)))]
async fn binding_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((kind, name)): ApiPath<(String, String)>,
    ApiJson(change): ApiJson<UpdateWorkspaceBindings>,
) -> Result<Json<WorkspaceBindings>> {
    ops::binding_update(&service, &ctx, Kind::parse(&kind)?, &name, change).await.map(Json)
}

fn workspaces(bindings: WorkspaceBindings) -> Json<CatalogWorkspaces> {
    Json(CatalogWorkspaces {
        workspaces: bindings.bindings.iter().map(|binding| binding.workspace_id).collect(),
    })
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/workspace-bindings/catalogs/{name}",
    operation_id = "catalog_workspaces_list", tag = "workspace bindings", params(("name" = String, Path)),
    responses((status = 200, body = CatalogWorkspaces)))]
async fn catalog_workspaces_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<CatalogWorkspaces>> {
    ops::binding_list(&service, &ctx, Kind::Catalog, &name).await.map(workspaces)
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/workspace-bindings/catalogs/{name}",
    operation_id = "catalog_workspaces_update", tag = "workspace bindings", params(("name" = String, Path)),
    request_body = UpdateCatalogWorkspaces, responses((status = 200, body = CatalogWorkspaces)))]
async fn catalog_workspaces_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath(name): ApiPath<String>,
    ApiJson(change): ApiJson<UpdateCatalogWorkspaces>,
) -> Result<Json<CatalogWorkspaces>> {
    let binding = |workspace_id| WorkspaceBinding { workspace_id, binding_type: None };
    let change = UpdateWorkspaceBindings {
        add: change.assign_workspaces.into_iter().map(binding).collect(),
        remove: change.unassign_workspaces.into_iter().map(binding).collect(),
    };
    ops::binding_update(&service, &ctx, Kind::Catalog, &name, change).await.map(workspaces)
}
