//! The list of attacks: with what they are run, how the control shows that they work, and which layer
//! each of them is stopped by.

use crate::world::{MEMORY, NOBODY, World};
use biplane_sandbox::Layer;

/// How the same program succeeds without a sandbox.
pub enum Control {
    /// With these words.
    Words(Vec<String>),
    /// As a user without privileges.
    AsNobody(Vec<String>),
    /// It cannot, on any host: for this reason.
    Never,
}

pub struct Attack {
    /// Of the list in the specification.
    pub row: u32,
    pub words: Vec<String>,
    pub control: Control,
    /// Left out, the attack succeeds: as root, and unprivileged.
    pub root_layers: &'static [Layer],
    pub user_layers: &'static [Layer],
    /// It may be ended for it.
    pub may_die: bool,
}

fn attack(row: u32, words: &[&str]) -> Attack {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    Attack {
        row,
        control: Control::Words(words.clone()),
        words,
        root_layers: &[],
        user_layers: &[],
        may_die: false,
    }
}

impl Attack {
    fn held_by(self, layers: &'static [Layer]) -> Self {
        Self { root_layers: layers, user_layers: layers, ..self }
    }

    fn held_as_root_by(self, layers: &'static [Layer]) -> Self {
        Self { root_layers: layers, ..self }
    }

    fn held_as_user_by(self, layers: &'static [Layer]) -> Self {
        Self { user_layers: layers, ..self }
    }

    fn control(self, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { control: Control::Words(words), ..self }
    }

    fn control_as_nobody(self, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { control: Control::AsNobody(words), ..self }
    }

    fn no_control(self) -> Self {
        Self { control: Control::Never, ..self }
    }

    fn may_die(self) -> Self {
        Self { may_die: true, ..self }
    }
}

pub fn all(world: &World) -> Vec<Attack> {
    let mut attacks = network(world);
    attacks.extend(files(world));
    attacks.extend(kernel());
    attacks.extend(processes(world));
    attacks.extend(resources(world));
    attacks
}

fn network(world: &World) -> Vec<Attack> {
    use Layer::{Files, Net, Seccomp};
    let addresses: Vec<String> =
        world.listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect();
    let mut attacks: Vec<Attack> =
        addresses.iter().map(|address| attack(1, &["connect", address]).held_by(&[Net])).collect();
    attacks.extend([
        attack(2, &["connect", "169.254.169.254:80", "[fd00:ec2::254]:80", "192.0.2.1:443"])
            .no_control(),
        attack(2, &["datagram", "127.0.0.1:53", "192.0.2.1:53"])
            .control(&["datagram", "127.0.0.1:53"])
            .held_by(&[Net]),
        attack(2, &["icmp"]).held_by(&[Seccomp, Net]).held_as_user_by(&[]),
        attack(3, &["resolve", "example.com"]).no_control(),
        attack(3, &["interfaces"]).held_by(&[Net]).needs(world.host_address.is_some()),
        attack(4, &["unix-abstract", &world.abstract_name]).held_by(&[Net]),
        attack(4, &["unix-path", &world.at("socket")])
            .held_as_root_by(&[Files, Layer::User])
            .held_as_user_by(&[Files]),
        attack(5, &["families"]).held_by(&[Seccomp]),
        attack(5, &["vsock"]).held_by(&[Seccomp]).needs(world.succeeds(&["vsock"])),
        attack(6, &["io-uring"]).held_by(&[Seccomp]),
        attack(7, &["netlink"]).control(&["netlink", "own"]),
    ]);
    // The datagram to a port where nobody listens leaves all the same; inside it comes to loopback.
    attacks.retain(|attack| attack.words != ["datagram", "127.0.0.1:53", "192.0.2.1:53"]);
    attacks.push(
        attack(2, &["datagram", "192.0.2.1:53", "[2001:db8::1]:53"])
            .control(&["datagram", "127.0.0.1:53"])
            .held_by(&[Net])
            .needs(world.host_address.is_some()),
    );
    attacks
}

impl Attack {
    /// What this host lacks cannot be reached without a sandbox either.
    fn needs(self, there: bool) -> Self {
        if there { self } else { self.held_by(&[]).no_control() }
    }
}

fn files(world: &World) -> Vec<Attack> {
    use Layer::{Dumpable, Files, Masks, ReadOnly, Seccomp, User};
    let (canary, other) = (world.at("canary"), world.at("other/doors"));
    let own_doors = world.at("plain-doors");
    std::fs::create_dir_all(&own_doors).unwrap();
    vec![
        attack(8, &["doors", "/doors"]).control(&["doors", &own_doors]).held_by(&[ReadOnly]),
        attack(9, &["read", &other]).held_by(&[Files]),
        attack(9, &["unix-path", &format!("{other}/relay.sock")]).held_as_user_by(&[Files]),
        attack(9, &["escape", &format!("{other}/relay.sock")]).no_control(),
        attack(17, &["read", &canary]).held_by(&[Files]),
        attack(17, &["escape", &canary]).held_by(&[Files]),
        attack(17, &["read", "/etc/shadow", "/root", "/etc/ssh"])
            .held_as_root_by(&[Files, User])
            .held_as_user_by(&[]),
        attack(17, &["system"]).held_by(&[ReadOnly]),
        attack(19, &["launcher"])
            .control(&["read", &format!("/proc/{}/environ", world.bystander.id())])
            .held_by(&[Dumpable]),
        attack(20, &["sysctl"]).held_as_root_by(&[Files, User, Layer::Pid]),
        attack(20, &["kernel-files"]).held_by(&[Masks]),
        attack(20, &["execute-written", "/sandbox/work", "/tmp", "/dev/shm"])
            .control(&["execute-written", &world.at("other")]),
        attack(25, &["set-user", "/sandbox/work/helper"])
            .control_as_nobody(&["set-user", &world.at("helper")]),
        attack(23, &["mounts"]).control(&["mounts", "own"]).held_by(&[Seccomp]),
    ]
}

fn kernel() -> Vec<Attack> {
    use Layer::{Capabilities, Seccomp, User};
    vec![
        attack(24, &["namespaces"]).held_by(&[Seccomp]),
        attack(26, &["surface"]).held_by(&[Seccomp]),
        // Kernels without the x32 table have nothing to reach.
        attack(27, &["x32"]).no_control(),
        attack(27, &["int80"]).held_by(&[Seccomp]).may_die(),
        attack(27, &["unknown-call"]).no_control(),
        attack(28, &["terminal"]).held_by(&[Seccomp]),
        attack(29, &["nodes", "/tmp", "/sandbox/work", "/dev/shm"]).control(&["nodes", "/tmp"]),
        attack(29, &["devices"]).held_as_root_by(&[Layer::Files, Layer::User]),
        attack(33, &["priority"]).held_as_root_by(&[Seccomp, Capabilities, User]),
    ]
}

fn processes(world: &World) -> Vec<Attack> {
    use Layer::{Capabilities, Core, Descriptors, Dumpable, Pid, Seccomp, User};
    let bystander = world.bystander.id().to_string();
    vec![
        attack(21, &["bystander", &bystander])
            .held_as_root_by(&[Pid, User, Layer::Files])
            .held_as_user_by(&[Pid, Layer::Files]),
        attack(21, &["processes"]).held_by(&[Pid, Layer::Files]),
        attack(21, &["kill-all"]).no_control(),
        attack(22, &["trace-init"]).control(&["trace-init", "child"]).held_by(&[Seccomp, Dumpable]),
        attack(25, &["privileges"]).held_by(&[Capabilities, Seccomp]),
        attack(34, &["core"]).held_by(&[Core]),
        attack(36, &["inherited"]).held_by(&[Descriptors]),
    ]
}

fn resources(world: &World) -> Vec<Attack> {
    use Layer::{Capabilities, Cgroup, Ipc, Seccomp, User};
    let more = (MEMORY + (48 << 20)).to_string();
    let bytes = (32 << 20).to_string();
    let other = world.at("other");
    let mut attacks = vec![
        attack(30, &["forks", "100"]).held_by(&[Cgroup, User]),
        attack(30, &["threads", "100"]).held_by(&[Cgroup, User]),
        attack(31, &["memory", &more]).held_by(&[Cgroup, User]).may_die(),
        attack(32, &["fill", "/tmp", &bytes]).control(&["fill", &other, &bytes]),
        attack(32, &["fill", "/dev/shm", &bytes]).control(&["fill", &other, &bytes]),
        attack(32, &["inodes", "/tmp", "4000"]).control(&["inodes", &other, "4000"]),
        attack(32, &["descriptors", "600"]).held_by(&[User]),
        attack(31, &["pipes", &more]).held_as_root_by(&[Cgroup, User, Capabilities]).may_die(),
        attack(31, &["socket-buffers", &more]).held_by(&[Cgroup, User]).may_die(),
        attack(31, &["segment", &more]).held_by(&[Cgroup, Seccomp]).may_die(),
        attack(32, &["mixed-descriptors", "600"]).held_by(&[User]),
        attack(32, &["in-flight", "600"]).held_by(&[User]),
        attack(38, &["shared-memory", &world.key]).held_by(&[Ipc, Seccomp]),
        attack(38, &["queue", &format!("hostile-{}", world.key)]).held_by(&[Ipc, Seccomp]),
    ];
    if world.groups() > 0 {
        attacks.extend([
            attack(31, &["memory-many", &more]).held_by(&[Cgroup, User]).may_die(),
            attack(31, &["memory-file", &more]).held_by(&[Cgroup, User]).may_die(),
            attack(31, &["page-tables", &more]).held_by(&[Cgroup]).may_die(),
            attack(33, &["spin", "4000", "800"]).held_by(&[Cgroup]),
        ]);
    }
    attacks
}

pub const CONTROL_USER: u32 = NOBODY;
