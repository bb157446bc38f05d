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
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// Stands in the information of a commit until it is written. Commits of older builds still have it.
pub const OPERATION: &str = "biplane.operation";

pub struct CommitLog(pub LogStoreRef);

#[async_trait]
impl LogStore for CommitLog {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn refresh(&self) -> DeltaResult<()> {
        self.0.refresh().await
    }

    async fn read_commit_entry(&self, version: u64) -> DeltaResult<Option<Bytes>> {
        self.0.read_commit_entry(version).await
    }

    async fn write_commit_entry(
        &self,
        version: u64,
        commit: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        let commit = match commit {
            CommitOrBytes::LogBytes(bytes) => CommitOrBytes::LogBytes(named(bytes)),
            other => other,
        };
        let bytes = match &commit {
            CommitOrBytes::LogBytes(bytes) => Some(bytes.clone()),
            CommitOrBytes::TmpCommit(_) => None,
        };
        let write = self.0.write_commit_entry(version, commit, operation_id);
        let written = crate::trace::span("commit", write).await;
        if let (Err(TransactionError::VersionAlreadyExists(_)), Some(bytes)) = (&written, bytes)
            && matches!(self.0.read_commit_entry(version).await, Ok(Some(there)) if there == bytes)
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
        self.0.abort_commit_entry(version, commit, operation_id).await
    }

    async fn get_latest_version(&self, start_version: u64) -> DeltaResult<u64> {
        self.0.get_latest_version(start_version).await
    }

    fn object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.0.object_store(operation_id)
    }

    fn root_object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.0.root_object_store(operation_id)
    }

    fn config(&self) -> &LogStoreConfig {
        self.0.config()
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use deltalake_core::logstore::{StorageConfig, logstore_for};

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
        let log = CommitLog(logstore_for(&url, StorageConfig::default()).unwrap());
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
