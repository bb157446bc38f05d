//! Functions of text and bytes as Spark has them: prefixes, places, patterns, character sets, masks.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Int32Builder, ListBuilder,
    StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use regex::Regex;
use std::sync::Arc;

use crate::error::SqlError;

enum Cell {
    Null,
    Bool(bool),
    Int(i32),
    Text(String),
    Bytes(Vec<u8>),
    Texts(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Bool,
    Int,
    Text,
    Bytes,
    Texts,
}

type Kernel = fn(&[Option<&[u8]>], &mut Pattern) -> Result<Cell>;

/// Name, the least and the most arguments, what comes out, and whether a NULL makes it NULL.
const FUNCTIONS: &[(&str, usize, usize, Kind, bool, Kernel)] = &[
    ("startswith", 2, 2, Kind::Bool, true, |a, _| {
        Ok(Cell::Bool(bytes(a, 0).starts_with(bytes(a, 1))))
    }),
    ("endswith", 2, 2, Kind::Bool, true, |a, _| Ok(Cell::Bool(bytes(a, 0).ends_with(bytes(a, 1))))),
    ("locate", 2, 3, Kind::Int, true, locate),
    ("mask", 1, 5, Kind::Text, false, mask),
    ("encode", 2, 2, Kind::Bytes, true, encode),
    ("decode", 2, 2, Kind::Text, true, decode),
    ("validate_utf8", 1, 1, Kind::Text, true, |a, _| match std::str::from_utf8(bytes(a, 0)) {
        Ok(valid) => Ok(Cell::Text(valid.to_owned())),
        Err(_) => failed("INVALID_UTF8_STRING", "The bytes are not valid UTF-8."),
    }),
    ("try_validate_utf8", 1, 1, Kind::Text, true, |a, _| {
        Ok(std::str::from_utf8(bytes(a, 0)).map_or(Cell::Null, |text| Cell::Text(text.to_owned())))
    }),
    ("split", 2, 3, Kind::Texts, true, split),
    ("regexp_extract", 2, 3, Kind::Text, true, extract),
    ("regexp_extract_all", 2, 3, Kind::Texts, true, extract_all),
    ("regexp_substr", 2, 2, Kind::Text, true, |a, pattern| {
        let found = pattern.get(text(a, 1)?)?.find(text(a, 0)?);
        Ok(found.map_or(Cell::Null, |found| Cell::Text(found.as_str().to_owned())))
    }),
];

pub fn register(state: &mut SessionState) -> Result<()> {
    for at in 0..FUNCTIONS.len() {
        let signature = Signature::user_defined(Volatility::Immutable);
        state.register_udf(Arc::new(TextFunction { at, signature }.into()))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextFunction {
    /// In the table.
    at: usize,
    signature: Signature,
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        FUNCTIONS[self.at].0
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match FUNCTIONS[self.at].3 {
            Kind::Bool => DataType::Boolean,
            Kind::Int => DataType::Int32,
            Kind::Text => DataType::Utf8,
            Kind::Bytes => DataType::Binary,
            Kind::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        })
    }

    /// Bytes stay bytes; all else is taken as text.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (name, least, most, ..) = FUNCTIONS[self.at];
        if !(least..=most).contains(&types.len()) {
            return plan_err!(
                "Function '{name}' expects {least} to {most} arguments but received {}",
                types.len()
            );
        }
        if name == "decode" && types.first().is_some_and(DataType::is_numeric) {
            return plan_err!("Function '{name}' requires Binary, but received {}", types[0]);
        }
        types
            .iter()
            .map(|given| match given {
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                    Ok(DataType::Binary)
                }
                nested if nested.is_nested() => {
                    plan_err!("Function '{name}' requires String, but received {nested}")
                }
                _ => Ok(DataType::Utf8),
            })
            .collect()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (_, _, _, kind, nulls_are_null, kernel) = FUNCTIONS[self.at];
        let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = arrays.first().map_or(0, |array| array.len());
        let mut pattern = Pattern::default();
        let cells = (0..rows).map(|row| {
            let values: Vec<_> = arrays.iter().map(|array| bytes_at(array, row)).collect();
            if nulls_are_null && values.contains(&None) {
                return Ok(Cell::Null);
            }
            kernel(&values, &mut pattern)
        });
        let array = collected(kind, cells)?;
        Ok(if is_constant {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
        } else {
            ColumnarValue::Array(array)
        })
    }
}

fn bytes_at(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Binary => Some(array.as_binary::<i32>().value(row)),
        _ => array.as_string_opt::<i32>().map(|texts| texts.value(row).as_bytes()),
    }
}

fn collected(kind: Kind, cells: impl Iterator<Item = Result<Cell>>) -> Result<ArrayRef> {
    macro_rules! built {
        ($builder:expr, $cell:ident) => {{
            let mut builder = $builder;
            for cell in cells {
                match cell? {
                    Cell::$cell(value) => builder.append_value(value),
                    _ => builder.append_null(),
                }
            }
            Ok(Arc::new(builder.finish()))
        }};
    }
    match kind {
        Kind::Bool => built!(BooleanBuilder::new(), Bool),
        Kind::Int => built!(Int32Builder::new(), Int),
        Kind::Text => built!(StringBuilder::new(), Text),
        Kind::Bytes => built!(BinaryBuilder::new(), Bytes),
        Kind::Texts => {
            let mut builder = ListBuilder::new(StringBuilder::new());
            for cell in cells {
                match cell? {
                    Cell::Texts(values) => builder.append_value(values.iter().map(Some)),
                    _ => builder.append_null(),
                }
            }
            Ok(Arc::new(builder.finish()))
        }
    }
}

/// The pattern of the row before, which is mostly that of this row.
#[derive(Default)]
struct Pattern(Option<Regex>);

impl Pattern {
    fn get(&mut self, text: &str) -> Result<&Regex> {
        if self.0.as_ref().is_none_or(|regex| regex.as_str() != text) {
            match Regex::new(text) {
                Ok(regex) => self.0 = Some(regex),
                Err(_) => {
                    let message = format!("`{text}` is not a valid regular expression.");
                    return failed("INVALID_PARAMETER_VALUE.PATTERN", &message);
                }
            }
        }
        self.0.as_ref().ok_or_else(|| DataFusionError::Internal("no pattern".to_owned()))
    }
}

fn failed<T>(class: &str, message: &str) -> Result<T> {
    Err(DataFusionError::External(Box::new(SqlError::new(class, "22023", message))))
}

fn bytes<'a>(values: &[Option<&'a [u8]>], at: usize) -> &'a [u8] {
    values.get(at).copied().flatten().unwrap_or_default()
}

fn text<'a>(values: &[Option<&'a [u8]>], at: usize) -> Result<&'a str> {
    match std::str::from_utf8(bytes(values, at)) {
        Ok(valid) => Ok(valid),
        Err(_) => failed("INVALID_UTF8_STRING", "The bytes are not valid UTF-8."),
    }
}

/// A whole number, or what it is when it is not given.
fn number(values: &[Option<&[u8]>], at: usize, default: i64) -> Result<i64> {
    if values.len() <= at {
        return Ok(default);
    }
    let given = text(values, at)?;
    given.trim().parse().map_err(|_| {
        let error = SqlError::cast_invalid(given, "STRING", "INT");
        DataFusionError::External(Box::new(error))
    })
}

fn locate(values: &[Option<&[u8]>], _: &mut Pattern) -> Result<Cell> {
    let (part, whole) = (text(values, 0)?, text(values, 1)?);
    let Ok(skipped) = usize::try_from(number(values, 2, 1)? - 1) else { return Ok(Cell::Int(0)) };
    let starts = whole.char_indices().map(|(start, _)| start).chain([whole.len()]);
    let Some(start) = starts.into_iter().nth(skipped) else { return Ok(Cell::Int(0)) };
    let found = whole[start..].find(part).map(|at| whole[..start + at].chars().count() + 1);
    Ok(Cell::Int(found.and_then(|place| i32::try_from(place).ok()).unwrap_or(0)))
}

fn mask(values: &[Option<&[u8]>], _: &mut Pattern) -> Result<Cell> {
    if values.first().copied().flatten().is_none() {
        return Ok(Cell::Null);
    }
    let mut with = [Some('X'), Some('x'), Some('n'), None];
    for (at, with) in with.iter_mut().enumerate() {
        match values.get(at + 1) {
            None => {}
            Some(None) => *with = None,
            Some(Some(_)) => {
                let mut letters = text(values, at + 1)?.chars();
                let (Some(letter), None) = (letters.next(), letters.next()) else {
                    let class = "DATATYPE_MISMATCH.INPUT_SIZE_NOT_ONE";
                    return failed(class, "What masks a character must be one character.");
                };
                *with = Some(letter);
            }
        }
    }
    let masked = text(values, 0)?.chars().map(|letter| {
        let class = match letter {
            letter if letter.is_uppercase() => 0,
            letter if letter.is_lowercase() => 1,
            letter if letter.is_numeric() => 2,
            _ => 3,
        };
        with[class].unwrap_or(letter)
    });
    Ok(Cell::Text(masked.collect()))
}

fn unmappable<T>(charset: &str) -> Result<T> {
    let message = format!("A character cannot be expressed in {charset}.");
    failed("MALFORMED_CHARACTER_CODING", &message)
}

fn encode(values: &[Option<&[u8]>], _: &mut Pattern) -> Result<Cell> {
    let (given, charset) = (text(values, 0)?, text(values, 1)?.to_uppercase());
    let single = |last: u32| {
        let each = given.chars().map(|c| u8::try_from(u32::from(c)).ok());
        each.map(|byte| byte.filter(|byte| u32::from(*byte) <= last)).collect::<Option<Vec<u8>>>()
    };
    Ok(Cell::Bytes(match charset.as_str() {
        "UTF-8" => given.as_bytes().to_vec(),
        "US-ASCII" => single(0x7f).map_or_else(|| unmappable(&charset), Ok)?,
        "ISO-8859-1" => single(0xff).map_or_else(|| unmappable(&charset), Ok)?,
        "UTF-16" => {
            let mark = [0xfe, 0xff].into_iter();
            mark.chain(given.encode_utf16().flat_map(u16::to_be_bytes)).collect()
        }
        "UTF-16BE" => given.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "UTF-16LE" => given.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "UTF-32" => given.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        _ => return no_charset(&charset),
    }))
}

fn decode(values: &[Option<&[u8]>], _: &mut Pattern) -> Result<Cell> {
    let (given, charset) = (bytes(values, 0), text(values, 1)?.to_uppercase());
    let units = |big: bool, given: &[u8]| {
        let (pairs, rest) = given.as_chunks::<2>();
        let read = |pair: &[u8; 2]| {
            if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) }
        };
        let text = char::decode_utf16(pairs.iter().map(read)).collect::<Result<String, _>>().ok();
        text.filter(|_| rest.is_empty())
    };
    let read = match charset.as_str() {
        "UTF-8" => std::str::from_utf8(given).ok().map(str::to_owned),
        "US-ASCII" => {
            given.is_ascii().then(|| given.iter().map(|byte| char::from(*byte)).collect())
        }
        "ISO-8859-1" => Some(given.iter().map(|byte| char::from(*byte)).collect()),
        "UTF-16" => match given {
            [0xff, 0xfe, rest @ ..] => units(false, rest),
            [0xfe, 0xff, rest @ ..] | rest => units(true, rest),
        },
        "UTF-16BE" => units(true, given),
        "UTF-16LE" => units(false, given),
        "UTF-32" => {
            let (quads, rest) = given.as_chunks::<4>();
            let letters = quads.iter().map(|quad| char::from_u32(u32::from_be_bytes(*quad)));
            letters.collect::<Option<String>>().filter(|_| rest.is_empty())
        }
        _ => return no_charset(&charset),
    };
    read.map_or_else(|| unmappable(&charset), |text| Ok(Cell::Text(text)))
}

fn no_charset<T>(charset: &str) -> Result<T> {
    let message = format!(
        "The charset {charset} is none of ISO-8859-1, US-ASCII, UTF-16, UTF-16BE, UTF-16LE, UTF-32, UTF-8."
    );
    failed("INVALID_PARAMETER_VALUE.CHARSET", &message)
}

/// As Java does: an empty match at the very start makes no empty first part.
fn split(values: &[Option<&[u8]>], pattern: &mut Pattern) -> Result<Cell> {
    let (whole, limit) = (text(values, 0)?, number(values, 2, -1)?);
    let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let (mut parts, mut start) = (Vec::new(), 0);
    for found in pattern.get(text(values, 1)?)?.find_iter(whole) {
        if parts.len() + 1 >= limit {
            break;
        }
        // Nor does one at the end, before which everything was taken.
        if found.is_empty() && (found.start() == 0 || found.start() == whole.len()) {
            continue;
        }
        parts.push(whole[start..found.start()].to_owned());
        start = found.end();
    }
    parts.push(whole[start..].to_owned());
    Ok(Cell::Texts(parts))
}

fn group(values: &[Option<&[u8]>], groups: usize) -> Result<usize> {
    let asked = number(values, 2, 1)?;
    match usize::try_from(asked) {
        Ok(index) if index < groups => Ok(index),
        _ => {
            let message = format!("There is no group {asked}: the pattern has {}.", groups - 1);
            failed("INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", &message)
        }
    }
}

fn extract(values: &[Option<&[u8]>], pattern: &mut Pattern) -> Result<Cell> {
    let regex = pattern.get(text(values, 1)?)?;
    let index = group(values, regex.captures_len())?;
    let found = regex.captures(text(values, 0)?).and_then(|captures| captures.get(index));
    Ok(Cell::Text(found.map_or_else(String::new, |found| found.as_str().to_owned())))
}

fn extract_all(values: &[Option<&[u8]>], pattern: &mut Pattern) -> Result<Cell> {
    let regex = pattern.get(text(values, 1)?)?;
    let index = group(values, regex.captures_len())?;
    let all = regex.captures_iter(text(values, 0)?).map(|captures| {
        captures.get(index).map_or_else(String::new, |found| found.as_str().to_owned())
    });
    Ok(Cell::Texts(all.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    /// A call and the text of what it answers, or how what it raises begins.
    const CASES: &[(&str, &str)] = &[
        ("startswith('Spark SQL', 'Spark')", "true"),
        ("startswith(x'5370', x'70')", "false"),
        ("endswith('Spark SQL', NULL)", ""),
        ("locate('bar', 'foobarbar', 5)", "7"),
        ("locate('é', 'aéé', 3)", "3"),
        ("locate('a', 'a', 0)", "0"),
        ("locate('', 'ab', 9)", "0"),
        ("mask('AbCD123-@$#')", "XxXXnnn-@$#"),
        ("mask('AbCD123-@$#', NULL, 'q', 'd', 'o')", "AqCDdddoooo"),
        ("mask('a', 'XX')", "[DATATYPE_MISMATCH.INPUT_SIZE_NOT_ONE]"),
        ("encode('é', 'utf-16')", "feff00e9"),
        ("encode('é', 'us-ascii')", "[MALFORMED_CHARACTER_CODING]"),
        ("encode('é', 'utf-7')", "[INVALID_PARAMETER_VALUE.CHARSET]"),
        ("decode(encode('a€😀', 'utf-16le'), 'utf-16le')", "a€😀"),
        ("decode(encode('a€😀', 'utf-32'), 'utf-32')", "a€😀"),
        ("decode(x'e9', 'iso-8859-1')", "é"),
        ("decode(x'e9', 'utf-8')", "[MALFORMED_CHARACTER_CODING]"),
        ("validate_utf8(x'80')", "[INVALID_UTF8_STRING]"),
        ("try_validate_utf8(x'80')", ""),
        ("split('oneAtwoBthreeC', '[ABC]')", "[one, two, three, ]"),
        ("split('oneAtwoBthreeC', '[ABC]', 2)", "[one, twoBthreeC]"),
        ("split('abc', '')", "[a, b, c]"),
        ("regexp_extract('100-200', '(\\d+)-(\\d+)')", "100"),
        ("regexp_extract('100', '(\\d+)', 2)", "[INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX]"),
        ("regexp_extract_all('1-2, 3-4', '(\\d+)-(\\d+)', 2)", "[2, 4]"),
        ("regexp_substr('Steven', 'Jeck')", ""),
        ("regexp_substr('a', '(')", "[INVALID_PARAMETER_VALUE.PATTERN]"),
    ];

    #[tokio::test]
    async fn answers() -> Result<()> {
        let mut state = SessionStateBuilder::new().with_default_features().build();
        register(&mut state)?;
        let session = SessionContext::new_with_state(state);
        for (call, expected) in CASES {
            let ran = async { session.sql(&format!("SELECT {call}")).await?.collect().await };
            match ran.await {
                Ok(batches) => {
                    let column = batches[0].column(0);
                    let shown = datafusion::arrow::util::display::array_value_to_string(column, 0)?;
                    assert_eq!(shown, *expected, "{call}");
                }
                Err(error) => assert!(error.to_string().contains(expected), "{call}: {error}"),
            }
        }
        Ok(())
    }
}
