//! SCIM as the SDK and directories use it.

use crate::app::{ADMIN, App};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const USERS: &str = "/api/2.0/preview/scim/v2/Users";
const GROUPS: &str = "/api/2.0/preview/scim/v2/Groups";
const SPS: &str = "/api/2.0/preview/scim/v2/ServicePrincipals";

fn patch_op(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// As the SDK pages: on by what came, until nothing comes.
async fn all(app: &App, path: &str, count: i64) -> (Vec<Value>, usize) {
    let (mut found, mut requests) = (Vec::new(), 0);
    loop {
        let uri = format!("{path}?count={count}&startIndex={}", found.len() + 1);
        let page = app.get(&uri).await.ok();
        requests += 1;
        let resources = page["Resources"].as_array().unwrap().clone();
        assert_eq!(page["itemsPerPage"], resources.len());
        if resources.is_empty() {
            return (found, requests);
        }
        found.extend(resources);
        assert!(requests < 50);
    }
}

#[tokio::test]
async fn a_user_is_made_read_changed_and_deleted() {
    let app = App::new().await;
    let made = app
        .post(USERS, json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Ann@Example.com",
            "displayName": "Ann", "name": {"givenName": "Ann", "familyName": "Lee"}, "externalId": "e1",
            "entitlements": [{"value": "workspace-access"}], "emails": [{"value": "ann@x", "primary": true}]
        }))
        .await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    let one = format!("{USERS}/{}", made["id"].as_str().unwrap());
    let read = app.get(&one).await.ok();
    assert_eq!(read, made);
    assert_eq!((&read["userName"], &read["active"]), (&json!("ann@example.com"), &json!(true)));
    assert_eq!(read["entitlements"], json!([{"value": "workspace-access"}]));
    assert_eq!(read["groups"][0]["display"], "users");
    assert!(read.get("password").is_none());

    assert_eq!(
        app.post(USERS, json!({"userName": "ANN@example.com"})).await.refused(),
        (409, "RESOURCE_ALREADY_EXISTS".into())
    );

    // PUT with what was read, one field changed, as the SDK does.
    let mut changed = read.clone();
    changed["displayName"] = json!("Ann Lee");
    changed.as_object_mut().unwrap().remove("entitlements");
    let after = app.put(&one, changed).await.ok();
    assert_eq!(after["displayName"], "Ann Lee");
    assert!(after.get("entitlements").is_none());

    let operations = json!([
        {"op": "replace", "path": "displayName", "value": "A"},
        {"op": "add", "path": "entitlements", "value": [{"value": "databricks-sql-access"}]},
        {"op": "replace", "path": "name.familyName", "value": "Li"},
        {"op": "Replace", "path": "active", "value": "False"}
    ]);
    let patched = app.patch(&one, patch_op(operations)).await;
    assert_eq!((patched.status, patched.bytes.len()), (StatusCode::NO_CONTENT, 0));
    let read = app.get(&one).await.ok();
    assert_eq!((&read["displayName"], &read["active"]), (&json!("A"), &json!(false)));
    assert_eq!((&read["name"]["familyName"], &read["externalId"]), (&json!("Li"), &json!("e1")));
    let remove =
        json!([{"op": "remove", "path": "entitlements[value eq \"databricks-sql-access\"]"}]);
    app.patch(&one, patch_op(remove)).await.ok();
    assert!(app.get(&one).await.ok().get("entitlements").is_none());

    assert_eq!(app.delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&one).await.refused(), (404, "RESOURCE_DOES_NOT_EXIST".into()));
    // Only out of the workspace: the account has it still, and it can come back.
    let account_one = app.account(&format!("/scim/v2/Users/{}", made["id"].as_str().unwrap()));
    app.get(&account_one).await.ok();
    let again = app.post(USERS, json!({"userName": "ann@example.com"})).await.ok();
    assert_eq!(again["id"], made["id"]);
    app.delete(&account_one).await.ok();
    assert_eq!(app.get(&one).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_are_paged_filtered_and_sorted() {
    let app = App::new().await;
    for n in 0..7 {
        app.post(USERS, json!({"userName": format!("u{n}@x.com"), "displayName": format!("Person {}%_", 9 - n)})).await.ok();
    }
    let (found, requests) = all(&app, USERS, 3).await;
    assert_eq!((found.len(), requests), (8, 4));
    let (found, requests) = all(&app, USERS, 10_000).await;
    assert_eq!((found.len(), requests), (8, 2));

    let names = async |query: &str| -> Vec<String> {
        let page = app.get(&format!("{USERS}?{query}")).await.ok();
        page["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["userName"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("filter=userName%20eq%20%22U3@x.com%22").await, ["u3@x.com"]);
    assert_eq!(names("filter=displayName+co+%229%25_%22").await, ["u0@x.com"]);
    assert_eq!(names("filter=userName+sw+%22u%22+and+(displayName+sw+%22person+4%22+or+displayName+sw+%22person+5%22)").await, ["u4@x.com", "u5@x.com"]);
    assert_eq!(names("filter=emails.value+eq+%22u1@x.com%22").await, ["u1@x.com"]);
    assert_eq!(
        names("sortBy=displayName&count=2&filter=userName+sw+%22u%22").await,
        ["u6@x.com", "u5@x.com"]
    );
    assert_eq!(names("sortBy=userName&sortOrder=descending&count=1").await, ["u6@x.com"]);
    assert!(names("filter=userName+eq+%22_3@x.com%22").await.is_empty());

    let slim = app.get(&format!("{USERS}?attributes=id,userName&count=1")).await.ok();
    let fields: Vec<_> = slim["Resources"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields.len(), 3, "{fields:?}");
    let without = app.get(&format!("{USERS}?excludedAttributes=groups,emails&count=1")).await.ok();
    assert!(
        without["Resources"][0].get("groups").is_none()
            && without["Resources"][0].get("displayName").is_some()
    );
    let count_only = app.get(&format!("{USERS}?count=0")).await.ok();
    assert_eq!((&count_only["totalResults"], &count_only["Resources"]), (&json!(8), &json!([])));
}

#[tokio::test]
async fn groups_nest_and_members_change_in_every_form() {
    let app = App::new().await;
    let (ann, ann_token) = app.user("ann@x").await;
    let (bob, _) = app.user("bob@x").await;
    let inner =
        app.post(GROUPS, json!({"displayName": "Inner", "members": [{"value": ann}]})).await.ok();
    let inner_one = format!("{GROUPS}/{}", inner["id"].as_str().unwrap());
    let outer = app
        .post(GROUPS, json!({"displayName": "Outer", "members": [{"value": inner["id"]}]}))
        .await
        .ok();
    assert_eq!(inner["meta"]["resourceType"], "WorkspaceGroup");
    assert_eq!(inner["members"][0]["$ref"], format!("Users/{ann}"));

    // Nested groups count.
    let request =
        axum::http::Request::get("/").header("authorization", format!("Bearer {ann_token}"));
    let request = request.body(axum::body::Body::empty()).unwrap();
    let groups = app.authenticate(&request, None).await.unwrap().principal.groups.clone();
    assert_eq!(groups, ["Inner", "Outer", "account users", "users"]);

    // In a circle they may not.
    let circle = json!([{"op": "add", "path": "members", "value": [{"value": outer["id"]}]}]);
    assert_eq!(app.patch(&inner_one, patch_op(circle)).await.refused().0, 400);

    for (operation, expected) in [
        (json!({"op": "add", "path": "members", "value": [{"value": bob}]}), vec![&ann, &bob]),
        (json!({"op": "add", "path": "members", "value": [{"value": bob}]}), vec![&ann, &bob]),
        (json!({"op": "remove", "path": format!("members[value eq \"{ann}\"]")}), vec![&bob]),
        (json!({"op": "add", "value": {"members": [{"value": ann}]}}), vec![&ann, &bob]),
        (json!({"op": "Remove", "path": "members", "value": [{"value": bob}]}), vec![&ann]),
        (json!({"op": "replace", "path": "members", "value": [{"value": bob}]}), vec![&bob]),
        (json!({"op": "remove", "path": "members"}), vec![]),
    ] {
        app.patch(&inner_one, patch_op(json!([operation]))).await.ok();
        let read = app.get(&inner_one).await.ok();
        let mut members: Vec<_> = read["members"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["value"].as_str().unwrap())
            .collect();
        members.sort_unstable();
        let mut expected: Vec<_> = expected.into_iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(members, expected, "{operation}");
    }
    assert_eq!(
        app.put(&inner_one, json!({"displayName": "Renamed"})).await.refused(),
        (501, "FEATURE_DISABLED".into())
    );
    assert_eq!(
        app.post(GROUPS, json!({"displayName": "inner"})).await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(
        app.post(GROUPS, json!({"displayName": "ann@x"})).await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(
        app.post(GROUPS, json!({"displayName": "Admins"})).await.status,
        StatusCode::CONFLICT
    );
    // Who leaves the workspace leaves its groups.
    let back = json!([{"op": "add", "path": "members", "value": [{"value": ann}]}]);
    app.patch(&inner_one, patch_op(back)).await.ok();
    app.delete(&format!("{USERS}/{ann}")).await.ok();
    assert!(app.get(&inner_one).await.ok().get("members").is_none());
    app.delete(&inner_one).await.ok();
    assert_eq!(app.get(&inner_one).await.status, StatusCode::NOT_FOUND);
    assert!(!app.identity.principal_exists("Inner").await.unwrap());
}

#[tokio::test]
async fn the_group_admins_makes_admins_and_keeps_one() {
    let app = App::new().await;
    let (ann, ann_token) = app.user("ann@x").await;
    let found = app.get(&format!("{GROUPS}?filter=displayName+eq+%22admins%22")).await.ok();
    let admins = format!("{GROUPS}/{}", found["Resources"][0]["id"].as_str().unwrap());
    let add = json!([{"op": "add", "path": "members", "value": [{"value": ann}]}]);
    assert_eq!(
        app.call(&ann_token, Method::PATCH, &admins, patch_op(add.clone())).await.status,
        StatusCode::FORBIDDEN
    );
    app.patch(&admins, patch_op(add)).await.ok();
    assert_eq!(app.get(&admins).await.ok()["members"].as_array().unwrap().len(), 2);
    // Ann may now change the workspace, but not the account.
    let made = app.call(&ann_token, Method::POST, GROUPS, json!({"displayName": "g"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(
        app.call(&ann_token, Method::GET, &app.account("/scim/v2/Users"), Value::Null).await.status,
        StatusCode::FORBIDDEN
    );
    let admin = app.get(&format!("{USERS}?filter=userName+eq+%22{ADMIN}%22")).await.ok();
    let admin_one = format!("{USERS}/{}", admin["Resources"][0]["id"].as_str().unwrap());
    for operation in [
        json!({"op": "replace", "path": "password", "value": "stolen password"}),
        json!({"op": "replace", "path": "active", "value": false}),
        json!({"op": "replace", "path": "displayName", "value": "x"}),
    ] {
        let answer =
            app.call(&ann_token, Method::PATCH, &admin_one, patch_op(json!([operation]))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let role = json!([{"op": "add", "path": "roles", "value": [{"value": "account_admin"}]}]);
    let own = format!("{USERS}/{ann}");
    assert_eq!(
        app.call(&ann_token, Method::PATCH, &own, patch_op(role)).await.status,
        StatusCode::FORBIDDEN
    );
    let clear = json!([{"op": "remove", "path": "members"}]);
    assert_eq!(app.patch(&admins, patch_op(clear)).await.refused(), (400, "INVALID_STATE".into()));
}

#[tokio::test]
async fn the_account_keeps_an_admin_and_gives_the_role() {
    let app = App::new().await;
    let (ann, ann_token) = app.user("ann@x").await;
    let users = app.account("/scim/v2/Users");
    assert_eq!(
        app.call(&ann_token, Method::GET, &users, Value::Null).await.status,
        StatusCode::FORBIDDEN
    );
    // Oneself one may see.
    app.call(&ann_token, Method::GET, &format!("{users}/{ann}"), Value::Null).await.ok();
    let admin = app.get(&format!("{users}?filter=userName+eq+%22{ADMIN}%22")).await.ok();
    let admin_one = format!("{users}/{}", admin["Resources"][0]["id"].as_str().unwrap());
    assert_eq!(admin["Resources"][0]["roles"], json!([{"value": "account_admin"}]));
    let demote = json!([{"op": "remove", "path": "roles[value eq \"account_admin\"]"}]);
    assert_eq!(
        app.patch(&admin_one, patch_op(demote.clone())).await.refused(),
        (400, "INVALID_STATE".into())
    );
    assert_eq!(app.delete(&admin_one).await.refused().0, 400);
    let promote = json!([{"op": "add", "path": "roles", "value": [{"value": "account_admin"}]}]);
    app.patch(&format!("{users}/{ann}"), patch_op(promote)).await.ok();
    app.call(&ann_token, Method::GET, &users, Value::Null).await.ok();
    app.patch(&admin_one, patch_op(demote)).await.ok();
    assert_eq!(app.get(&users).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.get(&format!("{users}/1")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_second_user_sees_the_workspace_and_changes_nothing() {
    let app = App::new().await;
    let (_, token) = app.user("ann@x").await;
    let (sp, _) = app.service_principal("robot").await;
    for path in [USERS, GROUPS, SPS] {
        app.call(&token, Method::GET, path, Value::Null).await.ok();
        assert_eq!(
            app.call(&token, Method::POST, path, json!({"userName": "x@x", "displayName": "x"}))
                .await
                .status,
            StatusCode::FORBIDDEN
        );
        for method in [Method::PUT, Method::DELETE] {
            assert_eq!(
                app.call(&token, method, &format!("{path}/{sp}"), json!({})).await.status,
                StatusCode::FORBIDDEN
            );
        }
        assert_eq!(
            app.call(&token, Method::PATCH, &format!("{path}/{sp}"), patch_op(json!([])))
                .await
                .status,
            StatusCode::FORBIDDEN
        );
    }
}

#[tokio::test]
async fn me_names_who_asks_and_the_workspace() {
    let app = App::new().await;
    for path in ["/api/2.0/preview/scim/v2/Me", "/api/2.0/scim/v2/Me"] {
        let answer = app.get(path).await;
        assert_eq!(answer.headers["x-databricks-org-id"], app.boot.workspace_id.to_string());
        let me = answer.ok();
        assert_eq!((&me["userName"], &me["emails"][0]["value"]), (&json!(ADMIN), &json!(ADMIN)));
        let groups: Vec<_> = me["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["display"].as_str().unwrap())
            .collect();
        assert_eq!(groups, ["admins", "users"]);
    }
    let me = app.get(&app.account("/scim/v2/Me")).await.ok();
    assert_eq!(me["userName"], ADMIN);
}

#[tokio::test]
async fn service_principals_have_a_client_id() {
    let app = App::new().await;
    let (id, application_id) = app.service_principal("robot").await;
    let one = format!("{SPS}/{id}");
    let found = app
        .get(&format!(
            "/api/2.0/scim/v2/ServicePrincipals?filter=applicationId+eq+%22{application_id}%22"
        ))
        .await
        .ok();
    assert_eq!(
        (&found["totalResults"], &found["Resources"][0]["displayName"]),
        (&json!(1), &json!("robot"))
    );
    app.put(&one, json!({"id": id, "applicationId": application_id, "displayName": "robot 2", "active": true})).await.ok();
    assert_eq!(app.get(&one).await.ok()["displayName"], "robot 2");
    assert_eq!(
        app.post(SPS, json!({"applicationId": application_id})).await.status,
        StatusCode::CONFLICT
    );
    app.delete(&one).await.ok();
    let back = app.post(SPS, json!({"applicationId": application_id})).await.ok();
    assert_eq!(back["id"].as_str().unwrap(), id);
    assert_eq!(
        app.post(USERS, json!({"userName": application_id})).await.status,
        StatusCode::CONFLICT
    );
}
