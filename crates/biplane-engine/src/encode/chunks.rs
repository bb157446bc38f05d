//! A result cut into chunks, with its limits.

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use biplane_proto::channel::MESSAGE_BYTES_MAX;
use biplane_proto::{lz4, v1};
use std::sync::Arc;

use super::types::{AsText, column, wire_schema};
use super::{arrow_ipc, rows};
use crate::error::SqlError;

/// A chunk ends near this size where the request does not say otherwise.
const CHUNK_BYTES: usize = 4 << 20;
const CHUNK_ROWS: usize = 1 << 20;
/// A message may hold 64 MiB; text can be larger than the batch it came from.
const CHUNK_BYTES_MAX: usize = 16 << 20;

/// What a message holds beside its data, generously.
const MESSAGE_FRAME_BYTES: usize = 1 << 10;

/// How a result is to be written.
#[derive(Debug, Clone)]
pub struct Options {
    pub format: v1::ResultFormat,
    pub arrow: v1::ArrowOptions,
    pub row_limit: u64,
    pub byte_limit: u64,
    pub chunk_rows: usize,
    pub chunk_bytes: usize,
    pub time_zone: Arc<str>,
}

impl Options {
    pub fn of(request: &v1::ExecuteRequest, time_zone: &str) -> Self {
        let or = |given: usize, usual: usize| if given == 0 { usual } else { given };
        Self {
            format: request.format(),
            arrow: request.arrow.unwrap_or_default(),
            row_limit: request.row_limit,
            byte_limit: request.byte_limit,
            chunk_rows: or(request.chunk_rows_max as usize, CHUNK_ROWS),
            chunk_bytes: or(usize::try_from(request.chunk_bytes_max).unwrap_or(0), CHUNK_BYTES)
                .min(CHUNK_BYTES_MAX),
            time_zone: time_zone.into(),
        }
    }

    fn as_text(&self) -> AsText {
        AsText {
            timestamp: self.arrow.timestamp_as_string,
            decimal: self.arrow.decimal_as_string,
            complex: self.arrow.complex_as_string,
        }
    }
}

/// Takes batches, gives chunks. Holds at most one chunk of rows.
pub struct Encoder {
    options: Options,
    /// Names as the client sees them, types as the plan makes them.
    schema: SchemaRef,
    wire: SchemaRef,
    held: Vec<RecordBatch>,
    held_rows: usize,
    held_bytes: usize,
    chunks: u64,
    pub rows: u64,
    pub bytes: u64,
    pub truncated: bool,
}

impl Encoder {
    pub fn new(schema: &Schema, names: Option<&[String]>, options: Options) -> Self {
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| match names.and_then(|names| names.get(index)) {
                Some(name) => field.as_ref().clone().with_name(name),
                None => field.as_ref().clone(),
            })
            .collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let wire = wire_schema(&schema, &options.time_zone, options.as_text());
        Self {
            options,
            schema,
            wire,
            held: Vec::new(),
            held_rows: 0,
            held_bytes: 0,
            chunks: 0,
            rows: 0,
            bytes: 0,
            truncated: false,
        }
    }

    pub fn schema(&self) -> Result<v1::ResultSchema, SqlError> {
        let arrow_schema = match self.options.format {
            v1::ResultFormat::Arrow => arrow_ipc::schema_message(&self.wire)?.into(),
            _ => Default::default(),
        };
        let columns = self.schema.fields().iter().map(|field| column(field)).collect();
        Ok(v1::ResultSchema { columns, arrow_schema })
    }

    /// Whether more rows can still matter.
    pub fn is_full(&self) -> bool {
        self.truncated
    }

    /// Takes rows; gives the chunks that became full.
    pub fn push(&mut self, batch: RecordBatch) -> Result<Vec<v1::Chunk>, SqlError> {
        let batch = self.limit(batch);
        let mut ready = Vec::new();
        let mut from = 0;
        while from < batch.num_rows() {
            let rest = batch.num_rows() - from;
            let take = rest.min(self.rows_that_fit(&batch));
            let part = batch.slice(from, take);
            from += take;
            self.held_bytes += size_of(&batch) * take / batch.num_rows();
            self.held_rows += take;
            self.held.push(part);
            if self.held_rows >= self.options.chunk_rows
                || self.held_bytes >= self.options.chunk_bytes
            {
                ready.extend(self.flush()?);
            }
        }
        Ok(ready)
    }

    /// The last chunk. A CSV result without rows still has its header.
    pub fn finish(&mut self) -> Result<Option<v1::Chunk>, SqlError> {
        let header_is_due = self.options.format == v1::ResultFormat::Csv && self.chunks == 0;
        if self.held.is_empty() && !header_is_due {
            return Ok(None);
        }
        self.flush()
    }

    fn rows_that_fit(&self, batch: &RecordBatch) -> usize {
        let by_rows = self.options.chunk_rows.saturating_sub(self.held_rows);
        let per_row = (size_of(batch) / batch.num_rows().max(1)).max(1);
        let by_bytes = self.options.chunk_bytes.saturating_sub(self.held_bytes) / per_row;
        by_rows.min(by_bytes).max(1)
    }

    fn limit(&mut self, batch: RecordBatch) -> RecordBatch {
        if self.truncated {
            return batch.slice(0, 0);
        }
        let rows = batch.num_rows() as u64;
        let mut keep = rows;
        if self.options.row_limit > 0 {
            keep = keep.min(self.options.row_limit.saturating_sub(self.rows));
        }
        if self.options.byte_limit > 0 && rows > 0 {
            let per_row = (size_of(&batch) as u64 / rows).max(1);
            keep = keep.min(self.options.byte_limit.saturating_sub(self.bytes) / per_row);
        }
        self.truncated = keep < rows;
        self.rows += keep;
        self.bytes += (size_of(&batch) as u64).saturating_mul(keep) / rows.max(1);
        if keep == rows { batch } else { batch.slice(0, usize::try_from(keep).unwrap_or(0)) }
    }

    fn flush(&mut self) -> Result<Option<v1::Chunk>, SqlError> {
        let held = std::mem::take(&mut self.held);
        let rows = std::mem::take(&mut self.held_rows) as u64;
        self.held_bytes = 0;
        let zone = &self.options.time_zone;
        let data = match self.options.format {
            v1::ResultFormat::Arrow => {
                let merged = if held.len() > 1 {
                    vec![arrow::compute::concat_batches(&held[0].schema(), &held)?]
                } else {
                    held
                };
                let as_text = self.options.as_text();
                let wire: Vec<RecordBatch> = merged
                    .iter()
                    .map(|batch| arrow_ipc::to_wire(batch, &self.wire, as_text, zone))
                    .collect::<Result<_, _>>()?;
                arrow_ipc::batch_messages(&wire)?
            }
            v1::ResultFormat::JsonArray => rows::json_array(&held, zone)?,
            v1::ResultFormat::Csv => rows::csv(&self.schema, &held, self.chunks == 0, zone)?,
        };
        self.chunks += 1;
        let uncompressed_bytes = data.len() as u64;
        let compress =
            self.options.format == v1::ResultFormat::Arrow && self.options.arrow.lz4_frame;
        let data =
            if compress { lz4::compress(&[&data]).map_err(SqlError::internal)? } else { data };
        if data.len() > MESSAGE_BYTES_MAX - MESSAGE_FRAME_BYTES {
            return Err(SqlError::exhausted("a row of the result is too large to be sent"));
        }
        Ok(Some(v1::Chunk { data: data.into(), rows, uncompressed_bytes }))
    }
}

/// Bytes of the rows themselves; a slice does not count what it shares.
fn size_of(batch: &RecordBatch) -> usize {
    let bytes: usize = batch
        .columns()
        .iter()
        .map(|column| {
            let data = column.to_data();
            data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
        })
        .sum();
    bytes.max(batch.num_rows())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::ipc::reader::StreamReader;

    fn batch(rows: i64) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        RecordBatch::try_from_iter([("n", numbers)]).unwrap()
    }

    fn options(change: impl Fn(&mut v1::ExecuteRequest)) -> Options {
        let mut request = v1::ExecuteRequest::default();
        change(&mut request);
        Options::of(&request, "UTC")
    }

    #[test]
    fn arrow_chunks_read_back_behind_their_schema() {
        let options = options(|request| request.chunk_rows_max = 1_000);
        let mut encoder = Encoder::new(&batch(1).schema(), Some(&["renamed".to_owned()]), options);
        let mut stream = encoder.schema().unwrap().arrow_schema.to_vec();
        let mut chunks = encoder.push(batch(2_500)).unwrap();
        chunks.extend(encoder.push(batch(100)).unwrap());
        chunks.extend(encoder.finish().unwrap());
        assert_eq!(chunks.iter().map(|chunk| chunk.rows).collect::<Vec<_>>(), [1_000, 1_000, 600]);
        chunks.iter().for_each(|chunk| stream.extend_from_slice(&chunk.data));
        let read: Vec<RecordBatch> =
            StreamReader::try_new(stream.as_slice(), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 2_600);
        assert_eq!(read[0].schema().field(0).name(), "renamed");
        assert!(!encoder.truncated);
    }

    #[test]
    fn limits_cut_and_say_so() {
        let mut by_rows = Encoder::new(&batch(1).schema(), None, options(|r| r.row_limit = 10));
        by_rows.push(batch(10)).unwrap();
        assert!(!by_rows.is_full());
        by_rows.push(batch(10)).unwrap();
        assert!(by_rows.is_full());
        assert_eq!(by_rows.finish().unwrap().unwrap().rows, 10);
        let mut by_bytes = Encoder::new(&batch(1).schema(), None, options(|r| r.byte_limit = 80));
        by_bytes.push(batch(100)).unwrap();
        assert_eq!((by_bytes.rows, by_bytes.truncated), (10, true));
    }

    #[test]
    fn lz4_frames_and_empty_csv() {
        let lz4_options = options(|request| {
            request.arrow = Some(v1::ArrowOptions { lz4_frame: true, ..Default::default() });
        });
        let mut encoder = Encoder::new(&batch(1).schema(), None, lz4_options);
        encoder.push(batch(50_000)).unwrap();
        let chunk = encoder.finish().unwrap().unwrap();
        assert!(chunk.data.len() as u64 * 2 > 0 && chunk.uncompressed_bytes > 400_000);
        assert!(lz4::join(&[&chunk.data]).is_ok());
        let csv = options(|request| request.set_format(v1::ResultFormat::Csv));
        let mut empty = Encoder::new(&batch(1).schema(), None, csv);
        assert_eq!(empty.finish().unwrap().unwrap().data.as_ref(), b"n\n");
    }
}
