//! DECLARE, SET VAR, EXECUTE IMMEDIATE and `BEGIN … END`.

use super::ast::{
    Block, DeclareVariable, Event, ExecuteImmediate, Expr, Handler, Name, SetVariable, Statement,
    Step,
};
use super::cursor::Cursor;
use super::error::ParseError;
use datafusion::sql::sqlparser::ast::{BinaryOperator, SetExpr};
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

/// Blocks and loops inside of each other.
const DEPTH_MAX: usize = 30;
/// What may begin with `label:`.
const LABELLED: [&str; 5] = ["BEGIN", "WHILE", "REPEAT", "LOOP", "FOR"];

impl Cursor<'_> {
    pub(super) fn declare(&mut self) -> Result<Statement, ParseError> {
        self.expect("DECLARE")?;
        Ok(Statement::DeclareVariable(Box::new(self.declaration()?)))
    }

    /// Behind DECLARE.
    fn declaration(&mut self) -> Result<DeclareVariable, ParseError> {
        let at = self.position();
        let or_replace = self.eat("OR REPLACE");
        if !self.eat("VARIABLE") {
            self.eat("VAR");
        }
        let names = self.items(Self::variable_to_declare)?;
        let begins_value = |this: &Self| this.peek() == Token::Eq || this.at("DEFAULT");
        let sql_type = match begins_value(self) || self.is_end() {
            true => None,
            false => Some(self.parser.parse_data_type()?),
        };
        let default = match self.eat_token(&Token::Eq) || self.eat("DEFAULT") {
            true => Some(self.expr()?),
            false => None,
        };
        if sql_type.is_none() && default.is_none() {
            return Err(ParseError::new(
                "INVALID_SQL_SYNTAX.VARIABLE_TYPE_OR_DEFAULT_REQUIRED",
                "42000",
                "The definition of a variable requires either a data type or a DEFAULT clause.",
                at,
            ));
        }
        Ok(DeclareVariable { names, or_replace, sql_type, default })
    }

    /// `item, item`, at least one.
    fn items<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        let mut items = vec![item(self)?];
        while self.eat_token(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn variable_to_declare(&mut self) -> Result<String, ParseError> {
        let name = self.object_name()?;
        let known = match name.0.as_slice() {
            [_] => true,
            [schema, _] => schema.eq_ignore_ascii_case("session"),
            [catalog, schema, _] => {
                catalog.eq_ignore_ascii_case("system") && schema.eq_ignore_ascii_case("session")
            }
            _ => false,
        };
        match (known, name.0.last()) {
            (true, Some(last)) => Ok(last.clone()),
            _ => self.unexpected("the name of a variable"),
        }
    }

    pub(super) fn drop_variable(&mut self) -> Result<Statement, ParseError> {
        let if_exists = self.eat("IF EXISTS");
        Ok(Statement::DropVariable { name: self.variable_to_declare()?, if_exists })
    }

    /// Behind `SET VAR`.
    pub(super) fn set_variables(&mut self) -> Result<Statement, ParseError> {
        if self.eat_token(&Token::LParen) {
            let names = self.items(Self::object_name)?;
            self.expect_token(&Token::RParen)?;
            self.expect_token(&Token::Eq)?;
            self.expect_token(&Token::LParen)?;
            let query = self.query()?;
            self.expect_token(&Token::RParen)?;
            return Ok(Statement::SetVariable(SetVariable::Row(names, query)));
        }
        let values = self.items(|this| {
            let name = this.object_name()?;
            this.expect_token(&Token::Eq)?;
            let value = if this.eat("DEFAULT") { None } else { Some(this.expr()?) };
            Ok((name, value))
        })?;
        Ok(Statement::SetVariable(SetVariable::Values(values)))
    }

    pub(super) fn execute_immediate(&mut self) -> Result<Statement, ParseError> {
        self.expect("EXECUTE")?;
        if !self.eat("IMMEDIATE") {
            return self.unsupported("EXECUTE without IMMEDIATE");
        }
        let sql = self.expr()?;
        let into: Vec<Name> =
            if self.eat("INTO") { self.items(Self::object_name)? } else { Vec::new() };
        let using = match self.eat("USING") {
            true => {
                let bracket = self.eat_token(&Token::LParen);
                let values = self.items(|this| {
                    let value = this.expr()?;
                    let name = if this.eat("AS") { Some(this.identifier()?) } else { None };
                    Ok((value, name))
                })?;
                if bracket {
                    self.expect_token(&Token::RParen)?;
                }
                values
            }
            false => Vec::new(),
        };
        Ok(Statement::ExecuteImmediate(Box::new(ExecuteImmediate { sql, into, using })))
    }

    /// Whether a script begins here, with or without a label.
    pub(super) fn at_script(&self) -> bool {
        let is_transaction = ["BEGIN TRANSACTION", "BEGIN WORK"].iter().any(|w| self.at(w));
        (self.at("BEGIN") && !is_transaction) || self.at_label()
    }

    fn at_label(&self) -> bool {
        let is =
            |offset: usize, token: &Token| self.parser.peek_nth_token_ref(offset).token == *token;
        let follows = |word: &str| {
            matches!(&self.parser.peek_nth_token_ref(2).token, Token::Word(w)
                if w.value.eq_ignore_ascii_case(word))
        };
        matches!(self.peek(), Token::Word(_))
            && is(1, &Token::Colon)
            && LABELLED.iter().any(|word| follows(word))
    }

    pub(super) fn script(&mut self) -> Result<Statement, ParseError> {
        let step = self.step(0)?;
        match step {
            Step::Block(block) => Ok(Statement::Script(Box::new(block))),
            _ => self.fail("A script begins with BEGIN."),
        }
    }

    fn label(&mut self) -> Result<Option<String>, ParseError> {
        if !self.at_label() {
            return Ok(None);
        }
        let label = self.identifier()?.to_lowercase();
        self.expect_token(&Token::Colon)?;
        Ok(Some(label))
    }

    /// The label may be repeated at the end.
    fn end_label(&mut self, label: Option<&String>) -> Result<(), ParseError> {
        if let (Token::Word(word), Some(label)) = (self.peek(), label)
            && word.value.eq_ignore_ascii_case(label)
        {
            self.parser.advance_token();
        }
        Ok(())
    }

    fn step(&mut self, depth: usize) -> Result<Step, ParseError> {
        if depth > DEPTH_MAX {
            return self.fail("The script is nested too deeply.");
        }
        let label = self.label()?;
        if self.eat("BEGIN") {
            return self.block(label, depth);
        }
        if self.eat("IF") {
            return self.if_step(depth);
        }
        if self.eat("CASE") {
            return self.case_step(depth);
        }
        if self.eat("WHILE") {
            let condition = self.expr()?;
            self.expect("DO")?;
            let body = self.steps(&["END WHILE"], depth)?;
            self.expect("END WHILE")?;
            self.end_label(label.as_ref())?;
            return Ok(Step::While { label, condition, body });
        }
        if self.eat("REPEAT") {
            let body = self.steps(&["UNTIL"], depth)?;
            self.expect("UNTIL")?;
            let until = self.expr()?;
            self.expect("END REPEAT")?;
            self.end_label(label.as_ref())?;
            return Ok(Step::Repeat { label, body, until });
        }
        if self.eat("LOOP") {
            let body = self.steps(&["END LOOP"], depth)?;
            self.expect("END LOOP")?;
            self.end_label(label.as_ref())?;
            return Ok(Step::Loop { label, body });
        }
        if self.eat("FOR") {
            let has_name = matches!(
                (self.peek(), &self.parser.peek_nth_token_ref(1).token),
                (Token::Word(_), Token::Word(w)) if w.value.eq_ignore_ascii_case("AS")
            );
            let row = match has_name && !self.at("SELECT") {
                true => {
                    let row = self.identifier()?.to_lowercase();
                    self.expect("AS")?;
                    Some(row)
                }
                false => None,
            };
            let query = self.query()?;
            self.expect("DO")?;
            let body = self.steps(&["END FOR"], depth)?;
            self.expect("END FOR")?;
            self.end_label(label.as_ref())?;
            return Ok(Step::For { label, row, query, body });
        }
        self.simple_step()
    }

    fn simple_step(&mut self) -> Result<Step, ParseError> {
        if self.eat("LEAVE") {
            return Ok(Step::Leave(self.identifier()?.to_lowercase()));
        }
        if self.eat("ITERATE") {
            return Ok(Step::Iterate(self.identifier()?.to_lowercase()));
        }
        if self.eat("SIGNAL") {
            let event = match self.eat("SQLSTATE") {
                true => Event::SqlState(self.sql_state()?),
                false => Event::Condition(self.identifier()?.to_uppercase()),
            };
            let message = match self.eat("SET MESSAGE_TEXT") {
                true => {
                    self.expect_token(&Token::Eq)?;
                    Some(self.expr()?)
                }
                false => None,
            };
            return Ok(Step::Signal { event, message });
        }
        if self.eat("RESIGNAL") {
            return Ok(Step::Resignal);
        }
        if self.at("DECLARE") {
            return Err(too_late(self.position()));
        }
        // In a script a plain SET is one of a variable.
        if self.eat("SET VARIABLE") || self.eat("SET VAR") || self.eat("SET") {
            return Ok(Step::Statement(Box::new(self.set_variables()?)));
        }
        Ok(Step::Statement(Box::new(self.statement(1)?)))
    }

    fn sql_state(&mut self) -> Result<String, ParseError> {
        self.eat("VALUE");
        let at = self.position();
        let state = self.string()?;
        match state.len() == 5 && state.bytes().all(|b| b.is_ascii_alphanumeric()) {
            true => Ok(state.to_uppercase()),
            false => {
                let text = format!("'{state}' is no SQLSTATE: it has five letters and digits.");
                Err(ParseError::new("INVALID_SQLSTATE", "428B3", text, at))
            }
        }
    }

    /// Steps up to one of these words.
    fn steps(&mut self, ends: &[&str], depth: usize) -> Result<Vec<Step>, ParseError> {
        let mut steps = Vec::new();
        loop {
            if ends.iter().any(|end| self.at(end)) {
                return Ok(steps);
            }
            if self.peek() == Token::EOF {
                return self.unexpected(ends.first().copied().unwrap_or("END"));
            }
            steps.push(self.step(depth + 1)?);
            self.expect_token(&Token::SemiColon)?;
        }
    }

    /// The same, at least one.
    fn some_steps(&mut self, ends: &[&str], depth: usize) -> Result<Vec<Step>, ParseError> {
        let steps = self.steps(ends, depth)?;
        if steps.is_empty() { self.unexpected("a statement") } else { Ok(steps) }
    }

    fn block(&mut self, label: Option<String>, depth: usize) -> Result<Step, ParseError> {
        self.eat("NOT ATOMIC");
        let mut block = Block { label, ..Block::default() };
        while self.at("DECLARE") {
            let at = self.position();
            self.expect("DECLARE")?;
            if self.at("EXIT HANDLER") || self.at("CONTINUE HANDLER") {
                let handler = self.handler(depth)?;
                if let Some(twice) = twice(&block.handlers, &handler) {
                    return Err(twice_handled(twice, at));
                }
                block.handlers.push(handler);
            } else if !block.handlers.is_empty() {
                return Err(too_late(at));
            } else if let Some(condition) = self.condition()? {
                block.conditions.push(condition);
            } else {
                let declared = self.declaration()?;
                if declared.or_replace {
                    let class = "INVALID_VARIABLE_DECLARATION.REPLACE_LOCAL_VARIABLE";
                    let text = "The variable of a block cannot be declared with OR REPLACE.";
                    return Err(ParseError::new(class, "42K0M", text, at));
                }
                block.steps.push(Step::Declare(declared));
            }
            self.expect_token(&Token::SemiColon)?;
        }
        block.steps.extend(self.steps(&["END"], depth)?);
        self.expect("END")?;
        self.end_label(block.label.as_ref())?;
        Ok(Step::Block(block))
    }

    /// `name CONDITION [FOR SQLSTATE '…']`.
    fn condition(&mut self) -> Result<Option<(String, Option<String>)>, ParseError> {
        let next = &self.parser.peek_nth_token_ref(1).token;
        if !matches!(next, Token::Word(w) if w.value.eq_ignore_ascii_case("CONDITION")) {
            return Ok(None);
        }
        let name = self.identifier()?.to_uppercase();
        self.expect("CONDITION")?;
        let state = match self.eat("FOR") {
            true => {
                self.eat("SQLSTATE");
                Some(self.sql_state()?)
            }
            false => None,
        };
        Ok(Some((name, state)))
    }

    fn handler(&mut self, depth: usize) -> Result<Handler, ParseError> {
        if self.eat("CONTINUE") {
            return self.unsupported("CONTINUE handlers");
        }
        self.expect("EXIT")?;
        self.expect("HANDLER")?;
        self.expect("FOR")?;
        let events = self.items(|this| {
            Ok(if this.eat("SQLEXCEPTION") {
                Event::Exception
            } else if this.eat("NOT FOUND") {
                Event::NotFound
            } else if this.eat("SQLSTATE") {
                Event::SqlState(this.sql_state()?)
            } else {
                Event::Condition(this.name()?.0.join(".").to_uppercase())
            })
        })?;
        let action = Box::new(self.step(depth + 1)?);
        Ok(Handler { events, action })
    }

    fn if_step(&mut self, depth: usize) -> Result<Step, ParseError> {
        const ENDS: [&str; 3] = ["ELSEIF", "ELSE", "END IF"];
        let mut branches = Vec::new();
        loop {
            let condition = self.expr()?;
            self.expect("THEN")?;
            branches.push((condition, self.some_steps(&ENDS, depth)?));
            if !self.eat("ELSEIF") {
                break;
            }
        }
        let otherwise = match self.eat("ELSE") {
            true => Some(self.some_steps(&["END IF"], depth)?),
            false => None,
        };
        self.expect("END IF")?;
        Ok(Step::If { branches, otherwise })
    }

    fn case_step(&mut self, depth: usize) -> Result<Step, ParseError> {
        let operand = if self.at("WHEN") { None } else { Some(self.expr()?) };
        let mut branches = Vec::new();
        while self.eat("WHEN") {
            let value = self.expr()?;
            let condition = match &operand {
                Some(operand) => Expr::BinaryOp {
                    left: Box::new(Expr::Nested(Box::new(operand.clone()))),
                    op: BinaryOperator::Eq,
                    right: Box::new(Expr::Nested(Box::new(value))),
                },
                None => value,
            };
            self.expect("THEN")?;
            branches.push((condition, self.some_steps(&["WHEN", "ELSE", "END CASE"], depth)?));
        }
        let otherwise = match self.eat("ELSE") {
            true => Some(self.some_steps(&["END CASE"], depth)?),
            false => None,
        };
        self.expect("END CASE")?;
        Ok(Step::If { branches, otherwise })
    }
}

fn too_late(at: Location) -> ParseError {
    ParseError::new(
        "INVALID_VARIABLE_DECLARATION.ONLY_AT_BEGINNING",
        "42K0M",
        "Variables can only be declared at the beginning of a BEGIN … END block.",
        at,
    )
}

/// What both handle.
fn twice<'a>(known: &[Handler], handler: &'a Handler) -> Option<&'a Event> {
    let is_known = |event: &&Event| known.iter().any(|other| other.events.contains(event));
    handler.events.iter().find(is_known)
}

fn twice_handled(event: &Event, at: Location) -> ParseError {
    let (class, name) = match event {
        Event::SqlState(state) => ("DUPLICATE_EXCEPTION_HANDLER.SQLSTATE", state.as_str()),
        Event::Condition(name) => ("DUPLICATE_EXCEPTION_HANDLER.CONDITION", name.as_str()),
        Event::Exception => ("DUPLICATE_EXCEPTION_HANDLER.CONDITION", "SQLEXCEPTION"),
        Event::NotFound => ("DUPLICATE_EXCEPTION_HANDLER.CONDITION", "NOT FOUND"),
    };
    ParseError::new(class, "42734", format!("The block has two handlers for {name}."), at)
}

/// A query of one row without a FROM: an expression alone.
pub fn query_of(expr: Expr) -> Option<super::ast::Query> {
    let mut query = super::parse_query("SELECT NULL AS value").ok()?;
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(datafusion::sql::sqlparser::ast::SelectItem::ExprWithAlias {
            expr: value, ..
        }) = select.projection.first_mut()
    {
        *value = expr;
    }
    Some(*query)
}
