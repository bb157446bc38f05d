//! What a sandbox costs: `starts [ROUNDS [AT ONCE]]`. The time from asking for a program until it has
//! ended, beside the same program without a sandbox and in bubblewrap, where that is installed; many
//! started at once; and the memory of idle ones.

use biplane_sandbox::{
    DOORS, Isolator, IsolatorConfig, Limits, Mount, Native, Network, ProcView, Program, Sandbox,
    SandboxSpec, WORK, launcher_main_if_asked, libraries,
};
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PROGRAM: &str = "/bin/true";
const SLEEPER: &str = "/bin/sleep";

fn main() -> Result<()> {
    launcher_main_if_asked();
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let (rounds, many) = (numbers.next().unwrap_or(50), numbers.next().unwrap_or(100));
    let dir = std::env::temp_dir().join(format!("biplane-starts-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let measured = measure(&std::fs::canonicalize(&dir)?, rounds, many);
    std::fs::remove_dir_all(&dir)?;
    measured
}

fn measure(dir: &Path, rounds: usize, many: usize) -> Result<()> {
    let native = Native::start(IsolatorConfig {
        launcher: "/proc/self/exe".into(),
        tag: format!("starts{}", std::process::id()),
        work_dir: dir.to_owned(),
        writable: Vec::new(),
        left_open: Vec::new(),
    })?;
    println!("{:?}", native.level());
    let mounts = libraries(Path::new(PROGRAM))?;
    show("bare exec", rounds, |_| {
        quiet(Command::new(PROGRAM)).status()?;
        Ok(())
    })?;
    for (name, proc) in
        [("sandbox", ProcView::Processes), ("sandbox, masked /proc", ProcView::Masked)]
    {
        show(name, rounds, |round| {
            let spec = spec(dir, PROGRAM, &[], &mounts, proc, round)?;
            native.spawn(&spec, File::open("/dev/null")?.into())?.wait();
            Ok(())
        })?;
    }
    show("bwrap, all namespaces", rounds, |_| {
        let words = ["--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"];
        quiet(Command::new("bwrap")).args(words).arg(PROGRAM).status()?;
        Ok(())
    })
    .unwrap_or_else(|error| println!("bwrap: {error}"));
    at_once(&native, dir, many)
}

fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn show(name: &str, rounds: usize, run: impl Fn(usize) -> Result<()>) -> Result<()> {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let begin = Instant::now();
        run(round)?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    let at = |part: usize| times.get((rounds * part / 100).min(rounds - 1)).copied();
    let text =
        |time: Option<Duration>| format!("{:.2}", time.unwrap_or_default().as_secs_f64() * 1e3);
    println!("{name:24} p50 {:>7} ms   p99 {:>7} ms", text(at(50)), text(at(99)));
    Ok(())
}

fn at_once(native: &Native, dir: &Path, many: usize) -> Result<()> {
    let mounts = libraries(Path::new(SLEEPER))?;
    let free = available_kib()?;
    let begin = Instant::now();
    let running: Vec<Sandbox> = std::thread::scope(|scope| {
        let start = |round| {
            let mounts = &mounts;
            scope.spawn(move || {
                let spec = spec(dir, SLEEPER, &["600"], mounts, ProcView::Masked, round)
                    .map_err(|error| error.to_string())?;
                let null = File::open("/dev/null").map_err(|error| error.to_string())?;
                native.spawn(&spec, null.into()).map_err(|error| error.to_string())
            })
        };
        let threads: Vec<_> = (0..many).map(start).collect();
        let joined = threads.into_iter().map(|thread| thread.join().map_err(|_| "a panic")?);
        joined.collect::<std::result::Result<_, String>>()
    })?;
    println!("{many} at once: {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);
    let used = free.saturating_sub(available_kib()?);
    println!(
        "memory of each while idle: {} kB, all processes and the kernel's part",
        used / many as u64
    );
    running.iter().for_each(Sandbox::kill);
    for sandbox in &running {
        sandbox.wait();
    }
    Ok(())
}

fn available_kib() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
}

fn spec(
    dir: &Path,
    program: &str,
    words: &[&str],
    mounts: &[Mount],
    proc: ProcView,
    round: usize,
) -> Result<SandboxSpec> {
    let name = format!("s{round}");
    let dir = dir.join(&name);
    for part in [DOORS, WORK] {
        std::fs::create_dir_all(dir.join(part))?;
    }
    Ok(SandboxSpec {
        name,
        tenant: None,
        dir,
        program: Program {
            path: std::fs::canonicalize(program)?,
            args: words.iter().map(|word| (*word).to_owned()).collect(),
            env: Vec::new(),
            inside: None,
        },
        mounts: mounts.to_vec(),
        network: Network::None,
        proc,
        limits: Limits { memory_bytes: 256 << 20, cpu_millis: 1000, ..Limits::default() },
        forwarder: false,
        exec_written: false,
        without: Vec::new(),
    })
}
