//! The log of a Delta table, with every commit called what the statement was.
//!
//! The library names commits after its own operations: whatever writes rows is a WRITE to it. A statement
//! that is called otherwise says so in its commit's information; here, where the commit is about to be
//! written, that name takes the place of the library's.

use async_trait::async_trait;
use bytes::Bytes;
use deltalake_core::DeltaResult;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::logstore::{CommitOrBytes, LogStore, LogStoreConfig, LogStoreRef};
use object_store::ObjectStore;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

/// Stands in the information of a commit until it is written. Commits of older builds still have it.
pub const OPERATION: &str = "biplane.operation";

/// The version of a transaction action that is known only when its commit is written.
#[derive(Debug)]
pub struct Mark {
    pub app_id: String,
    pub value: AtomicI64,
}

pub struct CommitLog {
    inner: LogStoreRef,
    marks: Vec<Arc<Mark>>,
    kept: Option<Arc<Kept>>,
}

/// A commit that was made and not written: its actions go into a commit of somebody else.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Bytes>>);

impl Kept {
    pub fn take(&self) -> Option<Bytes> {
        self.0.lock().take()
    }
}

impl CommitLog {
    pub fn new(inner: LogStoreRef) -> Self {
        Self { inner, marks: Vec::new(), kept: None }
    }

    /// Writes files as any other, and keeps the commit.
    pub fn keeping(inner: LogStoreRef, kept: Arc<Kept>) -> Self {
        Self { inner, marks: Vec::new(), kept: Some(kept) }
    }

    pub fn with_marks(inner: LogStoreRef, marks: Vec<Arc<Mark>>) -> Self {
        Self { inner, marks, kept: None }
    }
}

#[async_trait]
impl LogStore for CommitLog {
    fn name(&self) -> String {
        self.inner.name()
    }

    async fn refresh(&self) -> DeltaResult<()> {
        self.inner.refresh().await
    }

    async fn read_commit_entry(&self, version: u64) -> DeltaResult<Option<Bytes>> {
        self.inner.read_commit_entry(version).await
    }

    async fn write_commit_entry(
        &self,
        version: u64,
        commit: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        if let (Some(kept), CommitOrBytes::LogBytes(bytes)) = (&self.kept, &commit) {
            *kept.0.lock() = Some(bytes.clone());
            return Ok(());
        }
        let commit = match commit {
            CommitOrBytes::LogBytes(bytes) => {
                CommitOrBytes::LogBytes(marked(named(bytes), &self.marks))
            }
            other => other,
        };
        let bytes = match &commit {
            CommitOrBytes::LogBytes(bytes) => Some(bytes.clone()),
            CommitOrBytes::TmpCommit(_) => None,
        };
        let write = self.inner.write_commit_entry(version, commit, operation_id);
        let written = crate::trace::span("commit", write).await;
        if let (Err(TransactionError::VersionAlreadyExists(_)), Some(bytes)) = (&written, bytes)
            && matches!(self.inner.read_commit_entry(version).await, Ok(Some(there)) if there == bytes)
        {
            // It is our own: the store did it, and was asked again because its answer was lost.
            return Ok(());
        }
        written
    }

    async fn abort_commit_entry(
        &self,
        version: u64,
        commit: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        self.inner.abort_commit_entry(version, commit, operation_id).await
    }

    async fn get_latest_version(&self, start_version: u64) -> DeltaResult<u64> {
        self.inner.get_latest_version(start_version).await
    }

    fn object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.inner.object_store(operation_id)
    }

    fn root_object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.inner.root_object_store(operation_id)
    }

    fn config(&self) -> &LogStoreConfig {
        self.inner.config()
    }
}

/// The commit with the operation that its information asks for.
fn named(commit: Bytes) -> Bytes {
    let Ok(text) = std::str::from_utf8(&commit) else { return commit };
    // The information is the first action of a commit.
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if !first.contains(OPERATION) {
        return commit;
    }
    let Ok(mut action) = serde_json::from_str::<Value>(first) else { return commit };
    let Some(info) = action.get_mut("commitInfo").and_then(Value::as_object_mut) else {
        return commit;
    };
    if let Some(operation @ Value::String(_)) = info.remove(OPERATION) {
        info.insert("operation".to_owned(), operation);
    }
    match rest {
        "" => action.to_string().into(),
        rest => format!("{action}\n{rest}").into(),
    }
}

/// The commit with its transaction actions at the versions that its rows have brought them to.
fn marked(commit: Bytes, marks: &[Arc<Mark>]) -> Bytes {
    if marks.is_empty() {
        return commit;
    }
    let Ok(text) = std::str::from_utf8(&commit) else { return commit };
    let lines: Vec<String> = text.split('\n').map(|line| marked_line(line, marks)).collect();
    lines.join("\n").into()
}

fn marked_line(line: &str, marks: &[Arc<Mark>]) -> String {
    let Some(mark) =
        marks.iter().find(|mark| line.starts_with("{\"txn\"") && line.contains(&mark.app_id))
    else {
        return line.to_owned();
    };
    let Ok(mut action) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
    if let Some(transaction) = action.get_mut("txn").and_then(Value::as_object_mut) {
        let version = mark.value.load(Ordering::Relaxed);
        transaction.insert("version".to_owned(), version.into());
    }
    action.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use deltalake_core::logstore::{StorageConfig, logstore_for};

    #[test]
    fn marks_are_written_with_the_commit() {
        let mark = Arc::new(Mark { app_id: "ours".to_owned(), value: AtomicI64::new(42) });
        let commit = "{\"commitInfo\":{}}\n{\"txn\":{\"appId\":\"ours\",\"version\":1}}\n\
            {\"txn\":{\"appId\":\"other\",\"version\":1}}";
        let expected = commit.replacen("\"version\":1", "\"version\":42", 1);
        assert_eq!(marked(commit.into(), &[mark]), expected);
    }

    #[test]
    fn the_statement_names_the_commit() {
        let rest = r#"{"add":{"path":"biplane.operation"}}"#;
        let written = |info: &str| named(format!("{info}\n{rest}").into());
        let renamed = written(
            r#"{"commitInfo":{"operation":"WRITE","biplane.operation":"UPDATE","userName":"a"}}"#,
        );
        let expected = r#"{"commitInfo":{"operation":"UPDATE","userName":"a"}}"#;
        assert_eq!(renamed, format!("{expected}\n{rest}"));
        for same in [r#"{"commitInfo":{"operation":"WRITE"}}"#, "not json biplane.operation"] {
            assert_eq!(written(same), format!("{same}\n{rest}"));
        }
        let alone = r#"{"commitInfo":{"biplane.operation":"TRUNCATE"}}"#;
        assert_eq!(named(alone.into()), r#"{"commitInfo":{"operation":"TRUNCATE"}}"#);
    }

    #[tokio::test]
    async fn a_commit_whose_answer_was_lost_is_our_own() {
        let dir = tempfile::tempdir().unwrap();
        let url = url::Url::from_directory_path(dir.path()).unwrap();
        let log = CommitLog::new(logstore_for(&url, StorageConfig::default()).unwrap());
        let write = async |text: &'static str| {
            let commit = CommitOrBytes::LogBytes(text.into());
            log.write_commit_entry(0, commit, Uuid::new_v4()).await
        };
        write("ours").await.unwrap();
        write("ours").await.unwrap();
        let other = write("theirs").await.unwrap_err();
        assert!(matches!(other, TransactionError::VersionAlreadyExists(0)));
    }
}
