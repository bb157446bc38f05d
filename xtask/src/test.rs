//! Every test there is, in the order in which a failure is cheapest to learn.

use crate::postgres::Postgres;
use crate::run::{cargo, root, step, target};
use crate::server::{self, Server};
use crate::setup::{self, For, Tools};
use crate::tidy;
use crate::vm;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Crates whose tests use a database: they run on SQLite with all others, and once more on PostgreSQL.
const DATABASE_CRATES: &[&str] = &[
    "biplane-platform",
    "biplane-identity",
    "biplane-catalog",
    "biplane-compute",
    "biplane-query",
    "biplane-server",
];

pub fn test() -> anyhow::Result<()> {
    let tools = setup::setup(For::Test)?;
    tidy::structure()?;
    web(&tools)?;
    // Programs and tests together: apart they would choose other features and build everything twice.
    step("Building", cargo().args(["build", "--workspace", "--all-targets"]))?;
    let postgres = Postgres::start()?;
    // One run tells of everything that is wrong.
    let results = [
        step("Rust tests on SQLite", cargo().args(["test", "--workspace", "--no-fail-fast"])),
        // Other kinds of control groups than this host may have; `cargo xtask hostile-vm` tries all.
        vm::hostile_vm(&["v2".to_owned()], &["--workspace"]),
        on_postgres(&postgres),
        clients(&tools, &postgres),
        browser(&tools),
    ];
    all(results)
}

/// Fails with all that failed.
fn all(results: impl IntoIterator<Item = anyhow::Result<()>>) -> anyhow::Result<()> {
    let failed: Vec<String> =
        results.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    anyhow::ensure!(failed.is_empty(), "{}", failed.join("\n       "));
    Ok(())
}

fn binary() -> std::path::PathBuf {
    target().join("debug/biplane")
}

/// The test programs are there already: cargo would build them anew for another choice of packages.
fn on_postgres(postgres: &Postgres) -> anyhow::Result<()> {
    let mut list = cargo();
    list.args(["test", "--workspace", "--no-run", "--quiet", "--message-format", "json"]);
    let output = list.stderr(Stdio::inherit()).output()?;
    let mut results = Vec::new();
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line)?;
        let manifest = Path::new(message["manifest_path"].as_str().unwrap_or_default());
        let Some(folder) = manifest.parent() else { continue };
        let package = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (Some(program), true) =
            (message["executable"].as_str(), message["profile"]["test"] == true)
        else {
            continue;
        };
        if DATABASE_CRATES.contains(&package) {
            let mut test = Command::new(program);
            test.current_dir(folder).env("BIPLANE_TEST_POSTGRES", &postgres.url);
            results.push(step(&format!("{package} on PostgreSQL"), &mut test));
        }
    }
    all(results)
}

fn web(tools: &Tools) -> anyhow::Result<()> {
    step("Checking the web app", &mut tools.npm("web", &["run", "check"]))?;
    step(
        "Comparing the web app's API types with openapi/",
        &mut tools.npm("web", &["run", "api:check"]),
    )?;
    step("Checking licences of the web app", &mut tools.npm("web", &["run", "licences"]))?;
    step("Testing the web app", &mut tools.npm("web", &["test"]))?;
    step("Building the web app", &mut tools.npm("web", &["run", "build"]))
}

/// Unmodified clients against a running server, on both databases.
fn clients(tools: &Tools, postgres: &Postgres) -> anyhow::Result<()> {
    let python = setup::python("conformance", "conformance/requirements.txt")?;
    let kernel = setup::python("kernel", "conformance/requirements-kernel.txt")?;
    let spark = setup::python("spark", "conformance/requirements-spark.txt")?;
    let connect = setup::python("connect", "conformance/requirements-connect.txt")?;
    let dbt = setup::python("dbt", "conformance/requirements-dbt.txt")?;
    // One of the driver's optional packages was never published for one platform, so `npm ci` refuses the
    // lock file that npm itself wrote. The suite needs none of the optional ones.
    setup::node_packages(tools, "conformance/node", &["install", "--no-save", "--omit=optional"])?;
    let pytest = || {
        let mut command = Command::new(&python);
        command.args(["-m", "pytest", "-q", "conformance"]).current_dir(root());
        command
            .env("BIPLANE_BIN", binary())
            .env("BIPLANE_KERNEL_PYTHON", &kernel)
            .env("BIPLANE_SPARK_PYTHON", &spark)
            .env("BIPLANE_CONNECT_PYTHON", &connect)
            .env("BIPLANE_DBT_PYTHON", &dbt)
            .env("PATH", &tools.path);
        command
    };
    all([
        step("Real clients", &mut pytest()),
        step("Real clients, PostgreSQL", pytest().env("BIPLANE_TEST_POSTGRES", &postgres.url)),
    ])
}

/// Every page against a mocked server, then the story of a user against a real one.
fn browser(tools: &Tools) -> anyhow::Result<()> {
    step("The web app's pages in a browser", &mut tools.npm("web", &["run", "e2e:pages"]))?;
    let server = Server::start(&binary())?;
    let mut story = tools.npm("web", &["run", "e2e"]);
    story
        .env("BIPLANE_URL", &server.url)
        .env("BIPLANE_USER", server::USER)
        .env("BIPLANE_PASSWORD", server::PASSWORD);
    step("A user's story in a browser", &mut story)
}
