//! System calls that a sandbox has no business with.

use crate::Outcome;
use crate::call::{any, errno, exit, fork, is_refusal, raw, string, text, wait};

pub fn io_uring(_: &[String]) -> Outcome {
    let mut parameters = [0_u64; 64];
    let at = parameters.as_mut_ptr() as i64;
    raw(libc::SYS_io_uring_setup, [4, at, 0, 0, 0, 0]).map(|_| "a ring".into()).map_err(text)
}

/// With an argument in a mount namespace of its own, for the control.
pub fn mounts(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        raw(libc::SYS_unshare, [libc::CLONE_NEWNS.into(), 0, 0, 0, 0, 0]).map_err(text)?;
    }
    let (tmp, root, tmpfs, empty) = (string("/tmp"), string("/"), string("tmpfs"), string(""));
    let (tmp, root, tmpfs) = (tmp.as_ptr() as i64, root.as_ptr() as i64, tmpfs.as_ptr() as i64);
    let proc = string("/proc/sys");
    let none = empty.as_ptr() as i64;
    let bind = libc::MS_BIND as i64;
    let remount = (libc::MS_REMOUNT | libc::MS_BIND) as i64;
    let attributes = [0_u64; 4];
    let attributes = attributes.as_ptr() as i64;
    let here = i64::from(libc::AT_FDCWD);
    let tries = [
        ("mount", raw(libc::SYS_mount, [tmpfs, tmp, tmpfs, 0, 0, 0])),
        ("bind", raw(libc::SYS_mount, [root, tmp, 0, bind, 0, 0])),
        ("remount", raw(libc::SYS_mount, [0, root, 0, remount, 0, 0])),
        ("umount", raw(libc::SYS_umount2, [tmp, libc::MNT_DETACH.into(), 0, 0, 0, 0])),
        ("umount a mask", raw(libc::SYS_umount2, [proc.as_ptr() as i64, 2, 0, 0, 0, 0])),
        ("pivot_root", raw(libc::SYS_pivot_root, [tmp, tmp, 0, 0, 0, 0])),
        ("chroot", raw(libc::SYS_chroot, [root, 0, 0, 0, 0, 0])),
        ("fsopen", raw(libc::SYS_fsopen, [tmpfs, 0, 0, 0, 0, 0])),
        ("open_tree", raw(libc::SYS_open_tree, [here, root, 0, 0, 0, 0])),
        ("move_mount", raw(libc::SYS_move_mount, [here, tmp, here, root, 0, 0])),
        ("mount_setattr", raw(libc::SYS_mount_setattr, [here, root, 0, attributes, 32, 0])),
        ("fspick", raw(libc::SYS_fspick, [here, root, 0, none, 0, 0])),
    ];
    any(tries.map(|(name, result)| (name.to_owned(), result)))
}

pub fn namespaces(_: &[String]) -> Outcome {
    let flags = [
        ("user", libc::CLONE_NEWUSER),
        ("mount", libc::CLONE_NEWNS),
        ("pid", libc::CLONE_NEWPID),
        ("net", libc::CLONE_NEWNET),
        ("ipc", libc::CLONE_NEWIPC),
        ("uts", libc::CLONE_NEWUTS),
        ("cgroup", libc::CLONE_NEWCGROUP),
    ];
    let mut tries = Vec::new();
    for (name, flag) in flags {
        tries.push((format!("clone {name}"), clone(flag)));
        tries.push((format!("clone3 {name}"), clone3(flag)));
        if let Ok(path) = std::fs::File::open(format!("/proc/self/ns/{}", short(name))) {
            let fd = i64::from(std::os::fd::AsRawFd::as_raw_fd(&path));
            tries.push((format!("setns {name}"), raw(libc::SYS_setns, [fd, 0, 0, 0, 0, 0])));
        }
    }
    for (name, flag) in flags {
        tries.push((
            format!("unshare {name}"),
            raw(libc::SYS_unshare, [flag.into(), 0, 0, 0, 0, 0]),
        ));
    }
    any(tries)
}

fn short(name: &str) -> &str {
    if name == "mount" { "mnt" } else { name }
}

fn clone(flag: i32) -> Result<i64, i32> {
    let result = raw(libc::SYS_clone, [(flag | libc::SIGCHLD).into(), 0, 0, 0, 0, 0]);
    if result == Ok(0) {
        exit(0);
    }
    result
}

fn clone3(flag: i32) -> Result<i64, i32> {
    let mut arguments = [0_u64; 11];
    arguments[0] = flag as u64;
    arguments[4] = libc::SIGCHLD as u64;
    let result = raw(libc::SYS_clone3, [arguments.as_ptr() as i64, 88, 0, 0, 0, 0]);
    if result == Ok(0) {
        exit(0);
    }
    result
}

/// Calls that must not even reach the kernel's own checks.
pub fn surface(_: &[String]) -> Outcome {
    let calls = [
        ("bpf", libc::SYS_bpf),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("keyctl", libc::SYS_keyctl),
        ("add_key", libc::SYS_add_key),
        ("request_key", libc::SYS_request_key),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("kexec_load", libc::SYS_kexec_load),
        ("kexec_file_load", libc::SYS_kexec_file_load),
        ("init_module", libc::SYS_init_module),
        ("finit_module", libc::SYS_finit_module),
        ("delete_module", libc::SYS_delete_module),
        ("name_to_handle_at", libc::SYS_name_to_handle_at),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("quotactl", libc::SYS_quotactl),
        ("acct", libc::SYS_acct),
        ("swapon", libc::SYS_swapon),
        ("swapoff", libc::SYS_swapoff),
        ("syslog", libc::SYS_syslog),
        ("settimeofday", libc::SYS_settimeofday),
        ("clock_settime", libc::SYS_clock_settime),
        ("adjtimex", libc::SYS_adjtimex),
        ("sethostname", libc::SYS_sethostname),
        ("setdomainname", libc::SYS_setdomainname),
        ("ptrace", libc::SYS_ptrace),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("process_vm_writev", libc::SYS_process_vm_writev),
        ("process_madvise", libc::SYS_process_madvise),
        ("kcmp", libc::SYS_kcmp),
        ("pidfd_getfd", libc::SYS_pidfd_getfd),
        ("lookup_dcookie", libc::SYS_lookup_dcookie),
        ("fanotify_init", libc::SYS_fanotify_init),
        ("vmsplice", libc::SYS_vmsplice),
        ("move_pages", libc::SYS_move_pages),
        ("migrate_pages", libc::SYS_migrate_pages),
        ("mbind", libc::SYS_mbind),
        ("set_mempolicy", libc::SYS_set_mempolicy),
        ("remap_file_pages", libc::SYS_remap_file_pages),
        ("seccomp", libc::SYS_seccomp),
        ("landlock_create_ruleset", libc::SYS_landlock_create_ruleset),
        ("memfd_secret", libc::SYS_memfd_secret),
        ("io_setup", libc::SYS_io_setup),
        ("mq_open", libc::SYS_mq_open),
        ("shmget", libc::SYS_shmget),
        ("semget", libc::SYS_semget),
        ("msgget", libc::SYS_msgget),
        ("sched_setattr", libc::SYS_sched_setattr),
        ("ioprio_set", libc::SYS_ioprio_set),
        ("unshare", libc::SYS_unshare),
        ("setns", libc::SYS_setns),
    ];
    let mut tries: Vec<_> = calls
        .iter()
        // Arguments that no call takes for good.
        .map(|(name, number)| ((*name).to_owned(), raw(*number, [-1, -1, -1, -1, -1, -1])))
        .collect();
    #[cfg(target_arch = "x86_64")]
    for (name, number) in [
        ("iopl", libc::SYS_iopl),
        ("ioperm", libc::SYS_ioperm),
        ("modify_ldt", libc::SYS_modify_ldt),
        ("uselib", libc::SYS_uselib),
        ("ustat", libc::SYS_ustat),
        ("sysfs", libc::SYS_sysfs),
        ("_sysctl", libc::SYS__sysctl),
    ] {
        tries.push((name.to_owned(), raw(number, [-1, -1, -1, -1, -1, -1])));
    }
    tries.push(("personality".into(), raw(libc::SYS_personality, [0x0040_0000, 0, 0, 0, 0, 0])));
    tries.push(("prctl mm".into(), raw(libc::SYS_prctl, [libc::PR_SET_MM.into(), -1, 0, 0, 0, 0])));
    any(tries)
}

pub fn x32(_: &[String]) -> Outcome {
    raw(0x4000_0000 | libc::SYS_getpid, [0; 6]).map(|pid| format!("pid {pid}")).map_err(text)
}

/// A call of the 32-bit kind, from a child: the answer may be a signal.
pub fn int80(_: &[String]) -> Outcome {
    let child = fork();
    if child == 0 {
        #[cfg(target_arch = "x86_64")]
        {
            let mut number: i64 = 20;
            // SAFETY: getpid of the 32-bit table takes nothing and changes the result register alone.
            unsafe { std::arch::asm!("int 0x80", inout("rax") number) };
            exit(if number > 0 { 0 } else { 1 });
        }
        #[cfg(not(target_arch = "x86_64"))]
        exit(1);
    }
    match wait(child) {
        0 => Ok("a call of the other table".into()),
        code => Err(format!("ended with {code}")),
    }
}

pub fn unknown_call(_: &[String]) -> Outcome {
    raw(9999, [0; 6]).map(|result| format!("result {result}")).map_err(text)
}

/// Typing into a terminal, also with a request whose upper half is not zero.
pub fn terminal(_: &[String]) -> Outcome {
    let byte = b'x';
    let at = &raw const byte as i64;
    let ask = |request: i64| {
        // Of /dev/null: a kernel that is reached says "not a terminal".
        raw(libc::SYS_ioctl, [0, request, at, 0, 0, 0])
    };
    let (sti, linux) = (libc::TIOCSTI as i64, 0x541c);
    any([
        ("TIOCSTI".to_owned(), ask(sti)),
        ("TIOCSTI with high bits".to_owned(), ask(sti | 1 << 40)),
        ("TIOCLINUX".to_owned(), ask(linux)),
        ("TIOCLINUX with high bits".to_owned(), ask(linux | 1 << 33)),
    ])
}

/// Device nodes made in any directory that can be written to.
pub fn nodes(dirs: &[String]) -> Outcome {
    let device = libc::makedev(1, 1) as i64;
    let mut tries = Vec::new();
    for dir in dirs {
        let path = string(&format!("{dir}/node"));
        let arguments = [
            libc::AT_FDCWD.into(),
            path.as_ptr() as i64,
            (libc::S_IFCHR | 0o666).into(),
            device,
            0,
            0,
        ];
        tries.push((dir.clone(), raw(libc::SYS_mknodat, arguments)));
    }
    any(tries)
}

pub fn devices(_: &[String]) -> Outcome {
    let names = [
        "mem",
        "kmem",
        "port",
        "kvm",
        "vda",
        "sda",
        "nvme0n1",
        "fuse",
        "net/tun",
        "kmsg",
        "vsock",
        "vhost-net",
        "vhost-vsock",
        "loop-control",
        "mapper/control",
        "userfaultfd",
        "hpet",
        "ptmx",
        "tty",
        "console",
        "tty0",
        "input/event0",
        "dri/card0",
        "nvidiactl",
    ];
    let mut open = Vec::new();
    for name in names {
        let path = string(&format!("/dev/{name}"));
        let arguments =
            [libc::AT_FDCWD.into(), path.as_ptr() as i64, libc::O_RDONLY.into(), 0, 0, 0];
        if raw(libc::SYS_openat, arguments).is_ok() {
            open.push(name);
        }
    }
    if open.is_empty() { Err(text(errno())) } else { Ok(open.join(", ")) }
}

pub fn priority(_: &[String]) -> Outcome {
    let parameter = 50_i32;
    let at = &raw const parameter as i64;
    let tries = [
        ("FIFO", raw(libc::SYS_sched_setscheduler, [0, libc::SCHED_FIFO.into(), at, 0, 0, 0])),
        ("nice", raw(libc::SYS_setpriority, [0, 0, -20, 0, 0, 0])),
    ];
    let open: Vec<_> =
        tries.iter().filter(|(_, result)| result.is_ok()).map(|(name, _)| *name).collect();
    let refused =
        tries.iter().any(|(_, result)| matches!(result, Err(error) if is_refusal(*error)));
    if open.is_empty() { Err(format!("by the boundary: {refused}")) } else { Ok(open.join(", ")) }
}
