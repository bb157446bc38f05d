//! Whatever is sent to the statement API, the answer is a proper one and the server goes on.

use crate::support::{Lab, state};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const PATHS: &[(&str, &str)] = &[
    ("POST", "/api/2.0/sql/statements"),
    ("POST", "/api/2.0/sql/statements/"),
    ("POST", "/api/2.0/sql/sessions"),
    ("GET", "/api/2.0/sql/history/queries"),
    ("POST", "/telemetry-ext"),
];

const FIELDS: &[&str] = &[
    "statement",
    "warehouse_id",
    "session_id",
    "catalog",
    "schema",
    "parameters",
    "wait_timeout",
    "on_wait_timeout",
    "disposition",
    "format",
    "result_compression",
    "row_limit",
    "byte_limit",
    "query_tags",
    "session_confs",
    "filter_by",
    "max_results",
    "page_token",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(json!("0s")),
        Just(json!("SELECT 1")),
        Just(json!({"name": "\u{0}", "type": "INT", "value": "1"})),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let field = (proptest::sample::select(FIELDS), any_json());
    let fields = proptest::collection::vec(field, 0..6);
    prop_oneof![
        8 => fields.prop_map(|fields| {
            let map = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
            Value::Object(map.collect()).to_string().into_bytes()
        }),
        1 => any_json().prop_map(|value| value.to_string().into_bytes()),
        2 => proptest::collection::vec(any::<u8>(), 0..64),
    ]
}

#[test]
fn no_body_makes_the_server_fail() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lab = runtime.block_on(Lab::new());
    let config =
        ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let case = (proptest::sample::select(PATHS), body(), any::<bool>());
    TestRunner::new(config)
        .run(&case, |((method, path), mut body, real)| {
            // Half of them name a warehouse that is there, to get further in.
            if let Some(Value::Object(mut map)) =
                serde_json::from_slice(&body).ok().filter(|_| real)
            {
                map.insert("warehouse_id".into(), json!(lab.engines.warehouse));
                map.entry("wait_timeout").or_insert(json!("0s"));
                body = Value::Object(map).to_string().into_bytes();
            }
            let answer = runtime.block_on(lab.call("ann", method, path, body));
            prop_assert!(answer.status.as_u16() < 500, "{:?}", answer.bytes);
            if answer.status != 200 {
                prop_assert!(answer.json()["error_code"].is_string());
            }
            Ok(())
        })
        .unwrap();
    let after = runtime.block_on(lab.execute("SELECT rows:1", json!({})));
    assert_eq!(state(&after.ok()), "SUCCEEDED");
}

#[tokio::test]
async fn known_attacks() {
    let lab = Lab::new().await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        b"{".to_vec(),
        b"\xff\xfe".to_vec(),
        b"[]".to_vec(),
        b"\"x\"".to_vec(),
        deep.into_bytes(),
        json!({"statement": 5}).to_string().into_bytes(),
        json!({"statement": "x", "parameters": {}}).to_string().into_bytes(),
    ] {
        let answer = lab.call("ann", "POST", "/api/2.0/sql/statements", body).await;
        assert_eq!(answer.status, 400, "{:?}", answer.bytes);
    }
    assert_eq!(lab.execute("   ", json!({})).await.error(400), "INVALID_PARAMETER_VALUE");
    assert_eq!(
        lab.execute(&"x".repeat(17 << 20), json!({})).await.error(400),
        "INVALID_PARAMETER_VALUE"
    );
    let huge = vec![b' '; 41 << 20];
    let answer = lab.call("ann", "POST", "/api/2.0/sql/statements", huge).await;
    assert_eq!(answer.error(413), "MAX_REQUEST_SIZE_EXCEEDED");
    let many: Vec<_> = (0..10_001).map(|n| json!({"value": n})).collect();
    assert_eq!(
        lab.execute("SELECT 1", json!({"parameters": many})).await.error(400),
        "INVALID_PARAMETER_VALUE"
    );
    // NUL is text like any other, also for PostgreSQL.
    assert_eq!(
        state(&lab.execute("SELECT \u{0} 1", json!({"catalog": "\u{0}"})).await.ok()),
        "SUCCEEDED"
    );
    for path in ["%ff", "%00", "..%2f..%2fetc", "'%20OR%201=1"] {
        let answer = lab.get(&format!("/api/2.0/sql/statements/{path}")).await;
        assert!(matches!(answer.status.as_u16(), 400 | 404), "{path}");
    }
    for chunk in ["-1", "x", "99999999999999999999", "1e3"] {
        let answer = lab.execute("SELECT rows:1", json!({})).await.ok();
        let path = format!(
            "/api/2.0/sql/statements/{}/result/chunks/{chunk}",
            crate::support::id(&answer)
        );
        assert_eq!(lab.get(&path).await.error(400), "INVALID_PARAMETER_VALUE");
    }
}
