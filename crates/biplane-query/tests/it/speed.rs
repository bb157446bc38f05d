//! What the gateway itself costs for `SELECT 1`, with an engine that does nothing:
//! `cargo test -p biplane-query --release --test it -- --ignored --nocapture speed`.

use crate::support::{Lab, state};
use serde_json::json;
use std::time::{Duration, Instant};

const STATEMENTS: usize = 2000;

async fn one(lab: &Lab) -> Duration {
    let began = Instant::now();
    let answer = lab.execute("SELECT rows:1", json!({})).await.ok();
    assert_eq!(state(&answer), "SUCCEEDED");
    began.elapsed()
}

fn report(name: &str, mut times: Vec<Duration>, whole: Duration) {
    times.sort();
    let at = |part: usize| times[times.len() * part / 1000].as_micros();
    let rate = times.len() as f64 / whole.as_secs_f64();
    println!("{name}: p50 {} us, p90 {} us, p99 {} us, {rate:.0}/s", at(500), at(900), at(990));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed_of_select_one() {
    let lab = Lab::new().await;
    for _ in 0..100 {
        one(&lab).await;
    }
    let began = Instant::now();
    let mut times = Vec::new();
    for _ in 0..STATEMENTS {
        times.push(one(&lab).await);
    }
    report("one client", times, began.elapsed());
    let began = Instant::now();
    let clients = (0..16).map(async |_| {
        let mut times = Vec::new();
        for _ in 0..STATEMENTS / 16 {
            times.push(one(&lab).await);
        }
        times
    });
    let times = futures::future::join_all(clients).await.concat();
    report("16 clients", times, began.elapsed());
}
