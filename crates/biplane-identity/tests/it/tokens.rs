//! Personal access tokens: expire, are revoked at once, on behalf of service principals.

use crate::app::{App, DAY_MS, START_MS};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const ME: &str = "/api/2.0/preview/scim/v2/Me";

#[tokio::test]
async fn a_token_works_until_it_expires_or_is_revoked() {
    let app = App::new().await;
    let made = app
        .post("/api/2.0/token/create", json!({"comment": "ci", "lifetime_seconds": 60}))
        .await
        .ok();
    let token = made["token_value"].as_str().unwrap();
    assert!(token.starts_with("dapi") && token.len() == 36);
    assert_eq!(made["token_info"]["expiry_time"], START_MS + 60_000);
    app.call(token, Method::GET, ME, Value::Null).await.ok();
    app.clock.set(START_MS + 59_999);
    app.call(token, Method::GET, ME, Value::Null).await.ok();
    app.clock.set(START_MS + 60_000);
    assert_eq!(
        app.call(token, Method::GET, ME, Value::Null).await.refused(),
        (401, "UNAUTHENTICATED".into())
    );

    let made = app.post("/api/2.0/token/create", json!({})).await.ok();
    let (token, id) =
        (made["token_value"].as_str().unwrap(), made["token_info"]["token_id"].as_str().unwrap());
    assert_eq!(made["token_info"]["expiry_time"], -1);
    app.clock.set(START_MS + 1000 * DAY_MS);
    app.call(token, Method::GET, ME, Value::Null).await.ok();
    let listed = app.get("/api/2.0/token/list").await.ok();
    assert_eq!(listed["token_infos"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(token));
    app.patch(
        &format!("/api/2.0/token/{id}"),
        json!({"token": {"comment": "new"}, "update_mask": "comment"}),
    )
    .await
    .ok();
    app.post("/api/2.0/token/delete", json!({"token_id": id})).await.ok();
    assert_eq!(
        app.call(token, Method::GET, ME, Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        app.post("/api/2.0/token/delete", json!({"token_id": id})).await.refused(),
        (404, "RESOURCE_DOES_NOT_EXIST".into())
    );
}

#[tokio::test]
async fn tokens_are_not_stored_readably() {
    let app = App::new().await;
    let mut tx = app.test_db.db.read().await.unwrap();
    let rows = tx.fetch_all("SELECT token_hash FROM tokens", vec![]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].text(0).unwrap().contains(&app.pat[4..]));
}

#[tokio::test]
async fn only_the_owner_and_admins_see_a_token() {
    let app = App::new().await;
    let (ann, ann_token) = app.user("ann@x").await;
    let (_, bob_token) = app.user("bob@x").await;
    let all = app.get(&format!("/api/2.0/token-management/tokens?created_by_id={ann}")).await.ok();
    let id = all["token_infos"][0]["token_id"].as_str().unwrap().to_owned();
    assert_eq!(all["token_infos"][0]["created_by_username"], "ann@x");
    let by_name = app.get("/api/2.0/token-management/tokens?created_by_username=ann@x").await.ok();
    assert_eq!(by_name["token_infos"].as_array().unwrap().len(), 1);
    let one = format!("/api/2.0/token-management/tokens/{id}");
    assert_eq!(app.get(&one).await.ok()["token_info"]["comment"], "mine");
    assert_eq!(
        app.call(&bob_token, Method::GET, &one, Value::Null).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        app.call(&bob_token, Method::POST, "/api/2.0/token/delete", json!({"token_id": id}))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    app.call(&ann_token, Method::GET, ME, Value::Null).await.ok();
    app.delete(&one).await.ok();
    assert_eq!(
        app.call(&ann_token, Method::GET, ME, Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_service_principal_gets_a_token_from_an_admin() {
    let app = App::new().await;
    let (id, application_id) = app.service_principal("robot").await;
    let (_, ann_token) = app.user("ann@x").await;
    let path = "/api/2.0/token-management/on-behalf-of/tokens";
    let body = json!({"application_id": application_id, "comment": "c", "lifetime_seconds": 3600});
    assert_eq!(
        app.call(&ann_token, Method::POST, path, body.clone()).await.status,
        StatusCode::FORBIDDEN
    );
    let made = app.post(path, body.clone()).await.ok();
    let token = made["token_value"].as_str().unwrap();
    let me = app.call(token, Method::GET, ME, Value::Null).await.ok();
    assert_eq!((&me["id"], &me["applicationId"]), (&json!(id), &json!(application_id)));
    // Out of the workspace, and the token with it.
    app.delete(&format!("/api/2.0/preview/scim/v2/ServicePrincipals/{id}")).await.ok();
    assert_eq!(
        app.call(token, Method::GET, ME, Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(app.post(path, body).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_user_who_is_switched_off_or_deleted_is_out_at_once() {
    let app = App::new().await;
    let (ann, token) = app.user("ann@x").await;
    let one = app.account(&format!("/scim/v2/Users/{ann}"));
    let set = async |active: bool| {
        app.patch(
            &one,
            json!({"Operations": [{"op": "replace", "path": "active", "value": active}]}),
        )
        .await
        .ok();
        app.call(&token, Method::GET, ME, Value::Null).await.status
    };
    assert_eq!(set(false).await, StatusCode::UNAUTHORIZED);
    assert_eq!(set(true).await, StatusCode::OK);
    app.delete(&one).await.ok();
    assert_eq!(
        app.call(&token, Method::GET, ME, Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
}
