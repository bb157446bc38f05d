//! What the log says of its files, a column at a time.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimestampMicrosecondType};
use deltalake_core::table::state::DeltaTableState;
use std::sync::Arc;

use crate::error::SqlResult;

/// The log may have cut the microseconds off.
const MILLISECOND: i64 = 1_000;

#[derive(Clone, Default)]
pub struct Bounds {
    pub min: Option<ArrayRef>,
    pub max: Option<ArrayRef>,
    pub nulls: Option<ArrayRef>,
    /// The same in all rows of a file.
    pub is_constant: bool,
}

/// A row for each file, in the order of the log. Columns are called as in the files.
pub struct Stats(RecordBatch);

impl Stats {
    pub fn of(state: &DeltaTableState) -> SqlResult<Self> {
        Ok(Self(state.add_actions_table(false)?))
    }

    pub fn rows(&self) -> Option<ArrayRef> {
        cast(self.0.column_by_name("num_records")?, &DataType::UInt64).ok()
    }

    /// None: tables of this protocol have none.
    pub fn vectors(&self) -> Option<&StructArray> {
        self.structure("deletion_vector")
    }

    pub fn bounds(&self, name_in_files: &str, data_type: &DataType) -> Bounds {
        let column = |of: &str| self.structure(of)?.column_by_name(name_in_files);
        let nulls = column("null_count").and_then(|array| cast(array, &DataType::UInt64).ok());
        // Of binary values there is no order.
        if matches!(data_type, DataType::Binary | DataType::BinaryView | DataType::LargeBinary) {
            return Bounds { nulls, ..Bounds::default() };
        }
        let value = |of: &str| cast(column(of)?, data_type).ok();
        let max = value("max").map(|max| ends_of_milliseconds(&max).unwrap_or(max));
        Bounds { min: value("min"), max, nulls, is_constant: false }
    }

    /// Of a column that files are partitioned by.
    pub fn constants(&self, field: &Field, rows: Option<&ArrayRef>) -> Bounds {
        let values = self.structure("partition").and_then(|all| all.column_by_name(field.name()));
        let values = values.filter(|values| *values.data_type() != DataType::Binary);
        let values = values.and_then(|array| cast(array, field.data_type()).ok());
        let nulls = values.as_ref().zip(rows).map(|(values, rows)| nulls_of(values, rows));
        Bounds { min: values.clone(), max: values, nulls, is_constant: true }
    }

    fn structure(&self, name: &str) -> Option<&StructArray> {
        self.0.column_by_name(name)?.as_struct_opt()
    }
}

fn nulls_of(values: &ArrayRef, rows: &ArrayRef) -> ArrayRef {
    let rows = rows.as_primitive_opt();
    let nulls = (0..values.len()).map(|index| match values.is_null(index) {
        false => Some(0),
        true => {
            rows.filter(|rows| rows.is_valid(index)).map(|rows: &UInt64Array| rows.value(index))
        }
    });
    Arc::new(nulls.collect::<UInt64Array>())
}

/// None: these are no instants.
fn ends_of_milliseconds(max: &ArrayRef) -> Option<ArrayRef> {
    let instants = max.as_primitive_opt::<TimestampMicrosecondType>()?;
    let ends = instants.unary::<_, TimestampMicrosecondType>(|at| match at % MILLISECOND {
        0 => at.saturating_add(MILLISECOND - 1),
        _ => at,
    });
    Some(Arc::new(ends.with_data_type(max.data_type().clone())))
}
