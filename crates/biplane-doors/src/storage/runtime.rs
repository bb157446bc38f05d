//! What a Spark runtime may do to the tables that it was given: it is a program with code of users in it.
//!
//! What must hold: it adds files and commits, and neither changes nor deletes what is there; a commit of
//! it changes rows, never the table itself, of which the catalog would not hear.

use super::forward::Refused;
use super::grants::Stores;
use super::name::Name;
use super::request::{Asked, Operation};
use crate::event::Reason;
use crate::http_text::{self, Body};
use bytes::BytesMut;
use http::Method;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::IgnoredAny;

const LOG: &str = "/_delta_log/";
const VERSION_DIGITS: usize = 20;
const COMMIT_BYTES_MAX: usize = 64 << 20;

/// A line of a commit, when it is one of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    CommitInfo(IgnoredAny),
    Add(IgnoredAny),
    Remove(IgnoredAny),
    Cdc(IgnoredAny),
    Txn(IgnoredAny),
}

pub fn check(asked: &Asked, method: &Method) -> Result<(), Reason> {
    if !asked.writes() {
        return Ok(());
    }
    let aborts = method == Method::DELETE && !asked.parameter("uploadId").is_empty();
    let adds = method != Method::DELETE && asked.operation != Operation::DeleteMany;
    let key = &asked.name.key;
    // Checkpoints would be believed by those who read after it.
    let in_log = key.contains(LOG) && !(is_commit(key) && asked.query.is_empty());
    if (adds || aborts) && !in_log { Ok(()) } else { Err(Reason::AddsOnly) }
}

/// Sums a log up; readers would believe it, and do without.
pub fn is_summary(asked: &Asked) -> bool {
    let named = |name: &str| {
        let kinds = [".crc", ".parquet"];
        name == "_last_checkpoint" || kinds.iter().any(|kind| name.ends_with(kind))
    };
    asked.writes() && asked.name.key.rsplit_once(LOG).is_some_and(|(_, name)| named(name))
}

/// It asks whether a table that it was given is a file, before it looks into it.
pub fn is_directory(granted: &Stores, asked: &Asked) -> bool {
    let Name { bucket, key } = &asked.name;
    asked.operation == Operation::Read
        && granted.find(bucket, key, false).is_err()
        && granted.find(bucket, &format!("{key}/"), false).is_ok()
}

/// An object comes to be, or its bytes would be replaced.
pub fn makes(asked: &Asked) -> bool {
    let part = !asked.parameter("partNumber").is_empty();
    let begins = asked.query.iter().any(|(name, _)| name == "uploads");
    asked.writes() && !part && !begins
}

pub fn is_commit(key: &str) -> bool {
    let version = key.rsplit_once(LOG).and_then(|(_, name)| name.strip_suffix(".json"));
    version.is_some_and(|text| {
        text.len() == VERSION_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// None: it says more than which rows there are.
pub async fn commit(mut body: Body) -> Result<Option<Body>, Refused> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| Refused::Body)?.into_data().unwrap_or_default();
        if bytes.len() + data.len() > COMMIT_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(changes_rows_alone(&bytes).then(|| http_text::full(bytes.freeze())))
}

fn changes_rows_alone(commit: &[u8]) -> bool {
    let mut actions = serde_json::Deserializer::from_slice(commit).into_iter::<Action>();
    actions.all(|action| action.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::request::parse;

    #[test]
    fn a_runtime_adds_and_does_no_more() {
        let may = |method: &str, path: &str| {
            let method: Method = method.parse().unwrap();
            check(
                &parse(&method, &path.parse().unwrap()).unwrap_or_else(|_| panic!("{path}")),
                &method,
            )
            .is_ok()
        };
        for (method, path) in [
            ("GET", "/lake/t/_delta_log/_last_checkpoint"),
            ("PUT", "/lake/t/part-1.parquet"),
            ("PUT", "/lake/t/part-1.parquet?partNumber=1&uploadId=x"),
            ("POST", "/lake/t/part-1.parquet?uploads"),
            ("DELETE", "/lake/t/part-1.parquet?uploadId=x"),
            ("PUT", "/lake/t/_delta_log/00000000000000000007.json"),
        ] {
            assert!(may(method, path), "{method} {path}");
        }
        for (method, path) in [
            ("DELETE", "/lake/t/part-1.parquet"),
            ("POST", "/lake?delete"),
            ("PUT", "/lake/t/_delta_log/_last_checkpoint"),
            ("PUT", "/lake/t/_delta_log/00000000000000000007.checkpoint.parquet"),
            ("POST", "/lake/t/_delta_log/00000000000000000007.json?uploads"),
            ("DELETE", "/lake/t/_delta_log/00000000000000000007.json"),
        ] {
            assert!(!may(method, path), "{method} {path}");
        }
    }

    #[test]
    fn a_commit_of_a_runtime_leaves_the_table_as_it_is() {
        assert!(changes_rows_alone(b"{\"commitInfo\":{}}\n{\"add\":{\"path\":\"a\"}}\n"));
        for wrong in [
            "{\"metaData\":{\"id\":\"x\"}}",
            "{\"add\":{}}\n{\"protocol\":{}}",
            "{\"add\":{},\"protocol\":{}}",
            "{\"add\":{}}\nnot json",
            "{\"metaData\":{}}",
            "{\"\\u006detaData\":{}}",
        ] {
            assert!(!changes_rows_alone(wrong.as_bytes()), "{wrong}");
        }
    }
}
