//! Asks AWS, or what speaks like it, what a control plane asks. For tests: one JSON object on standard
//! input, one on standard output. Keys are read from the environment as AWS's tools read them.
#![expect(clippy::unwrap_used, reason = "a program for tests")]

use biplane_aws::{Aws, AwsConfig};
use biplane_compute::provider::{
    Availability, Boot, Host, HostOrder, Place, Provider, ProviderError,
};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked: Value = serde_json::from_reader(std::io::stdin()).unwrap();
    let place: Place = serde_json::from_value(asked["place"].clone()).unwrap();
    let config = AwsConfig {
        endpoint: asked["endpoint"].as_str().map(str::to_owned),
        key: None,
        images: serde_json::from_value(asked["images"].clone()).unwrap_or_default(),
        prices: serde_json::from_value(asked["prices"].clone()).unwrap_or_default(),
    };
    let aws = Aws::new(config).await.unwrap();
    let answer = answer(&*aws, &place, &asked).await;
    println!("{}", answer.unwrap_or_else(|error| json!({
        "error": {"kind": format!("{:?}", error.kind), "message": error.message, "code": error.code}
    })));
}

async fn answer(aws: &dyn Provider, place: &Place, asked: &Value) -> Result<Value, ProviderError> {
    let ids: Vec<String> = serde_json::from_value(asked["host_ids"].clone()).unwrap_or_default();
    Ok(match asked["what"].as_str().unwrap() {
        "create" => {
            // The same order as often as is said: it makes one host.
            let order = order(&asked["order"]);
            let mut made = Vec::new();
            for _ in 0..asked["times"].as_u64().unwrap_or(1) {
                made.push(shown(&aws.create(place, &order).await?));
            }
            json!(made)
        }
        "describe" => json!(aws.describe(place, &ids).await?.iter().map(shown).collect::<Vec<_>>()),
        "hosts" => json!(aws.hosts(place).await?.iter().map(shown).collect::<Vec<_>>()),
        "terminate" => json!(aws.terminate(place, &ids).await?),
        "zones" => json!(aws.zones(place).await?),
        "node_types" => {
            let types = aws.node_types(place).await?;
            json!(
                types
                    .iter()
                    .map(|one| json!({
                        "id": one.node_type_id, "category": one.category, "cores": one.cores,
                        "memory_mib": one.memory_mib, "gpus": one.gpus, "disks": one.local_disks,
                        "arm": one.is_arm,
                    }))
                    .collect::<Vec<_>>()
            )
        }
        "check" => {
            let found = aws.check(place).await?;
            json!(
                found
                    .iter()
                    .map(|one| json!([one.what, one.message, one.broken]))
                    .collect::<Vec<_>>()
            )
        }
        other => json!({"unknown": other}),
    })
}

fn order(of: &Value) -> HostOrder {
    let text = |name: &str| of[name].as_str().unwrap_or_default().to_owned();
    HostOrder {
        node_id: of["node_id"].as_str().map(|id| id.parse().unwrap()),
        cluster_id: text("cluster_id"),
        node_type_id: text("node_type_id"),
        zone_id: text("zone_id"),
        availability: match of["availability"].as_str() {
            Some("SPOT") => Availability::Spot,
            Some("SPOT_WITH_FALLBACK") => Availability::SpotWithFallback,
            _ => Availability::OnDemand,
        },
        spot_bid_percent: of["spot_bid_percent"]
            .as_u64()
            .and_then(|percent| u32::try_from(percent).ok()),
        disk_gib: of["disk_gib"].as_u64().and_then(|gib| u32::try_from(gib).ok()),
        tags: serde_json::from_value(of["tags"].clone()).unwrap_or_default(),
        boot: Boot {
            relay: text("relay"),
            join_token: text("join_token"),
            program_url: text("program_url"),
            program_sha256: text("program_sha256"),
        },
        ..HostOrder::default()
    }
}

fn shown(host: &Host) -> Value {
    json!({
        "id": host.host_id, "node_id": host.node_id.as_ref().map(ToString::to_string),
        "cluster_id": host.cluster_id, "workspace_id": host.workspace_id.map(|id| id.0),
        "state": format!("{:?}", host.state), "private_ip": host.private_ip, "zone": host.zone_id,
        "spot": host.is_spot, "started_at": host.started_at, "reason": host.reason,
    })
}
