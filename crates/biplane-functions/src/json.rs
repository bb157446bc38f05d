//! JSON text: paths into it, its keys and length, its schema; and values written as JSON.

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use datafusion::common::Result;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::frame::{Call, Def, all_text};
use crate::json_value::Json;
use crate::options::{Options, options_type};
use crate::patterns::Pattern;
use crate::raised::{fail, mismatch};
use crate::time::{shown, zone};
use crate::variant::{Variants, is_variant};

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "get_json_object",
        least: 2,
        most: 2,
        takes: all_text,
        gives: |_| Ok(DataType::Utf8),
        run: get_json_object,
    },
    Def {
        name: "json_array_length",
        least: 1,
        most: 1,
        takes: all_text,
        gives: |_| Ok(DataType::Int32),
        run: |call| {
            call.primitives::<arrow::datatypes::Int32Type>(|row| {
                Ok(match Json::first(call.text(0, row)) {
                    Some(Json::List(items)) => i32::try_from(items.len()).ok(),
                    _ => None,
                })
            })
        },
    },
    Def {
        name: "json_object_keys",
        least: 1,
        most: 1,
        takes: all_text,
        gives: |_| Ok(DataType::new_list(DataType::Utf8, true)),
        run: |call| {
            let field = Arc::new(Field::new_list_field(DataType::Utf8, true));
            let mut builder = ListBuilder::new(StringBuilder::new()).with_field(field);
            for row in 0..call.rows {
                let json = if call.has_null(row) { None } else { Json::first(call.text(0, row)) };
                match json {
                    Some(Json::Object(entries)) => {
                        builder.append_value(entries.iter().map(|(key, _)| Some(key)));
                    }
                    _ => builder.append_null(),
                }
            }
            Ok(Arc::new(builder.finish()))
        },
    },
    Def {
        name: "schema_of_json",
        least: 1,
        most: 2,
        takes: |types| {
            let wanted = [DataType::Utf8, options_type()];
            Ok(wanted.into_iter().take(types.len()).collect())
        },
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            let options = Options::of(call.args.get(1), call.zone)?;
            options.only("schema_of_json", &["allownumericleadingzeros", "mode"])?;
            let with_zeros = options.is("allownumericleadingzeros", false);
            call.texts(|row| {
                let text = call.text(0, row);
                let json = match with_zeros {
                    true => Json::first(&without_zeros(text)),
                    false => Json::first(text),
                };
                Ok(Some(json.map_or("STRING".to_owned(), |json| Shape::of(&json).shown())))
            })
        },
    },
    Def {
        name: "to_json",
        least: 1,
        most: 2,
        takes: |types| {
            let options = DataType::Map(
                Arc::new(Field::new("entries", DataType::Struct(text_entries()), false)),
                false,
            );
            match &types[0] {
                nested if nested.is_nested() => {
                    let rest = types.get(1).map(|_| options);
                    Ok([nested.clone()].into_iter().chain(rest).collect())
                }
                other => {
                    mismatch(format!("to_json takes a struct, a map or an array, not {other}."))
                }
            }
        },
        gives: |_| Ok(DataType::Utf8),
        run: to_json,
    },
];

fn text_entries() -> arrow::datatypes::Fields {
    arrow::datatypes::Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ])
}

pub fn get_json_object(call: &Call<'_>) -> Result<ArrayRef> {
    call.texts(|row| {
        let Some(json) = Json::first(call.text(0, row)) else { return Ok(None) };
        let Some(steps) = path(call.text(1, row)) else { return Ok(None) };
        Ok(found(&json, &steps))
    })
}

enum Step {
    Key(String),
    Index(usize),
    All,
}

/// `$.a['b'][0][*]`
fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix("['") {
            let (key, behind) = behind.split_once("']")?;
            steps.push(if key == "*" { Step::All } else { Step::Key(key.to_owned()) });
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix('[') {
            let (index, behind) = behind.split_once(']')?;
            steps.push(if index == "*" { Step::All } else { Step::Index(index.parse().ok()?) });
            rest = behind;
        } else {
            let behind = rest.strip_prefix('.')?;
            let end = behind.find(['.', '[']).unwrap_or(behind.len());
            let (key, behind) = behind.split_at(end);
            if key.is_empty() {
                return None;
            }
            steps.push(if key == "*" { Step::All } else { Step::Key(key.to_owned()) });
            rest = behind;
        }
    }
    Some(steps)
}

/// Text alone stands without quotes; of one value found by `[*]` no list is made.
fn found(json: &Json, steps: &[Step]) -> Option<String> {
    let mut all = Vec::new();
    walk(json, steps, &mut all);
    let many = steps.iter().any(|step| matches!(step, Step::All));
    match all.as_slice() {
        [] | [Json::Null] => None,
        [Json::Text(text)] if !many => Some(text.clone()),
        [one] => Some(one.to_string()),
        many => {
            let items: Vec<String> = many.iter().map(ToString::to_string).collect();
            Some(format!("[{}]", items.join(",")))
        }
    }
}

fn walk<'j>(json: &'j Json, steps: &[Step], all: &mut Vec<&'j Json>) {
    let Some((step, rest)) = steps.split_first() else {
        all.push(json);
        return;
    };
    match (step, json) {
        (Step::Key(key), Json::Object(entries)) => {
            if let Some((_, value)) = entries.iter().find(|(name, _)| name == key) {
                walk(value, rest, all);
            }
        }
        // A key of an array is that of each of its objects.
        (Step::Key(_), Json::List(items)) => items.iter().for_each(|item| walk(item, steps, all)),
        (Step::Index(at), Json::List(items)) => {
            if let Some(item) = items.get(*at) {
                walk(item, rest, all);
            }
        }
        (Step::All, Json::List(items)) => items.iter().for_each(|item| walk(item, rest, all)),
        _ => {}
    }
}

/// The type that fits all values seen.
#[derive(Clone, PartialEq)]
enum Shape {
    Null,
    Boolean,
    Long,
    Decimal(usize),
    Double,
    Text,
    List(Box<Shape>),
    Struct(BTreeMap<String, Shape>),
}

impl Shape {
    fn of(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(_) => Self::Boolean,
            Json::Text(_) => Self::Text,
            Json::Number(number) if number.contains(['.', 'e', 'E']) => Self::Double,
            Json::Number(number) if number.parse::<i64>().is_ok() => Self::Long,
            Json::Number(number) => {
                let digits = number.trim_start_matches('-').len();
                if digits <= 38 { Self::Decimal(digits) } else { Self::Double }
            }
            Json::List(items) => {
                let item = items.iter().map(Self::of).fold(Self::Null, Self::with);
                Self::List(Box::new(item))
            }
            Json::Object(entries) => Self::Struct(
                entries.iter().map(|(key, value)| (key.clone(), Self::of(value))).collect(),
            ),
        }
    }

    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, other) | (other, Self::Null) => other,
            (a, b) if a == b => a,
            (Self::Decimal(a), Self::Decimal(b)) => Self::Decimal(a.max(b)),
            (Self::Long, Self::Decimal(digits)) | (Self::Decimal(digits), Self::Long) => {
                Self::Decimal(digits.max(20))
            }
            (Self::Long | Self::Decimal(_), Self::Double)
            | (Self::Double, Self::Long | Self::Decimal(_)) => Self::Double,
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.with(*b))),
            (Self::Struct(mut a), Self::Struct(b)) => {
                for (key, shape) in b {
                    let known = a.remove(&key).unwrap_or(Self::Null);
                    a.insert(key, known.with(shape));
                }
                Self::Struct(a)
            }
            _ => Self::Text,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Null | Self::Text => "STRING".to_owned(),
            Self::Boolean => "BOOLEAN".to_owned(),
            Self::Long => "BIGINT".to_owned(),
            Self::Decimal(digits) => format!("DECIMAL({digits},0)"),
            Self::Double => "DOUBLE".to_owned(),
            Self::List(item) => format!("ARRAY<{}>", item.shown()),
            Self::Struct(fields) => {
                let field = |(name, shape): (&String, &Self)| {
                    let is_plain = !name.is_empty()
                        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                    let name = if is_plain {
                        name.clone()
                    } else {
                        format!("`{}`", name.replace('`', "``"))
                    };
                    format!("{name}: {}", shape.shown())
                };
                format!("STRUCT<{}>", fields.iter().map(field).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// How values are written.
struct Writer {
    zone: Tz,
    timestamps: Option<Pattern>,
    dates: Option<Pattern>,
    keeps_nulls: bool,
    sorts_keys: bool,
}

impl Writer {
    fn new(call: &Call<'_>) -> Result<Self> {
        let mut writer = Self {
            zone: zone(call.zone)?,
            timestamps: None,
            dates: None,
            keeps_nulls: false,
            sorts_keys: false,
        };
        let Some(options) = call.args.get(1).filter(|options| options.is_valid(0)) else {
            return Ok(writer);
        };
        let entries = options.as_map().value(0);
        let (keys, values) =
            (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
        for (key, value) in keys.iter().flatten().zip(values.iter().flatten()) {
            let is_true = value.eq_ignore_ascii_case("true");
            match key.to_lowercase().as_str() {
                "timestampformat" => writer.timestamps = Some(Pattern::new(value)?),
                "dateformat" => writer.dates = Some(Pattern::new(value)?),
                "timezone" => writer.zone = zone(value)?,
                "ignorenullfields" => writer.keeps_nulls = !is_true,
                "sortkeys" => writer.sorts_keys = is_true,
                other => {
                    let text = format!("The option {other} of to_json is not supported.");
                    return fail("UNSUPPORTED_FEATURE", "0A000", text);
                }
            }
        }
        Ok(writer)
    }

    fn value(&self, out: &mut String, array: &ArrayRef, row: usize) -> Result<()> {
        if is_null(array, row) {
            out.push_str("null");
            return Ok(());
        }
        match array.data_type() {
            variant if is_variant(variant) => {
                let tree = Variants::of(array)?.tree(row)?;
                out.push_str(&tree.map_or_else(|| "null".to_owned(), |tree| tree.json(&self.zone)));
                Ok(())
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let named = fields.iter().map(|field| field.name().clone());
                let entries: Vec<_> =
                    named.zip(columns.iter().map(|column| (column, row))).collect();
                self.object(out, entries)
            }
            DataType::Map(..) => {
                let entries = array.as_map().value(row);
                let (keys, values) = (entries.column(0), entries.column(1));
                let pairs = (0..entries.len())
                    .map(|at| Ok((text(keys, at)?, (values, at))))
                    .collect::<Result<Vec<_>>>()?;
                self.object(out, pairs)
            }
            DataType::List(_) => {
                let items = array.as_list::<i32>().value(row);
                out.push('[');
                for at in 0..items.len() {
                    if at > 0 {
                        out.push(',');
                    }
                    self.value(out, &items, at)?;
                }
                out.push(']');
                Ok(())
            }
            DataType::Date32 | DataType::Timestamp(..) => {
                let local = shown(array, row, &self.zone)?;
                let is_date = array.data_type() == &DataType::Date32;
                let is_wall = matches!(array.data_type(), DataType::Timestamp(_, None));
                let format = if is_date { &self.dates } else { &self.timestamps };
                let text = match format {
                    Some(format) => format.write(local, &self.zone)?,
                    None if is_date => Pattern::new("yyyy-MM-dd")?.write(local, &self.zone)?,
                    None if is_wall => {
                        Pattern::new("yyyy-MM-dd'T'HH:mm:ss.SSS")?.write(local, &self.zone)?
                    }
                    None => {
                        Pattern::new("yyyy-MM-dd'T'HH:mm:ss.SSSXXX")?.write(local, &self.zone)?
                    }
                };
                let _ = write!(out, "{}", Json::Text(text));
                Ok(())
            }
            DataType::Float32 | DataType::Float64 => {
                let shown = text(array, row)?;
                let is_finite = !shown.contains(['N', 'n']);
                let _ = if is_finite {
                    write!(out, "{shown}")
                } else {
                    let name = match shown.as_str() {
                        "inf" => "Infinity",
                        "-inf" => "-Infinity",
                        _ => "NaN",
                    };
                    write!(out, "\"{name}\"")
                };
                Ok(())
            }
            bare if bare.is_numeric() || bare == &DataType::Boolean => {
                out.push_str(&text(array, row)?);
                Ok(())
            }
            DataType::Binary => {
                let bytes = array.as_binary::<i32>().value(row);
                let _ = write!(out, "\"{}\"", BASE64_STANDARD.encode(bytes));
                Ok(())
            }
            _ => {
                let _ = write!(out, "{}", Json::Text(text(array, row)?));
                Ok(())
            }
        }
    }

    fn object(
        &self,
        out: &mut String,
        mut entries: Vec<(String, (&ArrayRef, usize))>,
    ) -> Result<()> {
        if self.sorts_keys {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
        }
        out.push('{');
        let mut is_first = true;
        for (key, (array, row)) in entries {
            if is_null(array, row) && !self.keeps_nulls {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.push(',');
            }
            let _ = write!(out, "{}:", Json::Text(key));
            self.value(out, array, row)?;
        }
        out.push('}');
        Ok(())
    }
}

/// An array of no type has no bitmap of its NULLs.
fn is_null(array: &ArrayRef, row: usize) -> bool {
    array.is_null(row) || array.data_type().is_null()
}

fn text(array: &ArrayRef, row: usize) -> Result<String> {
    if let DataType::Struct(_) = array.data_type() {
        let parts = array.as_struct().columns().iter().map(|column| text(column, row));
        return Ok(format!("[{}]", parts.collect::<Result<Vec<_>>>()?.join(",")));
    }
    let options = FormatOptions::default();
    Ok(ArrayFormatter::try_new(array.as_ref(), &options)?.value(row).try_to_string()?)
}

fn to_json(call: &Call<'_>) -> Result<ArrayRef> {
    let writer = Writer::new(call)?;
    let mut builder = StringBuilder::new();
    let mut out = String::new();
    for row in 0..call.rows {
        if call.args[0].is_null(row) {
            builder.append_null();
        } else {
            out.clear();
            writer.value(&mut out, &call.args[0], row)?;
            builder.append_value(&out);
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// JSON whose numbers begin with zeros, without these.
fn without_zeros(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut is_escaped, mut in_number) = (false, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            in_text = is_escaped || letter != '"';
            is_escaped = letter == '\\' && !is_escaped;
        } else {
            in_text = letter == '"';
            let is_digit_next = letters.peek().is_some_and(char::is_ascii_digit);
            if letter == '0' && !in_number && is_digit_next {
                continue;
            }
            in_number =
                letter.is_ascii_alphanumeric() || letter == '.' || (in_number && letter == '+');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            (r#"get_json_object('{"a":"b"}', '$.a')"#, "b"),
            (r#"get_json_object('[{"a":"b"},{"a":"c"}]', '$[0].a')"#, "b"),
            (r#"get_json_object('[{"a":"b"},{"a":"c"}]', '$[*].a')"#, r#"["b","c"]"#),
            (r#"get_json_object('{"z":{"y":1.50,"x":[1,2]}}', '$.z')"#, r#"{"y":1.50,"x":[1,2]}"#),
            (r#"get_json_object('{"a":null}', '$.a')"#, ""),
            (r#"get_json_object('{"a"', '$.a')"#, ""),
            ("json_array_length('[1,2,3,4]')", "4"),
            ("json_array_length('[1,2')", ""),
            (r#"json_object_keys('{"f1":"abc","f2":{"f3":"a"}}')"#, "[f1, f2]"),
            (r#"schema_of_json('[{"col":0}]')"#, "ARRAY<STRUCT<col: BIGINT>>"),
            (
                r#"schema_of_json('[{"c\"0":[007, -01, 0, 1.001, "01"]}]', MAP {'allowNumericLeadingZeros': 'true'})"#,
                "ARRAY<STRUCT<`c\"0`: ARRAY<STRING>>>",
            ),
            (
                r#"schema_of_json('[{"b":1,"a":2.5},{"b":"x"}]')"#,
                "ARRAY<STRUCT<a: DOUBLE, b: STRING>>",
            ),
            ("to_json(named_struct('a', 1, 'b', NULL, 'c', 'x\"y'))", r#"{"a":1,"c":"x\"y"}"#),
            ("to_json([named_struct('a', 1.50)])", r#"[{"a":1.50}]"#),
            (
                "to_json(named_struct('t', TIMESTAMP '2015-08-26 01:02:03'))",
                r#"{"t":"2015-08-26T01:02:03.000"}"#,
            ),
            ("to_json(1)", "[DATATYPE_MISMATCH"),
        ])
        .await
    }
}
