//! A walk over the tokens of a statement, on top of the parser library so that it can be asked for
//! the queries and expressions inside.

use super::ast::{Expr, ExprText, Name, Properties, Query, QueryText};
use super::dialect::DIALECT;
use super::error::ParseError;
use super::tokens::{Lines, tokenize};
use biplane_proto::v1;
use datafusion::sql::sqlparser::ast::ObjectName;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

/// Bytes of one identifier. The catalog is stricter; path tables need more.
const IDENTIFIER_BYTES_MAX: usize = 4_096;
const EXPRESSION_DEPTH_MAX: usize = 120;

pub struct Cursor<'a> {
    pub(super) parser: Parser<'static>,
    lines: Lines<'a>,
    /// A `>>` of which one half is read.
    half_open: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(sql: &'a str) -> Result<Self, ParseError> {
        Self::with_parameters(sql, None)
    }

    pub fn with_parameters(
        sql: &'a str,
        parameters: Option<&[v1::Parameter]>,
    ) -> Result<Self, ParseError> {
        let parser = Parser::new(&DIALECT)
            .with_recursion_limit(EXPRESSION_DEPTH_MAX)
            .with_tokens_with_locations(tokenize(sql, parameters)?);
        Ok(Self { parser, lines: Lines::new(sql), half_open: false })
    }

    pub fn peek(&self) -> Token {
        self.parser.peek_token().token
    }

    pub fn position(&self) -> Location {
        self.parser.peek_token().span.start
    }

    fn peek_is_word(&self, offset: usize, word: &str) -> bool {
        matches!(&self.parser.peek_nth_token_ref(offset).token, Token::Word(w)
            if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
    }

    /// Whether these words come next, in any case: `at("IF NOT EXISTS")`.
    pub fn at(&self, words: &str) -> bool {
        words.split(' ').enumerate().all(|(offset, word)| self.peek_is_word(offset, word))
    }

    pub fn eat(&mut self, words: &str) -> bool {
        let found = self.at(words);
        if found {
            words.split(' ').for_each(|_| self.parser.advance_token());
        }
        found
    }

    /// The first of these that comes next, eaten.
    pub fn eat_one_of<'w>(&mut self, choices: &[&'w str]) -> Option<&'w str> {
        choices.iter().copied().find(|words| self.eat(words))
    }

    pub fn expect(&mut self, words: &str) -> Result<(), ParseError> {
        if self.eat(words) { Ok(()) } else { self.unexpected(words) }
    }

    pub fn eat_token(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    pub fn expect_token(&mut self, token: &Token) -> Result<(), ParseError> {
        if self.eat_token(token) { Ok(()) } else { self.unexpected(&token.to_string()) }
    }

    pub fn unexpected<T>(&self, expected: &str) -> Result<T, ParseError> {
        let found = self.parser.peek_token();
        let near = match found.token {
            Token::EOF => "end of input".to_owned(),
            token => format!("'{}'", clip(&token.to_string())),
        };
        let at = found.span.start;
        Err(ParseError::syntax(format!("Syntax error at or near {near}: expected {expected}."), at))
    }

    pub fn fail<T>(&self, message: &str) -> Result<T, ParseError> {
        Err(ParseError::syntax(message, self.position()))
    }

    pub fn unsupported<T>(&self, what: &str) -> Result<T, ParseError> {
        Err(ParseError::unsupported(what, self.position()))
    }

    pub fn is_end(&self) -> bool {
        matches!(self.peek(), Token::EOF | Token::SemiColon)
    }

    pub fn end(&mut self) -> Result<(), ParseError> {
        while self.eat_token(&Token::SemiColon) {}
        match self.peek() {
            Token::EOF => Ok(()),
            _ => self.unexpected("end of statement"),
        }
    }

    /// An unquoted word.
    pub fn word(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Token::Word(w) if w.quote_style.is_none() => {
                self.parser.advance_token();
                Ok(w.value)
            }
            _ => self.unexpected("a word"),
        }
    }

    pub fn identifier(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Token::Word(w) => {
                let at = self.position();
                self.parser.advance_token();
                check_identifier(&w.value, at)?;
                Ok(w.value)
            }
            _ => self.unexpected("a name"),
        }
    }

    /// One to three parts.
    pub fn name(&mut self) -> Result<Name, ParseError> {
        let at = self.position();
        let mut parts = vec![self.identifier()?];
        while self.eat_token(&Token::Period) {
            parts.push(self.identifier()?);
        }
        if parts.len() > 4 {
            return Err(ParseError::new(
                "IDENTIFIER_TOO_MANY_NAME_PARTS",
                "42601",
                format!("{} is not a valid identifier: it has too many parts.", Name(parts)),
                at,
            ));
        }
        Ok(Name(parts))
    }

    /// A name of at most three parts.
    pub fn object_name(&mut self) -> Result<Name, ParseError> {
        let at = self.position();
        let name = self.name()?;
        if name.0.len() > 3 {
            return Err(ParseError::new(
                "IDENTIFIER_TOO_MANY_NAME_PARTS",
                "42601",
                format!("{name} is not a valid identifier: it has more than 3 name parts."),
                at,
            ));
        }
        Ok(name)
    }

    pub fn string(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Token::SingleQuotedString(mut text) => {
                self.parser.advance_token();
                while let Token::SingleQuotedString(more) = self.peek() {
                    self.parser.advance_token();
                    text.push_str(&more);
                }
                Ok(text)
            }
            _ => self.unexpected("a string"),
        }
    }

    pub fn string_or_null(&mut self) -> Result<Option<String>, ParseError> {
        if self.eat("NULL") { Ok(None) } else { self.string().map(Some) }
    }

    /// A string or a name: principals, patterns.
    pub fn string_or_identifier(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Token::SingleQuotedString(_) => self.string(),
            _ => self.identifier(),
        }
    }

    pub fn integer(&mut self) -> Result<i64, ParseError> {
        let negative = self.eat_token(&Token::Minus);
        match self.peek() {
            Token::Number(text, _) => match text.parse::<i64>() {
                Ok(n) => {
                    self.parser.advance_token();
                    Ok(if negative { -n } else { n })
                }
                Err(_) => self.unexpected("a whole number"),
            },
            _ => self.unexpected("a number"),
        }
    }

    pub fn number(&mut self) -> Result<f64, ParseError> {
        match self.peek() {
            Token::Number(text, _) => match text.parse::<f64>() {
                Ok(n) if n.is_finite() => {
                    self.parser.advance_token();
                    Ok(n)
                }
                _ => self.unexpected("a number"),
            },
            _ => self.unexpected("a number"),
        }
    }

    /// `( item, item )`, at least one.
    pub fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        self.expect_token(&Token::LParen)?;
        let mut items = vec![item(self)?];
        while self.eat_token(&Token::Comma) {
            items.push(item(self)?);
        }
        self.expect_token(&Token::RParen)?;
        Ok(items)
    }

    pub fn identifier_list(&mut self) -> Result<Vec<String>, ParseError> {
        self.list(Self::identifier)
    }

    pub fn expr(&mut self) -> Result<Expr, ParseError> {
        Ok(self.parser.parse_expr()?)
    }

    pub fn query(&mut self) -> Result<Box<Query>, ParseError> {
        if self.at("TABLE") {
            return self.table_query();
        }
        Ok(self.parser.parse_query()?)
    }

    /// `TABLE t`, which is `SELECT * FROM t`.
    fn table_query(&mut self) -> Result<Box<Query>, ParseError> {
        self.expect("TABLE")?;
        let name = self.object_name()?;
        if !self.is_end() && self.peek() != Token::RParen {
            return self.unsupported("More of a query behind TABLE");
        }
        Cursor::new(&format!("SELECT * FROM {name}"))?.query()
    }

    pub fn expr_text(&mut self) -> Result<ExprText, ParseError> {
        let from = self.position();
        let expr = self.expr()?;
        Ok(ExprText { expr, text: self.text_since(from) })
    }

    pub fn query_text(&mut self) -> Result<QueryText, ParseError> {
        let from = self.position();
        let query = self.query()?;
        Ok(QueryText { query, text: self.text_since(from) })
    }

    /// What was written from here up to the token read last.
    pub fn text_since(&self, from: Location) -> String {
        self.lines.slice(from, self.parser.get_current_token().span.end).to_owned()
    }

    /// `('key' = 'value', a.b = 1, flag)`.
    pub fn properties(&mut self) -> Result<Properties, ParseError> {
        self.expect_token(&Token::LParen)?;
        let mut out = Properties::new();
        while !self.eat_token(&Token::RParen) {
            let key = self.property_key()?;
            self.eat_token(&Token::Eq);
            out.push((key, self.property_value()?));
            if !self.eat_token(&Token::Comma) {
                self.expect_token(&Token::RParen)?;
                break;
            }
        }
        Ok(out)
    }

    pub fn property_key(&mut self) -> Result<String, ParseError> {
        if let Token::SingleQuotedString(_) = self.peek() {
            return self.string();
        }
        let mut key = self.identifier()?;
        while self.eat_token(&Token::Period) {
            key = format!("{key}.{}", self.identifier()?);
        }
        Ok(key)
    }

    pub fn property_keys(&mut self) -> Result<Vec<String>, ParseError> {
        self.list(Self::property_key)
    }

    fn property_value(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Token::SingleQuotedString(_) => self.string(),
            Token::Minus | Token::Number(..) => {
                let sign = if self.eat_token(&Token::Minus) { "-" } else { "" };
                let text = self.peek().to_string();
                self.parser.advance_token();
                Ok(format!("{sign}{text}"))
            }
            Token::Word(_) => self.word(),
            _ => self.unexpected("a value"),
        }
    }

    pub(super) fn close_angle(&mut self) -> Result<(), ParseError> {
        if self.half_open {
            self.half_open = false;
            return self.expect_token(&Token::ShiftRight);
        }
        match self.peek() {
            Token::Gt => self.expect_token(&Token::Gt),
            // Consumed by the type around this one.
            Token::ShiftRight => {
                self.half_open = true;
                Ok(())
            }
            _ => self.unexpected(">"),
        }
    }
}

pub fn check_identifier(text: &str, at: Location) -> Result<(), ParseError> {
    let fault = if text.is_empty() {
        "is empty"
    } else if text.len() > IDENTIFIER_BYTES_MAX {
        "is too long"
    } else if text.chars().any(char::is_control) {
        "has a control character"
    } else {
        return Ok(());
    };
    Err(ParseError::new(
        "INVALID_IDENTIFIER",
        "42602",
        format!("The identifier {:?} {fault}.", clip(text)),
        at,
    ))
}

/// Enough of a text for a message.
fn clip(text: &str) -> String {
    let mut out: String = text.chars().take(60).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

/// The parts of a name that the parser library read.
pub fn name_of(name: &ObjectName) -> Option<Name> {
    let parts = name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.clone()));
    parts.collect::<Option<Vec<_>>>().map(Name)
}
