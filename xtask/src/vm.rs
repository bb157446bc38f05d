//! `hostile-vm`: the tests of the sandbox again, on a Debian kernel of their own in an emulated machine.
//! That is where every kind of control groups is to be had, whatever this host has.

use crate::run::{cache, cargo, output, root, step};
use crate::setup;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// (a file that shows it is there, the Debian package).
const PACKAGES: &[(&str, &str)] = &[
    ("/usr/bin/qemu-system-x86_64", "qemu-system-x86"),
    ("/bin/busybox", "busybox-static"),
    ("/sbin/mke2fs", "e2fsprogs"),
    ("/usr/bin/strip", "binutils"),
];
/// The first of these that the package lists know: Debian's, Ubuntu's.
const KERNELS: &[&str] = &["linux-image-cloud-amd64", "linux-image-virtual"];
/// What the kernel needs to see its disk and its network, and to have what is attacked, in this order. Some have these built in.
const MODULES: &[&str] = &[
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
    "vsock",
    "loop",
];
/// What a boot is for; see `vm/init.sh`.
const MODES: &[&str] = &["v2", "v2-shared", "v2-delegated", "v1", "none"];
const BOOT_MAX: Duration = Duration::from_secs(900);
const TOLD: &str = "biplane-vm: ended with ";

/// With these modes, or all of them. `packages`: what cargo builds at the same time, for the same features.
pub fn hostile_vm(modes: &[String], packages: &[&str]) -> anyhow::Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        bail!("the emulated machine is an x86_64 one, and so must be the programs");
    }
    for mode in modes {
        ensure!(MODES.contains(&mode.as_str()), "there are these modes: {}", MODES.join(" "));
    }
    setup::packages(PACKAGES)?;
    let kernel = Kernel::get()?;
    let programs = programs(packages)?;
    let dir = tempfile::tempdir()?;
    let initrd = initrd(dir.path(), &kernel)?;
    let disk = disk(dir.path(), &programs)?;
    let wanted = |mode: &&&str| modes.is_empty() || modes.iter().any(|word| word == **mode);
    let mut wrong = Vec::new();
    for mode in MODES.iter().filter(wanted) {
        eprintln!("\n==> The sandbox's tests in a machine of their own: {mode}");
        let begin = Instant::now();
        if let Err(error) = boot(&kernel, &initrd, &disk, mode) {
            eprintln!("    {error:#}");
            wrong.push(*mode);
        }
        eprintln!("    {mode}: {:.1} s", begin.elapsed().as_secs_f32());
    }
    ensure!(wrong.is_empty(), "the sandbox does not hold on: {}", wrong.join(", "));
    Ok(())
}

struct Kernel {
    image: PathBuf,
    modules: Vec<PathBuf>,
}

impl Kernel {
    /// From the distribution's own packages, kept between runs.
    fn get() -> anyhow::Result<Self> {
        let known = || KERNELS.iter().find_map(|name| newest(name));
        let package = match known() {
            Some(package) => package,
            None => {
                setup::read_lists()?;
                known().with_context(|| format!("apt knows none of {KERNELS:?}"))?
            }
        };
        let version = package.trim_start_matches("linux-image-").to_owned();
        let dir = cache()?.join("vm").join(&package);
        let image = dir.join(format!("boot/vmlinuz-{version}"));
        if !image.exists() {
            download(&dir, &package)?;
            // Ubuntu has them in a package of their own.
            let modules = format!("linux-modules-{version}");
            if output("apt-cache", &["show", &modules]).is_some() {
                download(&dir, &modules)?;
            }
        }
        ensure!(image.exists(), "{package} has no kernel");
        let mut files = Vec::new();
        collect(&dir.join("lib/modules").join(version), &mut files);
        let find = |name: &&str| {
            let module = format!("{name}.ko");
            files.iter().find(|file| file.file_name().is_some_and(|file| *file == *module)).cloned()
        };
        Ok(Self { image, modules: MODULES.iter().filter_map(find).collect() })
    }
}

/// The package that this one, which is empty, stands for now.
fn newest(name: &str) -> Option<String> {
    let asked = Command::new("apt-cache").args(["depends", name]).output().ok()?;
    let text = String::from_utf8_lossy(&asked.stdout);
    let mut needed = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    needed.find(|package| package.starts_with("linux-image-")).map(str::to_owned)
}

fn download(dir: &Path, package: &str) -> anyhow::Result<()> {
    let packed = dir.join("packed");
    fs::create_dir_all(&packed)?;
    let mut fetch = Command::new("apt-get");
    fetch.args(["download", "-q", package]).current_dir(&packed).stdout(Stdio::null());
    step(&format!("Downloading {package}"), &mut fetch)?;
    for entry in fs::read_dir(&packed)? {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("-x").arg(entry?.path()).arg(dir);
        ensure!(unpack.status()?.success(), "{package} cannot be unpacked");
    }
    fs::remove_dir_all(packed).map_err(Into::into)
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), into),
            _ => into.push(entry.path()),
        }
    }
}

/// The tests, and the programs they start, by the names they get in the machine.
fn programs(packages: &[&str]) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let mut build = cargo();
    build.arg("test").args(packages).args(["--no-run", "--message-format", "json"]);
    let built = build.stderr(Stdio::inherit()).output()?;
    ensure!(built.status.success(), "the tests cannot be built");
    let mut found = Vec::new();
    for line in built.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line)?;
        let manifest = Path::new(message["manifest_path"].as_str().unwrap_or_default());
        if !manifest.ends_with("biplane-sandbox/Cargo.toml") {
            continue;
        }
        let name = match message["target"]["name"].as_str() {
            Some("it") => "it",
            Some("hostile") => "hostile",
            Some("biplane-sandbox-launcher") => "launcher",
            _ => continue,
        };
        if let Some(path) = message["executable"].as_str() {
            found.push((name, PathBuf::from(path)));
        }
    }
    ensure!(found.len() == 3, "these were built: {found:?}");
    Ok(found)
}

/// What finds the disk and goes on there.
fn initrd(dir: &Path, kernel: &Kernel) -> anyhow::Result<PathBuf> {
    let tree = dir.join("initrd");
    busybox(&tree)?;
    for (number, module) in kernel.modules.iter().enumerate() {
        fs::copy(module, tree.join(format!("{number}.ko")))?;
    }
    script(&root().join("xtask/vm/disk.sh"), &tree.join("init"))?;
    let packed = dir.join("initrd.cpio");
    let mut pack = Command::new("sh");
    pack.args(["-c", "find . | busybox cpio -o -H newc 2>/dev/null"]).current_dir(&tree);
    ensure!(pack.stdout(fs::File::create(&packed)?).status()?.success(), "cpio failed");
    Ok(packed)
}

/// An ext4 file system: it shows files under other owners, which the one of the initrd cannot.
fn disk(dir: &Path, programs: &[(&str, PathBuf)]) -> anyhow::Result<PathBuf> {
    let tree = dir.join("disk");
    busybox(&tree)?;
    script(&root().join("xtask/vm/init.sh"), &tree.join("init"))?;
    for part in ["etc/ssh", "root", "run", "sys", "tmp", "usr", "var", "home", "work"] {
        fs::create_dir_all(tree.join(part))?;
    }
    fs::set_permissions(tree.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    fs::set_permissions(tree.join("root"), fs::Permissions::from_mode(0o700))?;
    let users = "root:x:0:0::/root:/bin/sh\nsomebody:x:64321:64321::/:/bin/sh\n";
    fs::write(tree.join("etc/passwd"), users)?;
    fs::write(tree.join("etc/group"), "root:x:0:\nsomebody:x:64321:\n")?;
    fs::write(tree.join("etc/shadow"), "root:!::::::\n")?;
    fs::set_permissions(tree.join("etc/shadow"), fs::Permissions::from_mode(0o600))?;
    for (name, program) in programs {
        install(&tree, program, &tree.join("work").join(name))?;
    }
    install(&tree, Path::new("/sbin/mke2fs"), &tree.join("bin/mke2fs"))?;
    let disk = dir.join("disk.ext4");
    let mut make = Command::new("/sbin/mke2fs");
    make.args(["-q", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d"]);
    ensure!(
        make.arg(&tree).arg(&disk).arg("1G").stdout(Stdio::null()).status()?.success(),
        "mke2fs failed"
    );
    Ok(disk)
}

/// Without what only a debugger reads, and with all it is linked with.
fn install(tree: &Path, program: &Path, place: &Path) -> anyhow::Result<()> {
    for library in libraries(program)? {
        let place = tree.join(library.strip_prefix("/")?);
        fs::create_dir_all(place.parent().context("a library has a directory")?)?;
        fs::copy(&library, place)?;
    }
    // The small one of busybox, which formats nothing but ext2.
    let _ = fs::remove_file(place);
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(place).arg(program);
    ensure!(strip.status()?.success(), "strip failed");
    Ok(())
}

fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = Command::new("ldd").arg(program).output()?;
    let text = String::from_utf8_lossy(&listed.stdout);
    let path = |line: &str| {
        let word = line.split_whitespace().find(|word| word.starts_with('/'))?;
        Some(PathBuf::from(word))
    };
    Ok(text.lines().filter_map(path).collect())
}

fn busybox(tree: &Path) -> anyhow::Result<()> {
    for part in ["bin", "dev", "proc", "mnt"] {
        fs::create_dir_all(tree.join(part))?;
    }
    fs::copy("/bin/busybox", tree.join("bin/busybox"))?;
    let listed = Command::new("/bin/busybox").arg("--list").output()?;
    for applet in String::from_utf8_lossy(&listed.stdout).lines().filter(|name| *name != "busybox")
    {
        symlink("busybox", tree.join("bin").join(applet))?;
    }
    Ok(())
}

fn script(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).map_err(Into::into)
}

/// Starts the machine, shows what it says, and takes its word for how the tests ended.
fn boot(kernel: &Kernel, initrd: &Path, disk: &Path, mode: &str) -> anyhow::Result<()> {
    let mut machine = Command::new("qemu-system-x86_64");
    machine.args(["-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"]);
    machine.args(["-m", "1536", "-display", "none", "-serial", "stdio", "-monitor", "none"]);
    machine
        .args(["-nic", "user,restrict=on,model=virtio-net-pci", "-no-reboot", "-kernel"])
        .arg(&kernel.image);
    machine.arg("-initrd").arg(initrd);
    let line =
        format!("console=ttyS0 quiet panic=-1 apparmor=0 mitigations=off biplane.mode={mode}");
    machine.args(["-append", &line]);
    machine
        .arg("-drive")
        .arg(format!("file={},if=virtio,format=raw,snapshot=on,cache=unsafe", disk.display()));
    let mut machine = machine.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let said = machine.stdout.take().context("the console")?;
    let reader = std::thread::spawn(move || {
        let mut told = None;
        for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            eprintln!("    | {}", line.escape_debug());
            told = line.strip_prefix(TOLD).map(str::to_owned).or(told);
        }
        told
    });
    let until = Instant::now() + BOOT_MAX;
    while machine.try_wait()?.is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
    }
    let late = machine.try_wait()?.is_none();
    let _ = machine.kill();
    machine.wait()?;
    let told = reader.join().ok().flatten();
    match told.as_deref() {
        _ if late => bail!("the machine did not end within {} s", BOOT_MAX.as_secs()),
        Some("0") => Ok(()),
        Some(code) => bail!("the tests failed ({code})"),
        None => bail!("the machine ended without a word"),
    }
}
