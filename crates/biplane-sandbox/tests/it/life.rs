//! How sandboxes begin and end: whole, wherever the end comes from, with nothing left behind.

use crate::world::{World, again_as_nobody, is_root, launcher_program, tag};
use biplane_sandbox::{
    Access, Isolator, IsolatorConfig, Layer, Mount, Native, Network, SpawnError, WORK,
};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
/// Some milliseconds; an emulated machine on a busy one needs more.
const AT_ONCE: Duration = Duration::from_secs(5);

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what} does not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn alive(pid: i32) -> bool {
    // A zombie of somebody else's is not alive.
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn parent(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    status.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap()
}

fn kill(pid: i32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

/// Nothing is written to the file any more.
fn still(path: &Path) -> bool {
    let before = fs::metadata(path).map(|meta| meta.len()).unwrap_or(0);
    std::thread::sleep(Duration::from_millis(60));
    fs::metadata(path).map(|meta| meta.len()).unwrap_or(0) == before
}

#[test]
fn a_program_that_ends_takes_its_descendants_along() {
    let world = World::new();
    let spec = world.spec(&words(&["daemon"]));
    let (sandbox, _stderr) = world.start(&spec);
    assert_eq!(sandbox.wait(), (1, false));
    assert!(still(&spec.dir.join(WORK).join("alive")));
    assert!(sandbox.cgroups.iter().all(|group| !group.exists()));
}

#[test]
fn whatever_it_does_it_is_ended_at_once() {
    let world = World::new();
    let (sandbox, stderr) = world.start(&world.spec(&words(&["hang"])));
    // Each of its processes says so.
    let (mut stderr, mut line) = (BufReader::new(stderr), String::new());
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "hanging\n");
    let stats = world.native.stats(&sandbox);
    assert!(stats.memory_bytes > 0 && stats.processes >= 2, "{stats:?}");
    let begin = Instant::now();
    world.native.kill(&sandbox);
    assert_eq!(sandbox.wait(), (-9, false));
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
}

#[test]
fn who_floods_waits_and_is_ended_at_once() {
    let world = World::new();
    let (sandbox, mut stderr) = world.start(&world.spec(&words(&["flood", "10000000000"])));
    let mut some = vec![0; 1 << 20];
    stderr.read_exact(&mut some).unwrap();
    // Nobody reads on: what is left is what a pipe holds, and it does not keep the sandbox alive.
    let begin = Instant::now();
    world.native.kill(&sandbox);
    assert_eq!(sandbox.wait(), (-9, false));
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
    let mut rest = Vec::new();
    stderr.read_to_end(&mut rest).unwrap();
    assert!(rest.len() <= 1 << 20, "{}", rest.len());
}

#[test]
fn a_program_may_end_in_peace_when_asked() {
    let world = World::new();
    // The default of SIGTERM, which process 1 has to pass on.
    let (sandbox, mut stderr) = world.start(&world.spec(&words(&["threads", "20"])));
    sandbox.terminate();
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    let (status, _) = sandbox.wait();
    assert!(status == -15 || status == 0, "{status} {text}");
}

#[test]
fn an_agent_that_dies_leaves_nothing() {
    leaves_nothing(|agent, _| kill(agent));
}

#[test]
fn a_supervisor_that_dies_leaves_no_process() {
    let world = World::new();
    let spec = world.spec(&words(&["daemon", "/sandbox/work/alive"]));
    let (sandbox, _stderr) = world.start(&world.spec(&words(&["hang"])));
    kill(parent(sandbox.pid));
    assert_eq!(sandbox.wait(), (-9, false));
    biplane_sandbox::clear(&sandbox);
    assert!(!alive(sandbox.pid));
    assert!(sandbox.cgroups.iter().all(|group| !group.exists()));
    assert_eq!(world.run_spec(&spec).status, 1);
}

#[test]
fn a_launcher_that_dies_is_replaced_and_what_it_started_lives_on() {
    let world = World::new();
    let (first, _stderr) = world.start(&world.spec(&words(&["hang"])));
    let launcher = parent(parent(first.pid));
    kill(launcher);
    eventually("the end of the launcher", || !alive(launcher));
    assert_eq!(world.run(&words(&["privileges"]), &[]).status, 1);
    assert!(alive(first.pid));
    first.kill();
    assert_eq!(first.wait(), (-9, false));
}

#[test]
fn an_agent_and_its_launcher_that_die_leave_nothing() {
    leaves_nothing(|agent, sandbox| {
        let launcher = parent(parent(sandbox));
        kill(launcher);
        kill(agent);
    });
}

/// An agent of its own, as a process that can be killed.
fn leaves_nothing(end: impl Fn(i32, i32)) {
    let dir = tempfile::tempdir().unwrap();
    let mut agent = Command::new(std::env::current_exe().unwrap())
        .args(["life::agent", "--exact", "--ignored", "--nocapture"])
        .env("AGENT_DIR", dir.path())
        .env("TMPDIR", dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("sandbox ")).unwrap();
    let pid: i32 = line.split(' ').nth(1).unwrap().parse().unwrap();
    let groups: Vec<PathBuf> = line.split(' ').skip(2).map(PathBuf::from).collect();
    let file = dir.path().join("sb0").join(WORK).join("alive");
    eventually("life", || file.exists());
    let supervisor = parent(pid);
    end(agent.id().try_into().unwrap(), pid);
    agent.wait().unwrap();
    eventually("the end of all", || !alive(pid) && !alive(supervisor));
    eventually("an empty directory", || !dir.path().join("sb0").exists());
    eventually("no control group", || groups.iter().all(|group| !group.exists()));
    let above = || groups.iter().filter_map(|group| group.parent());
    eventually("no group of the agent", || above().all(|group| !group.exists()));
}

#[test]
#[ignore = "the agent of the tests above"]
fn agent() {
    let Ok(dir) = std::env::var("AGENT_DIR") else {
        return;
    };
    let dir = PathBuf::from(dir);
    let world = World::new();
    let native = Native::start(IsolatorConfig {
        launcher: launcher_program(),
        tag: tag(),
        work_dir: dir.clone(),
        writable: Vec::new(),
        left_open: Vec::new(),
    })
    .unwrap();
    let mut spec = world.spec(&words(&["daemon"]));
    spec.program.args = words(&["threads", "10"]);
    spec.name = "sb0".into();
    spec.dir = dir.join("sb0");
    for part in ["doors", "work"] {
        fs::create_dir_all(spec.dir.join(part)).unwrap();
    }
    fs::write(spec.dir.join("work/alive"), "").unwrap();
    spec.program.args = words(&["hang"]);
    let (_read, write) = std::io::pipe().unwrap();
    let sandbox = native.spawn(&spec, write.into()).unwrap();
    let groups: Vec<_> = sandbox.cgroups.iter().map(|group| group.display().to_string()).collect();
    println!("\nsandbox {} {}", sandbox.pid, groups.join(" "));
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn every_sandbox_is_another_user_and_files_keep_their_owner() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let shared = world.dir.path().join("storage");
    fs::create_dir(&shared).unwrap();
    let (first, second) = (world.spec(&words(&["hang"])), world.spec(&words(&["hang"])));
    let (one, _one) = world.start(&first);
    let (two, _two) = world.start(&second);
    assert!(one.host_uid != two.host_uid && one.host_uid >= 200_000);
    let mut spec = world.spec(&words(&["fill", "/data/deep/storage", "1048576"]));
    spec.mounts.push(Mount::new(&shared, Path::new("/data/deep/storage"), Access::Write).unwrap());
    assert_eq!(world.run_spec(&spec).status, 0);
    let mut spec = world.spec(&words(&["daemon", "/data/deep/storage/kept"]));
    spec.mounts.push(Mount::new(&shared, Path::new("/data/deep/storage"), Access::Write).unwrap());
    assert_eq!(world.run_spec(&spec).status, 1);
    assert_eq!(fs::metadata(shared.join("kept")).unwrap().uid(), 0);
}

#[test]
fn memory_beyond_the_limit_ends_the_whole() {
    if !is_root() {
        return;
    }
    let world = World::new();
    if world.groups() == 0 {
        return;
    }
    let run = world.run(&words(&["memory-many", "150000000"]), &[]);
    assert_eq!((run.status, run.out_of_memory), (-9, true), "{}", run.text);
}

#[test]
fn a_name_is_taken_while_its_sandbox_lives() {
    let world = World::new();
    if world.groups() == 0 {
        return;
    }
    let (first, _stderr) = world.start(&world.spec(&words(&["hang"])));
    let mut same = world.spec(&words(&["hang"]));
    same.name = first.cgroups[0].file_name().unwrap().to_str().unwrap().to_owned();
    refused(&world, &same, "make the control group");
    assert!(alive(first.pid) && first.cgroups.iter().all(|group| group.exists()));
    // A tenant's name is none of a sandbox's.
    same.tenant = Some("one".into());
    let (second, _stderr) = world.start(&same);
    assert!(second.cgroups[0].parent() != first.cgroups[0].parent());
}

#[test]
fn links_are_not_followed_wherever_they_are_planted() {
    let world = World::new();
    let prey = world.dir.path().join("prey");
    fs::create_dir(&prey).unwrap();
    fs::write(prey.join("file"), "kept").unwrap();
    let mut spec = world.spec(&words(&["daemon"]));
    let work = spec.dir.join(WORK);
    fs::remove_dir(&work).unwrap();
    symlink(&prey, &work).unwrap();
    refused(&world, &spec, "open");
    fs::remove_file(&work).unwrap();
    fs::create_dir(&work).unwrap();
    // On the way, too.
    let aside = world.dir.path().join("aside");
    symlink(&spec.dir, &aside).unwrap();
    let dir = std::mem::replace(&mut spec.dir, aside);
    refused(&world, &spec, "open");
    spec.dir = dir;
    for name in ["doors", "proc", "dev", "etc", "tmp", "sandbox"] {
        symlink(&prey, work.join(name)).unwrap();
    }
    assert_eq!(world.run_spec(&spec).status, 1);
    swapped_while_starting(&world, &prey);
    let left: Vec<_> =
        fs::read_dir(&prey).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["file"]);
}

/// The working directory changes place with a link while the launcher looks.
fn swapped_while_starting(world: &World, prey: &Path) {
    let spec = world.spec(&words(&["fill", "/sandbox/work", "1048576"]));
    let (work, other) = (spec.dir.join(WORK), spec.dir.join("other"));
    symlink(prey, &other).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let aside = spec.dir.join("aside");
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let swap = || {
                    fs::rename(&work, &aside)?;
                    fs::rename(&other, &work)?;
                    fs::rename(&aside, &other)
                };
                let _: std::io::Result<()> = swap();
            }
        });
        for _ in 0..40 {
            let (_read, write) = std::io::pipe().unwrap();
            if let Ok(sandbox) = world.native.spawn(&spec, write.into()) {
                sandbox.wait();
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

fn refused(world: &World, spec: &biplane_sandbox::SandboxSpec, step: &str) {
    let (_read, write) = std::io::pipe().unwrap();
    match world.native.spawn(spec, write.into()) {
        Err(SpawnError::Refused { step: found, .. }) => assert!(found.starts_with(step), "{found}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_specification_that_cannot_be_is_refused() {
    let world = World::new();
    let good = world.spec(&words(&["privileges"]));
    let with = |change: &dyn Fn(&mut biplane_sandbox::SandboxSpec), step: &str| {
        let mut spec = good.clone();
        change(&mut spec);
        refused(&world, &spec, step);
    };
    with(&|spec| spec.name = "../x".into(), "check the order");
    with(&|spec| spec.name = String::new(), "check the order");
    with(&|spec| spec.dir = "relative".into(), "check the order");
    let mount = |target: &str| Mount {
        source: world.dir.path().to_owned(),
        target: target.into(),
        access: Access::Write,
    };
    for target in
        ["/", "relative", "/proc", "/dev/shm/x", "/sandbox/work/x", "/doors", "/tmp", "/a/../b"]
    {
        with(&|spec| spec.mounts.push(mount(target)), "check the mounts");
    }
    with(&|spec| spec.mounts.extend([mount("/a"), mount("/a/b")]), "check the mounts");
    with(&|spec| spec.program.path = world.dir.path().join("canary"), "execute");
    let native = Native::start(IsolatorConfig {
        launcher: launcher_program(),
        tag: tag(),
        work_dir: world.dir.path().to_owned(),
        writable: Vec::new(),
        left_open: Vec::new(),
    })
    .unwrap();
    let (_read, write) = std::io::pipe().unwrap();
    let mut spec = good.clone();
    spec.without = vec![Layer::Seccomp];
    assert!(matches!(native.spawn(&spec, write.into()), Err(SpawnError::Refused { .. })));
}

#[test]
fn doors_work_and_stay_when_their_sockets_come_and_go() {
    let world = World::new();
    let spec = world.spec(&words(&["unix-path", "/doors/relay.sock"]));
    let path = spec.dir.join("doors/relay.sock");
    let again = spec.clone();
    let (sandbox, _stderr) = world.start(&spec);
    assert_eq!(sandbox.wait().0, 1);
    let _listener = UnixListener::bind(&path).unwrap();
    assert_eq!(world.run_spec(&again).status, 0);
}

#[test]
fn a_hundred_start_at_once() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..100).map(|_| scope.spawn(|| world.start(&world.spec(&words(&["hang"]))))).collect();
        let mut running: Vec<_> =
            threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        eprintln!("100 sandboxes in {:?}", begin.elapsed());
        let mut users: Vec<u32> = running.iter().map(|(sandbox, _)| sandbox.host_uid).collect();
        users.sort_unstable();
        users.dedup();
        assert_eq!(users.len(), 100);
        for (sandbox, _) in &running {
            sandbox.kill();
        }
        for (sandbox, _) in running.drain(..) {
            assert_eq!(sandbox.wait(), (-9, false));
        }
    });
}

#[test]
fn a_sandbox_on_the_hosts_network_is_possible_when_asked_for() {
    let world = World::new();
    let address = world.listeners[0].local_addr().unwrap().to_string();
    let mut spec = world.spec(&words(&["connect", &address]));
    spec.network = Network::Host;
    assert_eq!(world.run_spec(&spec).status, 0);
}

#[test]
fn all_this_holds_unprivileged() {
    if is_root() {
        again_as_nobody("life::unprivileged");
    }
}

#[test]
#[ignore = "the test above runs it as a user without privileges"]
fn unprivileged() {
    a_program_that_ends_takes_its_descendants_along();
    whatever_it_does_it_is_ended_at_once();
    who_floods_waits_and_is_ended_at_once();
    a_supervisor_that_dies_leaves_no_process();
    links_are_not_followed_wherever_they_are_planted();
    doors_work_and_stay_when_their_sockets_come_and_go();
    crate::share::a_disk_ends_where_it_ends();
}
