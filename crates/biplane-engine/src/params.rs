//! Parameters of a statement, put in place of their markers as tokens of typed literals: a value can
//! never become SQL.

use biplane_proto::v1;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::SqlError;
use crate::parser::ParseError;

/// Tokens all parameters together may become.
const TOKENS_MAX: usize = 2_000_000;
const NESTING_MAX: usize = 16;

/// Replaces `:name`, ``:`name` `` and `?`. The tokens come without whitespace.
pub fn bind(
    tokens: Vec<TokenWithSpan>,
    parameters: &[v1::Parameter],
) -> Result<Vec<TokenWithSpan>, SqlError> {
    let is_marker = |token: &TokenWithSpan| {
        matches!(token.token, Token::Colon | Token::Placeholder(_) | Token::Question)
    };
    if !tokens.iter().any(is_marker) {
        return Ok(tokens);
    }
    let mut positional = parameters.iter().filter(|parameter| parameter.name.is_empty());
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let value = match &token.token {
            Token::Placeholder(mark) if mark == "?" => {
                Some(positional.next().ok_or_else(|| unbound("?", &token))?)
            }
            Token::Question => Some(positional.next().ok_or_else(|| unbound("?", &token))?),
            Token::Placeholder(mark) if mark.starts_with(':') => {
                Some(named(parameters, &mark[1..], &token)?)
            }
            Token::Colon if begins_marker(&token, out.last()) => match rest.peek() {
                Some(next) if next.span.start == token.span.end => {
                    let name = match &next.token {
                        Token::Word(word) => Some(word.value.clone()),
                        Token::Number(digits, false) => Some(digits.clone()),
                        _ => None,
                    };
                    match name {
                        Some(name) => {
                            rest.next();
                            Some(named(parameters, &name, &token)?)
                        }
                        None => None,
                    }
                }
                _ => None,
            },
            _ => None,
        };
        match value {
            Some(parameter) => {
                let mut literal = Vec::new();
                write(parameter, 0, &mut literal)?;
                out.extend(literal.into_iter().map(|new| TokenWithSpan::new(new, token.span)));
            }
            None => out.push(token),
        }
        if out.len() > TOKENS_MAX {
            return Err(SqlError::exhausted("the parameters of the statement are too large"));
        }
    }
    Ok(out)
}

/// A colon right behind a name or bracket is a path into a value (`payload:field`), not a marker.
fn begins_marker(colon: &TokenWithSpan, before: Option<&TokenWithSpan>) -> bool {
    let Some(before) = before else { return true };
    if before.span.end != colon.span.start {
        return true;
    }
    !matches!(
        &before.token,
        Token::Word(_) | Token::RParen | Token::RBracket | Token::SingleQuotedString(_)
    )
}

fn unbound(marker: &str, token: &TokenWithSpan) -> SqlError {
    SqlError::unbound_parameter(marker).at(token.span.start.line, token.span.start.column)
}

fn named<'a>(
    parameters: &'a [v1::Parameter],
    name: &str,
    token: &TokenWithSpan,
) -> Result<&'a v1::Parameter, SqlError> {
    let exact = parameters.iter().find(|parameter| parameter.name == name);
    let found = exact
        .or_else(|| parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name)));
    found.filter(|parameter| !parameter.name.is_empty()).ok_or_else(|| unbound(name, token))
}

fn word(text: &str) -> Token {
    Token::make_word(text, None)
}

fn text(value: &str) -> Token {
    Token::SingleQuotedString(value.to_owned())
}

fn write(parameter: &v1::Parameter, depth: usize, out: &mut Vec<Token>) -> Result<(), SqlError> {
    let given = parameter.r#type.trim();
    let upper = given.to_ascii_uppercase();
    let base = upper.split(['(', '<', ' ']).next().unwrap_or_default();
    let invalid = || {
        SqlError::invalid_parameter(format!(
            "the type of the parameter is not known: {}",
            clip(given)
        ))
    };
    match base {
        "ARRAY" | "MAP" if depth < NESTING_MAX => return nested(parameter, base, depth, out),
        "ARRAY" | "MAP" => return Err(invalid()),
        "VOID" | "NULL" => {
            out.push(word("NULL"));
            return Ok(());
        }
        _ => {}
    }
    let Some(value) = &parameter.value else {
        return cast([word("NULL")], type_tokens(&upper).ok_or_else(invalid)?, out);
    };
    match base {
        "" | "STRING" | "VARCHAR" | "CHAR" => out.push(text(value)),
        "INT" | "INTEGER" if is_plain_integer(value) => number(value, out),
        "INTERVAL" => interval(&upper, value, out)?,
        "DECIMAL" | "DEC" | "NUMERIC" if !upper.contains('(') && is_plain_decimal(value) => {
            number(value, out);
        }
        _ => cast([text(value.trim())], type_tokens(&upper).ok_or_else(invalid)?, out)?,
    }
    Ok(())
}

fn cast<const N: usize>(
    value: [Token; N],
    target: Vec<Token>,
    out: &mut Vec<Token>,
) -> Result<(), SqlError> {
    out.extend([word("CAST"), Token::LParen]);
    out.extend(value);
    out.push(word("AS"));
    out.extend(target);
    out.push(Token::RParen);
    Ok(())
}

fn is_plain_integer(value: &str) -> bool {
    value.trim().parse::<i32>().is_ok()
}

fn is_plain_decimal(value: &str) -> bool {
    let digits = value.trim().strip_prefix('-').unwrap_or(value.trim());
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits.len() <= 39 && all_digits(whole) && all_digits(fraction)
}

fn number(value: &str, out: &mut Vec<Token>) {
    let value = value.trim().trim_start_matches('+');
    match value.strip_prefix('-') {
        Some(digits) => {
            let number = Token::Number(digits.to_owned(), false);
            out.extend([Token::LParen, Token::Minus, number, Token::RParen]);
        }
        None => out.push(Token::Number(value.to_owned(), false)),
    }
}

/// The tokens of a scalar type; None when it is not one of ours.
fn type_tokens(upper: &str) -> Option<Vec<Token>> {
    let (name, arguments) = match upper.split_once('(') {
        Some((name, rest)) => (name.trim(), Some(rest.strip_suffix(')')?)),
        None => (upper, None),
    };
    let name = match name {
        "" | "STRING" | "VARCHAR" | "CHAR" => return Some(vec![word("STRING")]),
        "INT" | "INTEGER" => "INT",
        "BIGINT" | "LONG" => "BIGINT",
        "SMALLINT" | "SHORT" => "SMALLINT",
        "TINYINT" | "BYTE" => "TINYINT",
        "FLOAT" | "REAL" => "FLOAT",
        "DOUBLE" => "DOUBLE",
        "BOOLEAN" => "BOOLEAN",
        "DATE" => "DATE",
        "TIMESTAMP" | "TIMESTAMP_LTZ" => "TIMESTAMP",
        "TIMESTAMP_NTZ" => "TIMESTAMP_NTZ",
        "BINARY" => "BINARY",
        "DECIMAL" | "DEC" | "NUMERIC" => "DECIMAL",
        _ => return None,
    };
    let mut out = vec![word(name)];
    if let Some(arguments) = arguments.filter(|_| name == "DECIMAL") {
        out.push(Token::LParen);
        for (index, argument) in arguments.split(',').enumerate() {
            if index > 0 {
                out.push(Token::Comma);
            }
            out.push(Token::Number(argument.trim().parse::<u8>().ok()?.to_string(), false));
        }
        out.push(Token::RParen);
    }
    Some(out)
}

/// `INTERVAL DAY TO SECOND` and the like: `INTERVAL '1 02:03:04' DAY TO SECOND` or one unit.
fn interval(upper: &str, value: &str, out: &mut Vec<Token>) -> Result<(), SqlError> {
    const UNITS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
    let words: Vec<&str> = upper.split_whitespace().skip(1).collect();
    let known = words.iter().all(|part| UNITS.contains(part) || *part == "TO");
    if words.is_empty() || !known || words.len() > 3 {
        return Err(SqlError::unsupported("a parameter of this interval type"));
    }
    out.extend([word("INTERVAL"), text(value)]);
    out.extend(words.into_iter().map(word));
    Ok(())
}

fn nested(
    parameter: &v1::Parameter,
    base: &str,
    depth: usize,
    out: &mut Vec<Token>,
) -> Result<(), SqlError> {
    if parameter.arguments.is_empty() && parameter.value.is_none() && base == "MAP" {
        out.push(word("NULL"));
        return Ok(());
    }
    if parameter.value.is_some() {
        return Err(SqlError::invalid_parameter(
            "an ARRAY or MAP parameter takes arguments, not a value",
        ));
    }
    // `array(…)` and `map(k, v, …)`.
    out.extend([word(if base == "MAP" { "map" } else { "array" }), Token::LParen]);
    for (index, argument) in parameter.arguments.iter().enumerate() {
        if index > 0 {
            out.push(Token::Comma);
        }
        write(argument, depth + 1, out)?;
    }
    out.push(Token::RParen);
    Ok(())
}

fn clip(value: &str) -> String {
    value.chars().take(60).collect()
}

impl From<SqlError> for ParseError {
    fn from(error: SqlError) -> Self {
        let class = match error.class.as_str() {
            "UNBOUND_SQL_PARAMETER" => "UNBOUND_SQL_PARAMETER",
            "RESOURCE_EXHAUSTED" => "RESOURCE_EXHAUSTED",
            "UNSUPPORTED_FEATURE" => "UNSUPPORTED_FEATURE",
            _ => "INVALID_PARAMETER_VALUE",
        };
        let sql_state = match class {
            "UNBOUND_SQL_PARAMETER" => "42P02",
            "RESOURCE_EXHAUSTED" => "53200",
            "UNSUPPORTED_FEATURE" => "0A000",
            _ => "22023",
        };
        let (line, column) = (error.line, error.column);
        ParseError { class, sql_state, message: error.message, line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::DIALECT;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    fn bound(sql: &str, parameters: &[v1::Parameter]) -> Result<String, SqlError> {
        let tokens = Tokenizer::new(&DIALECT, sql).tokenize_with_location().unwrap();
        let tokens =
            tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
        let out = bind(tokens, parameters)?;
        Ok(out.iter().map(|t| t.token.to_string()).collect::<Vec<_>>().join(" "))
    }

    fn parameter(name: &str, sql_type: &str, value: Option<&str>) -> v1::Parameter {
        v1::Parameter {
            name: name.into(),
            r#type: sql_type.into(),
            value: value.map(Into::into),
            arguments: vec![],
        }
    }

    #[test]
    fn markers_become_typed_literals() {
        let given = [
            parameter("p", "STRING", Some("x' OR 1=1 --")),
            parameter("n", "INTEGER", Some("-5")),
            parameter("d", "DECIMAL(10,2)", Some("1.50")),
            parameter("", "BIGINT", Some("7")),
            parameter("", "VOID", None),
        ];
        assert_eq!(bound("SELECT :p", &given).unwrap(), "SELECT 'x' OR 1=1 --'");
        assert_eq!(bound("SELECT a=:`n`", &given).unwrap(), "SELECT a = ( - 5 )");
        assert_eq!(
            bound("SELECT :d", &given).unwrap(),
            "SELECT CAST ( '1.50' AS DECIMAL ( 10 , 2 ) )"
        );
        assert_eq!(
            bound("VALUES (?, ?)", &given).unwrap(),
            "VALUES ( CAST ( '7' AS BIGINT ) , NULL )"
        );
    }

    #[test]
    fn paths_and_casts_are_no_markers() {
        assert_eq!(bound("SELECT c:field, x::int", &[]).unwrap(), "SELECT c : field , x :: int");
        let error = bound("SELECT :q", &[]).unwrap_err();
        assert_eq!(
            (error.class.as_str(), error.line, error.column),
            ("UNBOUND_SQL_PARAMETER", 1, 8)
        );
        assert_eq!(bound("SELECT ?", &[]).unwrap_err().class, "UNBOUND_SQL_PARAMETER");
    }

    #[test]
    fn hostile_types_are_refused() {
        for sql_type in ["INT); DROP TABLE t --", "DECIMAL(10,2);", "x", "DECIMAL(1,2,"] {
            assert!(bound("SELECT :p", &[parameter("p", sql_type, Some("1"))]).is_err());
        }
        let array = v1::Parameter {
            arguments: vec![parameter("", "INT", Some("1")), parameter("", "INT", Some("2"))],
            ..parameter("a", "ARRAY<INT>", None)
        };
        assert_eq!(bound("SELECT :a", &[array]).unwrap(), "SELECT array ( 1 , 2 )");
    }
}
