//! CREATE FUNCTION.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    pub(super) fn create_function(
        &mut self,
        or_replace: bool,
        temporary: bool,
    ) -> Result<Statement, ParseError> {
        let if_not_exists = self.eat("IF NOT EXISTS");
        let name = self.object_name()?;
        let mut out = CreateFunction {
            name,
            or_replace,
            if_not_exists,
            temporary,
            parameters: self.function_parameters()?,
            returns: None,
            returns_table: false,
            columns: Vec::new(),
            language: "SQL".to_owned(),
            deterministic: true,
            comment: None,
            body: String::new(),
        };
        loop {
            if self.eat("RETURNS TABLE") {
                out.returns_table = true;
                if self.peek() == Token::LParen {
                    out.columns = self.list(|c| c.column_def(&mut Vec::new()))?;
                }
            } else if self.eat("RETURNS") {
                out.returns = Some(self.sql_type()?);
            } else if self.eat("LANGUAGE") {
                out.language = self.word()?.to_ascii_uppercase();
            } else if self.eat("NOT DETERMINISTIC") {
                out.deterministic = false;
            } else if self.eat("COMMENT") {
                out.comment = Some(self.string()?);
            } else if self
                .eat_one_of(&[
                    "DETERMINISTIC",
                    "CONTAINS SQL",
                    "READS SQL DATA",
                    "SQL SECURITY DEFINER",
                ])
                .is_none()
            {
                break;
            }
        }
        out.body = self.function_body()?;
        Ok(Statement::CreateFunction(Box::new(out)))
    }

    fn function_parameters(&mut self) -> Result<Vec<ColumnDef>, ParseError> {
        self.expect_token(&Token::LParen)?;
        let mut out = Vec::new();
        while !self.eat_token(&Token::RParen) {
            out.push(self.column_def(&mut Vec::new())?);
            if !self.eat_token(&Token::Comma) {
                self.expect_token(&Token::RParen)?;
                break;
            }
        }
        Ok(out)
    }

    fn function_body(&mut self) -> Result<String, ParseError> {
        if self.eat("RETURN") {
            let from = self.position();
            if ["SELECT", "WITH", "FROM", "VALUES", "TABLE"].iter().any(|word| self.at(word)) {
                self.query()?;
            } else {
                self.expr()?;
            }
            return Ok(self.text_since(from));
        }
        self.expect("AS")?;
        match self.peek() {
            Token::DollarQuotedString(text) => {
                self.expect_token(&Token::DollarQuotedString(text.clone()))?;
                Ok(text.value)
            }
            _ => self.string(),
        }
    }
}
