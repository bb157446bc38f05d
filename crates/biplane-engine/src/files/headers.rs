//! CSV files of one path whose headers name the same columns in another order, or more of them, or fewer.

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use std::sync::Arc;

use super::list::Found;
use super::options::{Format, Options};
use super::provider;
use crate::error::SqlResult;

/// Heads of files that are read at once.
const HEADS_AT_ONCE: usize = 16;

/// Files with the same header.
pub struct Group {
    /// None where all files are read alike.
    pub names: Vec<String>,
    pub files: Vec<ObjectMeta>,
}

impl Group {
    /// The columns of these files, in their order, with the names that all files together have.
    pub fn schema(&self, all: &SchemaRef) -> SchemaRef {
        if self.names.is_empty() {
            return all.clone();
        }
        let of = |name: &String| {
            let known = all.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name));
            let text = || Arc::new(Field::new(name, arrow::datatypes::DataType::Utf8, true));
            known.cloned().unwrap_or_else(text)
        };
        Arc::new(Schema::new(self.names.iter().map(of).collect::<Vec<_>>()))
    }
}

/// The files by their headers, in the order in which they were found.
pub async fn groups(
    state: &dyn Session,
    found: &Found,
    options: &Options,
    name: &str,
    compression: FileCompressionType,
) -> SqlResult<Vec<Group>> {
    let reader = &provider::csv(options, name, compression, 1);
    let mut heads = Vec::with_capacity(found.files.len());
    for file in &found.files {
        heads.push(names(state, found, file, reader, options).boxed());
    }
    let names: Vec<Vec<String>> =
        futures::stream::iter(heads).buffered(HEADS_AT_ONCE).try_collect().await?;
    let mut groups: Vec<Group> = Vec::new();
    for (file, names) in found.files.iter().zip(names) {
        match groups.iter_mut().find(|group| group.names == names || names.is_empty()) {
            Some(group) => group.files.push(file.clone()),
            None => groups.push(Group { names, files: vec![file.clone()] }),
        }
    }
    Ok(groups)
}

async fn names(
    state: &dyn Session,
    found: &Found,
    file: &ObjectMeta,
    reader: &CsvFormat,
    options: &Options,
) -> SqlResult<Vec<String>> {
    let only = std::slice::from_ref(file);
    let schema = provider::infer(state, found, only, reader, Format::Csv, options).await?;
    Ok(schema.fields().iter().map(|field| field.name().clone()).collect())
}

/// All columns, in the order in which they first occur.
pub fn merged(schemas: &[Schema]) -> Schema {
    let mut all: Vec<Field> = Vec::new();
    for field in schemas.iter().flat_map(|schema| schema.fields()) {
        let known = all.iter_mut().find(|known| known.name().eq_ignore_ascii_case(field.name()));
        match known {
            // What is a number in some files and a text in others is a text.
            Some(known) if known.data_type() != field.data_type() => {
                *known = known.clone().with_data_type(wider(known, field));
            }
            Some(_) => {}
            None => all.push(field.as_ref().clone()),
        }
    }
    Schema::new(all)
}

fn wider(left: &Field, right: &Field) -> arrow::datatypes::DataType {
    use arrow::datatypes::DataType::{Float64, Int64, Null, Utf8};
    match (left.data_type(), right.data_type()) {
        (Null, other) | (other, Null) => other.clone(),
        (Int64, Float64) | (Float64, Int64) => Float64,
        _ => Utf8,
    }
}

/// The rows of some files as all of them have them; columns that these files lack are NULL.
pub fn in_order(
    plan: Arc<dyn ExecutionPlan>,
    wanted: &SchemaRef,
) -> Result<Arc<dyn ExecutionPlan>> {
    let there = plan.schema();
    let mut exprs = Vec::with_capacity(wanted.fields().len());
    for field in wanted.fields() {
        let expr: Arc<dyn PhysicalExpr> = match there.index_of(field.name()) {
            Ok(at) => Arc::new(Column::new(field.name(), at)),
            Err(_) => Arc::new(Literal::new(ScalarValue::try_from(field.data_type())?)),
        };
        exprs.push(ProjectionExpr { expr, alias: field.name().clone() });
    }
    Ok(Arc::new(ProjectionExec::try_new(exprs, plan)?))
}
