//! MERGE INTO.

use super::ast::*;
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::Token;

impl Cursor<'_> {
    pub(super) fn merge(&mut self) -> Result<Statement, ParseError> {
        self.expect("MERGE")?;
        let schema_evolution = self.eat("WITH SCHEMA EVOLUTION");
        self.expect("INTO")?;
        let target = self.object_name()?;
        let target_alias = self.optional_alias(&["USING"])?;
        self.expect("USING")?;
        let source = if self.eat_token(&Token::LParen) {
            let query = self.query()?;
            self.expect_token(&Token::RParen)?;
            MergeSource::Query(query)
        } else {
            MergeSource::Table(self.object_name()?)
        };
        let source_alias = self.optional_alias(&["ON"])?;
        self.expect("ON")?;
        let on = self.expr()?;
        let mut clauses = Vec::new();
        while self.at("WHEN") {
            clauses.push(self.merge_clause()?);
        }
        if clauses.is_empty() {
            return self.unexpected("WHEN MATCHED or WHEN NOT MATCHED");
        }
        Ok(Statement::Merge(Box::new(Merge {
            target,
            target_alias,
            source,
            source_alias,
            schema_evolution,
            on,
            clauses,
        })))
    }

    fn merge_clause(&mut self) -> Result<MergeClause, ParseError> {
        let when = if self.eat("WHEN MATCHED") {
            MergeWhen::Matched
        } else if self.eat("WHEN NOT MATCHED BY SOURCE") {
            MergeWhen::NotMatchedBySource
        } else {
            self.expect("WHEN NOT MATCHED")?;
            let _ = self.eat("BY TARGET");
            MergeWhen::NotMatched
        };
        let condition = if self.eat("AND") { Some(self.expr()?) } else { None };
        self.expect("THEN")?;
        let action = match when {
            MergeWhen::NotMatched => self.merge_insert()?,
            MergeWhen::Matched | MergeWhen::NotMatchedBySource => self.merge_change(when)?,
        };
        Ok(MergeClause { when, condition, action })
    }

    fn merge_change(&mut self, when: MergeWhen) -> Result<MergeAction, ParseError> {
        if self.eat("DELETE") {
            return Ok(MergeAction::Delete);
        }
        self.expect("UPDATE SET")?;
        if self.eat_token(&Token::Mul) {
            if self.at("EXCEPT") {
                return self.unsupported("UPDATE SET * EXCEPT");
            }
            return match when {
                MergeWhen::Matched => Ok(MergeAction::UpdateAll),
                _ => self.fail("UPDATE SET * needs a source row."),
            };
        }
        Ok(MergeAction::Update(self.assignments()?))
    }

    fn merge_insert(&mut self) -> Result<MergeAction, ParseError> {
        self.expect("INSERT")?;
        if self.eat_token(&Token::Mul) {
            if self.at("EXCEPT") {
                return self.unsupported("INSERT * EXCEPT");
            }
            return Ok(MergeAction::InsertAll);
        }
        let columns = self.list(|c| {
            let mut parts = c.name()?.0;
            match parts.pop() {
                Some(column) => Ok(column),
                None => c.unexpected("a column"),
            }
        })?;
        self.expect("VALUES")?;
        let values = self.list(Self::expr)?;
        if columns.len() != values.len() {
            return self.fail("INSERT has another number of values than of columns.");
        }
        Ok(MergeAction::Insert(columns.into_iter().zip(values).collect()))
    }
}
