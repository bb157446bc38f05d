//! The log of a cluster: read piece by piece by who manages it, and delivered to where it says.

use crate::clusters::{Site, named};
use crate::libraries::{SCRIPT, recorded, stocked};
use crate::support::{eventually, quick};
use biplane_platform::acl::{self, CLUSTERS, Entry};
use biplane_platform::testing::{admin_ctx, ctx};
use serde_json::{Value, json};
use std::time::Duration;

const PLACE: &str = "/Volumes/main/default/logs/of";

fn asked(place: &str) -> Value {
    json!({
        "num_workers": 0, "init_scripts": [{ "volumes": { "destination": SCRIPT } }],
        "cluster_log_conf": { "volumes": { "destination": place } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_delivered_while_a_cluster_runs_and_at_its_end() {
    let mut config = quick();
    config.clusters.log_every = Duration::from_millis(20);
    let (site, written) = stocked(Site::with(config).await);
    recorded(&site, "never");
    let id = site.create_with(asked(PLACE)).await;
    site.until(&id, "RUNNING").await;
    let script = format!("{PLACE}/{id}/init_scripts/{id}_10.0.0.7/1_0_a.sh.stdout.log");
    let found = eventually("its output", async || written.lock().get(&script).cloned()).await;
    assert_eq!(found, "Successfully installed\n");
    let status = site.get(&id).await["cluster_log_status"].clone();
    assert!(status["last_attempted"].is_i64() && status["last_exception"].is_null(), "{status}");
    site.done("delete", named(&id)).await;
    site.until(&id, "TERMINATED").await;
    let log = written.lock()[&format!("{PLACE}/{id}/driver/log4j-active.log")].clone();
    assert!(log.contains("INFO Cluster: RUNNING") && log.contains("TERMINATING"), "{log}");
    assert!(written.lock().contains_key(&format!("{PLACE}/{id}/driver/stdout")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_fails_is_told_and_ends_nothing() {
    let mut config = quick();
    config.clusters.log_every = Duration::from_millis(20);
    let (site, _) = stocked(Site::with(config).await);
    let id = site.create_with(asked("/Volumes/main/default/full/of")).await;
    site.until(&id, "RUNNING").await;
    let told = eventually("the reason", async || {
        site.get(&id).await["cluster_log_status"]["last_exception"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(told, "The volume is full.");
    site.done("delete", named(&id)).await;
    site.until(&id, "TERMINATED").await;
    let mut other = admin_ctx("other@example.org");
    other.workspace = site.world.ctx.workspace;
    let mut body = asked(PLACE);
    body["spark_version"] = "16.4.x-scala2.12".into();
    body["node_type_id"] = "small".into();
    body.as_object_mut().unwrap().remove("init_scripts");
    let path = "/api/2.1/clusters/create";
    assert_eq!(site.call_as(&other, "POST", path, body.clone()).await.0, 403);
    body["cluster_log_conf"] = json!({ "dbfs": { "destination": "dbfs:/logs" } });
    assert_eq!(site.post("create", body).await.0, 501);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_for_those_who_manage_the_cluster() {
    let (site, _) = stocked(Site::new().await);
    let id = site.create(0).await;
    site.until(&id, "RUNNING").await;
    let path = |stream: &str, cursor: i64| {
        format!("/api/2.0/biplane/clusters/{id}/log?stream={stream}&cursor={cursor}")
    };
    let own = &site.world.ctx;
    let (status, piece) = site.call_as(own, "GET", &path("log4j", 0), Value::Null).await;
    assert_eq!(status, 200, "{piece}");
    assert!(piece["text"].as_str().unwrap().ends_with("INFO Cluster: RUNNING\n"));
    assert_eq!((&piece["skipped"], &piece["more"]), (&json!(false), &json!(false)));
    let cursor = piece["cursor"].as_i64().unwrap();
    let (_, next) = site.call_as(own, "GET", &path("log4j", cursor), Value::Null).await;
    assert_eq!((&next["text"], &next["cursor"]), (&json!(""), &json!(cursor)));
    assert_eq!(site.call_as(own, "GET", &path("secret", 0), Value::Null).await.0, 400);
    assert_eq!(site.call_as(own, "GET", &path("stdout", -1), Value::Null).await.0, 400);
    let mut plain = ctx("plain@example.org");
    plain.workspace = site.world.ctx.workspace;
    assert_eq!(site.call_as(&plain, "GET", &path("stdout", 0), Value::Null).await.0, 404);
    let mut tx = site.world.db.db.write().await.unwrap();
    let entry = Entry {
        principal_kind: "user".into(),
        principal_name: "plain@example.org".into(),
        permission_level: "CAN_RESTART".into(),
    };
    let workspace = plain.workspace().unwrap();
    acl::grant(&mut tx, workspace, &CLUSTERS, &id, &entry).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(site.call_as(&plain, "GET", &path("stdout", 0), Value::Null).await.0, 403);
}
