//! DESCRIBE.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    pub(super) fn describe(&mut self) -> Result<Statement, ParseError> {
        let _ = self.eat("DESCRIBE") || self.eat("DESC");
        let describe = if self.at("SELECT")
            || self.at("WITH")
            || self.at("VALUES")
            || self.peek() == Token::LParen
            || (self.at("QUERY") && !self.query_is_a_name())
        {
            self.eat("QUERY");
            Describe::Query(self.query()?)
        } else if self.eat("HISTORY") {
            let table = self.object_name()?;
            let limit = if self.eat("LIMIT") { u64::try_from(self.integer()?).ok() } else { None };
            Describe::History { table, limit }
        } else if self.eat("DETAIL") {
            Describe::Detail { table: self.object_name()? }
        } else if self.eat("CATALOG") {
            let extended = self.eat("EXTENDED");
            Describe::Catalog { name: self.identifier()?, extended }
        } else if self.eat("SCHEMA") || self.eat("DATABASE") {
            let extended = self.eat("EXTENDED");
            Describe::Schema { name: self.object_name()?, extended }
        } else if self.eat("VOLUME") {
            Describe::Volume { name: self.object_name()? }
        } else if self.eat("FUNCTION") {
            let extended = self.eat("EXTENDED");
            Describe::Function { name: self.object_name()?, extended }
        } else if [
            "CONNECTION",
            "SHARE",
            "RECIPIENT",
            "PROVIDER",
            "STORAGE",
            "EXTERNAL",
            "CREDENTIAL",
        ]
        .iter()
        .any(|word| self.at(word))
            && !self.at_single_name()
        {
            return self.unsupported("This DESCRIBE");
        } else {
            self.describe_table()?
        };
        Ok(Statement::Describe(describe))
    }

    fn at_single_name(&self) -> bool {
        matches!(
            self.parser.peek_nth_token_ref(1).token,
            Token::EOF | Token::Period | Token::SemiColon
        )
    }

    /// `DESCRIBE query`, where query is a table.
    fn query_is_a_name(&self) -> bool {
        self.at_single_name()
    }

    fn describe_table(&mut self) -> Result<Describe, ParseError> {
        let _ = self.eat("TABLE");
        let mut extended = self.eat("EXTENDED") || self.eat("FORMATTED");
        let table = self.object_name()?;
        if self.at("PARTITION") {
            return self.unsupported("DESCRIBE … PARTITION");
        }
        let json = self.eat("AS JSON");
        extended |= json;
        let column = if json || self.is_end() { None } else { self.name()?.0.pop() };
        Ok(Describe::Table { table, extended, json, column })
    }
}
