//! Files with their columns as wanted: texts cast, lines taken apart, what is lost rescued.

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::functions::expr_fn as f;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, lit, try_cast};
use std::sync::Arc;

use super::options::{Format, Options};
use super::schema::Columns;
use super::{lines, metadata, rescue};
use crate::context::StatementContext;
use crate::error::SqlResult;

/// The column of the files that has what `_metadata` says.
pub const DESCRIPTION: &str = "\u{1}description";
const LINE: &str = "value";
const RECORD: &str = "\u{1}record";

/// What a relation shows beside the columns of its files.
pub struct Wish {
    pub rescued: Option<String>,
    pub metadata: bool,
    /// JSON, which comes in lines.
    pub by_line: bool,
    pub format: Format,
}

/// Of files that are read line by line.
pub fn lines() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(LINE, DataType::Utf8, true)]))
}

fn description() -> Expr {
    Expr::Column(Column::from_name(DESCRIPTION))
}

pub fn of(
    cx: &StatementContext,
    files: Arc<dyn TableProvider>,
    columns: &Columns,
    options: &Options,
    wish: &Wish,
) -> SqlResult<Arc<dyn TableProvider>> {
    let is_plain = columns.read == columns.wanted && options.null_value.is_none();
    if is_plain && !wish.metadata && !wish.by_line && wish.rescued.is_none() {
        return Ok(files);
    }
    let mut scan = LogicalPlanBuilder::scan("files", provider_as_source(files), None)?;
    let mut exprs = Vec::with_capacity(columns.wanted.fields().len() + 2);
    if wish.by_line {
        let fields = columns.wanted.fields().clone();
        scan = scan.project(vec![record(cx, fields, options, wish), description()])?;
        let part = |name: &str| f::get_field(Expr::Column(Column::from_name(RECORD)), name);
        exprs.extend(columns.wanted.fields().iter().map(|w| part(w.name()).alias(w.name())));
        exprs.extend(wish.rescued.iter().map(|name| part(lines::RESCUED).alias(name)));
    } else {
        let lost = typed(cx, columns, options, wish.format, &mut exprs)?;
        if let Some(name) = &wish.rescued {
            let path = f::get_field(description(), "file_path");
            let rescued = match wish.format {
                Format::Csv => rescue::of_texts(path, lost),
                // Their columns have types of their own: nothing is lost.
                _ => lit(ScalarValue::Utf8(None)),
            };
            exprs.push(rescued.alias(name));
        }
    }
    let is_taken = columns.wanted.fields().iter().any(|w| w.name() == metadata::COLUMN);
    if wish.metadata && !is_taken {
        exprs.push(description().alias(metadata::COLUMN));
    }
    let plan = scan.project(exprs)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

fn record(cx: &StatementContext, fields: Fields, options: &Options, wish: &Wish) -> Expr {
    let line = Expr::Column(Column::from_name(LINE));
    let path = f::get_field(description(), "file_path");
    let zone = cx.settings.plan_zone();
    let rescues = wish.rescued.is_some();
    lines::decoded(line, path, fields, rescues, options.fail_fast, zone).alias(RECORD)
}

/// Adds the columns to `exprs`. Those that may lose values: name, text, value.
fn typed(
    cx: &StatementContext,
    columns: &Columns,
    options: &Options,
    format: Format,
    exprs: &mut Vec<Expr>,
) -> SqlResult<Vec<(String, Expr, Expr)>> {
    let mut lost = Vec::new();
    for field in columns.wanted.fields() {
        let there =
            columns.read.fields().iter().find(|f| f.name().eq_ignore_ascii_case(field.name()));
        let expr = match there {
            None => lit(ScalarValue::try_from(field.data_type())?),
            Some(read) => {
                let column = Expr::Column(Column::from_name(read.name()));
                let text = trimmed(column, read.data_type(), field.data_type(), options, format);
                let value = value(cx, text.clone(), read.data_type(), field.data_type(), options);
                if read.data_type() != field.data_type() {
                    lost.push((field.name().clone(), text, value.clone()));
                }
                value
            }
        };
        exprs.push(expr.alias(field.name()));
    }
    Ok(lost)
}

fn trimmed(
    column: Expr,
    read: &DataType,
    wanted: &DataType,
    options: &Options,
    format: Format,
) -> Expr {
    let mut expr = column;
    if !read.is_string() || format != Format::Csv {
        return expr;
    }
    let typed = !wanted.is_string();
    if options.ignore_leading_space || typed {
        expr = f::ltrim(vec![expr]);
    }
    if options.ignore_trailing_space || typed {
        expr = f::rtrim(vec![expr]);
    }
    match &options.null_value {
        Some(null) => f::nullif(expr, lit(null.clone())),
        None => expr,
    }
}

fn value(
    cx: &StatementContext,
    expr: Expr,
    read: &DataType,
    wanted: &DataType,
    options: &Options,
) -> Expr {
    if read == wanted {
        return expr;
    }
    let is_text = read.is_string();
    if is_text && matches!(wanted, DataType::Timestamp(_, Some(_))) {
        let zone = Some(cx.settings.plan_zone());
        let there = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, zone);
        let local = if options.fail_fast { cast(expr, there) } else { try_cast(expr, there) };
        return cast(local, wanted.clone());
    }
    match is_text && !options.fail_fast {
        true => try_cast(expr, wanted.clone()),
        false => cast(expr, wanted.clone()),
    }
}
