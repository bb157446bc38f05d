//! GRANT and REVOKE.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

const WORDS_MAX: usize = 6;

impl Cursor<'_> {
    pub(super) fn grant(&mut self) -> Result<Statement, ParseError> {
        let revoke = !self.eat("GRANT");
        if revoke {
            self.expect("REVOKE")?;
        }
        let mut privileges = vec![self.privilege()?];
        while self.eat_token(&Token::Comma) {
            privileges.push(self.privilege()?);
        }
        self.expect("ON")?;
        let (kind, name) = self.securable()?;
        self.expect(if revoke { "FROM" } else { "TO" })?;
        let principal = self.principal()?;
        if self.at("WITH") {
            return self.unsupported("WITH GRANT OPTION");
        }
        Ok(Statement::Grant(Grant { revoke, privileges, kind, name, principal }))
    }

    /// Words up to `,` or ON, in REST form.
    fn privilege(&mut self) -> Result<String, ParseError> {
        let mut words = Vec::new();
        while words.len() < WORDS_MAX && !self.at("ON") && matches!(self.peek(), Token::Word(_)) {
            words.push(self.word()?.to_ascii_uppercase());
        }
        if words.is_empty() {
            return self.unexpected("a privilege");
        }
        Ok(match words.join("_").as_str() {
            // Old names of what is now called otherwise.
            "USAGE" | "USE_DATABASE" => "USE_SCHEMA".to_owned(),
            "ALL" => "ALL_PRIVILEGES".to_owned(),
            other => other.to_owned(),
        })
    }

    fn principal(&mut self) -> Result<String, ParseError> {
        let _ = self.eat("USER") || self.eat("GROUP");
        self.string_or_identifier()
    }

    /// The kind may be left out: `ON t` is a table.
    pub(super) fn securable(&mut self) -> Result<(ObjectKind, Option<Name>), ParseError> {
        if self.eat("METASTORE") {
            return Ok((ObjectKind::Metastore, None));
        }
        let plain = matches!(self.peek(), Token::Word(_))
            && matches!(
                &self.parser.peek_nth_token_ref(1).token,
                Token::EOF | Token::Period | Token::SemiColon
            );
        let to_or_from = matches!(&self.parser.peek_nth_token_ref(1).token, Token::Word(w)
            if w.quote_style.is_none() && (w.value.eq_ignore_ascii_case("to")
                || w.value.eq_ignore_ascii_case("from")));
        let quoted = matches!(self.peek(), Token::Word(w) if w.quote_style.is_some());
        let kind =
            if plain || to_or_from || quoted { ObjectKind::Table } else { self.object_kind()? };
        Ok((kind, Some(self.object_name()?)))
    }
}
