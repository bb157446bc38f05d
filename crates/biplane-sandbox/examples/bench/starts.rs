//! From asking for a program until it has ended.

use crate::bed::{Bed, Result, percentiles, quiet};
use biplane_sandbox::{ProcView, Sandbox};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PROGRAM: &str = "/bin/true";
const SLEEPER: &str = "/bin/sleep";

type Start<'a> = Box<dyn Fn() -> Result<()> + 'a>;

/// In turns, so that what else the machine does falls on all of them.
pub fn measure(bed: &Bed, rounds: usize) -> Result<()> {
    let mounts = bed.mounts(PROGRAM)?;
    let sandbox = |limits_disk: bool, proc: ProcView| -> Start<'_> {
        let mounts = &mounts;
        Box::new(move || {
            let mut spec = bed.spec(Path::new(PROGRAM), &[], mounts)?;
            spec.proc = proc;
            if !limits_disk {
                spec.limits.disk_bytes = 0;
            }
            bed.start(&spec)?.wait();
            Ok(())
        })
    };
    let bare: Start<'_> = Box::new(|| {
        quiet(Command::new(PROGRAM)).status()?;
        Ok(())
    });
    let bubblewrap: Start<'_> = Box::new(|| {
        let words = ["--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"];
        let tmp = ["--tmpfs", "/tmp", "--tmpfs", "/home", "--die-with-parent", "--new-session"];
        let ended = quiet(Command::new("bwrap")).args(words).args(tmp).arg(PROGRAM).status()?;
        if ended.success() { Ok(()) } else { Err(format!("bwrap ended with {ended}").into()) }
    });
    let kinds = [
        ("bare exec", bare),
        ("bubblewrap, no limits", bubblewrap),
        ("sandbox, the least", sandbox(false, ProcView::Processes)),
        ("sandbox, no disk of its own", sandbox(false, ProcView::Masked)),
        ("sandbox as on a node", sandbox(true, ProcView::Masked)),
    ];
    let mut times = vec![Vec::with_capacity(rounds); kinds.len()];
    for _ in 0..rounds {
        for ((_, start), times) in kinds.iter().zip(&mut times) {
            let begin = Instant::now();
            if start().is_ok() {
                times.push(begin.elapsed());
            }
        }
    }
    println!("\nstart and end of {PROGRAM}, {rounds} times");
    for ((name, _), times) in kinds.iter().zip(&mut times) {
        match times.len() {
            0 => println!("  {name:26} not to be had here"),
            _ => println!("  {name:26} {}", percentiles(times)),
        }
    }
    Ok(())
}

pub fn at_once(bed: &Bed, many: usize) -> Result<()> {
    let mounts = bed.mounts(SLEEPER)?;
    let begin = Instant::now();
    let started: Vec<(Sandbox, Duration)> = std::thread::scope(|scope| {
        let start = |_| {
            scope.spawn(|| {
                let spec = bed.spec(Path::new(SLEEPER), &["600".to_owned()], &mounts)?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>((
                    bed.start(&spec)?,
                    begin.elapsed(),
                ))
            })
        };
        let threads: Vec<_> = (0..many).map(start).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a panic")?)
            .collect::<Result<_>>()
    })?;
    let wall = begin.elapsed();
    let mut times: Vec<Duration> = started.iter().map(|(_, time)| *time).collect();
    println!("\n{many} at once: all run after {:.0} ms", wall.as_secs_f64() * 1e3);
    println!("  since the first was asked for  {}", percentiles(&mut times));
    let begin = Instant::now();
    started.iter().for_each(|(sandbox, _)| sandbox.kill());
    started.iter().for_each(|(sandbox, _)| {
        let _ = sandbox.wait();
    });
    println!("  all gone after {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
