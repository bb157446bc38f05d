//! The API of cluster policies, their families and whether clusters keep to them.

use crate::Compute;
use axum::Json;
use axum::extract::State;
use biplane_api::compute::Empty;
use biplane_api::error::ErrorBody;
use biplane_api::policies::{
    ClusterComplianceList, Compliance, ComplianceEnforce, ComplianceEnforced, Policy,
    PolicyCreated, PolicyEdit, PolicyFamily, PolicyFamilyList, PolicyList, PolicyNamed, PolicySpec,
};
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result, page};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Compute>>;

pub(crate) fn routes() -> OpenApiRouter<Arc<Compute>> {
    OpenApiRouter::new()
        .routes(routes!(policy_create))
        .routes(routes!(policy_edit))
        .routes(routes!(policy_delete))
        .routes(routes!(policy_get))
        .routes(routes!(policy_list))
        .routes(routes!(policy_family_list))
        .routes(routes!(policy_family_get))
        .routes(routes!(compliance_get))
        .routes(routes!(compliance_list))
        .routes(routes!(compliance_enforce))
}

/// Makes a policy. For admins.
#[utoipa::path(post, path = "/api/2.0/policies/clusters/create", operation_id = "policy_create", tag = "cluster-policies", request_body = PolicySpec,
    responses((status = 200, body = PolicyCreated), (status = "4XX", body = ErrorBody)))]
async fn policy_create(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<PolicySpec>,
) -> Result<Json<PolicyCreated>> {
    let policy_id = compute.policy_create(&ctx, &request).await?;
    Ok(Json(PolicyCreated { policy_id }))
}

/// Replaces what a policy says. Clusters are left as they are. For admins.
#[utoipa::path(post, path = "/api/2.0/policies/clusters/edit", operation_id = "policy_edit", tag = "cluster-policies", request_body = PolicyEdit,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn policy_edit(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<PolicyEdit>,
) -> Result<Json<Empty>> {
    compute.policy_edit(&ctx, &request).await?;
    Ok(Json(Empty {}))
}

/// Deletes a policy. Clusters of it run on. For admins.
#[utoipa::path(post, path = "/api/2.0/policies/clusters/delete", operation_id = "policy_delete", tag = "cluster-policies", request_body = PolicyNamed,
    responses((status = 200, body = Empty), (status = "4XX", body = ErrorBody)))]
async fn policy_delete(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<PolicyNamed>,
) -> Result<Json<Empty>> {
    compute.policy_delete(&ctx, &request.policy_id).await?;
    Ok(Json(Empty {}))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GetParams {
    #[serde(default)]
    policy_id: String,
}

/// One policy, with the definition that holds.
#[utoipa::path(get, path = "/api/2.0/policies/clusters/get", operation_id = "policy_get", tag = "cluster-policies", params(GetParams),
    responses((status = 200, body = Policy), (status = "4XX", body = ErrorBody)))]
async fn policy_get(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<GetParams>,
) -> Result<Json<Policy>> {
    Ok(Json(compute.policy_get(&ctx, &params.policy_id).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// POLICY_CREATION_TIME (the default) or POLICY_NAME
    sort_column: Option<String>,
    /// DESC (the default) or ASC
    sort_order: Option<String>,
}

/// The policies that the caller may use.
#[utoipa::path(get, path = "/api/2.0/policies/clusters/list", operation_id = "policy_list", tag = "cluster-policies", params(ListParams),
    responses((status = 200, body = PolicyList), (status = "4XX", body = ErrorBody)))]
async fn policy_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<ListParams>,
) -> Result<Json<PolicyList>> {
    let (column, order) = (params.sort_column.as_deref(), params.sort_order.as_deref());
    let policies = compute.policy_list(&ctx, column, order).await?;
    let total_count = i64::try_from(policies.len()).unwrap_or(i64::MAX);
    Ok(Json(PolicyList { policies, total_count }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FamilyListParams {
    max_results: Option<i64>,
    page_token: Option<String>,
}

/// The families that policies can be made of.
#[utoipa::path(get, path = "/api/2.0/policy-families", operation_id = "policy_family_list", tag = "cluster-policies", params(FamilyListParams),
    responses((status = 200, body = PolicyFamilyList), (status = "4XX", body = ErrorBody)))]
async fn policy_family_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<FamilyListParams>,
) -> Result<Json<PolicyFamilyList>> {
    ctx.workspace()?;
    let limit = page::size(params.max_results, 20, 100)?.max(1);
    let from: usize = page::decode(params.page_token.as_deref())?.unwrap_or(0);
    let all = compute.policy_family_list();
    let next = from.saturating_add(limit);
    let next_page_token = (next < all.len()).then(|| page::encode(&next));
    let policy_families = all.into_iter().skip(from).take(limit).collect();
    Ok(Json(PolicyFamilyList { policy_families, next_page_token }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FamilyParams {
    version: Option<i64>,
}

/// One family.
#[utoipa::path(get, path = "/api/2.0/policy-families/{policy_family_id}", operation_id = "policy_family_get", tag = "cluster-policies",
    params(("policy_family_id" = String, Path), FamilyParams),
    responses((status = 200, body = PolicyFamily), (status = "4XX", body = ErrorBody)))]
async fn policy_family_get(
    State(compute): Service,
    ctx: Ctx,
    ApiPath(id): ApiPath<String>,
    ApiQuery(params): ApiQuery<FamilyParams>,
) -> Result<Json<PolicyFamily>> {
    ctx.workspace()?;
    Ok(Json(compute.policy_family_get(&id, params.version)?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ComplianceParams {
    #[serde(default)]
    cluster_id: String,
}

/// Whether a cluster keeps to what its policy says now.
#[utoipa::path(get, path = "/api/2.0/policies/clusters/get-compliance", operation_id = "compliance_get", tag = "cluster-policies", params(ComplianceParams),
    responses((status = 200, body = Compliance), (status = "4XX", body = ErrorBody)))]
async fn compliance_get(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<ComplianceParams>,
) -> Result<Json<Compliance>> {
    Ok(Json(compute.compliance_get(&ctx, &params.cluster_id).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ComplianceListParams {
    #[serde(default)]
    policy_id: String,
    page_size: Option<i64>,
    page_token: Option<String>,
}

/// The same of all clusters of a policy.
#[utoipa::path(get, path = "/api/2.0/policies/clusters/list-compliance", operation_id = "compliance_list", tag = "cluster-policies", params(ComplianceListParams),
    responses((status = 200, body = ClusterComplianceList), (status = "4XX", body = ErrorBody)))]
async fn compliance_list(
    State(compute): Service,
    ctx: Ctx,
    ApiQuery(params): ApiQuery<ComplianceListParams>,
) -> Result<Json<ClusterComplianceList>> {
    let token = params.page_token.as_deref();
    Ok(Json(compute.compliance_list(&ctx, &params.policy_id, params.page_size, token).await?))
}

/// Changes a cluster so that it keeps to its policy; one that runs is restarted.
#[utoipa::path(post, path = "/api/2.0/policies/clusters/enforce-compliance", operation_id = "compliance_enforce", tag = "cluster-policies", request_body = ComplianceEnforce,
    responses((status = 200, body = ComplianceEnforced), (status = "4XX", body = ErrorBody)))]
async fn compliance_enforce(
    State(compute): Service,
    ctx: Ctx,
    ApiJson(request): ApiJson<ComplianceEnforce>,
) -> Result<Json<ComplianceEnforced>> {
    Ok(Json(compute.compliance_enforce(&ctx, &request).await?))
}
