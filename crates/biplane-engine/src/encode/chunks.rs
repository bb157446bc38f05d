//! A result cut into chunks, with its limits.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Field, Schema, SchemaRef};
use biplane_proto::channel::MESSAGE_BYTES_MAX;
use biplane_proto::{lz4, v1};
use std::sync::Arc;

use super::types::{AsText, column, wire_schema};
use super::{arrow_ipc, rows};
use crate::error::SqlError;

/// A chunk ends near this size where the request does not say otherwise.
const CHUNK_BYTES: usize = 4 << 20;
/// The first chunk; the ones behind it double until they have their size.
const FIRST_CHUNK_BYTES: usize = 1 << 20;
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

/// What all chunks of a result have in common.
#[derive(Debug)]
struct Layout {
    options: Options,
    /// Names as the client sees them, types as the plan makes them.
    schema: SchemaRef,
    wire: SchemaRef,
}

/// Cuts rows into chunks, which are written elsewhere. Holds at most one chunk of rows.
pub struct Cutter {
    layout: Arc<Layout>,
    held: Vec<RecordBatch>,
    held_rows: usize,
    held_bytes: usize,
    cuts: u32,
    pub rows: u64,
    pub bytes: u64,
    pub truncated: bool,
}

impl Cutter {
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
            layout: Arc::new(Layout { options, schema, wire }),
            held: Vec::new(),
            held_rows: 0,
            held_bytes: 0,
            cuts: 0,
            rows: 0,
            bytes: 0,
            truncated: false,
        }
    }

    pub fn schema(&self) -> Result<v1::ResultSchema, SqlError> {
        let arrow_schema = match self.layout.options.format {
            v1::ResultFormat::Arrow => arrow_ipc::schema_message(&self.layout.wire)?.into(),
            _ => Default::default(),
        };
        let columns = self.layout.schema.fields().iter().map(|field| column(field)).collect();
        Ok(v1::ResultSchema { columns, arrow_schema })
    }

    /// Whether more rows can still matter.
    pub fn is_full(&self) -> bool {
        self.truncated
    }

    /// Takes rows; gives what became full.
    pub fn push(&mut self, batch: RecordBatch) -> Vec<Cut> {
        let batch = self.limit(batch);
        let chunk_rows = self.layout.options.chunk_rows;
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
            if self.held_rows >= chunk_rows || self.held_bytes >= self.chunk_bytes() {
                ready.push(self.cut(true));
            }
        }
        ready
    }

    /// The last chunk. A CSV result without rows still has its header.
    pub fn finish(&mut self) -> Option<Cut> {
        let format = self.layout.options.format;
        let header_is_due = format == v1::ResultFormat::Csv && self.cuts == 0;
        (!self.held.is_empty() || header_is_due).then(|| self.cut(false))
    }

    /// The first chunks are smaller: a client begins while the rest is being made.
    fn chunk_bytes(&self) -> usize {
        let begin = FIRST_CHUNK_BYTES.checked_shl(self.cuts).unwrap_or(usize::MAX);
        begin.max(FIRST_CHUNK_BYTES).min(self.layout.options.chunk_bytes)
    }

    fn rows_that_fit(&self, batch: &RecordBatch) -> usize {
        let by_rows = self.layout.options.chunk_rows.saturating_sub(self.held_rows);
        let per_row = (size_of(batch) / batch.num_rows().max(1)).max(1);
        let by_bytes = self.chunk_bytes().saturating_sub(self.held_bytes) / per_row;
        by_rows.min(by_bytes).max(1)
    }

    fn limit(&mut self, batch: RecordBatch) -> RecordBatch {
        if self.truncated {
            return batch.slice(0, 0);
        }
        let options = &self.layout.options;
        let rows = batch.num_rows() as u64;
        let mut keep = rows;
        if options.row_limit > 0 {
            keep = keep.min(options.row_limit.saturating_sub(self.rows));
        }
        if options.byte_limit > 0 && rows > 0 {
            let per_row = (size_of(&batch) as u64 / rows).max(1);
            keep = keep.min(options.byte_limit.saturating_sub(self.bytes) / per_row);
        }
        self.truncated = keep < rows;
        self.rows += keep;
        self.bytes += (size_of(&batch) as u64).saturating_mul(keep) / rows.max(1);
        if keep == rows { batch } else { batch.slice(0, usize::try_from(keep).unwrap_or(0)) }
    }

    fn cut(&mut self, more: bool) -> Cut {
        let cut = Cut {
            layout: self.layout.clone(),
            batches: std::mem::take(&mut self.held),
            rows: std::mem::take(&mut self.held_rows) as u64,
            is_first: self.cuts == 0,
            more,
        };
        self.held_bytes = 0;
        self.cuts += 1;
        cut
    }
}

/// The rows of one chunk.
pub struct Cut {
    layout: Arc<Layout>,
    batches: Vec<RecordBatch>,
    rows: u64,
    is_first: bool,
    /// It was full; it is not known whether rows follow.
    more: bool,
}

impl Cut {
    /// Writes the chunk: all that costs time.
    pub fn encode(self) -> Result<v1::Chunk, SqlError> {
        let Options { format, arrow, time_zone, .. } = &self.layout.options;
        let parts = match format {
            v1::ResultFormat::Arrow => self.arrow()?,
            v1::ResultFormat::JsonArray => {
                vec![rows::json_array(&self.batches, time_zone)?.into()]
            }
            v1::ResultFormat::Csv => {
                let schema = &self.layout.schema;
                vec![rows::csv(schema, &self.batches, self.is_first, time_zone)?.into()]
            }
        };
        let parts: Vec<&[u8]> = parts.iter().map(Buffer::as_slice).collect();
        let uncompressed_bytes = parts.iter().map(|part| part.len() as u64).sum();
        let data = if *format == v1::ResultFormat::Arrow && arrow.lz4_frame {
            lz4::compress(&parts).map_err(SqlError::internal)?
        } else {
            parts.concat()
        };
        if data.len() > MESSAGE_BYTES_MAX - MESSAGE_FRAME_BYTES {
            return Err(SqlError::exhausted("a row of the result is too large to be sent"));
        }
        Ok(v1::Chunk { data: data.into(), rows: self.rows, uncompressed_bytes, more: self.more })
    }

    /// One record batch, whatever number of batches it came in.
    fn arrow(&self) -> Result<Vec<Buffer>, SqlError> {
        let Some(first) = self.batches.first() else { return Ok(Vec::new()) };
        let merged = match self.batches.len() {
            1 => first.clone(),
            _ => arrow::compute::concat_batches(&first.schema(), &self.batches)?,
        };
        let options = &self.layout.options;
        let wire = &self.layout.wire;
        let wire = arrow_ipc::to_wire(&merged, wire, options.as_text(), &options.time_zone)?;
        arrow_ipc::batch_message(&wire)
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
        let mut cutter = Cutter::new(&batch(1).schema(), Some(&["renamed".to_owned()]), options);
        let mut stream = cutter.schema().unwrap().arrow_schema.to_vec();
        let mut cuts = cutter.push(batch(2_500));
        cuts.extend(cutter.push(batch(100)));
        cuts.extend(cutter.finish());
        let chunks: Vec<_> = cuts.into_iter().map(|cut| cut.encode().unwrap()).collect();
        assert_eq!(chunks.iter().map(|chunk| chunk.more).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(chunks.iter().map(|chunk| chunk.rows).collect::<Vec<_>>(), [1_000, 1_000, 600]);
        chunks.iter().for_each(|chunk| stream.extend_from_slice(&chunk.data));
        let read: Vec<RecordBatch> =
            StreamReader::try_new(stream.as_slice(), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 2_600);
        assert_eq!(read[0].schema().field(0).name(), "renamed");
        assert!(!cutter.truncated);
    }

    #[test]
    fn limits_cut_and_say_so() {
        let mut by_rows = Cutter::new(&batch(1).schema(), None, options(|r| r.row_limit = 10));
        by_rows.push(batch(10));
        assert!(!by_rows.is_full());
        by_rows.push(batch(10));
        assert!(by_rows.is_full());
        assert_eq!(by_rows.finish().unwrap().rows, 10);
        let mut by_bytes = Cutter::new(&batch(1).schema(), None, options(|r| r.byte_limit = 80));
        by_bytes.push(batch(100));
        assert_eq!((by_bytes.rows, by_bytes.truncated), (10, true));
    }

    #[test]
    fn lz4_frames_and_empty_csv() {
        let lz4_options = options(|request| {
            request.arrow = Some(v1::ArrowOptions { lz4_frame: true, ..Default::default() });
        });
        let mut cutter = Cutter::new(&batch(1).schema(), None, lz4_options);
        cutter.push(batch(50_000));
        let chunk = cutter.finish().unwrap().encode().unwrap();
        assert!(chunk.data.len() as u64 * 2 > 0 && chunk.uncompressed_bytes > 400_000);
        assert!(lz4::join(&[&chunk.data]).is_ok());
        let csv = options(|request| request.set_format(v1::ResultFormat::Csv));
        let mut empty = Cutter::new(&batch(1).schema(), None, csv);
        assert_eq!(empty.finish().unwrap().encode().unwrap().data.as_ref(), b"n\n");
    }

    #[test]
    fn the_first_chunks_are_small() {
        let mut cutter = Cutter::new(&batch(1).schema(), None, options(|_| {}));
        let rows = (8 << 20) / 8;
        let sizes: Vec<u64> = cutter.push(batch(rows)).iter().map(|cut| cut.rows * 8).collect();
        assert_eq!(sizes, [1 << 20, 2 << 20, 4 << 20]);
        assert_eq!(cutter.finish().unwrap().rows * 8, 1 << 20);
    }
}
