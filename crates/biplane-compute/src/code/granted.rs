//! What a Spark runtime was given of the catalog's tables: directories, through the storage door of its node.
//!
//! What must hold: a runtime is given a table only when its user may read every row and column of it, for
//! functions of users run beside what it reads; to write, only what it keeps itself to; a right that was
//! taken back is taken from the runtime with the next look at the table, and without one within `SWEEP`.

use super::catalog::hide;
use super::{Code, CodeSandbox};
use crate::Compute;
use biplane_api::internal::{Access, ResolveRequest};
use biplane_platform::{ApiError, ErrorCode, Result};
use biplane_proto::v1::{SetGrantedRequest, StoreGrant};
use http::Method;
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// As the storage door calls local files (`biplane-doors`).
const FILES_BUCKET: &str = "local_files";
/// Of one runtime; those that were looked at longest ago go first.
const TABLES_MAX: usize = 1000;
/// A table that nobody looked at for so long is taken back.
const UNUSED_MAX: Duration = Duration::from_secs(6 * 3600);

/// A directory of a store, or of the hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// None: local files.
    bucket: Option<String>,
    prefix: String,
}

#[derive(Debug, Clone)]
struct Opened {
    place: Place,
    write: bool,
    at: Instant,
}

/// By the names of tables.
#[derive(Default)]
pub struct Granted(Mutex<State>);

#[derive(Default)]
struct State {
    tables: HashMap<[String; 3], Opened>,
    version: u64,
    /// The node knows this one.
    told: u64,
}

impl Granted {
    /// Takes a table in. What is told: the node has yet to hear.
    fn open(&self, name: [String; 3], opened: Opened) {
        let mut state = self.0.lock();
        let same = |known: &Opened| known.place == opened.place && known.write == opened.write;
        if !state.tables.get(&name).is_some_and(same) {
            state.version += 1;
        }
        state.tables.insert(name, opened);
        if state.tables.len() > TABLES_MAX {
            let oldest = state.tables.iter().min_by_key(|(_, opened)| opened.at);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                state.tables.remove(&oldest);
            }
        }
    }

    fn close(&self, name: &[String; 3]) {
        let mut state = self.0.lock();
        if state.tables.remove(name).is_some() {
            state.version += 1;
        }
    }

    /// Without the write right, if it was lost.
    fn narrow(&self, name: &[String; 3], place: &Place, write: bool) {
        let mut state = self.0.lock();
        match state.tables.get_mut(name) {
            Some(opened) if opened.place != *place => {
                state.tables.remove(name);
            }
            Some(opened) if opened.write && !write => opened.write = false,
            _ => return,
        }
        state.version += 1;
    }

    fn names(&self) -> Vec<[String; 3]> {
        let mut state = self.0.lock();
        let before = state.tables.len();
        state.tables.retain(|_, opened| opened.at.elapsed() < UNUSED_MAX);
        if state.tables.len() < before {
            state.version += 1;
        }
        state.tables.keys().cloned().collect()
    }

    /// None: the node knows all.
    fn news(&self, sandbox_id: String) -> Option<SetGrantedRequest> {
        let state = self.0.lock();
        if state.told == state.version {
            return None;
        }
        let (mut objects, mut files) = (Vec::new(), Vec::new());
        for opened in state.tables.values() {
            let Place { bucket, prefix } = opened.place.clone();
            let list = if bucket.is_some() { &mut objects } else { &mut files };
            list.push(StoreGrant {
                bucket: bucket.unwrap_or_default(),
                prefix,
                write: opened.write,
            });
        }
        Some(SetGrantedRequest { sandbox_id, version: state.version, objects, files })
    }

    fn was_told(&self, version: u64) {
        let mut state = self.0.lock();
        state.told = state.told.max(version);
    }
}

impl Compute {
    /// A table of the catalog, opened for the runtime, as Sail takes it.
    pub(super) async fn table_open(
        &self,
        sandbox: &Arc<CodeSandbox>,
        name: [String; 3],
    ) -> Result<Value> {
        let name = name.map(|part| part.to_lowercase());
        let opened = self.table_find(sandbox, &name).await;
        let (mut info, url, place, write) = match opened {
            Ok(found) => found,
            Err(error) => {
                self.granted_change(sandbox, |granted| granted.close(&name)).await?;
                return Err(error);
            }
        };
        let opened = Opened { place, write, at: Instant::now() };
        self.granted_change(sandbox, |granted| granted.open(name, opened)).await?;
        hide(&mut info);
        info["storage_location"] = Value::String(url);
        Ok(info)
    }

    async fn table_find(
        &self,
        sandbox: &CodeSandbox,
        name: &[String; 3],
    ) -> Result<(Value, String, Place, bool)> {
        let mut found = self.tables_resolve(sandbox, vec![name.clone()], Access::Read).await?;
        let found = found.pop().unwrap_or_default();
        let table = whole(&found)?;
        let (url, place) = place(table)?;
        let write = self
            .tables_resolve(sandbox, vec![name.clone()], Access::Write)
            .await?
            .iter()
            .all(|found| whole(found).is_ok());
        Ok((table["info"].clone(), url, place, write))
    }

    async fn tables_resolve(
        &self,
        sandbox: &CodeSandbox,
        names: Vec<[String; 3]>,
        access: Access,
    ) -> Result<Vec<Value>> {
        let request = ResolveRequest { names, access, via: Vec::new() };
        let body = serde_json::to_value(request).map_err(ApiError::internal)?;
        let mut answer =
            self.catalog_ask(sandbox, Method::POST, "/internal/v1/resolve", Some(body)).await?;
        match answer["tables"].take() {
            Value::Array(found) => Ok(found),
            _ => Err(ApiError::internal("the catalog resolved nothing")),
        }
    }

    /// Changes what a runtime has, and tells its node.
    async fn granted_change(
        &self,
        sandbox: &CodeSandbox,
        change: impl FnOnce(&Granted),
    ) -> Result<()> {
        let Some(runtime) = &sandbox.runtime else {
            return Err(ApiError::internal("a runtime that is none"));
        };
        change(&runtime.granted);
        let Some(news) = runtime.granted.news(sandbox.id.to_string()) else {
            return Ok(());
        };
        let version = news.version;
        let node = sandbox.node_id().and_then(|id| self.nodes.get(&id));
        let node = node.ok_or_else(|| unreached("it is not there"))?;
        node.set_granted(news).await.map_err(unreached)?;
        runtime.granted.was_told(version);
        Ok(())
    }

    /// Takes back from runtimes what their users may no longer read.
    pub(super) async fn granted_sweep(&self) {
        for sandbox in self.code.all() {
            if sandbox.runtime.is_some()
                && let Err(error) = self.granted_look(&sandbox).await
            {
                tracing::warn!(sandbox_id = %sandbox.id, %error, cause = ?error.internal, "what a Spark runtime may read could not be looked at");
            }
        }
    }

    async fn granted_look(&self, sandbox: &CodeSandbox) -> Result<()> {
        let Some(runtime) = &sandbox.runtime else {
            return Ok(());
        };
        let names = runtime.granted.names();
        if names.is_empty() {
            return self.granted_change(sandbox, |_| ()).await;
        }
        let read = self.tables_resolve(sandbox, names.clone(), Access::Read).await;
        let read = match read {
            Ok(read) => read,
            // The user is gone, or no longer of the workspace.
            Err(error) if error.code.http_status().is_client_error() => Vec::new(),
            Err(error) => return Err(error),
        };
        let write =
            self.tables_resolve(sandbox, names.clone(), Access::Write).await.unwrap_or_default();
        self.granted_change(sandbox, |granted| {
            for (at, name) in names.iter().enumerate() {
                let found = read.get(at).map(whole).and_then(Result::ok);
                let may_write = write.get(at).is_some_and(|found| whole(found).is_ok());
                match found.and_then(|table| place(table).ok()) {
                    Some((_, place)) => granted.narrow(name, &place, may_write),
                    None => granted.close(name),
                }
            }
        })
        .await
    }
}

impl Code {
    /// Where runtimes' questions go.
    pub fn set_calls(&self, calls: axum::Router) {
        *self.calls.write() = Some(calls);
    }
}

impl Compute {
    /// At the end: they lead back here, and nothing would ever be dropped.
    pub fn forget_calls(&self) {
        *self.code.calls.write() = None;
    }
}

fn unreached(why: impl std::fmt::Display) -> ApiError {
    tracing::warn!(%why, "a node could not be told what a Spark runtime may read");
    ApiError::new(
        ErrorCode::TemporarilyUnavailable,
        "The node of the Spark runtime does not answer.",
    )
}

/// The table that was resolved, if a runtime may have all of it. Whatever is said of it that is not known
/// here may be a limit, so it is one.
fn whole(found: &Value) -> Result<&Value> {
    if let Some(error) = found.get("error") {
        let code = error["error_code"].as_str().and_then(ErrorCode::parse);
        let message = error["message"].as_str().unwrap_or_default();
        return Err(ApiError::new(code.unwrap_or(ErrorCode::PermissionDenied), message));
    }
    let table = &found["table"];
    let info = &table["info"];
    let name = info["full_name"].as_str().unwrap_or("?");
    let unknown = table.as_object().is_none_or(|table| {
        table
            .iter()
            .any(|(name, value)| !matches!(name.as_str(), "info" | "storage") && !empty(value))
    });
    let columns = info["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
    if unknown
        || !empty(&info["row_filter"])
        || columns.iter().any(|column| !empty(&column["mask"]))
    {
        return Err(not_here(format!(
            "'{name}' cannot be read in Spark: only SQL warehouses apply row filters and column masks."
        )));
    }
    if info["table_type"] == "VIEW" {
        return Err(not_here(format!(
            "'{name}' cannot be read in Spark: it is a view; SQL warehouses read views."
        )));
    }
    if info["data_source_format"] != "DELTA" || table["storage"].is_null() {
        return Err(not_here(format!(
            "'{name}' cannot be read in Spark: it is no Delta table; SQL warehouses read it."
        )));
    }
    Ok(table)
}

pub(super) fn not_here(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::FeatureDisabled, message)
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// As a runtime calls it, and as the node does.
fn place(table: &Value) -> Result<(String, Place)> {
    let url = table["storage"]["url"].as_str().unwrap_or_default().trim_end_matches('/');
    let decoded = |path: &str| match percent_decode_str(path).decode_utf8() {
        Ok(path) => Ok(path.trim_start_matches('/').to_owned()),
        Err(error) => Err(ApiError::internal(error)),
    };
    if let Some(path) = url.strip_prefix("file:///") {
        let place = Place { bucket: None, prefix: decoded(path)? };
        return Ok((format!("s3://{FILES_BUCKET}/{path}"), place));
    }
    match url.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) {
        Some((bucket, path)) if bucket != FILES_BUCKET && !path.is_empty() => {
            let place = Place { bucket: Some(bucket.to_owned()), prefix: decoded(path)? };
            Ok((url.to_owned(), place))
        }
        _ => Err(not_here("Spark reads tables on local files and S3 alone.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(more: Value) -> Value {
        let mut info = json!({ "full_name": "a.b.c", "table_type": "MANAGED", "data_source_format": "DELTA", "columns": [{ "name": "x" }] });
        let (info_map, more) = (info.as_object_mut().unwrap(), more.as_object().unwrap().clone());
        info_map.extend(more);
        json!({ "table": { "info": info, "storage": { "url": "file:///data/my%20tables/1/", "options": {} } } })
    }

    #[test]
    fn what_a_runtime_cannot_enforce_it_is_not_given() {
        assert!(whole(&table(json!({}))).is_ok());
        for limit in [
            json!({ "row_filter": { "function_name": "f" } }),
            json!({ "columns": [{ "name": "x", "mask": { "function_name": "f" } }] }),
            json!({ "table_type": "VIEW" }),
            json!({ "data_source_format": "CSV" }),
        ] {
            let code = whole(&table(limit.clone())).unwrap_err().code;
            assert_eq!(code, ErrorCode::FeatureDisabled, "{limit}");
        }
        let mut unknown = table(json!({}));
        unknown["table"]["policies"] = json!([{ "a": 1 }]);
        assert!(whole(&unknown).is_err());
        let denied = json!({ "error": { "error_code": "PERMISSION_DENIED", "message": "no" } });
        assert_eq!(whole(&denied).unwrap_err().code, ErrorCode::PermissionDenied);
    }

    #[test]
    fn places_have_two_names() {
        let found = table(json!({}));
        let (url, own) = place(&found["table"]).unwrap();
        assert_eq!(url, "s3://local_files/data/my%20tables/1");
        assert_eq!(own, Place { bucket: None, prefix: "data/my tables/1".into() });
        let at = |url: &str| {
            place(&json!({ "storage": { "url": url } })).map(|(_, place)| place.prefix).ok()
        };
        assert_eq!(at("s3://lake/a/b").as_deref(), Some("a/b"));
        for wrong in ["s3://lake", "s3://lake/", "s3://local_files/etc", "http://x/y", ""] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_node_is_told_what_changed_and_that_alone() {
        let granted = Granted::default();
        let name = ["a", "b", "c"].map(str::to_owned);
        let at = |prefix: &str, write| Opened {
            place: Place { bucket: None, prefix: prefix.into() },
            write,
            at: Instant::now(),
        };
        assert!(granted.news("s".into()).is_none());
        granted.open(name.clone(), at("p", true));
        let news = granted.news("s".into()).unwrap();
        assert_eq!((news.version, news.files.len(), news.objects.len()), (1, 1, 0));
        granted.was_told(1);
        granted.open(name.clone(), at("p", true));
        assert!(granted.news("s".into()).is_none());
        granted.narrow(&name, &Place { bucket: None, prefix: "p".into() }, false);
        assert!(!granted.news("s".into()).unwrap().files[0].write);
        granted.close(&name);
        let news = granted.news("s".into()).unwrap();
        assert_eq!((news.version, news.files.len()), (3, 0));
    }
}
