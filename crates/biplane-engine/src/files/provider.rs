//! A relation over files that were found: DataFusion's readers, with Spark's meaning of bad values.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::config::{CsvOptions, JsonOptions};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use object_store::ObjectMeta;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::list::Found;
use super::options::{Format, Options};
use super::schema;
use super::{metadata, view};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

/// Files whose heads say what the columns are.
const INFER_FILES_MAX: usize = 64;
const INFER_ROWS_MAX: usize = 20_000;

/// Numbers the stores of all statements; no name of a user leads to one.
static STORE: AtomicU64 = AtomicU64::new(0);

pub struct Files {
    schema: TableSchema,
    format: Arc<dyn FileFormat>,
    store: ObjectStoreUrl,
    files: Vec<PartitionedFile>,
    compression: FileCompressionType,
    /// Knows the footers of the store.
    state: SessionState,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

pub async fn open(
    cx: &StatementContext,
    found: Found,
    mut options: Options,
    with_metadata: bool,
) -> SqlResult<Arc<dyn TableProvider>> {
    let first = found.files.first().map(|file| file.location.to_string()).unwrap_or_default();
    let format = match options.format {
        Some(format) => format,
        None => Format::of_name(&first).ok_or_else(|| {
            let text =
                "The format of the files cannot be told by their names; give the option format";
            SqlError::new("UNABLE_TO_INFER_SCHEMA", "42KD9", text)
        })?,
    };
    if options.format.is_none() {
        options.format = Some(format);
    }
    let compression = compression(&found.files)?;
    let reader = reader(format, &options, &first, compression);
    let state = cx.state_of(&found.location)?;
    let inferred = infer(&state, &found, reader.as_ref(), format, &options).await?;
    let columns = schema::settle(cx, &inferred, &options, format)?;
    let rescued = options.rescued_column(format, &columns.wanted);
    let by_line = format == Format::Json && !options.multi_line;
    let number = STORE.fetch_add(1, Ordering::Relaxed);
    let store = ObjectStoreUrl::parse(format!("files{number}://found"))?;
    cx.session.runtime_env().register_object_store(store.as_ref(), found.location.root.clone());
    let (read, reader) = match by_line {
        // Lines first: what a record has beside the columns can be told from them alone.
        true => (view::lines(), self::reader(Format::Text, &options, &first, compression)),
        false => (columns.read.clone(), reader),
    };
    let describe = with_metadata || rescued.is_some() || by_line;
    let (schema, partitioned) = describe_files(cx, &found, read, describe)?;
    let files = Files { schema, format: reader, store, files: partitioned, compression, state };
    let wish = view::Wish { rescued, metadata: with_metadata, by_line, format };
    view::of(cx, Arc::new(files), &columns, &options, &wish)
}

/// The files, each with what `_metadata` says of it where that is needed.
fn describe_files(
    cx: &StatementContext,
    found: &Found,
    read: SchemaRef,
    describe: bool,
) -> SqlResult<(TableSchema, Vec<PartitionedFile>)> {
    let zone = cx.settings.plan_zone();
    let mut files = Vec::with_capacity(found.files.len());
    for file in &found.files {
        let mut partitioned = PartitionedFile::new_from_meta(file.clone());
        if describe {
            partitioned.partition_values = vec![metadata::value(&zone, file, &found.shown(file))?];
        }
        files.push(partitioned);
    }
    let mut schema = TableSchema::builder(read);
    if describe {
        let field = Field::new(view::DESCRIPTION, metadata::data_type(&zone), false);
        schema = schema.with_table_partition_cols(vec![Arc::new(field)]);
    }
    Ok((schema.build(), files))
}

/// All files of a path are compressed alike.
fn compression(files: &[ObjectMeta]) -> SqlResult<FileCompressionType> {
    let of = |file: &ObjectMeta| match file.location.extension().map(str::to_lowercase).as_deref() {
        Some("gz") => FileCompressionType::GZIP,
        Some("bz2") => FileCompressionType::BZIP2,
        Some("zst") => FileCompressionType::ZSTD,
        Some("xz") => FileCompressionType::XZ,
        _ => FileCompressionType::UNCOMPRESSED,
    };
    let first = files.first().map_or(FileCompressionType::UNCOMPRESSED, of);
    match files.iter().all(|file| of(file) == first) {
        true => Ok(first),
        false => {
            Err(SqlError::unsupported("files of one path that are compressed in different ways"))
        }
    }
}

fn reader(
    format: Format,
    options: &Options,
    name: &str,
    compression: FileCompressionType,
) -> Arc<dyn FileFormat> {
    match format {
        Format::Csv => Arc::new(
            CsvFormat::default()
                .with_options(CsvOptions::default())
                .with_has_header(options.header)
                .with_delimiter(options.separator(name))
                .with_quote(options.quote)
                .with_escape(options.escape)
                .with_comment(options.comment)
                .with_newlines_in_values(options.multi_line)
                .with_truncated_rows(true)
                .with_schema_infer_max_rec(INFER_ROWS_MAX)
                .with_file_compression_type(compression),
        ),
        // Bytes that no text has stand for the separator and the quote: a line is one value.
        Format::Text => Arc::new(
            CsvFormat::default()
                .with_has_header(false)
                .with_delimiter(0)
                .with_quote(1)
                .with_file_compression_type(compression),
        ),
        Format::Json => Arc::new(
            JsonFormat::default()
                .with_options(JsonOptions::default())
                .with_newline_delimited(!options.multi_line)
                .with_schema_infer_max_rec(INFER_ROWS_MAX)
                .with_file_compression_type(compression),
        ),
        Format::Parquet => Arc::new(ParquetFormat::default().with_force_view_types(false)),
    }
}

async fn infer(
    state: &dyn Session,
    found: &Found,
    reader: &dyn FileFormat,
    format: Format,
    options: &Options,
) -> SqlResult<Schema> {
    if format == Format::Text {
        return Ok(Schema::new(vec![Field::new("value", DataType::Utf8, true)]));
    }
    if format == Format::Json && options.schema.is_some() {
        return Ok(Schema::empty());
    }
    let sample = &found.files[..found.files.len().min(INFER_FILES_MAX)];
    let inferred = reader.infer_schema(state, &found.location.root, sample).await;
    let inferred = inferred.map_err(|error| {
        let error = SqlError::from(error);
        match error.error_code {
            "INTERNAL_ERROR" | "BAD_REQUEST" => malformed(found),
            _ => error,
        }
    })?;
    if format != Format::Csv || options.header {
        return Ok(inferred.as_ref().clone());
    }
    // Spark's names of columns that have none.
    let fields: Vec<Field> = inferred
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| Field::new(format!("_c{at}"), field.data_type().clone(), true))
        .collect();
    Ok(Schema::new(fields))
}

fn malformed(found: &Found) -> SqlError {
    let name = found.files.first().map(|file| found.shown(file)).unwrap_or_default();
    let text = format!("The columns of the files cannot be inferred; the first of them is {name}");
    SqlError::new("UNABLE_TO_INFER_SCHEMA", "42KD9", text)
}

#[async_trait]
impl TableProvider for Files {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let groups =
            FileGroup::new(self.files.clone()).split_files(state.config().target_partitions());
        let source = self.format.file_source(self.schema.clone());
        let config = FileScanConfigBuilder::new(self.store.clone(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_file_compression_type(self.compression)
            .build();
        self.format.create_physical_plan(&self.state, config).await
    }
}
