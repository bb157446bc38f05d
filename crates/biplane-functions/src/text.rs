//! Text and bytes: places, distances, other bases, sentences. Functions of bytes give bytes.

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use datafusion::common::Result;
use std::sync::Arc;

use crate::frame::{Call, Def, all_text};
use crate::raised::{fail, mismatch};

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Distances take time and memory by the product of both lengths.
const DISTANCE_CHARS_MAX: usize = 1 << 14;

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "instr",
        least: 2,
        most: 4,
        takes: |types| {
            Ok((0..types.len())
                .map(|at| if at < 2 { DataType::Utf8 } else { DataType::Int32 })
                .collect())
        },
        gives: |_| Ok(DataType::Int32),
        run: instr,
    },
    Def {
        name: "levenshtein",
        least: 2,
        most: 3,
        takes: |types| {
            Ok((0..types.len())
                .map(|at| if at < 2 { DataType::Utf8 } else { DataType::Int32 })
                .collect())
        },
        gives: |_| Ok(DataType::Int32),
        run: |call| {
            call.primitives::<Int32Type>(|row| {
                let distance = distance(call.text(0, row), call.text(1, row))?;
                let distance = i32::try_from(distance).unwrap_or(i32::MAX);
                let is_far = call.args.len() > 2 && distance > call.int(2, row);
                Ok(Some(if is_far { -1 } else { distance }))
            })
        },
    },
    Def {
        name: "jaro_winkler_similarity",
        least: 2,
        most: 2,
        takes: all_text,
        gives: |_| Ok(DataType::Float64),
        run: |call| {
            call.primitives::<Float64Type>(|row| {
                similarity(call.text(0, row), call.text(1, row)).map(Some)
            })
        },
    },
    Def {
        name: "conv",
        least: 3,
        most: 3,
        takes: |_| Ok(vec![DataType::Utf8, DataType::Int32, DataType::Int32]),
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            call.texts(|row| conv(call.text(0, row), call.int(1, row), call.int(2, row), call.ansi))
        },
    },
    Def {
        name: "to_base32",
        least: 1,
        most: 1,
        takes: |types| Ok(vec![bytes_or_text(&types[0])]),
        gives: |_| Ok(DataType::Utf8),
        run: |call| call.texts(|row| Ok(Some(to_base32(raw(call, 0, row))))),
    },
    Def {
        name: "from_base32",
        least: 1,
        most: 1,
        takes: all_text,
        gives: |_| Ok(DataType::Binary),
        run: |call| {
            call.binaries(|row| match from_base32(call.text(0, row)) {
                Some(bytes) => Ok(Some(bytes)),
                None => malformed(call.text(0, row), "BASE32"),
            })
        },
    },
    Def {
        name: "to_binary",
        least: 1,
        most: 2,
        takes: all_text,
        gives: |_| Ok(DataType::Binary),
        run: |call| call.binaries(|row| to_binary(call, row)),
    },
    Def {
        name: "try_to_binary",
        least: 1,
        most: 2,
        takes: all_text,
        gives: |_| Ok(DataType::Binary),
        run: |call| call.binaries(|row| Ok(to_binary(call, row).unwrap_or(None))),
    },
    Def {
        name: "sentences",
        least: 1,
        most: 3,
        takes: all_text,
        gives: |_| Ok(DataType::new_list(DataType::new_list(DataType::Utf8, true), true)),
        run: |call| {
            let word = Arc::new(Field::new_list_field(DataType::Utf8, true));
            let words = ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(&word));
            let list = Arc::new(Field::new_list_field(DataType::List(word), true));
            let mut builder = ListBuilder::new(words).with_field(list);
            for row in 0..call.rows {
                if call.args[0].is_null(row) {
                    builder.append_null();
                    continue;
                }
                for sentence in sentences(call.text(0, row)) {
                    builder.values().append_value(sentence.iter().map(Some));
                }
                builder.append(true);
            }
            Ok(Arc::new(builder.finish()))
        },
    },
    Def {
        name: "bit_length",
        least: 1,
        most: 1,
        takes: |types| Ok(vec![bytes_or_text(&types[0])]),
        gives: |_| Ok(DataType::Int32),
        run: |call| {
            call.primitives::<Int32Type>(|row| Ok(i32::try_from(raw(call, 0, row).len() * 8).ok()))
        },
    },
    Def {
        name: "octet_length",
        least: 1,
        most: 1,
        takes: |types| Ok(vec![bytes_or_text(&types[0])]),
        gives: |_| Ok(DataType::Int32),
        run: |call| {
            call.primitives::<Int32Type>(|row| Ok(i32::try_from(raw(call, 0, row).len()).ok()))
        },
    },
    Def {
        name: "contains",
        least: 2,
        most: 2,
        takes: alike,
        gives: |_| Ok(DataType::Boolean),
        run: |call| {
            call.bools(|row| {
                let (whole, part) = (raw(call, 0, row), raw(call, 1, row));
                let found = part.is_empty() || whole.windows(part.len()).any(|slice| slice == part);
                Ok(Some(found))
            })
        },
    },
    Def {
        name: "left",
        least: 2,
        most: 2,
        takes: |types| Ok(vec![bytes_or_text(&types[0]), DataType::Int32]),
        gives: |given| Ok(given[0].clone()),
        run: |call| {
            same_kind(
                call,
                |row, bytes| bytes.iter().copied().take(count(call, 1, row)).collect(),
                |row, text| text.chars().take(count(call, 1, row)).collect(),
            )
        },
    },
    Def {
        name: "overlay",
        least: 3,
        most: 4,
        takes: |types| {
            let both = alike(&types[..2])?;
            Ok(both.into_iter().chain(vec![DataType::Int32; types.len() - 2]).collect())
        },
        gives: |given| Ok(given[0].clone()),
        run: |call| {
            same_kind(
                call,
                |row, bytes| overlaid(call, row, bytes, raw(call, 1, row)),
                |row, text| {
                    let new: Vec<char> = call.text(1, row).chars().collect();
                    overlaid(call, row, &text.chars().collect::<Vec<_>>(), &new)
                        .into_iter()
                        .collect()
                },
            )
        },
    },
];

fn bytes_or_text(given: &DataType) -> DataType {
    match given {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        _ => DataType::Utf8,
    }
}

/// Both bytes or both text.
fn alike(types: &[DataType]) -> Result<Vec<DataType>> {
    if types.iter().any(DataType::is_nested) {
        return mismatch("Text or bytes are needed here.");
    }
    let kinds: Vec<DataType> = types.iter().map(bytes_or_text).collect();
    Ok(if kinds.iter().all(|kind| kind == &DataType::Binary) {
        kinds
    } else {
        vec![DataType::Utf8; kinds.len()]
    })
}

fn raw<'a>(call: &'a Call<'_>, arg: usize, row: usize) -> &'a [u8] {
    match call.args[arg].data_type() {
        DataType::Binary => call.args[arg].as_binary::<i32>().value(row),
        _ => call.text(arg, row).as_bytes(),
    }
}

fn count(call: &Call<'_>, arg: usize, row: usize) -> usize {
    usize::try_from(call.int(arg, row)).unwrap_or(0)
}

fn same_kind(
    call: &Call<'_>,
    of_bytes: impl Fn(usize, &[u8]) -> Vec<u8>,
    of_text: impl Fn(usize, &str) -> String,
) -> Result<ArrayRef> {
    match call.gives {
        DataType::Binary => call.binaries(|row| Ok(Some(of_bytes(row, raw(call, 0, row))))),
        _ => call.texts(|row| Ok(Some(of_text(row, call.text(0, row))))),
    }
}

/// From a place on, so many are replaced, or as many as are new.
fn overlaid<T: Copy>(call: &Call<'_>, row: usize, old: &[T], new: &[T]) -> Vec<T> {
    let start = count(call, 2, row).saturating_sub(1).min(old.len());
    let length = match call.args.get(3) {
        Some(_) if call.int(3, row) >= 0 => count(call, 3, row),
        _ => new.len(),
    };
    let end = start.saturating_add(length).min(old.len());
    old[..start].iter().chain(new).chain(&old[end..]).copied().collect()
}

/// The place of the nth part from a place on, or backwards from one counted from the end.
fn instr(call: &Call<'_>) -> Result<ArrayRef> {
    call.primitives::<Int32Type>(|row| {
        let (whole, part) = (call.text(0, row), call.text(1, row));
        let from = if call.args.len() > 2 { call.int(2, row) } else { 1 };
        let nth = if call.args.len() > 3 { call.int(3, row) } else { 1 };
        let Ok(nth @ 1..) = usize::try_from(nth) else { return Ok(Some(0)) };
        let (whole, part): (Vec<char>, Vec<char>) =
            (whole.chars().collect(), part.chars().collect());
        let Some(last) = whole.len().checked_sub(part.len()) else { return Ok(Some(0)) };
        let skipped = usize::try_from(from.unsigned_abs()).unwrap_or(usize::MAX);
        let is_here = |at: &usize| whole[*at..*at + part.len()] == part[..];
        let found = match from {
            0 => None,
            1.. => (skipped - 1..=last).filter(is_here).nth(nth - 1),
            _ => {
                let end = whole.len().checked_sub(skipped).map(|end| end.min(last));
                end.and_then(|end| (0..=end).rev().filter(is_here).nth(nth - 1))
            }
        };
        Ok(found.and_then(|at| i32::try_from(at + 1).ok()).or(Some(0)))
    })
}

fn too_long<T>() -> Result<T> {
    fail("UNSUPPORTED_FEATURE", "0A000", "The distance of texts of this length is not supported.")
}

fn distance(a: &str, b: &str) -> Result<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().max(b.len()) > DISTANCE_CHARS_MAX {
        return too_long();
    }
    let mut costs: Vec<usize> = (0..=b.len()).collect();
    for (at, left) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut costs[0], at + 1);
        for (place, right) in b.iter().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = costs[place + 1];
            costs[place + 1] = changed.min(diagonal + 1).min(costs[place] + 1);
        }
    }
    Ok(costs[b.len()])
}

fn similarity(a: &str, b: &str) -> Result<f64> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().max(b.len()) > DISTANCE_CHARS_MAX {
        return too_long();
    }
    if a.is_empty() || b.is_empty() {
        return Ok(if a.is_empty() && b.is_empty() { 1.0 } else { 0.0 });
    }
    let reach = (a.len().max(b.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; b.len()];
    let mut matched = Vec::new();
    for (at, letter) in a.iter().enumerate() {
        let range = at.saturating_sub(reach)..(at + reach + 1).min(b.len());
        if let Some(found) = range.into_iter().find(|place| !taken[*place] && b[*place] == *letter)
        {
            taken[found] = true;
            matched.push(*letter);
        }
    }
    if matched.is_empty() {
        return Ok(0.0);
    }
    let theirs = b.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(letter, _)| letter);
    let moved = matched.iter().zip(theirs).filter(|(a, b)| a != b).count();
    #[expect(clippy::cast_precision_loss, reason = "lengths are bounded")]
    let [m, t, x, y] = [matched.len(), moved / 2, a.len(), b.len()].map(|count| count as f64);
    let jaro = (m / x + m / y + (m - t) / m) / 3.0;
    let prefix = a.iter().zip(&b).take(4).take_while(|(a, b)| a == b).count();
    #[expect(clippy::cast_precision_loss, reason = "at most 4")]
    let prefix = prefix as f64;
    Ok(jaro + prefix * 0.1 * (1.0 - jaro))
}

/// A number of a base between 2 and 36 in another; a negative one means that it has a sign.
fn conv(number: &str, from: i32, to: i32, ansi: bool) -> Result<Option<String>> {
    let known = |base: i32| (2..=36).contains(&base);
    if !known(from) || !known(to.checked_abs().unwrap_or(0)) {
        return Ok(None);
    }
    let (number, is_negative) = match number.trim().strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (number.trim(), false),
    };
    let digits = number.chars().map_while(|c| c.to_digit(from.unsigned_abs()));
    let value = digits.map(u64::from).try_fold(0_u64, |sum, digit| {
        sum.checked_mul(u64::from(from.unsigned_abs()))?.checked_add(digit)
    });
    let value = match value {
        Some(value) => value,
        None if ansi => {
            return fail("ARITHMETIC_OVERFLOW", "22003", format!("conv({number}) is too large."));
        }
        None => u64::MAX,
    };
    if number.is_empty() {
        return Ok(None);
    }
    let (mut value, sign) = match (is_negative, to > 0) {
        (true, true) => (value.wrapping_neg(), ""),
        (true, false) => (value, if value == 0 { "" } else { "-" }),
        (false, false) if value > i64::MAX.unsigned_abs() => (value.wrapping_neg(), "-"),
        _ => (value, ""),
    };
    let base = u64::from(to.unsigned_abs());
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(value % base).unwrap_or(0);
        digits.extend(char::from_digit(digit, to.unsigned_abs()));
        value /= base;
        if value == 0 {
            break;
        }
    }
    let digits: String = digits.into_iter().rev().collect();
    Ok(Some(format!("{sign}{}", digits.to_uppercase())))
}

fn to_base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let word = (0..5)
            .fold(0_u64, |word, at| (word << 8) | u64::from(chunk.get(at).copied().unwrap_or(0)));
        let used = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let digit = usize::try_from((word >> (35 - 5 * at)) & 31).unwrap_or(0);
            out.push(if at < used { char::from(BASE32[digit]) } else { '=' });
        }
    }
    out
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let (mut word, mut bits, mut out) = (0_u32, 0_u32, Vec::new());
    for digit in digits.bytes() {
        let value = BASE32.iter().position(|known| *known == digit.to_ascii_uppercase())?;
        word = (word << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((word >> bits) & 0xff).ok()?);
            word &= (1 << bits) - 1;
        }
    }
    let is_whole = matches!(digits.len() % 8, 0 | 2 | 4 | 5 | 7);
    (is_whole && (text.len() == digits.len() || text.len().is_multiple_of(8))).then_some(out)
}

fn malformed<T>(text: &str, format: &str) -> Result<T> {
    let message = format!("The value '{text}' cannot be converted to BINARY: it is not {format}.");
    fail("CONVERSION_INVALID_INPUT", "22018", message)
}

fn to_binary(call: &Call<'_>, row: usize) -> Result<Option<Vec<u8>>> {
    let text = call.text(0, row);
    let format =
        if call.args.len() > 1 { call.text(1, row).to_lowercase() } else { "hex".to_owned() };
    let bytes = match format.as_str() {
        "utf-8" | "utf8" => Some(text.as_bytes().to_vec()),
        "base64" => {
            let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            BASE64_STANDARD.decode(bare).ok()
        }
        "hex" => {
            let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
            let digits: Option<Vec<u32>> = padded.chars().map(|c| c.to_digit(16)).collect();
            digits.map(|digits| {
                let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap_or(0);
                digits.chunks_exact(2).map(byte).collect()
            })
        }
        _ => {
            let message = format!("`{format}` is none of hex, base64, utf-8 and utf8.");
            return fail("DATATYPE_MISMATCH.INVALID_ARG_VALUE", "42K09", message);
        }
    };
    bytes.map_or_else(|| malformed(text, &format.to_uppercase()), |bytes| Ok(Some(bytes)))
}

fn sentences(text: &str) -> Vec<Vec<String>> {
    let ends = text.split_inclusive(['.', '!', '?', '\n']);
    let words = ends.map(|sentence| {
        let is_inside = |c: char| c.is_alphanumeric() || c == '\'' || c == '_';
        let words = sentence.split(|c| !is_inside(c)).map(|word| word.trim_matches('\''));
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    });
    words.filter(|words| !words.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("instr('SparkSQL', 'SQL')", "6"),
            ("instr('abcabc', 'b', 1, 2)", "5"),
            ("instr('abcabc', 'b', -1, 1)", "5"),
            ("instr('a', 'abc')", "0"),
            ("instr(NULL, 'b')", ""),
            ("levenshtein('kitten', 'sitting')", "3"),
            ("levenshtein('kitten', 'sitting', 2)", "-1"),
            ("round(jaro_winkler_similarity('MARTHA', 'MARHTA'), 6)", "0.961111"),
            ("jaro_winkler_similarity('ABC', 'XYZ')", "0.0"),
            ("conv('100', 2, 10)", "4"),
            ("conv('-10', 16, -10)", "-16"),
            ("conv('-10', 16, 10)", "18446744073709551600"),
            ("conv('99999999999999999999', 10, 16)", "[ARITHMETIC_OVERFLOW]"),
            ("to_base32('foobar')", "MZXW6YTBOI======"),
            ("from_base32('MZXW6YTBOI======')", "666f6f626172"),
            ("from_base32('M!')", "[CONVERSION_INVALID_INPUT]"),
            ("to_binary('abc', 'utf-8')", "616263"),
            ("to_binary('a')", "0a"),
            ("to_binary('a!', 'base64')", "[CONVERSION_INVALID_INPUT]"),
            ("to_binary('a', 'utf-7')", "[DATATYPE_MISMATCH.INVALID_ARG_VALUE]"),
            ("try_to_binary('a!', 'base64')", ""),
            ("sentences('Hi there! Good morning.')", "[[Hi, there], [Good, morning]]"),
            ("bit_length(x'537061726b')", "40"),
            ("octet_length('é')", "2"),
            ("contains(x'537061726b', x'7061')", "true"),
            ("contains('Spark', 'pb')", "false"),
            ("left(x'537061726b', 2)", "5370"),
            ("left('Spark', -1)", ""),
            ("overlay('Spark SQL', 'tructured', 2, 4)", "Structured SQL"),
            ("overlay(x'537061726b', x'00', 2)", "530061726b"),
        ])
        .await
    }
}
