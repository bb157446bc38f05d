//! SCIM filters (RFC 7644 §3.4.2.2) to SQL: comparisons joined by and, or, not, with parentheses.
//!
//! Values become parameters, attributes come from a fixed list: nothing of the text reaches the SQL.

use crate::principals::Kind;
use biplane_platform::db::Arg;
use biplane_platform::{ApiError, Result};

const BYTES_MAX: usize = 4096;
const DEPTH_MAX: usize = 16;

/// A condition on the table alias `p`, and its parameters, numbered from `first`.
#[derive(Debug)]
pub struct Condition {
    pub sql: String,
    pub args: Vec<Arg>,
}

pub fn parse(kind: Kind, text: &str, first: usize) -> Result<Condition> {
    if text.len() > BYTES_MAX {
        return Err(ApiError::invalid(format!("The filter is longer than {BYTES_MAX} bytes.")));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { kind, tokens, at: 0, args: Vec::new(), first };
    let sql = parser.or(0)?;
    match parser.peek() {
        None => Ok(Condition { sql, args: parser.args }),
        Some(_) => Err(wrong("something is left over at its end")),
    }
}

fn wrong(what: &str) -> ApiError {
    ApiError::invalid(format!("The filter is not valid: {what}."))
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Text(String),
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        match c {
            c if c.is_whitespace() => {
                chars.next();
            }
            '(' | ')' => {
                chars.next();
                tokens.push(if c == '(' { Token::Open } else { Token::Close });
            }
            '"' | '\'' => {
                chars.next();
                tokens.push(Token::Text(quoted(&mut chars, c)?));
            }
            _ => {
                let mut word = String::new();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"()\"'".contains(*c)) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, quote: char) -> Result<String> {
    let mut text = String::new();
    loop {
        match chars.next() {
            None => return Err(wrong("a quotation mark is missing")),
            Some('\\') => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(c) => text.push(c),
                None => return Err(wrong("a quotation mark is missing")),
            },
            Some(c) if c == quote => return Ok(text),
            Some(c) => text.push(c),
        }
    }
}

struct Parser {
    kind: Kind,
    tokens: Vec<Token>,
    at: usize,
    args: Vec<Arg>,
    first: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn word(&mut self, word: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self, depth: usize) -> Result<String> {
        let mut sql = self.and(depth)?;
        while self.word("or") {
            sql = format!("({sql} OR {})", self.and(depth)?);
        }
        Ok(sql)
    }

    fn and(&mut self, depth: usize) -> Result<String> {
        let mut sql = self.unit(depth)?;
        while self.word("and") {
            sql = format!("({sql} AND {})", self.unit(depth)?);
        }
        Ok(sql)
    }

    fn unit(&mut self, depth: usize) -> Result<String> {
        if depth > DEPTH_MAX {
            return Err(wrong("it is nested too deep"));
        }
        if self.word("not") {
            return Ok(format!("NOT {}", self.unit(depth + 1)?));
        }
        match self.next() {
            Some(Token::Open) => {
                let sql = self.or(depth + 1)?;
                match self.next() {
                    Some(Token::Close) => Ok(format!("({sql})")),
                    _ => Err(wrong("a parenthesis is not closed")),
                }
            }
            Some(Token::Word(attribute)) => self.comparison(&attribute),
            _ => Err(wrong("an attribute is missing")),
        }
    }

    fn comparison(&mut self, attribute: &str) -> Result<String> {
        let column = column(self.kind, attribute).ok_or_else(|| {
            wrong(&format!("the attribute {attribute:.64} cannot be filtered by"))
        })?;
        let Some(Token::Word(operator)) = self.next() else {
            return Err(wrong("an operator is missing"));
        };
        let operator = operator.to_ascii_lowercase();
        if operator == "pr" {
            return Ok(match column {
                Column::Text(sql) => format!("({sql} IS NOT NULL AND {sql} <> '')"),
                Column::Id | Column::Active | Column::Emails => "(1 = 1)".into(),
            });
        }
        let value = match self.next() {
            Some(Token::Text(text)) => text,
            Some(Token::Word(word)) => word,
            _ => return Err(wrong("a value is missing")),
        };
        match column {
            Column::Text(sql) => self.text(sql, &operator, &value.to_lowercase()),
            Column::Emails if operator == "eq" => {
                // The column is JSON text in which each address is a whole value.
                let address =
                    serde_json::to_string(&value.to_lowercase()).map_err(ApiError::internal)?;
                let pattern = format!("%\"value\":{}%", escaped(&address));
                Ok(format!("(lower(p.emails) LIKE {} ESCAPE '\\')", self.parameter(pattern.into())))
            }
            Column::Emails => Err(wrong("e-mail addresses are compared with eq")),
            Column::Id => {
                // No principal has an id that is not a number.
                let id = value.parse::<i64>().unwrap_or(0);
                self.number("p.principal_id", &operator, id)
            }
            Column::Active => {
                let active = match value.to_ascii_lowercase().as_str() {
                    "true" => 1,
                    "false" => 0,
                    _ => return Err(wrong("active is true or false")),
                };
                self.number("p.active", &operator, active)
            }
        }
    }

    fn parameter(&mut self, arg: Arg) -> String {
        self.args.push(arg);
        format!("${}", self.first + self.args.len() - 1)
    }

    fn number(&mut self, column: &str, operator: &str, value: i64) -> Result<String> {
        let operator = match operator {
            "eq" => "=",
            "ne" => "<>",
            _ => return Err(wrong("this attribute is compared with eq or ne")),
        };
        Ok(format!("({column} {operator} {})", self.parameter(value.into())))
    }

    fn text(&mut self, column: &str, operator: &str, value: &str) -> Result<String> {
        let escaped = escaped(value);
        let pattern = match operator {
            "eq" => return Ok(format!("({column} = {})", self.parameter(value.into()))),
            "ne" => {
                return Ok(format!(
                    "({column} IS NULL OR {column} <> {})",
                    self.parameter(value.into())
                ));
            }
            "co" => format!("%{escaped}%"),
            "sw" => format!("{escaped}%"),
            "ew" => format!("%{escaped}"),
            _ => return Err(wrong(&format!("the operator {operator:.16} is not known"))),
        };
        Ok(format!("({column} LIKE {} ESCAPE '\\')", self.parameter(pattern.into())))
    }
}

/// For LIKE … ESCAPE '\\'.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

enum Column {
    Emails,
    /// In lower case.
    Text(&'static str),
    Id,
    Active,
}

/// The attribute, also with its schema before it.
fn column(kind: Kind, attribute: &str) -> Option<Column> {
    let attribute = attribute.rsplit(':').next()?.to_ascii_lowercase();
    Some(match (kind, attribute.as_str()) {
        (Kind::User, "username") | (Kind::ServicePrincipal, "applicationid") => {
            Column::Text("p.name_key")
        }
        (_, "displayname") => Column::Text("p.display_key"),
        (_, "externalid") => Column::Text("lower(p.external_id)"),
        (Kind::User, "name.givenname") => Column::Text("lower(p.given_name)"),
        (Kind::User, "name.familyname") => Column::Text("lower(p.family_name)"),
        (Kind::User, "emails" | "emails.value") => Column::Emails,
        (_, "id") => Column::Id,
        (Kind::User | Kind::ServicePrincipal, "active") => Column::Active,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_sql_with_parameters() {
        let sql = |text: &str| parse(Kind::User, text, 3).unwrap().sql;
        assert_eq!(sql(r#"userName eq "A@x""#), "(p.name_key = $3)");
        assert_eq!(
            sql(r#"userName sw "a" and (displayName co "b" or not active eq true)"#),
            r"((p.name_key LIKE $3 ESCAPE '\') AND (((p.display_key LIKE $4 ESCAPE '\') OR NOT (p.active = $5))))"
        );
        assert_eq!(
            sql("urn:ietf:params:scim:schemas:core:2.0:User:userName pr"),
            "(p.name_key IS NOT NULL AND p.name_key <> '')"
        );
    }

    #[test]
    fn hostile_filters_are_refused() {
        let deep = "(".repeat(100);
        let long = format!("userName eq \"{}\"", "a".repeat(5000));
        for bad in [
            "",
            "userName",
            "userName eq",
            "userName like \"a\"",
            "userName eq \"a",
            "userName eq \"a\" and",
            "password eq \"x\"",
            "1=1; DROP TABLE principals",
            "userName eq \"a\") or (1 eq 1",
            "(userName eq \"a\"",
            "active gt \"x\"",
            "active eq maybe",
            &deep,
            &long,
        ] {
            assert!(parse(Kind::User, bad, 1).is_err(), "{bad}");
        }
    }
}
