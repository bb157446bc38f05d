//! CREATE VIEW and ALTER VIEW.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    pub(super) fn create_view(
        &mut self,
        or_replace: bool,
        temporary: bool,
    ) -> Result<Statement, ParseError> {
        let if_not_exists = self.eat("IF NOT EXISTS");
        let name = self.object_name()?;
        let columns = if self.peek() == Token::LParen {
            self.list(|c| {
                let name = c.identifier()?;
                let comment = if c.eat("COMMENT") { Some(c.string()?) } else { None };
                Ok(ViewColumn { name, comment })
            })?
        } else {
            Vec::new()
        };
        let mut comment = None;
        let mut properties = Properties::new();
        loop {
            if self.eat("COMMENT") {
                comment = Some(self.string()?);
            } else if self.eat("TBLPROPERTIES") {
                properties = self.properties()?;
            } else if self.at("WITH METRICS") {
                return self.unsupported("A metric view");
            } else if self.eat("WITH SCHEMA") {
                // Views are planned from their text on each use, which is what EVOLUTION asks for.
                if !["BINDING", "COMPENSATION", "EVOLUTION"].iter().any(|w| self.eat(w)) {
                    self.expect("TYPE EVOLUTION")?;
                }
            } else if self.at("USING") {
                return self.unsupported("CREATE TEMPORARY VIEW … USING");
            } else {
                break;
            }
        }
        self.expect("AS")?;
        let query = self.query_text()?;
        Ok(Statement::CreateView(Box::new(CreateView {
            name,
            or_replace,
            temporary,
            if_not_exists,
            columns,
            comment,
            properties,
            query,
        })))
    }

    pub(super) fn alter_view(&mut self) -> Result<Statement, ParseError> {
        let name = self.object_name()?;
        if let Some(tags) = self.optional_tags(ObjectKind::View, &name, None)? {
            return Ok(tags);
        }
        let action = if self.eat("RENAME TO") {
            ViewAction::Rename(self.object_name()?)
        } else if self.eat("SET OWNER TO") || self.eat("OWNER TO") {
            ViewAction::SetOwner(self.string_or_identifier()?)
        } else if self.eat("SET TBLPROPERTIES") {
            ViewAction::SetProperties(self.properties()?)
        } else if self.eat("UNSET TBLPROPERTIES") {
            let if_exists = self.eat("IF EXISTS");
            ViewAction::UnsetProperties { keys: self.property_keys()?, if_exists }
        } else if self.at("SET") || self.at("UNSET") || self.at("WITH") {
            return self.unsupported("This change of a view");
        } else {
            self.expect("AS")?;
            ViewAction::As(self.query_text()?)
        };
        Ok(Statement::AlterView(AlterView { name, action }))
    }
}
