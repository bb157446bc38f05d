//! Values that come together, of branches, arguments or queries, have one type, as in ANSI Spark: text
//! beside something else is read as that, and whole numbers beside text are BIGINT. A date beside an instant is the
//! instant at which it begins, a FLOAT beside a whole number is a DOUBLE.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Case, Expr, ExprSchemable, LogicalPlan, Projection, Union, cast};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

use super::fitting::text_beside;

/// Functions of which all arguments are of one type.
const ALIKE: [&str; 7] = ["coalesce", "nvl", "ifnull", "greatest", "least", "make_array", "array"];

/// Before DataFusion makes types fit: it would make everything text.
#[derive(Debug)]
pub struct ComeTogether;

impl AnalyzerRule for ComeTogether {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        if !config.execution.enable_ansi_mode {
            return Ok(plan);
        }
        let fitted = plan.transform_up_with_subqueries(node)?;
        if !fitted.transformed {
            return Ok(fitted.data);
        }
        let plan = fitted
            .data
            .transform_up_with_subqueries(|plan| plan.recompute_schema().map(Transformed::yes))?;
        Ok(plan.data)
    }

    fn name(&self) -> &str {
        "come_together"
    }
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Union(union) = plan {
        return queries(union);
    }
    let schema = merge_schema(&plan.inputs());
    let preserver = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = preserver.save(&expr);
        let expr = expr.transform_up(|expr| expression(expr, &schema))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })
}

fn expression(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) if ALIKE.contains(&func.name()) => {
            let Some(wanted) = of_all(args.iter(), schema) else {
                return Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })));
            };
            let args = args.into_iter().map(|arg| become_it(arg, &wanted, schema)).collect();
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
        }
        Expr::ScalarFunction(ScalarFunction { func, mut args })
            if func.name() == "if" && args.len() == 3 =>
        {
            let Some(wanted) = of_all(args[1..].iter(), schema) else {
                return Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })));
            };
            let branches: Vec<Expr> = args.drain(1..).collect();
            args.extend(branches.into_iter().map(|arg| become_it(arg, &wanted, schema)));
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
        }
        Expr::Case(mut case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| &**then);
            let results = results.chain(case.else_expr.as_deref());
            let Some(wanted) = of_all(results, schema) else {
                return Ok(Transformed::no(Expr::Case(case)));
            };
            let fit = |then: Box<Expr>| Box::new(become_it(*then, &wanted, schema));
            let branches = std::mem::take(&mut case.when_then_expr).into_iter();
            let when_then_expr = branches.map(|(when, then)| (when, fit(then))).collect();
            let else_expr = case.else_expr.map(fit);
            Ok(Transformed::yes(Expr::Case(Case { when_then_expr, else_expr, ..case })))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn become_it(expr: Expr, wanted: &DataType, schema: &DFSchema) -> Expr {
    match expr.get_type(schema) {
        Ok(given) if &given == wanted || given.is_null() => expr,
        Ok(given) => as_it(expr, &given, wanted),
        Err(_) => cast(expr, wanted.clone()),
    }
}

fn as_it(expr: Expr, given: &DataType, wanted: &DataType) -> Expr {
    match (given, wanted) {
        // By the clock of the session, not of UTC.
        (DataType::Date32, DataType::Timestamp(unit, Some(_))) => {
            cast(cast(expr, DataType::Timestamp(*unit, None)), wanted.clone())
        }
        _ => cast(expr, wanted.clone()),
    }
}

fn of_all<'a>(exprs: impl Iterator<Item = &'a Expr>, schema: &DFSchema) -> Option<DataType> {
    let types: Option<Vec<DataType>> = exprs.map(|expr| expr.get_type(schema).ok()).collect();
    common(types?.iter())
}

/// None: they are fitted otherwise.
fn common<'a>(types: impl Iterator<Item = &'a DataType> + Clone) -> Option<DataType> {
    let of_text = beside_text(types.clone());
    of_text.or_else(|| {
        let types: Vec<&DataType> = types.filter(|given| !given.is_null()).collect();
        let any = |is: fn(&DataType) -> bool| types.iter().copied().find(|given| is(given));
        let all = |is: fn(&DataType) -> bool| types.iter().all(|given| is(given));
        let is_instant = |given: &DataType| matches!(given, DataType::Timestamp(_, Some(_)));
        let is_date = |given: &DataType| *given == DataType::Date32;
        let is_float = |given: &DataType| *given == DataType::Float32;
        if let (Some(instant), Some(_)) = (any(is_instant), any(is_date)) {
            let are_times = |given: &DataType| {
                matches!(given, DataType::Timestamp(_, Some(_)) | DataType::Date32)
            };
            return Some(instant.clone()).filter(|_| all(are_times));
        }
        any(is_float).and(any(DataType::is_integer))?;
        let are_numbers = |given: &DataType| given.is_integer() || given.is_floating();
        Some(DataType::Float64).filter(|_| all(are_numbers))
    })
}

/// None: there is no text among them.
fn beside_text<'a>(types: impl Iterator<Item = &'a DataType>) -> Option<DataType> {
    let (mut has_text, mut wanted) = (false, None::<DataType>);
    for given in types.filter(|given| !given.is_null()) {
        if given.is_string() {
            has_text = true;
            continue;
        }
        let beside = text_beside(given)?;
        wanted = Some(match wanted {
            None => beside,
            Some(so_far) if so_far == beside => beside,
            Some(so_far) if so_far.is_numeric() && beside.is_numeric() => DataType::Float64,
            Some(_) => return None,
        });
    }
    wanted.filter(|_| has_text)
}

fn queries(union: Union) -> Result<Transformed<LogicalPlan>> {
    let width = union.schema.fields().len();
    let of_column = |at: usize| {
        common(
            union
                .inputs
                .iter()
                .filter_map(|input| Some(input.schema().fields().get(at)?.data_type())),
        )
    };
    let wanted: Vec<Option<DataType>> = (0..width).map(of_column).collect();
    let alike = union.inputs.iter().all(|input| input.schema().fields().len() == width);
    if !alike || wanted.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs = union.inputs.iter().map(|input| fitted(input, &wanted));
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

fn fitted(input: &Arc<LogicalPlan>, wanted: &[Option<DataType>]) -> Result<Arc<LogicalPlan>> {
    let schema = input.schema();
    let columns = schema.columns().into_iter().zip(schema.fields()).zip(wanted);
    let columns = columns.map(|((column, field), wanted)| match wanted {
        Some(wanted) if field.data_type() != wanted => {
            let name = column.name.clone();
            let relation = column.relation.clone();
            as_it(Expr::Column(column), field.data_type(), wanted).alias_qualified(relation, name)
        }
        _ => Expr::Column(column),
    });
    let projection = Projection::try_new(columns.collect(), input.clone())?;
    Ok(Arc::new(LogicalPlan::Projection(projection)))
}
