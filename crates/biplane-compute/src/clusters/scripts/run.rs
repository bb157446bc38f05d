//! Runs the scripts of a cluster on its hosts before they are used. One task per cluster; which hosts are
//! done is in rows.

use super::{spec, store};
use crate::Compute;
use crate::clusters::environment::Environment;
use crate::clusters::libraries::store as setups;
use crate::clusters::prepare::{Turn, preparer};
use crate::clusters::reasons::{self, reason};
use crate::clusters::store::{self as clusters, Cluster, HostRow};
use crate::clusters::{change, events};
use crate::code::{Preparer, Ran, Run};
use crate::supplies::InBucket;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::clusters::ClusterState as State;
use biplane_api::internal::Access;
use biplane_platform::{ApiError, Ctx, Result};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const HOSTS_AT_ONCE: usize = 8;
const ATTEMPTS_MAX: usize = 5;
const SCRIPT_BYTES_MAX: usize = 64 << 10;
/// For one script.
const SCRIPT_MAX: Duration = Duration::from_secs(20 * 60);
const MESSAGE_CHARS_MAX: usize = 1500;
const LINES_MAX: usize = 10;
const REST: Duration = Duration::from_secs(1);

#[derive(PartialEq, Eq)]
pub(in crate::clusters) enum Prepared {
    Yes,
    /// The cluster is looked at again when that changes.
    Soon,
}

struct Script {
    /// For people.
    name: String,
    place: Place,
}

enum Place {
    Global(Bytes),
    /// On a volume or in the workspace.
    File(String),
    Bucket(String, InBucket),
}

impl Script {
    fn is_global(&self) -> bool {
        matches!(self.place, Place::Global(_))
    }

    /// As events have it.
    fn shown(&self) -> Value {
        let kind = match self.place {
            Place::Global(_) => "workspace",
            Place::File(_) => "volumes",
            Place::Bucket(..) => "s3",
        };
        json!({ kind: { "destination": self.name } })
    }
}

/// How a script ended on a host.
struct Done {
    status: &'static str,
    seconds: u64,
    error: Option<String>,
}

/// Whether all hosts may be used; else what is missing is being done.
pub(in crate::clusters) async fn before_use(
    compute: &Arc<Compute>,
    row: &Cluster,
    hosts: &[HostRow],
) -> Result<Prepared> {
    let mut tx = compute.db.read().await?;
    let mut scripts = Vec::new();
    for one in store::all(&mut tx, row.workspace_id).await?.into_iter().filter(|one| one.enabled) {
        let text = STANDARD.decode(one.script.unwrap_or_default()).map_err(ApiError::internal)?;
        scripts.push(Script { name: one.name, place: Place::Global(text.into()) });
    }
    scripts.extend(spec::sources(&row.spec)?.into_iter().map(|source| Script {
        name: source.path.clone(),
        place: match source.bucket {
            None => Place::File(source.path),
            Some(how) => Place::Bucket(source.path, how),
        },
    }));
    if scripts.is_empty() {
        return Ok(Prepared::Yes);
    }
    let mut lacking = Vec::new();
    for host in hosts {
        if !setups::setup(&mut tx, &host.node_id).await?.scripts_ran {
            lacking.push(host.clone());
        }
    }
    drop(tx);
    if lacking.is_empty() {
        return Ok(Prepared::Yes);
    }
    if let Some(turn) = Turn::take(compute, &row.id, "scripts") {
        tokio::spawn(prepare(turn, row.clone(), lacking, scripts));
    }
    Ok(Prepared::Soon)
}

async fn prepare(turn: Turn, row: Cluster, hosts: Vec<HostRow>, scripts: Vec<Script>) {
    let compute = turn.compute.clone();
    let preparing = prepare_all(&compute, &row, hosts, &scripts);
    tokio::select! {
        done = preparing => if let Err(error) = done {
            tracing::warn!(cluster_id = %row.id, %error, cause = ?error.internal, "hosts could not be prepared");
            tokio::time::sleep(REST).await;
        },
        () = compute.stop.cancelled() => {}
    }
}

async fn prepare_all(
    compute: &Arc<Compute>,
    row: &Cluster,
    hosts: Vec<HostRow>,
    scripts: &[Script],
) -> Result<()> {
    let began = listed(scripts, |_| None);
    event(compute, row, "INIT_SCRIPTS_STARTED", began).await?;
    let owner = compute.cluster_owner(row).await;
    let environment = compute.cluster_environment(row).await?;
    let all = clusters::hosts(&mut compute.db.read().await?, &row.id).await?;
    let mut jobs = Vec::new();
    for host in hosts {
        let variables = variables(&environment.variables, row, &all, &host);
        let environment = Environment { variables, secret: environment.secret.clone() };
        jobs.push(on_host(
            compute,
            row,
            owner.as_ref().map_err(|error| error.message.clone()),
            host,
            scripts,
            environment,
        ));
    }
    let ended: Vec<_> = stream::iter(jobs).buffer_unordered(HOSTS_AT_ONCE).collect().await;
    let failing = ended.iter().find(|(_, done)| done.iter().any(|one| one.error.is_some()));
    let told = failing.or_else(|| ended.iter().min_by_key(|(host, _)| host.ordinal));
    if let Some((host, done)) = told {
        let mut details = listed(scripts, |index| done.get(index));
        details["reported_for_node"] = host.private_ip.clone().into();
        event(compute, row, "INIT_SCRIPTS_FINISHED", details).await?;
    }
    if let Some((host, done)) = failing {
        let failed = scripts
            .iter()
            .zip(done)
            .find_map(|(script, done)| done.error.as_ref().map(|error| (script, error)));
        if let Some((script, error)) = failed {
            return failed_on(compute, row, host, script, error).await;
        }
    }
    let mut tx = compute.db.write().await?;
    for (host, _) in &ended {
        let mut setup = setups::setup(&mut tx, &host.node_id).await?;
        setup.scripts_ran = true;
        setups::setup_write(&mut tx, &host.node_id, &setup).await?;
    }
    tx.commit().await
}

/// `init_scripts` of an event.
fn listed<'a>(scripts: &[Script], done: impl Fn(usize) -> Option<&'a Done>) -> Value {
    let mut details = json!({ "global": [], "cluster": [] });
    for (index, script) in scripts.iter().enumerate() {
        let mut shown = script.shown();
        if let Some(done) = done(index) {
            shown["status"] = done.status.into();
            shown["execution_duration_seconds"] = done.seconds.into();
            if let Some(error) = &done.error {
                shown["error_message"] = error.clone().into();
            }
        }
        let list = if script.is_global() { "global" } else { "cluster" };
        if let Some(list) = details[list].as_array_mut() {
            list.push(shown);
        }
    }
    details
}

async fn event(compute: &Compute, row: &Cluster, kind: &str, scripts: Value) -> Result<()> {
    let mut tx = compute.db.write().await?;
    let details = json!({ "init_scripts": scripts });
    events::write(&mut tx, &row.id, kind, details, compute.clock.now_ms()).await?;
    tx.commit().await
}

/// The cluster's own, and what scripts look for to learn where they are.
fn variables(
    own: &BTreeMap<String, String>,
    row: &Cluster,
    hosts: &[HostRow],
    host: &HostRow,
) -> BTreeMap<String, String> {
    let driver = hosts.iter().find(|one| one.ordinal == 0 && one.generation == row.generation);
    let ip = |host: &HostRow| host.private_ip.clone().unwrap_or_default();
    let told = [
        ("DB_CLUSTER_ID", row.id.to_string()),
        ("DB_CLUSTER_NAME", row.name.clone()),
        ("DB_CONTAINER_IP", ip(host)),
        ("DB_DRIVER_IP", driver.map(ip).unwrap_or_default()),
        ("DB_IS_DRIVER", if host.ordinal == 0 { "TRUE" } else { "FALSE" }.to_owned()),
        ("DB_IS_JOB_CLUSTER", "FALSE".to_owned()),
        ("DB_INSTANCE_TYPE", host.node_type_id.clone()),
    ];
    let told = told.map(|(name, value)| (name.to_owned(), value));
    own.clone().into_iter().chain(told).collect()
}

async fn on_host(
    compute: &Arc<Compute>,
    row: &Cluster,
    owner: std::result::Result<&Ctx, String>,
    host: HostRow,
    scripts: &[Script],
    environment: Environment,
) -> (HostRow, Vec<Done>) {
    let hand = async {
        let owner = owner?;
        let hand = preparer(compute, row, &owner.principal, &host).await?;
        Ok::<_, String>((hand, owner))
    };
    let (mut hand, owner) = match hand.await {
        Ok(found) => found,
        Err(why) => {
            let done = Done { status: "NOT_EXECUTED", seconds: 0, error: Some(why) };
            return (host, vec![done]);
        }
    };
    let mut done = Vec::new();
    for script in scripts {
        let began = Instant::now();
        let print = |text: &str| {
            let name = log_name(row, &host, script);
            compute.clusters.logs.script(&row.id, name, &environment.hide(text));
        };
        let ran = one(compute, owner, script, &mut hand, &environment, print).await;
        let (status, error) = match ran {
            Ok(()) => ("SUCCEEDED", None),
            Err((status, why)) => (status, Some(why)),
        };
        let failed = error.is_some();
        done.push(Done { status, seconds: began.elapsed().as_secs(), error });
        if failed {
            break;
        }
    }
    (host, done)
}

async fn one(
    compute: &Arc<Compute>,
    owner: &Ctx,
    script: &Script,
    hand: &mut Preparer,
    environment: &Environment,
    print: impl FnMut(&str) + Send,
) -> std::result::Result<(), (&'static str, String)> {
    const FILE: &str = "init-script";
    let bytes = match &script.place {
        Place::Global(text) => stream::iter([Ok(text.clone())]).boxed(),
        Place::File(path) => {
            let opened = async { compute.supplies()?.file_open(owner, path).await };
            opened.await.map_err(|error| ("FAILED_FETCH", error.message))?
        }
        Place::Bucket(url, how) => {
            // One byte more than may be: too long a script is refused where all are.
            let most = SCRIPT_BYTES_MAX + 1;
            let supplies = compute.supplies().map_err(|error| ("FAILED_FETCH", error.message))?;
            let found = supplies.object_read(owner, url, how, Access::Read, most).await;
            let bytes = found.map_err(|error| ("FAILED_FETCH", error.message))?;
            let bytes = bytes.ok_or_else(|| ("FAILED_FETCH", format!("{url} does not exist.")))?;
            stream::iter([Ok(bytes)]).boxed()
        }
    };
    hand.file(FILE, bytes, SCRIPT_BYTES_MAX).await.map_err(|why| ("FAILED_FETCH", why))?;
    let run = Run {
        kind: "script",
        arguments: vec![json!({ "file": FILE })],
        environment: environment.variables.clone(),
        limit: SCRIPT_MAX,
    };
    let ran = hand.run(run, print).await.map_err(|why| ("FAILED_EXECUTION", why))?;
    match ran {
        Ran { status: 0, late: false, .. } => Ok(()),
        Ran { late: true, .. } => {
            let minutes = SCRIPT_MAX.as_secs() / 60;
            Err(("FAILED_EXECUTION", format!("It was ended after {minutes} minutes.")))
        }
        Ran { status, tail, .. } => {
            Err(("FAILED_EXECUTION", why(status, &environment.hide(&tail))))
        }
    }
}

/// Under which its output is delivered.
fn log_name(row: &Cluster, host: &HostRow, script: &Script) -> String {
    let ip = host.private_ip.as_deref().unwrap_or("localhost");
    let file = script.name.rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let file: String = file.chars().map(plain).collect();
    format!("{}_{ip}/{}_{}_{file}.stdout.log", row.id, row.generation, host.ordinal)
}

fn why(status: i64, tail: &str) -> String {
    let lines: Vec<&str> = tail.lines().collect();
    let last = lines[lines.len().saturating_sub(LINES_MAX)..].join("\n");
    let skip = last.chars().count().saturating_sub(MESSAGE_CHARS_MAX);
    let last: String = last.chars().skip(skip).collect();
    format!("Script exit status is non-zero ({status}). {last}")
}

/// A cluster that starts does without its hosts altogether; one that runs, without those it was to get.
async fn failed_on(
    compute: &Arc<Compute>,
    row: &Cluster,
    host: &HostRow,
    script: &Script,
    error: &str,
) -> Result<()> {
    let (code, what) = match script.is_global() {
        true => ("GLOBAL_INIT_SCRIPT_FAILURE", "Global init script"),
        false => ("INIT_SCRIPT_FAILURE", "Cluster scoped init script"),
    };
    let text = format!("{what} {} failed: {error}", script.name);
    let id = host.host_id.as_deref().unwrap_or_default();
    let parameters = [("instance_id", id), ("databricks_error_message", text.as_str())];
    let why = reason(code, reasons::CLIENT_ERROR, &parameters);
    for _ in 0..ATTEMPTS_MAX {
        let now = clusters::get(&mut compute.db.read().await?, &row.id).await?;
        let Some(now) = now.filter(|now| {
            now.generation == row.generation && !now.is(&[State::Terminating, State::Terminated])
        }) else {
            return Ok(());
        };
        let changed = if now.state == State::Resizing && host.ordinal > 0 {
            let details = json!({ "reason": why, "target_num_workers": now.workers });
            let fewer = |row: &mut Cluster| {
                row.workers = row.workers.min(host.ordinal - 1);
                row.state_message = format!("Not all workers could be added: {}", why.code);
            };
            compute.cluster_change(&now, fewer, Some(("ADD_NODES_FAILED", details))).await?
        } else {
            let details = change::terminating(&why, None);
            let end = |row: &mut Cluster| change::terminate(row, &why);
            compute.cluster_change(&now, end, Some(("TERMINATING", details))).await?
        };
        if changed {
            tracing::info!(cluster_id = %row.id, script = script.name, "an init script failed");
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_the_last_lines() {
        let tail = (0..30).map(|line| format!("line {line}\n")).collect::<String>();
        let told = why(3, &tail);
        assert!(told.starts_with("Script exit status is non-zero (3). line 20\n"), "{told}");
        assert!(why(1, &"x".repeat(9000)).len() < 2000);
    }
}
