//! Relations that DataFusion's planner does not know: generators, PIVOT, UNPIVOT, TABLESAMPLE.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{
    Column, DFSchema, DataFusionError, NullHandling, Result, ScalarValue, TableReference,
    UnnestOptions,
};
use datafusion::functions::core::expr_fn::{get_field, named_struct};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, cast, lit, when,
};
use datafusion::sql::sqlparser::ast::{
    self, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, NullInclusion,
    PivotValueSource, TableAlias, TableFactor, TableSampleKind, TableSampleUnit,
};

use super::generators::{COMPUTE, GENERATE};
use super::rewrite::HIDDEN;
use super::{explode, literals};
use crate::error::SqlError;

#[derive(Debug)]
pub struct SparkRelations;

type Context<'a> = &'a mut dyn RelationPlannerContext;

impl RelationPlanner for SparkRelations {
    fn plan_relation(&self, relation: TableFactor, cx: Context<'_>) -> Result<RelationPlanning> {
        let (plan, alias) = match relation {
            TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias }
                if name.value == GENERATE =>
            {
                let input = filtered(cx.plan(*table)?, columns, cx)?;
                let outer = null_inclusion.is_some();
                (generate(input, value, outer, alias, cx)?, None)
            }
            TableFactor::Unpivot { table, name, columns, .. } if name.value == COMPUTE => {
                (computed(cx.plan(*table)?, columns, cx)?, None)
            }
            TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
                let input = cx.plan(*table)?;
                let nulls = matches!(null_inclusion, Some(NullInclusion::IncludeNulls));
                (unpivot(input, value, &name.value, columns, nulls, cx)?, alias)
            }
            TableFactor::Pivot {
                table,
                aggregate_functions,
                value_column,
                value_source,
                alias,
                ..
            } => {
                let input = cx.plan(*table)?;
                let PivotValueSource::List(values) = value_source else {
                    return Err(raise(SqlError::unsupported("PIVOT without a list of values")));
                };
                (pivot(input, aggregate_functions, value_column, values, cx)?, alias)
            }
            mut other => {
                let Some(sample) = take_sample(&mut other) else {
                    return Ok(RelationPlanning::Original(Box::new(other)));
                };
                (sampled(cx.plan(other)?, &sample, cx)?, None)
            }
        };
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

fn raise(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn filtered(
    input: LogicalPlan,
    conditions: Vec<ExprWithAlias>,
    cx: Context<'_>,
) -> Result<LogicalPlan> {
    let mut builder = LogicalPlanBuilder::from(input);
    for condition in conditions {
        let condition = cx.sql_to_expr(condition.expr, &builder.schema().clone())?;
        builder = builder.filter(condition)?;
    }
    builder.build()
}

/// With columns more; what has no name is a condition.
fn computed(
    input: LogicalPlan,
    columns: Vec<ExprWithAlias>,
    cx: Context<'_>,
) -> Result<LogicalPlan> {
    let (columns, conditions): (Vec<_>, Vec<_>) =
        columns.into_iter().partition(|column| column.alias.is_some());
    let input = filtered(input, conditions, cx)?;
    let schema = input.schema().clone();
    let mut all = all_columns(&schema);
    for ExprWithAlias { expr, alias } in columns {
        let name = alias.map(|alias| alias.value).unwrap_or_default();
        all.push(cx.sql_to_expr(expr, &schema)?.alias(name));
    }
    LogicalPlanBuilder::from(input).project(all)?.build()
}

fn all_columns(schema: &DFSchema) -> Vec<Expr> {
    schema.iter().map(|pair| Expr::Column(Column::from(pair))).collect()
}

/// Every row of the input once per struct in `rows`, whose fields become columns.
fn unnested(
    input: LogicalPlan,
    rows: Expr,
    outer: bool,
    kept: Vec<Expr>,
    fields: impl IntoIterator<Item = (String, String)>,
    relation: Option<TableReference>,
) -> Result<LogicalPlan> {
    let list = format!("{HIDDEN}rows");
    let mut columns = all_columns(input.schema());
    columns.push(rows.alias(&list));
    let null_handling =
        if outer { NullHandling::PreserveAndExpandEmpty } else { NullHandling::Drop };
    let options = UnnestOptions { null_handling, ..UnnestOptions::default() };
    let plan = LogicalPlanBuilder::from(input)
        .project(columns)?
        .unnest_columns_with_options(vec![Column::new_unqualified(&list)], options)?;
    let made = fields.into_iter().map(|(field, name)| {
        let row = Expr::Column(Column::new_unqualified(&list));
        get_field(row, field).alias_qualified(relation.clone(), name)
    });
    plan.project(kept.into_iter().chain(made).collect::<Vec<_>>())?.build()
}

fn generate(
    input: LogicalPlan,
    value: ast::Expr,
    outer: bool,
    alias: Option<TableAlias>,
    cx: Context<'_>,
) -> Result<LogicalPlan> {
    let (name, arguments) = call_of(value)?;
    let schema = input.schema().clone();
    let mut given = Vec::with_capacity(arguments.len());
    for argument in arguments {
        given.push(literals::narrow_expr(cx.sql_to_expr(argument, &schema)?)?);
    }
    let (kind, outer) = match name.strip_suffix("_outer") {
        Some(kind) => (kind, true),
        None => (name.as_str(), outer),
    };
    let (rows, names) = match kind {
        "stack" => stack(given, &schema)?,
        "json_tuple" => json_tuple(given, cx)?,
        "variant_explode" => {
            let entries = biplane_functions::function("variant_entries");
            let entries = entries.ok_or_else(|| raise(SqlError::function_not_found(kind)))?;
            collection("inline", vec![entries.call(given)], &schema)?
        }
        _ => collection(kind, given, &schema)?,
    };
    let wanted: Vec<String> = match &alias {
        Some(alias) => alias.columns.iter().map(|column| column.name.value.clone()).collect(),
        None => Vec::new(),
    };
    if !wanted.is_empty() && wanted.len() != names.len() {
        let text = format!(
            "The number of aliases supplied in the AS clause does not match the number of columns \
             output by the UDTF: expected {} aliases, but got {}",
            names.len(),
            wanted.join(",")
        );
        return Err(raise(SqlError::new("UDTF_ALIAS_NUMBER_MISMATCH", "42802", text)));
    }
    let shown = if wanted.is_empty() { names.clone() } else { wanted };
    let relation = alias.map(|alias| TableReference::bare(alias.name.value));
    // Where nothing is read there is one row without a column that could be named.
    let is_named =
        |column: &Expr| !matches!(column, Expr::Column(column) if column.name.starts_with(HIDDEN));
    let kept = all_columns(&schema).into_iter().filter(is_named).collect();
    unnested(input, rows, outer, kept, names.into_iter().zip(shown), relation)
}

fn call_of(value: ast::Expr) -> Result<(String, Vec<ast::Expr>)> {
    let wrong = || raise(SqlError::unsupported("this generator"));
    let ast::Expr::Function(function) = value else { return Err(wrong()) };
    let name = function.name.to_string().replace('`', "");
    let FunctionArguments::List(list) = function.args else { return Err(wrong()) };
    let arguments = list.args.into_iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
        | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. } => Ok(expr),
        _ => Err(wrong()),
    });
    Ok((name.trim_start_matches(HIDDEN).to_owned(), arguments.collect::<Result<_>>()?))
}

fn arity(name: &str, expected: &str, actual: usize) -> DataFusionError {
    let text =
        format!("The `{name}` requires {expected} parameters but the actual number is {actual}");
    raise(SqlError::new("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text))
}

/// `explode`, `posexplode`, `inline`.
fn collection(kind: &str, given: Vec<Expr>, schema: &DFSchema) -> Result<(Expr, Vec<String>)> {
    let count = given.len();
    let Ok([value]) = <[Expr; 1]>::try_from(given) else { return Err(arity(kind, "1", count)) };
    let (positions, inline) = (kind == "posexplode", kind == "inline");
    let given = value.get_type(schema)?;
    let Some(fields) = explode::columns(&given, positions, inline) else {
        let wanted = if inline { "ARRAY<STRUCT>" } else { "(\"ARRAY\" or \"MAP\")" };
        let text = format!(
            "Cannot resolve \"{kind}\" due to data type mismatch: the first parameter requires the \
             {wanted} type"
        );
        let class = "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE";
        return Err(raise(SqlError::new(class, "42K09", text)));
    };
    let names = fields.iter().map(|field| field.name().clone()).collect();
    Ok((explode::rows(value, positions, inline), names))
}

/// `stack(n, a, b, c, d)`: n rows.
fn stack(mut given: Vec<Expr>, schema: &DFSchema) -> Result<(Expr, Vec<String>)> {
    if given.len() < 2 {
        return Err(arity("stack", "> 1", given.len()));
    }
    let values = given.split_off(1);
    let count = match given.first() {
        Some(Expr::Literal(ScalarValue::Int32(Some(count)), _)) => usize::try_from(*count).ok(),
        _ => None,
    };
    let Some(count) = count.filter(|count| (1..=10_000).contains(count)) else {
        let text = "The number of rows of stack must be a positive whole number";
        return Err(raise(SqlError::new("DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "42K09", text)));
    };
    let width = values.len().div_ceil(count);
    let mut table: Vec<Vec<Expr>> = values.chunks(width).map(<[Expr]>::to_vec).collect();
    for row in &mut table {
        row.resize(width, lit(ScalarValue::Null));
    }
    table.resize(count, vec![lit(ScalarValue::Null); width]);
    let names: Vec<String> = (0..width).map(|at| format!("col{at}")).collect();
    Ok((rows_of(table, &names, schema)?, names))
}

/// Rows of expressions as a list of structs, each column of one type.
fn rows_of(mut table: Vec<Vec<Expr>>, names: &[String], schema: &DFSchema) -> Result<Expr> {
    for (at, name) in names.iter().enumerate() {
        let types = table
            .iter()
            .filter_map(|row| row.get(at))
            .map(|value| value.get_type(schema))
            .collect::<Result<Vec<DataType>>>()?;
        let Some(common) = type_union_resolution(&types) else {
            let text = format!("The values of the column {name} have no type in common");
            return Err(raise(SqlError::type_mismatch(text)));
        };
        for row in &mut table {
            if let Some(value) = row.get_mut(at) {
                *value = cast(std::mem::replace(value, lit(ScalarValue::Null)), common.clone());
            }
        }
    }
    let structs = table.into_iter().map(|row| {
        let fields = names.iter().zip(row).flat_map(|(name, value)| [lit(name.as_str()), value]);
        named_struct(fields.collect())
    });
    Ok(make_array(structs.collect()))
}

fn json_tuple(given: Vec<Expr>, cx: Context<'_>) -> Result<(Expr, Vec<String>)> {
    let mut given = given.into_iter();
    let (Some(text), keys) = (given.next(), given.collect::<Vec<_>>()) else {
        return Err(arity("json_tuple", "> 1", 0));
    };
    if keys.is_empty() {
        return Err(arity("json_tuple", "> 1", 1));
    }
    let function = cx.context_provider().get_function_meta("get_json_object");
    let Some(function) = function else {
        return Err(raise(SqlError::function_not_found("`json_tuple`")));
    };
    let mut fields = Vec::with_capacity(keys.len() * 2);
    let mut names = Vec::with_capacity(keys.len());
    for (at, key) in keys.into_iter().enumerate() {
        let Expr::Literal(key, _) = &key else {
            return Err(raise(SqlError::unsupported("json_tuple with a field that is no literal")));
        };
        let path = format!("$['{}']", key.try_as_str().flatten().unwrap_or_default());
        names.push(format!("c{at}"));
        fields.push(lit(format!("c{at}")));
        fields.push(function.call(vec![text.clone(), lit(path)]));
    }
    Ok((make_array(vec![named_struct(fields)]), names))
}

fn unpivot(
    input: LogicalPlan,
    value: ast::Expr,
    name: &str,
    columns: Vec<ExprWithAlias>,
    nulls: bool,
    cx: Context<'_>,
) -> Result<LogicalPlan> {
    let name_of = |expr: ast::Expr| match expr {
        ast::Expr::Identifier(ident) => Ok(ident.value),
        other => Err(raise(SqlError::unsupported(format!("UNPIVOT to {other}")))),
    };
    let values: Vec<String> = parts(value).into_iter().map(name_of).collect::<Result<_>>()?;
    let schema = input.schema().clone();
    let mut used = Vec::new();
    let mut table = Vec::with_capacity(columns.len());
    for ExprWithAlias { expr, alias } in columns {
        let mut row = Vec::with_capacity(values.len() + 1);
        let shown = alias.map(|alias| alias.value);
        let mut spelled = Vec::new();
        for part in parts(expr) {
            let column = cx.sql_to_expr(part, &schema)?;
            let Expr::Column(found) = &column else {
                return Err(raise(SqlError::unsupported("UNPIVOT of an expression")));
            };
            spelled.push(found.name.clone());
            used.push(found.clone());
            row.push(column);
        }
        if row.len() != values.len() {
            let text = "UNPIVOT needs as many columns in each group as there are values";
            return Err(raise(SqlError::new("UNPIVOT_VALUE_SIZE_MISMATCH", "428C4", text)));
        }
        row.insert(0, lit(shown.unwrap_or_else(|| spelled.join("_"))));
        table.push(row);
    }
    let kept = |column: &Expr| !matches!(column, Expr::Column(column) if used.contains(column));
    let kept: Vec<Expr> = all_columns(&schema).into_iter().filter(kept).collect();
    let names: Vec<String> = std::iter::once(name.to_owned()).chain(values.clone()).collect();
    let differ = || {
        let text = "Unpivot value columns must share a least common type";
        raise(SqlError::new("UNPIVOT_VALUE_DATA_TYPE_MISMATCH", "42K09", text))
    };
    // Text is not what all the others could be read as here.
    for at in 1..names.len() {
        let of_column = table.iter().filter_map(|row| row.get(at)?.get_type(&schema).ok());
        let known = of_column.filter(|data_type| !data_type.is_null());
        let (texts, others): (Vec<_>, Vec<_>) = known.partition(DataType::is_string);
        if !texts.is_empty() && !others.is_empty() {
            return Err(differ());
        }
    }
    let rows = rows_of(table, &names, &schema).map_err(|_| differ())?;
    let fields: Vec<(String, String)> = names.iter().cloned().zip(names.iter().cloned()).collect();
    let plan = unnested(input, rows, false, kept, fields, None)?;
    if nulls {
        return Ok(plan);
    }
    let any = values.iter().map(|value| Expr::Column(Column::new_unqualified(value)).is_not_null());
    match any.reduce(Expr::or) {
        Some(any) => LogicalPlanBuilder::from(plan).filter(any)?.build(),
        None => Ok(plan),
    }
}

/// `(a, b)` → a and b.
fn parts(expr: ast::Expr) -> Vec<ast::Expr> {
    match expr {
        ast::Expr::Tuple(parts) => parts,
        ast::Expr::Nested(inner) => parts(*inner),
        other => vec![other],
    }
}

/// Groups by the columns that are not named; a column per value and aggregate. The rewriting of the AST
/// has given all of them their names.
fn pivot(
    input: LogicalPlan,
    aggregates: Vec<ExprWithAlias>,
    by: Vec<ast::Expr>,
    values: Vec<ExprWithAlias>,
    cx: Context<'_>,
) -> Result<LogicalPlan> {
    let schema = input.schema().clone();
    let mut keys = Vec::new();
    for key in by.into_iter().flat_map(parts) {
        keys.push(cx.sql_to_expr(key, &schema)?);
    }
    let mut planned = Vec::new();
    for aggregate in aggregates {
        let expr = cx.sql_to_expr(aggregate.expr, &schema)?;
        if find_aggregate_exprs([&expr]).is_empty() {
            let text = "An aggregate expression is required for pivot";
            return Err(raise(SqlError::new("PIVOT_AGGREGATE_REQUIRED", "42K09", text)));
        }
        planned.push((expr, aggregate.alias.map(|alias| alias.value)));
    }
    let mut used: Vec<Column> = Vec::new();
    for expr in keys.iter().chain(planned.iter().map(|(expr, _)| expr)) {
        used.extend(expr.column_refs().into_iter().cloned());
    }
    let groups: Vec<Expr> = all_columns(&schema)
        .into_iter()
        .filter(|column| !matches!(column, Expr::Column(column) if used.contains(column)))
        .collect();
    let mut columns = Vec::new();
    for ExprWithAlias { expr, alias } in values {
        let mut condition = lit(true);
        for (key, part) in keys.iter().zip(parts(expr)) {
            let value = match cx.sql_to_expr(part.clone(), &DFSchema::empty()) {
                Ok(value) => value,
                Err(_) => {
                    // A column that is not there is missing first of all.
                    cx.sql_to_expr(part, &schema)?;
                    let text = "Literal expressions required for pivot values";
                    return Err(raise(SqlError::new("NON_LITERAL_PIVOT_VALUES", "42K08", text)));
                }
            };
            let (key, op) = (Box::new(key.clone()), Operator::IsNotDistinctFrom);
            let is_value = Expr::BinaryExpr(BinaryExpr::new(key, op, Box::new(value)));
            condition = condition.and(is_value);
        }
        let value = alias.map(|alias| alias.value).unwrap_or_default();
        for (aggregate, name) in &planned {
            let name = match name {
                Some(name) if !value.is_empty() => format!("{value}_{name}"),
                Some(name) => name.clone(),
                None => value.clone(),
            };
            columns.push(only_where(aggregate.clone(), &condition)?.alias(name));
        }
    }
    aggregated(input, groups, columns)
}

/// The aggregate over the rows that fulfil the condition; NULL where there are none.
fn only_where(aggregate: Expr, condition: &Expr) -> Result<Expr> {
    let narrowed = aggregate
        .transform_up(|expr| {
            Ok(match expr {
                Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
                    let both = match params.filter.take() {
                        Some(filter) => filter.and(condition.clone()),
                        None => condition.clone(),
                    };
                    match params.args.as_mut_slice() {
                        // It passes over the filter where rows are grouped.
                        [value] if matches!(func.name(), "avg" | "try_avg") => {
                            *value = when(both, std::mem::take(value)).end()?;
                        }
                        _ => params.filter = Some(Box::new(both)),
                    }
                    Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params }))
                }
                other => Transformed::no(other),
            })
        })
        .data()?;
    let counts = find_aggregate_exprs([&narrowed]).iter().any(
        |expr| matches!(expr, Expr::AggregateFunction(function) if function.func.name() == "count"),
    );
    if !counts {
        return Ok(narrowed);
    }
    let rows = datafusion::functions_aggregate::expr_fn::max(
        when(condition.clone(), lit(true)).otherwise(lit(ScalarValue::Boolean(None)))?,
    );
    when(rows.is_true(), narrowed).end()
}

fn aggregated(input: LogicalPlan, groups: Vec<Expr>, columns: Vec<Expr>) -> Result<LogicalPlan> {
    let aggregates = find_aggregate_exprs(&columns);
    let plan = LogicalPlanBuilder::from(input).aggregate(groups.clone(), aggregates.clone())?;
    let rebased = columns.into_iter().map(|column| {
        column
            .transform_down(|expr| {
                Ok(match aggregates.contains(&expr) {
                    true => Transformed::yes(Expr::Column(Column::new_unqualified(
                        expr.schema_name().to_string(),
                    ))),
                    false => Transformed::no(expr),
                })
            })
            .data()
    });
    let rebased: Vec<Expr> = rebased.collect::<Result<_>>()?;
    // What comes out of a PIVOT belongs to no relation.
    let groups = groups.into_iter().map(|group| match &group {
        Expr::Column(column) => {
            let name = column.name.clone();
            group.alias_qualified(None::<TableReference>, name)
        }
        _ => unnormalize_col(group),
    });
    plan.project(groups.chain(rebased).collect::<Vec<_>>())?.build()
}

fn take_sample(factor: &mut TableFactor) -> Option<ast::TableSample> {
    let sample = match factor {
        TableFactor::Table { sample, .. } | TableFactor::Derived { sample, .. } => sample.take(),
        _ => None,
    };
    sample.map(|kind| match kind {
        TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample) => {
            *sample
        }
    })
}

fn sampled(input: LogicalPlan, sample: &ast::TableSample, cx: Context<'_>) -> Result<LogicalPlan> {
    let number = |text: String| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let share = if let Some(bucket) = &sample.bucket {
        if bucket.on.is_some() {
            return Err(raise(SqlError::unsupported("TABLESAMPLE (BUCKET … ON …)")));
        }
        let value = |value: &ast::ValueWithSpan| number(value.to_string());
        match (value(&bucket.bucket), value(&bucket.total)) {
            (Some(part), Some(all)) if part >= 1.0 && part <= all => Some(1.0 / all),
            _ => None,
        }
    } else {
        let Some(quantity) = &sample.quantity else {
            return Err(raise(SqlError::unsupported("TABLESAMPLE of this form")));
        };
        match quantity.unit {
            Some(TableSampleUnit::Percent) => {
                number(quantity.value.to_string()).map(|percent| percent / 100.0)
            }
            _ => {
                let rows = cx.sql_to_expr(quantity.value.clone(), &DFSchema::empty())?;
                return LogicalPlanBuilder::from(input).limit_by_expr(None, Some(rows))?.build();
            }
        }
    };
    let Some(share) = share.filter(|share| (0.0..=1.0).contains(share)) else {
        let text = "The size of a sample must be between 0 and the whole";
        return Err(raise(SqlError::new("INVALID_TABLESAMPLE_FRACTION", "22023", text)));
    };
    if share >= 1.0 {
        return Ok(input);
    }
    if sample.seed.is_some() && share > 0.0 {
        return Err(raise(SqlError::unsupported("TABLESAMPLE … REPEATABLE")));
    }
    let chance = datafusion::functions::math::expr_fn::random();
    LogicalPlanBuilder::from(input).filter(chance.lt(lit(share)))?.build()
}
