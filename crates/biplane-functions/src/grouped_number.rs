//! `format_number`: digits in groups of three, rounded to the even neighbour.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::common::Result;

use crate::frame::{Call, Def};
use crate::raised::mismatch;

const PLACES_MAX: usize = 100;

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "format_number",
        least: 2,
        most: 2,
        takes: |types| {
            let number = match &types[0] {
                number if number.is_numeric() => number.clone(),
                text if text.is_string() || text.is_null() => DataType::Float64,
                other => return mismatch(format!("A number is needed here, not {other}.")),
            };
            let format = if types[1].is_integer() { DataType::Int32 } else { DataType::Utf8 };
            Ok(vec![number, format])
        },
        gives: |_| Ok(DataType::Utf8),
        run: |call| {
            call.texts(|row| {
                let Some(digits) = digits(call, row)? else { return Ok(None) };
                let format = match call.args[1].data_type() {
                    DataType::Int32 => {
                        match usize::try_from(call.args[1].as_primitive::<Int32Type>().value(row)) {
                            Ok(places) => Format::places(places.min(PLACES_MAX)),
                            Err(_) => return Ok(None),
                        }
                    }
                    _ => Format::of(call.text(1, row)),
                };
                Ok(Some(format.write(&digits)))
            })
        },
    },
    Def {
        name: "log1p",
        least: 1,
        most: 1,
        takes: |_| Ok(vec![DataType::Float64]),
        gives: |_| Ok(DataType::Float64),
        run: |call| {
            call.primitives::<Float64Type>(|row| {
                let number = call.double(0, row);
                Ok((number > -1.0).then(|| number.ln_1p()))
            })
        },
    },
];

/// The number in plain digits.
fn digits(call: &Call<'_>, row: usize) -> Result<Option<String>> {
    let number = call.args[0].slice(row, 1);
    if number.data_type().is_floating() {
        let number = cast(&number, &DataType::Float64)?.as_primitive::<Float64Type>().value(0);
        return Ok(Some(if number.is_finite() { format!("{number}") } else { return Ok(None) }));
    }
    Ok(Some(cast(&number, &DataType::Utf8)?.as_string::<i32>().value(0).to_owned()))
}

struct Format {
    groups: bool,
    whole_least: usize,
    part_least: usize,
    part_most: usize,
}

impl Format {
    fn places(places: usize) -> Self {
        Self { groups: true, whole_least: 1, part_least: places, part_most: places }
    }

    /// `#,##0.00`
    fn of(pattern: &str) -> Self {
        if pattern.is_empty() {
            return Self::places(0);
        }
        let (whole, part) = pattern.split_once('.').unwrap_or((pattern, ""));
        let count =
            |text: &str, wanted: &[char]| text.chars().filter(|c| wanted.contains(c)).count();
        Self {
            groups: whole.contains(','),
            whole_least: count(whole, &['0']),
            part_least: count(part, &['0']).min(PLACES_MAX),
            part_most: count(part, &['0', '#']).min(PLACES_MAX),
        }
    }

    fn write(&self, number: &str) -> String {
        let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let (whole, mut part) = rounded(whole, part, self.part_most);
        while part.len() > self.part_least && part.ends_with('0') {
            part.pop();
        }
        let whole = whole.trim_start_matches('0');
        let whole = format!("{whole:0>width$}", width = self.whole_least);
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if self.groups && at > 0 && (whole.len() - at) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let point = if part.is_empty() { "" } else { "." };
        let is_zero = !whole.contains(|c| c != '0') && !part.contains(|c| c != '0');
        let sign = if is_zero { "" } else { sign };
        format!("{sign}{grouped}{point}{part}")
    }
}

/// To so many places, halves to the even digit.
fn rounded(whole: &str, part: &str, places: usize) -> (String, String) {
    if part.len() <= places {
        return (whole.to_owned(), format!("{part:0<places$}"));
    }
    let (kept, rest) = part.split_at(places);
    let mut digits: Vec<u8> = format!("0{whole}{kept}").into_bytes();
    let is_half = rest.starts_with('5') && !rest[1..].contains(|c| c != '0');
    let is_odd = digits.last().is_some_and(|digit| digit % 2 == 1);
    if (is_half && is_odd) || (!is_half && rest >= "5") {
        for digit in digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                break;
            }
            *digit = b'0';
        }
    }
    let text = String::from_utf8_lossy(&digits).into_owned();
    let (whole, part) = text.split_at(text.len() - places);
    (whole.to_owned(), part.to_owned())
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("format_number(12332.123456, 4)", "12,332.1235"),
            ("format_number(12332.123456, '##################.###')", "12332.123"),
            ("format_number(-0.5, 0)", "0"),
            ("format_number(1999.5, 0)", "2,000"),
            ("format_number(2.5, 0)", "2"),
            ("format_number(1, -1)", ""),
            ("log1p(0)", "0.0"),
        ])
        .await
    }
}
