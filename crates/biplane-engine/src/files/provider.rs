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
use datafusion::physical_plan::union::UnionExec;
use object_store::ObjectMeta;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::headers::{self, Group};
use super::list::Found;
use super::options::{Format, Options};
use super::records::Records;
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
    schema: SchemaRef,
    format: Arc<dyn FileFormat>,
    store: ObjectStoreUrl,
    parts: Vec<Part>,
    compression: FileCompressionType,
    /// Knows the footers of the store.
    state: SessionState,
}

/// Files that are read alike: their columns stand in the same order.
struct Part {
    schema: TableSchema,
    files: Vec<PartitionedFile>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("parts", &self.parts.len()).finish_non_exhaustive()
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
    let headed = format == Format::Csv && options.header && found.files.len() > 1;
    let groups = match headed {
        true => headers::groups(&state, &found, &options, &first, compression).await?,
        false => vec![Group { names: Vec::new(), files: found.files.clone() }],
    };
    let inferred = match groups.as_slice() {
        [_] => infer(&state, &found, &found.files, reader.as_ref(), format, &options).await?,
        groups => {
            let mut all = Vec::with_capacity(groups.len());
            for group in groups {
                let files = &group.files;
                all.push(infer(&state, &found, files, reader.as_ref(), format, &options).await?);
            }
            headers::merged(&all)
        }
    };
    let columns = schema::settle(cx, &inferred, &options, format)?;
    // Columns that are declared under names of their own are read by position in every file.
    let by_name = groups.len() > 1
        && schema::is_named(&inferred, columns.wanted.fields().iter().map(AsRef::as_ref), &options);
    let groups = match by_name {
        true => groups,
        false => vec![Group { names: Vec::new(), files: found.files.clone() }],
    };
    let rescued = options.rescued_column(format, &columns.wanted);
    let by_line = format == Format::Json;
    let number = STORE.fetch_add(1, Ordering::Relaxed);
    let store = ObjectStoreUrl::parse(format!("files{number}://found"))?;
    cx.session.runtime_env().register_object_store(store.as_ref(), found.location.root.clone());
    let (read, reader) = match by_line {
        // Lines first: what a record has beside the columns can be told from them alone.
        true => (view::lines(), self::reader(Format::Text, &options, &first, compression)),
        false => (columns.read.clone(), reader),
    };
    let describe = with_metadata || rescued.is_some() || by_line;
    let mut parts = Vec::with_capacity(groups.len());
    for group in &groups {
        let own = group.schema(&read);
        let (schema, files) = describe_files(cx, &found, &group.files, own, describe)?;
        parts.push(Part { schema, files });
    }
    let wish = view::Wish { rescued, metadata: with_metadata, by_line, format };
    let (whole, _) = describe_files(cx, &found, &[], read, describe)?;
    let schema = whole.table_schema().clone();
    let files: Arc<dyn TableProvider> = match by_line && options.multi_line {
        true => {
            let files = parts.into_iter().flat_map(|part| part.files).collect();
            let (root, fail_fast) = (found.location.root.clone(), options.fail_fast);
            Arc::new(Records { schema, root, files, compression, fail_fast })
        }
        false => Arc::new(Files { schema, format: reader, store, parts, compression, state }),
    };
    view::of(cx, files, &columns, &options, &wish)
}

/// The files, each with what `_metadata` says of it where that is needed.
fn describe_files(
    cx: &StatementContext,
    found: &Found,
    those: &[ObjectMeta],
    read: SchemaRef,
    describe: bool,
) -> SqlResult<(TableSchema, Vec<PartitionedFile>)> {
    let zone = cx.settings.plan_zone();
    let mut files = Vec::with_capacity(those.len());
    for file in those {
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

/// Of the columns `infer_rows` rows are looked at.
pub fn csv(
    options: &Options,
    name: &str,
    compression: FileCompressionType,
    infer_rows: usize,
) -> CsvFormat {
    CsvFormat::default()
        .with_options(CsvOptions::default())
        .with_has_header(options.header)
        .with_delimiter(options.separator(name))
        .with_quote(options.quote)
        .with_escape(options.escape)
        .with_comment(options.comment)
        .with_newlines_in_values(options.multi_line)
        .with_truncated_rows(true)
        .with_schema_infer_max_rec(infer_rows)
        .with_file_compression_type(compression)
}

fn reader(
    format: Format,
    options: &Options,
    name: &str,
    compression: FileCompressionType,
) -> Arc<dyn FileFormat> {
    match format {
        Format::Csv => Arc::new(csv(options, name, compression, INFER_ROWS_MAX)),
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

pub async fn infer(
    state: &dyn Session,
    found: &Found,
    files: &[ObjectMeta],
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
    let sample = &files[..files.len().min(INFER_FILES_MAX)];
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
        self.schema.clone()
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
        let partitions = state.config().target_partitions();
        if let [part] = self.parts.as_slice() {
            return self.part(part, partitions, projection.cloned(), limit).await;
        }
        let wanted = match projection {
            Some(indices) => Arc::new(self.schema.project(indices)?),
            None => self.schema.clone(),
        };
        let mut plans = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let own = part.schema.table_schema();
            let there = wanted.fields().iter().filter_map(|field| own.index_of(field.name()).ok());
            let plan = self.part(part, partitions, Some(there.collect()), limit).await?;
            plans.push(headers::in_order(plan, &wanted)?);
        }
        UnionExec::try_new(plans)
    }
}

impl Files {
    async fn part(
        &self,
        part: &Part,
        partitions: usize,
        projection: Option<Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let groups = FileGroup::new(part.files.clone()).split_files(partitions);
        let source = self.format.file_source(part.schema.clone());
        let config = FileScanConfigBuilder::new(self.store.clone(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection)?
            .with_limit(limit)
            .with_file_compression_type(self.compression)
            .build();
        self.format.create_physical_plan(&self.state, config).await
    }
}
