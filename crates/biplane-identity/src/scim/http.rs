//! The SCIM routes: three kinds of principals, in a workspace and in the account.

use super::list::ListQuery;
use super::wire::Selection;
use super::{Level, ops};
use crate::principals::Kind;
use crate::{Identity, principal_id};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::routing::get;
use biplane_api::error::ErrorBody;
use biplane_api::identity::{ScimList, ScimPatch, ScimResource};
use biplane_api::ids::AccountId;
use biplane_platform::{ApiJson, ApiPath, ApiQuery, Ctx, Result};
use serde_json::Value;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

type Service = State<Arc<Identity>>;

pub fn routes(identity: &Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(users::routes())
        .merge(groups::routes())
        .merge(service_principals::routes())
        .merge(account_users::routes())
        .merge(account_groups::routes())
        .merge(account_service_principals::routes())
        .routes(routes!(me_get))
        .route("/api/2.0/scim/v2/Me", get(me_get))
        .route("/api/2.0/accounts/{account_id}/scim/v2/Me", get(account_me_get))
        .with_state(identity.clone())
}

/// Clients read the workspace's id off this answer.
async fn me_answer(identity: &Identity, ctx: &Ctx) -> Result<axum::response::Response> {
    let me = ops::me_get(identity, ctx).await?;
    let mut response = axum::response::IntoResponse::into_response(Json(me));
    if let Some(workspace) = ctx.workspace {
        response.headers_mut().insert("x-databricks-org-id", HeaderValue::from(workspace.0));
    }
    Ok(response)
}

#[utoipa::path(get, path = "/api/2.0/preview/scim/v2/Me", operation_id = "me_get", tag = "scim",
    responses((status = 200, body = ScimResource)))]
async fn me_get(State(identity): Service, ctx: Ctx) -> Result<axum::response::Response> {
    me_answer(&identity, &ctx).await
}

async fn account_me_get(
    State(identity): Service,
    ctx: Ctx,
    ApiPath(account_id): ApiPath<AccountId>,
) -> Result<axum::response::Response> {
    identity.check_account(&account_id)?;
    me_answer(&identity, &ctx).await
}

/// One module of handlers for a kind at a level. `$level` turns the context and the path's account into
/// the level; `$account` is `AccountId` on the account's routes and `NoAccount` in workspaces.
macro_rules! resource {
    ($module:ident, $kind:expr, $door:ty, [$($alias:literal, $alias_one:literal)?],
     $path:literal, $path_one:literal, [$($param:tt)*],
     $list:literal, $create:literal, $get:literal, $replace:literal, $patch:literal, $delete:literal) => {
        mod $module {
            use super::*;

            pub fn routes() -> OpenApiRouter<Arc<Identity>> {
                OpenApiRouter::new()
                    .routes(routes!(list, create))
                    .routes(routes!(read, replace, patch, delete))
                    $(.route($alias, get(list).post(create))
                      .route($alias_one, get(read).put(replace).patch(patch).delete(delete)))?
            }

            #[utoipa::path(get, path = $path, operation_id = $list, tag = "scim", params($($param)* ListQuery),
                responses((status = 200, body = ScimList), (status = 400, body = ErrorBody)))]
            async fn list(
                State(identity): Service,
                ctx: Ctx,
                ApiPath(door): ApiPath<<$door as Door>::Many>,
                ApiQuery(query): ApiQuery<ListQuery>,
            ) -> Result<Json<ScimList>> {
                let level = <$door>::many(&identity, &ctx, door)?;
                ops::principal_list(&identity, &ctx, level, $kind, &query).await.map(Json)
            }

            #[utoipa::path(post, path = $path, operation_id = $create, tag = "scim", params($($param)*),
                request_body = ScimResource,
                responses((status = 201, body = ScimResource), (status = 409, body = ErrorBody)))]
            async fn create(
                State(identity): Service,
                ctx: Ctx,
                ApiPath(door): ApiPath<<$door as Door>::Many>,
                ApiJson(request): ApiJson<ScimResource>,
            ) -> Result<(StatusCode, Json<ScimResource>)> {
                let level = <$door>::many(&identity, &ctx, door)?;
                let made = ops::principal_create(&identity, &ctx, level, $kind, &request).await?;
                Ok((StatusCode::CREATED, Json(made)))
            }

            #[utoipa::path(get, path = $path_one, operation_id = $get, tag = "scim",
                params($($param)* ("id" = String, Path)),
                responses((status = 200, body = ScimResource), (status = 404, body = ErrorBody)))]
            async fn read(
                State(identity): Service,
                ctx: Ctx,
                ApiPath(door): ApiPath<<$door as Door>::One>,
                ApiQuery(query): ApiQuery<ListQuery>,
            ) -> Result<Json<Value>> {
                let (level, id) = <$door>::one(&identity, &ctx, door)?;
                let selection = Selection::new(query.attributes.as_deref(), query.excluded_attributes.as_deref());
                let id = principal_id(&id)?;
                ops::principal_get(&identity, &ctx, level, $kind, id, &selection).await.map(Json)
            }

            #[utoipa::path(put, path = $path_one, operation_id = $replace, tag = "scim",
                params($($param)* ("id" = String, Path)), request_body = ScimResource,
                responses((status = 200, body = ScimResource), (status = 404, body = ErrorBody)))]
            async fn replace(
                State(identity): Service,
                ctx: Ctx,
                ApiPath(door): ApiPath<<$door as Door>::One>,
                ApiJson(request): ApiJson<ScimResource>,
            ) -> Result<Json<ScimResource>> {
                let (level, id) = <$door>::one(&identity, &ctx, door)?;
                let id = principal_id(&id)?;
                ops::principal_replace(&identity, &ctx, level, $kind, id, &request).await.map(Json)
            }

            #[utoipa::path(patch, path = $path_one, operation_id = $patch, tag = "scim",
                params($($param)* ("id" = String, Path)), request_body = ScimPatch,
                responses((status = 204), (status = 404, body = ErrorBody)))]
            async fn patch(
                State(identity): Service,
                ctx: Ctx,
                ApiPath(door): ApiPath<<$door as Door>::One>,
                ApiJson(request): ApiJson<ScimPatch>,
            ) -> Result<StatusCode> {
                let (level, id) = <$door>::one(&identity, &ctx, door)?;
                ops::principal_patch(&identity, &ctx, level, $kind, principal_id(&id)?, &request).await?;
                Ok(StatusCode::NO_CONTENT)
            }

            #[utoipa::path(delete, path = $path_one, operation_id = $delete, tag = "scim",
                params($($param)* ("id" = String, Path)),
                responses((status = 204), (status = 404, body = ErrorBody)))]
            async fn delete(
                State(identity): Service,
                ctx: Ctx,
                ApiPath(door): ApiPath<<$door as Door>::One>,
            ) -> Result<StatusCode> {
                let (level, id) = <$door>::one(&identity, &ctx, door)?;
                ops::principal_delete(&identity, &ctx, level, $kind, principal_id(&id)?).await?;
                Ok(StatusCode::NO_CONTENT)
            }
        }
    };
}

/// What stands in the path before (`Many`) and with (`One`) the resource's id.
trait Door {
    type Many;
    type One;
    fn many(identity: &Identity, ctx: &Ctx, path: Self::Many) -> Result<Level>;
    fn one(identity: &Identity, ctx: &Ctx, path: Self::One) -> Result<(Level, String)>;
}

struct InWorkspace;
struct InAccount;

impl Door for InWorkspace {
    type Many = ();
    type One = String;
    fn many(_: &Identity, ctx: &Ctx, (): ()) -> Result<Level> {
        ctx.workspace().map(Level::Workspace)
    }
    fn one(_: &Identity, ctx: &Ctx, id: String) -> Result<(Level, String)> {
        Ok((Level::Workspace(ctx.workspace()?), id))
    }
}

impl Door for InAccount {
    type Many = AccountId;
    type One = (AccountId, String);
    fn many(identity: &Identity, _: &Ctx, account_id: AccountId) -> Result<Level> {
        identity.check_account(&account_id).map(|()| Level::Account)
    }
    fn one(
        identity: &Identity,
        _: &Ctx,
        (account_id, id): (AccountId, String),
    ) -> Result<(Level, String)> {
        identity.check_account(&account_id).map(|()| (Level::Account, id))
    }
}

resource!(
    users,
    Kind::User,
    InWorkspace,
    ["/api/2.0/scim/v2/Users", "/api/2.0/scim/v2/Users/{id}"],
    "/api/2.0/preview/scim/v2/Users",
    "/api/2.0/preview/scim/v2/Users/{id}",
    [],
    "user_list",
    "user_create",
    "user_get",
    "user_replace",
    "user_patch",
    "user_delete"
);
resource!(
    groups,
    Kind::Group,
    InWorkspace,
    ["/api/2.0/scim/v2/Groups", "/api/2.0/scim/v2/Groups/{id}"],
    "/api/2.0/preview/scim/v2/Groups",
    "/api/2.0/preview/scim/v2/Groups/{id}",
    [],
    "group_list",
    "group_create",
    "group_get",
    "group_replace",
    "group_patch",
    "group_delete"
);
resource!(
    service_principals,
    Kind::ServicePrincipal,
    InWorkspace,
    ["/api/2.0/scim/v2/ServicePrincipals", "/api/2.0/scim/v2/ServicePrincipals/{id}"],
    "/api/2.0/preview/scim/v2/ServicePrincipals",
    "/api/2.0/preview/scim/v2/ServicePrincipals/{id}",
    [],
    "service_principal_list",
    "service_principal_create",
    "service_principal_get",
    "service_principal_replace",
    "service_principal_patch",
    "service_principal_delete"
);
resource!(
    account_users,
    Kind::User,
    InAccount,
    [],
    "/api/2.0/accounts/{account_id}/scim/v2/Users",
    "/api/2.0/accounts/{account_id}/scim/v2/Users/{id}",
    [("account_id" = String, Path),],
    "account_user_list",
    "account_user_create",
    "account_user_get",
    "account_user_replace",
    "account_user_patch",
    "account_user_delete"
);
resource!(
    account_groups,
    Kind::Group,
    InAccount,
    [],
    "/api/2.0/accounts/{account_id}/scim/v2/Groups",
    "/api/2.0/accounts/{account_id}/scim/v2/Groups/{id}",
    [("account_id" = String, Path),],
    "account_group_list",
    "account_group_create",
    "account_group_get",
    "account_group_replace",
    "account_group_patch",
    "account_group_delete"
);
resource!(
    account_service_principals,
    Kind::ServicePrincipal,
    InAccount,
    [],
    "/api/2.0/accounts/{account_id}/scim/v2/ServicePrincipals",
    "/api/2.0/accounts/{account_id}/scim/v2/ServicePrincipals/{id}",
    [("account_id" = String, Path),],
    "account_service_principal_list",
    "account_service_principal_create",
    "account_service_principal_get",
    "account_service_principal_replace",
    "account_service_principal_patch",
    "account_service_principal_delete"
);
