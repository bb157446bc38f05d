//! Network configuration: policies, connectivity, lists of addresses, private access.

use crate::app::App;
use axum::http::{Method, StatusCode};
use biplane_api::network::{DryRun, EgressMode, EgressProduct, EgressVerdict};
use biplane_identity::EGRESS_TOPIC;
use serde_json::{Value, json};

fn restricted(id: &str, hosts: &[&str]) -> Value {
    let hosts: Vec<_> = hosts
        .iter()
        .map(|host| json!({"destination": host, "internet_destination_type": "DNS_NAME"}))
        .collect();
    json!({"network_policy_id": id, "egress": {"network_access": {
        "restriction_mode": "RESTRICTED_ACCESS",
        "allowed_internet_destinations": hosts,
        "allowed_storage_destinations": [
            {"bucket_name": "bucket", "region": "us-east-1", "storage_destination_type": "AWS_S3"}],
    }}})
}

#[tokio::test]
async fn policies_are_made_chosen_and_hold() {
    let app = App::new().await;
    let path = app.account("/network-policies");
    let network = app.account(&format!("/workspaces/{}/network", app.boot.workspace_id));
    let default = app.get(&format!("{path}/default-policy")).await.ok();
    assert_eq!(default["egress"]["network_access"]["restriction_mode"], "FULL_ACCESS");
    assert_eq!(app.get(&network).await.ok()["network_policy_id"], "default-policy");
    let effective =
        async || app.identity.egress_effective(app.boot.workspace_id).await.unwrap().unwrap();
    assert_eq!(effective().await.mode, EgressMode::FullAccess);

    let made = app.post(&path, restricted("strict", &["PyPI.org", "*.example.com"])).await.ok();
    assert_eq!(
        made["egress"]["network_access"]["allowed_internet_destinations"][0]["destination"],
        "pypi.org"
    );
    assert_eq!(
        made["egress"]["network_access"]["policy_enforcement"]["enforcement_mode"],
        "ENFORCED"
    );
    assert_eq!(made["account_id"], app.boot.account_id.to_string());
    assert_eq!(app.get(&format!("{path}/strict")).await.ok(), made);
    let list = app.get(&path).await.ok();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["items"][0]["network_policy_id"], "default-policy");
    assert!(list.get("next_page_token").is_none());

    let mut changes = app.test_db.db.subscribe();
    app.put(&network, json!({"network_policy_id": "strict"})).await.ok();
    assert_eq!(app.get(&network).await.ok()["network_policy_id"], "strict");
    let workspace = app.boot.workspace_id.to_string();
    heard(&mut changes, &workspace).await;
    let policy = effective().await;
    let sql = EgressProduct::Sql;
    assert_eq!(policy.host(sql, "files.example.com"), EgressVerdict::Allowed);
    assert_eq!(policy.host(sql, "example.org"), EgressVerdict::Denied);
    assert_eq!(policy.bucket(sql, "bucket", Some("us-east-1")), EgressVerdict::Allowed);

    let mut dry = restricted("strict", &["pypi.org"]);
    dry["egress"]["network_access"]["policy_enforcement"] =
        json!({"enforcement_mode": "DRY_RUN", "dry_run_mode_product_filter": ["DBSQL"]});
    dry["egress"]["network_access"]["blocked_internet_destinations"] =
        json!([{"destination": "bad.pypi.org"}]);
    app.put(&format!("{path}/strict"), dry).await.ok();
    heard(&mut changes, "*").await;
    let policy = effective().await;
    assert_eq!(policy.dry_run, DryRun::Products(vec![sql]));
    assert_eq!(policy.host(sql, "example.org"), EgressVerdict::DryRun);
    assert_eq!(app.identity.egress_effective_all().await.unwrap()[0].policy, policy);

    assert_eq!(
        app.delete(&format!("{path}/strict")).await.refused(),
        (409, "RESOURCE_CONFLICT".into())
    );
    app.put(&network, json!({"network_policy_id": "default-policy"})).await.ok();
    app.delete(&format!("{path}/strict")).await.ok();
    assert_eq!(app.get(&format!("{path}/strict")).await.status, StatusCode::NOT_FOUND);
    // The default one can be changed, not deleted.
    app.put(&format!("{path}/default-policy"), restricted("default-policy", &["a.org"])).await.ok();
    assert_eq!(effective().await.mode, EgressMode::RestrictedAccess);
    assert_eq!(
        app.delete(&format!("{path}/default-policy")).await.refused(),
        (400, "INVALID_PARAMETER_VALUE".into())
    );
}

async fn heard(
    changes: &mut tokio::sync::broadcast::Receiver<biplane_platform::db::Change>,
    key: &str,
) {
    loop {
        let change = changes.recv().await.unwrap();
        // PostgreSQL tells twice.
        if &*change.topic == EGRESS_TOPIC && &*change.key == key {
            return;
        }
    }
}

#[tokio::test]
async fn policies_that_cannot_be_are_refused() {
    let app = App::new().await;
    let path = app.account("/network-policies");
    let with =
        |access: Value| json!({"network_policy_id": "p", "egress": {"network_access": access}});
    for access in [
        json!({"restriction_mode": "SOME"}),
        json!({"restriction_mode": "RESTRICTED_ACCESS", "allowed_internet_destinations": [{"destination": "10.0.0.1"}]}),
        json!({"restriction_mode": "RESTRICTED_ACCESS", "allowed_internet_destinations": [{"destination": "a.org", "internet_destination_type": "IP_RANGE"}]}),
        json!({"restriction_mode": "RESTRICTED_ACCESS", "allowed_internet_destinations": [{}]}),
        json!({"restriction_mode": "RESTRICTED_ACCESS", "allowed_storage_destinations": [{"bucket_name": "A_b"}]}),
        json!({"restriction_mode": "RESTRICTED_ACCESS", "policy_enforcement": {"enforcement_mode": "NOW"}}),
        json!({"restriction_mode": "RESTRICTED_ACCESS", "policy_enforcement": {"dry_run_mode_product_filter": ["X"]}}),
        json!({"restriction_mode": 7}),
    ] {
        let refused = app.post(&path, with(access.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{access}");
    }
    for body in [
        with(json!({"allowed_databricks_destinations": [{"workspace_ids": [1]}]})),
        with(
            json!({"allowed_storage_destinations": [{"storage_destination_type": "AZURE_STORAGE"}]}),
        ),
        json!({"network_policy_id": "p", "ingress": {"public_access": {"restriction_mode": "RESTRICTED_ACCESS"}}}),
    ] {
        assert_eq!(app.post(&path, body).await.refused(), (501, "FEATURE_DISABLED".into()));
    }
    for id in ["", "a b", "a/b", "é"] {
        let body = json!({"network_policy_id": id});
        assert_eq!(app.post(&path, body).await.status, StatusCode::BAD_REQUEST);
    }
    let many: Vec<String> = (0..2001).map(|n| format!("h{n}.org")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        app.post(&path, restricted("p", &many)).await.refused(),
        (400, "QUOTA_EXCEEDED".into())
    );
    app.post(&path, json!({"network_policy_id": "p"})).await.ok();
    for id in ["p", "default-policy"] {
        let body = json!({"network_policy_id": id});
        assert_eq!(app.post(&path, body).await.refused(), (409, "RESOURCE_ALREADY_EXISTS".into()));
    }
    let body = json!({"network_policy_id": "other"});
    assert_eq!(app.put(&format!("{path}/p"), body).await.status, StatusCode::BAD_REQUEST);
    let network = app.account(&format!("/workspaces/{}/network", app.boot.workspace_id));
    let body = json!({"network_policy_id": "none"});
    assert_eq!(app.put(&network, body).await.status, StatusCode::NOT_FOUND);
    // Pages.
    for n in 0..150 {
        app.post(&path, json!({"network_policy_id": format!("p{n:03}")})).await.ok();
    }
    let first = app.get(&path).await.ok();
    let token = first["next_page_token"].as_str().unwrap();
    let second = app.get(&format!("{path}?page_token={token}")).await.ok();
    let ids: std::collections::BTreeSet<String> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|one| one["network_policy_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((ids.len(), second.get("next_page_token")), (152, None));
}

#[tokio::test]
async fn only_account_admins_configure_the_network() {
    let app = App::new().await;
    let (_, ann) = app.user("ann@x").await;
    for path in [
        "/network-policies",
        "/network-connectivity-configs",
        "/ip-access-lists",
        "/private-access-settings",
        "/vpc-endpoints",
        "/settings/types/acct_ip_acl_enable/names/default",
    ] {
        let refused = app.call(&ann, Method::GET, &app.account(path), Value::Null).await;
        assert_eq!(refused.refused(), (403, "PERMISSION_DENIED".into()), "{path}");
    }
    for path in ["/api/2.0/ip-access-lists", "/api/2.0/workspace-conf?keys=enableIpAccessLists"] {
        let refused = app.call(&ann, Method::GET, path, Value::Null).await;
        assert_eq!(refused.refused(), (403, "PERMISSION_DENIED".into()), "{path}");
    }
}

#[tokio::test]
async fn connectivity_tells_the_truth() {
    let app = App::new().await;
    let path = app.account("/network-connectivity-configs");
    let made = app.post(&path, json!({"name": "ncc-1", "region": "us-east-1"})).await.ok();
    assert_eq!(
        made["egress_config"]["default_rules"]["aws_stable_ip_rule"]["cidr_blocks"],
        json!(["203.0.113.7/32", "203.0.113.16/28"])
    );
    let one = format!("{path}/{}", made["network_connectivity_config_id"].as_str().unwrap());
    assert_eq!(app.get(&one).await.ok(), made);
    for body in [
        json!({"name": "x", "region": "r"}),
        json!({"name": "a b c", "region": "r"}),
        json!({"name": "abc"}),
    ] {
        assert_eq!(app.post(&path, body).await.status, StatusCode::BAD_REQUEST);
    }
    let again = app.post(&path, json!({"name": "ncc-1", "region": "us-east-1"})).await;
    assert_eq!(again.refused(), (409, "RESOURCE_ALREADY_EXISTS".into()));

    let rules = format!("{one}/private-endpoint-rules");
    let rule = json!({"endpoint_service": "com.amazonaws.vpce.us-east-1.vpce-svc-1", "domain_names": ["db.example.com"]});
    let made = app.post(&rules, rule).await.ok();
    assert_eq!(made["connection_state"], "ESTABLISHED");
    assert!(made.get("error_message").is_none());
    let rule = format!("{rules}/{}", made["rule_id"].as_str().unwrap());
    let patched = app
        .patch(
            &format!("{rule}?update_mask=domain_names"),
            json!({"domain_names": ["x.example.com"], "enabled": false}),
        )
        .await
        .ok();
    assert_eq!(
        (&patched["domain_names"], &patched["enabled"]),
        (&json!(["x.example.com"]), &json!(true))
    );
    for bad in
        ["", "?update_mask=endpoint_service", "?update_mask=resource_names", "?update_mask=enabled"]
    {
        let body = json!({"resource_names": ["bucket"]});
        assert_eq!(
            app.patch(&format!("{rule}{bad}"), body).await.status,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
    for bad in [
        json!({}),
        json!({"endpoint_service": "com.amazonaws.us-east-1.s3", "domain_names": ["a.org"]}),
        json!({"endpoint_service": "com.amazonaws.us-east-1.s3"}),
        json!({"endpoint_service": "elsewhere", "domain_names": ["a.org"]}),
    ] {
        assert_eq!(app.post(&rules, bad).await.status, StatusCode::BAD_REQUEST);
    }
    let azure = json!({"resource_id": "/subscriptions/x", "group_id": "blob"});
    assert_eq!(app.post(&rules, azure).await.refused(), (501, "FEATURE_DISABLED".into()));
    let s3 =
        json!({"endpoint_service": "com.amazonaws.us-east-1.s3", "resource_names": ["bucket"]});
    let s3 = app.post(&rules, s3).await.ok();
    assert_eq!(s3["connection_state"], "CREATE_FAILED");
    assert!(s3["error_message"].as_str().unwrap().starts_with("Buckets have no private endpoints"));
    assert_eq!(app.get(&rules).await.ok()["items"].as_array().unwrap().len(), 2);
    assert_eq!(app.delete(&rule).await.ok()["rule_id"], made["rule_id"]);
    assert_eq!(app.get(&rule).await.status, StatusCode::NOT_FOUND);

    // On a workspace of its region only, and then it stays.
    let id = one.rsplit('/').next().unwrap();
    let workspace = app.account(&format!("/workspaces/{}", app.boot.workspace_id));
    let far = app.post(&path, json!({"name": "far", "region": "eu-west-1"})).await.ok();
    let body = json!({"network_connectivity_config_id": far["network_connectivity_config_id"]});
    assert_eq!(app.patch(&workspace, body).await.status, StatusCode::BAD_REQUEST);
    let attached = app.patch(&workspace, json!({"network_connectivity_config_id": id})).await.ok();
    assert_eq!(attached["network_connectivity_config_id"], id);
    assert_eq!(app.delete(&one).await.refused(), (409, "RESOURCE_CONFLICT".into()));
    let off = app.patch(&workspace, json!({"network_connectivity_config_id": ""})).await.ok();
    assert!(off.get("network_connectivity_config_id").is_none());
    app.delete(&one).await.ok();
}

#[tokio::test]
async fn private_endpoints_lead_to_what_the_operator_named() {
    let app = App::new().await;
    let configs = app.account("/network-connectivity-configs");
    let config = app.post(&configs, json!({"name": "ncc-1", "region": "us-east-1"})).await.ok();
    let id = config["network_connectivity_config_id"].as_str().unwrap();
    let rules = format!("{configs}/{id}/private-endpoint-rules");
    let rule = async |service: &str, names: Value| {
        app.post(&rules, json!({"endpoint_service": service, "domain_names": names})).await
    };
    let effective = async || {
        let own = app.identity.egress_effective(app.boot.workspace_id).await.unwrap().unwrap();
        assert_eq!(app.identity.egress_effective_all().await.unwrap()[0].policy, own);
        own.private
    };
    let service = "com.amazonaws.vpce.us-east-1.vpce-svc-1";
    let made = rule(service, json!(["DB.Corp.example.", "*.apps.corp.example"])).await.ok();
    assert_eq!(made["domain_names"], json!(["db.corp.example", "*.apps.corp.example"]));
    let unknown = rule("com.amazonaws.vpce.us-east-1.vpce-svc-2", json!(["x.example"])).await.ok();
    assert_eq!(unknown["connection_state"], "CREATE_FAILED");
    assert!(unknown["error_message"].as_str().unwrap().contains("--endpoint-service"));
    // What the operator calls it is good enough.
    let named = rule("warehouse-db", json!(["wh.corp.example"])).await.ok();
    assert_eq!(named["connection_state"], "ESTABLISHED");
    for bad in ["*", "localhost", "10.0.0.1", "a b.example", "a.*.example"] {
        let refused = rule(service, json!([bad])).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let taken = rule("warehouse-db", json!(["db.corp.example"])).await;
    assert_eq!(taken.refused(), (409, "RESOURCE_CONFLICT".into()));

    // Of workspaces it is attached to, at once.
    assert_eq!(effective().await, []);
    let mut changes = app.test_db.db.subscribe();
    let workspace = app.boot.workspace_id.to_string();
    let path = app.account(&format!("/workspaces/{workspace}"));
    app.patch(&path, json!({"network_connectivity_config_id": id})).await.ok();
    heard(&mut changes, &workspace).await;
    let private = effective().await;
    let services: Vec<_> = private.iter().map(|endpoint| endpoint.service.as_str()).collect();
    assert_eq!(services, [service, "warehouse-db"]);
    let at: Vec<_> = private[0].at.iter().map(ToString::to_string).collect();
    assert_eq!(at, ["10.9.0.1:5432", "10.9.0.2:443"]);
    assert_eq!(private[0].hosts[0].0, "db.corp.example");

    let one = |rule: &Value| format!("{rules}/{}", rule["rule_id"].as_str().unwrap());
    let off = json!({"enabled": false});
    let off = app.patch(&format!("{}?update_mask=enabled", one(&made)), off).await.ok();
    assert_eq!(off["enabled"], false);
    heard(&mut changes, "*").await;
    assert_eq!(effective().await.len(), 1);
    let on = json!({"enabled": true});
    app.patch(&format!("{}?update_mask=enabled", one(&made)), on).await.ok();
    heard(&mut changes, "*").await;
    assert_eq!(effective().await.len(), 2);
    let names = json!({"domain_names": ["wh.corp.example"]});
    let names = app.patch(&format!("{}?update_mask=domain_names", one(&made)), names).await;
    assert_eq!(names.refused(), (409, "RESOURCE_CONFLICT".into()));
    app.delete(&one(&named)).await.ok();
    heard(&mut changes, "*").await;
    assert_eq!(effective().await.len(), 1);
    app.patch(&path, json!({"network_connectivity_config_id": ""})).await.ok();
    heard(&mut changes, &workspace).await;
    assert_eq!(effective().await, []);
}

const LISTS: &str = "/api/2.0/ip-access-lists";
const CONF: &str = "/api/2.0/workspace-conf";
const ME: &str = "/api/2.0/preview/scim/v2/Me";

fn list(kind: &str, addresses: &[&str]) -> Value {
    json!({"label": kind.to_lowercase(), "list_type": kind, "ip_addresses": addresses})
}

#[tokio::test]
async fn addresses_are_allowed_and_blocked_at_once() {
    let app = App::new().await;
    let home = "198.51.100.10";
    let me = async |address: &str| app.from(address, Method::GET, ME, Value::Null).await.status;
    let (ok, no) = (StatusCode::OK, StatusCode::FORBIDDEN);
    let conf = async |value: &str| {
        app.from(home, Method::PATCH, CONF, json!({"enableIpAccessLists": value})).await
    };
    let make = async |body: Value| app.from(home, Method::POST, LISTS, body).await;
    // Who makes a list is in it, also before lists count.
    for body in [list("ALLOW", &["192.0.2.0/24"]), list("BLOCK", &["198.51.100.0/24"])] {
        assert_eq!(make(body).await.refused(), (400, "INVALID_STATE".into()));
    }
    for body in [
        list("SOME", &[]),
        list("ALLOW", &["x"]),
        list("ALLOW", &["10.0.0.1/8"]),
        json!({"label": "l"}),
        json!({"label": "", "list_type": "ALLOW"}),
    ] {
        assert_eq!(make(body).await.refused(), (400, "INVALID_PARAMETER_VALUE".into()));
    }
    let many: Vec<String> = (0..1001).map(|n| format!("10.0.{}.{}", n / 250, n % 250)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(make(list("BLOCK", &many)).await.refused(), (400, "QUOTA_EXCEEDED".into()));

    let allow = make(list("ALLOW", &["198.51.100.0/24", "2001:db8::/32"])).await.ok();
    let allow = &allow["ip_access_list"];
    assert_eq!((&allow["address_count"], &allow["enabled"]), (&json!(2), &json!(true)));
    assert_eq!(me("192.0.2.1").await, ok, "lists do not count yet");
    let conf_read = format!("{CONF}?keys=enableIpAccessLists");
    assert_eq!(app.get(&conf_read).await.ok(), json!({"enableIpAccessLists": null}));
    assert_eq!(conf("true").await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&conf_read).await.ok(), json!({"enableIpAccessLists": "true"}));
    assert_eq!(me("192.0.2.1").await, no);
    assert_eq!((me(home).await, me("2001:db8::7").await), (ok, ok));
    assert_eq!(me("::ffff:198.51.100.3").await, ok);
    // Thrift, and everything else of the workspace; the account is another door.
    assert_eq!(
        app.from("192.0.2.1", Method::POST, "/sql/1.0/warehouses/0123456789abcdef", json!({}))
            .await
            .status,
        no
    );
    app.from("192.0.2.1", Method::GET, &app.account("/workspaces"), Value::Null).await.ok();
    assert!(
        app.identity.admit_anybody("192.0.2.1".parse().unwrap(), Some("localhost")).await.is_err()
    );

    let block = make(list("BLOCK", &["198.51.100.66"])).await.ok();
    assert_eq!((me("198.51.100.66").await, me(home).await), (no, ok));
    let one = format!("{LISTS}/{}", block["ip_access_list"]["list_id"].as_str().unwrap());
    let wide = json!({"ip_addresses": ["198.51.100.0/25"]});
    assert_eq!(
        app.from(home, Method::PATCH, &one, wide).await.refused(),
        (400, "INVALID_STATE".into())
    );
    app.from(home, Method::PATCH, &one, json!({"enabled": false})).await.ok();
    assert_eq!(me("198.51.100.66").await, ok);
    let put = json!({"label": "b", "list_type": "BLOCK", "enabled": true, "ip_addresses": ["198.51.100.67"]});
    app.from(home, Method::PUT, &one, put).await.ok();
    assert_eq!((me("198.51.100.66").await, me("198.51.100.67").await), (ok, no));
    assert_eq!(
        app.from(home, Method::GET, LISTS, Value::Null).await.ok()["ip_access_lists"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    app.from(home, Method::DELETE, &one, Value::Null).await.ok();
    assert_eq!(app.get(&one).await.status, StatusCode::NOT_FOUND);
    // Off again, from where it is allowed.
    assert_eq!(conf("false").await.status, StatusCode::NO_CONTENT);
    assert_eq!(me("192.0.2.1").await, ok);
    // Somebody elsewhere may not make the lists count against himself.
    let from_afar =
        app.from("192.0.2.1", Method::PATCH, CONF, json!({"enableIpAccessLists": "true"}));
    assert_eq!(from_afar.await.refused(), (400, "INVALID_STATE".into()));
    assert_eq!(
        app.patch(CONF, json!({"enableElse": "true"})).await.refused(),
        (501, "FEATURE_DISABLED".into())
    );
    assert_eq!(
        app.patch(CONF, json!({"enableIpAccessLists": "maybe"})).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn the_account_has_lists_of_its_own() {
    let app = App::new().await;
    let (lists, home) = (app.account("/ip-access-lists"), "198.51.100.10");
    let switch = app.account("/settings/types/acct_ip_acl_enable/names/default");
    let workspaces = app.account("/workspaces");
    let seen = async |address: &str| {
        app.from(address, Method::GET, &workspaces, Value::Null).await.status == StatusCode::OK
    };
    app.from(home, Method::POST, &lists, list("ALLOW", &["198.51.100.0/24"])).await.ok();
    assert!(seen(home).await && !seen("192.0.2.1").await);
    // Workspaces are another door.
    app.from("192.0.2.1", Method::GET, ME, Value::Null).await.ok();
    let set = async |value: bool, etag: &str| {
        let setting = json!({"acct_ip_acl_enable": {"value": value}, "etag": etag});
        let body = json!({"allow_missing": true, "setting": setting, "field_mask": "acct_ip_acl_enable.value"});
        app.from(home, Method::PATCH, &switch, body).await
    };
    let now = app.from(home, Method::GET, &switch, Value::Null).await.ok();
    assert_eq!(now["acct_ip_acl_enable"]["value"], true);
    let off = set(false, now["etag"].as_str().unwrap()).await.ok();
    assert!(seen("192.0.2.1").await);
    assert_eq!(
        set(true, now["etag"].as_str().unwrap()).await.refused(),
        (409, "RESOURCE_CONFLICT".into())
    );
    let etag = off["etag"].as_str().unwrap();
    app.from(home, Method::DELETE, &format!("{switch}?etag={etag}"), Value::Null).await.ok();
    assert!(!seen("192.0.2.1").await);
}

#[tokio::test]
async fn a_private_workspace_is_reached_through_its_endpoints_only() {
    let app = App::new().await;
    let (settings, endpoints) =
        (app.account("/private-access-settings"), app.account("/vpc-endpoints"));
    let workspace = app.account(&format!("/workspaces/{}", app.boot.workspace_id));
    let endpoint = async |aws: &str| {
        let body =
            json!({"vpc_endpoint_name": aws, "aws_vpc_endpoint_id": aws, "region": "us-east-1"});
        app.post(&endpoints, body).await.ok()
    };
    let a = endpoint("vpce-0a").await;
    assert_eq!((&a["state"], &a["use_case"]), (&json!("available"), &json!("WORKSPACE_ACCESS")));
    let unknown = endpoint("vpce-0c").await;
    assert_eq!(unknown["state"], "pendingAcceptance");
    let make = async |body: Value| app.post(&settings, body).await;
    let base = json!({"private_access_settings_name": "pas", "region": "us-east-1", "public_access_enabled": false});
    let made = make(base.clone()).await.ok();
    assert_eq!(made["private_access_level"], "ACCOUNT");
    assert_eq!(make(base.clone()).await.refused(), (409, "RESOURCE_ALREADY_EXISTS".into()));
    for (field, bad) in [
        ("region", json!("")),
        ("private_access_level", json!("SOME")),
        ("private_access_settings_name", json!("")),
        ("allowed_vpc_endpoint_ids", json!(["nobody"])),
    ] {
        let mut body = base.clone();
        body["private_access_settings_name"] = json!("other");
        body[field] = bad;
        assert_eq!(make(body).await.status, StatusCode::BAD_REQUEST, "{field}");
    }
    let id = made["private_access_settings_id"].as_str().unwrap();
    let one = format!("{settings}/{id}");
    let me = async |address: &str| {
        app.from(address, Method::GET, ME, Value::Null).await.status == StatusCode::OK
    };
    assert!(me("192.0.2.1").await);
    app.patch(&workspace, json!({"private_access_settings_id": id})).await.ok();
    // 10.2.0.0/16 is an endpoint that is not registered.
    assert!(me("10.1.2.3").await && !me("10.2.0.1").await && !me("192.0.2.1").await);
    let b = endpoint("vpce-0b").await;
    assert!(me("10.2.0.1").await);
    let mut some = base.clone();
    some["private_access_level"] = json!("ENDPOINT");
    some["allowed_vpc_endpoint_ids"] = json!([b["vpc_endpoint_id"]]);
    app.put(&one, some.clone()).await.ok();
    assert!(!me("10.1.2.3").await && me("10.2.0.1").await && !me("192.0.2.1").await);
    some["public_access_enabled"] = json!(true);
    app.put(&one, some.clone()).await.ok();
    assert!(!me("10.1.2.3").await && me("10.2.0.1").await && me("192.0.2.1").await);
    // Lists are for the internet; who comes privately passes them.
    app.from("192.0.2.1", Method::POST, LISTS, list("ALLOW", &["192.0.2.0/24"])).await.ok();
    app.from("192.0.2.1", Method::PATCH, CONF, json!({"enableIpAccessLists": "true"})).await;
    assert!(me("10.2.0.1").await && me("192.0.2.1").await && !me("198.51.100.1").await);

    assert_eq!(app.delete(&one).await.refused(), (409, "RESOURCE_CONFLICT".into()));
    let b_path = format!("{endpoints}/{}", b["vpc_endpoint_id"].as_str().unwrap());
    assert_eq!(app.delete(&b_path).await.refused(), (409, "RESOURCE_CONFLICT".into()));
    some["region"] = json!("eu-west-1");
    assert_eq!(app.put(&one, some).await.status, StatusCode::BAD_REQUEST);
    app.patch(&workspace, json!({"private_access_settings_id": ""})).await.ok();
    app.delete(&one).await.ok();
    app.delete(&b_path).await.ok();
    assert_eq!(app.get(&endpoints).await.ok().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn everybody_in_a_workspace_may_know_what_holds_in_it() {
    let app = App::new().await;
    let (_, ann) = app.user("ann@x").await;
    let path = "/api/2.0/biplane/network";
    let here = app.call(&ann, Method::GET, path, Value::Null).await.ok();
    assert_eq!(here["network_policy"]["network_policy_id"], "default-policy");
    assert_eq!(
        (&here["ip_access_lists_enabled"], &here["public_access_enabled"]),
        (&json!(false), &json!(true))
    );
    assert!(here.get("network_connectivity_config").is_none());

    app.post(&app.account("/network-policies"), restricted("strict", &["pypi.org"])).await.ok();
    let workspace = app.account(&format!("/workspaces/{}", app.boot.workspace_id));
    app.put(&format!("{workspace}/network"), json!({"network_policy_id": "strict"})).await.ok();
    let region = here["region"].clone();
    let configs = app.account("/network-connectivity-configs");
    let made = app.post(&configs, json!({"name": "ncc", "region": region})).await.ok();
    let id = made["network_connectivity_config_id"].as_str().unwrap();
    let s3 =
        json!({"endpoint_service": "com.amazonaws.us-east-1.s3", "resource_names": ["bucket"]});
    app.post(&format!("{configs}/{id}/private-endpoint-rules"), s3).await.ok();
    app.patch(&workspace, json!({"network_connectivity_config_id": id})).await.ok();
    let here = app.call(&ann, Method::GET, path, Value::Null).await.ok();
    let access = &here["network_policy"]["egress"]["network_access"];
    assert_eq!(access["allowed_internet_destinations"][0]["destination"], "pypi.org");
    let config = &here["network_connectivity_config"];
    assert_eq!(config["name"], "ncc");
    assert!(config["egress_config"]["default_rules"].get("aws_stable_ip_rule").is_some());
    assert!(config["egress_config"].get("target_rules").is_none());
}
