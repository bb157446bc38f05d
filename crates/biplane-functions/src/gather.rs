//! Aggregates that look at all values of a group at once. What they hold is counted by its size.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{
    SortColumn, SortOptions, concat, filter, is_not_null, lexsort_to_indices, take,
};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use std::mem::size_of_val;
use std::sync::Arc;

use crate::raised::fail;

pub struct Aggregate {
    pub name: &'static str,
    pub least: usize,
    pub most: usize,
    pub takes: fn(&[DataType]) -> Result<Vec<DataType>>,
    pub gives: fn(&[DataType]) -> Result<DataType>,
    /// The argument that is not NULL in the rows that count; or [`ALL_ROWS`].
    pub known: usize,
    /// Over all rows that count; at least one, unless all do.
    pub finish: fn(&[ArrayRef], &DataType, bool) -> Result<ScalarValue>,
}

/// Of an aggregate to which every row counts, and that has a value for no rows, too.
pub const ALL_ROWS: usize = usize::MAX;

pub fn register(state: &mut SessionState, table: &'static [Aggregate]) -> Result<()> {
    for aggregate in table {
        let signature = Signature::user_defined(Volatility::Immutable);
        state.register_udaf(Arc::new(Gathering { aggregate: Row(aggregate), signature }.into()))?;
    }
    Ok(())
}

/// A row of a table, which its name tells from others.
#[derive(Clone, Copy)]
struct Row(&'static Aggregate);

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Row {}

impl std::hash::Hash for Row {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Gathering {
    aggregate: Row,
    signature: Signature,
}

impl AggregateUDFImpl for Gathering {
    fn name(&self) -> &str {
        self.aggregate.0.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        (self.aggregate.0.gives)(types)
    }

    fn return_field(&self, args: &[FieldRef]) -> Result<FieldRef> {
        let types: Vec<DataType> = args.iter().map(|field| field.data_type().clone()).collect();
        let field = Field::new(self.name(), self.return_type(&types)?, true);
        Ok(Arc::new(crate::intervals::qualified(field, args)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let Aggregate { name, least, most, takes, .. } = self.aggregate.0;
        if !(*least..=*most).contains(&types.len()) {
            let text = format!(
                "The function `{name}` takes {least} to {most} arguments and is called with {}.",
                types.len()
            );
            return fail("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text);
        }
        takes(types)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let arguments = args.expr_fields.iter().map(|field| Ok(field.data_type().clone()));
        let keys = args.order_bys.iter().map(|by| by.expr.data_type(args.schema));
        Ok(Box::new(Gathered {
            aggregate: self.aggregate,
            types: arguments.chain(keys).collect::<Result<_>>()?,
            order: args.order_bys.iter().map(|by| by.options).collect(),
            gives: args.return_type().clone(),
            is_distinct: args.is_distinct,
            kept: Vec::new(),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let all = args.input_fields.iter().chain(args.ordering_fields);
        let fields = all.enumerate().map(|(at, field)| {
            let list = DataType::new_list(field.data_type().clone(), true);
            Arc::new(Field::new(format!("{}[{at}]", args.name), list, true))
        });
        Ok(fields.collect())
    }
}

#[derive(Debug)]
struct Gathered {
    aggregate: Row,
    types: Vec<DataType>,
    gives: DataType,
    is_distinct: bool,
    /// How rows are ordered by the last columns.
    order: Vec<SortOptions>,
    /// Batches of all arguments, and of the keys of their order.
    kept: Vec<Vec<ArrayRef>>,
}

impl Gathered {
    fn columns(&self) -> Result<Vec<ArrayRef>> {
        let column = |at: usize| {
            let parts: Vec<&dyn Array> = self.kept.iter().map(|batch| batch[at].as_ref()).collect();
            match parts.as_slice() {
                [] => Ok(arrow::array::new_empty_array(&self.types[at])),
                parts => Ok(concat(parts)?),
            }
        };
        (0..self.types.len()).map(column).collect()
    }
}

impl Accumulator for Gathered {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let batch = match values.get(self.aggregate.0.known) {
            Some(first) if first.null_count() > 0 || first.data_type().is_null() => {
                let known = is_not_null(first)?;
                values.iter().map(|array| Ok(filter(array, &known)?)).collect::<Result<Vec<_>>>()?
            }
            _ => values.to_vec(),
        };
        if batch.first().is_some_and(|first| !first.is_empty()) {
            self.kept.push(batch);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |lists| lists.len());
        for row in 0..rows {
            let part = |lists: &ArrayRef| lists.as_list::<i32>().value(row);
            if states.iter().all(|lists| lists.is_valid(row)) {
                let batch: Vec<ArrayRef> = states.iter().map(part).collect();
                if batch.first().is_some_and(|first| !first.is_empty()) {
                    self.kept.push(batch);
                }
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = self.columns()?;
        Ok(columns
            .into_iter()
            .map(|column| SingleRowListArrayBuilder::new(column).build_list_scalar())
            .collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.kept.is_empty() && self.aggregate.0.known != ALL_ROWS {
            return ScalarValue::try_from(&self.gives);
        }
        let mut columns = self.columns()?;
        let keys = columns.split_off(columns.len() - self.order.len());
        if !keys.is_empty() {
            let by = keys.into_iter().zip(&self.order);
            let by: Vec<SortColumn> = by
                .map(|(values, options)| SortColumn { values, options: Some(*options) })
                .collect();
            let order = lexsort_to_indices(&by, None)?;
            for column in &mut columns {
                *column = take(column, &order, None)?;
            }
        }
        (self.aggregate.0.finish)(&columns, &self.gives, self.is_distinct)
    }

    fn size(&self) -> usize {
        let arrays = self.kept.iter().flatten();
        size_of_val(self) + arrays.map(|array| array.get_array_memory_size()).sum::<usize>()
    }
}

#[cfg(test)]
pub mod testing {
    use super::*;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    /// Each query of the table `t(g, x, y)` with the text of its one answer.
    pub async fn answers(rows: &str, cases: &[(&str, &str)]) -> Result<()> {
        let mut state = SessionStateBuilder::new().with_default_features().build();
        crate::register(&mut state)?;
        let session = SessionContext::new_with_state(state);
        for (call, expected) in cases {
            let sql = format!("SELECT {call} FROM (VALUES {rows}) AS t(x, y)");
            let ran = async { session.sql(&sql).await?.collect().await };
            match ran.await {
                Ok(batches) => {
                    let column = batches[0].column(0);
                    let shown = arrow::util::display::array_value_to_string(column, 0)?;
                    assert_eq!(shown, *expected, "{call}");
                }
                Err(error) => assert!(error.to_string().contains(expected), "{call}: {error}"),
            }
        }
        Ok(())
    }
}
