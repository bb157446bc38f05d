//! JSON files whose records may span lines: each file as a whole, its records as lines of JSON.

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use bytes::{Buf, Bytes};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;
use std::io::Read;
use std::sync::Arc;

use super::lines;

const BATCH_ROWS: usize = 8192;
/// A file is held as a whole: where a record ends is known only once it was read.
const FILE_BYTES_MAX: usize = 512 << 20;

pub struct Records {
    /// A line, and what `_metadata` says of its file.
    pub schema: SchemaRef,
    pub root: Arc<dyn ObjectStore>,
    pub files: Vec<PartitionedFile>,
    pub compression: FileCompressionType,
    pub fail_fast: bool,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for Records {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let of = |file: &PartitionedFile| -> Arc<dyn PartitionStream> {
            Arc::new(OneFile {
                schema: self.schema.clone(),
                root: self.root.clone(),
                file: file.clone(),
                compression: self.compression,
                fail_fast: self.fail_fast,
            })
        };
        let files = self.files.iter().map(of).collect();
        let schema = self.schema.clone();
        Ok(Arc::new(StreamingTableExec::try_new(schema, files, projection, [], false, limit)?))
    }
}

struct OneFile {
    schema: SchemaRef,
    root: Arc<dyn ObjectStore>,
    file: PartitionedFile,
    compression: FileCompressionType,
    fail_fast: bool,
}

impl std::fmt::Debug for OneFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneFile").finish_non_exhaustive()
    }
}

impl PartitionStream for OneFile {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, root, file) = (self.schema.clone(), self.root.clone(), self.file.clone());
        let (compression, fail_fast) = (self.compression, self.fail_fast);
        let batches = futures::stream::once(async move {
            let bytes = root.get(&file.object_meta.location).await?.bytes().await?;
            let read = move || batches(&schema, &file, bytes, compression, fail_fast);
            let read = tokio::task::spawn_blocking(read).await;
            let batches = read.map_err(|error| DataFusionError::External(Box::new(error)))??;
            Ok::<_, DataFusionError>(futures::stream::iter(batches).map(Ok))
        });
        let batches = batches.try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches))
    }
}

fn batches(
    schema: &SchemaRef,
    file: &PartitionedFile,
    bytes: Bytes,
    compression: FileCompressionType,
    fail_fast: bool,
) -> Result<Vec<RecordBatch>> {
    let mut text = Vec::new();
    let reader = compression.convert_read(bytes.reader())?;
    reader.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        let text = "a JSON file read with multiLine has more than 512 MiB".to_owned();
        return Err(DataFusionError::ResourcesExhausted(text));
    }
    let records = records(&text, fail_fast)?;
    let mut batches = Vec::with_capacity(records.len().div_ceil(BATCH_ROWS));
    for some in records.chunks(BATCH_ROWS) {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(some))];
        for value in &file.partition_values {
            columns.push(value.to_array_of_size(some.len())?);
        }
        batches.push(RecordBatch::try_new(schema.clone(), columns)?);
    }
    Ok(batches)
}

/// The records of a file, one behind the other or in arrays. What is no JSON ends the file: a record of
/// which nothing can be told.
fn records(text: &[u8], fail_fast: bool) -> Result<Vec<String>> {
    let mut records = Vec::new();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        match value {
            Ok(Value::Array(all)) => records.extend(all.iter().map(Value::to_string)),
            Ok(one) => records.push(one.to_string()),
            Err(_) if fail_fast => return Err(lines::malformed()),
            Err(_) => {
                records.push(String::new());
                break;
            }
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_stand_alone_or_in_arrays() {
        let text = "\u{FEFF}{\n \"a\": 1\n}\n[{\"a\": 2}, {\"a\":\n3}] {\"a\": 4}";
        let found = records(text.as_bytes(), true).unwrap();
        assert_eq!(found, [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":4}"#]);
        assert_eq!(records(b"{\"a\": 1} {\"a\": ", false).unwrap(), [r#"{"a":1}"#, ""]);
        assert!(records(b"{\"a\": ", true).is_err());
    }
}
