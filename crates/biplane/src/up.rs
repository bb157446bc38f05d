//! `biplane up` and `biplane server`.

use crate::args::OnHostsArgs;
use crate::local_networks::Networks;
use anyhow::Context;
use biplane_server::{LocalHosts, LocalNode, Server, ServerConfig};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Longer than a node needs to end its sandboxes.
const NODE_STOP: Duration = Duration::from_secs(6);
const NODE_RESTART: Duration = Duration::from_millis(500);
/// It grows while the node ends at once, as it does when another agent has its place.
const NODE_SHORT_LIFE: Duration = Duration::from_secs(2);
const NODE_RESTART_MAX: Duration = Duration::from_secs(30);
const REPLACED: &str = "another server took over the database";

pub async fn server(config: ServerConfig, stop: CancellationToken) -> anyhow::Result<()> {
    let Some(server) =
        stop.run_until_cancelled(Box::pin(Server::start(config))).await.transpose()?
    else {
        return Ok(());
    };
    ready(&server);
    tokio::select! {
        () = stop.cancelled() => {}
        () = server.replaced() => anyhow::bail!(REPLACED),
    }
    server.stop().await;
    Ok(())
}

pub async fn up(
    mut config: ServerConfig,
    args: &OnHostsArgs,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    config.hosts.local = Some(local_hosts(&config, args)?);
    let Some(server) =
        stop.run_until_cancelled(Box::pin(Server::start(config))).await.transpose()?
    else {
        return Ok(());
    };
    let node = server.local_node()?;
    let (mut running, mut life_line) = spawn(&server, &node, args).await?;
    ready(&server);
    let (mut pause, mut started_at) = (NODE_RESTART, Instant::now());
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = server.replaced() => anyhow::bail!(REPLACED),
            status = running.wait() => {
                pause = if started_at.elapsed() > NODE_SHORT_LIFE { NODE_RESTART } else { pause };
                tracing::error!(status = %status?, ?pause, "the node agent ended; starting it again");
                if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                    break;
                }
                (pause, started_at) = ((pause * 2).min(NODE_RESTART_MAX), Instant::now());
                match spawn(&server, &node, args).await {
                    Ok(started) => (running, life_line) = started,
                    Err(error) => tracing::error!(error = format!("{error:#}"), "the node agent could not be started; trying again"),
                }
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

/// Hosts of clusters for development: agents like the one that is started here.
fn local_hosts(config: &ServerConfig, args: &OnHostsArgs) -> anyhow::Result<LocalHosts> {
    let isolation = &args.isolation;
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    let text = |path: PathBuf| text(path).context("a path is not UTF-8");
    let mut command = vec![text(std::env::current_exe()?)?, "node".into()];
    for root in biplane_server::file_roots(config) {
        command.extend(["--file-root".into(), text(root)?]);
    }
    command.extend(["--sandbox-disk-gib".into(), isolation.sandbox_disk_gib.to_string()]);
    if isolation.dev_no_isolation {
        command.push("--dev-no-isolation".into());
    }
    command.extend(args.outside.words());
    // What Python needs is built once for all hosts.
    let images_dir = std::env::var_os("BIPLANE_IMAGES_DIR").map(PathBuf::from);
    let images_dir = images_dir.unwrap_or_else(|| config.data_dir.join("node/images"));
    command.extend(["--images-dir".into(), text(images_dir.clone())?]);
    let hidden = SERVER_SECRETS.iter().map(|name| (*name).to_owned()).collect();
    let dir = config.data_dir.join("hosts");
    let networks = match isolation.dev_no_isolation {
        true => None,
        false => Some(Networks::of(&dir, args.outside.operator(), images_dir)?),
    };
    Ok(LocalHosts { command, hidden, dir, networks })
}

/// The node reads its token from its standard input, and ends when that does, so it never outlives this process, however that ends.
async fn spawn(
    server: &Server,
    node: &LocalNode,
    args: &OnHostsArgs,
) -> anyhow::Result<(Child, ChildStdin)> {
    // A token for every start: it is used when there is no identity yet, or none that is good.
    let token = node.token(server).await?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "node",
        "--with-stdin",
        "--join-token-file",
        "-",
        "--relay",
        &node.relay,
        // The relay is on this machine.
        "--proxy",
        "",
    ]);
    command.arg("--data-dir").arg(&node.data_dir);
    for root in &node.file_roots {
        command.arg("--file-root").arg(root);
    }
    command.arg("--sandbox-disk-gib").arg(args.isolation.sandbox_disk_gib.to_string());
    command.args(args.outside.words());
    if args.isolation.dev_no_isolation {
        command.arg("--dev-no-isolation");
    }
    // What the server knows from its environment is none of a node's business.
    SERVER_SECRETS.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    let mut node = command.spawn().context("starting the node agent")?;
    // Held apart from the child: waiting for it would close it.
    let mut life_line = node.stdin.take().context("the node agent's standard input")?;
    life_line.write_all(format!("{}\n", token.expose()).as_bytes()).await?;
    Ok((node, life_line))
}
