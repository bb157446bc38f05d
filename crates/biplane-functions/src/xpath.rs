//! XPath 1.0 over small documents: location paths with predicates, operators and the core functions.

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
};
use datafusion::common::Result;
use std::sync::Arc;

use crate::frame::{Call, Def, all_text};
use crate::raised::fail;
use crate::xml::document;
use crate::xpath_eval::{Value, evaluated};
use crate::xpath_parse::parsed;

macro_rules! number {
    ($name:literal, $gives:expr, $kind:ty, $native:ty) => {
        Def {
            name: $name,
            least: 2,
            most: 2,
            takes: all_text,
            gives: |_| Ok($gives),
            run: |call| {
                // A number that is none is 0 as a whole number.
                call.primitives::<$kind>(|row| {
                    Ok(answer(call, row, |value| value.number())?.map(|number| number as $native))
                })
            },
        }
    };
}

pub const FUNCTIONS: &[Def] = &[
    number!("xpath_double", DataType::Float64, Float64Type, f64),
    number!("xpath_number", DataType::Float64, Float64Type, f64),
    number!("xpath_float", DataType::Float32, Float32Type, f32),
    number!("xpath_int", DataType::Int32, Int32Type, i32),
    number!("xpath_long", DataType::Int64, Int64Type, i64),
    number!("xpath_short", DataType::Int16, Int16Type, i16),
    Def {
        name: "xpath_boolean",
        least: 2,
        most: 2,
        takes: all_text,
        gives: |_| Ok(DataType::Boolean),
        run: |call| call.bools(|row| answer(call, row, |value| value.truth())),
    },
    Def {
        name: "xpath_string",
        least: 2,
        most: 2,
        takes: all_text,
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            call.texts(|row| {
                answer(call, row, |value| match value {
                    Value::Nodes(nodes) if nodes.is_empty() => None,
                    other => Some(other.text()),
                })
                .map(Option::flatten)
            })
        },
    },
    Def {
        name: "xpath",
        least: 2,
        most: 2,
        takes: all_text,
        gives: |_| Ok(DataType::new_list(DataType::Utf8, true)),
        run: texts,
    },
];

/// None: there is no document to ask.
fn answer<T>(
    call: &Call<'_>,
    row: usize,
    with: impl FnOnce(&Value<'_, '_>) -> T,
) -> Result<Option<T>> {
    if call.has_null(row) {
        return Ok(None);
    }
    let (text, path) = (call.text(0, row), call.text(1, row));
    let Some(path) = parsed(path) else {
        let text = format!("The XPath '{path}' cannot be read.");
        return fail("INVALID_PATH", "22023", text);
    };
    if text.is_empty() {
        return Ok(None);
    }
    let Some(xml) = document(text) else {
        return fail("INVALID_XML", "22023", "The text is no well-formed XML.");
    };
    match evaluated(&path, xml.root()) {
        Some(value) => Ok(Some(with(&value))),
        None => fail(
            "INVALID_PATH",
            "22023",
            "The XPath has a function or arguments that are not known.",
        ),
    }
}

/// What each node holds itself; an element holds nothing.
fn texts(call: &Call<'_>) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(DataType::Utf8, true));
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(field);
    for row in 0..call.rows {
        let found = answer(call, row, |value| match value {
            Value::Nodes(nodes) => nodes.iter().map(|node| node.own_text()).collect(),
            other => vec![Some(other.text())],
        })?;
        match found {
            Some(items) => builder.append_value(items),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}
