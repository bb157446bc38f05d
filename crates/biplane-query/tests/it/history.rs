//! The query history, its filters, and who sees what. And the side calls of the connectors.

use crate::support::{Lab, id, until, user};
use serde_json::{Value, json};

const PATH: &str = "/api/2.0/sql/history/queries";

fn texts(list: &Value) -> Vec<String> {
    let rows = list["res"].as_array().unwrap();
    rows.iter().map(|row| row["query_text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn statements_are_listed_with_their_cost() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:3", json!({})).await.ok();
    let list = lab.get(&format!("{PATH}?include_metrics=true")).await.ok();
    let row = &list["res"][0];
    assert_eq!(row["query_id"], id(&answer).as_str());
    assert_eq!((&row["status"], &row["statement_type"]), (&json!("FINISHED"), &json!("SELECT")));
    assert_eq!((&row["rows_produced"], &row["is_final"]), (&json!(3), &json!(true)));
    assert_eq!(row["user_name"], "ann");
    let metrics = &row["metrics"];
    assert_eq!(
        (&metrics["compilation_time_ms"], &metrics["execution_time_ms"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(metrics["rows_read_count"], 7);
    assert!(lab.get(PATH).await.ok()["res"][0].get("metrics").is_none());
    let path = format!("/api/2.0/biplane/queries/{}/profile", id(&answer));
    assert_eq!(lab.get(&path).await.ok(), json!({"profile": {"name": "Scan", "children": []}}));
    lab.call("bob", "GET", &path, "").await.error(404);
    let failed = lab.execute("SELECT fail", json!({})).await.ok();
    let path = format!("/api/2.0/biplane/queries/{}/profile", id(&failed));
    assert_eq!(lab.get(&path).await.ok(), json!({"profile": null}));
}

#[tokio::test]
async fn filters_and_pages() {
    let lab = Lab::new().await;
    for text in ["SELECT a", "SELECT fail b", "SELECT c"] {
        lab.execute(text, json!({})).await.ok();
    }
    let failed =
        lab.get(&format!("{PATH}?filter_by.statuses=FAILED&filter_by.statuses=RUNNING")).await.ok();
    assert_eq!(texts(&failed), ["SELECT fail b"]);
    assert!(
        failed["res"][0]["error_message"].as_str().unwrap().contains("TABLE_OR_VIEW_NOT_FOUND")
    );
    let mine = user("ann").principal.id;
    let all = lab.get(&format!("{PATH}?filter_by.user_ids={mine}")).await.ok();
    assert_eq!(all["res"].as_array().unwrap().len(), 3);
    let none = lab.get(&format!("{PATH}?filter_by.user_ids=1")).await.ok();
    assert_eq!(none, json!({"res": [], "has_next_page": false}));
    let other = lab.get(&format!("{PATH}?filter_by.warehouse_ids=00000000000000ff")).await.ok();
    assert!(texts(&other).is_empty());
    let later = format!("{PATH}?filter_by.query_start_time_range.start_time_ms=99999999999999");
    assert!(texts(&lab.get(&later).await.ok()).is_empty());
    let one = all["res"][1]["query_id"].as_str().unwrap();
    assert_eq!(
        texts(&lab.get(&format!("{PATH}?filter_by.statement_ids={one}")).await.ok()),
        ["SELECT fail b"]
    );
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = lab.get(&format!("{PATH}?max_results=2&page_token={token}")).await.ok();
        found.extend(texts(&page));
        match page["next_page_token"].as_str() {
            Some(next) if page["has_next_page"] == true => token = next.to_owned(),
            _ => break,
        }
    }
    assert_eq!(found, ["SELECT c", "SELECT fail b", "SELECT a"]);
    for bad in ["max_results=-1", "page_token=x", "filter_by.statuses=SOME", "filter_by=1"] {
        assert_eq!(lab.get(&format!("{PATH}?{bad}")).await.error(400), "INVALID_PARAMETER_VALUE");
    }
}

#[tokio::test]
async fn one_sees_ones_own_an_admin_all_a_monitor_the_warehouses() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT mine", json!({})).await.ok();
    assert!(texts(&lab.call("bob", "GET", PATH, "").await.ok()).is_empty());
    assert_eq!(texts(&lab.call("root", "GET", PATH, "").await.ok()), ["SELECT mine"]);
    lab.engines.monitors.lock().push(user("bob").principal.id);
    assert_eq!(texts(&lab.call("bob", "GET", PATH, "").await.ok()), ["SELECT mine"]);
    let profile = format!("/api/2.0/biplane/queries/{}/profile", id(&answer));
    lab.call("bob", "GET", &profile, "").await.ok();
}

#[tokio::test]
async fn what_runs_is_in_the_history() {
    let lab = Lab::new().await;
    let body = json!({"statement": "SELECT rows:2 hang", "warehouse_id": lab.engines.warehouse, "wait_timeout": "50s"});
    let call = lab.post("/api/2.0/sql/statements", body);
    let look = until(async || {
        let list = lab.get(&format!("{PATH}?include_metrics=true")).await.ok();
        let row = list["res"].get(0)?.clone();
        (row["metrics"]["rows_produced_count"] == 2).then_some(row)
    });
    let row = tokio::select! {
        _ = call => panic!("it hangs"),
        row = look => row,
    };
    assert_eq!((&row["status"], &row["is_final"]), (&json!("RUNNING"), &json!(false)));
}

#[tokio::test]
async fn side_calls_of_connectors() {
    let lab = Lab::new().await;
    let flags = lab.get("/api/2.0/connector-service/feature-flags/PYTHON/4.9.0").await.ok();
    assert_eq!(flags, json!({"flags": [], "ttl_seconds": 900}));
    let sent = json!({"uploadTime": 1, "items": [], "protoLogs": ["{}", "{}"]});
    for path in ["/telemetry-ext", "/telemetry-unauth"] {
        let answer = lab.post(path, sent.clone()).await.ok();
        assert_eq!(
            answer,
            json!({"errors": [], "numSuccess": 0, "numProtoSuccess": 2, "numRealtimeSuccess": 0})
        );
    }
}
