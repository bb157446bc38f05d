//! Numbers as text by a format of `0`, `9`, `G`, `D`, `$`, `S`, `MI` and `PR`, and back.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use datafusion::common::Result;

use crate::frame::{Call, Def, Given};
use crate::patterns::Pattern;
use crate::raised::{fail, mismatch};
use crate::time::{shown, zone};

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "to_char",
        least: 2,
        most: 2,
        takes: |types| Ok(vec![shown_type(&types[0])?, DataType::Utf8]),
        gives: |_| Ok(DataType::Utf8),
        run: to_char,
    },
    Def {
        name: "to_number",
        least: 2,
        most: 2,
        takes: crate::frame::all_text,
        gives: decimal,
        run: |call| to_number(call, false),
    },
    Def {
        name: "try_to_number",
        least: 2,
        most: 2,
        takes: crate::frame::all_text,
        gives: decimal,
        run: |call| to_number(call, true),
    },
];

fn shown_type(given: &DataType) -> Result<DataType> {
    Ok(match given {
        DataType::Date32 => DataType::Date32,
        DataType::Timestamp(_, None) => crate::time::wall(),
        DataType::Timestamp(..) => crate::epoch::instant(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Decimal128(..) => given.clone(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Null => {
            DataType::Decimal128(20, 0)
        }
        number if number.is_floating() || number.is_string() => DataType::Decimal128(38, 15),
        other => return mismatch(format!("to_char cannot take {other}.")),
    })
}

fn decimal(given: &Given<'_>) -> Result<DataType> {
    let Some(format) = given.text(1) else {
        return fail(
            "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
            "42K09",
            "The format must be a literal.",
        );
    };
    let format = Format::new(format)?;
    let (whole, part) = (format.whole.len(), format.part);
    match (u8::try_from(whole + part), i8::try_from(part)) {
        (Ok(precision @ 1..=38), Ok(scale)) => Ok(DataType::Decimal128(precision, scale)),
        _ => mismatch("A number of more than 38 digits is not possible."),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Sign {
    None,
    /// `S`: always; `MI`: only a minus.
    Before(bool),
    Behind(bool),
    Brackets,
}

struct Format {
    text: String,
    has_dollar: bool,
    sign: Sign,
    /// For each digit before the point: whether it is `0`, and whether a separator comes behind it.
    whole: Vec<(bool, bool)>,
    has_point: bool,
    /// Digits behind the point.
    part: usize,
}

impl Format {
    fn new(format: &str) -> Result<Self> {
        let text = format.to_uppercase();
        let invalid = |class: &'static str, why: &str| {
            fail(class, "42601", format!("The format is invalid: '{text}'. {why}"))
        };
        if text.is_empty() {
            return invalid("INVALID_FORMAT.EMPTY", "It is empty.");
        }
        let mut rest = text.as_str();
        let mut sign = Sign::None;
        for (token, before) in [("S", Sign::Before(true)), ("MI", Sign::Before(false))] {
            if let Some(behind) = rest.strip_prefix(token) {
                (rest, sign) = (behind, before);
                break;
            }
        }
        let has_dollar = rest.starts_with('$');
        rest = rest.strip_prefix('$').unwrap_or(rest);
        if sign == Sign::None {
            for (token, behind) in
                [("S", Sign::Behind(true)), ("MI", Sign::Behind(false)), ("PR", Sign::Brackets)]
            {
                if let Some(before) = rest.strip_suffix(token) {
                    (rest, sign) = (before, behind);
                    break;
                }
            }
        }
        let (whole_text, part_text) = match rest.find(['.', 'D']) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        let mut whole: Vec<(bool, bool)> = Vec::new();
        for token in whole_text.chars() {
            match (token, whole.last_mut()) {
                ('0' | '9', _) => whole.push((token == '0', false)),
                (',' | 'G', Some((_, separator))) if !*separator => *separator = true,
                (',' | 'G', _) => {
                    return invalid(
                        "INVALID_FORMAT.CONT_THOUSANDS_SEPS",
                        "A separator needs digits.",
                    );
                }
                ('$', _) => {
                    return invalid(
                        "INVALID_FORMAT.CUR_MUST_BEFORE_DIGIT",
                        "$ comes before digits.",
                    );
                }
                _ => return unexpected(&text, whole.is_empty()),
            }
        }
        if whole.last().is_some_and(|(_, separator)| *separator) {
            return invalid("INVALID_FORMAT.CONT_THOUSANDS_SEPS", "A separator needs digits.");
        }
        let part = part_text.unwrap_or_default();
        if part.contains(['.', 'D']) {
            return invalid("INVALID_FORMAT.WRONG_NUM_TOKEN", "At most one point is allowed.");
        }
        if !part.chars().all(|token| matches!(token, '0' | '9')) {
            return unexpected(&text, false);
        }
        if whole.is_empty() && part.is_empty() {
            return invalid("INVALID_FORMAT.WRONG_NUM_DIGIT", "At least one digit is needed.");
        }
        let part = part.len();
        Ok(Self { has_dollar, sign, whole, has_point: part_text.is_some(), part, text })
    }

    fn write(&self, number: &str) -> String {
        let (number, is_negative) = match number.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (number, false),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let part = part.trim_end_matches('0');
        let bare = whole.trim_start_matches('0');
        let keeps_zero = self.has_point && !is_negative && !self.whole.is_empty();
        let digits = if bare.is_empty() && keeps_zero { "0" } else { bare };
        if digits.len() > self.whole.len() || part.len() > self.part {
            let point = if self.has_point { "." } else { "" };
            return format!("{}{point}{}", "#".repeat(self.whole.len()), "#".repeat(self.part));
        }
        let mut body = String::new();
        if self.has_dollar {
            body.push('$');
        }
        let empty = self.whole.len() - digits.len();
        let mut is_begun = false;
        for (at, (is_zero, separator)) in self.whole.iter().enumerate() {
            let digit = at.checked_sub(empty).and_then(|at| digits.as_bytes().get(at));
            let shown = digit.map_or(if *is_zero { '0' } else { ' ' }, |digit| char::from(*digit));
            is_begun |= shown != ' ';
            body.push(shown);
            if *separator {
                body.push(if is_begun { ',' } else { ' ' });
            }
        }
        if self.has_point {
            body.push('.');
            body.push_str(part);
            body.push_str(&"0".repeat(self.part - part.len()));
        }
        self.signed(body, is_negative)
    }

    /// A sign in front stands behind the blanks.
    fn signed(&self, body: String, is_negative: bool) -> String {
        let blanks = body.len() - body.trim_start_matches(' ').len();
        let (before, rest) = body.split_at(blanks);
        let mark = |always: bool| match (is_negative, always) {
            (true, _) => '-',
            (false, true) => '+',
            (false, false) => ' ',
        };
        match self.sign {
            Sign::None => body,
            Sign::Before(always) => format!("{before}{}{rest}", mark(always)),
            Sign::Behind(always) => format!("{body}{}", mark(always)),
            Sign::Brackets if is_negative => format!("{before}<{rest}>"),
            Sign::Brackets => format!("{body}  "),
        }
    }

    /// The number as one without its point; `None` where the text is not of this form.
    fn read(&self, text: &str) -> Option<i128> {
        let text = text.trim();
        let (text, is_negative) = match self.sign {
            Sign::None => (text, false),
            Sign::Before(plus) => match text.strip_prefix('-') {
                Some(rest) => (rest, true),
                None => (text.strip_prefix('+').filter(|_| plus).unwrap_or(text), false),
            },
            Sign::Behind(plus) => match text.strip_suffix('-') {
                Some(rest) => (rest, true),
                None => (text.strip_suffix('+').filter(|_| plus).unwrap_or(text), false),
            },
            Sign::Brackets => {
                match text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
                    Some(rest) => (rest, true),
                    None => (text, false),
                }
            }
        };
        let text = if self.has_dollar { text.strip_prefix('$')? } else { text };
        let (whole, part) = match text.split_once('.') {
            Some((whole, part)) if self.has_point => (whole, part),
            Some(_) => return None,
            None => (text, ""),
        };
        if part.len() > self.part || (whole.is_empty() && part.is_empty()) {
            return None;
        }
        // From the right, where digits and separators have their places.
        let mut slots = self.whole.iter().rev();
        let mut digits = Vec::new();
        let mut letters = whole.chars().rev().peekable();
        while let Some(letter) = letters.next() {
            let (_, separator) = slots.next()?;
            let letter = match (letter, *separator) {
                (',', true) => letters.next()?,
                (_, true) => return None,
                (letter, false) => letter,
            };
            digits.push(letter.is_ascii_digit().then_some(letter)?);
        }
        // Those of `0` must all be there.
        if slots.any(|(is_zero, _)| *is_zero) || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = digits.into_iter().rev().chain(part.chars());
        let zeros = std::iter::repeat_n('0', self.part - part.len());
        let number: String = digits.chain(zeros).collect();
        let number: i128 = number.parse().ok()?;
        Some(if is_negative { -number } else { number })
    }
}

fn unexpected<T>(format: &str, is_first: bool) -> Result<T> {
    let class =
        if is_first { "INVALID_FORMAT.WRONG_NUM_DIGIT" } else { "INVALID_FORMAT.UNEXPECTED_TOKEN" };
    fail(class, "42601", format!("The format is invalid: '{format}'."))
}

fn to_number(call: &Call<'_>, is_lenient: bool) -> Result<ArrayRef> {
    call.primitives::<Decimal128Type>(|row| {
        let (text, format) = (call.text(0, row), Format::new(call.text(1, row))?);
        match format.read(text) {
            Some(number) => Ok(Some(number)),
            None if is_lenient => Ok(None),
            None => {
                let message = format!(
                    "The input \"STRING\" {text} does not match the format {}.",
                    format.text
                );
                fail("INVALID_FORMAT.MISMATCH_INPUT", "42601", message)
            }
        }
    })
}

fn to_char(call: &Call<'_>) -> Result<ArrayRef> {
    let (values, zone) = (&call.args[0], zone(call.zone)?);
    call.texts(|row| {
        let format = call.text(1, row);
        Ok(Some(match values.data_type() {
            DataType::Binary => {
                let bytes = values.as_binary::<i32>().value(row);
                match format.to_lowercase().as_str() {
                    "base64" => BASE64_STANDARD.encode(bytes),
                    "hex" => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
                    "utf-8" | "utf8" => match std::str::from_utf8(bytes) {
                        Ok(text) => text.to_owned(),
                        Err(_) => {
                            let message = "The bytes are not valid UTF-8.";
                            return fail("MALFORMED_CHARACTER_CODING", "22000", message);
                        }
                    },
                    _ => {
                        let message = format!("`{format}` is none of base64, hex and utf-8.");
                        return fail("INVALID_PARAMETER_VALUE.BINARY_FORMAT", "22023", message);
                    }
                }
            }
            DataType::Decimal128(..) => {
                let numbers = values.as_primitive::<Decimal128Type>();
                Format::new(format)?.write(&numbers.value_as_string(row))
            }
            _ => Pattern::new(format)?.write(shown(values, row, &zone)?, &zone)?,
        }))
    })
}

#[cfg(test)]
mod tests {
    /// As Spark 4 answers.
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("to_char(5, '999')", "  5"),
            ("to_char(5, '9,999')", "    5"),
            ("to_char(12345, '999')", "###"),
            ("to_char(5.5, '99.99')", " 5.50"),
            ("to_char(-5, 'S99')", " -5"),
            ("to_char(-5, '99PR')", " <5>"),
            ("to_char(5, '99PR')", " 5  "),
            ("to_char(0.5, '9.9')", "0.5"),
            ("to_char(0.5, '.9')", ".5"),
            ("to_char(-0.5, 'S9.9')", " -.5"),
            ("to_char(0, '999')", "   "),
            ("to_char(5, '$0,999.99')", "$0,  5.00"),
            ("to_char(1.26, '9.9')", "#.#"),
            ("to_char(-1234.5, '9,999.9S')", "1,234.5-"),
            ("to_char(5, 'x')", "[INVALID_FORMAT.WRONG_NUM_DIGIT]"),
            ("to_char(5, '')", "[INVALID_FORMAT.EMPTY]"),
            ("to_char(5, '9$')", "[INVALID_FORMAT.CUR_MUST_BEFORE_DIGIT]"),
            ("to_char(5, ',999')", "[INVALID_FORMAT.CONT_THOUSANDS_SEPS]"),
            ("to_char(true, '9')", "[DATATYPE_MISMATCH"),
            ("to_char(x'616263', 'utf-8')", "abc"),
            ("to_char(x'ff', 'foo')", "[INVALID_PARAMETER_VALUE.BINARY_FORMAT]"),
            ("to_char(DATE '2016-04-08', 'y')", "2016"),
            ("to_number('12,454.8-', '99,999.9S')", "-12454.8"),
            ("to_number('$78.12', '$99.99')", "78.12"),
            ("to_number('<5>', '9PR')", "-5"),
            ("to_number('.5', '9.9')", "0.5"),
            ("to_number('5', '099')", "[INVALID_FORMAT.MISMATCH_INPUT]"),
            ("to_number('1234', '9,999')", "[INVALID_FORMAT.MISMATCH_INPUT]"),
            ("to_number('5', '$9')", "[INVALID_FORMAT.MISMATCH_INPUT]"),
            ("try_to_number('abc', '999')", ""),
        ])
        .await
    }
}
