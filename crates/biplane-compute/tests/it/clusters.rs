//! Clusters: their states, what becomes of their hosts, and that no host is left over.

use crate::fake_node::{FakeNode, Relay};
use crate::fake_provider::FakeProvider;
use crate::support::{PATIENCE, World, eventually, quick};
use axum::body::Body;
use axum::http::Request;
use biplane_api::clusters::ClusterInfo;
use biplane_api::ids::NodeId;
use biplane_compute::ComputeConfig;
use biplane_compute::provider::{HostState, ProviderErrorKind};
use biplane_platform::Ctx;
use biplane_platform::acl::{self, CLUSTERS, Entry};
use biplane_platform::testing::ctx;
use biplane_proto::v1::Hello;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tower::ServiceExt;

pub struct Site {
    pub world: World,
    pub provider: Arc<FakeProvider>,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(quick()).await
    }

    pub async fn with(config: ComputeConfig) -> Self {
        let world = World::without_node(config).await;
        let provider = FakeProvider::of(&world);
        provider.serve(&world);
        Self { world, provider }
    }

    pub async fn call_as(&self, ctx: &Ctx, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::from(if method == "GET" { String::new() } else { body.to_string() }))
            .unwrap();
        request.extensions_mut().insert(ctx.clone());
        let routes = axum::Router::from(self.world.compute.clone().routes());
        let response = routes.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub async fn post(&self, call: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/2.1/clusters/{call}");
        self.call_as(&self.world.ctx, "POST", &path, body).await
    }

    pub async fn done(&self, call: &str, body: Value) {
        let (status, answer) = self.post(call, body).await;
        assert_eq!(status, 200, "{call}: {answer}");
    }

    pub async fn create(&self, workers: i64) -> String {
        self.create_with(json!({ "num_workers": workers })).await
    }

    pub async fn create_with(&self, more: Value) -> String {
        let mut body = json!({
            "cluster_name": "test", "spark_version": "16.4.x-scala2.12", "node_type_id": "small",
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, answer) = self.post("create", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["cluster_id"].as_str().unwrap().to_owned()
    }

    pub async fn get(&self, id: &str) -> Value {
        let path = format!("/api/2.0/clusters/get?cluster_id={id}");
        let (status, answer) = self.call_as(&self.world.ctx, "GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        // It is what the wire says that it is.
        let _: ClusterInfo = serde_json::from_value(answer.clone()).unwrap();
        answer
    }

    pub async fn until(&self, id: &str, state: &str) -> Value {
        eventually(state, async || Some(self.get(id).await).filter(|one| one["state"] == state))
            .await
    }

    pub async fn events(&self, id: &str) -> Vec<String> {
        let (_, answer) = self.post("events", json!({ "cluster_id": id, "order": "ASC" })).await;
        let kinds = answer["events"].as_array().unwrap().iter();
        kinds.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn nothing_left(&self) {
        eventually("the end of all hosts", async || self.provider.live().is_empty().then_some(()))
            .await;
    }

    pub async fn ended_for(&self, id: &str, code: &str) -> Value {
        let info = self.until(id, "TERMINATED").await;
        assert_eq!(info["termination_reason"]["code"], code, "{info}");
        self.nothing_left().await;
        info
    }
}

pub fn named(id: &str) -> Value {
    json!({ "cluster_id": id })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_lives() {
    let site = Site::new().await;
    site.provider.open.send_replace(false);
    let id = site.create(2).await;
    let info = site.get(&id).await;
    assert_eq!((&info["state"], &info["num_workers"]), (&json!("PENDING"), &json!(2)));
    assert_eq!(site.post("start", named(&id)).await.1["error_code"], "INVALID_STATE");
    site.provider.open.send_replace(true);
    let info = site.until(&id, "RUNNING").await;
    assert_eq!(info["driver"]["private_ip"], "10.0.0.7");
    assert_eq!(info["executors"].as_array().unwrap().len(), 2);
    assert_eq!(info["cluster_cores"], 12.0);
    assert_eq!(site.provider.live().len(), 3);
    let machine = site.provider.machines.lock().values().next().unwrap().order.clone();
    assert_eq!(machine.tags["ClusterId"], id);
    assert!(!machine.boot.join_token.is_empty());
    // What changes it changes its state before the answer.
    site.done("restart", named(&id)).await;
    assert_ne!(site.get(&id).await["state"], "RUNNING");
    let before = info["driver"]["instance_id"].clone();
    let info = site.until(&id, "RUNNING").await;
    assert_ne!(info["driver"]["instance_id"], before);
    assert_eq!(site.provider.live().len(), 3);
    site.done("delete", named(&id)).await;
    assert!(
        ["TERMINATING", "TERMINATED"].contains(&site.get(&id).await["state"].as_str().unwrap())
    );
    let info = site.ended_for(&id, "USER_REQUEST").await;
    assert_eq!(info["termination_reason"]["type"], "SUCCESS");
    assert!(info["terminated_time"].is_i64() && info.get("driver").is_none());
    site.done("delete", named(&id)).await;
    site.done("start", named(&id)).await;
    assert_eq!(site.post("start", named(&id)).await.1["error_code"], "INVALID_STATE");
    site.until(&id, "RUNNING").await;
    let events = site.events(&id).await;
    assert_eq!(
        events,
        ["CREATING", "RUNNING", "RESTARTING", "RUNNING", "TERMINATING", "STARTING", "RUNNING"]
    );
    site.done("permanent-delete", named(&id)).await;
    assert_eq!(site.post("start", named(&id)).await.0, 404);
    site.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_cannot_do_is_the_reason() {
    let site = Site::new().await;
    for (kind, code, class) in [
        (ProviderErrorKind::Capacity, "CLOUD_PROVIDER_RESOURCE_STOCKOUT", "CLOUD_FAILURE"),
        (ProviderErrorKind::Unauthorized, "AWS_AUTHORIZATION_FAILURE", "CLIENT_ERROR"),
        (
            ProviderErrorKind::NoFreeAddresses,
            "AWS_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET_FAILURE",
            "CLIENT_ERROR",
        ),
        (
            ProviderErrorKind::Refused,
            "CLOUD_PROVIDER_LAUNCH_FAILURE_DUE_TO_MISCONFIG",
            "CLIENT_ERROR",
        ),
    ] {
        site.provider.errors.lock().push_back(kind);
        let id = site.create(1).await;
        let info = site.ended_for(&id, code).await;
        assert_eq!(info["termination_reason"]["type"], class);
        assert!(info["state_message"].as_str().unwrap().contains("happened"), "{info}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_asked_again() {
    let site = Site::new().await;
    site.provider.errors.lock().extend([ProviderErrorKind::Throttled; 3]);
    let id = site.create(0).await;
    site.until(&id, "RUNNING").await;
    assert_eq!(site.provider.orders.load(Ordering::SeqCst), 4);
    assert_eq!(site.provider.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_never_joins_is_ended() {
    let mut config = quick();
    config.clusters.boot_wait = Duration::from_millis(200);
    let site = Site::with(config).await;
    site.provider.join.send_replace(false);
    let id = site.create(0).await;
    site.ended_for(&id, "BOOTSTRAP_TIMEOUT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_ends_before_it_joins_is_no_wait() {
    let site = Site::new().await;
    site.provider.join.send_replace(false);
    let id = site.create(0).await;
    let host = eventually("a host", async || site.provider.live().pop()).await;
    site.provider.take_back(&host, HostState::Ended);
    site.ended_for(&id, "CLOUD_PROVIDER_LAUNCH_FAILURE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_taken_back_is_replaced_and_a_driver_is_the_end() {
    let site = Site::new().await;
    let id = site.create(1).await;
    let info = site.until(&id, "RUNNING").await;
    let host = |info: &Value, of: &str| info[of]["instance_id"].as_str().unwrap().to_owned();
    let worker = info["executors"][0]["instance_id"].as_str().unwrap().to_owned();
    site.provider.take_back(&worker, HostState::Reclaimed);
    let info = eventually("another worker", async || {
        let info = site.get(&id).await;
        let other = info["executors"][0]["instance_id"].as_str().is_some_and(|id| *id != worker);
        (info["state"] == "RUNNING" && other).then_some(info)
    })
    .await;
    assert!(site.events(&id).await.contains(&"NODES_LOST".to_owned()));
    site.provider.take_back(&host(&info, "driver"), HostState::Reclaimed);
    let info = site.ended_for(&id, "SPOT_INSTANCE_TERMINATION").await;
    assert_eq!(info["termination_reason"]["type"], "CLOUD_FAILURE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_during_a_resize_stays_deleted() {
    let site = Site::new().await;
    let id = site.create(0).await;
    site.until(&id, "RUNNING").await;
    site.provider.open.send_replace(false);
    site.done("resize", json!({ "cluster_id": id, "num_workers": 3 })).await;
    assert_eq!(site.get(&id).await["state"], "RESIZING");
    eventually("orders", async || (site.provider.orders.load(Ordering::SeqCst) == 4).then_some(()))
        .await;
    site.done("delete", named(&id)).await;
    site.provider.open.send_replace(true);
    site.ended_for(&id, "USER_REQUEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_grows_and_shrinks_and_does_with_fewer() {
    let site = Site::new().await;
    let id = site.create(1).await;
    site.until(&id, "RUNNING").await;
    site.done("resize", json!({ "cluster_id": id, "num_workers": 3 })).await;
    let info = site.until(&id, "RUNNING").await;
    assert_eq!((info["executors"].as_array().unwrap().len(), site.provider.live().len()), (3, 4));
    site.done("resize", json!({ "cluster_id": id, "num_workers": 1 })).await;
    site.until(&id, "RUNNING").await;
    eventually("fewer", async || (site.provider.live().len() == 2).then_some(())).await;
    site.provider.errors.lock().push_back(ProviderErrorKind::Capacity);
    site.done("resize", json!({ "cluster_id": id, "num_workers": 2 })).await;
    site.until(&id, "RUNNING").await;
    assert_eq!(site.provider.live().len(), 2);
    assert!(site.events(&id).await.contains(&"ADD_NODES_FAILED".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_adopts_what_runs_and_ends_what_is_nobodys() {
    let mut site = Site::new().await;
    let running = site.create(1).await;
    site.until(&running, "RUNNING").await;
    // One that is ordered while the server ends.
    site.provider.join.send_replace(false);
    let starting = site.create(0).await;
    eventually("its host", async || (site.provider.live().len() == 3).then_some(())).await;
    site.provider.stray("i-stray");
    let before = site.get(&running).await;
    site.world.restart_server().await;
    site.provider.serve(&site.world);
    let after = site.until(&running, "RUNNING").await;
    assert_eq!(before["driver"], after["driver"]);
    eventually("the stray's end", async || (site.provider.live().len() == 3).then_some(())).await;
    assert_eq!(site.get(&running).await["state"], "RUNNING");
    assert_eq!(site.get(&starting).await["state"], "PENDING");
    assert_eq!(site.provider.orders.load(Ordering::SeqCst), 3);
    for id in [&running, &starting] {
        site.done("delete", named(id)).await;
        site.ended_after_restart(id).await;
    }
    site.nothing_left().await;
}

impl Site {
    async fn ended_after_restart(&self, id: &str) {
        let info = self.until(id, "TERMINATED").await;
        assert_eq!(info["termination_reason"]["code"], "USER_REQUEST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_leave_nothing() {
    let site = Site::new().await;
    let ids = futures::future::join_all((0..50).map(|_| site.create(0))).await;
    // Some while they start, some later.
    for (place, id) in ids.iter().enumerate() {
        if place % 3 == 0 {
            site.until(id, "RUNNING").await;
        }
        site.done("delete", named(id)).await;
    }
    for id in &ids {
        site.until(id, "TERMINATED").await;
    }
    site.nothing_left().await;
    let mut tx = site.world.db.db.read().await.unwrap();
    let left = tx.fetch_all("SELECT node_id FROM cluster_hosts", vec![]).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_nobody_uses_ends() {
    let config = ComputeConfig { minute: Duration::from_millis(10), ..quick() };
    let site = Site::with(config).await;
    let id = site.create_with(json!({ "num_workers": 0, "autotermination_minutes": 10 })).await;
    let info = site.ended_for(&id, "INACTIVITY").await;
    assert_eq!(info["termination_reason"]["parameters"]["inactivity_duration_min"], "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_what() {
    let site = Site::new().await;
    let id = site.create(0).await;
    site.until(&id, "RUNNING").await;
    let someone = ctx("someone@example.org");
    let someone = Ctx { workspace: site.world.ctx.workspace, ..someone };
    let get = format!("/api/2.1/clusters/get?cluster_id={id}");
    assert_eq!(site.call_as(&someone, "GET", &get, Value::Null).await.0, 404);
    let list = "/api/2.1/clusters/list";
    let (_, listed) = site.call_as(&someone, "GET", list, Value::Null).await;
    assert!(listed["clusters"].as_array().unwrap().is_empty());
    let entry = Entry {
        principal_kind: "user".into(),
        principal_name: "someone@example.org".into(),
        permission_level: "CAN_ATTACH_TO".into(),
    };
    let workspace = site.world.workspace();
    let mut tx = site.world.db.db.write().await.unwrap();
    acl::grant(&mut tx, workspace, &CLUSTERS, &id, &entry).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(site.call_as(&someone, "GET", &get, Value::Null).await.0, 200);
    let delete = "/api/2.1/clusters/delete";
    assert_eq!(site.call_as(&someone, "POST", delete, named(&id)).await.0, 403);
    let create =
        json!({ "spark_version": "16.4.x-scala2.12", "node_type_id": "small", "num_workers": 0 });
    assert_eq!(site.call_as(&someone, "POST", "/api/2.1/clusters/create", create).await.0, 403);
    // Of somebody else's context nothing is seen; of another cluster's neither.
    let context = json!({ "clusterId": id, "language": "python" });
    let (status, made) =
        site.call_as(&someone, "POST", "/api/1.2/contexts/create", context.clone()).await;
    assert_eq!(status, 200, "{made}");
    eventually("its sandbox on the driver", async || {
        let machines = site.provider.machines.lock();
        let node = machines.values().next()?.node.as_ref()?;
        (node.sandboxes().len() == 1).then_some(())
    })
    .await;
    site.done("delete", named(&id)).await;
    site.ended_for(&id, "USER_REQUEST").await;
    let (status, refused) =
        site.call_as(&someone, "POST", "/api/1.2/contexts/create", context).await;
    assert_eq!((status, &refused["error_code"]), (400, &json!("INVALID_STATE")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_waits_for_its_cluster_and_a_single_users_is_nobody_elses() {
    let site = Site::new().await;
    site.provider.open.send_replace(false);
    let id = site
        .create_with(json!({ "num_workers": 0, "single_user_name": "somebody@example.org" }))
        .await;
    let context = json!({ "clusterId": id, "language": "python" });
    let path = "/api/1.2/contexts/create";
    let (status, refused) = site.call_as(&site.world.ctx, "POST", path, context).await;
    assert_eq!(status, 403, "{refused}");
    let open = site.create(0).await;
    let context = json!({ "clusterId": open, "language": "python" });
    let (_, refused) = site.call_as(&site.world.ctx, "POST", path, context).await;
    assert!(refused["message"].as_str().unwrap().starts_with("ClusterNotReadyException"));
    site.provider.open.send_replace(true);
    site.until(&open, "RUNNING").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_clusters_run_nothing_else() {
    let site = Site::with(ComputeConfig { node_wait: Duration::from_millis(100), ..quick() }).await;
    let id = site.create(0).await;
    site.until(&id, "RUNNING").await;
    let warehouse = site.world.create("elsewhere").await;
    let info = site.world.until(&warehouse, biplane_api::compute::WarehouseState::Stopped).await;
    assert!(info.health.summary.unwrap().contains("No compute node"));
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_ones_own_are_taken_and_given_back() {
    let site = Site::new().await;
    let workspace = site.world.workspace().to_string();
    let hello = Hello { cpus: 2, memory_bytes: 4 << 30, ..Hello::default() };
    let (home, labels) = (Relay::of(&site.world), [("workspace", workspace.as_str())]);
    let machine = FakeNode::start_as(&home, NodeId::random(), &labels, hello);
    let list = "/api/2.1/clusters/list-node-types";
    eventually("its type", async || {
        let (_, types) = site.call_as(&site.world.ctx, "GET", list, Value::Null).await;
        let types = types["node_types"].as_array().unwrap().clone();
        types.iter().any(|one| one["node_type_id"] == "own.2c-4g").then_some(())
    })
    .await;
    let wanted = json!({ "num_workers": 0, "node_type_id": "own.2c-4g" });
    let first = site.create_with(wanted.clone()).await;
    let info = site.until(&first, "RUNNING").await;
    assert_eq!(info["driver"]["node_id"], machine.id.as_str());
    let second = site.create_with(wanted).await;
    site.ended_own(&second, "CLOUD_PROVIDER_RESOURCE_STOCKOUT").await;
    site.done("delete", named(&first)).await;
    site.ended_own(&first, "USER_REQUEST").await;
    site.done("start", named(&second)).await;
    let info = site.until(&second, "RUNNING").await;
    assert_eq!(info["driver"]["node_id"], machine.id.as_str());
}

impl Site {
    async fn ended_own(&self, id: &str, code: &str) {
        let info = self.until(id, "TERMINATED").await;
        assert_eq!(info["termination_reason"]["code"], code, "{info}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_events_come_in_pages_and_edits_hold() {
    let site = Site::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(site.create(0).await);
    }
    for id in &ids {
        site.until(id, "RUNNING").await;
    }
    site.done("delete", named(&ids[0])).await;
    site.until(&ids[0], "TERMINATED").await;
    site.done("pin", named(&ids[0])).await;
    let list = async |query: &str| {
        let path = format!("/api/2.1/clusters/list?{query}");
        let (status, answer) = site.call_as(&site.world.ctx, "GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let running = "filter_by.cluster_states=RUNNING&filter_by.cluster_states=PENDING";
    assert_eq!(list(running).await["clusters"].as_array().unwrap().len(), 2);
    assert_eq!(list("filter_by.is_pinned=true").await["clusters"][0]["cluster_id"], ids[0]);
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("page_size=1&page_token={token}")).await;
        let id = page["clusters"][0]["cluster_id"].as_str().unwrap();
        seen.push(id.to_owned());
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
    let id = &seen[0];
    let request = json!({ "cluster_id": id, "limit": 1, "order": "ASC" });
    let (_, page) = site.post("events", request).await;
    assert_eq!(page["events"][0]["type"], "CREATING");
    let (_, page) = site.post("events", page["next_page"].clone()).await;
    assert_eq!(page["events"][0]["type"], "RUNNING");
    // An edit replaces; an update changes what its mask names.
    let other = site.create(0).await;
    site.until(&other, "RUNNING").await;
    let update = json!({
        "cluster_id": other, "update_mask": "cluster_name,num_workers",
        "cluster": { "cluster_name": "renamed", "num_workers": 1 },
    });
    site.done("update", update).await;
    assert_eq!(site.get(&other).await["state"], "RESTARTING");
    let info = site.until(&other, "RUNNING").await;
    assert_eq!((&info["cluster_name"], &info["num_workers"]), (&json!("renamed"), &json!(1)));
    assert_eq!(info["spec"]["node_type_id"], "small");
    let owner = json!({ "cluster_id": other, "owner_username": "other@example.org" });
    assert_eq!(site.post("change-owner", owner.clone()).await.1["error_code"], "INVALID_STATE");
    site.done("delete", named(&other)).await;
    site.until(&other, "TERMINATED").await;
    site.done("change-owner", owner).await;
    assert_eq!(site.get(&other).await["creator_user_name"], "other@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_goes_takes_its_clusters_with_it() {
    let site = Site::new().await;
    let id = site.create(1).await;
    site.until(&id, "RUNNING").await;
    let gone = site.world.compute.workspace_forget(site.world.workspace());
    tokio::time::timeout(PATIENCE, gone).await.unwrap().unwrap();
    assert!(site.provider.live().is_empty());
    assert_eq!(site.post("start", named(&id)).await.0, 404);
}
