//! OAuth from discovery to refresh.

use crate::app::{ADMIN, Answer, App, PASSWORD, START_MS};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const ME: &str = "/api/2.0/preview/scim/v2/Me";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT: &str = "http://localhost:8020";

async fn token(app: &App, form: &str, basic: Option<(&str, &str)>) -> Answer {
    let mut request = Request::post("/oidc/v1/token")
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some((id, secret)) = basic {
        request = request.header(
            header::AUTHORIZATION,
            format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
        );
    }
    app.send(request.body(Body::from(form.to_owned())).unwrap(), None).await
}

fn error(answer: Answer) -> (u16, String) {
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    let body = answer.json();
    assert!(body["error_description"].is_string());
    (answer.status.as_u16(), body["error"].as_str().unwrap().to_owned())
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap())
        .unwrap()
}

async fn fetch(app: &App, host: &str, path: &str) -> Answer {
    app.send(Request::get(path).header(header::HOST, host).body(Body::empty()).unwrap(), None).await
}

#[tokio::test]
async fn discovery_names_the_host_that_was_asked() {
    let app = App::new().await;
    let account = app.boot.account_id.to_string();
    let config = fetch(&app, "127.0.0.1:8080", "/.well-known/databricks-config").await.ok();
    assert_eq!(
        config,
        json!({
            "oidc_endpoint": "http://127.0.0.1:8080/oidc", "account_id": account,
            "workspace_id": app.boot.workspace_id.to_string(), "cloud": "AWS", "host_type": "workspace"
        })
    );
    let config = fetch(&app, "accounts.biplane.test", "/.well-known/databricks-config").await.ok();
    assert_eq!(
        config["oidc_endpoint"],
        format!("http://accounts.biplane.test/oidc/accounts/{account}")
    );
    assert!(config.get("workspace_id").is_none());
    for path in ["oauth-authorization-server", "openid-configuration"] {
        let found = fetch(&app, "h:1", &format!("/oidc/.well-known/{path}")).await.ok();
        assert_eq!(found["token_endpoint"], "http://h:1/oidc/v1/token");
        assert_eq!(found["authorization_endpoint"], "http://h:1/oidc/v1/authorize");
        let found =
            fetch(&app, "h:1", &format!("/oidc/accounts/{account}/.well-known/{path}")).await.ok();
        assert_eq!(found["token_endpoint"], format!("http://h:1/oidc/accounts/{account}/v1/token"));
    }
    let keys = fetch(&app, "h", "/oidc/jwks.json").await.ok();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["alg"]), (&json!("EC"), &json!("ES256")));
}

#[tokio::test]
async fn a_service_principal_gets_tokens_with_its_secret() {
    let app = App::new().await;
    let (id, client) = app.service_principal("robot").await;
    let secret = app.secret(&id).await;
    assert!(secret.starts_with("dose") && secret.len() == 36);
    let form = "grant_type=client_credentials&scope=all-apis";
    let made = token(&app, form, Some((&client, &secret))).await;
    assert_eq!(made.headers[header::CACHE_CONTROL], "no-store");
    let made = made.ok();
    assert_eq!((&made["token_type"], &made["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let access = made["access_token"].as_str().unwrap();
    let claims = claims(access);
    assert_eq!(claims["iss"], "http://127.0.0.1:8080/oidc");
    assert_eq!(
        (&claims["sub"], &claims["client_id"], &claims["scope"]),
        (&json!(client), &json!(client), &json!("all-apis"))
    );
    let me = app.call(access, Method::GET, ME, Value::Null).await.ok();
    assert_eq!(me["applicationId"], client);
    let form = format!("{form}&client_id={client}&client_secret={secret}");
    token(&app, &form, None).await.ok();

    app.clock.set(START_MS + 3_600_000);
    assert_eq!(
        app.call(access, Method::GET, ME, Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
    let tampered = format!("{}A{}", &access[..access.len() - 20], &access[access.len() - 19..]);
    app.clock.set(START_MS);
    assert_eq!(
        app.call(&tampered, Method::GET, ME, Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
    app.call(access, Method::GET, ME, Value::Null).await.ok();
}

#[tokio::test]
async fn secrets_are_listed_without_themselves_and_deleted() {
    let app = App::new().await;
    let (id, client) = app.service_principal("robot").await;
    let secret = app.secret(&id).await;
    let proxy = format!("/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets");
    let listed = app.get(&proxy).await.ok();
    assert!(!listed.to_string().contains(&secret));
    assert_eq!(listed["secrets"][0]["status"], "ACTIVE");
    let (_, ann) = app.user("ann@x").await;
    assert_eq!(
        app.call(&ann, Method::GET, &proxy, Value::Null).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(app.call(&ann, Method::POST, &proxy, json!({})).await.status, StatusCode::FORBIDDEN);
    for bad in ["x", "0s", "-1s", "99999999999s"] {
        assert_eq!(
            app.post(&proxy, json!({"lifetime": bad})).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    let short = app.post(&proxy, json!({"lifetime": "60s"})).await.ok();
    let form = "grant_type=client_credentials";
    let short_secret = short["secret"].as_str().unwrap();
    token(&app, form, Some((&client, short_secret))).await.ok();
    app.clock.set(START_MS + 60_000);
    assert_eq!(
        error(token(&app, form, Some((&client, short_secret))).await),
        (401, "invalid_client".into())
    );
    token(&app, form, Some((&client, &secret))).await.ok();
    let one = format!("{proxy}/{}", listed["secrets"][0]["id"].as_str().unwrap());
    app.delete(&one).await.ok();
    assert_eq!(
        error(token(&app, form, Some((&client, &secret))).await),
        (401, "invalid_client".into())
    );
    assert_eq!(app.delete(&one).await.status, StatusCode::NOT_FOUND);
}

/// Signs in as the admin and gives the redirect's query.
async fn authorize(app: &App, extra: &[(&str, &str)]) -> Answer {
    let (session, _) = app.login(ADMIN, PASSWORD).await;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut params = vec![
        ("response_type", "code"),
        ("client_id", "databricks-cli"),
        ("redirect_uri", REDIRECT),
        ("scope", "all-apis offline_access"),
        ("state", "s t&=e"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    params.retain(|(name, _)| !extra.iter().any(|(other, _)| other == name));
    params.extend(extra);
    let query = serde_urlencoded::to_string(params).unwrap();
    let request = Request::get(format!("/oidc/v1/authorize?{query}"))
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::COOKIE, format!("biplane_session={session}"));
    app.send(request.body(Body::empty()).unwrap(), None).await
}

fn param(answer: &Answer, name: &str) -> Option<String> {
    let url = url::Url::parse(answer.headers[header::LOCATION].to_str().unwrap()).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn exchange(app: &App, code: &str, verifier: &str, redirect: &str) -> Answer {
    let form = serde_urlencoded::to_string([
        ("grant_type", "authorization_code"),
        ("client_id", "databricks-cli"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", redirect),
    ]);
    token(app, &form.unwrap(), None).await
}

#[tokio::test]
async fn who_asks_for_openid_learns_who_signed_in() {
    let app = App::new().await;
    let scopes = ("scope", "openid email profile all-apis offline_access");
    let back = authorize(&app, &[scopes, ("nonce", "n-0S6")]).await;
    let made = exchange(&app, &param(&back, "code").unwrap(), VERIFIER, REDIRECT).await.ok();
    let id_token = made["id_token"].as_str().unwrap();
    let discovered = fetch(&app, "127.0.0.1:8080", "/oidc/.well-known/openid-configuration").await;
    let id = claims(id_token);
    assert_eq!(
        id,
        json!({
            "iss": discovered.ok()["issuer"], "aud": "databricks-cli", "sub": ADMIN, "nonce": "n-0S6",
            "iat": START_MS / 1000, "exp": START_MS / 1000 + 3600,
            "email": ADMIN, "name": "admin", "preferred_username": ADMIN
        })
    );
    // It tells who, it opens nothing.
    let refused = app.call(id_token, Method::GET, ME, Value::Null).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let refresh = made["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&client_id=databricks-cli&refresh_token={refresh}");
    let again = token(&app, &form, None).await.ok();
    assert!(claims(again["id_token"].as_str().unwrap()).get("nonce").is_none());

    let only = authorize(&app, &[("scope", "openid")]).await;
    let made = exchange(&app, &param(&only, "code").unwrap(), VERIFIER, REDIRECT).await.ok();
    let opens_nothing = made["access_token"].as_str().unwrap();
    let refused = app.call(opens_nothing, Method::GET, ME, Value::Null).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let (id, client) = app.service_principal("robot").await;
    let secret = app.secret(&id).await;
    let form = "grant_type=client_credentials&scope=all-apis%20openid";
    let made = token(&app, form, Some((&client, &secret))).await.ok();
    assert_eq!((made.get("id_token"), &made["scope"]), (None, &json!("all-apis")));
}

#[tokio::test]
async fn federation_is_not_promised_and_clearly_refused() {
    let app = App::new().await;
    for path in ["/oidc/.well-known/oauth-authorization-server", "/.well-known/databricks-config"] {
        let found = fetch(&app, "h:1", path).await.ok().to_string();
        assert!(!found.contains("token-exchange") && !found.contains("federation"), "{found}");
    }
    let form = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=a.b.c\
                &subject_token_type=urn:ietf:params:oauth:token-type:jwt&scope=all-apis";
    let refused = token(&app, form, None).await;
    assert!(refused.json()["error_description"].as_str().unwrap().contains("federation"));
    assert_eq!(error(refused), (400, "unsupported_grant_type".into()));
    for path in
        ["/federationPolicies", "/federationPolicies/x", "/servicePrincipals/1/federationPolicies"]
    {
        let answer = app.get(&app.account(path)).await;
        assert_eq!(answer.refused(), (501, "FEATURE_DISABLED".into()), "{path}");
    }
}

#[tokio::test]
async fn a_person_signs_in_with_pkce_and_refreshes() {
    let app = App::new().await;
    let back = authorize(&app, &[]).await;
    assert_eq!(back.status, StatusCode::FOUND);
    assert_eq!(param(&back, "state").as_deref(), Some("s t&=e"));
    let made = exchange(&app, &param(&back, "code").unwrap(), VERIFIER, REDIRECT).await.ok();
    assert_eq!(made["scope"], "all-apis offline_access");
    let me =
        app.call(made["access_token"].as_str().unwrap(), Method::GET, ME, Value::Null).await.ok();
    assert_eq!(me["userName"], ADMIN);

    let refresh = async |token_text: &str| {
        token(
            &app,
            &format!(
                "grant_type=refresh_token&client_id=databricks-cli&refresh_token={token_text}"
            ),
            None,
        )
        .await
    };
    let first = made["refresh_token"].as_str().unwrap();
    let second = refresh(first).await.ok();
    let second = second["refresh_token"].as_str().unwrap();
    assert_ne!(first, second);
    // A token that comes again was stolen: the whole sign-in ends.
    assert_eq!(error(refresh(first).await), (400, "invalid_grant".into()));
    assert_eq!(error(refresh(second).await), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_code_is_good_once_for_its_own_client() {
    let app = App::new().await;
    let code = async || param(&authorize(&app, &[]).await, "code").unwrap();
    let refused = (400, "invalid_grant".to_owned());
    let wrong_verifier = "x".repeat(43);
    assert_eq!(error(exchange(&app, &code().await, &wrong_verifier, REDIRECT).await), refused);
    assert_eq!(
        error(exchange(&app, &code().await, VERIFIER, "http://localhost:8021").await),
        refused
    );
    let used = code().await;
    let made = exchange(&app, &used, VERIFIER, REDIRECT).await.ok();
    assert_eq!(error(exchange(&app, &used, VERIFIER, REDIRECT).await), refused);
    let form = format!(
        "grant_type=refresh_token&client_id=databricks-cli&refresh_token={}",
        made["refresh_token"].as_str().unwrap()
    );
    assert_eq!(error(token(&app, &form, None).await), refused);
    // A wrong verifier spends the code.
    let spent = code().await;
    exchange(&app, &spent, &wrong_verifier, REDIRECT).await;
    assert_eq!(error(exchange(&app, &spent, VERIFIER, REDIRECT).await), refused);
    let late = code().await;
    app.clock.set(START_MS + 300_000);
    assert_eq!(error(exchange(&app, &late, VERIFIER, REDIRECT).await), refused);
}

#[tokio::test]
async fn a_browser_without_session_goes_to_the_login_page_and_comes_back() {
    let app = App::new().await;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let path = format!(
        "/oidc/v1/authorize?response_type=code&client_id=databricks-cli&redirect_uri=http%3A%2F%2Flocalhost%3A8020&code_challenge={challenge}&code_challenge_method=S256"
    );
    let answer = fetch(&app, "127.0.0.1:8080", &path).await;
    let location = answer.headers[header::LOCATION].to_str().unwrap().to_owned();
    let next = location.strip_prefix("/login?next=").unwrap();
    assert_eq!(percent_encoding::percent_decode_str(next).decode_utf8().unwrap(), path);
    // A bearer token of a script is no browser's session.
    let request = Request::get(&path)
        .header(header::HOST, "h")
        .header(header::AUTHORIZATION, format!("Bearer {}", app.pat));
    let answer = app.send(request.body(Body::empty()).unwrap(), None).await;
    assert!(answer.headers[header::LOCATION].to_str().unwrap().starts_with("/login"));
}

#[tokio::test]
async fn nothing_is_redirected_to_strangers() {
    let app = App::new().await;
    for extra in [
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", "http://localhost.evil.example/"),
        ("redirect_uri", "http://localhost@evil.example/"),
        ("client_id", "somebody"),
    ] {
        let answer = authorize(&app, &[extra]).await;
        assert!(!answer.headers.contains_key(header::LOCATION), "{extra:?}");
        assert_eq!(answer.refused().0, 400);
    }
    for (extra, code) in [
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "everything"), "invalid_scope"),
    ] {
        let answer = authorize(&app, &[extra]).await;
        assert_eq!(param(&answer, "error").as_deref(), Some(code));
        assert_eq!(param(&answer, "code"), None);
    }
}

#[tokio::test]
async fn other_grants_and_bad_forms_are_refused_in_json() {
    let app = App::new().await;
    for (form, code) in [
        (
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=a",
            "unsupported_grant_type",
        ),
        ("grant_type=password", "unsupported_grant_type"),
        ("", "invalid_request"),
        ("grant_type=a&grant_type=b", "invalid_request"),
        ("grant_type=client_credentials&authorization_details=%5B%5D", "invalid_request"),
        ("grant_type=authorization_code&client_id=databricks-cli", "invalid_request"),
        ("grant_type=authorization_code&client_id=databricks-cli&code=x", "invalid_grant"),
        ("grant_type=refresh_token&client_id=databricks-cli&refresh_token=%00", "invalid_grant"),
    ] {
        assert_eq!(error(token(&app, form, None).await), (400, code.into()), "{form}");
    }
    for form in [
        "grant_type=client_credentials",
        "grant_type=client_credentials&client_id=a&client_secret=b",
        "grant_type=authorization_code&client_id=x&code=y",
    ] {
        assert_eq!(error(token(&app, form, None).await), (401, "invalid_client".into()), "{form}");
    }
}

#[tokio::test]
async fn a_token_for_sql_reaches_sql_only() {
    let app = App::new().await;
    let (id, client) = app.service_principal("robot").await;
    let secret = app.secret(&id).await;
    let made =
        token(&app, "grant_type=client_credentials&scope=sql", Some((&client, &secret))).await.ok();
    let access = made["access_token"].as_str().unwrap();
    app.call(access, Method::GET, ME, Value::Null).await.ok();
    assert_eq!(
        app.call(access, Method::GET, "/api/2.0/token/list", Value::Null).await.status,
        StatusCode::FORBIDDEN
    );
}
