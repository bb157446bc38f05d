//! What the columns of files are: inferred, declared, or hinted at.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::StructType;
use std::sync::Arc;

use super::options::{Format, Options};
use crate::commands::columns;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::parser::ColumnDef;

/// How the columns are read, and what they become.
pub struct Columns {
    /// As the reader gives them; text where they are cast afterwards.
    pub read: SchemaRef,
    pub wanted: SchemaRef,
}

pub fn declared(columns: &[ColumnDef]) -> SqlResult<Schema> {
    let fields = columns::delta_fields_loose(columns)?;
    let schema = StructType::try_new(fields).map_err(|e| columns::invalid_schema(&e))?;
    Ok(columns::arrow_schema(&schema)?.as_ref().clone())
}

/// Inferred types in the forms that SQL has: no views, no unsigned numbers, no NULL.
fn plain(cx: &StatementContext, data_type: &DataType) -> DataType {
    let inner = |field: &Arc<Field>| -> Arc<Field> {
        let data_type = plain(cx, field.data_type());
        Arc::new(Field::new(field.name(), data_type, true))
    };
    match data_type {
        DataType::Null => DataType::Utf8,
        DataType::Timestamp(..) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some(cx.settings.plan_zone()))
        }
        DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Duration(_)
        | DataType::Interval(_) => DataType::Utf8,
        DataType::List(item) => DataType::List(inner(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => columns::stored_type(other).unwrap_or(DataType::Utf8),
    }
}

/// Instants of Parquet files stay instants; everything else as it is written.
fn of_parquet(data_type: &DataType) -> DataType {
    columns::stored_type(data_type).unwrap_or(DataType::Utf8)
}

pub fn settle(
    cx: &StatementContext,
    inferred: &Schema,
    options: &Options,
    format: Format,
) -> SqlResult<Columns> {
    let mut wanted: Vec<Field> = match &options.schema {
        Some(columns) => declared(columns)?.fields().iter().map(|f| f.as_ref().clone()).collect(),
        None => inferred
            .fields()
            .iter()
            .map(|field| {
                let data_type = match format {
                    Format::Parquet => of_parquet(field.data_type()),
                    Format::Csv if !options.infer_types => DataType::Utf8,
                    _ => plain(cx, field.data_type()),
                };
                Field::new(field.name(), data_type, true)
            })
            .collect(),
    };
    for hint in declared(&options.schema_hints)?.fields() {
        match wanted.iter_mut().find(|field| field.name().eq_ignore_ascii_case(hint.name())) {
            Some(field) => *field = field.clone().with_data_type(hint.data_type().clone()),
            None => wanted.push(hint.as_ref().clone()),
        }
    }
    check_unique(&wanted)?;
    let read: Vec<Field> = match format {
        // Text first: a value that does not fit its type then spoils nothing but itself.
        Format::Csv => by_position(inferred, &wanted, options),
        Format::Text => wanted.clone(),
        Format::Json => wanted
            .iter()
            .map(|field| match field.data_type() {
                DataType::Timestamp(..)
                | DataType::Date32
                | DataType::Decimal128(..)
                | DataType::Binary => Field::new(field.name(), DataType::Utf8, true),
                other => Field::new(field.name(), other.clone(), true),
            })
            .collect(),
        Format::Parquet => wanted
            .iter()
            .map(|field| {
                let there =
                    inferred.fields().iter().find(|f| f.name().eq_ignore_ascii_case(field.name()));
                there.map_or_else(
                    || field.clone(),
                    |there| there.as_ref().clone().with_nullable(true),
                )
            })
            .collect(),
    };
    Ok(Columns { read: Arc::new(Schema::new(read)), wanted: Arc::new(Schema::new(wanted)) })
}

/// A CSV file is read by position: what is declared takes the place it has in the header.
fn by_position(inferred: &Schema, wanted: &[Field], options: &Options) -> Vec<Field> {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    if !is_named(inferred, wanted, options) {
        let extra = inferred.fields().iter().skip(wanted.len()).map(|field| text(field.name()));
        return wanted.iter().map(|field| text(field.name())).chain(extra).collect();
    }
    inferred.fields().iter().map(|field| text(field.name())).collect()
}

/// Whether the columns are those of the headers: without a declaration they always are.
pub fn is_named<'a>(
    inferred: &Schema,
    wanted: impl IntoIterator<Item = &'a Field>,
    options: &Options,
) -> bool {
    let has = |name: &str| inferred.fields().iter().any(|f| f.name().eq_ignore_ascii_case(name));
    options.schema.is_none()
        || (options.header && wanted.into_iter().any(|field| has(field.name())))
}

fn check_unique(fields: &[Field]) -> SqlResult<()> {
    let mut seen = std::collections::HashSet::new();
    match fields.iter().find(|field| !seen.insert(field.name().to_lowercase())) {
        Some(field) => {
            let text = format!("The files have the column `{}` more than once", field.name());
            Err(SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text))
        }
        None => Ok(()),
    }
}
