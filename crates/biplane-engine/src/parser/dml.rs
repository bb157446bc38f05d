//! INSERT, UPDATE, DELETE and TRUNCATE.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    pub(super) fn insert(&mut self) -> Result<Statement, ParseError> {
        self.expect("INSERT")?;
        let schema_evolution = self.eat("WITH SCHEMA EVOLUTION");
        let overwrite = self.eat("OVERWRITE");
        if overwrite {
            self.eat("INTO");
        } else {
            self.expect("INTO")?;
        }
        self.eat("TABLE");
        let table = self.object_name()?;
        let mut out = Insert {
            table,
            schema_evolution,
            table_alias: None,
            mode: if overwrite { InsertMode::Overwrite } else { InsertMode::Append },
            by_name: false,
            columns: Vec::new(),
            partition: Vec::new(),
            source: Box::new(empty_query()),
            source_alias: None,
        };
        if self.eat("AS") {
            out.table_alias = Some(self.identifier()?);
        }
        self.insert_clauses(&mut out)?;
        let bracket = matches!(out.mode, InsertMode::ReplaceOn(_)) && self.peek() == Token::LParen;
        out.source = if bracket { self.aliased_source(&mut out)? } else { self.query()? };
        Ok(Statement::Insert(Box::new(out)))
    }

    fn insert_clauses(&mut self, out: &mut Insert) -> Result<(), ParseError> {
        loop {
            if self.eat("PARTITION") {
                out.partition = self.list(|c| {
                    let name = c.identifier()?;
                    let value = if c.eat_token(&Token::Eq) { Some(c.expr()?) } else { None };
                    Ok((name, value))
                })?;
            } else if self.eat("BY NAME") {
                out.by_name = true;
            } else if self.eat("REPLACE WHERE") {
                out.mode = InsertMode::ReplaceWhere(self.expr_text()?);
            } else if self.eat("REPLACE USING") {
                out.mode = InsertMode::ReplaceUsing(self.identifier_list()?);
            } else if self.eat("REPLACE ON") {
                out.mode = InsertMode::ReplaceOn(self.expr()?);
            } else if self.at("IF NOT EXISTS") {
                return self.unsupported("PARTITION … IF NOT EXISTS");
            } else if self.peek() == Token::LParen
                && out.columns.is_empty()
                && self.at_column_list()
            {
                out.columns = self.identifier_list()?;
            } else {
                return Ok(());
            }
        }
    }

    /// `(a, b)`: names of columns, and not `(SELECT …)` or `(VALUES …)`.
    fn at_column_list(&self) -> bool {
        let word = match &self.parser.peek_nth_token_ref(1).token {
            Token::Word(w) => w,
            _ => return false,
        };
        let next = &self.parser.peek_nth_token_ref(2).token;
        let query = ["select", "with", "values", "from", "table"]
            .iter()
            .any(|w| word.quote_style.is_none() && word.value.eq_ignore_ascii_case(w));
        matches!(next, Token::Comma | Token::RParen) || !query
    }

    /// `(SELECT …) AS s`, the source of REPLACE ON.
    fn aliased_source(&mut self, out: &mut Insert) -> Result<Box<Query>, ParseError> {
        self.expect_token(&Token::LParen)?;
        let query = self.query()?;
        self.expect_token(&Token::RParen)?;
        if self.eat("AS") || matches!(self.peek(), Token::Word(_)) {
            out.source_alias = Some(self.identifier()?);
        }
        Ok(query)
    }

    pub(super) fn optional_alias(&mut self, stop: &[&str]) -> Result<Option<String>, ParseError> {
        if self.eat("AS") {
            return self.identifier().map(Some);
        }
        match self.peek() {
            Token::Word(_) if !stop.iter().any(|word| self.at(word)) => self.identifier().map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn update(&mut self) -> Result<Statement, ParseError> {
        self.expect("UPDATE")?;
        let table = self.object_name()?;
        let alias = self.optional_alias(&["SET"])?;
        self.expect("SET")?;
        let set = self.assignments()?;
        if self.at("FROM") {
            return self.unsupported("UPDATE … FROM; MERGE does the same,");
        }
        let filter = if self.eat("WHERE") { Some(self.expr()?) } else { None };
        Ok(Statement::Update(Box::new(Update { table, alias, set, filter })))
    }

    pub(super) fn assignments(&mut self) -> Result<Vec<(Vec<String>, Expr)>, ParseError> {
        let mut out = Vec::new();
        loop {
            let target = self.name()?.0;
            if !self.eat_token(&Token::Eq) {
                self.expect_token(&Token::DoubleEq)?;
            }
            out.push((target, self.expr()?));
            if !self.eat_token(&Token::Comma) {
                return Ok(out);
            }
        }
    }

    pub(super) fn delete(&mut self) -> Result<Statement, ParseError> {
        self.expect("DELETE FROM")?;
        let table = self.object_name()?;
        let alias = self.optional_alias(&["WHERE", "USING"])?;
        if self.at("USING") {
            return self.unsupported("DELETE … USING; MERGE does the same,");
        }
        let filter = if self.eat("WHERE") { Some(self.expr()?) } else { None };
        Ok(Statement::Delete(Box::new(Delete { table, alias, filter })))
    }

    pub(super) fn truncate(&mut self) -> Result<Statement, ParseError> {
        self.expect("TRUNCATE")?;
        self.expect("TABLE")?;
        let table = self.object_name()?;
        if self.at("PARTITION") {
            return self.unsupported("TRUNCATE of a partition; DELETE does the same,");
        }
        Ok(Statement::Truncate { table })
    }
}

fn empty_query() -> Query {
    use datafusion::sql::sqlparser::ast::{SetExpr, Values};
    let values = Values { explicit_row: false, value_keyword: false, rows: Vec::new() };
    Query {
        with: None,
        body: Box::new(SetExpr::Values(values)),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
