//! `cargo xtask <command>`: what a developer or CI runs. Needs only Rust and git to begin with.

mod bench;
mod codegen;
mod postgres;
mod run;
mod server;
mod setup;
mod test;
mod tidy;
mod up;
mod vm;

use anyhow::bail;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <command>

  up [-- ARGS]   install what is missing, build a release, start everything on this machine
  test           install what is missing, then every test: Rust, web, real clients, real browser
  hostile-vm     the sandbox's tests on every kind of control groups, in an emulated machine
  setup          only install what is missing
  tidy           format, lints, structure, licences
  codegen        renew generated code: gRPC, OpenAPI, the web app's API types
  bench          figures of a release build, each beside a floor or a peer; `bench sandbox`: of the boundary alone;
                 `bench sql`: TPC-H (or `--suite tpcds`, `--suite writes`) beside its peers; `bench spark`: PySpark beside Sail alone";

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let rest: Vec<String> = words.filter(|word| word != "--").collect();
    match command.as_str() {
        "up" => up::up(&rest),
        "test" => test::test(),
        "hostile-vm" => vm::hostile_vm(&rest, &["-p", "biplane-sandbox"]),
        "setup" => setup::setup(setup::For::Test).map(drop),
        "tidy" => tidy::tidy(),
        "codegen" => codegen::codegen(),
        "bench" => bench::bench(&rest),
        _ => bail!(USAGE),
    }
}
