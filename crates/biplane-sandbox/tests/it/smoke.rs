//! x
use biplane_sandbox::*;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

#[test]
fn engine() {
    let Ok(program) = std::env::var("ENGINE") else { return };
    let dir = tempfile::tempdir().unwrap();
    let native = Native::start(IsolatorConfig {
        launcher: env!("CARGO_BIN_EXE_biplane-sandbox-launcher").into(),
        tag: format!("test{}", std::process::id()),
        work_dir: dir.path().to_owned(),
        writable: vec![],
    })
    .unwrap();
    eprintln!("{:?}", native.level());
    let program = std::fs::canonicalize(Path::new(&program)).unwrap();
    let t = std::time::Instant::now();
    let mut mounts = libraries(&program).unwrap();
    mounts.push(Mount::new(dir.path(), Path::new("/data/x"), Access::Write).unwrap());
    eprintln!("libs {} {:?}", mounts.len(), t.elapsed());
    for i in 0..10 {
        let sd = dir.path().join(format!("sb{i}"));
        for n in ["doors", "work"] {
            std::fs::create_dir_all(sd.join(n)).unwrap();
        }
        let l = std::os::unix::net::UnixListener::bind(sd.join("doors/relay.sock")).unwrap();
        let spec = SandboxSpec {
            name: format!("sb{i}"),
            dir: sd,
            program: Program {
                path: program.to_owned(),
                args: [
                    "--door",
                    "/doors/relay.sock",
                    "--memory-bytes",
                    "536870912",
                    "--spill-dir",
                    "/sandbox/work/spill",
                ]
                .map(String::from)
                .to_vec(),
                env: vec![("RUST_LOG".into(), "debug".into())],
                inside: None,
            },
            mounts: mounts.clone(),
            network: Network::None,
            proc: ProcView::Processes,
            limits: Limits { memory_bytes: 512 << 20, ..Limits::default() },
            forwarder: false,
            exec_written: false,
            without: vec![],
        };
        let (mut r, w) = std::io::pipe().unwrap();
        let t = std::time::Instant::now();
        let sandbox = native.spawn(&spec, OwnedFd::from(w)).unwrap();
        let e = t.elapsed();
        let (mut c, _) = l.accept().unwrap();
        let mut b = [0; 6];
        c.read_exact(&mut b).unwrap();
        eprintln!(
            "{i} start {e:?} connected {:?} {:?} {:?}",
            t.elapsed(),
            std::str::from_utf8(&b),
            native.stats(&sandbox)
        );
        sandbox.terminate();
        let t = std::time::Instant::now();
        eprintln!("{:?} {:?}", sandbox.wait(), t.elapsed());
        let mut text = String::new();
        r.read_to_string(&mut text).unwrap();
        eprintln!("{text}");
    }
}
