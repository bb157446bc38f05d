//! `/api/2.1/unity-catalog/permissions`, `effective-permissions`, `privilege-assignments` and
//! `effective-privilege-assignments`: `/{securable_type}/{full_name}`

use super::ops::{self, Query};
use crate::Catalog;
use crate::kind::Kind;
use axum::Json;
use axum::extract::State;
use biplane_api::catalog::{
    EffectivePrivilegeAssignments, PrivilegeAssignments, UpdatePermissions,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(grant_list, grant_update))
        .routes(routes!(grant_list_effective))
        .routes(routes!(privilege_assignment_list))
        .routes(routes!(privilege_assignment_list_effective))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct GrantLists {
    principal: Option<String>,
    max_results: Option<i64>,
    page_size: Option<i64>,
    page_token: Option<String>,
}

impl GrantLists {
    fn query(&self) -> Query<'_> {
        Query {
            principal: self.principal.as_deref(),
            max_results: self.max_results.or(self.page_size),
            page_token: self.page_token.as_deref(),
        }
    }
}

type Name = ApiPath<(String, String)>;

/// The generated client of the open-source catalog only reads privileges as SQL writes them, with
/// blanks; everybody else has underscores.
fn spelled(ctx: &Ctx, mut answer: PrivilegeAssignments) -> Json<PrivilegeAssignments> {
    if ctx.user_agent.as_deref().is_some_and(|agent| agent.starts_with("OpenAPI-Generator/")) {
        let privileges =
            answer.privilege_assignments.iter_mut().flat_map(|held| &mut held.privileges);
        privileges.for_each(|privilege| *privilege = privilege.replace('_', " "));
    }
    Json(answer)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/permissions/{securable_type}/{full_name}",
    operation_id = "grant_list", tag = "grants",
    params(("securable_type" = String, Path), ("full_name" = String, Path), GrantLists),
    responses((status = 200, body = PrivilegeAssignments)))]
async fn grant_list(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((kind, name)): Name,
    ApiQuery(lists): ApiQuery<GrantLists>,
) -> Result<Json<PrivilegeAssignments>> {
    let found = ops::grant_list(&service, &ctx, Kind::parse(&kind)?, &name, lists.query()).await?;
    Ok(spelled(&ctx, found))
}

#[utoipa::path(patch, path = "/api/2.1/unity-catalog/permissions/{securable_type}/{full_name}",
    operation_id = "grant_update", tag = "grants",
    params(("securable_type" = String, Path), ("full_name" = String, Path)), request_body = UpdatePermissions,
    responses((status = 200, body = PrivilegeAssignments)))]
async fn grant_update(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((kind, name)): Name,
    ApiJson(request): ApiJson<UpdatePermissions>,
) -> Result<Json<PrivilegeAssignments>> {
    let changed = ops::grant_update(&service, &ctx, Kind::parse(&kind)?, &name, request).await?;
    Ok(spelled(&ctx, changed))
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/effective-permissions/{securable_type}/{full_name}",
    operation_id = "grant_list_effective", tag = "grants",
    params(("securable_type" = String, Path), ("full_name" = String, Path), GrantLists),
    responses((status = 200, body = EffectivePrivilegeAssignments)))]
async fn grant_list_effective(
    State(service): State<Arc<Catalog>>,
    ctx: Ctx,
    ApiPath((kind, name)): Name,
    ApiQuery(lists): ApiQuery<GrantLists>,
) -> Result<Json<EffectivePrivilegeAssignments>> {
    ops::grant_list_effective(&service, &ctx, Kind::parse(&kind)?, &name, lists.query())
        .await
        .map(Json)
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/privilege-assignments/{securable_type}/{full_name}",
    operation_id = "privilege_assignment_list", tag = "grants",
    params(("securable_type" = String, Path), ("full_name" = String, Path), GrantLists),
    responses((status = 200, body = PrivilegeAssignments)))]
async fn privilege_assignment_list(
    service: State<Arc<Catalog>>,
    ctx: Ctx,
    name: Name,
    lists: ApiQuery<GrantLists>,
) -> Result<Json<PrivilegeAssignments>> {
    grant_list(service, ctx, name, lists).await
}

#[utoipa::path(get, path = "/api/2.1/unity-catalog/effective-privilege-assignments/{securable_type}/{full_name}",
    operation_id = "privilege_assignment_list_effective", tag = "grants",
    params(("securable_type" = String, Path), ("full_name" = String, Path), GrantLists),
    responses((status = 200, body = EffectivePrivilegeAssignments)))]
async fn privilege_assignment_list_effective(
    service: State<Arc<Catalog>>,
    ctx: Ctx,
    name: Name,
    lists: ApiQuery<GrantLists>,
) -> Result<Json<EffectivePrivilegeAssignments>> {
    grant_list_effective(service, ctx, name, lists).await
}
