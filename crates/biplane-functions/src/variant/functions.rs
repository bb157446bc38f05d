//! The functions of variants.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};
use std::sync::Arc;

use super::cast::{from_variants, to_variants, tree};
use super::edit::{Edit, deleted, edited, stripped};
use super::path::{found, steps, to_read};
use super::shape::Shape;
use super::tree::Tree;
use super::{Variants, built, is_variant, variant_type};
use crate::ddl;
use crate::frame::{Call, Def, Given, all_text};
use crate::gather::Aggregate;
use crate::json_value::Json;
use crate::raised::{fail, mismatch};

/// The first is a VARIANT, as it has to be.
fn first_variant(types: &[DataType]) -> Result<Vec<DataType>> {
    match &types[0] {
        given if is_variant(given) || given.is_null() => {}
        other => {
            return mismatch(format!("A VARIANT is needed here, not {}.", ddl::type_text(other)));
        }
    }
    Ok([variant_type()].into_iter().chain(types[1..].iter().map(|_| DataType::Utf8)).collect())
}

/// Path, then any value, then maybe a BOOLEAN.
fn edit_types(types: &[DataType]) -> Result<Vec<DataType>> {
    let mut taken = first_variant(types)?;
    if let Some(value) = types.get(2) {
        taken[2] = value.clone();
    }
    if let Some(flag) = taken.get_mut(3) {
        *flag = DataType::Boolean;
    }
    Ok(taken)
}

macro_rules! parse {
    ($name:literal, $lenient:literal) => {
        Def {
            name: $name,
            least: 1,
            most: 1,
            takes: all_text,
            gives: |_| Ok(variant_type()),
            run: |call| parse(call, $lenient),
        }
    };
}

macro_rules! get {
    ($name:literal, $lenient:literal) => {
        Def {
            name: $name,
            least: 2,
            most: 3,
            takes: first_variant,
            gives: |given| match given.text(2) {
                Some(text) => ddl::read(text),
                None => Ok(variant_type()),
            },
            run: |call| get(call, $name, $lenient),
        }
    };
}

macro_rules! edit {
    ($name:literal, $most:literal, $lenient:literal, $edit:expr) => {
        Def {
            name: $name,
            least: 3,
            most: $most,
            takes: edit_types,
            gives: |_| Ok(variant_type()),
            run: |call| edit(call, $name, $lenient, $edit),
        }
    };
}

pub const FUNCTIONS: &[Def] = &[
    parse!("parse_json", false),
    parse!("try_parse_json", true),
    get!("variant_get", false),
    get!("try_variant_get", true),
    edit!("variant_set", 4, false, Edit::Set(true)),
    edit!("try_variant_set", 4, true, Edit::Set(true)),
    edit!("variant_insert", 3, false, Edit::Insert),
    edit!("try_variant_insert", 3, true, Edit::Insert),
    edit!("variant_array_append", 3, false, Edit::Append),
    edit!("try_variant_array_append", 3, true, Edit::Append),
    Def {
        name: "variant_delete",
        least: 2,
        most: usize::MAX,
        takes: first_variant,
        gives: |_| Ok(variant_type()),
        run: delete,
    },
    Def {
        name: "variant_strip_nulls",
        least: 1,
        most: 2,
        takes: |types| {
            let mut taken = first_variant(types)?;
            if let Some(flag) = taken.get_mut(1) {
                *flag = DataType::Boolean;
            }
            Ok(taken)
        },
        gives: |_| Ok(variant_type()),
        run: |call| {
            let variants = Variants::of(&call.args[0])?;
            let arrays = |row| call.args.get(1).is_none_or(|flag| flag.as_boolean().value(row));
            each(call, |row| Ok(variants.tree(row)?.and_then(|tree| stripped(tree, arrays(row)))))
        },
    },
    Def {
        name: "is_variant_null",
        least: 1,
        most: 1,
        takes: first_variant,
        gives: |_| Ok(DataType::Boolean),
        run: |call| {
            let variants = Variants::of(&call.args[0])?;
            let is_null =
                |row| Ok(matches!(variants.value(row)?, Some(parquet_variant::Variant::Null)));
            Ok(Arc::new(BooleanArray::from(
                (0..call.rows).map(is_null).collect::<Result<Vec<_>>>()?,
            )))
        },
    },
    Def {
        name: "is_valid_variant",
        least: 1,
        most: 1,
        takes: first_variant,
        gives: |_| Ok(DataType::Boolean),
        run: |call| {
            let variants = Variants::of(&call.args[0])?;
            call.bools(|row| Ok(Some(variants.tree(row).is_ok())))
        },
    },
    Def {
        name: "schema_of_variant",
        least: 1,
        most: 1,
        takes: first_variant,
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            let variants = Variants::of(&call.args[0])?;
            call.texts(|row| Ok(variants.tree(row)?.map(|tree| Shape::of(&tree).shown())))
        },
    },
    Def {
        name: "to_variant_object",
        least: 1,
        most: 1,
        takes: |types| match &types[0] {
            given if given.is_nested() => Ok(types.to_vec()),
            other => mismatch(format!(
                "to_variant_object takes a struct, a map or an array, not {}.",
                ddl::type_text(other)
            )),
        },
        gives: |_| Ok(variant_type()),
        run: |call| to_variants(&call.args[0], true),
    },
    // What `CAST(x AS VARIANT)` becomes.
    Def {
        name: "to_variant",
        least: 1,
        most: 1,
        takes: |types| Ok(types.to_vec()),
        gives: |_| Ok(variant_type()),
        run: |call| to_variants(&call.args[0], false),
    },
    // What casts from a VARIANT become: the second argument has the type that is wanted.
    Def {
        name: "variant_as",
        least: 2,
        most: 2,
        takes: |types| Ok(types.to_vec()),
        gives: |given| Ok(given[1].clone()),
        run: |call| cast(call, false),
    },
    Def {
        name: "try_variant_as",
        least: 2,
        most: 2,
        takes: |types| Ok(types.to_vec()),
        gives: |given| Ok(given[1].clone()),
        run: |call| cast(call, true),
    },
    // `v:a.b`
    Def {
        name: "variant_path",
        least: 2,
        most: 2,
        takes: |types| match &types[0] {
            given if given.is_string() => all_text(types),
            given if is_variant(given) => first_variant(types),
            _ => {
                let text = "The semi-structured extraction operator (`:`) can only be applied to a column of the \
                            VARIANT type or to JSON text.";
                fail("COLUMN_IS_NOT_VARIANT_TYPE", "42K09", text)
            }
        },
        gives: |given: &Given<'_>| {
            Ok(if is_variant(&given[0]) { variant_type() } else { DataType::Utf8 })
        },
        run: |call| match is_variant(call.gives) {
            true => get(call, "variant_get", false),
            false => crate::json::get_json_object(call),
        },
    },
    // What `variant_explode` makes rows of.
    Def {
        name: "variant_entries",
        least: 1,
        most: 1,
        takes: first_variant,
        gives: |_| Ok(DataType::new_list(DataType::Struct(entry_fields()), true)),
        run: entries,
    },
];

fn each(call: &Call<'_>, value: impl Fn(usize) -> Result<Option<Tree>>) -> Result<ArrayRef> {
    built(&(0..call.rows).map(value).collect::<Result<Vec<_>>>()?)
}

fn parse(call: &Call<'_>, lenient: bool) -> Result<ArrayRef> {
    each(call, |row| {
        if call.has_null(row) {
            return Ok(None);
        }
        let text = call.text(0, row);
        let parsed = Json::whole(text).map(Tree::of_json);
        match parsed {
            Some(Ok(tree)) => Ok(Some(tree)),
            _ if lenient => Ok(None),
            Some(Err(error)) => Err(error),
            None => {
                let text = format!(
                    "Malformed records are detected in record parsing: {text}. Use `try_parse_json` to tolerate them."
                );
                fail("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023", text)
            }
        }
    })
}

fn get(call: &Call<'_>, name: &str, lenient: bool) -> Result<ArrayRef> {
    let variants = Variants::of(&call.args[0])?;
    let mut known: Option<(String, Vec<super::path::Step>)> = None;
    let mut trees = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let value = if call.has_null(row) { None } else { variants.value(row)? };
        let Some(value) = value else {
            trees.push(None);
            continue;
        };
        let path = call.text(1, row);
        if known.as_ref().is_none_or(|(text, _)| text != path) {
            known = Some((path.to_owned(), to_read(path, name)?));
        }
        let steps = known.as_ref().map_or(&[][..], |(_, steps)| steps);
        trees.push(found(value, steps).map(|value| Tree::of(&value)).transpose()?);
    }
    from_variants(trees, call.gives, lenient, call.zone)
}

fn cast(call: &Call<'_>, lenient: bool) -> Result<ArrayRef> {
    let variants = Variants::of(&call.args[0])?;
    let trees = (0..call.rows).map(|row| variants.tree(row)).collect::<Result<_>>()?;
    from_variants(trees, call.gives, lenient, call.zone)
}

fn edit(call: &Call<'_>, name: &str, lenient: bool, edit: Edit) -> Result<ArrayRef> {
    let variants = Variants::of(&call.args[0])?;
    each(call, |row| {
        if call.has_null(row) {
            return Ok(None);
        }
        let Some(mut target) = variants.tree(row)? else { return Ok(None) };
        let Some(value) = tree(&call.args[2], row, true)? else { return Ok(None) };
        let edit = match (edit, call.args.get(3)) {
            (Edit::Set(_), Some(makes)) => Edit::Set(makes.as_boolean().value(row)),
            (edit, _) => edit,
        };
        let path = call.text(1, row);
        let Some(steps) = steps(path) else { return wrong_path(path, name) };
        match edited(&mut target, &steps, value, edit) {
            Ok(()) => Ok(Some(target)),
            Err(_) if lenient => Ok(None),
            Err(_) => {
                let text = format!(
                    "The path '{path}' is incompatible with the variant value in `{name}`."
                );
                fail("VARIANT_PATH_TYPE_MISMATCH", "22023", text)
            }
        }
    })
}

fn wrong_path<T>(path: &str, name: &str) -> Result<T> {
    let text = format!(
        "The path '{path}' is not a valid `{name}` target. A valid path should start with `$` and is followed by \
         segments like `[123]`, `.name`, `['name']`, or `[\"name\"]`."
    );
    fail("INVALID_VARIANT_PATH", "22023", text)
}

/// A path that is NULL takes nothing out.
fn delete(call: &Call<'_>) -> Result<ArrayRef> {
    let variants = Variants::of(&call.args[0])?;
    each(call, |row| {
        let Some(mut target) = variants.tree(row)? else { return Ok(None) };
        for (at, paths) in call.args.iter().enumerate().skip(1) {
            if paths.is_null(row) {
                continue;
            }
            let path = call.text(at, row);
            match steps(path) {
                Some(steps) if !steps.is_empty() => deleted(&mut target, &steps),
                _ => return wrong_path(path, "variant_delete"),
            }
        }
        Ok(Some(target))
    })
}

fn entry_fields() -> Fields {
    Fields::from(vec![
        Field::new("pos", DataType::Int32, true),
        Field::new("key", DataType::Utf8, true),
        Field::new("value", variant_type(), true),
    ])
}

fn entries(call: &Call<'_>) -> Result<ArrayRef> {
    let variants = Variants::of(&call.args[0])?;
    let (mut lengths, mut valid) = (Vec::new(), Vec::new());
    let (mut places, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..call.rows {
        let found: Vec<(Option<String>, Tree)> = match variants.tree(row)? {
            Some(Tree::List(items)) => items.into_iter().map(|item| (None, item)).collect(),
            Some(Tree::Object(fields)) => {
                fields.into_iter().map(|(key, value)| (Some(key), value)).collect()
            }
            _ => {
                lengths.push(0);
                valid.push(false);
                continue;
            }
        };
        lengths.push(found.len());
        valid.push(true);
        for (at, (key, value)) in found.into_iter().enumerate() {
            places.push(i32::try_from(at).unwrap_or(i32::MAX));
            keys.push(key);
            values.push(Some(value));
        }
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(places)),
        Arc::new(StringArray::from(keys)),
        built(&values)?,
    ];
    let structs = StructArray::try_new(entry_fields(), columns, None)?;
    let DataType::List(field) = call.gives else { return mismatch("An array is made here.") };
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls = Some(NullBuffer::from(valid));
    Ok(Arc::new(ListArray::try_new(field.clone(), offsets, Arc::new(structs), nulls)?))
}

pub static AGGREGATES: &[Aggregate] = &[Aggregate {
    name: "schema_of_variant_agg",
    least: 1,
    most: 1,
    takes: first_variant,
    gives: |_| Ok(DataType::Utf8),
    known: 0,
    finish: |args, _, _| {
        let variants = Variants::of(&args[0])?;
        let mut shape = Shape::Void;
        for row in 0..args[0].len() {
            if let Some(tree) = variants.tree(row)? {
                shape = shape.with(Shape::of(&tree));
            }
        }
        Ok(ScalarValue::Utf8(Some(shape.shown())))
    },
}];

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("variant_get(parse_json('{\"a\": [1, \"x\"]}'), '$.a[1]', 'string')", "x"),
            ("variant_get(parse_json('{\"a\": \"x\"}'), '$.a', 'int')", "[INVALID_VARIANT_CAST]"),
            ("try_variant_get(parse_json('{\"a\": \"x\"}'), '$.a', 'int')", ""),
            ("variant_get(parse_json('{\"a\": [1, 2]}'), '$', 'a array<bigint>')", "{a: [1, 2]}"),
            ("variant_get(parse_json('1'), 'a')", "[INVALID_VARIANT_GET_PATH]"),
            (
                "to_json(parse_json('{\"b\": 1.50, \"a\": 1e10, \"c\": [null, true]}'))",
                "{\"a\":1.0E10,\"b\":1.5,\"c\":[null,true]}",
            ),
            ("parse_json('{\"a\": 1, \"a\": 2}')", "[MALFORMED_RECORD_IN_PARSING"),
            ("parse_json('{')", "[MALFORMED_RECORD_IN_PARSING"),
            (
                "to_json(variant_set(parse_json('{\"a\": 1}'), '$.b.c', 2))",
                "{\"a\":1,\"b\":{\"c\":2}}",
            ),
            ("variant_insert(parse_json('{\"a\": 1}'), '$.a', 2)", "[VARIANT_PATH_TYPE_MISMATCH]"),
            ("to_json(variant_insert(parse_json('[1]'), '$[2]', 'z'))", "[1,null,\"z\"]"),
            ("schema_of_variant(parse_json('[1, 1.5, null]'))", "ARRAY<DECIMAL(20,1)>"),
            ("is_variant_null(NULL)", "false"),
        ])
        .await
    }
}
