//! A host with things worth stealing, and ways to run the hostile program on it.

use crate::clean::Clean;
use biplane_sandbox::{
    DOORS, Isolator, IsolatorConfig, Layer, Limits, Mount, Native, Network, ProcView, Program,
    Sandbox, SandboxSpec, WORK, libraries,
};
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A user without privileges.
pub const NOBODY: u32 = 64_321;
const GROUPS_EXPECTED: &str = "BIPLANE_TEST_CGROUPS";
pub const MEMORY: u64 = 96 << 20;
pub const PROCESSES: u32 = 48;
pub const CPU_MILLIS: u32 = 500;

pub struct World {
    pub dir: TempDir,
    pub native: Native,
    pub hostile: PathBuf,
    pub mounts: Vec<Mount>,
    pub listeners: Vec<TcpListener>,
    pub host_address: Option<String>,
    pub abstract_name: String,
    /// Of what two sandboxes could meet at.
    pub key: String,
    pub bystander: Child,
    _sockets: Vec<UnixListener>,
    /// What a careless agent lets everything inherit that it starts.
    _careless: OwnedFd,
    next: AtomicU32,
    /// The last one to go.
    clean: Clean,
}

pub struct Run {
    pub status: i32,
    pub out_of_memory: bool,
    pub text: String,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("biplane-sandbox-").tempdir().unwrap();
        // Others may look: what keeps a sandbox out is the sandbox.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let at = |name: &str| dir.path().join(name);
        let hostile = at("hostile");
        fs::copy(hostile_program(), &hostile).unwrap();
        let launcher = at("launcher");
        fs::copy(launcher_program(), &launcher).unwrap();
        fs::write(at("canary"), "secret").unwrap();
        let suid = at("helper");
        fs::copy(&hostile, &suid).unwrap();
        fs::set_permissions(&suid, fs::Permissions::from_mode(0o4755)).unwrap();
        fs::create_dir_all(at("other/doors")).unwrap();
        let other = UnixListener::bind(at("other/doors/relay.sock")).unwrap();
        let path = UnixListener::bind(at("socket")).unwrap();
        let tag = tag();
        let abstract_name = format!("biplane-canary-{tag}");
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let hidden = UnixListener::bind_addr(&address).unwrap();
        let careless = inherited(&path);
        let native = Native::for_development(IsolatorConfig {
            launcher,
            tag: tag.clone(),
            work_dir: dir.path().to_owned(),
            writable: Vec::new(),
            left_open: Vec::new(),
        })
        .unwrap();
        let host_address = host_address();
        let wanted = ["127.0.0.1:0".to_owned(), "[::1]:0".to_owned()];
        let outer = host_address.iter().map(|address| format!("{address}:0"));
        let listeners =
            wanted.into_iter().chain(outer).filter_map(|at| TcpListener::bind(at).ok()).collect();
        // It ends with this process, however that ends.
        let bystander = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mounts = libraries(&hostile).unwrap();
        Self {
            native,
            hostile,
            mounts,
            listeners,
            host_address,
            abstract_name,
            key: tag.replace("test", "").replace('-', ""),
            bystander,
            _careless: careless,
            _sockets: vec![other, path, hidden],
            next: AtomicU32::new(0),
            clean: Clean::new(dir.path(), &tag),
            dir,
        }
    }

    pub fn at(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// A specification, and its directories made.
    pub fn spec(&self, words: &[String]) -> SandboxSpec {
        let name = format!("sb{}", self.next.fetch_add(1, Ordering::Relaxed));
        let dir = self.dir.path().join(&name);
        for part in [DOORS, WORK] {
            fs::create_dir_all(dir.join(part)).unwrap();
        }
        SandboxSpec {
            name,
            tenant: None,
            dir,
            program: Program {
                path: self.hostile.clone(),
                args: words.to_vec(),
                env: vec![("TMPDIR".into(), "/tmp".into())],
                inside: None,
            },
            mounts: self.mounts.clone(),
            network: Network::None,
            proc: ProcView::Masked,
            limits: Limits {
                cpu_millis: CPU_MILLIS,
                memory_bytes: MEMORY,
                processes: PROCESSES,
                files: 256,
                tmp_bytes: 8 << 20,
                shm_bytes: 8 << 20,
                disk_bytes: 0,
            },
            forwarder: false,
            exec_written: false,
            without: Vec::new(),
        }
    }

    /// The version of the control groups that sandboxes have here; 0 = none. Where a test run says which
    /// it was made for, no other will do.
    pub fn groups(&self) -> u32 {
        let (sandbox, _stderr) = self.start(&self.spec(&["who".to_owned()]));
        let group = sandbox.cgroups.first().cloned();
        let version = group.map_or(0, |group| 1 + u32::from(group.join("cgroup.events").exists()));
        sandbox.wait();
        if let Ok(expected) = std::env::var(GROUPS_EXPECTED) {
            assert_eq!(expected, version.to_string(), "{:?}", self.native.level());
        }
        version
    }

    pub fn start(&self, spec: &SandboxSpec) -> (Sandbox, std::io::PipeReader) {
        let (read, write) = std::io::pipe().unwrap();
        let sandbox = self.native.spawn(spec, write.into()).unwrap();
        self.clean.remember(&sandbox.cgroups);
        (sandbox, read)
    }

    pub fn run(&self, words: &[String], without: &[Layer]) -> Run {
        let mut spec = self.spec(words);
        spec.without = without.to_vec();
        if words[0] == "spin" {
            spec.limits.cpu_millis = 100;
        }
        if words[0] == "set-user" {
            let helper = spec.dir.join(WORK).join("helper");
            fs::copy(self.at("helper"), &helper).unwrap();
            fs::set_permissions(&helper, fs::Permissions::from_mode(0o4755)).unwrap();
            spec.exec_written = true;
        }
        let door = UnixListener::bind(spec.dir.join("doors/relay.sock")).unwrap();
        let run = self.run_spec(&spec);
        drop(door);
        run
    }

    pub fn run_spec(&self, spec: &SandboxSpec) -> Run {
        let (sandbox, mut stderr) = self.start(spec);
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        let (status, out_of_memory) = sandbox.wait();
        let groups: Vec<_> = sandbox.cgroups.iter().filter(|group| group.exists()).collect();
        assert!(groups.is_empty(), "{groups:?} stays");
        fs::remove_dir_all(&spec.dir).unwrap();
        Run { status, out_of_memory, text }
    }

    pub fn succeeds(&self, words: &[&str]) -> bool {
        self.control(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), None).status
            == 0
    }

    /// The same program without a sandbox, as `user`.
    pub fn control(&self, words: &[String], user: Option<u32>) -> Run {
        let mut command = Command::new(&self.hostile);
        command.args(words).env("CANARY", "1").stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let output = command.output().unwrap();
        let status = output.status.code().unwrap_or(-1);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Run { status, out_of_memory: false, text }
    }
}

/// The same again, and open in every program that is started from here.
#[expect(unsafe_code, reason = "the standard library leaves nothing open across exec")]
fn inherited(socket: &UnixListener) -> OwnedFd {
    // SAFETY: the number is that of an open socket, and what comes back is nobody else's.
    unsafe {
        let copy = libc::dup(socket.as_raw_fd());
        assert!(copy >= 0, "{}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(copy)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.bystander.kill();
        let _ = self.bystander.wait();
    }
}

/// Agents that are there at the same time have different ones.
pub fn tag() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Where these tests run with other programs than those just built: another user, another machine.
fn program(name: &str, built: &str) -> PathBuf {
    std::env::var_os(name).map_or_else(|| built.into(), PathBuf::from)
}

pub fn hostile_program() -> PathBuf {
    program("HOSTILE", env!("CARGO_BIN_EXE_hostile"))
}

pub fn launcher_program() -> PathBuf {
    program("LAUNCHER", env!("CARGO_BIN_EXE_biplane-sandbox-launcher"))
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").map(|meta| std::os::unix::fs::MetadataExt::uid(&meta)).unwrap() == 0
}

/// An address of this host that is not loopback.
fn host_address() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing: it only asks which address would be used.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
}

/// Runs one test of this program again as a user without privileges, from places that user can reach.
pub fn again_as_nobody(test: &str) {
    let dir = tempfile::Builder::new().prefix("biplane-nobody-").tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |path: &Path, name: &str| {
        let target = dir.path().join(name);
        fs::copy(path, &target).unwrap();
        target
    };
    let own = copy(&std::env::current_exe().unwrap(), "it");
    let hostile = copy(&hostile_program(), "hostile");
    let launcher = copy(&launcher_program(), "launcher");
    let tmp = dir.path().join("tmp");
    fs::create_dir(&tmp).unwrap();
    fs::set_permissions(&tmp, fs::Permissions::from_mode(0o777)).unwrap();
    let output = Command::new(own)
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env("HOSTILE", hostile)
        .env("LAUNCHER", launcher)
        .env("TMPDIR", &tmp)
        .env(GROUPS_EXPECTED, "0")
        .current_dir(dir.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{text}");
}
