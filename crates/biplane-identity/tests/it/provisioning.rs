//! Credentials, storage, networks and keys of the account's own cloud account, and workspaces in it.

use crate::app::{App, START_MS};
use axum::http::{Method, StatusCode};
use biplane_identity::{Cloud, CloudPlace, PlaceFinding, TryAgain};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

const ROLE: &str = "arn:aws:iam::123456789012:role/biplane";
const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/0a1b";

type Answer = Result<Vec<PlaceFinding>, TryAgain>;

/// A cloud that says what it is told to.
struct FakeCloud {
    answer: Mutex<Answer>,
    asked: Mutex<Vec<CloudPlace>>,
    /// Asked once, it waits for the second.
    held: Option<(Notify, Notify)>,
}

impl FakeCloud {
    fn new(held: bool) -> Arc<Self> {
        let held = held.then(|| (Notify::new(), Notify::new()));
        Arc::new(Self { answer: Mutex::new(Ok(Vec::new())), asked: Mutex::default(), held })
    }

    fn says(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }
}

#[async_trait::async_trait]
impl Cloud for FakeCloud {
    fn regions(&self) -> Vec<String> {
        vec!["eu-central-1".into(), "eu-west-1".into()]
    }

    async fn check(&self, place: &CloudPlace) -> Answer {
        self.asked.lock().unwrap().push(place.clone());
        if let Some((asked, go_on)) = &self.held {
            asked.notify_one();
            go_on.notified().await;
        }
        self.answer.lock().unwrap().clone()
    }
}

fn finding(what: &str, message: &str, broken: bool) -> PlaceFinding {
    PlaceFinding { what: what.into(), message: message.into(), broken }
}

fn credentials(name: &str) -> Value {
    json!({"credentials_name": name, "aws_credentials": {"sts_role": {"role_arn": ROLE}}})
}

fn storage(name: &str) -> Value {
    json!({"storage_configuration_name": name, "root_bucket_info": {"bucket_name": "root-bucket"}})
}

fn network(name: &str) -> Value {
    json!({"network_name": name, "vpc_id": "vpc-01", "subnet_ids": ["subnet-01", "subnet-02"],
           "security_group_ids": ["sg-01"]})
}

fn key(use_cases: Value) -> Value {
    json!({"use_cases": use_cases, "aws_key_info": {"key_arn": KEY, "key_region": "eu-central-1"}})
}

/// Made and answered; its id.
async fn make(app: &App, kind: &str, body: Value, id: &str) -> String {
    let made = app.post(&app.account(kind), body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.bytes);
    made.json()[id].as_str().unwrap().to_owned()
}

/// The body of a workspace, and the ids it is made of: credentials, storage, network, key.
async fn parts(app: &App, name: &str) -> (Value, [String; 4]) {
    let ids = [
        make(app, "/credentials", credentials(name), "credentials_id").await,
        make(app, "/storage-configurations", storage(name), "storage_configuration_id").await,
        make(app, "/networks", network(name), "network_id").await,
        make(app, "/customer-managed-keys", key(json!(["STORAGE"])), "customer_managed_key_id")
            .await,
    ];
    let body = json!({"workspace_name": name, "aws_region": "eu-central-1", "credentials_id": ids[0],
        "storage_configuration_id": ids[1], "network_id": ids[2],
        "storage_customer_managed_key_id": ids[3]});
    (body, ids)
}

#[tokio::test]
async fn parts_are_made_listed_and_deleted() {
    let app = App::new().await;
    let account = app.boot.account_id.to_string();
    let cases = [
        ("/credentials", credentials("c"), "credentials_id"),
        ("/storage-configurations", storage("s"), "storage_configuration_id"),
        ("/networks", network("n"), "network_id"),
        (
            "/customer-managed-keys",
            key(json!(["STORAGE", "MANAGED_SERVICES"])),
            "customer_managed_key_id",
        ),
    ];
    for (kind, body, id) in cases {
        let path = app.account(kind);
        let one = format!("{path}/{}", make(&app, kind, body.clone(), id).await);
        let found = app.get(&one).await.ok();
        assert_eq!(
            (&found["account_id"], &found["creation_time"]),
            (&json!(account), &json!(START_MS))
        );
        assert_eq!(app.get(&path).await.ok(), json!([found]));
        if kind != "/customer-managed-keys" {
            let again = app.post(&path, body.clone()).await;
            assert_eq!(again.refused(), (409, "RESOURCE_ALREADY_EXISTS".into()), "{kind}");
        }
        let other = format!("/api/2.0/accounts/00000000-0000-0000-0000-000000000000{kind}");
        assert_eq!(app.get(&other).await.status, StatusCode::NOT_FOUND);
        let (_, ann) = app.user(&format!("ann@{}", &kind[1..])).await;
        for (method, path) in [
            (Method::GET, &path),
            (Method::POST, &path),
            (Method::GET, &one),
            (Method::DELETE, &one),
        ] {
            let refused = app.call(&ann, method, path, body.clone()).await;
            assert_eq!(refused.refused(), (403, "PERMISSION_DENIED".into()), "{kind}");
        }
        assert_eq!(app.delete(&one).await.ok(), found);
        assert_eq!(app.get(&one).await.refused(), (404, "RESOURCE_DOES_NOT_EXIST".into()));
        assert_eq!(app.get(&path).await.ok(), json!([]));
    }
}

#[tokio::test]
async fn parts_tell_what_clients_read() {
    let app = App::new().await;
    let made = app.post(&app.account("/credentials"), credentials("c")).await.ok();
    assert_eq!(
        made["aws_credentials"]["sts_role"],
        json!({"role_arn": ROLE, "external_id": app.boot.account_id.to_string()})
    );
    let made = app.post(&app.account("/networks"), network("n")).await.ok();
    assert_eq!((&made["vpc_status"], made.get("error_messages")), (&json!("UNATTACHED"), None));
    let made = app.post(&app.account("/customer-managed-keys"), key(json!(["STORAGE"]))).await.ok();
    assert_eq!(
        made["aws_key_info"],
        json!({"key_arn": KEY, "key_region": "eu-central-1", "reuse_key_for_cluster_volumes": true})
    );
    let endpoint = json!({"vpc_endpoint_name": "e", "aws_vpc_endpoint_id": "vpce-0a", "region": "eu-central-1"});
    let endpoint =
        app.post(&app.account("/vpc-endpoints"), endpoint).await.ok()["vpc_endpoint_id"].clone();
    let mut private = network("private");
    private["vpc_endpoints"] = json!({"rest_api": [endpoint], "dataplane_relay": [endpoint]});
    let made = app.post(&app.account("/networks"), private).await.ok();
    assert_eq!(made["vpc_endpoints"]["dataplane_relay"], json!([endpoint]));
    let one = app.account(&format!("/vpc-endpoints/{}", endpoint.as_str().unwrap()));
    assert_eq!(app.get(&one).await.ok()["use_case"], json!("GENERAL_ACCESS"));
    assert_eq!(app.delete(&one).await.refused(), (409, "RESOURCE_CONFLICT".into()));
}

#[tokio::test]
async fn parts_that_cannot_be_are_refused() {
    let app = App::new().await;
    let with = |mut body: Value, field: &str, value: Value| {
        body[field] = value;
        body
    };
    let role = |arn: &str| json!({"sts_role": {"role_arn": arn}});
    let wrong = [
        ("/credentials", json!({})),
        ("/credentials", with(credentials("c"), "credentials_name", json!("  "))),
        ("/credentials", with(credentials("c"), "aws_credentials", role("arn:aws:iam::1:role/x"))),
        (
            "/credentials",
            with(credentials("c"), "aws_credentials", role("arn:aws:iam::123456789012:user/x")),
        ),
        (
            "/storage-configurations",
            with(storage("s"), "root_bucket_info", json!({"bucket_name": "s3://b"})),
        ),
        ("/storage-configurations", with(storage("s"), "role_arn", json!("admin"))),
        ("/networks", with(network("n"), "vpc_id", json!("subnet-01"))),
        ("/networks", with(network("n"), "subnet_ids", json!([]))),
        ("/networks", with(network("n"), "subnet_ids", json!(["subnet-01", "subnet-01"]))),
        (
            "/networks",
            with(
                network("n"),
                "security_group_ids",
                json!(["sg-1", "sg-2", "sg-3", "sg-4", "sg-5", "sg-6"]),
            ),
        ),
        ("/networks", with(network("n"), "vpc_endpoints", json!({"rest_api": ["unknown"]}))),
        ("/customer-managed-keys", key(json!([]))),
        ("/customer-managed-keys", key(json!(["ALL"]))),
        (
            "/customer-managed-keys",
            with(
                key(json!(["STORAGE"])),
                "aws_key_info",
                json!({"key_arn": KEY, "key_region": "us-east-1"}),
            ),
        ),
        (
            "/customer-managed-keys",
            with(key(json!(["STORAGE"])), "aws_key_info", json!({"key_arn": "alias/x"})),
        ),
    ];
    for (kind, body) in wrong {
        let refused = app.post(&app.account(kind), body.clone()).await.refused();
        assert_eq!(refused, (400, "INVALID_PARAMETER_VALUE".into()), "{kind} {body}");
    }
    let elsewhere = with(key(json!(["STORAGE"])), "gcp_key_info", json!({"kms_key_id": "k"}));
    let refused = app.post(&app.account("/customer-managed-keys"), elsewhere).await.refused();
    assert_eq!(refused, (501, "FEATURE_DISABLED".into()));
}

#[tokio::test]
async fn a_workspace_in_a_cloud_account_is_provisioned() {
    let app = App::new().await;
    let cloud = FakeCloud::new(false);
    app.identity.set_cloud(cloud.clone());
    let (body, [credentials, storage, network, key]) = parts(&app, "classic").await;
    let made = app.post(&app.account("/workspaces"), body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    let told = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(told("workspace_status"), "PROVISIONING");
    assert_eq!(told("expected_workspace_status"), "RUNNING");
    assert_eq!(
        [
            told("credentials_id"),
            told("storage_configuration_id"),
            told("network_id"),
            told("storage_customer_managed_key_id")
        ],
        [credentials.clone(), storage.clone(), network.clone(), key.clone()]
    );
    assert_eq!(
        (told("aws_region"), told("compute_mode"), told("storage_mode")),
        ("eu-central-1".into(), "HYBRID".into(), "CUSTOMER_HOSTED".into())
    );
    assert_eq!(
        (&made["network"]["network_id"], &made["is_no_public_ip_enabled"]),
        (&json!(network), &json!(true))
    );
    let one = app.account(&format!("/workspaces/{}", made["workspace_id"]));
    let its_network = app.account(&format!("/networks/{network}"));
    let attached = app.get(&its_network).await.ok();
    assert_eq!(
        (&attached["vpc_status"], &attached["workspace_id"]),
        (&json!("UNATTACHED"), &made["workspace_id"])
    );

    app.identity.workspaces_resume().await.unwrap();
    assert_eq!(app.get(&one).await.ok()["workspace_status"], "RUNNING");
    assert_eq!(app.get(&one).await.ok().get("expected_workspace_status"), None);
    assert_eq!(app.get(&its_network).await.ok()["vpc_status"], "VALID");
    let asked = cloud.asked.lock().unwrap().pop().unwrap();
    assert_eq!(
        (asked.role_arn.as_str(), asked.external_id),
        (ROLE, app.boot.account_id.to_string())
    );
    assert_eq!((asked.region.as_str(), asked.disk_key_arn.as_deref()), ("eu-central-1", Some(KEY)));
    assert_eq!(asked.network.subnet_ids, ["subnet-01", "subnet-02"]);

    // What it is made of stays as long as it is there, and a network is nobody else's.
    let uses = [
        format!("/credentials/{credentials}"),
        format!("/storage-configurations/{storage}"),
        format!("/networks/{network}"),
        format!("/customer-managed-keys/{key}"),
    ];
    for path in &uses {
        assert_eq!(
            app.delete(&app.account(path)).await.refused(),
            (409, "RESOURCE_CONFLICT".into()),
            "{path}"
        );
    }
    let mut second = body.clone();
    second["workspace_name"] = json!("second");
    assert_eq!(
        app.post(&app.account("/workspaces"), second).await.refused(),
        (409, "RESOURCE_CONFLICT".into())
    );
    app.delete(&one).await.ok();
    assert_eq!(app.get(&its_network).await.ok()["vpc_status"], "UNATTACHED");
    for path in &uses {
        app.delete(&app.account(path)).await.ok();
    }
}

/// What is wrong is told where clients look for it, and an update tries again.
#[tokio::test]
async fn a_place_that_is_broken_fails_the_workspace_with_reasons() {
    let app = App::new().await;
    let cloud = FakeCloud::new(false);
    app.identity.set_cloud(cloud.clone());
    let (body, [_, _, network, _]) = parts(&app, "classic").await;
    cloud.says(Ok(vec![
        finding("securityGroup", "sg-01 lets nothing out.", true),
        finding("subnet", "subnet-02 is small.", false),
    ]));
    let made = app.post(&app.account("/workspaces"), body).await.ok();
    let one = app.account(&format!("/workspaces/{}", made["workspace_id"]));
    let its_network = app.account(&format!("/networks/{network}"));
    app.identity.workspaces_resume().await.unwrap();
    let failed = app.get(&one).await.ok();
    assert_eq!(failed["workspace_status"], "FAILED");
    assert_eq!(
        failed["workspace_status_message"],
        "sg-01 lets nothing out. Correct it, then update the workspace to try it again."
    );
    let broken = app.get(&its_network).await.ok();
    assert_eq!(broken["vpc_status"], "BROKEN");
    assert_eq!(
        broken["error_messages"],
        json!([{"error_type": "securityGroup", "error_message": "sg-01 lets nothing out."}])
    );
    assert_eq!(
        broken["warning_messages"],
        json!([{"warning_type": "subnet", "warning_message": "subnet-02 is small."}])
    );

    // Another network: the old one is free again.
    let other = make(&app, "/networks", self::network("other"), "network_id").await;
    cloud.says(Ok(vec![finding("subnet", "subnet-02 is small.", false)]));
    let patched = app.patch(&one, json!({"network_id": other})).await.ok();
    assert_eq!(patched["workspace_status"], "PROVISIONING");
    app.identity.workspaces_resume().await.unwrap();
    assert_eq!(app.get(&one).await.ok()["workspace_status"], "RUNNING");
    assert_eq!(
        app.get(&app.account(&format!("/networks/{other}"))).await.ok()["vpc_status"],
        "WARNED"
    );
    let free = app.get(&its_network).await.ok();
    assert_eq!((&free["vpc_status"], free.get("error_messages")), (&json!("UNATTACHED"), None));
    // What changes no place is no reason to look again.
    let tagged = app.patch(&one, json!({"custom_tags": {"a": "b"}})).await.ok();
    assert_eq!(tagged["workspace_status"], "RUNNING");
    for (body, status) in [
        (json!({"network_id": "unknown"}), 404),
        (json!({"aws_region": "eu-west-1"}), 501),
        (json!({"compute_mode": "SERVERLESS"}), 501),
        (json!({"is_no_public_ip_enabled": false}), 501),
    ] {
        assert_eq!(app.patch(&one, body).await.refused().0, status);
    }
    // Of the whole object only what the mask names.
    let whole =
        json!({"workspace_name": "renamed", "network_id": "unknown", "aws_region": "elsewhere"});
    let masked = app.patch(&format!("{one}?update_mask=workspace_name"), whole).await.ok();
    assert_eq!(masked["workspace_name"], "renamed");
}

#[tokio::test]
async fn a_cloud_that_does_not_answer_is_asked_again() {
    let app = App::new().await;
    let cloud = FakeCloud::new(false);
    app.identity.set_cloud(cloud.clone());
    let (body, _) = parts(&app, "classic").await;
    cloud.says(Err(TryAgain("AWS asks to wait.".into())));
    let made = app.post(&app.account("/workspaces"), body).await.ok();
    let one = app.account(&format!("/workspaces/{}", made["workspace_id"]));
    app.identity.workspaces_resume().await.unwrap();
    assert_eq!(app.get(&one).await.ok()["workspace_status"], "PROVISIONING");
    app.clock.set(START_MS + 16 * 60 * 1000);
    app.identity.workspaces_resume().await.unwrap();
    let failed = app.get(&one).await.ok();
    assert_eq!(failed["workspace_status"], "FAILED");
    assert_eq!(
        failed["workspace_status_message"],
        "AWS asks to wait. Update the workspace to try it again."
    );
    cloud.says(Ok(Vec::new()));
    app.patch(&one, json!({})).await.ok();
    app.identity.workspaces_resume().await.unwrap();
    assert_eq!(app.get(&one).await.ok()["workspace_status"], "RUNNING");
}

/// A workspace that is deleted while its place is looked over stays deleted.
#[tokio::test]
async fn what_was_decided_of_an_older_row_does_not_count() {
    let app = App::new().await;
    let cloud = FakeCloud::new(true);
    app.identity.set_cloud(cloud.clone());
    let (body, _) = parts(&app, "classic").await;
    let made = app.post(&app.account("/workspaces"), body).await.ok();
    let one = app.account(&format!("/workspaces/{}", made["workspace_id"]));
    let (asked, go_on) = cloud.held.as_ref().unwrap();
    let identity = app.identity.clone();
    let pass = tokio::spawn(async move { identity.workspaces_resume().await });
    asked.notified().await;
    app.delete(&one).await.ok();
    go_on.notify_one();
    // The row is gone: the pass may say so, but it brings nothing back.
    let _ = pass.await.unwrap();
    assert_eq!(app.get(&one).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_workspace_needs_all_its_parts_and_a_region_that_is_served() {
    let app = App::new().await;
    app.identity.set_cloud(FakeCloud::new(false));
    let (body, _) = parts(&app, "classic").await;
    let without = |field: &str| {
        let mut body = body.clone();
        body.as_object_mut().unwrap().remove(field);
        body
    };
    let with = |field: &str, value: &str| {
        let mut body = body.clone();
        body[field] = json!(value);
        body
    };
    let managed = key(json!(["MANAGED_SERVICES"]));
    let managed = make(&app, "/customer-managed-keys", managed, "customer_managed_key_id").await;
    for (body, status) in [
        (without("credentials_id"), 400),
        (without("storage_configuration_id"), 400),
        (without("network_id"), 501),
        (with("credentials_id", "unknown"), 404),
        (with("network_id", "unknown"), 404),
        (with("aws_region", "us-east-1"), 400),
        (with("aws_region", "eu-west-1"), 400),
        (with("compute_mode", "SERVERLESS"), 400),
        (with("storage_customer_managed_key_id", &managed), 400),
        (with("managed_services_customer_managed_key_id", &managed), 501),
    ] {
        assert_eq!(
            app.post(&app.account("/workspaces"), body.clone()).await.refused().0,
            status,
            "{body}"
        );
    }
    assert_eq!(app.get(&app.account("/workspaces")).await.ok().as_array().unwrap().len(), 1);
}

/// The reconciler hears of a new workspace by itself.
#[tokio::test]
async fn the_reconciler_is_woken() {
    let app = App::new().await;
    app.identity.set_cloud(FakeCloud::new(false));
    let stop = tokio_util::sync::CancellationToken::new();
    let reconciler = tokio::spawn(app.identity.clone().workspaces_provision(stop.clone()));
    let (body, _) = parts(&app, "classic").await;
    let made = app.post(&app.account("/workspaces"), body).await.ok();
    let one = app.account(&format!("/workspaces/{}", made["workspace_id"]));
    let running = async {
        while app.get(&one).await.ok()["workspace_status"] != "RUNNING" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), running).await.unwrap();
    stop.cancel();
    reconciler.await.unwrap();
}
