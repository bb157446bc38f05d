//! `biplane node`.

use crate::args::NodeArgs;
use anyhow::Context;
use biplane_node::{Isolation, MeshConfig, NodeConfig, PythonConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// Engines on one node at a time.
const SANDBOXES_MAX: usize = 64;

pub async fn node(args: NodeArgs, stop: CancellationToken) -> anyhow::Result<()> {
    if args.with_stdin {
        let stop = stop.clone();
        tokio::spawn(async move {
            let mut ignored = [0; 64];
            while tokio::io::stdin().read(&mut ignored).await.is_ok_and(|bytes| bytes > 0) {}
            stop.cancel();
        });
    }
    let pass = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
    let config = NodeConfig {
        node_id: args.node_id,
        relay: args.relay,
        ca_cert: args.ca_cert,
        cert: args.cert,
        key: args.key,
        work_dir: args.work_dir,
        engine_command: engine_command(args.engine_program)?,
        engine_env: NodeConfig::ENGINE_ENV_NAMES.iter().filter_map(pass).collect(),
        sandboxes_max: SANDBOXES_MAX,
        region: args.region,
        labels: labels(&args.labels)?,
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
        python: PythonConfig { interpreter: args.python, images_dir: args.images_dir },
        mesh: MeshConfig { listen: args.mesh_listen, address: args.mesh_address },
    };
    biplane_node::run(config, stop).await.map_err(Into::into)
}

fn labels(given: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let one = |text: &String| {
        let (name, value) = text.split_once('=').context("a label is written name=value")?;
        anyhow::ensure!(!name.is_empty(), "a label needs a name");
        Ok((name.to_owned(), value.to_owned()))
    };
    given.iter().map(one).collect()
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
