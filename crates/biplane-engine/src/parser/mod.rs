//! SQL text → [`Statement`].
//!
//! A small parser of commands over the parser library, which reads the queries and expressions
//! inside. Limits on size and shape stand in `tokens`; no text can exhaust the stack.

mod ast;
mod catalog;
mod copy;
mod cursor;
mod describe;
mod dialect;
mod dml;
mod error;
pub mod forms;
mod function;
mod grants;
mod maintenance;
mod merge;
mod numbers;
mod pipes;
mod script;
mod session;
mod show;
mod table;
mod tags;
#[cfg(test)]
mod tests;
mod tokens;
mod types;
mod view;

pub use ast::*;
pub use cursor::name_of;
pub use dialect::{BiplaneDialect, DIALECT, UNSIGNED_SHIFT};
pub use error::ParseError;
pub use forms::STREAM;
pub use script::query_of;
pub use tokens::STATEMENT_BYTES_MAX;
pub use types::{SqlField, SqlType, parse_type};

use crate::error::SqlError;
use biplane_proto::v1;
use cursor::Cursor;
use datafusion::sql::sqlparser::tokenizer::Token;

impl From<ParseError> for SqlError {
    fn from(error: ParseError) -> Self {
        SqlError::new(error.class, error.sql_state, error.message)
            .at(error.line.into(), error.column.into())
    }
}

/// Parses exactly one statement. Markers of parameters stay.
pub fn parse(sql: &str) -> Result<Statement, SqlError> {
    parse_tokens(Cursor::new(sql)?)
}

/// The same with values for its markers.
pub fn parse_bound(sql: &str, parameters: &[v1::Parameter]) -> Result<Statement, SqlError> {
    parse_tokens(Cursor::with_parameters(sql, Some(parameters))?)
}

fn parse_tokens(mut cursor: Cursor<'_>) -> Result<Statement, SqlError> {
    while cursor.eat_token(&Token::SemiColon) {}
    if cursor.is_end() {
        return Err(SqlError::syntax("The statement is empty", 1, 1));
    }
    let statement = cursor.statement(0)?;
    finish(&mut cursor)?;
    Ok(statement)
}

/// A query alone, such as the text of a view.
pub fn parse_query(sql: &str) -> Result<Box<Query>, SqlError> {
    let mut cursor = Cursor::new(sql)?;
    let query = cursor.query()?;
    finish(&mut cursor)?;
    Ok(query)
}

/// An expression alone, such as a CHECK constraint.
pub fn parse_expr(sql: &str) -> Result<Expr, SqlError> {
    let mut cursor = Cursor::new(sql)?;
    let expr = cursor.expr()?;
    finish(&mut cursor)?;
    Ok(expr)
}

/// A name of one to three parts, as in a text that a function takes.
pub fn parse_name(sql: &str) -> Result<Name, SqlError> {
    let mut cursor = Cursor::new(sql)?;
    let name = cursor.object_name()?;
    finish(&mut cursor)?;
    Ok(name)
}

/// `id INT, name STRING`, as options and schemas have it.
pub fn parse_columns(text: &str) -> Result<Vec<ColumnDef>, SqlError> {
    let mut cursor = Cursor::new(text)?;
    let mut out = Vec::new();
    while !cursor.is_end() {
        out.push(cursor.column_def(&mut Vec::new())?);
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    finish(&mut cursor)?;
    Ok(out)
}

fn finish(cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
    let more = cursor.eat_token(&Token::SemiColon);
    while cursor.eat_token(&Token::SemiColon) {}
    if more && !cursor.is_end() {
        let message = "Only one statement can be run at a time.";
        return Err(ParseError::syntax(message, cursor.position()));
    }
    cursor.end()
}

const QUERY_WORDS: [&str; 5] = ["SELECT", "WITH", "VALUES", "FROM", "TABLE"];

impl Cursor<'_> {
    fn statement(&mut self, depth: usize) -> Result<Statement, ParseError> {
        if self.peek() == Token::LParen || QUERY_WORDS.iter().any(|word| self.at(word)) {
            return Ok(Statement::Query(self.query()?));
        }
        if depth == 0 && self.at_script() {
            return self.script();
        }
        let at = self.position();
        let Token::Word(word) = self.peek() else { return self.unexpected("a statement") };
        if word.quote_style.is_some() {
            return self.unexpected("a statement");
        }
        match word.value.to_ascii_uppercase().as_str() {
            "EXPLAIN" if depth == 0 => self.explain(),
            "USE" => self.use_statement(),
            "SET" => self.set_statement(),
            "RESET" => self.reset_statement(),
            "CREATE" | "REPLACE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop_statement(),
            "COMMENT" => self.comment_on(),
            "INSERT" => self.insert(),
            "UPDATE" => self.update(),
            "DELETE" => self.delete(),
            "MERGE" => self.merge(),
            "TRUNCATE" => self.truncate(),
            "COPY" => self.copy_into(),
            "OPTIMIZE" => self.optimize(),
            "VACUUM" => self.vacuum(),
            "RESTORE" => self.restore(),
            "REFRESH" | "MSCK" | "ANALYZE" | "REPAIR" => self.refresh(),
            "CONVERT" => self.convert(),
            "CACHE" | "UNCACHE" | "CLEAR" => self.cache(),
            "SHOW" => self.show(),
            "DESCRIBE" | "DESC" => self.describe(),
            "GRANT" | "REVOKE" => self.grant(),
            "DECLARE" => self.declare(),
            "EXECUTE" => self.execute_immediate(),
            "LIST" => self.list_files(),
            "CALL" => self.call(),
            known if KNOWN_WORDS.contains(&known) => Err(ParseError::unsupported(known, at)),
            _ => self.unexpected("a statement"),
        }
    }

    fn explain(&mut self) -> Result<Statement, ParseError> {
        self.expect("EXPLAIN")?;
        let modes = [
            ("EXTENDED", ExplainMode::Extended),
            ("FORMATTED", ExplainMode::Formatted),
            ("COST", ExplainMode::Cost),
            ("CODEGEN", ExplainMode::Codegen),
        ];
        let mode = modes.into_iter().find(|(word, _)| self.eat(word));
        let mode = mode.map_or(ExplainMode::Simple, |(_, mode)| mode);
        let statement = Box::new(self.statement(1)?);
        Ok(Statement::Explain(Explain { mode, statement }))
    }

    fn create(&mut self) -> Result<Statement, ParseError> {
        let at = self.position();
        let or_replace = if self.eat("REPLACE") {
            true
        } else {
            self.expect("CREATE")?;
            self.eat("OR REPLACE")
        };
        if self.eat("OR REFRESH") {
            self.expect("STREAMING")?;
            self.expect("TABLE")?;
            return self.create_kept(false, Kept::StreamingTable { or_refresh: true });
        }
        let plain = |this: &Self| match or_replace {
            true => this.unsupported("OR REPLACE of this kind of object"),
            false => Ok(()),
        };
        if self.eat("CATALOG") {
            plain(self)?;
            self.create_container(true)
        } else if self.eat("SCHEMA") || self.eat("DATABASE") {
            plain(self)?;
            self.create_container(false)
        } else if self.eat("EXTERNAL VOLUME") {
            plain(self)?;
            self.create_volume(true)
        } else if self.eat("VOLUME") {
            plain(self)?;
            self.create_volume(false)
        } else if self.eat("TEMPORARY FUNCTION") || self.eat("TEMP FUNCTION") {
            self.create_function(or_replace, true)
        } else if self.eat("FUNCTION") {
            self.create_function(or_replace, false)
        } else if self.eat_one_of(&["TEMPORARY VIEW", "TEMP VIEW"]).is_some() {
            self.create_view(or_replace, true)
        } else if self.eat_one_of(&["TEMPORARY TABLE", "TEMP TABLE"]).is_some() {
            self.create_temporary_table(or_replace)
        } else if self.eat("VIEW") {
            self.create_view(or_replace, false)
        } else if self.eat("MATERIALIZED VIEW") {
            self.create_kept(or_replace, Kept::MaterializedView)
        } else if self.eat("STREAMING TABLE") {
            plain(self)?;
            self.create_kept(false, Kept::StreamingTable { or_refresh: false })
        } else if self.eat("EXTERNAL TABLE") || self.eat("TABLE") {
            self.create_table(or_replace)
        } else {
            let what = self.word()?.to_ascii_uppercase();
            match CREATE_KNOWN.contains(&what.as_str()) {
                true => Err(ParseError::unsupported(format!("CREATE {what}"), at)),
                false => Err(ParseError::syntax(
                    format!("Syntax error at or near '{what}': CREATE knows no such object."),
                    at,
                )),
            }
        }
    }

    fn alter(&mut self) -> Result<Statement, ParseError> {
        let at = self.position();
        self.expect("ALTER")?;
        if self.eat("TABLE") {
            self.alter_table()
        } else if self.eat("VIEW") {
            self.alter_view()
        } else if self.eat("VOLUME") {
            self.alter_volume()
        } else if self.eat("CATALOG") {
            self.alter_container(ObjectKind::Catalog)
        } else if self.eat("SCHEMA") || self.eat("DATABASE") {
            self.alter_container(ObjectKind::Schema)
        } else {
            let what = self.word()?.to_ascii_uppercase();
            match CREATE_KNOWN.contains(&what.as_str()) || what == "FUNCTION" {
                true => Err(ParseError::unsupported(format!("ALTER {what}"), at)),
                false => Err(ParseError::syntax(format!("Syntax error at or near '{what}'."), at)),
            }
        }
    }

    /// `CALL catalog.procedure('text', …)`.
    fn call(&mut self) -> Result<Statement, ParseError> {
        self.expect("CALL")?;
        let name = self.name()?;
        self.expect_token(&Token::LParen)?;
        let mut arguments = Vec::new();
        while !self.eat_token(&Token::RParen) {
            arguments.push(match self.peek() {
                Token::SingleQuotedString(_) => self.string()?,
                _ => self.number()?.to_string(),
            });
            if !self.eat_token(&Token::Comma) {
                self.expect_token(&Token::RParen)?;
                break;
            }
        }
        Ok(Statement::Call { name, arguments })
    }
}

/// Objects of CREATE and ALTER that are known but not built.
const CREATE_KNOWN: [&str; 16] = [
    "MATERIALIZED",
    "STREAMING",
    "BLOOMFILTER",
    "CONNECTION",
    "FOREIGN",
    "SHARE",
    "RECIPIENT",
    "PROVIDER",
    "SERVER",
    "POLICY",
    "PROCEDURE",
    "STORAGE",
    "EXTERNAL",
    "CREDENTIAL",
    "GLOBAL",
    "TEMPORARY",
];

/// Statements that are known but not built.
const KNOWN_WORDS: [&str; 16] = [
    "BEGIN", "LOAD", "PUT", "GET", "REMOVE", "UNDROP", "REORG", "GENERATE", "FSCK", "SYNC",
    "APPLY", "DENY", "ADD", "SIGNAL", "COMMIT", "ROLLBACK",
];
