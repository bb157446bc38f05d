//! The committed generated code is what the .proto files say.
#![expect(clippy::unwrap_used, reason = "test")]

use std::path::Path;

#[test]
fn generated_code_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = ["biplane/v1/node.proto", "biplane/v1/engine.proto"];
    let descriptors = protox::compile(files, [root.join("proto")]).unwrap();
    let out = tempdir();
    tonic_prost_build::configure()
        .bytes(".biplane.v1")
        .out_dir(&out)
        .compile_fds(descriptors)
        .unwrap();
    let fresh = std::fs::read_to_string(out.join("biplane.v1.rs")).unwrap();
    let committed = root.join("crates/biplane-proto/src/gen.rs");
    if std::env::var_os("BIPLANE_UPDATE").is_some() {
        std::fs::write(&committed, &fresh).unwrap();
    }
    let stale = std::fs::read_to_string(&committed).unwrap() != fresh;
    assert!(!stale, "run `cargo xtask codegen` and commit");
}

fn tempdir() -> std::path::PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proto-gen");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
