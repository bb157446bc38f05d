//! The web app's session.

use crate::app::{ADMIN, App, DAY_MS, PASSWORD, START_MS};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use biplane_platform::Origin;
use serde_json::json;

const SESSION: &str = "/api/2.0/biplane/auth/session";

fn with(method: Method, path: &str, cookie: &str, csrf: Option<&str>, body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie);
    if let Some(csrf) = csrf {
        request = request.header("X-CSRF-Token", csrf);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn cookies_are_made_for_browsers_only() {
    let app = App::new().await;
    let answer = app.try_login("Admin@Example.com ", PASSWORD).await;
    let cookies = answer.cookies();
    assert!(
        cookies[0].starts_with("biplane_session=") && cookies[0].contains("HttpOnly; SameSite=Lax")
    );
    assert!(cookies[1].starts_with("biplane_csrf=") && !cookies[1].contains("HttpOnly"));
    assert!(cookies.iter().all(|cookie| !cookie.contains("Secure")));
    let info = answer.ok();
    assert_eq!((&info["user_name"], &info["workspace_admin"]), (&json!(ADMIN), &json!(true)));
    assert_eq!(info["workspace_id"], app.boot.workspace_id.to_string());

    let body = json!({"user_name": ADMIN, "password": PASSWORD}).to_string();
    let mut request = Request::post("/api/2.0/biplane/auth/login").body(Body::from(body)).unwrap();
    request
        .extensions_mut()
        .insert(Origin { base_url: "https://main.biplane.test".into(), source_ip: None });
    let answer = app.send(request, None).await;
    assert!(answer.cookies().iter().all(|cookie| cookie.contains("; Secure")));
}

#[tokio::test]
async fn changes_need_the_token_beside_the_cookie() {
    let app = App::new().await;
    let (session, csrf) = app.login(ADMIN, PASSWORD).await;
    let cookie = format!("biplane_session={session}; biplane_csrf={csrf}");
    let path = "/api/2.0/token/create";
    assert_eq!(
        app.send(with(Method::POST, path, &cookie, None, "{}"), None).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        app.send(with(Method::POST, path, &cookie, Some("x"), "{}"), None).await.status,
        StatusCode::FORBIDDEN
    );
    let (_, other) = app.login(ADMIN, PASSWORD).await;
    assert_eq!(
        app.send(with(Method::POST, path, &cookie, Some(&other), "{}"), None).await.status,
        StatusCode::FORBIDDEN
    );
    app.send(with(Method::POST, path, &cookie, Some(&csrf), "{}"), None).await.ok();
    app.send(with(Method::GET, SESSION, &cookie, None, ""), None).await.ok();
}

#[tokio::test]
async fn a_session_ends_by_logout_and_by_time() {
    let app = App::new().await;
    let (session, csrf) = app.login(ADMIN, PASSWORD).await;
    let cookie = format!("biplane_session={session}");
    let get = || with(Method::GET, SESSION, &cookie, None, "");
    app.send(get(), None).await.ok();
    let out = app
        .send(with(Method::POST, "/api/2.0/biplane/auth/logout", &cookie, Some(&csrf), ""), None)
        .await;
    assert!(out.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(app.send(get(), None).await.status, StatusCode::UNAUTHORIZED);

    let (session, _) = app.login(ADMIN, PASSWORD).await;
    let cookie = format!("biplane_session={session}");
    app.send(with(Method::GET, SESSION, &cookie, None, ""), None).await.ok();
    app.clock.set(START_MS + DAY_MS);
    assert_eq!(
        app.send(with(Method::GET, SESSION, &cookie, None, ""), None).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn wrong_passwords_say_nothing_and_are_counted() {
    let app = App::new().await;
    let wrong = app.try_login(ADMIN, "not it").await;
    let unknown = app.try_login("nobody@x", "not it").await;
    assert_eq!(wrong.bytes, unknown.bytes);
    assert_eq!(wrong.refused(), (401, "UNAUTHENTICATED".into()));
    // A service principal and a group cannot sign in.
    assert_eq!(app.try_login("admins", "").await.status, StatusCode::UNAUTHORIZED);
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(app.try_login("nobody@x", "again").await.status);
    }
    assert!(statuses[..9].iter().all(|status| *status == StatusCode::UNAUTHORIZED));
    assert_eq!(statuses[11], StatusCode::TOO_MANY_REQUESTS);
    // Others are not concerned.
    app.login(ADMIN, PASSWORD).await;
}

#[tokio::test]
async fn another_site_cannot_sign_somebody_in() {
    let app = App::new().await;
    let body = json!({"user_name": ADMIN, "password": PASSWORD}).to_string();
    let from = |site: &str| {
        Request::post("/api/2.0/biplane/auth/login")
            .header(header::HOST, "127.0.0.1:8080")
            .header(header::ORIGIN, site)
            .body(Body::from(body.clone()))
            .unwrap()
    };
    app.send(from("http://127.0.0.1:8080"), None).await.ok();
    for site in ["https://evil.example", "null", "http://127.0.0.1:9999"] {
        assert_eq!(app.send(from(site), None).await.status, StatusCode::FORBIDDEN, "{site}");
    }
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let app = App::new().await;
    let (kept, csrf) = app.login(ADMIN, PASSWORD).await;
    let (other, _) = app.login(ADMIN, PASSWORD).await;
    let kept_cookie = format!("biplane_session={kept}");
    let change = |old: &str, new: &str| {
        let body = json!({"current_password": old, "new_password": new}).to_string();
        with(Method::POST, "/api/2.0/biplane/auth/password", &kept_cookie, Some(&csrf), &body)
    };
    assert_eq!(
        app.send(change("wrong", "another password"), None).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(app.send(change(PASSWORD, "short"), None).await.status, StatusCode::BAD_REQUEST);
    app.send(change(PASSWORD, "another password"), None).await.ok();
    app.send(with(Method::GET, SESSION, &kept_cookie, None, ""), None).await.ok();
    let other = format!("biplane_session={other}");
    assert_eq!(
        app.send(with(Method::GET, SESSION, &other, None, ""), None).await.status,
        StatusCode::UNAUTHORIZED
    );
    app.login(ADMIN, "another password").await;
    assert_eq!(app.try_login(ADMIN, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_admin_sets_a_password_by_scim() {
    let app = App::new().await;
    let (id, _) = app.user("ann@x").await;
    let body = json!({"Operations": [{"op": "replace", "path": "password", "value": "a second password"}]});
    app.patch(&format!("/api/2.0/preview/scim/v2/Users/{id}"), body).await.ok();
    app.login("ann@x", "a second password").await;
    assert_eq!(app.try_login("ann@x", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}
