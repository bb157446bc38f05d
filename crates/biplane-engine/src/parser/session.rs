//! USE, SET and RESET.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    pub(super) fn use_statement(&mut self) -> Result<Statement, ParseError> {
        self.expect("USE")?;
        if self.eat("CATALOG") {
            return Ok(Statement::Use(UseTarget::Catalog(self.string_or_identifier()?)));
        }
        let _ = self.eat("SCHEMA") || self.eat("DATABASE");
        let name = self.object_name()?;
        if name.0.len() > 2 {
            return self.fail("USE takes a schema, or a catalog and a schema.");
        }
        Ok(Statement::Use(UseTarget::Schema(name)))
    }

    pub(super) fn set_statement(&mut self) -> Result<Statement, ParseError> {
        self.expect("SET")?;
        if self.is_end() || (self.at("-v") && self.eat("-v")) {
            return Ok(Statement::Set(SetStatement::List));
        }
        if self.eat("TIME ZONE") {
            return self.time_zone();
        }
        if self.eat("CATALOG") {
            return Ok(Statement::Use(UseTarget::Catalog(self.string_or_identifier()?)));
        }
        if self.eat("VARIABLE") || self.eat("VAR") {
            return self.set_variables();
        }
        if self.at("TAG") {
            return self.unsupported("SET of this kind");
        }
        let key = self.setting_key()?;
        let setting = if self.eat_token(&Token::Eq) {
            SetStatement::Assign(key, self.setting_value()?)
        } else if self.is_end() {
            SetStatement::Show(key)
        } else {
            return self.unexpected("= or end of statement");
        };
        Ok(Statement::Set(setting))
    }

    fn time_zone(&mut self) -> Result<Statement, ParseError> {
        if self.eat("LOCAL") {
            return Ok(Statement::Set(SetStatement::TimeZone("UTC".to_owned())));
        }
        if self.at("INTERVAL") {
            return self.unsupported("SET TIME ZONE INTERVAL");
        }
        Ok(Statement::Set(SetStatement::TimeZone(self.string()?)))
    }

    fn setting_key(&mut self) -> Result<String, ParseError> {
        let mut key = self.property_key()?;
        // `spark.x-y.z`
        while self.eat_token(&Token::Minus) {
            key = format!("{key}-{}", self.property_key()?);
        }
        Ok(key)
    }

    /// Everything up to the end, as written; a single literal without its quotes.
    fn setting_value(&mut self) -> Result<String, ParseError> {
        if let Token::SingleQuotedString(_) = self.peek() {
            let text = self.string()?;
            return if self.is_end() { Ok(text) } else { self.unexpected("end of statement") };
        }
        let from = self.position();
        if self.is_end() {
            return self.unexpected("a value");
        }
        while !self.is_end() {
            self.parser.advance_token();
        }
        Ok(self.text_since(from))
    }

    pub(super) fn reset_statement(&mut self) -> Result<Statement, ParseError> {
        self.expect("RESET")?;
        let key = if self.is_end() { None } else { Some(self.setting_key()?) };
        Ok(Statement::Set(SetStatement::Reset(key)))
    }
}
