//! How many rows a plan is likely to give: from what the log says of tables, and from guesses about conditions.
//! Only for choosing between plans; nothing of it is an answer.

use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, Expr, FetchType, Filter, Join, JoinType, LogicalPlan, Projection, TableScan,
};
use std::collections::HashMap;

use super::selectivity;

/// Of a relation that nothing is known of.
const ROWS_UNKNOWN: f64 = 100_000.0;
/// What lies deeper is not looked at.
const DEPTH_MAX: usize = 64;

/// What is known of the values of a column. Numbers, dates and instants are all numbers here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Values {
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The part of the rows that is NULL.
    pub nulls: f64,
    pub distinct: f64,
    /// The bounds tell nothing about `distinct`: each row may have a value of its own.
    pub is_open: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Estimate {
    pub rows: f64,
    columns: HashMap<Column, Values>,
}

impl Estimate {
    /// Of an expression; what is computed may be anything.
    pub fn values(&self, expr: &Expr) -> Values {
        let known = selectivity::column(expr).and_then(|column| self.columns.get(column)).copied();
        let unknown = Values { distinct: self.rows.max(1.0), is_open: true, ..Values::default() };
        known.unwrap_or(unknown)
    }

    /// What is known of a column by itself.
    pub fn column(&self, column: &Column) -> Option<&Values> {
        self.columns.get(column)
    }

    /// Fewer of the same rows.
    fn cut(mut self, rows: f64) -> Self {
        self.rows = rows.min(self.rows);
        for values in self.columns.values_mut() {
            values.distinct = values.distinct.min(self.rows.max(1.0));
        }
        self
    }

    /// Other rows with columns of these two.
    pub fn joined(mut self, other: Self, rows: f64) -> Self {
        self.columns.extend(other.columns);
        self.rows = f64::INFINITY;
        self.cut(rows)
    }
}

/// Rows of an inner join on these pairs of expressions of the one and the other side.
pub fn joined_rows(left: &Estimate, right: &Estimate, on: &[(Expr, Expr)]) -> f64 {
    // As many as all pairs are, divided by the different keys that there are on the side that has more;
    // where that is a guess on both sides, the smaller one is likelier to know all keys.
    let (mut of_left, mut of_right, mut are_open) = (1.0_f64, 1.0_f64, true);
    for (one, other) in on {
        let (one, other) = (left.values(one), right.values(other));
        of_left *= one.distinct;
        of_right *= other.distinct;
        are_open &= one.is_open && other.is_open;
    }
    let of_left = of_left.min(left.rows.max(1.0));
    let of_right = of_right.min(right.rows.max(1.0));
    let keys = if are_open { of_left.min(of_right) } else { of_left.max(of_right) };
    left.rows * right.rows / keys
}

pub fn estimate(plan: &LogicalPlan) -> Estimate {
    within(plan, DEPTH_MAX)
}

fn within(plan: &LogicalPlan, depth: usize) -> Estimate {
    let unknown = || Estimate { rows: ROWS_UNKNOWN, ..Estimate::default() };
    let Some(depth) = depth.checked_sub(1) else { return unknown() };
    match plan {
        LogicalPlan::TableScan(scan) => of_scan(scan),
        LogicalPlan::Filter(filter) => of_filter(filter, within(&filter.input, depth)),
        LogicalPlan::Projection(projection) => {
            of_projection(projection, within(&projection.input, depth))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let input = within(&alias.input, depth);
            let names = alias.input.schema().columns().into_iter().zip(alias.schema.columns());
            let columns = names.filter_map(|(from, to)| Some((to, *input.columns.get(&from)?)));
            Estimate { rows: input.rows, columns: columns.collect() }
        }
        LogicalPlan::Join(join) => {
            of_join(join, within(&join.left, depth), within(&join.right, depth))
        }
        LogicalPlan::Aggregate(aggregate) => {
            of_aggregate(aggregate, &within(&aggregate.input, depth))
        }
        LogicalPlan::Limit(limit) => {
            let input = within(&limit.input, depth);
            match limit.get_fetch_type() {
                Ok(FetchType::Literal(Some(fetch))) => input.cut(number(fetch)),
                _ => input,
            }
        }
        LogicalPlan::Sort(sort) => {
            let input = within(&sort.input, depth);
            let rows = sort.fetch.map_or(input.rows, number);
            input.cut(rows)
        }
        LogicalPlan::Union(union) => {
            let rows = union.inputs.iter().map(|input| within(input, depth).rows).sum();
            Estimate { rows, ..Estimate::default() }
        }
        LogicalPlan::EmptyRelation(empty) => {
            let rows = if empty.produce_one_row { 1.0 } else { 0.0 };
            Estimate { rows, ..Estimate::default() }
        }
        LogicalPlan::Values(values) => {
            Estimate { rows: number(values.values.len()), ..Estimate::default() }
        }
        other => match other.inputs().as_slice() {
            [one] => within(one, depth),
            _ => unknown(),
        },
    }
}

fn of_scan(scan: &TableScan) -> Estimate {
    let statistics = source_as_provider(&scan.source).ok().and_then(|it| it.statistics());
    let Some(statistics) = statistics else {
        return Estimate { rows: ROWS_UNKNOWN, ..Estimate::default() };
    };
    let rows = rows_of(&statistics);
    let schema = scan.source.schema();
    let projected: Vec<usize> = match &scan.projection {
        Some(indices) => indices.clone(),
        None => (0..schema.fields().len()).collect(),
    };
    let columns = projected.into_iter().filter_map(|index| {
        let name = schema.fields().get(index)?.name();
        let values = values_of(statistics.column_statistics.get(index)?, rows);
        Some((Column::new(Some(scan.table_name.clone()), name), values))
    });
    Estimate { rows, columns: columns.collect() }
}

fn rows_of(statistics: &Statistics) -> f64 {
    statistics.num_rows.get_value().map_or(ROWS_UNKNOWN, |rows| number(*rows))
}

fn values_of(column: &ColumnStatistics, rows: f64) -> Values {
    let bound = |value: &Precision<ScalarValue>| value.get_value().and_then(selectivity::as_number);
    let nulls = column.null_count.get_value().map_or(0.0, |nulls| number(*nulls));
    let (min, max) = (bound(&column.min_value), bound(&column.max_value));
    let is_discrete = column.min_value.get_value().is_some_and(|value| {
        let data_type = value.data_type();
        data_type.is_integer() || data_type == datafusion::arrow::datatypes::DataType::Date32
    });
    let range = min.zip(max).filter(|_| is_discrete).map(|(min, max)| max - min + 1.0);
    let rows = rows.max(1.0);
    Values {
        min,
        max,
        nulls: nulls / rows,
        distinct: range.map_or(rows, |range| range.clamp(1.0, rows)),
        // Nearly as many numbers as rows: some may be missing.
        is_open: range.is_none_or(|range| range * 1.1 >= rows),
    }
}

fn of_filter(filter: &Filter, input: Estimate) -> Estimate {
    let conditions = split_conjunction(&filter.predicate);
    let part = selectivity::of_all(&conditions, &input);
    let rows = input.rows * part;
    let mut out = input.cut(rows);
    for column in conditions.iter().filter_map(|condition| selectivity::fixed(condition)) {
        if let Some(values) = out.columns.get_mut(column) {
            values.distinct = 1.0;
        }
    }
    out
}

fn of_projection(projection: &Projection, input: Estimate) -> Estimate {
    let columns = projection.expr.iter().zip(projection.schema.columns());
    let columns = columns.filter_map(|(expr, name)| {
        let values = input.columns.get(selectivity::column(expr)?)?;
        Some((name, *values))
    });
    Estimate { rows: input.rows, columns: columns.collect() }
}

fn of_join(join: &Join, left: Estimate, right: Estimate) -> Estimate {
    let mut inner = joined_rows(&left, &right, &join.on);
    if let Some(filter) = &join.filter {
        let both = left.clone().joined(right.clone(), inner);
        inner *= selectivity::of_all(&split_conjunction(filter), &both);
    }
    // Of the rows of one side, those that find others.
    let matched = |side: &Estimate, keys: &Estimate, of: fn(&(Expr, Expr)) -> (&Expr, &Expr)| {
        let part = join.on.iter().map(of).map(|(own, others)| {
            (keys.values(others).distinct / side.values(own).distinct.max(1.0)).min(1.0)
        });
        side.rows * part.fold(1.0, f64::min) * if join.filter.is_some() { 0.5 } else { 1.0 }
    };
    let of_left = || matched(&left, &right, |(one, other)| (one, other));
    let of_right = || matched(&right, &left, |(one, other)| (other, one));
    match join.join_type {
        JoinType::Inner => left.joined(right, inner),
        JoinType::Left => {
            let rows = inner.max(left.rows);
            left.joined(right, rows)
        }
        JoinType::Right => {
            let rows = inner.max(right.rows);
            left.joined(right, rows)
        }
        JoinType::Full => {
            let rows = inner.max(left.rows + right.rows);
            left.joined(right, rows)
        }
        JoinType::LeftSemi => {
            let rows = of_left();
            left.cut(rows)
        }
        JoinType::RightSemi => {
            let rows = of_right();
            right.cut(rows)
        }
        JoinType::LeftAnti => {
            let rows = (left.rows - of_left()).max(left.rows * 0.1);
            left.cut(rows)
        }
        JoinType::RightAnti => {
            let rows = (right.rows - of_right()).max(right.rows * 0.1);
            right.cut(rows)
        }
        JoinType::LeftMark => left,
        JoinType::RightMark => right,
    }
}

fn of_aggregate(aggregate: &Aggregate, input: &Estimate) -> Estimate {
    let mut groups = 1.0_f64;
    let mut columns = HashMap::new();
    for (expr, name) in aggregate.group_expr.iter().zip(aggregate.schema.columns()) {
        let values = input.values(expr);
        groups *= values.distinct;
        columns.insert(name, values);
    }
    // Columns of one group are rarely independent.
    let rows = groups.min(if columns.len() > 1 { input.rows * 0.5 } else { input.rows }).max(1.0);
    Estimate { rows: f64::INFINITY, columns }.cut(rows)
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn number(count: usize) -> f64 {
    count as f64
}
