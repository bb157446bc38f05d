//! SELECT: names, types, values, views, time travel, errors.

use crate::harness::{Harness, ask};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use biplane_proto::v1;
use std::sync::Arc;

fn people(from: i64, names: &[&str]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + names.len() as i64));
    let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
    RecordBatch::try_from_iter([("id", ids), ("Name", names)]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constant_needs_no_control_plane() {
    let harness = Harness::start().await;
    let ran = harness.sql("SELECT 1, 1+1, 'x' AS Foo, 1.5, null, true, 3000000000").await;
    assert_eq!(ran.names(), ["1", "(1 + 1)", "Foo", "1.5", "NULL", "true", "3000000000"]);
    let types = ["INT", "INT", "STRING", "DECIMAL(2,1)", "VOID", "BOOLEAN", "BIGINT"];
    assert_eq!(ran.types(), types);
    let row = &ran.rows()[0];
    assert_eq!(row[..4], ["1", "2", "x", "1.5"].map(|text| Some(text.to_owned())));
    assert!(harness.fake.calls.lock().is_empty());
    assert_eq!(harness.rows("select 1, 1, 'a' `A`, 'b' a").await, ["1|1|a|b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_read_in_one_round_trip() {
    let harness = Harness::start().await;
    harness
        .fake
        .put_table("main.default.people", vec![people(1, &["Ada", "Bob"]), people(3, &["Cy"])])
        .await;
    harness.fake.put_table("main.other.pets", vec![people(1, &["Rex"])]).await;
    let sql =
        "SELECT p.NAME, t.`name` FROM People p JOIN other.PETS AS t ON p.ID = t.id ORDER BY P.id";
    let ran = harness.sql(sql).await;
    assert_eq!(ran.names(), ["NAME", "name"]);
    assert_eq!(ran.rows(), [[Some("Ada".to_owned()), Some("Rex".to_owned())]]);
    let resolves = harness.fake.calls.lock().clone();
    assert_eq!(resolves.len(), 1, "{resolves:?}");
    let ran = harness.sql("SELECT * FROM main.default.people ORDER BY id DESC").await;
    assert_eq!(ran.names(), ["id", "Name"]);
    assert_eq!(ran.types(), ["BIGINT", "STRING"]);
    assert_eq!(ran.rows()[0][1].as_deref(), Some("Cy"));
    assert_eq!(ran.finished.lineage[0].source_table, "main.default.people");
    assert_eq!(ran.finished.metrics.unwrap().rows_read, 3);
    assert!(ran.finished.profile_json.contains("\"children\""));
    assert_eq!(
        harness.rows("SELECT count(*), max(name) FROM people WHERE id >= 2").await,
        ["2|Cy"]
    );
    assert_eq!(harness.rows("SELECT people.* FROM people WHERE id = 1").await, ["1|Ada"]);
    assert_eq!(harness.rows("SELECT default.people.* FROM people WHERE id = 1").await, ["1|Ada"]);
    let shadow = "WITH people AS (SELECT id + 10 AS id FROM people) SELECT max(id) FROM people";
    assert_eq!(harness.rows(shadow).await, ["13"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_prune_and_time_travels() {
    let harness = Harness::start().await;
    let batches = vec![people(1, &["a", "b"]), people(3, &["a"])];
    harness.fake.put_partitioned("main.default.parts", batches, &["Name"]).await;
    let ran = harness.sql("SELECT id FROM parts WHERE name = 'b'").await;
    assert_eq!(ran.rows().len(), 1);
    let metrics = ran.finished.metrics.unwrap();
    assert_eq!((metrics.files_read, metrics.files_pruned), (1, 2));
    assert_eq!(harness.rows("SELECT count(*) FROM parts VERSION AS OF 0").await, ["2"]);
    assert_eq!(harness.rows("SELECT count(*) FROM parts").await, ["3"]);
    assert_eq!(harness.rows("SELECT count(*) FROM `parts@v0`").await, ["2"]);
    let now = "SELECT count(*) FROM parts TIMESTAMP AS OF current_timestamp()";
    assert_eq!(harness.rows(now).await, ["3"]);
    assert_eq!(
        harness.fails("SELECT * FROM parts VERSION AS OF 9").await.error_class,
        "DELTA_VERSION_NOT_FOUND"
    );
    let location = harness.fake.table("main.default.parts").unwrap().info.storage_location.unwrap();
    let path = location.trim_start_matches("file://");
    assert_eq!(harness.rows(&format!("SELECT count(*) FROM delta.`{path}`")).await, ["3"]);
    assert_eq!(
        harness.fails("SELECT * FROM delta.`/etc`").await.error_class,
        "INSUFFICIENT_PERMISSIONS"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_planned_as_their_owner() {
    let harness = Harness::start().await;
    harness.fake.put_table("main.default.people", vec![people(1, &["Ada"])]).await;
    harness
        .fake
        .put_view("main.default.v", "SELECT Name AS Who, count(*) FROM people GROUP BY Name");
    harness.fake.put_view("main.default.w", "SELECT * FROM v");
    let ran = harness.sql("SELECT * FROM w").await;
    assert_eq!(ran.names(), ["Who", "count(1)"]);
    assert_eq!(ran.rows(), [[Some("Ada".to_owned()), Some("1".to_owned())]]);
    let calls = harness.fake.calls.lock().join("\n");
    assert!(calls.contains(r#"via=["main.default.w","main.default.v"]"#), "{calls}");
    harness.fake.put_view("main.default.loop", "SELECT * FROM main.default.loop");
    assert_eq!(harness.fails("SELECT * FROM loop").await.error_class, "RECURSIVE_VIEW");
}

#[tokio::test(flavor = "multi_thread")]
async fn arithmetic_is_ansi() {
    let harness = Harness::start().await;
    for (sql, row) in [
        ("SELECT 1/2, 7 div 2, 7 % 4, 10/4.0", "0.5|3|3|2.500000"),
        ("SELECT cast(1.5 AS string), cast(1e10D AS string)", ""),
        ("SELECT true AND NULL, 'it\\'s', \"quoted\"", "null|it's|quoted"),
        ("SELECT cast('2024-01-02 03:04:05' AS timestamp)", "2024-01-02T03:04:05.000Z"),
        ("SELECT cast(timestamp '2024-01-02 03:04:05' AS string)", "2024-01-02 03:04:05"),
        ("SELECT date '2024-01-31', array(1,2)[0], named_struct('A', 1).a", "2024-01-31|1|1"),
        ("SELECT x FROM VALUES (2),(null),(1) AS t(x) ORDER BY x", "null"),
        (
            "SELECT current_user(), current_catalog(), current_schema()",
            "ada@example.com|main|default",
        ),
        ("SELECT is_account_group_member('analysts'), is_member('x')", "true|false"),
    ] {
        if !row.is_empty() {
            assert_eq!(harness.rows(sql).await[0], row, "{sql}");
        }
    }
    for (sql, class) in [
        ("SELECT 1/0", "DIVIDE_BY_ZERO"),
        ("SELECT 1 % 0", "REMAINDER_BY_ZERO"),
        ("SELECT 2147483647 + 1", "ARITHMETIC_OVERFLOW"),
        ("SELECT cast('abc' AS int)", "CAST_INVALID_INPUT"),
        ("SELECT cast('x' AS date)", "CAST_INVALID_INPUT"),
        ("SELECT nope", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"),
        ("SELECT nope(1)", "UNRESOLVED_ROUTINE"),
        ("SELECT * FROM missing", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELEC 1", "PARSE_SYNTAX_ERROR"),
    ] {
        let failed = harness.fails(sql).await;
        assert_eq!(failed.error_class, class, "{sql}: {}", failed.message);
        assert!(failed.message.starts_with(&format!("[{class}] ")), "{}", failed.message);
        assert!(failed.message.contains("SQLSTATE: "), "{}", failed.message);
    }
    let lenient = |sql: &str| {
        let mut request = ask(sql);
        let session = request.session.as_mut().unwrap();
        session.conf.insert("ansi_mode".into(), "false".into());
        request
    };
    let ran = harness.run(lenient("SELECT 1/0, cast('abc' AS int), 2147483647 + 1")).await.unwrap();
    assert_eq!(ran.rows()[0], [None, None, Some("-2147483648".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_know_their_place() {
    let harness = Harness::start().await;
    harness.fake.put_table("main.default.people", vec![people(1, &["Ada"])]).await;
    let failed = harness.fails("SELECT id,\n  nam FROM people").await;
    assert_eq!(failed.error_class, "UNRESOLVED_COLUMN.WITH_SUGGESTION");
    assert_eq!((failed.line, failed.column), (2, 3));
    assert!(failed.message.contains("`name`"), "{}", failed.message);
    let failed = harness.fails("SELECT (1\n  FROM people").await;
    assert_eq!((failed.error_class.as_str(), failed.line), ("PARSE_SYNTAX_ERROR", 2));
    harness.fake.denied.lock().insert("main.default.people".into());
    let failed = harness.fails("SELECT * FROM people").await;
    assert_eq!(
        (failed.error_code.as_str(), failed.sql_state.as_str()),
        ("PERMISSION_DENIED", "42501")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_values() {
    let harness = Harness::start().await;
    harness.fake.put_table("main.default.people", vec![people(1, &["Ada", "O'Neil"])]).await;
    let parameter = |name: &str, sql_type: &str, value: &str| v1::Parameter {
        name: name.into(),
        r#type: sql_type.into(),
        value: Some(value.into()),
        arguments: vec![],
    };
    let mut request = ask("SELECT id, :d FROM IDENTIFIER(:t) WHERE name = :`n` LIMIT :l");
    request.parameters = vec![
        parameter("n", "STRING", "O'Neil"),
        parameter("d", "DECIMAL(5,2)", "1.5"),
        parameter("t", "STRING", "main.default.people"),
        parameter("l", "INT", "1"),
    ];
    let ran = harness.run(request).await.unwrap();
    assert_eq!(ran.types()[1], "DECIMAL(5,2)");
    assert_eq!(ran.rows(), [[Some("2".to_owned()), Some("1.50".to_owned())]]);
    let mut request = ask("SELECT ?, ?, typeof(?)");
    request.statement = "SELECT ?, ?".into();
    request.parameters =
        vec![parameter("", "BIGINT", "5"), parameter("", "TIMESTAMP_NTZ", "2024-01-01 00:00:00")];
    let ran = harness.run(request).await.unwrap();
    assert_eq!(ran.types(), ["BIGINT", "TIMESTAMP_NTZ"]);
    assert_eq!(harness.fails("SELECT :q").await.error_class, "UNBOUND_SQL_PARAMETER");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_zones_shift_what_is_shown() {
    let harness = Harness::start().await;
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC"));
    let batch = RecordBatch::try_from_iter([("at", at)]).unwrap();
    harness.fake.put_table("main.default.times", vec![batch]).await;
    let in_paris = |sql: &str| {
        let mut request = ask(sql);
        let session = request.session.as_mut().unwrap();
        session.conf.insert("timezone".into(), "Europe/Paris".into());
        request
    };
    let sql = "SELECT at, cast(at AS string), at = timestamp '1970-01-01 01:00:00' FROM times";
    let ran = harness.run(in_paris(sql)).await.unwrap();
    let row = ["1970-01-01T00:00:00.000Z", "1970-01-01 01:00:00", "true"];
    assert_eq!(ran.rows()[0], row.map(|text| Some(text.to_owned())));
    let mut arrow = in_paris("SELECT at FROM times");
    arrow.set_format(v1::ResultFormat::Arrow);
    let batches = harness.run(arrow).await.unwrap().batches();
    let shown = batches[0].schema().field(0).data_type().to_string();
    assert!(shown.contains("Europe/Paris") && shown.contains("µs"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_shapes_do_not_hurt() {
    let harness = Harness::start().await;
    let parens = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(harness.run(ask(&parens)).await.is_err());
    let chain = format!("SELECT 1{}", " + 1".repeat(50_000));
    assert!(harness.run(ask(&chain)).await.is_err());
    let unions = vec!["SELECT 1"; 5_000].join(" UNION ALL ");
    assert!(harness.run(ask(&unions)).await.is_err());
    let list: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    let list = format!("SELECT 5 IN ({})", list.join(","));
    assert_eq!(harness.rows(&list).await, ["true"]);
    assert!(harness.run(ask("SELECT '\u{0}' \u{feff}")).await.is_err());
    let doubled: Vec<String> =
        (1..60).map(|n| format!("a{} + a{} AS a{n}", n - 1, n - 1)).collect();
    let doubled = format!("SELECT 1 AS a0, {}", doubled.join(", "));
    assert!(harness.run(ask(&doubled)).await.is_err());
    for (many, expected) in [
        (format!("SELECT 1{}", " MINUS SELECT 2".repeat(30)), "1"),
        (format!("FROM range(1){}", " |> WHERE id < 5 |> AS t".repeat(15)), "0"),
        (
            format!("SELECT count(*) FROM range(1){}", {
                let view = |n| format!(" LATERAL VIEW explode(array(1)) v{n} AS x{n}");
                (0..15).map(view).collect::<String>()
            }),
            "1",
        ),
    ] {
        assert_eq!(harness.rows(&many).await, [expected], "{many}");
    }
    assert_eq!(harness.rows("SELECT 1").await, ["1"]);
}
