//! `bench`: figures of a release build.

use crate::run::{cargo, root, step, target};
use crate::{setup, up};
use std::process::Command;

/// (a file that shows it is there, the Debian package): a peer of the sandbox.
const PEERS: &[(&str, &str)] = &[("/usr/bin/bwrap", "bubblewrap")];

pub fn bench(args: &[String]) -> anyhow::Result<()> {
    match args {
        [first, rest @ ..] if first == "sandbox" => sandbox(rest),
        [first, rest @ ..] if first == "sql" => beside("conformance/bench_sql.py", rest),
        [first, rest @ ..] if first == "spark" => beside("conformance/bench_spark.py", rest),
        _ => product(args),
    }
}

/// Everything, from the outside, with real clients.
fn product(args: &[String]) -> anyhow::Result<()> {
    let tools = setup::setup(setup::For::Test)?;
    let binary = up::release(&tools)?;
    let python = setup::python("conformance", "conformance/requirements.txt")?;
    let mut bench = Command::new(python);
    bench.arg("conformance/bench.py").args(args).current_dir(root()).env("BIPLANE_BIN", binary);
    step("Measuring", &mut bench)
}

/// A program of figures beside DuckDB and Sail.
fn beside(program: &str, args: &[String]) -> anyhow::Result<()> {
    let tools = setup::setup(setup::For::Test)?;
    let binary = up::release(&tools)?;
    let python = setup::python("bench", "conformance/requirements-bench.txt")?;
    let mut bench = Command::new(python);
    bench.arg(program).args(args).current_dir(root());
    if args.iter().any(|arg| arg.contains("tpcds")) {
        let python = setup::python("tpcds", "conformance/requirements-tpcds.txt")?;
        bench.env("BIPLANE_TPCDS_PYTHON", python);
    }
    if args.iter().any(|arg| arg.contains("writes")) {
        let python = setup::python("writes", "conformance/requirements-writes.txt")?;
        bench.env("BIPLANE_WRITES_PYTHON", python);
    }
    step("Measuring", bench.env("BIPLANE_BIN", binary))
}

/// The boundary alone: starts, memory, doors.
fn sandbox(args: &[String]) -> anyhow::Result<()> {
    setup::packages(PEERS)?;
    let build = ["build", "--release", "-p", "biplane-sandbox", "--example", "bench"];
    step("Building", cargo().args(build))?;
    step("Measuring", Command::new(target().join("release/examples/bench")).args(args))
}
