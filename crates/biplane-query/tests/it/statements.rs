//! Every disposition with every format, manifests, chunks, sessions' share in a statement.

use crate::support::{Lab, id, state, unpacked};
use base64::Engine;
use serde_json::json;

#[tokio::test]
async fn inline_json_is_one_chunk_whatever_the_engine_made() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:2 rows:1", json!({})).await.ok();
    assert_eq!(state(&answer), "SUCCEEDED");
    let manifest = &answer["manifest"];
    assert_eq!(manifest["format"], "JSON_ARRAY");
    assert_eq!(manifest["total_row_count"], 3);
    assert_eq!(manifest["total_chunk_count"], 1);
    assert_eq!(manifest["chunks"], json!([{"chunk_index": 0, "row_offset": 0, "row_count": 3}]));
    assert_eq!(
        manifest["schema"],
        json!({"column_count": 1, "columns": [{"name": "d", "type_text": "DECIMAL(10,2)",
            "type_name": "DECIMAL", "position": 0, "type_precision": 10, "type_scale": 2}]})
    );
    assert_eq!(answer["result"]["data_array"], json!([["0"], ["1"], ["2"]]));
    let path = format!("/api/2.0/sql/statements/{}", id(&answer));
    let again = lab.get(&path).await.ok();
    assert_eq!(again, answer);
    let chunk = lab.get(&format!("{path}/result/chunks/0")).await.ok();
    assert_eq!(chunk["data_array"], json!([["0"], ["1"], ["2"]]));
    assert_eq!(
        lab.get(&format!("{path}/result/chunks/1")).await.error(404),
        "RESOURCE_DOES_NOT_EXIST"
    );
}

#[tokio::test]
async fn empty_results_and_ddl() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT nothing", json!({})).await.ok();
    assert_eq!(answer["manifest"]["total_chunk_count"], 0);
    assert_eq!(answer["result"]["data_array"], json!([]));
    let answer = lab.execute("CREATE ddl", json!({})).await.ok();
    assert_eq!(answer["manifest"]["schema"], json!({"column_count": 0, "columns": []}));
    let links = json!({"disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM"});
    let answer = lab.execute("SELECT nothing", links.clone()).await.ok();
    assert_eq!(
        (&answer["manifest"]["total_chunk_count"], &answer["result"]),
        (&json!(0), &json!({}))
    );
    let hybrid = json!({"disposition": "INLINE_OR_EXTERNAL_LINKS", "format": "ARROW_STREAM"});
    let answer = lab.execute("CREATE ddl", hybrid.clone()).await.ok();
    assert_eq!(answer["result"], json!({}));
    // A client that gets no rows still learns the columns from the stream.
    let answer = lab.execute("SELECT nothing", hybrid).await.ok();
    assert_eq!(attachment(&answer), b"<schema>\xFF\xFF\xFF\xFF\0\0\0\0");
}

fn attachment(answer: &serde_json::Value) -> Vec<u8> {
    let text = answer["result"]["attachment"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test]
async fn links_lead_through_all_chunks_in_every_format() {
    let lab = Lab::new().await;
    for (format, compression, first, second) in [
        ("JSON_ARRAY", None, &b"[[\"0\"],[\"1\"]]"[..], &b"[[\"2\"]]"[..]),
        ("CSV", None, b"d\r\n0\r\n1\r\n", b"2\r\n"),
        (
            "ARROW_STREAM",
            Some("NONE"),
            b"<schema><0+2>\xFF\xFF\xFF\xFF\0\0\0\0",
            b"<schema><2+1>\xFF\xFF\xFF\xFF\0\0\0\0",
        ),
    ] {
        let with = json!({"disposition": "EXTERNAL_LINKS", "format": format});
        let answer = lab.execute("SELECT rows:2 rows:1", with).await.ok();
        assert_eq!(answer["manifest"]["total_chunk_count"], 2);
        assert_eq!(
            answer["manifest"].get("result_compression").and_then(|v| v.as_str()),
            compression
        );
        let link = &answer["result"]["external_links"][0];
        assert_eq!((&link["row_offset"], &link["row_count"]), (&json!(0), &json!(2)));
        assert!(chrono::DateTime::parse_from_rfc3339(link["expiration"].as_str().unwrap()).is_ok());
        let file = lab.anonymous(link["external_link"].as_str().unwrap()).await;
        assert_eq!((file.status.as_u16(), &file.bytes[..]), (200, first));
        assert_eq!(file.headers["content-length"], first.len().to_string());
        let next = link["next_chunk_internal_link"].as_str().unwrap();
        assert_eq!(link["next_chunk_index"], 1);
        let chunk = lab.get(next).await.ok();
        let link = &chunk["external_links"][0];
        assert_eq!((&link["chunk_index"], &link["row_offset"]), (&json!(1), &json!(2)));
        assert!(link.get("next_chunk_index").is_none());
        let file = lab.anonymous(link["external_link"].as_str().unwrap()).await;
        assert_eq!(&file.bytes[..], second);
    }
}

#[tokio::test]
async fn lz4_streams_are_joined_and_say_so() {
    let lab = Lab::new().await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM", "result_compression": "LZ4_FRAME"});
    let answer = lab.execute("SELECT rows:2 rows:1", with).await.ok();
    assert_eq!(answer["manifest"]["result_compression"], "LZ4_FRAME");
    let link = answer["result"]["external_links"][0]["external_link"].as_str().unwrap();
    let file = lab.anonymous(link).await;
    let wanted = "<schema><0+2>\u{fffd}".len() - 3;
    let mut raw = Vec::new();
    std::io::Read::read_to_end(&mut lz4_flex::frame::FrameDecoder::new(&file.bytes[..]), &mut raw)
        .unwrap();
    assert_eq!(&raw[..wanted], b"<schema><0+2>");
    assert_eq!(&raw[wanted..], b"\xFF\xFF\xFF\xFF\0\0\0\0");

    let with = json!({"disposition": "INLINE_OR_EXTERNAL_LINKS", "format": "ARROW_STREAM", "result_compression": "LZ4_FRAME"});
    let answer = lab.execute("SELECT rows:2 rows:1", with).await.ok();
    assert_eq!(answer["manifest"]["total_chunk_count"], 1);
    assert!(answer["result"].get("external_links").is_none());
    let mut raw = Vec::new();
    let frame = attachment(&answer);
    std::io::Read::read_to_end(&mut lz4_flex::frame::FrameDecoder::new(&frame[..]), &mut raw)
        .unwrap();
    assert_eq!(raw, b"<schema><0+2><2+1>\xFF\xFF\xFF\xFF\0\0\0\0");
    assert!(unpacked(&lz4_flex_frame("a")).contains('a'));
}

fn lz4_flex_frame(text: &str) -> Vec<u8> {
    biplane_proto::lz4::compress(&[text.as_bytes()]).unwrap()
}

#[tokio::test]
async fn large_hybrid_results_come_by_links() {
    let lab = Lab::new().await;
    let with = json!({"disposition": "INLINE_OR_EXTERNAL_LINKS", "format": "ARROW_STREAM"});
    let answer = lab.execute("SELECT many:5", with).await.ok();
    assert!(answer["result"].get("attachment").is_none());
    assert_eq!(answer["manifest"]["total_chunk_count"], 5);
    let link = &answer["result"]["external_links"][0];
    let file = lab.anonymous(link["external_link"].as_str().unwrap()).await;
    assert_eq!(file.bytes.len() as u64, link["byte_count"].as_u64().unwrap() + 16);
}

#[tokio::test]
async fn failures_are_answers() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:1 fail", json!({})).await.ok();
    assert_eq!(
        answer["status"],
        json!({"state": "FAILED", "sql_state": "42P01", "error": {"error_code": "NOT_FOUND",
            "message": "[TABLE_OR_VIEW_NOT_FOUND] The table t is not there. SQLSTATE: 42P01"}})
    );
    assert!(answer.get("manifest").is_none() && answer.get("result").is_none());
    let chunk = format!("/api/2.0/sql/statements/{}/result/chunks/0", id(&answer));
    assert_eq!(lab.get(&chunk).await.error(404), "RESOURCE_DOES_NOT_EXIST");
    let answer = lab.execute("SELECT status", json!({})).await.ok();
    assert_eq!(answer["status"]["error"]["error_code"], "INTERNAL_ERROR");
    assert!(!answer.to_string().contains("secret text"));
}

#[tokio::test]
async fn limits_parameters_and_tags_reach_the_engine() {
    let lab = Lab::new().await;
    let with = json!({"row_limit": 5, "byte_limit": "6", "catalog": "c", "schema": "s",
        "parameters": [{"name": "p", "type": "INT", "value": "1"}, {"name": "n"}],
        "query_tags": [{"key": "team", "value": "x"}, {"key": "k"}]});
    let answer = lab.execute("SELECT truncated", with).await.ok();
    assert_eq!(answer["manifest"]["truncated"], true);
    let seen = lab.engine[0].seen.lock()[0].clone();
    assert_eq!((seen.row_limit, seen.byte_limit), (5, 6));
    assert_eq!((seen.parameters[0].name.as_str(), seen.parameters[1].value.clone()), ("p", None));
    let session = seen.session.unwrap();
    assert_eq!((session.catalog.as_str(), session.schema.as_str()), ("c", "s"));
    assert_eq!((session.user_name.as_str(), session.metastore_id.as_str()), ("ann", "m"));
    assert!(seen.token.starts_with("stmt_"));
    let list = lab.get("/api/2.0/sql/history/queries").await.ok();
    assert_eq!(list["res"][0]["query_tags"], json!([{"key": "team", "value": "x"}, {"key": "k"}]));
}

#[tokio::test]
async fn a_result_that_is_given_back_is_gone() {
    let lab = Lab::new().await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM"});
    let answer = lab.execute("SELECT rows:1", with).await.ok();
    let path = format!("/api/2.0/sql/statements/{}", id(&answer));
    let link = answer["result"]["external_links"][0]["external_link"].as_str().unwrap();
    // The connector sends a body.
    let closed =
        lab.call("ann", "DELETE", &path, json!({"statement_id": id(&answer)}).to_string()).await;
    assert_eq!(closed.ok(), json!({}));
    assert_eq!(lab.anonymous(link).await.error(404), "NOT_FOUND");
    let later = lab.get(&path).await.ok();
    assert_eq!((state(&later), later.get("manifest")), ("CLOSED", None));
    assert_eq!(lab.get(&format!("{path}/result/chunks/0")).await.error(404), "NOT_FOUND");
    assert_eq!(lab.delete(&path).await.ok(), json!({}));
    assert_eq!(lab.query.statements.spool().memory_bytes(), 0);
    let list = lab.get("/api/2.0/sql/history/queries").await.ok();
    assert_eq!(list["res"][0]["status"], "FINISHED");
}

#[tokio::test]
async fn other_peoples_statements_are_not_there() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:1", json!({})).await.ok();
    let path = format!("/api/2.0/sql/statements/{}", id(&answer));
    let chunk = format!("{path}/result/chunks/0");
    for (method, path) in
        [("GET", &path), ("DELETE", &path), ("POST", &format!("{path}/cancel")), ("GET", &chunk)]
    {
        assert_eq!(lab.call("bob", method, path, "").await.error(404), "RESOURCE_DOES_NOT_EXIST");
    }
    // An admin sees that it ran, not what it found.
    let seen = lab.call("root", "GET", &path, "").await.ok();
    assert_eq!((state(&seen), seen.get("result"), seen.get("manifest")), ("SUCCEEDED", None, None));
    lab.call("root", "GET", &chunk, "").await.error(404);
    lab.get("/api/2.0/sql/statements/not-an-id").await.error(404);
    lab.get("/api/2.0/sql/statements/00000000-0000-0000-0000-000000000000").await.error(404);
}

#[tokio::test]
async fn warehouses_are_checked_before_anything_runs() {
    let lab = Lab::new().await;
    let other = json!({"warehouse_id": "00000000000000ff"});
    assert_eq!(lab.execute("SELECT 1", other).await.error(404), "RESOURCE_DOES_NOT_EXIST");
    let bad = json!({"warehouse_id": "../x"});
    assert_eq!(lab.execute("SELECT 1", bad).await.error(400), "INVALID_PARAMETER_VALUE");
    let body = json!({"statement": "SELECT 1", "warehouse_id": lab.engines.warehouse});
    let refused = lab.call("banned", "POST", "/api/2.0/sql/statements", body.to_string()).await;
    assert_eq!(refused.error(403), "PERMISSION_DENIED");
    assert_eq!(
        lab.post("/api/2.0/sql/statements", json!({"statement": "x"})).await.error(400),
        "INVALID_PARAMETER_VALUE"
    );
    assert!(lab.engine[0].seen.lock().is_empty());
}

#[tokio::test]
async fn a_volume_operation_is_one_inline_row() {
    let lab = Lab::new().await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM", "result_compression": "LZ4_FRAME"});
    let answer = lab.execute("GET '/Volumes/c/s/v/x' TO '/tmp/x'", with).await.ok();
    assert_eq!(state(&answer), "SUCCEEDED");
    let manifest = &answer["manifest"];
    assert_eq!(
        (&manifest["is_volume_operation"], &manifest["format"]),
        (&json!(true), &json!("JSON_ARRAY"))
    );
    assert_eq!(manifest["schema"]["columns"][1]["name"], "presignedUrl");
    let row = &answer["result"]["data_array"][0];
    assert_eq!(
        row,
        &json!(["GET", "http://127.0.0.1:8080/linked/Volumes/c/s/v/x", "{}", "/tmp/x"])
    );
    let refused = lab.execute("PUT 'x' INTO '/Volumes/c/s/v/there'", json!({})).await.ok();
    assert_eq!(state(&refused), "FAILED");
    assert!(
        refused["status"]["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("[FILE_IN_STAGING_PATH_ALREADY_EXISTS]")
    );
}
