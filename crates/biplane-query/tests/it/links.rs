//! Links are rights: nothing of them may be changed, and they end.

use crate::support::{Lab, id};
use biplane_platform::Clock;
use serde_json::json;

#[tokio::test]
async fn tampered_and_expired_links_are_refused() {
    let lab = Lab::new().await;
    let clock = Clock::fixed(1_800_000_000_000);
    let lab = Lab::start(lab.db.clone(), lab.config.clone(), clock.clone()).await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "CSV"});
    let answer = lab.execute("SELECT rows:1 rows:1", with).await.ok();
    let link = answer["result"]["external_links"][0]["external_link"].as_str().unwrap();
    assert_eq!(lab.anonymous(link).await.status, 200);
    let other = lab.execute("SELECT rows:1", json!({})).await.ok();
    let signature = link.rsplit('=').next().unwrap();
    let flipped: String = signature.chars().map(|c| if c == '0' { '1' } else { '0' }).collect();
    for bad in [
        link.replace("/0?", "/1?"),
        link.replace(&id(&answer), &id(&other)),
        link.replace("expires=1", "expires=2"),
        link.replace(signature, &flipped),
        link.replace(signature, ""),
        link.replace(signature, "zz"),
        link.split('?').next().unwrap().to_owned(),
        link.replace("/0?", "/18446744073709551616?"),
        link.replace("/0?", "/x?"),
        link.replace(&id(&answer), "x"),
    ] {
        assert_eq!(lab.anonymous(&bad).await.error(403), "PERMISSION_DENIED", "{bad}");
    }
    lab.anonymous(&link.replace("expires=1", "expires=x")).await.error(400);
    clock.set(1_800_000_000_000 + 15 * 60 * 1000);
    let expired = lab.anonymous(link).await;
    assert_eq!(expired.error(403), "PERMISSION_DENIED");
    // Asked again there is a new one.
    let chunk = format!("/api/2.0/sql/statements/{}/result/chunks/0", id(&answer));
    let again = lab.get(&chunk).await.ok();
    let link = again["external_links"][0]["external_link"].as_str().unwrap();
    assert_eq!(lab.anonymous(link).await.status, 200);
}

#[tokio::test]
async fn a_link_serves_parts_of_its_chunk() {
    for memory_bytes_max in [256 << 20, 0] {
        let lab = Lab::with(|config| config.memory_bytes_max = memory_bytes_max).await;
        let with = json!({"disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM"});
        let answer = lab.execute("SELECT rows:5", with).await.ok();
        let link = answer["result"]["external_links"][0]["external_link"].as_str().unwrap();
        let whole = lab.anonymous(link).await;
        assert_eq!(whole.status, 200);
        assert_eq!(whole.headers["accept-ranges"], "bytes");
        let total = whole.bytes.len();
        let head = lab.anonymous_with("HEAD", link, "").await;
        assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
        assert_eq!(head.headers["content-length"], total.to_string());
        for (from, to) in [(0, 1), (1, total - 1), (total / 2, total), (3, total / 2 + 2)] {
            let range = format!("bytes={from}-{}", to - 1);
            let part = lab.anonymous_with("GET", link, &range).await;
            assert_eq!(part.status, 206, "{range}");
            assert_eq!(part.bytes, whole.bytes.slice(from..to), "{range}");
            let told = format!("bytes {from}-{}/{total}", to - 1);
            assert_eq!(part.headers["content-range"], told);
        }
        let beyond = lab.anonymous_with("GET", link, &format!("bytes={total}-")).await;
        assert_eq!(beyond.status, 416);
        assert_eq!(beyond.headers["content-range"], format!("bytes */{total}"));
    }
}

#[tokio::test]
async fn chunks_follow_one_another_by_their_links() {
    let lab = Lab::new().await;
    let with = json!({"disposition": "EXTERNAL_LINKS", "format": "JSON_ARRAY"});
    let text = format!("SELECT {}", "rows:2 ".repeat(40));
    let answer = lab.execute(&text, with).await.ok();
    let manifest = &answer["manifest"];
    assert_eq!(
        (manifest["total_chunk_count"].as_u64(), manifest["total_row_count"].as_u64()),
        (Some(40), Some(80))
    );
    assert_eq!(manifest["chunks"].as_array().unwrap().len(), 40);
    let mut result = answer["result"].clone();
    let mut rows = 0;
    for index in 0.. {
        let link = &result["external_links"][0];
        assert_eq!(link["chunk_index"], index);
        assert_eq!(link["row_offset"], rows);
        let body = lab.anonymous(link["external_link"].as_str().unwrap()).await.ok();
        rows += body.as_array().unwrap().len();
        let Some(next) = link["next_chunk_index"].as_u64() else {
            assert!(link.get("next_chunk_internal_link").is_none());
            break;
        };
        let path = link["next_chunk_internal_link"].as_str().unwrap();
        assert!(path.ends_with(&format!("/result/chunks/{next}")));
        result = lab.get(path).await.ok();
    }
    assert_eq!(rows, 80);
}
