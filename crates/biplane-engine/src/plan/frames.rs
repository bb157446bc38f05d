//! `RANGE BETWEEN 2 PRECEDING AND …` over dates: the numbers are days. DataFusion would read them as an interval
//! without a unit.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, WindowFrameBound, WindowFrameUnits,
};
use datafusion::optimizer::AnalyzerRule;

/// Before DataFusion makes types fit.
#[derive(Debug)]
pub struct DaysOfFrames;

impl AnalyzerRule for DaysOfFrames {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            if !matches!(plan, LogicalPlan::Window(_)) {
                return Ok(Transformed::no(plan));
            }
            let schema = merge_schema(&plan.inputs());
            let preserver = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = preserver.save(&expr);
                let expr = expr.transform_up(|expr| Ok(in_days(expr, &schema)))?;
                Ok(expr.update_data(|expr| name.restore(expr)))
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "days_of_frames"
    }
}

fn in_days(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::WindowFunction(mut function) = expr else { return Transformed::no(expr) };
    let frame = &mut function.params.window_frame;
    let order = function.params.order_by.first().and_then(|by| by.expr.get_type(schema).ok());
    let is_of_days = frame.units == WindowFrameUnits::Range && order == Some(DataType::Date32);
    let bounds = [&mut frame.start_bound, &mut frame.end_bound];
    let changed = is_of_days && bounds.map(days).contains(&true);
    Transformed::new_transformed(Expr::WindowFunction(function), changed)
}

fn days(bound: &mut WindowFrameBound) -> bool {
    let (WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value)) = bound else {
        return false;
    };
    match value {
        ScalarValue::Utf8(Some(text)) if text.trim().parse::<i32>().is_ok() => {
            *text = format!("{} days", text.trim());
            true
        }
        _ => false,
    }
}
