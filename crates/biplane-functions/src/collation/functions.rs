//! What plans are made of where text has a collation: the mark that says so, keys, and functions of text that compare
//! as a collation does. The last argument of each says which.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::search::Searched;
use super::{Collation, Tree, keys, of_field, values, with_tree};
use crate::frame::{Call, Def, Given, all_text};
use crate::raised::{fail, mismatch};

fn as_given(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok(types.to_vec())
}

/// Text, but for a number in this place.
fn number_at<const AT: usize>(types: &[DataType]) -> Result<Vec<DataType>> {
    let number = |at| if at == AT { DataType::Int64 } else { DataType::Utf8 };
    Ok((0..types.len()).map(number).collect())
}

fn text(_: &Given<'_>) -> Result<DataType> {
    Ok(DataType::Utf8)
}

fn first(given: &Given<'_>) -> Result<DataType> {
    Ok(given[0].clone())
}

/// The last argument, which is the same in all rows.
fn last_text(call: &Call<'_>) -> Result<String> {
    let last = call.args.last().filter(|last| !last.is_empty() && last.is_valid(0));
    match last.and_then(|last| last.as_string_opt::<i32>()) {
        Some(last) => Ok(last.value(0).to_owned()),
        None if call.rows == 0 => Ok(String::new()),
        None => exec_err!("{} needs a collation", call.gives),
    }
}

fn collation(call: &Call<'_>) -> Result<Collation> {
    match last_text(call)?.as_str() {
        "" => Ok(Collation::BINARY),
        name => Collation::named(name),
    }
}

fn of_list(data_type: &DataType, item: DataType) -> DataType {
    match data_type {
        DataType::List(_) => DataType::List(Arc::new(Field::new("item", item, true))),
        _ => item,
    }
}

macro_rules! bool_of {
    ($name:literal, $test:expr) => {
        Def {
            name: $name,
            least: 3,
            most: 3,
            takes: all_text,
            gives: |_| Ok(DataType::Boolean),
            run: |call| {
                let collation = collation(call)?;
                let test: fn(&Searched<'_>, &str) -> bool = $test;
                call.bools(|row| {
                    Ok(Some(test(&Searched::new(collation, call.text(0, row)), call.text(1, row))))
                })
            },
        }
    };
}

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "collation_key",
        least: 2,
        most: 2,
        takes: as_given,
        gives: |given| Ok(values::keyed_type(&given[0], &Tree::read(given.text(1).unwrap_or("")))),
        run: |call| values::keyed(&call.args[0], &Tree::read(&last_text(call)?)),
    },
    Def {
        name: "collation_pair",
        least: 2,
        most: 2,
        takes: as_given,
        gives: |given| Ok(of_list(&given[0], DataType::Binary)),
        run: |call| values::paired(&call.args[0], collation(call)?),
    },
    Def {
        name: "collation_text",
        least: 1,
        most: 1,
        takes: as_given,
        gives: |given| Ok(of_list(&given[0], DataType::Utf8)),
        run: |call| values::unpaired(&call.args[0]),
    },
    Def {
        name: "collation_alike",
        least: 2,
        most: 2,
        takes: as_given,
        gives: first,
        run: |call| values::alike(&call.args[0], None, collation(call)?),
    },
    Def {
        name: "collation_onto",
        least: 3,
        most: 3,
        takes: as_given,
        gives: first,
        run: |call| match call.args[0].data_type() {
            DataType::Map(..) => values::keys_alike(&call.args[0], &call.args[1], collation(call)?),
            _ => values::alike(&call.args[0], Some(&call.args[1]), collation(call)?),
        },
    },
    Def {
        name: "collation_lower",
        least: 1,
        most: 1,
        takes: all_text,
        gives: text,
        run: |call| call.texts(|row| Ok(Some(keys::lowered(call.text(0, row)).into_owned()))),
    },
    bool_of!("collated_contains", |text, part| text.place(part, 0).is_some()),
    bool_of!("collated_startswith", |text, part| text.begins_with(part)),
    bool_of!("collated_endswith", |text, part| text.ends_with(part)),
    // Text, part, the character to begin at.
    Def {
        name: "collated_locate",
        least: 4,
        most: 4,
        takes: number_at::<2>,
        gives: |_| Ok(DataType::Int32),
        run: located,
    },
    Def {
        name: "collated_replace",
        least: 4,
        most: 4,
        takes: all_text,
        gives: text,
        run: |call| {
            let collation = collation(call)?;
            call.texts(|row| {
                let searched = Searched::new(collation, call.text(0, row));
                Ok(Some(searched.replaced(call.text(1, row), call.text(2, row))))
            })
        },
    },
    Def {
        name: "collated_split_part",
        least: 4,
        most: 4,
        takes: number_at::<2>,
        gives: text,
        run: |call| {
            let collation = collation(call)?;
            call.texts(|row| {
                let parts = Searched::new(collation, call.text(0, row)).parts(call.text(1, row));
                let at = match call.long(2, row) {
                    0 => {
                        let text = "The index 0 is invalid. An index shall be either < 0 or > 0 \
                                    (the first element has index 1).";
                        return fail("INVALID_INDEX_OF_ZERO", "22003", text);
                    }
                    at if at > 0 => usize::try_from(at - 1).ok(),
                    at => usize::try_from(at.unsigned_abs())
                        .ok()
                        .and_then(|back| parts.len().checked_sub(back)),
                };
                Ok(Some(at.and_then(|at| parts.get(at)).copied().unwrap_or("").to_owned()))
            })
        },
    },
    Def {
        name: "collated_substring_index",
        least: 4,
        most: 4,
        takes: number_at::<2>,
        gives: text,
        run: |call| {
            let collation = collation(call)?;
            call.texts(|row| {
                let searched = Searched::new(collation, call.text(0, row));
                Ok(Some(searched.before(call.text(1, row), call.long(2, row)).to_owned()))
            })
        },
    },
    Def {
        name: "collated_find_in_set",
        least: 3,
        most: 3,
        takes: all_text,
        gives: |_| Ok(DataType::Int32),
        run: |call| {
            let collation = collation(call)?;
            call.primitives::<Int32Type>(|row| {
                let (wanted, list) = (call.text(0, row), call.text(1, row));
                let key = collation.key_of(wanted);
                let place = list.split(',').position(|item| collation.key_of(item) == key);
                let place = place.filter(|_| !wanted.contains(','));
                Ok(Some(place.and_then(|at| i32::try_from(at + 1).ok()).unwrap_or(0)))
            })
        },
    },
    Def {
        name: "collated_btrim",
        least: 3,
        most: 3,
        takes: all_text,
        gives: text,
        run: |call| trimmed(call, true, true),
    },
    Def {
        name: "collated_ltrim",
        least: 3,
        most: 3,
        takes: all_text,
        gives: text,
        run: |call| trimmed(call, true, false),
    },
    Def {
        name: "collated_rtrim",
        least: 3,
        most: 3,
        takes: all_text,
        gives: text,
        run: |call| trimmed(call, false, true),
    },
    Def {
        name: "collated_translate",
        least: 4,
        most: 4,
        takes: all_text,
        gives: text,
        run: translated,
    },
];

fn located(call: &Call<'_>) -> Result<ArrayRef> {
    let collation = collation(call)?;
    let begin = call.args[2].as_primitive::<Int64Type>();
    call.primitives::<Int32Type>(|row| {
        let (text, part) = (call.text(0, row), call.text(1, row));
        let Some(skipped) = begin.value(row).checked_sub(1).and_then(|at| usize::try_from(at).ok())
        else {
            return Ok(Some(0));
        };
        let from = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(skipped);
        let place = from.and_then(|from| Searched::new(collation, text).place(part, from));
        let place = place.map(|place| text[..place.start].chars().count() + 1);
        Ok(Some(place.and_then(|at| i32::try_from(at).ok()).unwrap_or(0)))
    })
}

/// Each character by itself is compared with those to be taken away.
fn trimmed(call: &Call<'_>, at_start: bool, at_end: bool) -> Result<ArrayRef> {
    let collation = collation(call)?;
    let key = |char: char| collation.key_of(char.encode_utf8(&mut [0; 4]));
    call.texts(|row| {
        let away: HashSet<Vec<u8>> = call.text(1, row).chars().map(key).collect();
        let mut text = call.text(0, row);
        let is_away = |char: char| away.contains(&key(char));
        if at_start {
            text = text.trim_start_matches(is_away);
        }
        if at_end {
            text = text.trim_end_matches(is_away);
        }
        Ok(Some(text.to_owned()))
    })
}

fn translated(call: &Call<'_>) -> Result<ArrayRef> {
    let collation = collation(call)?;
    let key = |char: char| collation.key_of(char.encode_utf8(&mut [0; 4]));
    call.texts(|row| {
        let mut to = call.text(2, row).chars();
        let mut meant: HashMap<Vec<u8>, Option<char>> = HashMap::new();
        for from in call.text(1, row).chars() {
            let to = to.next();
            meant.entry(key(from)).or_insert(to);
        }
        let text = call.text(0, row).chars();
        Ok(Some(
            text.filter_map(|char| meant.get(&key(char)).copied().unwrap_or(Some(char))).collect(),
        ))
    })
}

pub fn register(state: &mut SessionState) -> Result<()> {
    for what in [What::Collate, What::Mark, What::Name] {
        state.register_udf(Arc::new(marking(what)))?;
    }
    Ok(())
}

/// The function that says which collations a value has.
pub fn mark() -> ScalarUDF {
    marking(What::Mark)
}

fn marking(what: What) -> ScalarUDF {
    ScalarUDF::from(Marking { what, signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    /// `collate(x, name)`, and `x COLLATE name`.
    Collate,
    /// The same for values of any type, by a tree as it is written.
    Mark,
    /// `collation(x)`.
    Name,
}

/// Functions of what is said of a value, not of the value.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Marking {
    what: What,
    signature: Signature,
}

impl ScalarUDFImpl for Marking {
    fn name(&self) -> &str {
        match self.what {
            What::Collate => "collate",
            What::Mark => "collated",
            What::Name => "collation",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match (self.what, types.first()) {
            (What::Name, _) | (_, None) => Ok(DataType::Utf8),
            (_, Some(first)) => Ok(first.clone()),
        }
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let wanted = if self.what == What::Name { 1 } else { 2 };
        if types.len() != wanted {
            let text = format!(
                "The function `{}` takes {wanted} arguments and is called with {}.",
                self.name(),
                types.len()
            );
            return fail("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text);
        }
        let is_text = types[0].is_string() || types[0].is_null();
        if self.what != What::Mark && !is_text {
            return mismatch(format!(
                "The first parameter of {} requires the \"STRING\" type.",
                self.name()
            ));
        }
        match self.what {
            What::Collate if types[0].is_null() => Ok(vec![DataType::Utf8, DataType::Utf8]),
            _ => Ok(types.to_vec()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> =
            args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let is_null = args.arg_fields.first().is_none_or(|field| field.is_nullable());
        let field = Field::new(self.name(), self.return_type(&types)?, is_null);
        let given = args.scalar_arguments.get(1).copied().flatten();
        let given = given.and_then(|value| value.try_as_str().flatten());
        Ok(Arc::new(match (self.what, given) {
            (What::Name, _) => field.with_nullable(false),
            (What::Collate, Some(name)) => with_tree(field, &Tree::of(Collation::named(name)?)),
            (What::Collate, None) => {
                return fail(
                    "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
                    "42K09",
                    "The name of a collation must be a text that is not NULL.",
                );
            }
            (What::Mark, given) => {
                let written = given.unwrap_or("").trim_start_matches(['!', '?']);
                with_tree(field, &Tree::read(written))
            }
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if self.what == What::Name {
            let tree = args.arg_fields.first().map_or(Tree::Plain, |field| of_field(field));
            let name = format!("SYSTEM.BUILTIN.{}", tree.collation().name());
            return Ok(ColumnarValue::Scalar(ScalarValue::from(name)));
        }
        match args.args.into_iter().next() {
            Some(value) => Ok(value),
            None => exec_err!("{} takes an argument", self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::frame::testing::answers;

    #[tokio::test]
    async fn text_is_worked_with_as_its_collation_says() {
        answers(&[
            ("collated_contains('xAbx', 'aB', 'UTF8_LCASE')", "true"),
            ("collated_startswith('Éa', 'e', 'UNICODE_CI_AI')", "true"),
            ("collated_endswith('abC', 'bc', 'UTF8_LCASE')", "true"),
            ("collated_locate('xABab', 'ab', 1, 'UTF8_LCASE')", "2"),
            ("collated_locate('xABab', 'ab', 3, 'UTF8_LCASE')", "4"),
            ("collated_locate('xABab', 'ab', 0, 'UTF8_LCASE')", "0"),
            ("collated_locate('xABab', 'ab', 99, 'UTF8_LCASE')", "0"),
            ("collated_replace('aAbB', 'a', 'x', 'UTF8_LCASE')", "xxbB"),
            ("collated_split_part('aXb', 'x', 2, 'UTF8_LCASE')", "b"),
            ("collated_split_part('aXb', 'x', -2, 'UTF8_LCASE')", "a"),
            ("collated_split_part('aXb', 'x', 0, 'UTF8_LCASE')", "INVALID_INDEX_OF_ZERO"),
            ("collated_substring_index('aXbXc', 'x', 2, 'UTF8_LCASE')", "aXb"),
            ("collated_find_in_set('A', 'b,a', 'UTF8_LCASE')", "2"),
            ("collated_btrim('XaX', 'x', 'UTF8_LCASE')", "a"),
            ("collated_translate('Abc', 'ab', 'z', 'UTF8_LCASE')", "zc"),
            ("collation_text(greatest(collation_pair('a', 'UTF8_LCASE'), collation_pair('B', 'UTF8_LCASE')))", "B"),
            ("collation_alike(make_array('a', 'A', 'b'), 'UTF8_LCASE')", "[a, a, b]"),
            ("collation_onto(make_array('a', 'b'), 'B', 'UTF8_LCASE')", "[a, B]"),
            ("collation_key(make_array('a', 'A'), '[UTF8_LCASE]')", "[61, 61]"),
            ("collation('x')", "SYSTEM.BUILTIN.UTF8_BINARY"),
            ("collation(collate('x', 'unicode_ci'))", "SYSTEM.BUILTIN.UNICODE_CI"),
            ("collate(1, 'UNICODE')", "UNEXPECTED_INPUT_TYPE"),
            ("collate('x', 'NOPE')", "COLLATION_INVALID_NAME"),
            ("collated_contains('x', 'y', 'NOPE')", "COLLATION_INVALID_NAME"),
        ])
        .await
        .unwrap();
    }
}
