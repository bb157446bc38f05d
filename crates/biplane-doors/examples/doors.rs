//! Doors of one made-up sandbox on this machine, for trying real programs against them:
//! `doors DIRECTORY PORT_BASE S3_ENDPOINT BUCKET PREFIX HOST...`
//!
//! Opens `egress.sock` and `storage.sock` in the directory, and carries `127.0.0.1:PORT_BASE` to the
//! first and the port after it to the second; TLS on the port after that goes where its hello says.
//! `DOORS_RANGES` lists further ranges that may be reached. Hosts may be names, patterns or `*` for all of the
//! internet. Events go to standard output. The key of the store comes from the usual variables.

use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::network::{EgressMode, EgressPolicy, EgressProduct, HostPattern};
use biplane_doors::egress::Egress;
use biplane_doors::storage::{Client, Grant, Keys, Storage, Store, Stores, Whose};
use biplane_doors::{EventLog, HostNetwork, Identity, Limits, Meter, Operator, Policy, Recorder};
use biplane_forwarder::{EGRESS_DOOR, Entry, Listeners, Route, STORAGE_DOOR};
use std::error::Error;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

fn policy(hosts: &[String]) -> Result<Policy, Box<dyn Error>> {
    let mut egress = EgressPolicy::full_access("example");
    if !hosts.iter().any(|host| host == "*") {
        egress.mode = EgressMode::RestrictedAccess;
        egress.internet = hosts.iter().cloned().map(HostPattern).collect();
    }
    // Servers of this machine stand for the internet here.
    let mut ranges = vec!["127.0.0.0/8".parse()?];
    for range in std::env::var("DOORS_RANGES").unwrap_or_default().split_terminator(',') {
        ranges.push(range.parse()?);
    }
    let operator = Operator { ranges, ports: Vec::new() };
    Ok(Policy { egress, product: EgressProduct::Other, operator })
}

fn stores(endpoint: &str, bucket: &str, prefix: &str) -> Result<Stores, Box<dyn Error>> {
    let keys = Keys {
        access_key_id: std::env::var("AWS_ACCESS_KEY_ID")?,
        secret_access_key: std::env::var("AWS_SECRET_ACCESS_KEY")?,
        session_token: None,
    };
    Ok(Stores(vec![Store {
        endpoint: Some(endpoint.to_owned()),
        region: std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".into()),
        keys,
        grants: vec![Grant::new(bucket, prefix, true)],
    }]))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, port, endpoint, bucket, prefix, hosts @ ..] = arguments.as_slice() else {
        return Err("doors DIRECTORY PORT_BASE S3_ENDPOINT BUCKET PREFIX HOST...".into());
    };
    let (directory, port) = (PathBuf::from(directory), port.parse::<u16>()?);
    let identity = Identity {
        sandbox_id: SandboxId::random(),
        workspace_id: WorkspaceId(1),
        product: EgressProduct::Other,
    };
    let (log, meter) = (Arc::<EventLog>::default(), Arc::<Meter>::default());
    let recorder = Arc::new(Recorder::new(identity, log.clone()));
    let limits = Limits::default();
    let (_policy, policy) = watch::channel(Arc::new(policy(hosts)?));
    let (_stores, stores) = watch::channel(Arc::new(stores(endpoint, bucket, prefix)?));
    let closed = CancellationToken::new();
    let egress = Egress {
        recorder: recorder.clone(),
        policy,
        limits: limits.clone(),
        meter: meter.clone(),
        outside: Arc::new(HostNetwork::default()),
    };
    let storage =
        Storage { recorder, stores, limits, meter, client: Client::new()?, whose: Whose::Engine };
    let listener = biplane_doors::open(&directory, EGRESS_DOOR)?;
    tokio::spawn(Arc::new(egress).keep(listener, closed.clone()));
    let listener = biplane_doors::open(&directory, STORAGE_DOOR)?;
    tokio::spawn(Arc::new(storage).keep(listener, closed.clone()));
    let entry = |port, name, route| {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        Ok::<_, std::io::Error>(Entry { listener, route, door: directory.join(name) })
    };
    let entries = vec![
        entry(port, EGRESS_DOOR, Route::Plain)?,
        entry(port + 1, STORAGE_DOOR, Route::Plain)?,
        entry(port + 2, EGRESS_DOOR, Route::Tls(443))?,
    ];
    std::thread::spawn(move || {
        biplane_forwarder::run(&Listeners { entries, names: None, mesh: None })
    });
    println!("ready");
    loop {
        for event in log.take(100).await {
            println!("{:?} {:?}: {}", event.outcome, event.destination, event.reason);
        }
    }
}
