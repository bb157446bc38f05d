//! Rules over analysed plans: what types decide, after DataFusion made them fit.

use biplane_functions::variant::is_variant;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, TryCast,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

use super::operators::{Arithmetic, text_of};

pub fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![Arc::new(SparkSemantics), super::deadline::analyzer_rule()]
}

/// Arithmetic that does not wrap, casts that raise or not, text as Spark prints it.
#[derive(Debug)]
struct SparkSemantics;

impl AnalyzerRule for SparkSemantics {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let ansi = config.execution.enable_ansi_mode;
        plan.transform_up_with_subqueries(|plan| node(plan, ansi)).data()
    }

    fn name(&self) -> &str {
        "spark_semantics"
    }
}

fn node(plan: LogicalPlan, ansi: bool) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&DFSchema::try_from_qualified_schema(
            scan.table_name.clone(),
            &scan.source.schema(),
        )?);
    }
    let preserver = NamePreserver::new(&plan);
    let changed = plan.map_expressions(|expr| {
        let name = preserver.save(&expr);
        let expr = expr.transform_up(|expr| expression(expr, &schema, ansi))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?;
    if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
}

fn expression(expr: Expr, schema: &DFSchema, ansi: bool) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let operation = match op {
                Operator::Plus => Some(Arithmetic::Add),
                Operator::Minus => Some(Arithmetic::Subtract),
                Operator::Multiply => Some(Arithmetic::Multiply),
                Operator::Divide => Some(Arithmetic::IntegerDivide),
                Operator::Modulo => Some(Arithmetic::Remainder),
                _ => None,
            };
            match operation {
                // Without ANSI the wrapping of DataFusion is what is wanted.
                Some(operation)
                    if needs_call(operation, ansi)
                        && (are_whole(&left, &right, schema)
                            || (operation == Arithmetic::Remainder
                                && are_floating(&left, &right, schema))) =>
                {
                    Transformed::yes(operation.call(*left, *right))
                }
                _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
            }
        }
        Expr::Cast(Cast { expr: inner, field }) => {
            let from = inner.get_type(schema).unwrap_or(DataType::Null);
            if let Some(name) = variant_cast(&from, field.data_type(), false) {
                return Ok(Transformed::yes(through(name, *inner, field.data_type())?));
            }
            if let Some(meaning) =
                super::casts::meaning(&inner, &given(&inner, schema), &field, false)?
            {
                return Ok(Transformed::yes(meaning));
            }
            if field.data_type().is_string() && prints_its_own_way(&from) {
                let text = text_of(*inner);
                let is_utf8 = field.data_type() == &DataType::Utf8;
                let text =
                    if is_utf8 { text } else { Expr::Cast(Cast { expr: Box::new(text), field }) };
                Transformed::yes(text)
            } else if !ansi && from.is_string() {
                Transformed::yes(Expr::TryCast(TryCast { expr: inner, field }))
            } else {
                Transformed::no(Expr::Cast(Cast { expr: inner, field }))
            }
        }
        Expr::TryCast(TryCast { expr: inner, field }) => {
            let from = inner.get_type(schema).unwrap_or(DataType::Null);
            match variant_cast(&from, field.data_type(), true) {
                Some(name) => Transformed::yes(through(name, *inner, field.data_type())?),
                None => {
                    match super::casts::meaning(&inner, &given(&inner, schema), &field, true)? {
                        Some(meaning) => Transformed::yes(meaning),
                        None => Transformed::no(Expr::TryCast(TryCast { expr: inner, field })),
                    }
                }
            }
        }
        // What it is called with may not even have a value.
        Expr::ScalarFunction(call) if call.func.name() == "typeof" && call.args.len() == 1 => {
            let field = call.args[0].to_field(schema)?.1;
            Transformed::yes(Expr::Literal(super::operators::type_name(&field), None))
        }
        other => Transformed::no(other),
    })
}

fn given(expr: &Expr, schema: &DFSchema) -> FieldRef {
    let unknown = || Arc::new(Field::new("", DataType::Null, true));
    expr.to_field(schema).map_or_else(|_| unknown(), |(_, field)| field)
}

/// The function that a cast from or to VARIANT is.
fn variant_cast(from: &DataType, to: &DataType, lenient: bool) -> Option<&'static str> {
    match (is_variant(from), is_variant(to)) {
        (true, false) if lenient => Some("try_variant_as"),
        (true, false) => Some("variant_as"),
        (false, true) if !from.is_null() => Some("to_variant"),
        _ => None,
    }
}

fn through(name: &str, value: Expr, to: &DataType) -> Result<Expr> {
    let function = biplane_functions::function(name)
        .ok_or_else(|| internal_datafusion_err!("no function {name}"))?;
    let mut args = vec![value];
    if name != "to_variant" {
        args.push(Expr::Literal(ScalarValue::try_from(to)?, None));
    }
    Ok(function.call(args))
}

fn needs_call(operation: Arithmetic, ansi: bool) -> bool {
    ansi || matches!(operation, Arithmetic::IntegerDivide | Arithmetic::Remainder)
}

fn are_whole(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    let is_whole = |data_type: &DataType| {
        matches!(data_type, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
    };
    match (left.get_type(schema), right.get_type(schema)) {
        (Ok(left), Ok(right)) => left == right && is_whole(&left),
        _ => false,
    }
}

fn are_floating(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    match (left.get_type(schema), right.get_type(schema)) {
        (Ok(left), Ok(right)) => left == right && left.is_floating(),
        _ => false,
    }
}

fn prints_its_own_way(data_type: &DataType) -> bool {
    data_type.is_floating()
        || data_type.is_nested()
        || matches!(
            data_type,
            DataType::Timestamp(..) | DataType::Interval(_) | DataType::Duration(_)
        )
}
