//! Format, lints, and the rules of ARCHITECTURE.md that a program can check.

use crate::run::{cargo, root, step};
use anyhow::{Context, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom, inside the project.
const EDGES: &[(&str, &[&str])] = &[
    ("biplane-api", &[]),
    ("biplane-proto", &[]),
    ("biplane-platform", &["biplane-api"]),
    ("biplane-identity", &["biplane-api", "biplane-platform"]),
    ("biplane-catalog", &["biplane-api", "biplane-platform"]),
    ("biplane-workspace", &["biplane-api", "biplane-platform"]),
    ("biplane-compute", &["biplane-api", "biplane-proto", "biplane-platform"]),
    ("biplane-aws", &["biplane-api", "biplane-compute"]),
    (
        "biplane-query",
        &["biplane-api", "biplane-proto", "biplane-platform", "biplane-compute", "biplane-catalog"],
    ),
    (
        "biplane-server",
        &[
            "biplane-api",
            "biplane-proto",
            "biplane-platform",
            "biplane-identity",
            "biplane-catalog",
            "biplane-workspace",
            "biplane-compute",
            "biplane-query",
        ],
    ),
    ("biplane-forwarder", &[]),
    ("biplane-sandbox", &["biplane-forwarder"]),
    ("biplane-doors", &["biplane-api", "biplane-forwarder"]),
    (
        "biplane-node",
        &["biplane-api", "biplane-proto", "biplane-doors", "biplane-forwarder", "biplane-sandbox"],
    ),
    ("biplane-functions", &[]),
    ("biplane-engine", &["biplane-api", "biplane-proto", "biplane-functions"]),
    (
        "biplane",
        &[
            "biplane-api",
            "biplane-platform",
            "biplane-sandbox",
            "biplane-server",
            "biplane-aws",
            "biplane-node",
            "biplane-engine",
        ],
    ),
    ("xtask", &[]),
];

/// Only the engine and its functions see these (and the binary, through them).
const HEAVY: &[&str] = &["datafusion", "deltalake-core", "arrow", "parquet", "tpchgen-arrow"];

/// Licences a dependency may have.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Zlib",
    "BSL-1.0",
    "CC0-1.0",
    "Unlicense",
    "CDLA-Permissive-2.0",
    "MIT-0",
    "OpenSSL",
    "bzip2-1.0.6",
    "Apache-2.0 WITH LLVM-exception",
    "NCSA",
];

pub fn tidy() -> anyhow::Result<()> {
    step("Format", cargo().args(["fmt", "--all", "--check"]))?;
    structure()?;
    step("Lints", cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// What needs no compiler.
pub fn structure() -> anyhow::Result<()> {
    eprintln!("\n==> Structure");
    let output = cargo().args(["metadata", "--format-version", "1", "--locked"]).output()?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("packages")?;
    let mut wrong = Vec::new();
    wrong.extend(edges(packages));
    wrong.extend(licences(packages));
    wrong.extend(files()?);
    if !wrong.is_empty() {
        bail!("{} thing(s) against the rules:\n  {}", wrong.len(), wrong.join("\n  "));
    }
    Ok(())
}

fn edges(packages: &[Value]) -> Vec<String> {
    let rules: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = rules.get(name) else {
            wrong.push(format!(
                "{name} is not in the table of crates (xtask/src/tidy.rs, ARCHITECTURE.md)"
            ));
            continue;
        };
        let normal = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"].is_null());
        for dependency in normal.filter_map(|dependency| dependency["name"].as_str()) {
            let internal = dependency.starts_with("biplane");
            if internal && !allowed.contains(&dependency) {
                wrong.push(format!("{name} must not import {dependency}"));
            }
            if HEAVY.contains(&dependency)
                && !["biplane-engine", "biplane-functions"].contains(&name)
            {
                wrong.push(format!("{name} must not depend on {dependency}: only the engine does"));
            }
            // Its SDK; `aws-lc-rs` is the cryptography of everybody.
            let sdk = dependency.starts_with("aws-") && dependency != "aws-lc-rs";
            if sdk && name != "biplane-aws" {
                wrong
                    .push(format!("{name} must not depend on {dependency}: only biplane-aws does"));
            }
        }
    }
    wrong
}

fn licences(packages: &[Value]) -> Vec<String> {
    let allowed: BTreeSet<&str> = LICENCES.iter().copied().collect();
    let fine = |expression: &str| {
        // "A OR B" needs one of them, "A AND B" all; "/" is an old way to write OR.
        expression.replace('/', " OR ").split(" OR ").any(|choice| {
            choice.split(" AND ").all(|part| allowed.contains(part.trim().trim_matches(['(', ')'])))
        })
    };
    let bad = |package: &&Value| {
        !package["source"].is_null() && !package["license"].as_str().is_some_and(fine)
    };
    packages
        .iter()
        .filter(bad)
        .map(|package| format!("{} has the licence {}", package["name"], package["license"]))
        .collect()
}

fn files() -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut sources = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&root().join(folder), &mut sources)?;
    }
    for file in sources {
        let text = fs::read_to_string(&file)?;
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        let generated = name.ends_with("proto/src/gen.rs");
        if !generated && !text.starts_with("//!") {
            wrong.push(format!("{name} does not begin with //! and what it owns"));
        }
        if !generated && text.lines().any(|line| line.trim_start().starts_with("#[allow(")) {
            wrong.push(format!("{name} has #[allow]; say #[expect] with a reason"));
        }
    }
    Ok(wrong)
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}
