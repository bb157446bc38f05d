//! What the processes of a sandbox use, added up one by one: for hosts without control groups.

use crate::isolator::Stats;
use std::fs;

/// Deeper or wider trees are not followed.
const PROCESSES_MAX: usize = 4096;

pub fn of_tree(pid: i32) -> Stats {
    let (mut stats, mut waiting) = (Stats::default(), vec![pid]);
    let mut seen = 0;
    while let Some(pid) = waiting.pop() {
        seen += 1;
        if seen > PROCESSES_MAX {
            break;
        }
        let Some((memory_bytes, cpu_ms)) = of_one(pid) else {
            continue;
        };
        stats.memory_bytes += memory_bytes;
        stats.cpu_ms += cpu_ms;
        stats.processes += 1;
        for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            waiting.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
    }
    stats
}

fn of_one(pid: i32) -> Option<(u64, u64)> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in the second field may hold spaces and brackets; what follows its last one does not.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // The kernel counts in hundredths of a second on every architecture we run on.
    Some((pages * 4096, (user + system) * 10))
}
