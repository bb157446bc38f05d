//! What a Spark runtime may do to the tables that it was given: it is a program with code of users in it.
//!
//! What must hold: it adds files and commits, and neither changes nor deletes what is there; a commit of
//! it changes rows, never the table itself, of which the catalog would not hear; it names files of the table
//! alone, for engines, which reach other tables, read and delete what a log names.

use super::forward::Refused;
use super::grants::Stores;
use super::name::Name;
use super::request::{Asked, Operation};
use crate::event::Reason;
use crate::http_text::{self, Body};
use bytes::BytesMut;
use http::Method;
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IgnoredAny;

const LOG: &str = "/_delta_log/";
const VERSION_DIGITS: usize = 20;
const UUID_CHARS: usize = 20;
const DECODED_MAX: usize = 8;
const COMMIT_BYTES_MAX: usize = 64 << 20;

/// A line of a commit, when it is one of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    CommitInfo(IgnoredAny),
    Txn(IgnoredAny),
    Add(File),
    Remove(File),
    Cdc(File),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    path: String,
    deletion_vector: Option<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    storage_type: String,
    path_or_inline_dv: String,
}

impl Action {
    fn stays_in_table(&self) -> bool {
        match self {
            Self::CommitInfo(_) | Self::Txn(_) => true,
            Self::Add(file) | Self::Remove(file) | Self::Cdc(file) => {
                is_inside(&file.path) && file.deletion_vector.as_ref().is_none_or(Vector::is_inside)
            }
        }
    }
}

impl Vector {
    /// In the log, or in a file of the table that is named by an encoded UUID alone.
    fn is_inside(&self) -> bool {
        match self.storage_type.as_str() {
            "i" => true,
            "u" => self.path_or_inline_dv.len() == UUID_CHARS,
            _ => false,
        }
    }
}

/// However often a reader decodes it, it is a relative path that leads nowhere else.
fn is_inside(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..DECODED_MAX {
        let scheme = path.split_once(':').is_some_and(|(scheme, _)| {
            scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        });
        let leaves = path.split('/').any(|part| matches!(part, "" | "." | ".."));
        if scheme || leaves || path.contains('\\') || path.chars().any(char::is_control) {
            return false;
        }
        match percent_decode_str(&path).decode_utf8() {
            Ok(decoded) if decoded == path => return true,
            Ok(decoded) => path = decoded.into_owned(),
            Err(_) => return false,
        }
    }
    false
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
    actions.all(|action| action.is_ok_and(|action| action.stays_in_table()))
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
        for fine in [
            r#"{"commitInfo":{}}
               {"add":{"path":"p=a%20b/part-1.parquet","size":1}}"#,
            r#"{"remove":{"path":"p=x%253Ay/a.parquet","deletionVector":null}}"#,
            r#"{"add":{"path":"a","deletionVector":{"storageType":"u","pathOrInlineDv":"ab^-aqEH.-t@S}K{vb[*"}}}"#,
        ] {
            assert!(changes_rows_alone(fine.as_bytes()), "{fine}");
        }
        for wrong in [
            r#"{"metaData":{"id":"x"}}"#,
            r#"{"add":{"path":"a"}}{"protocol":{}}"#,
            r#"{"add":{"path":"a"},"protocol":{}}"#,
            r#"{"add":{"path":"a"}} not json"#,
            r#"{"\u006detaData":{}}"#,
            r#"{"domainMetadata":{}}"#,
            r#"{"add":{"path":"/data/other/a"}}"#,
            r#"{"add":{"path":"file:///data/other/a"}}"#,
            r#"{"add":{"path":"s3://lake/other/a"}}"#,
            r#"{"add":{"path":"file%3A///data/other/a"}}"#,
            r#"{"add":{"path":"../other/a"}}"#,
            r#"{"add":{"path":"p=1/%2e%2e/%252E%252e/other/a"}}"#,
            r#"{"add":{"path":"..\\other"}}"#,
            r#"{"add":{"path":"a","path":"../b"}}"#,
            r#"{"remove":{"path":"../other/a"}}"#,
            r#"{"cdc":{"path":"/other/a"}}"#,
            r#"{"add":{"path":"a","deletionVector":{"storageType":"p","pathOrInlineDv":"s3://lake/x"}}}"#,
            r#"{"add":{"path":"a","deletionVector":{"storageType":"u","pathOrInlineDv":"../x/ab^-aqEH.-t@S}K{vb[*"}}}"#,
        ] {
            assert!(!changes_rows_alone(wrong.as_bytes()), "{wrong}");
        }
    }
}
