//! Types as text: `a INT, b ARRAY<STRING>`, `STRUCT<a: INT>`.

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use datafusion::common::Result;
use std::sync::Arc;

use crate::epoch::instant;
use crate::opaque;
use crate::raised::fail;
use crate::variant::variant_type;

/// Deeper is no type here.
const DEPTH_MAX: usize = 64;

/// A type, or the columns of a struct.
pub fn read(text: &str) -> Result<DataType> {
    let whole = |read: fn(&mut Reader<'_>) -> Option<DataType>| {
        let mut reader = Reader { rest: text };
        let read = read(&mut reader)?;
        reader.rest.trim().is_empty().then_some(read)
    };
    let type_alone = whole(|reader| reader.data_type(0));
    match type_alone.or_else(|| whole(|reader| reader.columns(0, "").map(DataType::Struct))) {
        Some(data_type) => Ok(data_type),
        None => {
            let text = format!("Syntax error in the type or schema '{text}'.");
            fail("PARSE_SYNTAX_ERROR", "42601", text)
        }
    }
}

pub fn quoted_name(name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let end =
            self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.rest;
        if self.word().is_some_and(|word| word.eq_ignore_ascii_case(keyword)) {
            return true;
        }
        self.rest = before;
        false
    }

    fn name(&mut self) -> Option<String> {
        if !self.eat("`") {
            return self.word();
        }
        let mut name = String::new();
        loop {
            let (part, rest) = self.rest.split_once('`')?;
            name.push_str(part);
            self.rest = rest;
            match rest.strip_prefix('`') {
                Some(more) => {
                    name.push('`');
                    self.rest = more;
                }
                None => return Some(name),
            }
        }
    }

    fn text(&mut self) -> Option<()> {
        self.rest = self.rest.trim_start();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        self.rest = self.rest[1..].split_once(quote)?.1;
        Some(())
    }

    fn columns(&mut self, depth: usize, end: &str) -> Option<Fields> {
        let mut fields = Vec::new();
        if !end.is_empty() && self.eat(end) {
            return Some(Fields::empty());
        }
        loop {
            let name = self.name()?;
            self.eat(":");
            let data_type = self.data_type(depth + 1)?;
            if self.keyword("not") && !self.keyword("null") {
                return None;
            }
            if self.keyword("comment") {
                self.text()?;
            }
            fields.push(Field::new(name, data_type, true));
            if self.eat(",") {
                continue;
            }
            return (end.is_empty() || self.eat(end)).then(|| Fields::from(fields));
        }
    }

    fn number(&mut self) -> Option<u8> {
        self.word()?.parse().ok()
    }

    fn data_type(&mut self, depth: usize) -> Option<DataType> {
        if depth > DEPTH_MAX {
            return None;
        }
        Some(match self.word()?.to_lowercase().as_str() {
            "boolean" => DataType::Boolean,
            "tinyint" | "byte" => DataType::Int8,
            "smallint" | "short" => DataType::Int16,
            "int" | "integer" => DataType::Int32,
            "bigint" | "long" => DataType::Int64,
            "float" | "real" => DataType::Float32,
            "double" => DataType::Float64,
            "string" => DataType::Utf8,
            "char" | "varchar" | "character" => {
                if self.eat("(") && !(self.word().is_some() && self.eat(")")) {
                    return None;
                }
                DataType::Utf8
            }
            "binary" => DataType::Binary,
            "date" => DataType::Date32,
            "timestamp" | "timestamp_ltz" => instant(),
            "timestamp_ntz" => crate::time::wall(),
            "variant" => variant_type(),
            "void" => DataType::Null,
            "decimal" | "dec" | "numeric" => {
                let (mut digits, mut scale) = (10, 0);
                if self.eat("(") {
                    digits = self.number()?;
                    if self.eat(",") {
                        scale = self.number()?;
                    }
                    if !self.eat(")") {
                        return None;
                    }
                }
                if !(1..=38).contains(&digits) || scale > digits {
                    return None;
                }
                DataType::Decimal128(digits, i8::try_from(scale).ok()?)
            }
            "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
            "array" => {
                let item = self.eat("<").then(|| self.data_type(depth + 1))??;
                self.eat(">").then(|| DataType::new_list(item, true))?
            }
            "map" => {
                let key = self.eat("<").then(|| self.data_type(depth + 1))??;
                let value = self.eat(",").then(|| self.data_type(depth + 1))??;
                self.eat(">").then(|| map_of(key, value))?
            }
            "struct" => {
                if self.eat("<>") {
                    return Some(DataType::Struct(Fields::empty()));
                }
                DataType::Struct(self.eat("<").then(|| self.columns(depth, ">"))??)
            }
            _ => return None,
        })
    }
}

pub fn map_of(key: DataType, value: DataType) -> DataType {
    let entries =
        Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

/// For messages.
pub fn type_text(data_type: &DataType) -> String {
    match data_type {
        known if opaque::name(known).is_some() => {
            opaque::name(known).unwrap_or_default().to_owned()
        }
        DataType::Null => "VOID".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INT".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal128(digits, scale) => format!("DECIMAL({digits},{scale})"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BINARY".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP_NTZ".to_owned(),
        DataType::Timestamp(..) => "TIMESTAMP".to_owned(),
        DataType::List(item) => format!("ARRAY<{}>", type_text(item.data_type())),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                format!("{}: {}", quoted_name(field.name()), type_text(field.data_type()))
            });
            format!("STRUCT<{}>", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => format!(
                "MAP<{}, {}>",
                type_text(fields[0].data_type()),
                type_text(fields[1].data_type())
            ),
            _ => "MAP".to_owned(),
        },
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL".to_owned(),
        _ => "STRING".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read() -> Result<()> {
        for (text, shown) in [
            ("int", "INT"),
            ("a INT, b DOUBLE", "STRUCT<a: INT, b: DOUBLE>"),
            ("`a b` decimal(5, 2) NOT NULL COMMENT 'x'", "STRUCT<`a b`: DECIMAL(5,2)>"),
            ("STRUCT<s: ARRAY<STRUCT<x: STRING>>>", "STRUCT<s: ARRAY<STRUCT<x: STRING>>>"),
            ("map<string, variant>", "MAP<STRING, VARIANT>"),
            ("struct<>", "STRUCT<>"),
        ] {
            assert_eq!(type_text(&read(text)?), shown, "{text}");
        }
        for wrong in ["", "nope", "array<", "decimal(40)", "a int,", "int int int"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
