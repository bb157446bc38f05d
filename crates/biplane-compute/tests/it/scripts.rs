//! Init scripts and secrets: before a cluster is used, on every host, and what becomes of it when they fail.

use crate::clusters::{Site, named};
use crate::libraries::{Ran, SCRIPT, recorded, site};
use biplane_platform::testing::{admin_ctx, ctx};
use serde_json::{Value, json};

fn scripts() -> Value {
    json!([{ "volumes": { "destination": SCRIPT } }])
}

async fn call(site: &Site, method: &str, path: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/2.0/global-init-scripts{path}");
    site.call_as(&site.world.ctx, method, &path, body).await
}

async fn event(site: &Site, id: &str, kind: &str) -> Value {
    let asked = json!({ "cluster_id": id, "event_types": [kind] });
    let (_, answer) = site.post("events", asked).await;
    answer["events"][0]["details"]["init_scripts"].clone()
}

fn runs(ran: &Ran) -> Vec<Value> {
    ran.lock().iter().map(|(_, order)| order.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_on_every_host_before_it_is_used() {
    let site = site().await;
    let ran = recorded(&site, "never");
    let global = |name: &str| json!({ "name": name, "script": "ZWNobw==", "enabled": true });
    let (status, made) = call(&site, "POST", "", global("all")).await;
    assert_eq!(status, 200, "{made}");
    let disabled = json!({ "name": "off", "script": "ZWNobw==" });
    assert_eq!(call(&site, "POST", "", disabled).await.0, 200);
    let asked =
        json!({ "num_workers": 1, "init_scripts": scripts(), "spark_env_vars": { "A": "b" } });
    let id = site.create_with(asked).await;
    let info = site.until(&id, "RUNNING").await;
    assert_eq!(info["init_scripts"], scripts());
    // Two hosts, the global one and its own.
    let orders = runs(&ran);
    assert_eq!(orders.len(), 4, "{orders:?}");
    let told = |name: &str| orders.iter().filter(|one| one["environment"][name] == "TRUE").count();
    assert_eq!(told("DB_IS_DRIVER"), 2);
    assert!(orders.iter().all(|one| {
        one["kind"] == "script"
            && one["environment"]["DB_CLUSTER_ID"] == id
            && one["environment"]["A"] == "b"
    }));
    let finished = event(&site, &id, "INIT_SCRIPTS_FINISHED").await;
    assert_eq!(finished["global"][0]["status"], "SUCCEEDED");
    assert_eq!(finished["cluster"][0]["volumes"]["destination"], SCRIPT);
    assert_eq!(finished["reported_for_node"], "10.0.0.7");
    assert!(event(&site, &id, "INIT_SCRIPTS_STARTED").await["cluster"][0]["status"].is_null());
    // One more host, and only that.
    site.done("resize", json!({ "cluster_id": id, "num_workers": 2 })).await;
    site.until(&id, "RUNNING").await;
    assert_eq!(runs(&ran).len(), 6);
    let script = made["script_id"].as_str().unwrap();
    assert_eq!(call(&site, "DELETE", &format!("/{script}"), Value::Null).await.0, 200);
    site.done("restart", named(&id)).await;
    site.until(&id, "RUNNING").await;
    assert_eq!(runs(&ran).len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_ends_the_cluster_and_says_what_it_said() {
    let site = site().await;
    recorded(&site, "init-script");
    let id = site.create_with(json!({ "num_workers": 0, "init_scripts": scripts() })).await;
    let info = site.ended_for(&id, "INIT_SCRIPT_FAILURE").await;
    let told =
        info["termination_reason"]["parameters"]["databricks_error_message"].as_str().unwrap();
    assert!(told.contains(SCRIPT) && told.contains("No matching distribution"), "{told}");
    assert_eq!(info["termination_reason"]["type"], "CLIENT_ERROR");
    let finished = event(&site, &id, "INIT_SCRIPTS_FINISHED").await;
    assert_eq!(finished["cluster"][0]["status"], "FAILED_EXECUTION");
    let body = json!({ "name": "all", "script": "ZWNobw==", "enabled": true });
    assert_eq!(call(&site, "POST", "", body).await.0, 200);
    site.done("start", named(&id)).await;
    site.ended_for(&id, "GLOBAL_INIT_SCRIPT_FAILURE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_for_programs_and_in_no_answer() {
    let site = site().await;
    let ran = recorded(&site, "never");
    let env = json!({ "WORD": "{{secrets/vault/word}}" });
    let asked = json!({ "num_workers": 0, "init_scripts": scripts(), "spark_env_vars": env });
    let id = site.create_with(asked).await;
    let info = site.until(&id, "RUNNING").await;
    assert_eq!(info["spark_env_vars"], env);
    assert!(!info.to_string().contains("s3cret"));
    assert_eq!(runs(&ran)[0]["environment"]["WORD"], "s3cret");
    let mut tx = site.world.db.db.read().await.unwrap();
    let rows = tx.fetch_all("SELECT spec, request FROM clusters", vec![]).await.unwrap();
    assert!(rows.iter().all(|row| !row.text(0).unwrap().contains("s3cret")));
    drop(tx);
    let create = |env: Value| {
        json!({
            "spark_version": "16.4.x-scala2.12", "node_type_id": "small", "num_workers": 0,
            "spark_env_vars": env,
        })
    };
    // Nobody uses what they may not read, not even as another's cluster.
    let mut other = admin_ctx("other@example.org");
    other.workspace = site.world.ctx.workspace;
    let path = "/api/2.1/clusters/create";
    assert_eq!(site.call_as(&other, "POST", path, create(env.clone())).await.0, 404);
    let mut edit =
        create(json!({ "WORD": "{{secrets/vault/word}}", "TOO": "{{secrets/vault/more}}" }));
    edit["cluster_id"] = json!(id);
    assert_eq!(site.call_as(&other, "POST", "/api/2.1/clusters/edit", edit).await.0, 404);
    let (status, _) = site.post("create", create(json!({ "A": "x{{secrets/vault/word}}" }))).await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_refused_where_they_are_none() {
    let site = site().await;
    for (script, status) in [
        (json!({ "workspace": { "destination": "/Users/a/b.sh" } }), 404),
        (json!({ "dbfs": { "destination": "dbfs:/a.sh" } }), 501),
        (json!({ "s3": { "destination": "s3://a/b.sh", "region": "x" } }), 404),
        (json!({ "s3": { "destination": "s3://a/b.sh" } }), 400),
        (json!({ "s3": { "destination": "s3://a/../b.sh", "region": "x" } }), 400),
        (json!({ "file": { "destination": "file:/a.sh" } }), 501),
        (json!({ "volumes": { "destination": "/etc/passwd" } }), 400),
        (json!({ "volumes": { "destination": "/Volumes/a/b/c/missing.sh" } }), 404),
        (json!({}), 400),
    ] {
        let asked = json!({
            "spark_version": "16.4.x-scala2.12", "node_type_id": "small", "num_workers": 0,
            "init_scripts": [script],
        });
        let (told, answer) = site.post("create", asked).await;
        assert_eq!(told, status, "{script} {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn global_scripts_have_an_order_and_are_for_admins() {
    let site = site().await;
    let names = async || {
        let (_, answer) = call(&site, "GET", "", Value::Null).await;
        let all = answer["scripts"].as_array().cloned().unwrap_or_default();
        assert!(
            all.iter()
                .enumerate()
                .all(|(at, one)| one["position"] == at && one["script"].is_null())
        );
        all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<String>()
    };
    let mut ids = Vec::new();
    for (name, position) in [("b", None), ("c", Some(5)), ("a", Some(0))] {
        let body = json!({ "name": name, "script": "ZWNobw==", "position": position });
        let (status, made) = call(&site, "POST", "", body).await;
        assert_eq!(status, 200, "{made}");
        ids.push(made["script_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(names().await, "abc");
    let body = json!({ "name": "d", "script": "ZWNobyBk", "enabled": true, "position": 2 });
    assert_eq!(call(&site, "PATCH", &format!("/{}", ids[2]), body).await.0, 200);
    assert_eq!(names().await, "bcd");
    let (_, one) = call(&site, "GET", &format!("/{}", ids[2]), Value::Null).await;
    assert_eq!((&one["script"], &one["enabled"]), (&json!("ZWNobyBk"), &json!(true)));
    assert_eq!(call(&site, "DELETE", &format!("/{}", ids[0]), Value::Null).await.0, 200);
    assert_eq!(names().await, "cd");
    assert_eq!(call(&site, "GET", &format!("/{}", ids[0]), Value::Null).await.0, 404);
    for body in [
        json!({ "script": "ZWNobw==" }),
        json!({ "name": "a" }),
        json!({ "name": "a", "script": "?" }),
        json!({ "name": "a", "script": "QUFB".repeat(30_000) }),
        json!({ "name": "a", "script": "ZWNobw==", "position": -1 }),
    ] {
        assert_eq!(call(&site, "POST", "", body).await.0, 400);
    }
    let mut plain = ctx("plain@example.org");
    plain.workspace = site.world.ctx.workspace;
    let path = "/api/2.0/global-init-scripts";
    assert_eq!(site.call_as(&plain, "GET", path, Value::Null).await.0, 403);
}
