//! Golden SQL: `tests/slt/*.slt`, one file per family of statements.
//!
//! Records are separated by empty lines; `#` begins a comment. A record is one of
//!
//! ```text
//! file in/a.csv          writes a file below $ROOT, the directory of the test
//! statement ok           runs, the result does not matter
//! statement error CLASS SQLSTATE
//! query                  rows follow ----, values joined by |
//! query types            the first line is `name TYPE|…`
//! query only a,b         of these columns
//! ```
//!
//! with `parameter NAME TYPE VALUE` lines before the SQL. `BIPLANE_UPDATE=1` writes what came out.

use crate::harness::{Harness, Ran, ask};
use biplane_proto::v1;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

struct Record {
    comment: String,
    head: String,
    parameters: Vec<v1::Parameter>,
    body: String,
    expected: Option<String>,
    written_parameters: Vec<String>,
}

fn parse(block: &str) -> Option<Record> {
    let lines: Vec<&str> = block.lines().collect();
    let at = lines.iter().position(|line| !line.starts_with('#'))?;
    let written: Vec<String> = lines[at + 1..]
        .iter()
        .take_while(|line| line.starts_with("parameter "))
        .map(|line| (*line).to_owned())
        .collect();
    let rest = lines[at + 1 + written.len()..].join("\n");
    let (body, expected) = match rest.split_once("\n----") {
        Some((body, expected)) => (body.to_owned(), Some(expected.trim_matches('\n').to_owned())),
        None => (rest, None),
    };
    let parameters = written.iter().map(|line| parameter(line)).collect();
    Some(Record {
        comment: lines[..at].iter().map(|line| format!("{line}\n")).collect(),
        head: lines[at].to_owned(),
        parameters,
        body,
        expected,
        written_parameters: written,
    })
}

/// `parameter NAME TYPE VALUE`; `-` as the name: by position. Without a value: NULL.
fn parameter(line: &str) -> v1::Parameter {
    let mut words = line.splitn(4, ' ').skip(1);
    let name = words.next().unwrap_or_default().trim_start_matches('-').to_owned();
    let kind = words.next().unwrap_or_default().to_owned();
    let value = words.next().map(str::to_owned);
    v1::Parameter { name, r#type: kind, value, ..v1::Parameter::default() }
}

impl Record {
    /// The record as it should stand in the file.
    async fn run(&self, harness: &Harness, root: &Path) -> String {
        let mut out = format!("{}{}\n", self.comment, self.head);
        for line in &self.written_parameters {
            let _ = writeln!(out, "{line}");
        }
        out.push_str(&self.body);
        let words: Vec<&str> = self.head.split(' ').collect();
        if let ["file", name] = words.as_slice() {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{}\n", self.body)).unwrap();
            return out;
        }
        let shown_root = root.display().to_string();
        let mut request = ask(&self.body.replace("$ROOT", &shown_root));
        request.parameters.clone_from(&self.parameters);
        let done = harness.run(request).await;
        match (words.as_slice(), done) {
            (["statement", "ok"], Ok(_)) => {}
            (["query", how @ ..], Ok(ran)) => {
                let rows = shown(&ran, how).join("\n").replace(&shown_root, "$ROOT");
                let _ = write!(out, "\n----\n{rows}");
            }
            (["statement", "error", ..], Err(failed)) => {
                let head = format!("statement error {} {}", failed.error_class, failed.sql_state);
                out = out.replacen(&self.head, &head, 1);
            }
            (_, Ok(_)) => out = out.replacen(&self.head, "statement ok", 1),
            (_, Err(failed)) => {
                let _ = write!(out, "\n# failed: {}", failed.message.replace(&shown_root, "$ROOT"));
            }
        }
        out
    }

    fn written(&self) -> String {
        let mut out = format!("{}{}\n", self.comment, self.head);
        for line in &self.written_parameters {
            let _ = writeln!(out, "{line}");
        }
        out.push_str(&self.body);
        if let Some(expected) = &self.expected {
            let _ = write!(out, "\n----\n{expected}");
        }
        out
    }
}

fn shown(ran: &Ran, how: &[&str]) -> Vec<String> {
    let keep: Vec<usize> = match how {
        ["only", names] => {
            let at = |name: &str| ran.names().iter().position(|n| *n == name).unwrap();
            names.split(',').map(at).collect()
        }
        _ => (0..ran.columns.len()).collect(),
    };
    let mut lines = Vec::new();
    if how == ["types"] {
        let columns = ran.names().into_iter().zip(ran.types());
        let columns: Vec<String> = columns.map(|(name, kind)| format!("{name} {kind}")).collect();
        lines.push(columns.join("|"));
    }
    for row in ran.rows() {
        let cell = |at: &usize| row[*at].clone().unwrap_or_else(|| "null".to_owned());
        lines.push(keep.iter().map(cell).collect::<Vec<_>>().join("|"));
    }
    lines
}

async fn run(path: PathBuf) -> Result<(), String> {
    let harness = crate::catalog::start().await;
    let root = harness.fake.root.clone();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut blocks = Vec::new();
    let mut wrong = String::new();
    for block in text.split("\n\n").map(|block| block.trim_matches('\n')) {
        if block.is_empty() {
            continue;
        }
        let Some(record) = parse(block) else {
            blocks.push(block.to_owned());
            continue;
        };
        let came = record.run(&harness, &root).await;
        // Texts of several lines may end with one.
        if came.trim_end_matches('\n') != record.written().trim_end_matches('\n') {
            let _ = writeln!(wrong, "--- expected\n{}\n+++ came\n{came}\n", record.written());
        }
        blocks.push(came);
    }
    if std::env::var_os("BIPLANE_UPDATE").is_some() {
        std::fs::write(&path, format!("{}\n", blocks.join("\n\n"))).unwrap();
        return Ok(());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{wrong}", path.display())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_statements() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "slt"));
    files.sort();
    assert!(!files.is_empty());
    let done = futures::future::join_all(files.into_iter().map(run)).await;
    let wrong: Vec<String> = done.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
