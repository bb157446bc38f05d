//! Instance pools: hosts that wait, clusters that take them and give them back, and that none is left over.

use crate::clusters::Site;
use crate::support::{eventually, quick};
use biplane_api::pools::InstancePool;
use biplane_compute::provider::{HostState, ProviderErrorKind};
use biplane_platform::testing::ctx;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const AT: &str = "/api/2.0/instance-pools";

impl Site {
    async fn pool_call(&self, call: &str, body: Value) -> (u16, Value) {
        self.call_as(&self.world.ctx, "POST", &format!("{AT}/{call}"), body).await
    }

    async fn pool(&self, more: Value) -> String {
        let mut body = json!({
            "instance_pool_name": "pool", "node_type_id": "small", "min_idle_instances": 1,
            "idle_instance_autotermination_minutes": 10_000,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, answer) = self.pool_call("create", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["instance_pool_id"].as_str().unwrap().to_owned()
    }

    async fn pool_get(&self, id: &str) -> Value {
        let path = format!("{AT}/get?instance_pool_id={id}");
        let (status, answer) = self.call_as(&self.world.ctx, "GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        let _: InstancePool = serde_json::from_value(answer.clone()).unwrap();
        answer
    }

    /// Idle, used, and on their way to either.
    async fn counts(&self, id: &str) -> [i64; 4] {
        let stats = self.pool_get(id).await["stats"].clone();
        ["idle_count", "used_count", "pending_idle_count", "pending_used_count"]
            .map(|name| stats[name].as_i64().unwrap())
    }

    async fn until_counts(&self, id: &str, counts: [i64; 4]) {
        eventually(&format!("{counts:?} hosts"), async || {
            (self.counts(id).await == counts).then_some(())
        })
        .await;
    }

    async fn pool_rest(&self, id: &str) {
        assert_eq!(self.pool_call("delete", json!({ "instance_pool_id": id })).await.0, 200);
        self.nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_takes_a_host_that_waits_and_gives_it_back() {
    let site = Site::new().await;
    let pool = site.pool(json!({ "max_capacity": 2, "custom_tags": { "team": "data" } })).await;
    site.until_counts(&pool, [1, 0, 0, 0]).await;
    let kept = site.provider.live();
    {
        let machines = site.provider.machines.lock();
        let order = &machines[&kept[0]].order;
        assert_eq!(
            (order.tags["team"].as_str(), order.tags["InstancePoolId"].as_str()),
            ("data", pool.as_str())
        );
    }
    let body = json!({ "cluster_name": "c", "spark_version": "16.4.x-scala2.12", "num_workers": 0, "instance_pool_id": pool });
    let (status, made) = site.post("create", body).await;
    assert_eq!(status, 200, "{made}");
    let id = made["cluster_id"].as_str().unwrap();
    let info = site.until(id, "RUNNING").await;
    assert_eq!(info["driver"]["instance_id"], kept[0].as_str());
    assert_eq!(info["node_type_id"], "small");
    assert!(info["spec"]["node_type_id"].is_null());
    // Another one takes its place; then the pool is full.
    site.until_counts(&pool, [1, 1, 0, 0]).await;
    site.done("resize", json!({ "cluster_id": id, "num_workers": 1 })).await;
    site.until(id, "RUNNING").await;
    site.until_counts(&pool, [0, 2, 0, 0]).await;
    assert_eq!(site.provider.orders.load(Ordering::SeqCst), 2);

    site.done("delete", json!({ "cluster_id": id })).await;
    site.until(id, "TERMINATED").await;
    site.until_counts(&pool, [2, 0, 0, 0]).await;
    site.done("start", json!({ "cluster_id": id })).await;
    site.until(id, "RUNNING").await;
    assert_eq!(site.provider.orders.load(Ordering::SeqCst), 2);
    // The pool goes, the cluster stays; then its hosts go with it.
    assert_eq!(site.pool_call("delete", json!({ "instance_pool_id": pool })).await.0, 200);
    assert_eq!(site.get(id).await["state"], "RUNNING");
    assert_eq!(site.provider.live().len(), 2);
    site.done("delete", json!({ "cluster_id": id })).await;
    site.until(id, "TERMINATED").await;
    site.nothing_left().await;
    let (status, answer) = site.post("start", json!({ "cluster_id": id })).await;
    assert_eq!(status, 200, "{answer}");
    site.ended_for(id, "INSTANCE_POOL_NOT_FOUND").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_idle_for_long_ends() {
    let site = Site::new().await;
    let pool = site
        .pool(json!({ "min_idle_instances": 0, "idle_instance_autotermination_minutes": 0 }))
        .await;
    let id = site
        .create_with(json!({ "num_workers": 1, "node_type_id": "", "instance_pool_id": pool }))
        .await;
    site.until(&id, "RUNNING").await;
    site.until_counts(&pool, [0, 2, 0, 0]).await;
    site.done("permanent-delete", json!({ "cluster_id": id })).await;
    site.nothing_left().await;
    site.until_counts(&pool, [0, 0, 0, 0]).await;
    // Fewer are kept when fewer are wanted.
    let edit = |least: i64| {
        json!({
            "instance_pool_id": pool, "instance_pool_name": "other", "node_type_id": "small",
            "min_idle_instances": least, "idle_instance_autotermination_minutes": 0,
        })
    };
    assert_eq!(site.pool_call("edit", edit(2)).await.0, 200);
    site.until_counts(&pool, [2, 0, 0, 0]).await;
    assert_eq!(site.pool_call("edit", edit(1)).await.0, 200);
    site.until_counts(&pool, [1, 0, 0, 0]).await;
    site.pool_rest(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_is_told() {
    let site = Site::new().await;
    let pool = site.pool(json!({ "min_idle_instances": 0, "max_capacity": 1 })).await;
    let asked = json!({ "num_workers": 1, "node_type_id": "", "instance_pool_id": pool });
    let id = site.create_with(asked).await;
    let info = site.until(&id, "TERMINATED").await;
    assert_eq!(info["termination_reason"]["code"], "INSTANCE_POOL_MAX_CAPACITY_REACHED", "{info}");
    site.done("permanent-delete", json!({ "cluster_id": id })).await;
    site.pool_rest(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_lost_or_cannot_be_had_are_made_anew() {
    let site = Site::new().await;
    site.provider.errors.lock().extend([ProviderErrorKind::Capacity; 100]);
    let pool = site.pool(json!({})).await;
    let problems = eventually("a problem", async || {
        let pool = site.pool_get(&pool).await;
        Some(pool["status"]["pending_instance_errors"].clone()).filter(|list| list[0].is_object())
    })
    .await;
    assert!(problems[0]["message"].is_string());
    site.provider.errors.lock().clear();
    site.until_counts(&pool, [1, 0, 0, 0]).await;
    assert_eq!(site.pool_get(&pool).await["status"]["pending_instance_errors"], json!([]));
    let first = site.provider.live();
    site.provider.take_back(&first[0], HostState::Reclaimed);
    eventually("another host", async || {
        let live = site.provider.live();
        (live.len() == 1 && live != first).then_some(())
    })
    .await;
    site.until_counts(&pool, [1, 0, 0, 0]).await;
    site.pool_rest(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_wait_outlive_the_server() {
    let mut site = Site::with(quick()).await;
    let pool = site.pool(json!({})).await;
    site.until_counts(&pool, [1, 0, 0, 0]).await;
    let before = site.provider.live();
    site.world.restart_server().await;
    site.provider.serve(&site.world);
    site.until_counts(&pool, [1, 0, 0, 0]).await;
    assert_eq!(site.provider.live(), before);
    site.pool_rest(&pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_are_for_those_who_may() {
    let site = Site::new().await;
    let somebody = ctx("somebody@example.com");
    let pool = site.pool(json!({ "min_idle_instances": 0 })).await;
    let body = json!({ "instance_pool_name": "x", "node_type_id": "small" });
    let path = format!("{AT}/create");
    assert_eq!(site.call_as(&somebody, "POST", &path, body.clone()).await.0, 403);
    let mut maker = ctx("maker@example.com");
    std::sync::Arc::make_mut(&mut maker.principal).entitlements.extend([
        biplane_platform::Entitlement::AllowInstancePoolCreate,
        biplane_platform::Entitlement::AllowClusterCreate,
    ]);
    assert_eq!(site.call_as(&maker, "POST", &path, body).await.0, 200);
    let (_, list) = site.call_as(&maker, "GET", &format!("{AT}/list"), Value::Null).await;
    assert_eq!(list["instance_pools"].as_array().unwrap().len(), 1);
    let get = format!("{AT}/get?instance_pool_id={pool}");
    assert_eq!(site.call_as(&maker, "GET", &get, Value::Null).await.0, 404);
    let mut cluster =
        json!({ "spark_version": "16.4.x-scala2.12", "num_workers": 0, "instance_pool_id": pool });
    let create = "/api/2.1/clusters/create";
    assert_eq!(site.call_as(&maker, "POST", create, cluster.clone()).await.0, 404);
    cluster["node_type_id"] = "large".into();
    let (status, answer) = site.call_as(&site.world.ctx, "POST", create, cluster).await;
    assert_eq!(status, 400);
    assert_eq!(
        answer["message"],
        "The field 'node_type_id' cannot be supplied when an instance pool ID is provided."
    );
    let same = json!({ "instance_pool_name": "pool", "node_type_id": "small" });
    assert_eq!(site.pool_call("create", same).await.0, 409);
}
