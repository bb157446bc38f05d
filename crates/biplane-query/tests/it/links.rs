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
