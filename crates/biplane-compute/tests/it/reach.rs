//! What a workspace may reach: known to the node before its engine runs, changed while it runs, and what
//! was tried comes back.

use crate::support::{World, eventually};
use biplane_api::ids::WorkspaceId;
use biplane_api::network::{EgressMode, EgressPolicy, HostPattern};
use biplane_compute::{Reach, Reaches};
use biplane_platform::Result;
use parking_lot::Mutex;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::Instant;

struct Listed(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Reaches for Listed {
    async fn reach(&self, _: WorkspaceId) -> Result<Reach> {
        let internet = self.0.lock().iter().cloned().map(HostPattern).collect();
        let mode = EgressMode::RestrictedAccess;
        let egress = EgressPolicy { mode, internet, ..EgressPolicy::full_access("test") };
        Ok(Reach { egress: Some(egress), stores: Vec::new() })
    }

    fn topics(&self) -> &'static [&'static str] {
        &["test_reach"]
    }
}

/// The first line of the answer to a CONNECT at the sandbox's egress door.
async fn connect(doors: &File, target: &str) -> String {
    // The directory is too deep for a socket's address.
    let door = format!("/proc/self/fd/{}/egress.sock", doors.as_raw_fd());
    let mut stream = UnixStream::connect(door).await.unwrap();
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = vec![0; 300];
    let read = stream.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..read]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_the_policy_and_tells_what_was_tried() {
    let world = World::new().await;
    let listed = Arc::new(Listed(Mutex::default()));
    world.compute.set_reaches(listed.clone());
    let id = world.create("one").await;
    let lease = world.acquire(&id).await.unwrap();
    let dir = world.place().join("sandboxes").join(lease.sandbox_id().as_str());
    let door = File::open(dir.join("doors")).unwrap();
    let denied =
        "HTTP/1.1 403 egress to localhost:443 denied: not in the workspace's network policy";
    assert_eq!(connect(&door, "localhost:443").await, denied);
    assert!(dir.join("doors/storage.sock").exists());

    // A change reaches the running sandbox: the name is listed now, and still leads nowhere.
    listed.0.lock().push("localhost".into());
    let changed = Instant::now();
    let mut tx = world.db.db.write().await.unwrap();
    tx.notify("test_reach", "*");
    tx.commit().await.unwrap();
    loop {
        let answer = connect(&door, "localhost:443").await;
        if answer.contains("it resolves to") {
            break;
        }
        assert_eq!(answer, denied);
        assert!(changed.elapsed() < Duration::from_secs(10), "the node is not told");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let workspace = world.workspace();
    let rows = eventually("the rows", async || {
        let rows = world.compute.outbound_accesses(workspace, 0, 100).await.unwrap();
        let told = rows.iter().any(|row| row.reason.contains("not an address of the internet"));
        told.then_some(rows)
    })
    .await;
    let row = rows.last().unwrap();
    assert_eq!((row.destination.as_str(), row.port), ("localhost", 443));
    assert_eq!((row.destination_type.as_str(), row.access_type.as_str()), ("DNS", "DROP"));
    assert_eq!(row.network_source_type, "DBSQL");
    assert_eq!(row.dns_event.as_deref(), Some("{\"domain_name\":\"localhost\",\"rcode\":3}"));
    assert_eq!(
        (&row.sandbox_id, &row.resource_id),
        (&lease.sandbox_id().to_string(), &id.to_string())
    );
    let other = WorkspaceId(workspace.0 + 1);
    assert!(world.compute.outbound_accesses(other, 0, 100).await.unwrap().is_empty());
}
