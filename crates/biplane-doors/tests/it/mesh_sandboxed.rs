//! Real sandboxes, each with its forwarder and nothing but loopback: programs that know of no mesh find
//! each other by name; a hostile one of another cluster finds nobody, whoever it says it is.

use crate::mesh_bed::{Cluster, HOUR, Node, Sandbox};
use biplane_api::ids::WorkspaceId;
use biplane_doors::Limits;
use biplane_sandbox::{
    Isolator, IsolatorConfig, Mount, Native, Network, ProcView, Program, SandboxSpec, libraries,
};
use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

const WORDS: &str = "MESH_TEST_WORDS";
const HERE: WorkspaceId = WorkspaceId(7);

/// The main of a program in a sandbox: this test binary, started again.
#[test]
#[ignore = "the main of programs in sandboxes"]
fn inside() {
    let Ok(words) = std::env::var(WORDS) else {
        return;
    };
    let lines: Vec<&str> = words.split('\n').collect();
    match lines[..] {
        ["serve", name, port] => {
            let listener = TcpListener::bind((name, port.parse::<u16>().unwrap())).unwrap();
            eprintln!("ready");
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = [0; 5];
                if stream.read_exact(&mut bytes).is_ok() {
                    stream.write_all(&bytes).unwrap();
                }
            }
        }
        ["call", name, port] => match call(name, port.parse().unwrap()) {
            Ok(said) => eprintln!("got {said}"),
            Err(error) => eprintln!("failed {error}"),
        },
        _ => lines.iter().for_each(|line| eprintln!("{}", say(line))),
    }
    std::process::exit(0);
}

fn call(name: &str, port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((name, port))?;
    stream.write_all(b"hello")?;
    let mut said = [0; 5];
    stream.read_exact(&mut said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// What the mesh door answers to a line.
fn say(line: &str) -> String {
    let mut door = UnixStream::connect("/doors/mesh.sock").unwrap();
    door.write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = BufReader::new(door).read_line(&mut answer);
    answer.trim_end().to_owned()
}

/// What starts programs in sandboxes.
struct Host {
    native: Native,
    program: PathBuf,
    mounts: Vec<Mount>,
    next: AtomicU32,
    _dir: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tag = format!("meshtest{}", std::process::id());
        let native = Native::start(IsolatorConfig {
            launcher: "/proc/self/exe".into(),
            tag,
            work_dir: dir.path().to_owned(),
            writable: Vec::new(),
            left_open: Vec::new(),
        })
        .unwrap();
        let program = std::env::current_exe().unwrap();
        let mounts = libraries(&program).unwrap();
        Self { native, program, mounts, next: AtomicU32::new(0), _dir: dir }
    }

    fn start(&self, at: &Sandbox, words: &[&str]) -> (biplane_sandbox::Sandbox, PipeReader) {
        let args = ["mesh_sandboxed::inside", "--exact", "--ignored", "--nocapture"];
        let spec = SandboxSpec {
            name: format!("mesh{}", self.next.fetch_add(1, Ordering::Relaxed)),
            tenant: None,
            dir: at.dir.path().to_owned(),
            program: Program {
                path: self.program.clone(),
                args: args.map(str::to_owned).into(),
                env: vec![(WORDS.into(), words.join("\n"))],
                inside: None,
            },
            mounts: self.mounts.clone(),
            network: Network::None,
            proc: ProcView::Masked,
            limits: biplane_sandbox::Limits {
                memory_bytes: 512 << 20,
                processes: 64,
                ..Default::default()
            },
            forwarder: true,
            exec_written: false,
            without: Vec::new(),
        };
        let (read, write) = std::io::pipe().unwrap();
        (self.native.spawn(&spec, write.into()).unwrap(), read)
    }

    /// All that it said before it ended.
    async fn run(self: &Arc<Self>, at: &Sandbox, words: &[&str]) -> String {
        let (sandbox, mut stderr) = self.start(at, words);
        let reading = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            sandbox.wait();
            text
        });
        reading.await.unwrap()
    }
}

fn name(of: &Sandbox) -> String {
    format!("{}.cluster.internal", of.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_in_sandboxes_meet_their_own_cluster_and_nobody_else() {
    let host = Arc::new(Host::new());
    let (one, two) = (Node::new(Limits::default()).await, Node::new(Limits::default()).await);
    let (a, b, near) = (one.sandbox(HERE), two.sandbox(HERE), two.sandbox(HERE));
    // Of another cluster, and of another workspace, on the nodes of the first one.
    let (c, d) = (one.sandbox(HERE), two.sandbox(WorkspaceId(8)));
    for (cluster, members) in [
        (Cluster::new(7, "c0ffee-1"), vec![&a, &b, &near]),
        (Cluster::new(7, "decade-1"), vec![&c]),
        (Cluster::new(8, "facade-1"), vec![&d]),
    ] {
        for member in &members {
            let mut order = cluster.order(&member.id, &members, SystemTime::now() + HOUR);
            order.ports = vec![7077, 7078];
            member.set(Some(order)).unwrap();
        }
    }
    // It listens on its own name.
    let (server, stderr) = host.start(&b, &["serve", &name(&b), "7077"]);
    let mut stderr = BufReader::new(stderr);
    let ready = tokio::task::spawn_blocking(move || {
        let mut said = String::new();
        let _ = stderr.read_line(&mut said);
        (said, stderr)
    });
    let (ready, _stderr) = ready.await.unwrap();
    assert_eq!(ready, "ready\n");

    // The controls: from another node and from the same one, by name and by the door.
    for from in [&a, &near] {
        assert_eq!(host.run(from, &["call", &name(&b), "7077"]).await, "got hello\n");
        let said = host.run(from, &[&format!("connect {} 7077", b.id)]).await;
        assert_eq!(said, "ok\n");
    }
    let said = host.run(&a, &["call", &name(&b), "7078"]).await;
    assert!(said.starts_with("failed"), "nobody listens there: {said}");

    let none = "no there is no such member in this cluster";
    let (to, own) = (&b.id, &a.id);
    let cluster = "c0ffee-1";
    // Whoever it says it is, and whatever of another sandbox it replays.
    let claims = [
        format!("connect {to} 7077 as {own}"),
        format!("connect {to} 7077 workspace=7 cluster={cluster}"),
        format!("from {own} 7077"),
        format!("connect {} 7077", biplane_api::mesh::server_name(cluster, to)),
        format!("biplane-mesh/1 7077 {}", biplane_api::mesh::uri(HERE, cluster, own)),
        "biplane-mesh/1 7077".to_owned(),
    ];
    for hostile in [&c, &d] {
        let said = host.run(hostile, &["call", &name(&b), "7077"]).await;
        assert!(
            said.starts_with("failed to lookup") || said.starts_with("failed failed"),
            "{said}"
        );
        for line in [format!("connect {to} 7077"), format!("resolve {to}")] {
            assert_eq!(host.run(hostile, &[&line]).await.trim_end(), none);
        }
        let lines: Vec<&str> = claims.iter().map(String::as_str).collect();
        let said = host.run(hostile, &lines).await;
        assert_eq!(said.lines().count(), claims.len(), "{said}");
        assert!(said.lines().all(|line| line.starts_with("no ")), "{said}");
    }
    server.kill();
    tokio::task::spawn_blocking(move || server.wait()).await.unwrap();
}
