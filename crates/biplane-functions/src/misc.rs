//! Errors on demand.

use arrow::array::{Array, AsArray, new_null_array};
use arrow::datatypes::DataType;

use crate::frame::{Def, all_text};
use crate::raised::fail;

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "assert_true",
        least: 1,
        most: 2,
        takes: |types| {
            Ok([DataType::Boolean, DataType::Utf8].into_iter().take(types.len()).collect())
        },
        gives: |_| Ok(DataType::Null),
        run: |call| {
            for row in 0..call.rows {
                let condition = call.args[0].as_boolean();
                if condition.is_valid(row) && condition.value(row) {
                    continue;
                }
                let text = match call.args.get(1) {
                    Some(given) if given.is_valid(row) => call.text(1, row).to_owned(),
                    _ => "The condition is not true!".to_owned(),
                };
                return fail("USER_RAISED_EXCEPTION", "P0001", text);
            }
            Ok(new_null_array(&DataType::Null, call.rows))
        },
    },
    Def {
        name: "raise_error",
        least: 1,
        most: 1,
        takes: all_text,
        gives: |_| Ok(DataType::Null),
        run: |call| {
            if call.rows == 0 {
                return Ok(new_null_array(&DataType::Null, 0));
            }
            let text = if call.has_null(0) { "null" } else { call.text(0, 0) };
            fail("USER_RAISED_EXCEPTION", "P0001", text)
        },
    },
];
