//! Aggregates and window functions over text with collations.

use biplane_functions::collation::Tree;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::functions_nested::expr_fn::array_distinct;
use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunction};
use datafusion::logical_expr::{Expr, WindowFrame, WindowFrameBound, WindowFrameUnits, lit};

use super::calls::paired;
use super::exprs::{Kind, call, key, kind, marked, raise, settled, sorted, unsupported};
use crate::error::SqlError;

/// What is done with the value of a function when it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    Nothing,
    /// It has a collation.
    Marked(Kind),
    /// It is text behind its key.
    Text(Kind),
    /// It is a list in which what is equal stands once.
    Distinct(Kind),
}

impl After {
    pub fn of(&self, value: Expr) -> Result<Expr> {
        Ok(match self {
            Self::Nothing => value,
            Self::Marked(kind) => marked(value, kind),
            Self::Text(kind) => marked(call("collation_text", vec![value])?, kind),
            Self::Distinct(kind) => {
                let name = kind.tree.item().collation().name();
                let alike = call("collation_alike", vec![value, lit(name)])?;
                marked(array_distinct(alike), kind)
            }
        })
    }
}

pub fn aggregate(
    mut function: AggregateFunction,
    schema: &DFSchema,
) -> Result<(AggregateFunction, After)> {
    let params = &mut function.params;
    let name = function.func.name();
    let after = arguments(name, &mut params.args, params.distinct, schema)?;
    params.filter = filtered(params.filter.take(), schema)?;
    params.order_by = in_order(std::mem::take(&mut params.order_by), schema)?;
    Ok((function, after))
}

pub fn window(mut function: WindowFunction, schema: &DFSchema) -> Result<(WindowFunction, After)> {
    let name = function.fun.name().to_owned();
    let params = &mut function.params;
    let after = arguments(&name, &mut params.args, params.distinct, schema)?;
    params.filter = filtered(params.filter.take(), schema)?;
    let given = params.order_by.clone();
    params.order_by = in_order(std::mem::take(&mut params.order_by), schema)?;
    if params.order_by != given {
        params.window_frame = of_peers(&params.window_frame);
    }
    let parts = std::mem::take(&mut params.partition_by).into_iter();
    params.partition_by =
        parts.map(|part| super::exprs::ordered(part, schema)).collect::<Result<_>>()?;
    Ok((function, after))
}

/// A RANGE of text ends with the rows that are equal, as GROUPS do; keys have no distances.
fn of_peers(frame: &WindowFrame) -> WindowFrame {
    use WindowFrameBound::{CurrentRow, Following, Preceding};
    let bound = |bound: &WindowFrameBound| match bound {
        Preceding(_) => Preceding(ScalarValue::UInt64(None)),
        Following(_) => Following(ScalarValue::UInt64(None)),
        CurrentRow => CurrentRow,
    };
    match frame.units {
        WindowFrameUnits::Range => {
            let (start, end) = (bound(&frame.start_bound), bound(&frame.end_bound));
            WindowFrame::new_bounds(WindowFrameUnits::Groups, start, end)
        }
        _ => frame.clone(),
    }
}

fn filtered(filter: Option<Box<Expr>>, schema: &DFSchema) -> Result<Option<Box<Expr>>> {
    filter.map(|filter| settled(*filter, schema).map(Box::new)).transpose()
}

fn in_order(keys: Vec<Sort>, schema: &DFSchema) -> Result<Vec<Sort>> {
    keys.into_iter().map(|key| sorted(key, schema)).collect()
}

fn arguments(name: &str, args: &mut [Expr], is_distinct: bool, schema: &DFSchema) -> Result<After> {
    for arg in args.iter_mut() {
        let given = std::mem::replace(arg, lit(ScalarValue::Null));
        *arg = settled(given, schema)?;
    }
    let kinds: Vec<Kind> = args.iter().map(|arg| kind(arg, schema)).collect();
    let has_collation = kinds.iter().any(|kind| !kind.tree.is_plain());
    let Some(first) = kinds.first().filter(|_| has_collation).cloned() else {
        return Ok(After::Nothing);
    };
    let keyed = |arg: &mut Expr, tree: &Tree| -> Result<()> {
        let given = std::mem::replace(arg, lit(ScalarValue::Null));
        *arg = if tree.is_plain() { given } else { key(given, tree)? };
        Ok(())
    };
    Ok(match name {
        "min" | "max" => match first.tree {
            Tree::Text(collation) => {
                let given = std::mem::replace(&mut args[0], lit(ScalarValue::Null));
                args[0] = paired(given, collation)?;
                After::Text(first)
            }
            _ => return Err(unsupported(&format!("{name} of values with collations in them"))),
        },
        "count" if is_distinct => {
            for (arg, kind) in args.iter_mut().zip(&kinds) {
                keyed(arg, &kind.tree)?;
            }
            After::Nothing
        }
        "approx_distinct" | "grouping" => {
            for (arg, kind) in args.iter_mut().zip(&kinds) {
                keyed(arg, &kind.tree)?;
            }
            After::Nothing
        }
        "max_by" | "min_by" => {
            if let (Some(by), Some(kind)) = (args.get_mut(1), kinds.get(1)) {
                keyed(by, &kind.tree)?;
            }
            After::Marked(first)
        }
        "first_value" | "last_value" | "nth_value" | "lag" | "lead" if !is_distinct => {
            After::Marked(first)
        }
        "listagg" | "string_agg" if !is_distinct => After::Marked(first),
        "collect_list" | "array_agg" if !is_distinct => {
            After::Marked(first.with(Tree::list(first.tree.clone())))
        }
        "collect_set" | "array_agg" if matches!(first.tree, Tree::Text(_)) => {
            After::Distinct(first.with(Tree::list(first.tree.clone())))
        }
        "count" | "count_if" | "row_number" | "rank" | "dense_rank" | "ntile" => After::Nothing,
        other => {
            let what = format!("{other} of text with a collation");
            return Err(raise(SqlError::unsupported(what)));
        }
    })
}
