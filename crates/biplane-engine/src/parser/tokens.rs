//! From text to tokens: limits on size and shape, literals in one form, `IDENTIFIER(…)` resolved.
//!
//! What passes here cannot make the recursive parser, or the dropping of its tree, run out of stack.

use super::dialect::DIALECT;
use super::error::ParseError;
use biplane_proto::v1;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{
    Location, Token, TokenWithSpan, Tokenizer, TokenizerError, Word,
};

/// Bytes of one statement.
pub const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// Open brackets of any kind.
const BRACKET_DEPTH_MAX: usize = 100;
/// Operators in one chain, `a + a + …`: each is one level of the tree.
const CHAIN_LENGTH_MAX: usize = 2_000;
/// Joins, set operations, generators and pivots of one query block: each is one level of the plan.
const JOIN_COUNT_MAX: usize = 300;

pub fn tokenize(
    sql: &str,
    parameters: Option<&[v1::Parameter]>,
) -> Result<Vec<TokenWithSpan>, ParseError> {
    if sql.len() > STATEMENT_BYTES_MAX {
        return Err(ParseError::new(
            "STATEMENT_TOO_LARGE",
            "54000",
            format!("The statement is longer than {STATEMENT_BYTES_MAX} bytes."),
            Location::empty(),
        ));
    }
    let tokens = Tokenizer::new(&DIALECT, sql).tokenize_with_location().map_err(unreadable)?;
    let tokens: Vec<_> =
        tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    let tokens = match parameters {
        Some(parameters) => crate::params::bind(tokens, parameters)?,
        None => tokens,
    };
    let tokens = super::numbers::typed(tokens)?;
    check_shape(&tokens)?;
    let tokens = literals(tokens, &Lines::new(sql));
    let tokens = super::forms::plain(identifiers(super::numbers::intervals(tokens))?);
    let tokens = super::pipes::plain(tokens)?;
    check_shape(&tokens)?;
    Ok(tokens)
}

fn unreadable(error: TokenizerError) -> ParseError {
    ParseError::syntax(format!("Syntax error. {}.", error.message), error.location)
}

/// Where each line starts, to come from a position back to the text.
pub struct Lines<'a> {
    sql: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn new(sql: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(sql.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1))
            .collect();
        Self { sql, starts }
    }

    fn offset(&self, at: Location) -> usize {
        let line = usize::try_from(at.line).unwrap_or(0).saturating_sub(1);
        let Some(&start) = self.starts.get(line) else { return self.sql.len() };
        let column = usize::try_from(at.column).unwrap_or(0).saturating_sub(1);
        let rest = self.sql.get(start..).unwrap_or_default();
        rest.char_indices().nth(column).map_or(self.sql.len(), |(at, _)| start + at)
    }

    pub fn slice(&self, from: Location, to: Location) -> &'a str {
        self.sql.get(self.offset(from)..self.offset(to)).unwrap_or_default().trim()
    }
}

/// One open bracket: how many operators and joins stand directly in it.
#[derive(Default)]
struct Level {
    chain: usize,
    joins: usize,
}

fn check_shape(tokens: &[TokenWithSpan]) -> Result<(), ParseError> {
    let too_deep =
        |at| ParseError::syntax("The statement is nested too deeply or a chain is too long.", at);
    let mut levels = vec![Level::default()];
    let mut cases = 0_usize;
    for token in tokens {
        let at = token.span.start;
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => levels.push(Level::default()),
            Token::RParen | Token::RBracket | Token::RBrace => {
                levels.pop();
            }
            Token::Comma => {
                if let Some(level) = levels.last_mut() {
                    level.chain = 0;
                }
            }
            Token::Word(w) => match w.keyword {
                Keyword::CASE => cases += 1,
                Keyword::END => cases = cases.saturating_sub(1),
                Keyword::JOIN
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::MINUS
                | Keyword::LATERAL
                | Keyword::PIVOT
                | Keyword::UNPIVOT => {
                    if let Some(level) = levels.last_mut() {
                        level.joins += 1;
                    }
                }
                Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::IS | Keyword::EXPLAIN => {
                    count_operator(&mut levels);
                }
                _ => {}
            },
            other if is_operator(other) => count_operator(&mut levels),
            _ => {}
        }
        let deep = levels.len() + cases > BRACKET_DEPTH_MAX;
        let long =
            levels.last().is_some_and(|l| l.chain > CHAIN_LENGTH_MAX || l.joins > JOIN_COUNT_MAX);
        if deep || long {
            return Err(too_deep(at));
        }
    }
    Ok(())
}

fn count_operator(levels: &mut [Level]) {
    if let Some(level) = levels.last_mut() {
        level.chain += 1;
    }
}

fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::HexStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::Placeholder(_)
            | Token::Period
            | Token::SemiColon
            | Token::EOF
    )
}

/// `"x"` is a string like `'x'`; `r'\d'` is taken as it stands.
fn literals(tokens: Vec<TokenWithSpan>, lines: &Lines<'_>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for mut token in tokens {
        if let Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) = &token.token {
            let mut text = text.clone();
            let raw = out.last().is_some_and(|t| is_raw_prefix(t, &token));
            if !raw {
                let quoted = lines.slice(token.span.start, token.span.end);
                if let Some(read) = escaped(quoted) {
                    text = read;
                }
            }
            if raw {
                out.pop();
                let quoted = lines.slice(token.span.start, token.span.end);
                let inner = quoted.get(1..quoted.len().saturating_sub(1));
                text = inner.unwrap_or_default().to_owned();
            }
            let prefix = out.last().filter(|_| !raw).and_then(typed_prefix);
            token.token = match prefix {
                Some("x") if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                    out.pop();
                    // An odd digit stands alone in the first byte.
                    let zero = if text.len() % 2 == 1 { "0" } else { "" };
                    Token::HexStringLiteral(format!("{zero}{text}"))
                }
                Some("timestamp_ltz") => {
                    if let Some(word) = out.last_mut() {
                        word.token = Token::make_word("TIMESTAMP", None);
                    }
                    Token::SingleQuotedString(text)
                }
                _ => Token::SingleQuotedString(text),
            };
        } else if let Token::HexStringLiteral(text) = &token.token
            && text.len() % 2 == 1
        {
            token.token = Token::HexStringLiteral(format!("0{text}"));
        }
        out.push(token);
    }
    out
}

/// What the parser library does not read of a literal: `\u00e9`, `\U0001F600`, and the three digits of `\101`.
/// None: there is nothing of these in it.
fn escaped(quoted: &str) -> Option<String> {
    let quote = quoted.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    let has_code = inner.as_bytes().windows(2).any(|pair| {
        pair[0] == b'\\' && (matches!(pair[1], b'u' | b'U') || (b'0'..=b'3').contains(&pair[1]))
    });
    // Several literals in a row are one by then; those are left as they are.
    if !has_code || !quoted.ends_with(quote) || is_several(inner, quote) {
        return None;
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(letter) = rest.chars().next() {
        let tail = &rest[letter.len_utf8()..];
        if letter == quote {
            // A doubled quote is one.
            out.push(quote);
            rest = tail.strip_prefix(quote).unwrap_or(tail);
            continue;
        }
        if letter != '\\' {
            out.push(letter);
            rest = tail;
            continue;
        }
        let (found, used) = code(tail);
        match found {
            Some(found) => {
                out.push(found);
                rest = &tail[used..];
            }
            None => {
                let next = tail.chars().next()?;
                match next {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    'b' => out.push('\u{8}'),
                    '0' => out.push('\0'),
                    'Z' => out.push('\u{1a}'),
                    '%' | '_' => out.extend(['\\', next]),
                    other => out.push(other),
                }
                rest = &tail[next.len_utf8()..];
            }
        }
    }
    Some(out)
}

fn is_several(inner: &str, quote: char) -> bool {
    let mut letters = inner.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote && letters.next_if_eq(&quote).is_none() {
            return true;
        }
    }
    false
}

/// The letter that a code behind a backslash stands for, and how long the code is.
fn code(tail: &str) -> (Option<char>, usize) {
    let hex = |digits: usize| {
        let text = tail.get(1..=digits)?;
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u32::from_str_radix(text, 16).ok()).flatten().and_then(char::from_u32)
    };
    match tail.as_bytes().first() {
        Some(b'u') => (hex(4), 5),
        Some(b'U') => (hex(8), 9),
        Some(b'0'..=b'3') => {
            let octal =
                tail.get(..3).filter(|text| text.bytes().all(|b| (b'0'..=b'7').contains(&b)));
            (octal.and_then(|text| u8::from_str_radix(text, 8).ok()).map(char::from), 3)
        }
        _ => (None, 0),
    }
}

/// The words that make a literal of the text behind them.
fn typed_prefix(before: &TokenWithSpan) -> Option<&'static str> {
    let Token::Word(word) = &before.token else { return None };
    let known = ["x", "timestamp_ltz"].into_iter();
    let mut known = known.filter(|known| word.value.eq_ignore_ascii_case(known));
    known.next().filter(|_| word.quote_style.is_none())
}

fn is_raw_prefix(before: &TokenWithSpan, literal: &TokenWithSpan) -> bool {
    matches!(&before.token, Token::Word(w)
        if w.quote_style.is_none() && w.value.eq_ignore_ascii_case("r"))
        && before.span.end == literal.span.start
}

/// `IDENTIFIER('a.b' || '.c')` becomes the name it spells.
fn identifiers(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, ParseError> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((first, tail)) = rest.split_first() {
        match is_identifier_word(first).then(|| constant_argument(tail)).flatten() {
            Some((text, used)) => {
                name_tokens(&text, first, &mut out)?;
                rest = tail.get(used..).unwrap_or_default();
            }
            None => {
                out.push(first.clone());
                rest = tail;
            }
        }
    }
    Ok(out)
}

fn is_identifier_word(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(w)
        if w.quote_style.is_none() && w.value.eq_ignore_ascii_case("identifier"))
}

/// The text of `('a' || 'b')` and how many tokens it takes.
fn constant_argument(tokens: &[TokenWithSpan]) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut used = 0;
    let mut next = || {
        used += 1;
        tokens.get(used - 1).map(|t| &t.token)
    };
    if next() != Some(&Token::LParen) {
        return None;
    }
    loop {
        match next()? {
            Token::SingleQuotedString(part) => text.push_str(part),
            _ => return None,
        }
        match next()? {
            Token::RParen => return Some((text, used)),
            Token::StringConcat => {}
            _ => return None,
        }
    }
}

fn name_tokens(
    text: &str,
    origin: &TokenWithSpan,
    out: &mut Vec<TokenWithSpan>,
) -> Result<(), ParseError> {
    let invalid = || {
        ParseError::new(
            "IDENTIFIER_INVALID",
            "42602",
            format!("IDENTIFIER needs a name, not {text:?}."),
            origin.span.start,
        )
    };
    let inner = Tokenizer::new(&DIALECT, text).tokenize().map_err(|_| invalid())?;
    for (index, token) in inner.into_iter().enumerate() {
        let fits = match &token {
            Token::Word(_) => index % 2 == 0,
            Token::Period => index % 2 == 1,
            _ => false,
        };
        if !fits {
            return Err(invalid());
        }
        let token = match token {
            Token::Word(w) => Token::Word(Word {
                value: w.value,
                quote_style: Some('`'),
                keyword: Keyword::NoKeyword,
            }),
            other => other,
        };
        out.push(TokenWithSpan::new(token, origin.span));
    }
    match out.last() {
        Some(t) if matches!(t.token, Token::Word(_)) => Ok(()),
        _ => Err(invalid()),
    }
}
