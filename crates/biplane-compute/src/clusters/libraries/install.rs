//! Installs what is wanted of a cluster that runs, one library after the other, on all of its hosts. One
//! task per cluster, begun when there is something to do; it goes by rows alone, so another can go on.

use super::spec::{self, Source};
use super::store::{self, LibraryRow};
use crate::Compute;
use crate::clusters::prepare::{Turn, preparer};
use crate::clusters::store::{self as clusters, Cluster, HostRow};
use crate::code::{Preparer, Ran, Run};
use biplane_api::clusters::{ClusterLogStream, ClusterState as State};
use biplane_api::ids::NodeId;
use biplane_api::libraries::LibraryStatus;
use biplane_platform::{Ctx, Result};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const HOSTS_AT_ONCE: usize = 8;
const INSTALL_MAX: Duration = Duration::from_secs(1800);
const WHEEL_BYTES_MAX: usize = 2 << 30;
const REQUIREMENTS_BYTES_MAX: usize = 1 << 20;
const MESSAGE_CHARS_MAX: usize = 2000;
const LINES_MAX: usize = 5;
/// Before the database is asked again.
const REST: Duration = Duration::from_secs(1);

/// Forgets what went with this start, and has the rest installed.
pub(in crate::clusters) async fn keep(
    compute: &Arc<Compute>,
    row: &Cluster,
    hosts: &[HostRow],
) -> Result<()> {
    let mut tx = compute.db.read().await?;
    let libraries = store::of_cluster(&mut tx, &row.id).await?;
    if libraries.is_empty() {
        return Ok(());
    }
    let found = next(&mut tx, row, hosts, &libraries).await?;
    drop(tx);
    let gone: Vec<_> = libraries.iter().filter(|one| one.is_gone(row.generation)).collect();
    if !gone.is_empty() {
        let mut tx = compute.db.write().await?;
        for library in gone {
            store::delete(&mut tx, &row.id, &library.key).await?;
        }
        tx.commit().await?;
    }
    if found.is_some()
        && let Some(turn) = Turn::take(compute, &row.id, "libraries")
    {
        tokio::spawn(run(turn, row.generation));
    }
    Ok(())
}

/// The first library that a host has not, and those hosts.
async fn next(
    tx: &mut biplane_platform::Tx,
    row: &Cluster,
    hosts: &[HostRow],
    libraries: &[LibraryRow],
) -> Result<Option<(LibraryRow, Vec<HostRow>)>> {
    let mut done = HashMap::new();
    for host in hosts {
        done.insert(&host.node_id, store::setup(tx, &host.node_id).await?.libraries);
    }
    let wanted = libraries.iter().filter(|library| {
        !library.is_leaving() && library.status(row.generation) != LibraryStatus::Failed
    });
    for library in wanted {
        let lacks = |host: &&HostRow| !done[&host.node_id].contains(&library.key);
        let lacking: Vec<HostRow> = hosts.iter().filter(lacks).cloned().collect();
        let told = library.status(row.generation) == LibraryStatus::Installed;
        if !lacking.is_empty() || !told {
            return Ok(Some((library.clone(), lacking)));
        }
    }
    Ok(None)
}

async fn run(turn: Turn, generation: i64) {
    let mut hands = HashMap::new();
    loop {
        let step = tokio::select! {
            step = step(&turn, generation, &mut hands) => step,
            () = turn.compute.stop.cancelled() => return,
        };
        match step {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(cluster_id = %turn.id, %error, cause = ?error.internal, "a library could not be installed");
                tokio::time::sleep(REST).await;
                return;
            }
        }
    }
}

/// False: there is nothing to do any more.
async fn step(turn: &Turn, generation: i64, hands: &mut HashMap<NodeId, Preparer>) -> Result<bool> {
    let Turn { compute, id, .. } = turn;
    let mut tx = compute.db.read().await?;
    let Some(row) = clusters::get(&mut tx, id).await? else { return Ok(false) };
    if row.generation != generation || !row.is(&[State::Running, State::Resizing]) {
        return Ok(false);
    }
    let hosts = hosts_of(&mut tx, &row).await?;
    let libraries = store::of_cluster(&mut tx, id).await?;
    let found = next(&mut tx, &row, &hosts, &libraries).await?;
    drop(tx);
    let Some((library, lacking)) = found else { return Ok(false) };
    tell(compute, &row, &library, LibraryStatus::Installing, &[]).await?;
    let failed = install(compute, &row, &library, lacking, hands).await?;
    let mut tx = compute.db.read().await?;
    let still = clusters::get(&mut tx, id).await?;
    let hosts = hosts_of(&mut tx, &row).await?;
    drop(tx);
    if still.is_none_or(|now| now.generation != generation) {
        return Ok(false);
    }
    // What failed because its host went is tried where that is replaced.
    let failed =
        failed.into_iter().find(|(node_id, _)| hosts.iter().any(|one| one.node_id == *node_id));
    let (status, messages) = match failed {
        None => (LibraryStatus::Installed, Vec::new()),
        Some((_, message)) => (LibraryStatus::Failed, vec![message]),
    };
    tell(compute, &row, &library, status, &messages).await?;
    Ok(true)
}

/// Those that are there.
async fn hosts_of(tx: &mut biplane_platform::Tx, row: &Cluster) -> Result<Vec<HostRow>> {
    let mut hosts = clusters::hosts(tx, &row.id).await?;
    hosts.retain(|host| {
        host.generation == row.generation && host.ready && host.ordinal <= row.workers
    });
    Ok(hosts)
}

async fn tell(
    compute: &Compute,
    row: &Cluster,
    library: &LibraryRow,
    status: LibraryStatus,
    messages: &[String],
) -> Result<()> {
    tracing::info!(cluster_id = %row.id, library = library.key, ?status, "library");
    let mut tx = compute.db.write().await?;
    store::tell(&mut tx, &row.id, &library.key, row.generation, status, messages).await?;
    tx.commit().await
}

/// Where it failed, and why.
async fn install(
    compute: &Arc<Compute>,
    row: &Cluster,
    library: &LibraryRow,
    lacking: Vec<HostRow>,
    hands: &mut HashMap<NodeId, Preparer>,
) -> Result<Vec<(NodeId, String)>> {
    let at_all =
        |why: String| Ok(lacking.iter().map(|host| (host.node_id.clone(), why.clone())).collect());
    let source = match spec::source(&library.library) {
        Ok(source) => source,
        Err(error) => return at_all(error.message),
    };
    let owner = match compute.cluster_owner(row).await {
        Ok(owner) => owner,
        Err(error) => return at_all(error.message),
    };
    let mut jobs = Vec::new();
    for host in lacking {
        let hand = hands.remove(&host.node_id);
        jobs.push(on_host(compute, row, &owner, &source, host, hand));
    }
    compute.clusters.logs.write(
        &row.id,
        ClusterLogStream::Stderr,
        &format!("Installing {}\n", library.key),
    );
    let results: Vec<_> = stream::iter(jobs).buffer_unordered(HOSTS_AT_ONCE).collect().await;
    let mut failed = Vec::new();
    for (node_id, hand, result) in results {
        match result {
            Ok(()) => {
                let mut tx = compute.db.write().await?;
                let mut setup = store::setup(&mut tx, &node_id).await?;
                setup.libraries.insert(library.key.clone());
                store::setup_write(&mut tx, &node_id, &setup).await?;
                tx.commit().await?;
            }
            Err(why) => failed.push((node_id.clone(), why)),
        }
        if let Some(hand) = hand {
            hands.insert(node_id, hand);
        }
    }
    Ok(failed)
}

type OnHost = (NodeId, Option<Preparer>, std::result::Result<(), String>);

async fn on_host(
    compute: &Arc<Compute>,
    row: &Cluster,
    owner: &Ctx,
    source: &Source,
    host: HostRow,
    hand: Option<Preparer>,
) -> OnHost {
    let mut hand = match hand {
        Some(hand) => hand,
        None => match preparer(compute, row, &owner.principal, &host).await {
            Ok(hand) => hand,
            Err(why) => return (host.node_id, None, Err(why)),
        },
    };
    // Of all hosts the driver's word is kept.
    let print = |text: &str| {
        if host.ordinal == 0 {
            compute.clusters.logs.write(&row.id, ClusterLogStream::Stderr, text);
        }
    };
    let done = with(compute, row, owner, source, &mut hand, print).await;
    (host.node_id, Some(hand), done)
}

async fn with(
    compute: &Arc<Compute>,
    row: &Cluster,
    owner: &Ctx,
    source: &Source,
    hand: &mut Preparer,
    mut print: impl FnMut(&str) + Send,
) -> std::result::Result<(), String> {
    let arguments = match source {
        Source::Package { package, index } => of_index(package, index.as_deref()),
        Source::File { path, requirements } => {
            let name = path.rsplit('/').next().unwrap_or_default();
            let most = if *requirements { REQUIREMENTS_BYTES_MAX } else { WHEEL_BYTES_MAX };
            let opened = async { compute.supplies()?.file_open(owner, path).await };
            let bytes = opened.await.map_err(|error| format!("{path}: {}", error.message))?;
            hand.file(name, bytes, most).await.map_err(|why| format!("{path}: {why}"))?;
            let file = json!({ "file": name });
            if *requirements { vec!["-r".into(), file] } else { vec![file] }
        }
    };
    let environment = compute.cluster_environment(row).await.map_err(|error| error.message)?;
    let variables = environment.variables.clone();
    let run = Run { kind: "pip", arguments, environment: variables, limit: INSTALL_MAX };
    let ran = hand.run(run, |text| print(&environment.hide(text))).await?;
    match ran {
        Ran { status: 0, late: false, .. } => Ok(()),
        Ran { late: true, .. } => {
            Err(format!("pip was ended after {} minutes.", INSTALL_MAX.as_secs() / 60))
        }
        Ran { status, tail, .. } => Err(why(status, &environment.hide(&tail))),
    }
}

fn of_index(package: &str, index: Option<&str>) -> Vec<Value> {
    let mut arguments: Vec<Value> = Vec::new();
    if let Some(index) = index {
        arguments.extend(["--index-url".into(), index.into()]);
        // Who writes `http://` trusts the way there.
        if let Some(rest) = index.strip_prefix("http://") {
            let host = rest.split('/').next().unwrap_or_default();
            let host = host.rsplit('@').next().unwrap_or_default();
            arguments.extend(["--trusted-host".into(), host.into()]);
        }
    }
    arguments.extend(["--".into(), package.into()]);
    arguments
}

/// What pip said: its errors, else its last lines.
fn why(status: i64, tail: &str) -> String {
    let errors: Vec<&str> = tail.lines().filter(|line| line.starts_with("ERROR:")).collect();
    let lines = if errors.is_empty() {
        tail.lines().filter(|line| !line.trim().is_empty()).collect()
    } else {
        errors
    };
    let last = &lines[lines.len().saturating_sub(LINES_MAX)..];
    let text = format!("pip ended with exit code {status}. {}", last.join("\n"));
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_is_told_whom_to_trust_and_where_options_end() {
        let told = of_index("-x", Some("http://user@index.corp:81/simple"));
        let wanted = [
            "--index-url",
            "http://user@index.corp:81/simple",
            "--trusted-host",
            "index.corp:81",
            "--",
            "-x",
        ];
        assert_eq!(told, wanted.map(Value::from));
        assert_eq!(of_index("a", None), ["--", "a"].map(Value::from));
    }

    #[test]
    fn people_are_told_what_pip_said() {
        assert_eq!(
            why(1, "x\nERROR: no such thing\nhint\n"),
            "pip ended with exit code 1. ERROR: no such thing"
        );
        assert_eq!(why(2, "a\n\nb\n"), "pip ended with exit code 2. a\nb");
    }
}
