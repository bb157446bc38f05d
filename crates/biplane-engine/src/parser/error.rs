//! What can be wrong with a statement's text, and where.

use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::Location;

/// The message has no class in front; whoever shows it puts `[class]` there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[{class}] {message}")]
pub struct ParseError {
    pub class: &'static str,
    pub sql_state: &'static str,
    pub message: String,
    /// 1-based; 0 = not known.
    pub line: u32,
    pub column: u32,
}

impl ParseError {
    pub fn syntax(message: impl Into<String>, at: Location) -> Self {
        Self::new("PARSE_SYNTAX_ERROR", "42601", message, at)
    }

    pub fn unsupported(what: impl std::fmt::Display, at: Location) -> Self {
        Self::new("UNSUPPORTED_FEATURE", "0A000", format!("{what} is not supported."), at)
    }

    pub fn new(
        class: &'static str,
        sql_state: &'static str,
        message: impl Into<String>,
        at: Location,
    ) -> Self {
        let clip = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let (line, column) = (clip(at.line), clip(at.column));
        Self { class, sql_state, message: message.into(), line, column }
    }
}

/// The parser library puts the position at the end of its text: `… at Line: 1, Column: 8`.
impl From<ParserError> for ParseError {
    fn from(error: ParserError) -> Self {
        let text = match error {
            ParserError::RecursionLimitExceeded => {
                return Self::syntax("The statement is nested too deeply.", Location::empty());
            }
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
        };
        let (text, at) = split_position(&text);
        let message = match text.rsplit_once(", found: ") {
            Some((_, "EOF")) => format!("Syntax error at or near end of input. {text}"),
            Some((_, found)) => format!("Syntax error at or near '{found}'. {text}"),
            None => format!("Syntax error. {text}"),
        };
        // What the grammar of Spark takes and its analyzer refuses.
        if text.contains("Expected: date/time field") {
            return Self::new("INVALID_EXTRACT_FIELD", "42601", message, at);
        }
        if text.ends_with("Expected: an expression, found: *") {
            return Self::new("INVALID_USAGE_OF_STAR_OR_REGEX", "42000", message, at);
        }
        Self::syntax(message, at)
    }
}

fn split_position(text: &str) -> (&str, Location) {
    let position = || {
        let (head, tail) = text.rsplit_once(" at Line: ")?;
        let (line, column) = tail.split_once(", Column: ")?;
        let at = Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? };
        Some((head, at))
    };
    position().unwrap_or((text, Location::empty()))
}
