//! The files of a snapshot with the statistics of its log.

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::table_schema::TableSchema;
use deltalake_core::kernel::StructType;
use deltalake_core::table::state::DeltaTableState;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::snapshots::Vectors;
use super::stats::{Bounds, Stats};
use super::vectors::{Descriptor, RANGES_MAX};
use crate::commands::columns::arrow_schema;
use crate::commands::mapping;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::files::metadata;
use crate::storage::Location;

/// Statistics of more columns than these are not looked at; Delta keeps 32 by default.
const COLUMNS_MAX: usize = 64;
const VECTORS_AT_ONCE: usize = 16;
const RANGES_OF_UNIT: usize = 8_192;

#[derive(Clone)]
pub struct Files {
    /// In the order of the table.
    pub schema: SchemaRef,
    /// In the order of the files: partition columns last.
    pub table_schema: TableSchema,
    /// Index in the order of the files, per column of the table.
    pub order: Vec<usize>,
    /// Whether columns have other names in the files.
    pub is_mapped: bool,
    pub files: Vec<PartitionedFile>,
    /// Of rows between those that deletion vectors take out.
    ranges: usize,
    rows: Option<ArrayRef>,
    columns: HashMap<String, Bounds>,
    /// Of all files together, in the order of the table.
    together: OnceLock<Option<Statistics>>,
}

impl Files {
    /// None where a file needs more than being read. `is_mapped`: columns have other names in the files.
    pub async fn of(
        state: &DeltaTableState,
        location: &Location,
        is_mapped: bool,
        vectors: &Vectors<'_>,
    ) -> SqlResult<Option<Self>> {
        let log = state.log_data();
        let stored = state.snapshot().arrow_schema();
        let metadata = serde_json::to_value(state.metadata()).map_err(SqlError::internal)?;
        let partition_names: Vec<String> = metadata
            .get("partitionColumns")
            .and_then(|names| names.as_array())
            .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        let schema = read_schema(&stored, &partition_names);
        let in_files = match is_mapped {
            true => names_in_files(state, &schema)?,
            false => schema.clone(),
        };
        let is_partition = |index: &usize| partition_names.contains(schema.field(*index).name());
        let (in_path, in_file): (Vec<usize>, Vec<usize>) =
            (0..schema.fields().len()).partition(is_partition);
        let fields = |of: &[usize]| -> Vec<FieldRef> {
            of.iter().map(|&index| in_files.fields()[index].clone()).collect()
        };
        let table_schema = TableSchema::builder(Arc::new(Schema::new(fields(&in_file))))
            .with_table_partition_cols(fields(&in_path))
            .build();
        let mut order = vec![0; schema.fields().len()];
        for (place, &index) in in_file.iter().chain(&in_path).enumerate() {
            order[index] = place;
        }

        let stats = Stats::of(state)?;
        let rows = stats.rows();
        let mut columns = HashMap::new();
        for &index in in_file.iter().take(COLUMNS_MAX) {
            let field = schema.field(index);
            if !field.data_type().is_nested() {
                let bounds = stats.bounds(in_files.field(index).name(), field.data_type());
                columns.insert(field.name().clone(), bounds);
            }
        }
        for &index in &in_path {
            let field = schema.field(index);
            let bounds = stats.constants(field, rows.as_ref());
            columns.insert(field.name().clone(), bounds);
        }
        let (in_file, in_path): (Vec<FieldRef>, Vec<FieldRef>) = (
            in_file.iter().map(|&index| schema.fields()[index].clone()).collect(),
            in_path.iter().map(|&index| schema.fields()[index].clone()).collect(),
        );
        let files = Vec::with_capacity(log.num_files());
        let together = OnceLock::new();
        let mut out = Self {
            schema,
            table_schema,
            order,
            is_mapped,
            files,
            ranges: 0,
            rows,
            columns,
            together,
        };
        let mut described = Vec::new();
        for (index, view) in log.iter().enumerate() {
            let vector = match stats.vectors() {
                Some(vectors) => Descriptor::of(vectors, index)?,
                None if view.deletion_vector_descriptor().is_some() => return Ok(None),
                None => None,
            };
            if view.path().contains("://") {
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
            let mut file = PartitionedFile::new_from_meta(meta).with_partition_values(values);
            let deleted = vector.as_ref().map(|vector| vector.cardinality);
            let fields = in_file.iter().chain(&in_path);
            let statistics = out.statistics(index, fields, file.object_meta.size, deleted);
            file.statistics = Some(Arc::new(statistics));
            out.files.push(file);
            if let Some(vector) = vector {
                let Some(rows) = count(out.rows.as_ref(), index) else { return Ok(None) };
                described.push((index, vector, rows as u64));
            }
        }
        match out.deleted(location, vectors, described).await? {
            true => Ok(Some(out)),
            false => Ok(None),
        }
    }

    /// Leaves the rows of deletion vectors out. False where that would be a plan too large.
    async fn deleted(
        &mut self,
        location: &Location,
        vectors: &Vectors<'_>,
        described: Vec<(usize, Descriptor, u64)>,
    ) -> SqlResult<bool> {
        let loads = described.into_iter().map(|(index, vector, rows)| async move {
            vectors.get(location, &vector, rows).await.map(|kept| (index, kept))
        });
        let mut loads = stream::iter(loads).buffer_unordered(VECTORS_AT_ONCE);
        while let Some((index, kept)) = loads.try_next().await? {
            self.ranges += kept.ranges;
            if self.ranges > RANGES_MAX {
                return Ok(false);
            }
            if let Some(file) = self.files.get_mut(index) {
                file.extensions.insert_arc(kept.selection.clone());
            }
        }
        Ok(true)
    }

    /// Of all rows. None: the log does not tell, or there are none.
    pub fn together(&self) -> Option<&Statistics> {
        let merged = self.together.get_or_init(|| {
            let parts: Vec<&Statistics> =
                self.files.iter().map(|file| file.statistics.as_deref()).collect::<Option<_>>()?;
            let schema = self.table_schema.table_schema();
            let all = Statistics::try_merge_iter(parts, schema).ok()?;
            let column_statistics =
                self.order.iter().map(|&place| all.column_statistics.get(place).cloned());
            Some(Statistics { column_statistics: column_statistics.collect::<Option<_>>()?, ..all })
        });
        merged.as_ref()
    }

    /// Only the files at these places.
    pub fn only(&self, kept: &HashSet<Path>) -> Self {
        let mut out = Self {
            // These are of all files.
            rows: None,
            columns: HashMap::new(),
            together: OnceLock::new(),
            ..self.clone()
        };
        out.files.retain(|file| kept.contains(&file.object_meta.location));
        out
    }

    /// For the cache: what the ranges of deletion vectors need, in units of a usual table.
    pub fn weight(&self) -> u32 {
        u32::try_from(1 + self.ranges / RANGES_OF_UNIT).unwrap_or(u32::MAX)
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
        let mut out = Self { together: OnceLock::new(), ..self.clone() };
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

    /// `deleted`: rows that a deletion vector takes out; the log's statistics are of the whole file.
    fn statistics<'a>(
        &self,
        index: usize,
        fields: impl Iterator<Item = &'a FieldRef>,
        size: u64,
        deleted: Option<u64>,
    ) -> Statistics {
        let rows = count(self.rows.as_ref(), index);
        let gone = deleted.map_or(0, |deleted| usize::try_from(deleted).unwrap_or(usize::MAX));
        let num_rows =
            rows.map_or(Precision::Absent, |rows| Precision::Exact(rows.saturating_sub(gone)));
        let column = |field: &FieldRef| match deleted {
            None => self.column(index, field),
            Some(_) => loose(self.column(index, field)),
        };
        let column_statistics = fields.map(column).collect();
        let total_byte_size = Precision::Inexact(usize::try_from(size).unwrap_or(usize::MAX));
        Statistics { num_rows, total_byte_size, column_statistics }
    }

    fn column(&self, index: usize, field: &Field) -> ColumnStatistics {
        let mut statistics = ColumnStatistics::new_unknown();
        let Some(bounds) = self.columns.get(field.name()) else { return statistics };
        // Texts are cut and instants are rounded in the log, NaN is in no bound: good for skipping,
        // not as an answer.
        let is_exact = bounds.is_constant
            || field.data_type().is_integer()
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

/// Those of a file of which some rows are gone.
fn loose(all: ColumnStatistics) -> ColumnStatistics {
    ColumnStatistics {
        min_value: all.min_value.to_inexact(),
        max_value: all.max_value.to_inexact(),
        // Next to the number of rows that are left, more nulls could be as many as all of them.
        null_count: match all.null_count {
            Precision::Exact(0) => Precision::Exact(0),
            _ => Precision::Absent,
        },
        ..ColumnStatistics::new_unknown()
    }
}

/// The schema as the files have it.
fn names_in_files(state: &DeltaTableState, shown: &Schema) -> SqlResult<SchemaRef> {
    let schema = state.schema();
    let fields = schema.fields().map(mapping::in_files).collect::<SqlResult<Vec<_>>>()?;
    let fields = StructType::try_new(fields).map_err(SqlError::internal)?;
    let fields = arrow_schema(&fields)?;
    let fields = fields.fields().iter().zip(shown.fields()).map(|(field, shown)| {
        let data_type = match shown.data_type().is_nested() {
            true => field.data_type().clone(),
            false => shown.data_type().clone(),
        };
        Field::new(field.name(), data_type, shown.is_nullable())
            .with_metadata(shown.metadata().clone())
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
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
