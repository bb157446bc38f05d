//! `biplane node`.

use crate::args::NodeArgs;
use anyhow::Context;
use biplane_node::{Isolation, JoinToken, MeshConfig, NodeConfig, PythonConfig, Route, WayOut};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio_util::sync::CancellationToken;

/// Engines on one node at a time.
const SANDBOXES_MAX: usize = 64;
/// For one connection to the relay, or one answer.
const DIAL_PATIENCE: Duration = Duration::from_secs(10);
/// A token, and nothing else.
const STDIN_BYTES_MAX: u64 = 4096;

pub async fn node(args: NodeArgs, stop: CancellationToken) -> anyhow::Result<()> {
    let mut stdin = BufReader::new(tokio::io::stdin().take(STDIN_BYTES_MAX));
    let join_token = match args.join_token_file.as_deref() {
        None => None,
        Some(file) if file == Path::new("-") => {
            let mut line = String::new();
            stdin.read_line(&mut line).await.context("reading the join token")?;
            Some(line)
        }
        Some(file) => {
            let read = tokio::fs::read_to_string(file).await;
            match read {
                Ok(text) => Some(text),
                // Whoever put it there may have taken it away since it was used.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error).context("reading the join token"),
            }
        }
    };
    let join_token = join_token.map(|text| text.parse::<JoinToken>()).transpose()?;
    if args.with_stdin {
        let stop = stop.clone();
        tokio::spawn(async move {
            let mut ignored = [0; 64];
            while stdin.read(&mut ignored).await.is_ok_and(|bytes| bytes > 0) {}
            stop.cancel();
        });
    }
    let variable = |names: [&str; 2]| {
        names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
    };
    let proxy = args.proxy.unwrap_or_else(|| variable(["https_proxy", "HTTPS_PROXY"]));
    let route = match args.way_out {
        Some(dir) => Route::through(WayOut::new(dir)),
        None => Route::new(&proxy, &variable(["no_proxy", "NO_PROXY"]))?,
    };
    let pass = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
    let config = NodeConfig {
        relay: args.relay,
        route,
        dial_patience: DIAL_PATIENCE,
        data_dir: args.data_dir,
        join_token,
        replace: args.replace,
        engine_command: engine_command(args.engine_program)?,
        engine_env: NodeConfig::ENGINE_ENV_NAMES.iter().filter_map(pass).collect(),
        sandboxes_max: SANDBOXES_MAX,
        prestarted: args.prestarted,
        drain: match args.with_stdin {
            // Its control plane ends, too.
            true => Duration::ZERO,
            false => Duration::from_secs(args.drain_seconds),
        },
        isolation: Isolation {
            off_for_development: args.isolation.dev_no_isolation,
            sandbox_disk_bytes: u64::from(args.isolation.sandbox_disk_gib) << 30,
            host_network: args.host_network,
            file_roots: args.file_roots,
            launcher: None,
            outside: args.outside.operator(),
        },
        mesh: MeshConfig { listen: args.mesh_listen, address: args.mesh_address },
        python: PythonConfig { interpreter: args.python, images_dir: args.images_dir },
    };
    biplane_node::run(config, stop).await.map_err(Into::into)
}

/// This program as an engine; a build without one starts the `biplane-engine` that stands beside it.
fn engine_command(program: Option<PathBuf>) -> anyhow::Result<Vec<String>> {
    let text = |path: PathBuf| {
        path.into_os_string().into_string().ok().context("the engine's path is not UTF-8")
    };
    if let Some(program) = program {
        return Ok(vec![text(program)?]);
    }
    let own = std::env::current_exe()?;
    if cfg!(feature = "engine") {
        return Ok(vec![text(own)?, "engine".into()]);
    }
    let beside = own.with_file_name("biplane-engine");
    anyhow::ensure!(
        beside.exists(),
        "this build carries no engine and there is none at {}",
        beside.display()
    );
    Ok(vec![text(beside)?])
}
