//! Against Apache Spark: what it answers to its own examples and to our statements (`tests/spark`,
//! written by `conformance/spark/oracle.py`) is what the engine has to answer: values, types, error classes.
//!
//! `tests/spark/differs.txt` lists the statements that do not agree yet; one that begins to differ fails the test.
//! `BIPLANE_UPDATE=1` writes the list anew.

use crate::harness::{Harness, ask};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use biplane_proto::v1;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
pub struct Case {
    pub setup: Option<String>,
    #[serde(default)]
    pub sql: String,
    types: Option<Vec<String>>,
    rows: Option<Vec<Vec<Value>>>,
    error: Option<String>,
}

/// What came instead of what was expected.
async fn difference(harness: &Harness, case: &Case) -> Option<String> {
    let request = v1::ExecuteRequest { format: v1::ResultFormat::Arrow.into(), ..ask(&case.sql) };
    match (harness.run(request).await, &case.error) {
        (Err(failed), Some(expected)) => (failed.error_class.split('.').next()
            != expected.split('.').next())
        .then(|| format!("{} instead of {expected}: {}", failed.error_class, failed.message)),
        (Err(failed), None) => Some(failed.message.lines().next().unwrap_or_default().to_owned()),
        (Ok(_), Some(expected)) => Some(format!("no error instead of {expected}")),
        (Ok(ran), None) => {
            let types: Vec<String> = ran.types().into_iter().map(spelled).collect();
            let expected: Vec<String> =
                case.types.iter().flatten().map(|kind| spelled(kind)).collect();
            if types != expected {
                return Some(format!("{types:?} instead of {expected:?}"));
            }
            let ran = match as_text(case) {
                Some(sql) => {
                    let request =
                        v1::ExecuteRequest { format: v1::ResultFormat::Arrow.into(), ..ask(&sql) };
                    match harness.run(request).await {
                        Ok(ran) => ran,
                        Err(failed) => return Some(format!("as text: {}", failed.message)),
                    }
                }
                None => ran,
            };
            let rows: Vec<Vec<Value>> = ran.batches().iter().flat_map(rows).collect();
            let wanted = case.rows.as_deref().unwrap_or_default();
            let are_same = rows.len() == wanted.len()
                && rows.iter().zip(wanted).all(|(a, b)| a.iter().zip(b).all(|(a, b)| same(a, b)));
            (!are_same).then(|| format!("{} instead of {}", json!(rows), json!(wanted)))
        }
    }
}

/// The statement with intervals and variants cast to STRING: so the oracle compares them.
fn as_text(case: &Case) -> Option<String> {
    let types = case.types.as_deref().unwrap_or_default();
    let is_text = |kind: &String| kind.contains("interval") || kind.contains("variant");
    if !types.iter().any(is_text) {
        return None;
    }
    let columns = types.iter().enumerate().map(|(at, kind)| match is_text(kind) {
        true => format!("CAST(c{at} AS STRING)"),
        false => format!("c{at}"),
    });
    let names: Vec<String> = (0..types.len()).map(|at| format!("c{at}")).collect();
    let columns: Vec<String> = columns.collect();
    Some(format!("SELECT {} FROM ({}) AS t({})", columns.join(", "), case.sql, names.join(", ")))
}

/// A type without what only differs in writing.
fn spelled(kind: &str) -> String {
    kind.to_lowercase().replace([' ', '`'], "")
}

fn rows(batch: &RecordBatch) -> Vec<Vec<Value>> {
    let row = |at| batch.columns().iter().map(|column| value(column.as_ref(), at)).collect();
    (0..batch.num_rows()).map(row).collect()
}

fn value(array: &dyn Array, at: usize) -> Value {
    // An array of the type VOID has no mask that says so.
    if array.is_null(at) || array.data_type() == &DataType::Null {
        return Value::Null;
    }
    let each = |items: &dyn Array| (0..items.len()).map(|at| value(items, at)).collect::<Value>();
    let text = || {
        let options = FormatOptions::default();
        ArrayFormatter::try_new(array, &options).unwrap().value(at).to_string()
    };
    match array.data_type() {
        DataType::Boolean => json!(array.as_boolean().value(at)),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            json!(text().parse::<i64>().unwrap())
        }
        // The decimal number that is written for it, not the double nearest to it.
        DataType::Float32 => {
            let number = array.as_primitive::<Float32Type>().value(at);
            float(number.to_string().parse().unwrap_or(f64::from(number)))
        }
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(at)),
        DataType::Decimal128(..) => {
            json!(array.as_primitive::<Decimal128Type>().value_as_string(at))
        }
        DataType::Binary => json!(hex(array.as_binary::<i32>().value(at))),
        DataType::LargeBinary => json!(hex(array.as_binary::<i64>().value(at))),
        DataType::Date32 => {
            json!(array.as_primitive::<Date32Type>().value_as_date(at).unwrap().to_string())
        }
        DataType::Timestamp(..) => {
            let shown = text().replace('T', " ").replace('Z', "");
            match shown.split_once('.') {
                Some((seconds, part)) => json!(format!("{seconds}.{part:0<6}")),
                None => json!(shown),
            }
        }
        DataType::List(_) => each(array.as_list::<i32>().value(at).as_ref()),
        DataType::LargeList(_) => each(array.as_list::<i64>().value(at).as_ref()),
        DataType::Struct(_) => {
            array.as_struct().columns().iter().map(|column| value(column.as_ref(), at)).collect()
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(at);
            let pair = |at| json!([value(entries.column(0), at), value(entries.column(1), at)]);
            (0..entries.len()).map(pair).collect()
        }
        _ => json!(text()),
    }
}

fn float(number: f64) -> Value {
    match number {
        number if number.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        number => json!(number),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The last digits of a logarithm differ from one library to the next.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Number(x), Value::Number(y)) if x.is_f64() || y.is_f64() => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            x == y || (x - y).abs() <= 1e-14 * x.abs().max(y.abs())
        }
        _ => a == b,
    }
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spark")
}

/// The name of the group, and its file.
pub fn groups() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for folder in ["functions", "statements"] {
        for entry in std::fs::read_dir(golden().join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy();
            found.push((format!("{folder}/{stem}"), path.clone()));
        }
    }
    found.sort();
    found
}

pub fn cases(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What differs in a group, with the number of all its statements.
async fn compare(group: &str, path: &Path) -> (usize, Vec<(String, String)>) {
    let harness = crate::catalog::start().await;
    let cases = cases(path);
    let mut differing = Vec::new();
    for case in &cases {
        if let Some(sql) = &case.setup {
            if let Err(failed) = harness.run(ask(sql)).await {
                differing.push((format!("{group}: setup: {sql}"), failed.message));
            }
        } else if let Some(why) = difference(&harness, case).await {
            differing.push((format!("{group}: {}", case.sql.replace('\n', " ")), why));
        }
    }
    (cases.len(), differing)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_as_spark_does() {
    let known = golden().join("differs.txt");
    let listed: BTreeSet<String> =
        std::fs::read_to_string(&known).unwrap_or_default().lines().map(str::to_owned).collect();
    let mut differs = BTreeMap::new();
    let (mut all, mut wrong) = (0, 0);
    for (group, path) in groups() {
        let (count, differing) = compare(&group, &path).await;
        eprintln!("{group:32} {:5} of {count:5}", count - differing.len());
        all += count;
        wrong += differing.len();
        differs.extend(differing);
    }
    eprintln!("{:32} {:5} of {all:5}", "all", all - wrong);
    if std::env::var_os("BIPLANE_UPDATE").is_some() {
        let lines: String = differs.keys().map(|line| format!("{line}\n")).collect();
        std::fs::write(known, lines).unwrap();
        let shown: String =
            differs.iter().map(|(sql, why)| format!("{sql}\n    {why}\n")).collect();
        eprintln!("{shown}");
        return;
    }
    let mut news = String::new();
    for (sql, why) in differs.iter().filter(|(sql, _)| !listed.contains(*sql)) {
        let _ = writeln!(news, "differs: {sql}\n    {why}");
    }
    for sql in listed.iter().filter(|sql| !differs.contains_key(*sql)) {
        eprintln!("agrees now and is listed: {sql}");
    }
    assert!(all > 0 && news.is_empty(), "\n{news}");
}
