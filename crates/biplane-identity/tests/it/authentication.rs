//! Which credential is good where, and in which workspace.

use crate::app::{App, START_MS};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use biplane_api::ids::{PrincipalId, SandboxId, StatementId, WorkspaceId};
use biplane_identity::{Call, Credential};
use biplane_platform::RelayPeer;
use biplane_platform::statement_token::StatementTokens;
use serde_json::{Value, json};

fn request(headers: &[(&str, &str)], path: &str) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn workspace_of(app: &App, headers: &[(&str, &str)]) -> Result<Option<WorkspaceId>, u16> {
    let found = app.authenticate(&request(headers, "/api/2.0/x"), None).await;
    found.map(|found| found.workspace).map_err(|error| error.code.http_status().as_u16())
}

#[tokio::test]
async fn the_workspace_comes_from_host_token_or_header() {
    let app = App::new().await;
    let main = app.boot.workspace_id;
    // Somebody in several workspaces is led to the oldest.
    app.clock.set(START_MS + 1);
    let made = app
        .post(
            &app.account("/workspaces"),
            json!({"workspace_name": "two", "deployment_name": "two"}),
        )
        .await
        .ok();
    let two = WorkspaceId(made["workspace_id"].as_i64().unwrap());
    let bearer = format!("Bearer {}", app.pat);
    let auth = ("authorization", bearer.as_str());
    let (main_text, two_text) = (main.to_string(), two.to_string());

    // A personal access token is good in its own workspace only.
    assert_eq!(workspace_of(&app, &[auth, ("host", "127.0.0.1:8080")]).await, Ok(Some(main)));
    assert_eq!(
        workspace_of(&app, &[auth, ("host", "Main.Biplane.Test:443")]).await,
        Ok(Some(main))
    );
    assert_eq!(workspace_of(&app, &[auth, ("host", "two.biplane.test")]).await, Err(403));
    assert_eq!(
        workspace_of(&app, &[auth, ("x-databricks-workspace-id", &main_text)]).await,
        Ok(Some(main))
    );
    assert_eq!(workspace_of(&app, &[auth, ("x-databricks-org-id", &two_text)]).await, Err(403));
    assert_eq!(workspace_of(&app, &[auth, ("x-databricks-org-id", "x")]).await, Err(400));

    // A session goes where host or header say, if its user is a member.
    let (session, _) = app.login(crate::app::ADMIN, crate::app::PASSWORD).await;
    let cookie = format!("a=b; biplane_session={session}");
    let auth = ("cookie", cookie.as_str());
    assert_eq!(workspace_of(&app, &[auth]).await, Ok(Some(main)));
    assert_eq!(workspace_of(&app, &[auth, ("host", "two.localhost:8080")]).await, Ok(Some(two)));
    assert_eq!(
        workspace_of(&app, &[auth, ("x-databricks-workspace-id", &two_text)]).await,
        Ok(Some(two))
    );
    assert_eq!(
        workspace_of(
            &app,
            &[auth, ("host", "two.biplane.test"), ("x-databricks-org-id", &main_text)]
        )
        .await,
        Err(403)
    );
    assert_eq!(workspace_of(&app, &[auth, ("x-databricks-workspace-id", "42")]).await, Err(403));

    // Account paths have none.
    let found = app
        .authenticate(&request(&[("cookie", &cookie)], &app.account("/workspaces")), None)
        .await
        .unwrap();
    assert_eq!((found.workspace, found.credential), (None, Credential::WebSession));
    let other = format!("/api/2.0/accounts/{}/workspaces", biplane_api::ids::AccountId::random());
    assert_eq!(app.get(&other).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_stranger_to_a_workspace_is_kept_out() {
    let app = App::new().await;
    let (ann, _) = app.user("ann@x").await;
    let made = app
        .post(
            &app.account("/workspaces"),
            json!({"workspace_name": "two", "deployment_name": "two"}),
        )
        .await
        .ok();
    let two = made["workspace_id"].to_string();
    let (session, _) = app.login("ann@x", crate::app::PASSWORD).await;
    let cookie = format!("biplane_session={session}");
    let there = [("cookie", cookie.as_str()), ("host", "two.biplane.test")];
    assert_eq!(workspace_of(&app, &there).await, Err(403));
    let assignment =
        app.account(&format!("/workspaces/{two}/permissionassignments/principals/{ann}"));
    app.put(&assignment, json!({"permissions": ["USER"]})).await.ok();
    assert_eq!(workspace_of(&app, &there).await.unwrap().unwrap().to_string(), two);
    app.delete(&assignment).await.ok();
    assert_eq!(workspace_of(&app, &there).await, Err(403));
}

#[tokio::test]
async fn bad_credentials_are_401_in_every_form() {
    let app = App::new().await;
    let basic = |text: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let good = basic(&format!("token:{}", app.pat));
    assert_eq!(
        workspace_of(&app, &[("authorization", &good)]).await,
        Ok(Some(app.boot.workspace_id))
    );
    let long = format!("Bearer {}", "a".repeat(100_000));
    let last = if app.pat.ends_with('0') { '1' } else { '0' };
    let wrong = format!("Bearer {}{last}", &app.pat[..35]);
    for bad in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "bearer dapi",
        &wrong,
        &long,
        "Basic x",
        &basic("token:"),
        &basic("admin@example.com:a good password"),
        &basic("\u{e9}"),
        "Digest a",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
    ] {
        assert_eq!(workspace_of(&app, &[("authorization", bad)]).await, Err(401), "{bad:.60}");
    }
    assert_eq!(workspace_of(&app, &[]).await, Err(401));
    assert_eq!(workspace_of(&app, &[("cookie", "biplane_session=x")]).await, Err(401));
    assert_eq!(workspace_of(&app, &[("cookie", "biplane_session=")]).await, Err(401));
}

#[tokio::test]
async fn a_statement_token_counts_on_its_own_relay_only() {
    let app = App::new().await;
    let admin = app.get("/api/2.0/preview/scim/v2/Me").await.ok()["id"]
        .as_str()
        .unwrap()
        .parse::<PrincipalId>()
        .unwrap();
    let tokens = StatementTokens::load(&app.test_db.db, &app.clock).await.unwrap();
    let (statement, sandbox, workspace) =
        (StatementId::random(), SandboxId::random(), app.boot.workspace_id);
    let token = tokens.issue(admin, workspace, &statement, &sandbox, START_MS + 1000).unwrap();
    let bearer = format!("Bearer {}", token.expose());
    let here = RelayPeer { sandbox_id: sandbox, workspace_id: workspace };
    let elsewhere = RelayPeer { sandbox_id: SandboxId::random(), ..here.clone() };
    let other_workspace = RelayPeer { workspace_id: WorkspaceId(7), ..here.clone() };
    let tables = "/api/2.1/unity-catalog/tables";
    let status = async |path: &str, relay: Option<&RelayPeer>| {
        let found = app.authenticate(&request(&[("authorization", &bearer)], path), relay).await;
        found.map_or_else(
            |error| error.code.http_status().as_u16(),
            |found| {
                assert_eq!(
                    (found.principal.id, found.workspace, found.credential),
                    (admin, Some(workspace), Credential::Statement)
                );
                assert_eq!(found.statement.unwrap().statement_id, statement);
                200
            },
        )
    };
    assert_eq!(status(tables, Some(&here)).await, 200);
    assert_eq!(status("/internal/v1/resolve", Some(&here)).await, 200);
    assert_eq!(status(tables, None).await, 401);
    assert_eq!(status(tables, Some(&elsewhere)).await, 401);
    assert_eq!(status(tables, Some(&other_workspace)).await, 401);
    // Whatever else it claims to be: the socket decides.
    let claims = [
        ("authorization", bearer.as_str()),
        ("x-databricks-org-id", "7"),
        ("x-databricks-workspace-id", "7"),
        ("host", "another.localhost"),
    ];
    let found = app.authenticate(&request(&claims, tables), Some(&here)).await.unwrap();
    assert_eq!(found.workspace, Some(workspace));
    assert!(app.authenticate(&request(&claims, tables), Some(&other_workspace)).await.is_err());
    // Nothing that outlives the statement.
    assert_eq!(status("/api/2.0/token/create", Some(&here)).await, 403);
    // Code of users runs statements, and resolves nothing.
    let token = tokens.issue_to_code(admin, workspace, &here.sandbox_id, START_MS + 1000).unwrap();
    let code = format!("Bearer {}", token.expose());
    for (path, refused) in
        [("/api/2.0/sql/statements", false), (tables, true), ("/internal/v1/resolve", true)]
    {
        let found =
            app.authenticate(&request(&[("authorization", &code)], path), Some(&here)).await;
        assert_eq!(found.is_err(), refused, "{path}");
        assert!(app.authenticate(&request(&[("authorization", &code)], path), None).await.is_err());
    }
    // No other credential counts on a relay.
    let pat = format!("Bearer {}", app.pat);
    assert!(
        app.authenticate(&request(&[("authorization", &pat)], tables), Some(&here)).await.is_err()
    );
    app.clock.set(START_MS + 1000);
    assert_eq!(status(tables, Some(&here)).await, 401);
}

#[tokio::test]
async fn a_second_start_finds_the_first() {
    let app = App::new().await;
    let again = app.identity.bootstrap(&crate::app::options()).await.unwrap();
    assert_eq!(
        (&again.account_id, again.workspace_id),
        (&app.boot.account_id, app.boot.workspace_id)
    );
    assert!(again.admin_password.is_none() && again.admin_pat.is_none());
    let new_password = app.identity.password_reset(crate::app::ADMIN).await.unwrap();
    assert!(new_password.expose().len() >= 20);
    assert_eq!(
        app.try_login(crate::app::ADMIN, crate::app::PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    app.login(crate::app::ADMIN, new_password.expose()).await;
    let pat = app.identity.admin_pat_issue(app.boot.workspace_id).await.unwrap();
    app.call(pat.expose(), Method::GET, "/api/2.0/preview/scim/v2/Me", Value::Null).await.ok();
    let ctx = app.identity.admin_ctx(app.boot.workspace_id).await.unwrap();
    assert!(ctx.principal.account_admin && ctx.principal.workspace_admin);
}

/// Another replica hears of a change by its signal, well before the cache's time is over.
#[tokio::test]
async fn another_replica_forgets_a_revoked_token() {
    let app = App::new().await;
    let db = app.test_db.db.clone();
    let other =
        biplane_identity::Identity::new(db, app.clock.clone(), Default::default()).await.unwrap();
    let made = app.post("/api/2.0/token/create", json!({})).await.ok();
    let bearer = format!("Bearer {}", made["token_value"].as_str().unwrap());
    let request = request(&[("authorization", &bearer)], "/api/2.0/x");
    let call = Call {
        method: request.method(),
        uri: request.uri(),
        headers: request.headers(),
        relay: None,
    };
    other.authenticate(&call).await.unwrap();
    let token_id = made["token_info"]["token_id"].clone();
    app.post("/api/2.0/token/delete", json!({"token_id": token_id})).await.ok();
    let gone = async {
        while other.authenticate(&call).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), gone).await.unwrap();
}
