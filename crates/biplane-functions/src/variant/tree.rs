//! A variant taken apart: made from JSON, read from and written to its binary form, printed.

use arrow::array::timezone::Tz;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use datafusion::common::Result;
use parquet_variant::{
    ObjectFieldBuilder, Variant, VariantBuilder, VariantBuilderExt, VariantDecimal4,
    VariantDecimal8, VariantDecimal16,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::malformed;
use crate::json_value::Json;
use crate::raised::fail;
use crate::time::local_of;

/// Of one value, as in Spark.
const BYTES_MAX: usize = 16 << 20;
const DEPTH_MAX: usize = 500;
pub const DECIMAL_DIGITS: usize = 38;

#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Long(i64),
    /// Without zeros at its end.
    Decimal(i128, u8),
    Float(f32),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Date(NaiveDate),
    /// Microseconds.
    Instant(i64),
    Wall(NaiveDateTime),
    Uuid(String),
    List(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

impl Tree {
    pub fn of_json(json: Json) -> Result<Self> {
        Ok(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Text(text) => Self::Text(text),
            Json::Number(number) => Self::of_number(&number),
            Json::List(items) => {
                Self::List(items.into_iter().map(Self::of_json).collect::<Result<_>>()?)
            }
            Json::Object(entries) => {
                let mut fields = BTreeMap::new();
                for (key, value) in entries {
                    if fields.contains_key(&key) {
                        let text = format!(
                            "Failed to build variant because of a duplicate object key `{key}`."
                        );
                        let class = "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION";
                        return fail(class, "22023", text);
                    }
                    fields.insert(key, Self::of_json(value)?);
                }
                Self::Object(fields)
            }
        })
    }

    fn of_number(number: &str) -> Self {
        let double = || Self::Double(number.parse().unwrap_or(f64::NAN));
        if number.contains(['e', 'E']) {
            return double();
        }
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if part.is_empty()
            && let Ok(long) = number.parse()
        {
            return Self::Long(long);
        }
        let digits = format!("{whole}{part}");
        let count = digits.trim_start_matches('-').trim_start_matches('0').len();
        match (digits.parse::<i128>(), u8::try_from(part.len())) {
            (Ok(unscaled), Ok(scale))
                if count <= DECIMAL_DIGITS && part.len() <= DECIMAL_DIGITS =>
            {
                Self::Decimal(unscaled, scale)
            }
            _ => double(),
        }
    }

    pub fn of(value: &Variant<'_, '_>) -> Result<Self> {
        Self::read(value, 0)
    }

    fn read(value: &Variant<'_, '_>, depth: usize) -> Result<Self> {
        if depth > DEPTH_MAX {
            return Err(malformed("it is nested too deeply"));
        }
        Ok(match value {
            Variant::Null => Self::Null,
            Variant::BooleanTrue => Self::Bool(true),
            Variant::BooleanFalse => Self::Bool(false),
            Variant::Int8(value) => Self::Long((*value).into()),
            Variant::Int16(value) => Self::Long((*value).into()),
            Variant::Int32(value) => Self::Long((*value).into()),
            Variant::Int64(value) => Self::Long(*value),
            Variant::Date(date) => Self::Date(*date),
            Variant::TimestampMicros(at) | Variant::TimestampNanos(at) => {
                Self::Instant(at.timestamp_micros())
            }
            Variant::TimestampNtzMicros(at) | Variant::TimestampNtzNanos(at) => Self::Wall(*at),
            Variant::Decimal4(value) => Self::decimal(value.integer().into(), value.scale()),
            Variant::Decimal8(value) => Self::decimal(value.integer().into(), value.scale()),
            Variant::Decimal16(value) => Self::decimal(value.integer(), value.scale()),
            Variant::Float(value) => Self::Float(*value),
            Variant::Double(value) => Self::Double(*value),
            Variant::Binary(bytes) => Self::Bytes(bytes.to_vec()),
            Variant::String(text) => Self::Text((*text).to_owned()),
            Variant::ShortString(text) => Self::Text(text.as_str().to_owned()),
            Variant::Time(time) => Self::Text(time.to_string()),
            Variant::Uuid(uuid) => Self::Uuid(uuid.to_string()),
            Variant::Object(object) => {
                let mut fields = BTreeMap::new();
                for entry in object.iter_try() {
                    let (name, value) = entry.map_err(malformed)?;
                    fields.insert(name.to_owned(), Self::read(&value, depth + 1)?);
                }
                Self::Object(fields)
            }
            Variant::List(list) => {
                let items = list.iter_try().map(|item| {
                    let item = item.map_err(malformed)?;
                    Self::read(&item, depth + 1)
                });
                Self::List(items.collect::<Result<_>>()?)
            }
        })
    }

    pub fn decimal(mut unscaled: i128, mut scale: u8) -> Self {
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        Self::Decimal(unscaled, scale)
    }

    /// The names of its keys, and itself.
    pub fn encoded(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let mut builder = VariantBuilder::new();
        self.put(&mut builder)?;
        let (metadata, value) = builder.finish();
        if metadata.len() + value.len() > BYTES_MAX {
            let text = "Cannot construct a Variant larger than 16 MiB.";
            return fail("VARIANT_CONSTRUCTOR_SIZE_LIMIT", "22023", text);
        }
        Ok((metadata, value))
    }

    fn put(&self, builder: &mut impl VariantBuilderExt) -> Result<()> {
        match self {
            Self::Null => builder.append_value(Variant::Null),
            Self::Bool(value) => builder.append_value(*value),
            Self::Long(value) => match (i8::try_from(*value), i16::try_from(*value)) {
                (Ok(value), _) => builder.append_value(value),
                (_, Ok(value)) => builder.append_value(value),
                _ => match i32::try_from(*value) {
                    Ok(value) => builder.append_value(value),
                    Err(_) => builder.append_value(*value),
                },
            },
            Self::Decimal(unscaled, scale) => match decimal(*unscaled, *scale) {
                Some(value) => builder.append_value(value),
                None => return Err(malformed("a decimal has too many digits")),
            },
            Self::Float(value) => builder.append_value(*value),
            Self::Double(value) => builder.append_value(*value),
            Self::Text(text) | Self::Uuid(text) => builder.append_value(text.as_str()),
            Self::Bytes(bytes) => builder.append_value(bytes.as_slice()),
            Self::Date(date) => builder.append_value(*date),
            Self::Instant(micros) => match DateTime::from_timestamp_micros(*micros) {
                Some(at) => builder.append_value(Variant::TimestampMicros(at)),
                None => return Err(malformed("a timestamp is out of range")),
            },
            Self::Wall(at) => builder.append_value(Variant::TimestampNtzMicros(*at)),
            Self::List(items) => {
                let mut list = builder.try_new_list()?;
                for item in items {
                    item.put(&mut list)?;
                }
                list.finish();
            }
            Self::Object(fields) => {
                let mut object = builder.try_new_object()?;
                for (name, value) in fields {
                    value.put(&mut ObjectFieldBuilder::new(name, &mut object))?;
                }
                object.finish();
            }
        }
        Ok(())
    }

    /// As `CAST(v AS STRING)` has it: text stands for itself.
    pub fn text(&self, zone: &Tz) -> String {
        match self {
            Self::Text(text) | Self::Uuid(text) => text.clone(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Float(_) | Self::Double(_) => self.json(zone).trim_matches('"').to_owned(),
            Self::Date(_) | Self::Instant(_) | Self::Wall(_) => self.moment(zone),
            other => other.json(zone),
        }
    }

    pub fn json(&self, zone: &Tz) -> String {
        let mut out = String::new();
        self.write(zone, &mut out);
        out
    }

    fn write(&self, zone: &Tz, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Long(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Decimal(unscaled, scale) => {
                let Self::Decimal(unscaled, scale) = Self::decimal(*unscaled, *scale) else {
                    return;
                };
                decimal_text(unscaled, scale, out);
            }
            Self::Float(value) => {
                number(f64::from(*value).is_finite(), &shortest(&format!("{value:e}")), out);
            }
            Self::Double(value) => number(value.is_finite(), &shortest(&format!("{value:e}")), out),
            Self::Text(text) | Self::Uuid(text) => quoted(text, out),
            Self::Bytes(bytes) => {
                out.push('"');
                BASE64_STANDARD.encode_string(bytes, out);
                out.push('"');
            }
            Self::Date(_) | Self::Instant(_) | Self::Wall(_) => quoted(&self.moment(zone), out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    item.write(zone, out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (at, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    quoted(name, out);
                    out.push(':');
                    value.write(zone, out);
                }
                out.push('}');
            }
        }
    }

    fn moment(&self, zone: &Tz) -> String {
        let shown = |at: &NaiveDateTime| {
            let text = at.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        match self {
            Self::Date(date) => date.to_string(),
            Self::Wall(at) => shown(at),
            Self::Instant(micros) => {
                local_of(*micros, zone).map_or_else(|_| micros.to_string(), |at| shown(&at))
            }
            _ => String::new(),
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    let _ = write!(out, "{}", Json::Text(text.to_owned()));
}

fn number(is_finite: bool, text: &str, out: &mut String) {
    if is_finite {
        out.push_str(text);
    } else {
        quoted(text, out);
    }
}

fn decimal(unscaled: i128, scale: u8) -> Option<Variant<'static, 'static>> {
    let small = i32::try_from(unscaled).ok().and_then(|n| VariantDecimal4::try_new(n, scale).ok());
    let large = || {
        let n = i64::try_from(unscaled).ok()?;
        VariantDecimal8::try_new(n, scale).ok()
    };
    small
        .map(Variant::Decimal4)
        .or_else(|| large().map(Variant::Decimal8))
        .or_else(|| VariantDecimal16::try_new(unscaled, scale).ok().map(Variant::Decimal16))
}

fn decimal_text(unscaled: i128, scale: u8, out: &mut String) {
    let digits = unscaled.unsigned_abs().to_string();
    let scale = usize::from(scale);
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = padded.split_at(padded.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{whole}");
    if scale > 0 {
        let _ = write!(out, ".{part}");
    }
}

/// As Java prints it: plain from 10⁻³ to 10⁷, else with an exponent. The digits are those of `{:e}`.
pub fn shortest(scientific: &str) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return match scientific {
            "inf" => "Infinity",
            "-inf" => "-Infinity",
            other => other,
        }
        .to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if !(-3..7).contains(&exponent) {
        let part = Some(&digits[1..]).filter(|part| !part.is_empty()).unwrap_or("0");
        return format!("{sign}{}.{part}E{exponent}", &digits[..1]);
    }
    match usize::try_from(exponent) {
        Ok(places) => {
            let padded = format!("{digits:0<width$}", width = places + 2);
            format!("{sign}{}.{}", &padded[..=places], &padded[places + 1..])
        }
        Err(_) => {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
            format!("{sign}0.{zeros}{digits}")
        }
    }
}
