//! COPY INTO.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::ast::{SelectItem, SetExpr, TableFactor};
use datafusion::sql::sqlparser::tokenizer::Token;

const FILES_MAX: usize = 1_000;

impl Cursor<'_> {
    pub(super) fn copy_into(&mut self) -> Result<Statement, ParseError> {
        self.expect("COPY INTO")?;
        let table = self.object_name()?;
        let by_position = self.eat("BY POSITION");
        let columns = if !by_position && self.peek() == Token::LParen {
            self.identifier_list()?
        } else {
            Vec::new()
        };
        self.expect("FROM")?;
        let (path, projection) = self.copy_source()?;
        if self.at("WITH") {
            return self.unsupported("WITH CREDENTIAL; use an external location or a volume,");
        }
        self.expect("FILEFORMAT")?;
        self.expect_token(&Token::Eq)?;
        let format = self.string_or_identifier()?.to_ascii_lowercase();
        let mut out = CopyInto {
            table,
            by_position,
            columns,
            path,
            projection,
            format,
            validate: None,
            files: Vec::new(),
            pattern: None,
            format_options: Properties::new(),
            copy_options: Properties::new(),
        };
        self.copy_clauses(&mut out)?;
        Ok(Statement::CopyInto(Box::new(out)))
    }

    fn copy_clauses(&mut self, out: &mut CopyInto) -> Result<(), ParseError> {
        loop {
            if self.eat("VALIDATE") {
                let rows = if self.eat("ALL") || !matches!(self.peek(), Token::Number(..)) {
                    None
                } else {
                    let rows = u64::try_from(self.integer()?).ok();
                    self.expect("ROWS")?;
                    rows
                };
                out.validate = Some(rows);
            } else if self.eat("FILES") {
                self.expect_token(&Token::Eq)?;
                out.files = self.list(Self::string)?;
                if out.files.len() > FILES_MAX {
                    return self.fail("FILES names more than 1000 files.");
                }
            } else if self.eat("PATTERN") {
                self.expect_token(&Token::Eq)?;
                out.pattern = Some(self.string()?);
            } else if self.eat("FORMAT_OPTIONS") {
                out.format_options = self.properties()?;
            } else if self.eat("COPY_OPTIONS") {
                out.copy_options = self.properties()?;
            } else {
                return Ok(());
            }
        }
    }

    /// `'path'`, or `(SELECT … FROM 'path')`.
    fn copy_source(&mut self) -> Result<(String, Option<CopyProjection>), ParseError> {
        if let Token::SingleQuotedString(_) = self.peek() {
            return Ok((self.string()?, None));
        }
        self.expect_token(&Token::LParen)?;
        let mut query = self.query()?;
        self.expect_token(&Token::RParen)?;
        match take_path(&mut query) {
            Some(path) => Ok((path, Some(CopyProjection { query }))),
            None => self.fail("The source of COPY INTO is 'path' or (SELECT … FROM 'path')."),
        }
    }
}

/// The parser library reads `FROM 'path'` as a table of that name; it becomes [`COPY_SOURCE`].
fn take_path(query: &mut Query) -> Option<String> {
    use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let [from] = select.from.as_mut_slice() else { return None };
    let TableFactor::Table { name, alias, .. } = &mut from.relation else { return None };
    let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return None };
    let path = (ident.quote_style == Some('\'')).then(|| ident.value.clone())?;
    let plain = from.joins.is_empty() && !select.projection.is_empty() && alias.is_none();
    let aggregates = matches!(select.projection.as_slice(), [SelectItem::QualifiedWildcard(..)]);
    if !plain || aggregates {
        return None;
    }
    *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(COPY_SOURCE))]);
    Some(path)
}
