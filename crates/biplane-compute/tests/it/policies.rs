//! Cluster policies: who writes and uses them, and that clusters keep to them.

use crate::clusters::Site;
use biplane_api::policies::{ClusterComplianceList, Policy, PolicyFamilyList};
use biplane_platform::Ctx;
use biplane_platform::acl::{self, CLUSTER_POLICIES, Entry};
use biplane_platform::testing::ctx;
use serde_json::{Value, json};

const AT: &str = "/api/2.0/policies/clusters";

impl Site {
    async fn policy_as(&self, ctx: &Ctx, call: &str, body: Value) -> (u16, Value) {
        self.call_as(ctx, "POST", &format!("{AT}/{call}"), body).await
    }

    async fn policy(&self, name: &str, definition: Value) -> String {
        let body = json!({ "name": name, "definition": definition.to_string() });
        let (status, answer) = self.policy_as(&self.world.ctx, "create", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["policy_id"].as_str().unwrap().to_owned()
    }

    async fn rewrite(&self, id: &str, definition: Value) {
        let body = json!({ "policy_id": id, "definition": definition.to_string() });
        assert_eq!(self.policy_as(&self.world.ctx, "edit", body).await.0, 200);
    }

    async fn see(&self, ctx: &Ctx, path: &str) -> (u16, Value) {
        self.call_as(ctx, "GET", path, Value::Null).await
    }

    async fn names(&self, ctx: &Ctx) -> Vec<String> {
        let (_, list) =
            self.see(ctx, &format!("{AT}/list?sort_column=POLICY_NAME&sort_order=ASC")).await;
        let list = list["policies"].as_array().unwrap();
        list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn allow(&self, name: &str, id: &str) {
        let entry = Entry {
            principal_kind: "user".into(),
            principal_name: name.into(),
            permission_level: "CAN_USE".into(),
        };
        let mut tx = self.world.db.db.write().await.unwrap();
        let workspace = self.world.ctx.workspace().unwrap();
        acl::grant(&mut tx, workspace, &CLUSTER_POLICIES, id, &entry).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The answer to an attempt to make a cluster.
    async fn attempt(&self, ctx: &Ctx, more: Value) -> (u16, Value) {
        let mut body = json!({
            "spark_version": "16.4.x-scala2.12", "node_type_id": "small", "num_workers": 0,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        if body["num_workers"].is_null() {
            body.as_object_mut().unwrap().remove("num_workers");
        }
        self.call_as(ctx, "POST", "/api/2.1/clusters/create", body).await
    }
}

fn message(answer: &Value) -> &str {
    answer["message"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_workspace_has_the_usual_policies() {
    let site = Site::new().await;
    let somebody = ctx("somebody@example.com");
    assert_eq!(site.names(&somebody).await, ["Personal Compute"]);
    let all = ["Job Compute", "Personal Compute", "Power User Compute", "Shared Compute"];
    assert_eq!(site.names(&site.world.ctx).await, all);
    let (_, list) = site.see(&somebody, &format!("{AT}/list")).await;
    let personal: Policy = serde_json::from_value(list["policies"][0].clone()).unwrap();
    assert!(personal.is_default && personal.creator_user_name.is_none());
    assert_eq!(personal.spec.policy_family_id.as_deref(), Some("personal-vm"));
    assert!(personal.spec.definition.as_deref().unwrap().contains("\"num_workers\""));
    let id = personal.policy_id.to_string();

    // Without any other right, clusters can be made by it; on one host, for oneself.
    let (status, answer) = site.attempt(&somebody, json!({})).await;
    assert_eq!((status, answer["error_code"].as_str()), (403, Some("PERMISSION_DENIED")));
    let asked =
        json!({ "policy_id": id, "num_workers": null, "apply_policy_default_values": true });
    let (status, made) = site.attempt(&somebody, asked).await;
    assert_eq!(status, 200, "{made}");
    let info = site.get(made["cluster_id"].as_str().unwrap()).await;
    assert_eq!(info["num_workers"], 0);
    assert_eq!(info["single_user_name"], "somebody@example.com");
    assert_eq!(info["autotermination_minutes"], 4320);
    assert_eq!(info["policy_id"], id.as_str());
    let (status, answer) =
        site.attempt(&somebody, json!({ "policy_id": id, "num_workers": 3 })).await;
    assert_eq!(status, 400);
    assert_eq!(
        message(&answer),
        "Cluster validation error: Validation failed for num_workers, the value must be 0 (is 3)"
    );

    // They can be adapted, and neither go nor change their family.
    let body = json!({ "policy_id": id });
    assert_eq!(site.policy_as(&site.world.ctx, "delete", body).await.0, 400);
    let body = json!({ "policy_id": id, "policy_family_id": "power-user" });
    assert_eq!(site.policy_as(&site.world.ctx, "edit", body).await.0, 400);
    let overrides = json!({ "autotermination_minutes": { "type": "fixed", "value": 15 } });
    let body =
        json!({ "policy_id": id, "policy_family_definition_overrides": overrides.to_string() });
    assert_eq!(site.policy_as(&site.world.ctx, "edit", body).await.0, 200);
    let (_, made) = site.attempt(&somebody, json!({ "policy_id": id })).await;
    let info = site.get(made["cluster_id"].as_str().unwrap()).await;
    assert_eq!(info["autotermination_minutes"], 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn families_are_listed_in_pages() {
    let site = Site::new().await;
    let somebody = ctx("somebody@example.com");
    let (_, first) = site.see(&somebody, "/api/2.0/policy-families?max_results=3").await;
    let first: PolicyFamilyList = serde_json::from_value(first).unwrap();
    let token = first.next_page_token.unwrap();
    let path = format!("/api/2.0/policy-families?max_results=3&page_token={token}");
    let (_, second) = site.see(&somebody, &path).await;
    let second: PolicyFamilyList = serde_json::from_value(second).unwrap();
    assert!(second.next_page_token.is_none());
    let ids: Vec<String> = first
        .policy_families
        .into_iter()
        .chain(second.policy_families)
        .map(|family| family.policy_family_id)
        .collect();
    assert_eq!(ids, ["personal-vm", "shared-compute", "power-user", "job-cluster"]);
    let (status, one) = site.see(&somebody, "/api/2.0/policy-families/power-user").await;
    assert_eq!((status, one["name"].as_str()), (200, Some("Power User Compute")));
    assert_eq!(site.see(&somebody, "/api/2.0/policy-families/nonsense").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_write_policies_and_others_use_those_they_may() {
    let site = Site::new().await;
    let (admin, somebody) = (site.world.ctx.clone(), ctx("somebody@example.com"));
    let rule = json!({ "num_workers": { "type": "range", "maxValue": 2 } });
    let body = json!({ "name": "mine", "definition": rule.to_string() });
    assert_eq!(site.policy_as(&somebody, "create", body.clone()).await.0, 403);
    let id = site.policy("mine", rule.clone()).await;
    let (status, answer) = site.policy_as(&admin, "create", body).await;
    assert_eq!((status, answer["error_code"].as_str()), (409, Some("RESOURCE_ALREADY_EXISTS")));
    for (body, what) in [
        (json!({ "definition": "{}" }), "name"),
        (json!({ "name": "x" }), "definition"),
        (json!({ "name": "x", "definition": "{" }), "no JSON"),
        (json!({ "name": "x", "definition": "{\"a\": {\"type\": \"fixed\"}}" }), "attribute path"),
        (json!({ "name": "x", "definition": "{}", "policy_family_id": "power-user" }), "overrides"),
        (json!({ "name": "x", "policy_family_id": "nonsense" }), "policy family"),
        (json!({ "name": "x", "definition": "{}", "max_clusters_per_user": 0 }), "greater than 0"),
        (json!({ "name": "x", "policy_family_definition_overrides": "{}" }), "needs"),
    ] {
        let (status, answer) = site.policy_as(&admin, "create", body.clone()).await;
        assert!(status >= 400 && message(&answer).contains(what), "{body}: {answer}");
    }

    let get = format!("{AT}/get?policy_id={id}");
    assert_eq!(site.see(&somebody, &get).await.0, 404);
    let with = |workers: i64| json!({ "policy_id": id, "num_workers": workers });
    assert_eq!(site.attempt(&somebody, with(1)).await.0, 404);
    site.allow("somebody@example.com", &id).await;
    assert_eq!(site.see(&somebody, &get).await.1["definition"], rule.to_string());
    assert_eq!(site.attempt(&somebody, with(3)).await.0, 400);
    let (status, made) = site.attempt(&somebody, with(1)).await;
    assert_eq!(status, 200, "{made}");
    for call in ["edit", "delete"] {
        assert_eq!(site.policy_as(&somebody, call, json!({ "policy_id": id })).await.0, 403);
    }

    // Who may make clusters only by a policy does not get rid of it.
    let cluster = made["cluster_id"].as_str().unwrap();
    site.until(cluster, "RUNNING").await;
    let mut spec = json!({
        "cluster_id": cluster, "spark_version": "16.4.x-scala2.12", "node_type_id": "small",
        "num_workers": 1,
    });
    let (status, _) = site.call_as(&somebody, "POST", "/api/2.1/clusters/edit", spec.clone()).await;
    assert_eq!(status, 403);
    assert_eq!(site.policy_as(&admin, "delete", json!({ "policy_id": id })).await.0, 200);
    spec["policy_id"] = id.as_str().into();
    let (status, answer) = site.call_as(&somebody, "POST", "/api/2.1/clusters/edit", spec).await;
    assert!(status == 400 && message(&answer).contains("was deleted"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_cluster_keeps_to_its_policy() {
    let site = Site::new().await;
    let id = site
        .policy(
            "small",
            json!({
                "num_workers": { "type": "range", "maxValue": 2 },
                "custom_tags.team": { "type": "fixed", "value": "data" },
                "autotermination_minutes": { "type": "range", "maxValue": 60, "defaultValue": 20 },
            }),
        )
        .await;
    let (status, answer) = site.attempt(&site.world.ctx, json!({ "policy_id": id })).await;
    assert!(status == 400 && message(&answer).contains("autotermination_minutes"), "{answer}");
    let cluster = site
        .create_with(
            json!({ "policy_id": id, "num_workers": 1, "apply_policy_default_values": true }),
        )
        .await;
    let info = site.until(&cluster, "RUNNING").await;
    assert_eq!(info["custom_tags"], json!({ "team": "data" }));
    assert_eq!(info["autotermination_minutes"], 20);

    let resize = |more: Value| {
        let mut body = json!({ "cluster_id": cluster });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(site.post("resize", resize(json!({ "num_workers": 3 }))).await.0, 400);
    let scale = json!({ "autoscale": { "min_workers": 1, "max_workers": 9 } });
    assert_eq!(site.post("resize", resize(scale)).await.0, 400);
    site.done("resize", resize(json!({ "num_workers": 2 }))).await;
    site.until(&cluster, "RUNNING").await;
    let update = |mask: &str, change: Value| json!({ "cluster_id": cluster, "update_mask": mask, "cluster": change });
    let tags = json!({ "custom_tags": { "team": "other" } });
    assert_eq!(site.post("update", update("custom_tags", tags)).await.0, 400);
    let late = json!({ "autotermination_minutes": 90 });
    assert_eq!(site.post("update", update("autotermination_minutes", late)).await.0, 400);
    // What the policy fixes by now comes with any change.
    site.rewrite(&id, json!({ "custom_tags.team": { "type": "fixed", "value": "more" } })).await;
    site.done("update", update("cluster_name", json!({ "cluster_name": "new" }))).await;
    let info = site.until(&cluster, "RUNNING").await;
    assert_eq!(
        (info["cluster_name"].as_str(), info["num_workers"].as_i64()),
        (Some("new"), Some(2))
    );
    assert_eq!(info["custom_tags"], json!({ "team": "more" }));
    site.done("permanent-delete", json!({ "cluster_id": cluster })).await;
    site.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_as_many_clusters_as_the_policy_allows() {
    let site = Site::new().await;
    let body = json!({ "name": "one", "definition": "{}", "max_clusters_per_user": 1 });
    let (_, answer) = site.policy_as(&site.world.ctx, "create", body).await;
    let id = answer["policy_id"].as_str().unwrap().to_owned();
    site.allow("somebody@example.com", &id).await;
    let first = site.create_with(json!({ "policy_id": id, "num_workers": 0 })).await;
    let (status, answer) = site.attempt(&site.world.ctx, json!({ "policy_id": id })).await;
    assert!(status == 400 && message(&answer).contains("allows 1 per user"), "{answer}");
    let (status, _) = site.attempt(&ctx("somebody@example.com"), json!({ "policy_id": id })).await;
    assert_eq!(status, 200);
    site.until(&first, "RUNNING").await;
    site.done("delete", json!({ "cluster_id": first })).await;
    site.until(&first, "TERMINATED").await;
    let second = site.create_with(json!({ "policy_id": id, "num_workers": 0 })).await;
    assert_eq!(site.post("start", json!({ "cluster_id": first })).await.0, 400);
    site.done("permanent-delete", json!({ "cluster_id": second })).await;
    site.done("start", json!({ "cluster_id": first })).await;
    site.until(&first, "RUNNING").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_get_the_libraries_of_their_policy() {
    let site = Site::new().await;
    let body =
        |libraries: Value| json!({ "name": "with", "definition": "{}", "libraries": libraries });
    for (libraries, code) in [
        (json!([{ "jar": "/Volumes/a/b/c/d.jar" }]), 501),
        (json!([{}]), 400),
        (json!([{ "pypi": 3 }]), 400),
    ] {
        let (status, answer) = site.policy_as(&site.world.ctx, "create", body(libraries)).await;
        assert_eq!(status, code, "{answer}");
    }
    let libraries = json!([{ "pypi": { "package": "simplejson" } }]);
    let (_, answer) = site.policy_as(&site.world.ctx, "create", body(libraries.clone())).await;
    let id = answer["policy_id"].as_str().unwrap().to_owned();
    let (_, seen) = site.see(&site.world.ctx, &format!("{AT}/get?policy_id={id}")).await;
    assert_eq!(seen["libraries"], libraries);
    let cluster = site.create_with(json!({ "policy_id": id, "num_workers": 0 })).await;
    let path = format!("/api/2.0/libraries/cluster-status?cluster_id={cluster}");
    let (status, told) = site.see(&site.world.ctx, &path).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["library_statuses"][0]["library"], libraries[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn compliance_is_told_and_enforced() {
    let site = Site::new().await;
    let admin = site.world.ctx.clone();
    let id = site.policy("changing", json!({})).await;
    let free = site.create(0).await;
    let cluster = site.create_with(json!({ "policy_id": id, "num_workers": 2 })).await;
    site.until(&cluster, "RUNNING").await;
    let of = |cluster: &str| format!("{AT}/get-compliance?cluster_id={cluster}");
    assert_eq!(site.see(&admin, &of(&cluster)).await.1["is_compliant"], true);
    assert_eq!(site.see(&admin, &of(&free)).await.1["is_compliant"], true);
    site.rewrite(
        &id,
        json!({
            "num_workers": { "type": "fixed", "value": 1 },
            "autotermination_minutes": { "type": "range", "minValue": 10, "defaultValue": 30 },
        }),
    )
    .await;
    let (_, seen) = site.see(&admin, &of(&cluster)).await;
    assert_eq!(
        seen["violations"],
        json!({
            "autotermination_minutes": "the value must be present",
            "num_workers": "the value must be 1 (is 2)",
        })
    );
    let (_, list) =
        site.see(&admin, &format!("{AT}/list-compliance?policy_id={id}&page_size=1")).await;
    let list: ClusterComplianceList = serde_json::from_value(list).unwrap();
    assert!(list.next_page_token.is_none());
    assert_eq!(list.clusters[0].cluster_id.as_str(), cluster);
    assert!(!list.clusters[0].compliance.is_compliant);

    let enforce = async |more: Value| {
        let mut body = json!({ "cluster_id": cluster });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        site.policy_as(&admin, "enforce-compliance", body).await
    };
    let (_, planned) = enforce(json!({ "validate_only": true })).await;
    assert_eq!(planned["has_changes"], true);
    assert_eq!(
        planned["changes"],
        json!([
            { "field": "autotermination_minutes", "new_value": "30" },
            { "field": "num_workers", "previous_value": "2", "new_value": "1" },
        ])
    );
    assert_eq!(site.get(&cluster).await["num_workers"], 2);
    let (status, done) = enforce(json!({})).await;
    assert_eq!((status, done["enforce_result"].as_str()), (200, Some("APPLIED")));
    let info = site.until(&cluster, "RUNNING").await;
    assert_eq!((&info["num_workers"], &info["autotermination_minutes"]), (&json!(1), &json!(30)));
    assert_eq!(enforce(json!({})).await.1["enforce_result"], "NO_CHANGES");
    assert_eq!(site.see(&admin, &of(&cluster)).await.1["is_compliant"], true);

    // At its own end, too.
    site.rewrite(&id, json!({ "num_workers": { "type": "fixed", "value": 0 } })).await;
    let later = json!({ "enforce_mode": "WAIT_FOR_TERMINATION" });
    assert_eq!(enforce(later).await.1["enforce_result"], "DEFERRED");
    let info = site.get(&cluster).await;
    assert_eq!((&info["state"], &info["num_workers"]), (&json!("RUNNING"), &json!(1)));
    site.done("delete", json!({ "cluster_id": cluster })).await;
    let info = site.until(&cluster, "TERMINATED").await;
    assert_eq!(info["num_workers"], 0, "{info}");
    assert_eq!(site.see(&admin, &of(&cluster)).await.1["is_compliant"], true);

    // What the policy does not say how to put right is not.
    site.rewrite(&id, json!({ "node_type_id": { "type": "allowlist", "values": ["large"] } }))
        .await;
    let (status, answer) = enforce(json!({})).await;
    assert!(status == 400 && message(&answer).contains("node_type_id"), "{answer}");
    assert_eq!(site.see(&ctx("else@example.com"), &of(&cluster)).await.0, 404);
}
