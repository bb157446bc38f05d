//! SQL types as they are written: `decimal(10,2)`, `array<struct<a: int>>`.

use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlType {
    Boolean,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    Decimal(u8, i8),
    String,
    Char(u32),
    Varchar(u32),
    Binary,
    Date,
    Timestamp,
    TimestampNtz,
    Void,
    /// Known names that have no place in a table yet: VARIANT, INTERVAL …
    Other(String),
    Array(Box<SqlType>),
    Map(Box<SqlType>, Box<SqlType>),
    Struct(Vec<SqlField>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlField {
    pub name: String,
    pub sql_type: SqlType,
    pub nullable: bool,
    pub comment: Option<String>,
}

const STRUCT_FIELDS_MAX: usize = 2_000;

/// A type as text, alone: `array<int>`.
pub fn parse_type(text: &str) -> Result<SqlType, ParseError> {
    let mut cursor = Cursor::new(text)?;
    let sql_type = cursor.sql_type()?;
    cursor.end()?;
    Ok(sql_type)
}

impl Cursor<'_> {
    pub fn sql_type(&mut self) -> Result<SqlType, ParseError> {
        self.sql_type_at(0)
    }

    fn sql_type_at(&mut self, depth: usize) -> Result<SqlType, ParseError> {
        if depth > 40 {
            return self.fail("The type is nested too deeply.");
        }
        let at = self.position();
        let word = self.word()?.to_ascii_uppercase();
        Ok(match word.as_str() {
            "BOOLEAN" => SqlType::Boolean,
            "TINYINT" | "BYTE" => SqlType::Byte,
            "SMALLINT" | "SHORT" => SqlType::Short,
            "INT" | "INTEGER" => SqlType::Int,
            "BIGINT" | "LONG" => SqlType::Long,
            "FLOAT" | "REAL" => SqlType::Float,
            "DOUBLE" => SqlType::Double,
            "DECIMAL" | "DEC" | "NUMERIC" => self.decimal()?,
            "STRING" => {
                if self.eat("COLLATE") {
                    let collation = self.identifier()?;
                    if !collation.eq_ignore_ascii_case("utf8_binary") {
                        return Err(ParseError::unsupported(format!("Collation {collation}"), at));
                    }
                }
                SqlType::String
            }
            "VARCHAR" => SqlType::Varchar(self.length(at)?),
            "CHAR" | "CHARACTER" => SqlType::Char(self.length(at)?),
            "BINARY" => SqlType::Binary,
            "DATE" => SqlType::Date,
            "TIMESTAMP" | "TIMESTAMP_LTZ" => SqlType::Timestamp,
            "TIMESTAMP_NTZ" => SqlType::TimestampNtz,
            "VOID" | "NULL" => SqlType::Void,
            "VARIANT" | "OBJECT" | "GEOMETRY" | "GEOGRAPHY" => SqlType::Other(word),
            "INTERVAL" => {
                let mut text = word;
                while matches!(&self.peek(), Token::Word(w) if is_unit(&w.value)) {
                    text = format!("{text} {}", self.word()?.to_ascii_uppercase());
                }
                SqlType::Other(text)
            }
            "ARRAY" => {
                self.open()?;
                let element = self.sql_type_at(depth + 1)?;
                self.close()?;
                SqlType::Array(Box::new(element))
            }
            "MAP" => {
                self.open()?;
                let key = self.sql_type_at(depth + 1)?;
                self.expect_token(&Token::Comma)?;
                let value = self.sql_type_at(depth + 1)?;
                self.close()?;
                SqlType::Map(Box::new(key), Box::new(value))
            }
            "STRUCT" => self.struct_type(depth)?,
            other => {
                return Err(ParseError::new(
                    "UNSUPPORTED_DATATYPE",
                    "0A000",
                    format!("Unsupported data type \"{other}\"."),
                    at,
                ));
            }
        })
    }

    fn struct_type(&mut self, depth: usize) -> Result<SqlType, ParseError> {
        let mut fields = Vec::new();
        if self.eat_token(&Token::Neq) {
            return Ok(SqlType::Struct(fields));
        }
        self.open()?;
        if self.peek() == Token::Gt {
            self.close()?;
            return Ok(SqlType::Struct(fields));
        }
        loop {
            let name = self.identifier()?;
            self.eat_token(&Token::Colon);
            let sql_type = self.sql_type_at(depth + 1)?;
            let nullable = !self.eat("NOT NULL");
            let comment = if self.eat("COMMENT") { Some(self.string()?) } else { None };
            fields.push(SqlField { name, sql_type, nullable, comment });
            if fields.len() > STRUCT_FIELDS_MAX {
                return self.fail("The struct has too many fields.");
            }
            if !self.eat_token(&Token::Comma) {
                break;
            }
        }
        self.close()?;
        Ok(SqlType::Struct(fields))
    }

    fn decimal(&mut self) -> Result<SqlType, ParseError> {
        let at = self.position();
        if !self.eat_token(&Token::LParen) {
            return Ok(SqlType::Decimal(10, 0));
        }
        let precision = self.integer()?;
        let scale = if self.eat_token(&Token::Comma) { self.integer()? } else { 0 };
        self.expect_token(&Token::RParen)?;
        match (u8::try_from(precision), i8::try_from(scale)) {
            (Ok(p @ 1..=38), Ok(s)) if s >= 0 && i64::from(p) >= scale => {
                Ok(SqlType::Decimal(p, s))
            }
            _ => Err(ParseError::new(
                "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
                "22003",
                format!("DECIMAL({precision},{scale}) is not a type; the precision is 1 to 38."),
                at,
            )),
        }
    }

    fn length(
        &mut self,
        at: datafusion::sql::sqlparser::tokenizer::Location,
    ) -> Result<u32, ParseError> {
        if !self.eat_token(&Token::LParen) {
            return Err(ParseError::new(
                "DATATYPE_MISSING_SIZE",
                "42K01",
                "The type needs a length, as in VARCHAR(10).",
                at,
            ));
        }
        let length = self.integer()?;
        self.expect_token(&Token::RParen)?;
        match u32::try_from(length) {
            Ok(n) if n > 0 => Ok(n),
            _ => self.fail("The length of a type must be positive."),
        }
    }

    fn open(&mut self) -> Result<(), ParseError> {
        self.expect_token(&Token::Lt)
    }

    /// `>>` closes two types; the second half stays for the outer one.
    fn close(&mut self) -> Result<(), ParseError> {
        self.close_angle()
    }
}

fn is_unit(word: &str) -> bool {
    ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "TO"]
        .iter()
        .any(|unit| word.eq_ignore_ascii_case(unit))
}
