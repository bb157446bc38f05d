//! Autoscaling: workers follow the work that a cluster's drivers of Apache Spark tell of, between the bounds
//! that its owner set. Where nobody tells of work, as with Sail, it has the least.

use super::events;
use super::keep::{Memory as Keeping, Next};
use super::store::{Cluster, HostRow};
use super::versions::{self, Engine};
use crate::Compute;
use biplane_api::clusters::ClusterState as State;
use biplane_platform::Result;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What drivers told is good for so long; they tell again meanwhile.
pub(crate) const LOAD_LIFE: Duration = Duration::from_secs(10);

/// Since when another number is wanted.
#[derive(Debug, Default)]
pub(super) struct Memory {
    more_since: Option<Instant>,
    /// With the most that was wanted since.
    fewer_since: Option<(Instant, i64)>,
}

/// How patient it is.
#[derive(Debug, Clone, Copy)]
struct Patience {
    grow: Duration,
    shrink: Duration,
}

impl Memory {
    /// The number of workers to have, when it is another; and when to look again.
    fn decide(
        &mut self,
        now: Instant,
        has: i64,
        wants: i64,
        patience: Patience,
    ) -> (Option<i64>, Option<Instant>) {
        if wants > has {
            self.fewer_since = None;
            let since = *self.more_since.get_or_insert(now);
            let due = since + patience.grow;
            if now < due {
                return (None, Some(due));
            }
            self.more_since = None;
            return (Some(wants), None);
        }
        self.more_since = None;
        if wants == has {
            self.fewer_since = None;
            return (None, None);
        }
        let (since, most) = self.fewer_since.get_or_insert((now, wants));
        *most = wants.max(*most);
        let due = *since + patience.shrink;
        if now < due {
            return (None, Some(due));
        }
        let most = *most;
        self.fewer_since = None;
        (Some(most), None)
    }
}

/// Its drivers wait for executors, whether there are any now or not.
pub(super) fn has_workers(row: &Cluster) -> bool {
    let most = row.spec.autoscale.as_ref().and_then(|scale| scale.max_workers);
    row.workers.max(most.unwrap_or(0)) > 0
}

pub(super) async fn keep(
    compute: &Arc<Compute>,
    row: &Cluster,
    hosts: &[HostRow],
    memory: &mut Keeping,
) -> Result<Next> {
    let engine = versions::engine(row.spec.spark_version.as_deref());
    let (Some(scale), Engine::ApacheSpark) = (&row.spec.autoscale, engine) else {
        return Ok(Next::Rest);
    };
    let least = scale.min_workers.unwrap_or(0);
    let most = scale.max_workers.unwrap_or(least).max(least);
    let cores = hosts.iter().map(|host| host.size.cpu_millis.div_ceil(1000)).max().unwrap_or(1);
    let tasks = compute.code_tasks(&row.id);
    let wants = i64::try_from(tasks.div_ceil(u64::from(cores.max(1)))).unwrap_or(i64::MAX);
    let config = &compute.config.clusters;
    let patience = Patience { grow: config.grow_after, shrink: config.shrink_after };
    let now = Instant::now();
    let (target, again) = memory.scale.decide(now, row.workers, wants.clamp(least, most), patience);
    if let Some(at) = again {
        memory.wake_at(at);
    }
    if tasks > 0 {
        // When nobody tells of them any more, they are done.
        memory.wake_at(now + LOAD_LIFE);
    }
    let Some(target) = target else { return Ok(Next::Rest) };
    let details = json!({
        "cause": "AUTOSCALE",
        "current_num_workers": row.workers,
        "target_num_workers": target,
        "cluster_size": events::size(row),
    });
    let resize = |row: &mut Cluster| {
        row.workers = target;
        row.state = State::Resizing;
        row.state_message = format!("Resizing to {target} workers");
    };
    if compute.cluster_change(row, resize, Some(("RESIZING", details))).await? {
        tracing::info!(cluster_id = %row.id, tasks, from = row.workers, to = target, "cluster follows its work");
    }
    Ok(Next::Again)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { grow: Duration::from_secs(5), shrink: Duration::from_secs(150) };

    #[test]
    fn work_that_lasts_brings_workers_at_once_and_they_go_slowly() {
        let (mut memory, start) = (Memory::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut wants = |seconds, has, wants| memory.decide(at(seconds), has, wants, PATIENCE);
        assert_eq!(wants(0, 1, 4), (None, Some(at(5))));
        // What comes and goes brings nobody.
        assert_eq!(wants(1, 1, 1), (None, None));
        assert_eq!(wants(2, 1, 4), (None, Some(at(7))));
        assert_eq!(wants(7, 1, 3).0, Some(3));
        assert_eq!(wants(10, 3, 1).1.unwrap(), at(160));
        assert_eq!(wants(100, 3, 2).0, None);
        // As many stay as were of use since.
        assert_eq!(wants(160, 3, 0).0, Some(2));
        assert_eq!(wants(161, 2, 0).1.unwrap(), at(311));
        assert_eq!(wants(200, 2, 2), (None, None));
        assert_eq!(wants(311, 2, 0), (None, Some(at(461))));
    }
}
