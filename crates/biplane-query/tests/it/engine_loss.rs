//! Engines that end in the middle.

use crate::support::{Lab, state, until};
use serde_json::json;

#[tokio::test]
async fn a_read_begins_again_on_the_next_engine() {
    let lab = Lab::new().await;
    lab.engine[1].permits.0.add_permits(10);
    // The first engine dies in the middle; the second is told to hold in its place and goes on.
    let text = "SELECT rows:2 hold die?";
    let asynchronous = json!({"wait_timeout": "0s"});
    let answer = lab.execute(text, asynchronous).await.ok();
    until(async || (lab.engine[0].seen.lock().len() == 1).then_some(())).await;
    lab.engine[0].die.cancel();
    let answer = lab.ended(answer["statement_id"].as_str().unwrap()).await;
    assert_eq!(state(&answer), "SUCCEEDED");
    assert_eq!(answer["result"]["data_array"], json!([["0"], ["1"]]));
    assert_eq!(lab.engine[1].seen.lock().len(), 1);
}

#[tokio::test]
async fn one_retry_and_no_more() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:1 die", json!({})).await.ok();
    assert_eq!(answer["status"]["error"]["error_code"], "TEMPORARILY_UNAVAILABLE");
    assert!(answer["status"]["error"]["message"].as_str().unwrap().starts_with("[ENGINE_LOST]"));
    assert_eq!(lab.engine[1].seen.lock().len(), 1);
    assert!(lab.engine[2].seen.lock().is_empty());
}

#[tokio::test]
async fn a_write_is_never_run_twice() {
    let lab = Lab::new().await;
    let answer = lab.execute("INSERT die", json!({})).await.ok();
    assert!(
        answer["status"]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("not known whether it took effect")
    );
    assert!(lab.engine[1].seen.lock().is_empty());
    // The next statement runs on the next engine.
    assert_eq!(state(&lab.execute("SELECT 1", json!({})).await.ok()), "SUCCEEDED");
}

#[tokio::test]
async fn a_result_that_was_seen_is_not_made_anew() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:1 hold", json!({"wait_timeout": "0s"})).await.ok();
    let id = answer["statement_id"].as_str().unwrap();
    let ctx = crate::support::user("ann");
    let access = biplane_query::statements::Access::Result;
    let statement = lab.query.statements.find(&ctx, &id.parse().unwrap(), access).await.unwrap();
    until(async || statement.chunk(0)).await;
    lab.engine[0].die.cancel();
    assert_eq!(state(&lab.ended(id).await), "FAILED");
    assert!(lab.engine[1].seen.lock().is_empty());
}

#[tokio::test]
async fn a_stream_without_an_end_is_no_success() {
    let lab = Lab::new().await;
    let answer = lab.execute("SELECT rows:1 cut", json!({})).await.ok();
    assert_eq!(state(&answer), "FAILED");
}
