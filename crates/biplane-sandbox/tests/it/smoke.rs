//! x
use biplane_sandbox::*;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

#[test]
fn hello() {
    let dir = tempfile::tempdir().unwrap();
    let t0 = std::time::Instant::now();
    let native = Native::start(IsolatorConfig {
        launcher: env!("CARGO_BIN_EXE_biplane-sandbox-launcher").into(),
        tag: format!("test{}", std::process::id()),
        work_dir: dir.path().to_owned(),
        writable: vec![],
    })
    .unwrap();
    eprintln!("{:?} {:?}", native.level(), t0.elapsed());
    let program: &Path = env!("CARGO_BIN_EXE_hostile").as_ref();
    for i in 0..50 {
        let sd = dir.path().join(format!("sb{i}"));
        for n in ["doors", "work"] {
            std::fs::create_dir_all(sd.join(n)).unwrap();
        }
        let spec = SandboxSpec {
            name: format!("sb{i}"),
            dir: sd,
            program: Program {
                path: program.to_owned(),
                args: vec!["hello".into()],
                env: vec![("A".into(), "b".into())],
                inside: None,
            },
            mounts: libraries(program).unwrap(),
            network: Network::None,
            proc: if i % 2 == 0 { ProcView::Masked } else { ProcView::Processes },
            limits: Limits { memory_bytes: 64 << 20, ..Limits::default() },
            forwarder: true,
            exec_written: false,
            without: vec![],
        };
        let (mut r, w) = std::io::pipe().unwrap();
        let t = std::time::Instant::now();
        let sandbox = native.spawn(&spec, OwnedFd::from(w)).unwrap();
        let e = t.elapsed();
        let s = native.stats(&sandbox);
        if i < 2 {
            eprintln!("{sandbox:?} {e:?} {s:?}");
            let mut text = String::new();
            r.read_to_string(&mut text).unwrap();
            eprintln!("{text}");
        }
        let t = std::time::Instant::now();
        let w = sandbox.wait();
        eprintln!("{i} start {e:?} {w:?} {:?}", t.elapsed());
    }
}
