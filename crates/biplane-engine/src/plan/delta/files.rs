//! The files of a snapshot with the statistics of its log.

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::table_schema::TableSchema;
use deltalake_core::table::state::DeltaTableState;
use object_store::ObjectMeta;
use object_store::path::Path;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::files::metadata;
use crate::storage::Location;

/// Statistics of more columns than these are not looked at; Delta keeps 32 by default.
const COLUMNS_MAX: usize = 64;

#[derive(Clone)]
pub struct Files {
    /// In the order of the table.
    pub schema: SchemaRef,
    /// In the order of the files: partition columns last.
    pub table_schema: TableSchema,
    /// Index in the order of the files, per column of the table.
    pub order: Vec<usize>,
    pub files: Vec<PartitionedFile>,
    rows: Option<ArrayRef>,
    columns: HashMap<String, Bounds>,
}

#[derive(Clone)]
struct Bounds {
    min: Option<ArrayRef>,
    max: Option<ArrayRef>,
    nulls: Option<ArrayRef>,
}

impl Files {
    /// None where a file needs more than being read.
    pub fn of(state: &DeltaTableState, location: &Location) -> SqlResult<Option<Self>> {
        let log = state.log_data();
        let stored = state.snapshot().arrow_schema();
        let metadata = serde_json::to_value(state.metadata()).map_err(SqlError::internal)?;
        let partition_names: Vec<String> = metadata
            .get("partitionColumns")
            .and_then(|names| names.as_array())
            .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        let schema = read_schema(&stored, &partition_names);
        let (in_file, in_path): (Vec<_>, Vec<_>) = schema
            .fields()
            .iter()
            .cloned()
            .partition(|field| !partition_names.contains(field.name()));
        let table_schema = TableSchema::builder(Arc::new(Schema::new(in_file.clone())))
            .with_table_partition_cols(in_path.clone())
            .build();
        let order = schema
            .fields()
            .iter()
            .map(|field| table_schema.table_schema().index_of(field.name()))
            .collect::<Result<Vec<_>, _>>()?;

        let mut columns = HashMap::new();
        for field in in_file.iter().take(COLUMNS_MAX).chain(&in_path) {
            if !field.data_type().is_nested() {
                let column = Column::from_name(field.name());
                let to = |array: ArrayRef| cast(&array, field.data_type()).ok();
                let bounds = Bounds {
                    min: log.min_values(&column).and_then(to),
                    max: log.max_values(&column).and_then(to),
                    nulls: log.null_counts(&column),
                };
                columns.insert(field.name().clone(), bounds);
            }
        }
        let rows = log.row_counts();
        let mut out = Self { schema, table_schema, order, files: Vec::new(), rows, columns };
        for (index, view) in log.iter().enumerate() {
            if view.deletion_vector_descriptor().is_some() || view.path().contains("://") {
                return Ok(None);
            }
            let relative = view.object_store_path();
            let Some(last_modified) = view.modification_datetime().ok() else { return Ok(None) };
            let meta = ObjectMeta {
                location: Path::from_iter(location.prefix.parts().chain(relative.parts())),
                last_modified,
                size: u64::try_from(view.size()).unwrap_or(0),
                e_tag: None,
                version: None,
            };
            let Some(values) = out.partition_values(index, &in_path) else { return Ok(None) };
            let statistics = out.statistics(index, &in_file, meta.size);
            let file = PartitionedFile::new_from_meta(meta)
                .with_partition_values(values)
                .with_statistics(Arc::new(statistics));
            out.files.push(file);
        }
        Ok(Some(out))
    }

    /// The same with the column `_metadata`. `path`: of the table, as the statement names it.
    pub fn described(
        &self,
        cx: &StatementContext,
        location: &Location,
        path: &str,
    ) -> SqlResult<Self> {
        let zone = cx.settings.plan_zone();
        let field = Arc::new(Field::new(metadata::COLUMN, metadata::data_type(&zone), false));
        let mut out = self.clone();
        let partitions = self.table_schema.table_partition_cols().iter().cloned();
        out.table_schema = TableSchema::builder(self.table_schema.file_schema().clone())
            .with_table_partition_cols(partitions.chain([field.clone()]).collect::<Vec<_>>())
            .build();
        out.schema = Arc::new(Schema::new(
            self.schema.fields().iter().cloned().chain([field]).collect::<Vec<_>>(),
        ));
        out.order.push(out.table_schema.table_schema().fields().len() - 1);
        for file in &mut out.files {
            let full = file.object_meta.location.as_ref();
            let inside = full.strip_prefix(location.prefix.as_ref()).unwrap_or(full);
            let shown =
                format!("{}/{}", path.trim_end_matches('/'), inside.trim_start_matches('/'));
            file.partition_values.push(metadata::value(&zone, &file.object_meta, &shown)?);
            // Those of the files do not speak of the new column.
            file.statistics = None;
        }
        Ok(out)
    }

    fn partition_values(&self, index: usize, fields: &[Arc<Field>]) -> Option<Vec<ScalarValue>> {
        fields
            .iter()
            .map(|field| {
                let values = self.columns.get(field.name())?.min.as_ref()?;
                ScalarValue::try_from_array(values, index).ok()
            })
            .collect()
    }

    fn statistics(&self, index: usize, fields: &[Arc<Field>], size: u64) -> Statistics {
        let num_rows = match count(self.rows.as_ref(), index) {
            Some(rows) => Precision::Exact(rows),
            None => Precision::Absent,
        };
        let column_statistics = fields.iter().map(|field| self.column(index, field)).collect();
        let total_byte_size = Precision::Inexact(usize::try_from(size).unwrap_or(usize::MAX));
        Statistics { num_rows, total_byte_size, column_statistics }
    }

    fn column(&self, index: usize, field: &Field) -> ColumnStatistics {
        let mut statistics = ColumnStatistics::new_unknown();
        let Some(bounds) = self.columns.get(field.name()) else { return statistics };
        // Texts are cut and instants are rounded in the log, NaN is in no bound: good for skipping,
        // not as an answer.
        let is_exact = field.data_type().is_integer()
            || matches!(field.data_type(), DataType::Date32 | DataType::Decimal128(..));
        let value = |array: &Option<ArrayRef>| {
            let array = array.as_ref().filter(|array| array.is_valid(index))?;
            let value = ScalarValue::try_from_array(array, index).ok()?;
            Some(if is_exact { Precision::Exact(value) } else { Precision::Inexact(value) })
        };
        if let Some(min) = value(&bounds.min) {
            statistics.min_value = min;
        }
        if let Some(max) = value(&bounds.max) {
            statistics.max_value = max;
        }
        if let Some(nulls) = count(bounds.nulls.as_ref(), index) {
            statistics.null_count = Precision::Exact(nulls);
        }
        statistics
    }
}

fn count(array: Option<&ArrayRef>, index: usize) -> Option<usize> {
    let array = array?.as_any().downcast_ref::<UInt64Array>()?;
    array.is_valid(index).then(|| usize::try_from(array.value(index)).ok()).flatten()
}

/// Text and binary columns of files are read as views, as DataFusion does with Parquet itself.
fn read_schema(stored: &Schema, partition_names: &[String]) -> SchemaRef {
    let fields: Vec<Field> = stored
        .fields()
        .iter()
        .map(|field| {
            let in_file = !partition_names.contains(field.name());
            let data_type = match field.data_type() {
                DataType::Utf8 | DataType::LargeUtf8 if in_file => DataType::Utf8View,
                DataType::Binary | DataType::LargeBinary if in_file => DataType::BinaryView,
                other => other.clone(),
            };
            let comment = field.metadata().get("comment").cloned();
            let metadata = comment.map(|text| ("comment".to_owned(), text)).into_iter().collect();
            Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

impl PruningStatistics for Files {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.columns.get(&column.name)?.min.clone()
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.columns.get(&column.name)?.max.clone()
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.columns.get(&column.name)?.nulls.clone()
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        self.rows.clone()
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
