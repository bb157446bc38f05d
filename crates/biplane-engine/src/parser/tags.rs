//! SET TAGS and UNSET TAGS of all that has tags.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    /// None: something else follows.
    pub(super) fn optional_tags(
        &mut self,
        kind: ObjectKind,
        name: &Name,
        column: Option<&str>,
    ) -> Result<Option<Statement>, ParseError> {
        let (set, unset) = if self.eat("SET TAGS") {
            (self.list(Self::tag)?, Vec::new())
        } else if self.eat("UNSET TAGS") {
            (Properties::new(), self.list(Self::string)?)
        } else {
            return Ok(None);
        };
        let (name, column) = (name.clone(), column.map(str::to_owned));
        Ok(Some(Statement::AlterTags(AlterTags { kind, name, column, set, unset })))
    }

    /// `'key' = 'value'`, or a key alone.
    fn tag(&mut self) -> Result<(String, String), ParseError> {
        let key = self.string()?;
        let value = if self.eat_token(&Token::Eq) { self.string()? } else { String::new() };
        Ok((key, value))
    }
}
