//! JSON, CSV and XML text as typed values: `from_json`, `from_csv`, `from_xml`. Text is shaped into a tree by the
//! wanted type; what does not fit is NULL.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use std::collections::BTreeMap;

use crate::ddl;
use crate::frame::{Call, Def, Given};
use crate::json_value::Json;
use crate::options::{Options, options_type};
use crate::raised::{fail, mismatch};
use crate::time::instant_of;
use crate::variant::{Tree, from_variants, is_variant};

pub fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    Ok([DataType::Utf8, DataType::Utf8, options_type()].into_iter().take(types.len()).collect())
}

pub fn wanted(given: &Given<'_>) -> Result<DataType> {
    match given.text(1) {
        Some(text) => ddl::read(text),
        None => {
            let text = "The schema must be a literal text of a type, as in 'a INT, b STRING'.";
            fail("INVALID_SCHEMA.NON_STRING_LITERAL", "42K07", text)
        }
    }
}

pub const FUNCTIONS: &[Def] = &[Def {
    name: "from_json",
    least: 2,
    most: 3,
    takes,
    gives: |given| {
        let data_type = wanted(given)?;
        if data_type.is_nested() {
            return Ok(data_type);
        }
        mismatch("The schema of from_json must be a struct, a map, an array or VARIANT.")
    },
    run: from_json,
}];

const KNOWN: &[&str] =
    &["mode", "allownumericleadingzeros", "allowsinglequotes", "columnnameofcorruptrecord"];

fn from_json(call: &Call<'_>) -> Result<ArrayRef> {
    let options = Options::of(call.args.get(2), call.zone)?;
    options.only("from_json", KNOWN)?;
    let fails = options.fails_fast()?;
    let read = |text: &str| {
        if text.trim().is_empty() {
            return Ok(None);
        }
        match Json::first(text) {
            Some(json) => {
                // An array of structs is also made of one alone.
                let json = match (call.gives, json) {
                    (DataType::List(_), object @ Json::Object(_)) => Json::List(vec![object]),
                    (_, json) => json,
                };
                Ok(Some(of_json(json, call.gives, &options)?))
            }
            None => malformed(text, fails, call.gives),
        }
    };
    if !fails {
        return each(call, read);
    }
    // A value of another type than the schema says is malformed, too.
    let trees = trees(call, read)?;
    from_variants(trees, call.gives, false, call.zone).or_else(|error| {
        let text = format!("Malformed records are detected in record parsing: {error}");
        fail("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023", text)
    })
}

fn trees(
    call: &Call<'_>,
    read: impl Fn(&str) -> Result<Option<Tree>>,
) -> Result<Vec<Option<Tree>>> {
    let trees = (0..call.rows)
        .map(|row| if call.args[0].is_null(row) { Ok(None) } else { read(call.text(0, row)) });
    trees.collect()
}

/// A record that cannot be read has no values.
pub fn malformed(text: &str, fails: bool, gives: &DataType) -> Result<Option<Tree>> {
    if fails {
        let text = format!("Malformed records are detected in record parsing: {text}.");
        return fail("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023", text);
    }
    Ok(matches!(gives, DataType::Struct(_) if !is_variant(gives))
        .then(|| Tree::Object(BTreeMap::new())))
}

pub fn each(call: &Call<'_>, read: impl Fn(&str) -> Result<Option<Tree>>) -> Result<ArrayRef> {
    from_variants(trees(call, read)?, call.gives, true, call.zone)
}

/// NULL where the value is of another type, or an error where that is asked for.
fn of_json(json: Json, target: &DataType, options: &Options) -> Result<Tree> {
    let is_null = matches!(json, Json::Null);
    let tree = converted(json, target, options)?;
    if !is_null && matches!(tree, Tree::Null) && options.fails_fast()? {
        let text = format!("Malformed records are detected in record parsing: no {target}.");
        return fail("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023", text);
    }
    Ok(tree)
}

fn converted(json: Json, target: &DataType, options: &Options) -> Result<Tree> {
    if is_variant(target) {
        return Tree::of_json(json);
    }
    Ok(match (target, json) {
        (DataType::Struct(fields), Json::Object(entries)) => {
            let mut object = BTreeMap::new();
            for (key, value) in entries {
                if let Some(field) = fields.iter().find(|field| *field.name() == key) {
                    object.insert(key, of_json(value, field.data_type(), options)?);
                }
            }
            Tree::Object(object)
        }
        (DataType::Map(entries, _), Json::Object(pairs)) => {
            let value_type = match entries.data_type() {
                DataType::Struct(fields) => fields[1].data_type().clone(),
                other => other.clone(),
            };
            let pairs = pairs
                .into_iter()
                .map(|(key, value)| Ok((key, of_json(value, &value_type, options)?)));
            Tree::Object(pairs.collect::<Result<_>>()?)
        }
        (DataType::List(item), Json::List(items)) => Tree::List(
            items
                .into_iter()
                .map(|value| of_json(value, item.data_type(), options))
                .collect::<Result<_>>()?,
        ),
        (_, Json::Null) => Tree::Null,
        (DataType::Utf8, Json::Text(text)) => Tree::Text(text),
        (DataType::Utf8, other) => Tree::Text(other.to_string()),
        (_, Json::Text(text)) => match target {
            DataType::Date32 | DataType::Timestamp(..) | DataType::Binary => {
                of_text(&text, target, options)
            }
            DataType::Float32 | DataType::Float64
                if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") =>
            {
                Tree::Text(text)
            }
            _ => Tree::Null,
        },
        // A number with a fraction is no whole number, and no number is a truth.
        (whole, Json::Number(number)) if whole.is_integer() && number.parse::<i64>().is_err() => {
            Tree::Null
        }
        (DataType::Boolean, Json::Number(_)) => Tree::Null,
        (target, Json::Bool(_)) if target != &DataType::Boolean => Tree::Null,
        (_, other) => Tree::of_json(other)?,
    })
}

/// Plain text of CSV and XML.
pub fn of_text(text: &str, target: &DataType, options: &Options) -> Tree {
    match target {
        DataType::Date32 => options.date(text).map_or(Tree::Null, Tree::Date),
        DataType::Timestamp(_, None) => options.wall(text).map_or(Tree::Null, Tree::Wall),
        DataType::Timestamp(..) => {
            options.wall(text).map_or(Tree::Null, |at| Tree::Instant(instant_of(at, &options.zone)))
        }
        whole if whole.is_integer() => text.trim().parse().map_or(Tree::Null, Tree::Long),
        DataType::Utf8 => Tree::Text(text.to_owned()),
        DataType::Float32 | DataType::Float64 => {
            text.trim().parse().map_or(Tree::Null, Tree::Double)
        }
        _ => Tree::Text(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("from_json('{\"a\":1, \"b\":0.8}', 'a INT, b DOUBLE')", "{a: 1, b: 0.8}"),
            ("from_json('{\"a\":\"x\"}', 'a INT, b DOUBLE')", "{a: , b: }"),
            ("from_json('{', 'a INT')", "{a: }"),
            ("from_json('[1, 2]', 'array<int>')", "[1, 2]"),
            ("from_json('{\"a\": {\"b\": 1}}', 'map<string, string>')", "{a: {\"b\":1}}"),
            ("from_csv('1, 0.8,\"x,y\"', 'a INT, b DOUBLE, c STRING')", "{a: 1, b: 0.8, c: x,y}"),
            ("schema_of_csv('1,abc,1.5')", "STRUCT<_c0: INT, _c1: STRING, _c2: DOUBLE>"),
            ("to_csv(named_struct('a', 1, 'b', 'x,y'))", "1,\"x,y\""),
            ("from_json('{}', 'nope')", "[PARSE_SYNTAX_ERROR]"),
        ])
        .await
    }
}
