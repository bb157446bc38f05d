//! Delta files as a DataFusion table: files that the log rules out are not opened, rows that deletion
//! vectors take out are not read.

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::physical_plan::FileSource;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::files::Files;
use super::names;
use crate::context::StatementContext;
use crate::error::SqlResult;
use crate::service::Pruned;
use crate::storage::Location;

/// One footer read fetches this much from the end of a file.
const FOOTER_BYTES: usize = 512 << 10;

/// Numbers the stores of all statements; no name of a user leads to one.
static STORE: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
pub struct DeltaFiles {
    files: Arc<Files>,
    store: ObjectStoreUrl,
    footers: Arc<FileMetadataCache>,
    pruned: Arc<Pruned>,
}

impl std::fmt::Debug for DeltaFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeltaFiles").field("files", &self.files.files.len()).finish_non_exhaustive()
    }
}

impl DeltaFiles {
    pub fn new(cx: &StatementContext, files: Arc<Files>, location: &Location) -> SqlResult<Self> {
        let number = STORE.fetch_add(1, Ordering::Relaxed);
        let store = ObjectStoreUrl::parse(format!("delta{number}://table"))?;
        cx.session.runtime_env().register_object_store(store.as_ref(), location.root.clone());
        let footers = cx.engine.footers.of(location);
        Ok(Self { files, store, footers, pruned: cx.pruned.clone() })
    }

    /// The source with columns of the table, under the names that they have there.
    fn projected(
        &self,
        source: &ParquetSource,
        projection: &[usize],
    ) -> Result<Arc<dyn FileSource>> {
        let in_files = self.files.table_schema.table_schema();
        let columns = projection.iter().map(|&index| {
            let place = self.files.order[index];
            let (there, wanted) = (in_files.field(place), &self.files.schema.fields()[index]);
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(there.name(), place));
            let column = match self.files.is_mapped && there.data_type() != wanted.data_type() {
                true => names::renamed(column, wanted),
                false => column,
            };
            ProjectionExpr::new(column, wanted.name())
        });
        let projected = source.try_pushdown_projection(&ProjectionExprs::new(columns))?;
        projected.ok_or_else(|| DataFusionError::Internal("files have no projection".to_owned()))
    }

    /// The numbers of the files that may hold rows.
    fn kept(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<usize>> {
        let all = || (0..self.files.files.len()).collect();
        let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(all()) };
        let schema = DFSchema::try_from(self.files.schema.clone())?;
        let filter = state.create_physical_expr(filter, &schema)?;
        let builder = PruningPredicateBuilder::new().with_file_schema(self.files.schema.clone());
        let Some(predicate) = builder.build(filter) else { return Ok(all()) };
        let kept = predicate.prune(self.files.as_ref())?;
        Ok(kept.into_iter().enumerate().filter(|(_, keep)| *keep).map(|(index, _)| index).collect())
    }
}

fn merged<'a>(
    parts: impl Iterator<Item = &'a Statistics>,
    schema: &SchemaRef,
) -> Result<Statistics> {
    let parts: Vec<&Statistics> = parts.collect();
    match parts.is_empty() {
        true => Ok(Statistics::new_unknown(schema)),
        false => Statistics::try_merge_iter(parts, schema),
    }
}

#[async_trait]
impl TableProvider for DeltaFiles {
    fn schema(&self) -> SchemaRef {
        self.files.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        self.files.together().cloned()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let kept = self.kept(state, filters)?;
        self.pruned.add(kept.len(), self.files.files.len() - kept.len());
        let projection: Vec<usize> = match projection {
            Some(wanted) => wanted.clone(),
            None => (0..self.files.order.len()).collect(),
        };
        let table_schema = self.files.table_schema.table_schema();
        if kept.is_empty() {
            let projected = Arc::new(self.files.schema.project(&projection)?);
            return Ok(Arc::new(EmptyExec::new(projected)));
        }
        let files = kept.into_iter().map(|index| self.files.files[index].clone()).collect();
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let groups = groups
            .into_iter()
            .map(|group| {
                let merged = merged(
                    group.iter().filter_map(|file| file.statistics.as_deref()),
                    table_schema,
                )?;
                Ok(group.with_statistics(Arc::new(merged)))
            })
            .collect::<Result<Vec<_>>>()?;
        let statistics =
            merged(groups.iter().filter_map(|group| group.file_statistics(None)), table_schema)?;
        let reader = CachedParquetFileReaderFactory::new(
            state.runtime_env().object_store(&self.store)?,
            self.footers.clone(),
        );
        let source = ParquetSource::new(self.files.table_schema.clone())
            .with_table_parquet_options(state.table_options().parquet.clone())
            .with_parquet_file_reader_factory(Arc::new(reader))
            .with_metadata_size_hint(FOOTER_BYTES);
        let config =
            FileScanConfigBuilder::new(self.store.clone(), self.projected(&source, &projection)?)
                .with_file_groups(groups)
                .with_statistics(statistics)
                .with_limit(limit)
                .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
