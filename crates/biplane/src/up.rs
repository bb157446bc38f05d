//! `biplane up` and `biplane server`.

use crate::args::IsolationArgs;
use anyhow::Context;
use biplane_server::{LocalNode, Server, ServerConfig};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

/// Longer than a node needs to end its sandboxes.
const NODE_STOP: Duration = Duration::from_secs(6);
const NODE_RESTART: Duration = Duration::from_millis(500);

pub async fn server(config: ServerConfig, stop: CancellationToken) -> anyhow::Result<()> {
    let server = Server::start(config).await?;
    ready(&server);
    stop.cancelled().await;
    server.stop().await;
    Ok(())
}

pub async fn up(
    config: ServerConfig,
    isolation: &IsolationArgs,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let server = Server::start(config).await?;
    let node = server.local_node().await?;
    let (mut running, mut life_line) = spawn(&node, isolation)?;
    ready(&server);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            status = running.wait() => {
                tracing::error!(status = %status?, "the node agent ended; starting it again");
                tokio::time::sleep(NODE_RESTART).await;
                (running, life_line) = spawn(&node, isolation)?;
            }
        }
    }
    // Statements in flight end first, then what runs them.
    server.stop().await;
    drop(life_line);
    if tokio::time::timeout(NODE_STOP, running.wait()).await.is_err() {
        running.kill().await.context("ending the node agent")?;
    }
    Ok(())
}

#[expect(unsafe_code, reason = "the allocator has no safe wrapper for it")]
fn ready(server: &Server) {
    println!("ready {}", server.url());
    // What only starting needed goes back to the system, a fifth of the heap.
    // SAFETY: may be called at any time, by any thread.
    unsafe { libmimalloc_sys::mi_collect(true) };
}

/// Variables that only the server reads.
const SERVER_SECRETS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "BIPLANE_DATABASE_URL",
    "BIPLANE_ADMIN_PASSWORD",
];

/// The node ends when its standard input does, so it never outlives this process, however that ends.
fn spawn(node: &LocalNode, isolation: &IsolationArgs) -> anyhow::Result<(Child, ChildStdin)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "node",
        "--with-stdin",
        "--relay",
        &node.relay.to_string(),
        "--node-id",
        node.node_id.as_str(),
    ]);
    command
        .arg("--ca-cert")
        .arg(&node.ca_cert)
        .arg("--cert")
        .arg(&node.cert)
        .arg("--key")
        .arg(&node.key);
    command.arg("--work-dir").arg(&node.work_dir);
    for root in &node.file_roots {
        command.arg("--file-root").arg(root);
    }
    command.arg("--sandbox-disk-gib").arg(isolation.sandbox_disk_gib.to_string());
    if isolation.dev_no_isolation {
        command.arg("--dev-no-isolation");
    }
    // What the server knows from its environment is none of a node's business.
    SERVER_SECRETS.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    let mut node = command.spawn().context("starting the node agent")?;
    // Held apart from the child: waiting for it would close it.
    let life_line = node.stdin.take().context("the node agent's standard input")?;
    Ok((node, life_line))
}
