//! The memory of sandboxes that do nothing.

use crate::bed::{Bed, Result};
use biplane_sandbox::{Isolator, Sandbox};
use std::fs;
use std::path::Path;

const SLEEPER: &str = "/bin/sleep";

pub fn measure(bed: &Bed, count: usize) -> Result<()> {
    let mounts = bed.mounts(SLEEPER)?;
    let mut idle = Vec::with_capacity(count);
    for _ in 0..count {
        let spec = bed.spec(Path::new(SLEEPER), &["600".to_owned()], &mounts)?;
        idle.push(bed.start(&spec)?);
    }
    let of = |pids: &dyn Fn(&Sandbox) -> Vec<i32>| -> u64 {
        idle.iter().flat_map(pids).map(proportional_kib).sum::<u64>() / count.max(1) as u64
    };
    let supervisor = |sandbox: &Sandbox| parent(sandbox.pid).into_iter().collect();
    println!("\n{count} idle sandboxes, each:");
    println!("  init                       {:>6} kB PSS", of(&|sandbox| vec![sandbox.pid]));
    println!("  the program ({SLEEPER})   {:>6} kB PSS", of(&|sandbox| children(sandbox.pid)));
    println!("  supervisor                 {:>6} kB PSS", of(&supervisor));
    let charged: u64 = idle.iter().map(|sandbox| bed.native.stats(sandbox).memory_bytes).sum();
    println!("  charged to its control group {:>4} kB", charged / 1024 / count.max(1) as u64);
    let launcher = idle.first().and_then(|sandbox| parent(parent(sandbox.pid)?));
    println!("the launcher, once: {} kB PSS", launcher.map_or(0, proportional_kib));
    idle.iter().for_each(Sandbox::kill);
    idle.iter().for_each(|sandbox| {
        let _ = sandbox.wait();
    });
    Ok(())
}

fn proportional_kib(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

fn parent(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
