//! What one sandbox takes from another: no more than its share, proved by programs that want all.

use crate::clean::devices;
use crate::life::{eventually, words};
use crate::world::{World, is_root};
use biplane_sandbox::{Isolator, LevelKind, Sandbox, SandboxSpec, WORK};
use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::time::{Duration, Instant};

const DISK_BYTES: u64 = 16 << 20;
/// Of processors, together, until shares are compared.
const MEASURED_MS: u64 = 4000;
const PATIENCE: Duration = Duration::from_secs(120);

fn spec(world: &World, program: &[&str], tenant: Option<&str>) -> SandboxSpec {
    let mut spec = world.spec(&words(program));
    spec.tenant = tenant.map(str::to_owned);
    spec.limits.cpu_millis = 0;
    spec
}

/// Three sandboxes that fork and spin for all they are worth.
fn bombs(world: &World, tenant: Option<&str>) -> Vec<(Sandbox, BufReader<PipeReader>)> {
    let start = |_| {
        let (sandbox, stderr) = world.start(&spec(world, &["bomb"], tenant));
        let (mut stderr, mut line) = (BufReader::new(stderr), String::new());
        stderr.read_line(&mut line).unwrap();
        assert_eq!(line, "ticking\n");
        (sandbox, stderr)
    };
    (0..3).map(start).collect()
}

/// What part of the processors the second tenant gets while the first one has three bombs, in hundredths.
fn part(world: &World, tenants: [Option<&str>; 2]) -> u64 {
    let greedy = bombs(world, tenants[0]);
    let spin = spec(world, &["spin", "600000", "600000"], tenants[1]);
    let (modest, _stderr) = world.start(&spin);
    let used = || {
        let theirs = greedy.iter().map(|(sandbox, _)| world.native.stats(sandbox).cpu_ms);
        [theirs.sum(), world.native.stats(&modest).cpu_ms]
    };
    let (begin, until) = (used(), Instant::now() + PATIENCE);
    let [greedy, own] = loop {
        let now = used();
        let since = [now[0] - begin[0], now[1] - begin[1]];
        if since[0] + since[1] >= MEASURED_MS || Instant::now() > until {
            break since;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    own * 100 / (greedy + own).max(1)
}

#[test]
fn workspaces_share_processors_whatever_one_of_them_starts() {
    if !is_root() {
        return;
    }
    let world = World::new();
    if world.groups() == 0 {
        return;
    }
    let fair = part(&world, [Some("1"), Some("2")]);
    let alike = part(&world, [None, None]);
    eprintln!("{fair} % with a part of its own, {alike} % as one of four");
    assert!((35..=65).contains(&fair), "{fair} %");
    assert!(alike < 35, "{alike} %");
}

#[test]
fn a_neighbour_forks_on_while_bombs_tick() {
    if !is_root() {
        return;
    }
    let world = World::new();
    if world.groups() == 0 {
        return;
    }
    let pace = || {
        let run = world.run_spec(&spec(&world, &["pace", "200"], Some("2")));
        assert_eq!(run.status, 0, "{}", run.text);
        let numbers = run.text.trim().trim_start_matches("open: ").split(' ');
        numbers.map(|number| number.parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    let alone = pace();
    let bombs = bombs(&world, Some("1"));
    let beside = pace();
    eprintln!("forks of a neighbour, in ms: {alone:?} alone, {beside:?} beside bombs (p50, p99)");
    // Half of the processors are its own: a turn of the scheduler more, not a queue behind bombs.
    assert!(beside[0] <= alone[0] * 4 + 20, "{alone:?} {beside:?}");
    assert!(beside[1] <= alone[1] * 4 + 400, "{alone:?} {beside:?}");
    drop(bombs);
}

fn limited(world: &World, program: &[&str]) -> SandboxSpec {
    let mut spec = world.spec(&words(program));
    spec.limits.disk_bytes = DISK_BYTES;
    spec
}

#[test]
pub fn a_disk_ends_where_it_ends() {
    let world = World::new();
    for program in [
        vec!["fill", "/sandbox/work", "33554432"],
        vec!["fill-many", "/sandbox/work", "33554432"],
        vec!["inodes", "/sandbox/work", "20000"],
    ] {
        let free = world.run_spec(&world.spec(&words(&program)));
        assert_eq!(free.status, 0, "{program:?}: {}", free.text);
        // Where it is only watched, it is ended for what is there when somebody looks.
        let staying = program[0] != "fill" && !is_root();
        let told = if staying { [program.clone(), vec!["stay"]].concat() } else { program.clone() };
        let run = world.run_spec(&limited(&world, &told));
        let refused = run.status == 1 || (!is_root() && run.status < 0);
        assert!(refused, "{program:?}: {} {}", run.status, run.text);
    }
    let fits = world.run_spec(&limited(&world, &["fill", "/sandbox/work", "8388608"]));
    assert_eq!(fits.status, 0, "{}", fits.text);
    eventually("no device", || devices(world.dir.path()).is_empty());
}

#[test]
fn a_disk_is_seen_in_its_sandbox_alone_and_goes_with_it() {
    if !is_root() {
        return;
    }
    let world = World::new();
    assert!(world.groups() == 0 || world.native.level().kind == LevelKind::Full);
    let spec = limited(&world, &["hang"]);
    let (sandbox, stderr) = world.start(&spec);
    let mut stderr = BufReader::new(stderr);
    stderr.read_line(&mut String::new()).unwrap();
    assert_eq!(devices(world.dir.path()).len(), 1);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("disk.ext4") && !mounts.contains("/loop"), "{mounts}");
    assert_eq!(fs::read_dir(spec.dir.join(WORK)).unwrap().count(), 0);
    sandbox.kill();
    sandbox.wait();
    eventually("no device", || devices(world.dir.path()).is_empty());
    let mut text = String::new();
    let (sandbox, mut stderr) =
        world.start(&limited(&world, &["execute-written", "/sandbox/work"]));
    stderr.read_to_string(&mut text).unwrap();
    assert_eq!(sandbox.wait().0, 1, "{text}");
}
