//! Collections as lists of rows: what the generators `explode`, `posexplode` and `inline` unnest.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListArray, OffsetSizeTrait, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// `[a, b]` → `[{col: a}, {col: b}]`; with positions `[{pos: 0, col: a}, …]`. A map has `key` and `value`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Rows {
    positions: bool,
    /// The items are structs, whose fields are the columns.
    inline: bool,
    signature: Signature,
}

/// The rows of a collection; [`columns`] tells whether there are any.
pub fn rows(collection: Expr, positions: bool, inline: bool) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(Rows { positions, inline, signature }).call(vec![collection])
}

/// The columns of the rows; None if it is not a collection of this kind.
pub fn columns(collection: &DataType, positions: bool, inline: bool) -> Option<Fields> {
    let items = match collection {
        DataType::List(item) | DataType::LargeList(item) if inline => match item.data_type() {
            DataType::Struct(fields) => fields.iter().map(|field| field.as_ref().clone()).collect(),
            _ => return None,
        },
        DataType::List(item) | DataType::LargeList(item) => {
            vec![Field::new("col", item.data_type().clone(), true)]
        }
        DataType::Map(entries, _) if !inline => match entries.data_type() {
            DataType::Struct(fields) => fields
                .iter()
                .zip(["key", "value"])
                .map(|(field, name)| Field::new(name, field.data_type().clone(), true))
                .collect(),
            _ => return None,
        },
        _ => return None,
    };
    let position = positions.then(|| Field::new("pos", DataType::Int32, true));
    Some(position.into_iter().chain(items).map(|field: Field| field.with_nullable(true)).collect())
}

impl ScalarUDFImpl for Rows {
    fn name(&self) -> &'static str {
        "rows_of_collection"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let given = types.first().unwrap_or(&DataType::Null);
        match columns(given, self.positions, self.inline) {
            Some(fields) => {
                Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields), true))))
            }
            None => exec_err!("{given} is not a collection"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(array) = arrays.first() else { return exec_err!("a collection is missing") };
        let out = match array.data_type() {
            DataType::List(_) => self.of_list(array.as_list::<i32>())?,
            DataType::LargeList(item) => {
                let small = cast(array, &DataType::List(item.clone()))?;
                self.of_list(small.as_list::<i32>())?
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let entries = map.entries().columns().to_vec();
                self.list(map.offsets(), entries, map.nulls().cloned(), array.data_type())?
            }
            other => return exec_err!("{other} is not a collection"),
        };
        if is_scalar && out.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?));
        }
        Ok(ColumnarValue::Array(out))
    }
}

impl Rows {
    fn of_list(&self, list: &ListArray) -> Result<ArrayRef> {
        let items = if self.inline {
            // A struct that is NULL is a row of NULLs.
            let structs = list.values().as_struct();
            let nulls = structs.nulls();
            let columns = structs.columns().iter().map(|column| match nulls {
                Some(nulls) => with_nulls(column, nulls),
                None => Ok(column.clone()),
            });
            columns.collect::<Result<Vec<_>>>()?
        } else {
            vec![list.values().clone()]
        };
        self.list(list.offsets(), items, list.nulls().cloned(), list.data_type())
    }

    fn list(
        &self,
        offsets: &OffsetBuffer<i32>,
        mut items: Vec<ArrayRef>,
        nulls: Option<datafusion::arrow::buffer::NullBuffer>,
        given: &DataType,
    ) -> Result<ArrayRef> {
        let Some(fields) = columns(given, self.positions, self.inline) else {
            return exec_err!("{given} is not a collection");
        };
        let count = items.first().map_or(0, |item| item.len());
        if self.positions {
            items.insert(0, Arc::new(positions(offsets, count)));
        }
        let rows = StructArray::try_new_with_length(fields.clone(), items, None, count)?;
        let item = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
        Ok(Arc::new(ListArray::try_new(item, offsets.clone(), Arc::new(rows), nulls)?))
    }
}

fn with_nulls(
    column: &ArrayRef,
    nulls: &datafusion::arrow::buffer::NullBuffer,
) -> Result<ArrayRef> {
    let is_null = datafusion::arrow::array::BooleanArray::new(!nulls.inner(), None);
    Ok(datafusion::arrow::compute::nullif(column, &is_null)?)
}

fn positions<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, count: usize) -> Int32Array {
    let mut out = vec![0_i32; count];
    for pair in offsets.windows(2) {
        let (start, end) = (pair[0].as_usize(), pair[1].as_usize());
        for (position, slot) in (0..).zip(out.get_mut(start..end).unwrap_or_default()) {
            *slot = position;
        }
    }
    Int32Array::from(out)
}
