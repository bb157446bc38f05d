//! Spellings of Spark that the parser library does not know, brought token by token into one that it knows:
//! `VALUES 1, 2`, `TABLE t`, `CAST(x AS INTERVAL DAY)`, `OVER (DISTRIBUTE BY … SORT BY …)`, `LATERAL VIEW f(x) t`.

use datafusion::sql::sqlparser::keywords::RESERVED_FOR_TABLE_ALIAS;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::numbers::UNITS;

/// The column of a LATERAL VIEW that names none.
pub const UNNAMED_COLUMNS: &str = "\u{1}columns";
/// The column that says how many levels a recursion may have.
pub const LEVELS: &str = "\u{1}levels";
/// `STREAM t` as a function.
pub const STREAM: &str = "stream";
/// How a type `INTERVAL DAY TO SECOND` begins as one word.
pub const INTERVAL_TYPE: &str = "interval_of_";

/// How a type `STRING COLLATE name` begins as one word.
pub const COLLATED_TYPE: &str = "collated_by_";

/// How far the `<` of a type may be from a comma in it.
const TYPE_TOKENS_MAX: usize = 100;

const SET_WORDS: [&str; 6] = ["UNION", "EXCEPT", "INTERSECT", "MINUS", "ALL", "DISTINCT"];
/// What may stand behind the rows of VALUES, a name for them aside.
const BEHIND_VIEW: [&str; 14] = [
    "LATERAL",
    "WHERE",
    "GROUP",
    "HAVING",
    "QUALIFY",
    "WINDOW",
    "ORDER",
    "SORT",
    "CLUSTER",
    "DISTRIBUTE",
    "LIMIT",
    "OFFSET",
    "UNION",
    "PIVOT",
];

type Tokens = Vec<TokenWithSpan>;

pub fn plain(tokens: Tokens) -> Tokens {
    let tokens = types(tokens);
    let tokens = windows(tokens);
    let tokens = levels(views(tokens));
    structs_of_stars(streams(tables(values(tokens))))
}

fn is_word(token: Option<&TokenWithSpan>, word: &str) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(w))
        if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

fn is_one_of(token: Option<&TokenWithSpan>, words: &[&str]) -> bool {
    words.iter().any(|word| is_word(token, word))
}

fn like(token: &TokenWithSpan, new: Token) -> TokenWithSpan {
    TokenWithSpan::new(new, token.span)
}

fn word(token: &TokenWithSpan, text: &str) -> TokenWithSpan {
    like(token, Token::make_word(text, None))
}

fn unit(token: Option<&TokenWithSpan>) -> Option<String> {
    let Some(Token::Word(found)) = token.map(|token| &token.token) else { return None };
    let upper = found.value.to_ascii_uppercase();
    let is_unit = found.quote_style.is_none() && UNITS.contains(&upper.as_str());
    is_unit.then(|| upper.trim_end_matches('S').to_lowercase())
}

/// Whether a type stands behind it: `ARRAY<`, `MAP<STRING,`, `STRUCT<a:`.
fn is_in_type(tokens: &[TokenWithSpan]) -> bool {
    match tokens.last().map(|token| &token.token) {
        Some(Token::Lt | Token::Colon) => true,
        Some(Token::Comma) => {
            let opens = |pair: &[TokenWithSpan]| {
                is_one_of(pair.first(), &["MAP", "STRUCT"]) && pair[1].token == Token::Lt
            };
            // A type that is a longer text than this is none that anybody writes.
            let from = tokens.len().saturating_sub(TYPE_TOKENS_MAX);
            let nearest = tokens[from..].iter().rposition(|token| token.token == Token::Lt);
            let nearest = nearest.map(|at| from + at);
            nearest.is_some_and(|at| at > 0 && tokens.get(at - 1..=at).is_some_and(opens))
                && !is_one_of(tokens.get(nearest.unwrap_or(0) + 1), &["SELECT"])
        }
        _ => false,
    }
}

/// A name of one or several parts, and the place behind it.
fn dotted(tokens: &[TokenWithSpan], mut at: usize) -> Option<(String, usize)> {
    let part = |at: usize| match tokens.get(at).map(|token| &token.token) {
        Some(Token::Word(word)) => Some(word.value.clone()),
        _ => None,
    };
    let mut name = part(at)?;
    at += 1;
    while tokens.get(at).is_some_and(|token| token.token == Token::Period) {
        name = format!("{name}.{}", part(at + 1)?);
        at += 2;
    }
    Some((name, at))
}

/// `AS INTERVAL DAY TO SECOND` and `::INTERVAL DAY` have the type in one word.
fn types(tokens: Tokens) -> Tokens {
    let mut out = Tokens::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let follows_type =
            matches!(out.last().map(|t: &TokenWithSpan| &t.token), Some(Token::DoubleColon))
                || is_word(out.last(), "AS");
        let is_type = follows_type || is_in_type(&out);
        if is_type
            && is_word(Some(token), "STRING")
            && is_word(tokens.get(at), "COLLATE")
            && let Some((name, behind)) = dotted(&tokens, at + 1)
        {
            let name = Token::make_word(&format!("{COLLATED_TYPE}{name}"), Some('`'));
            out.push(like(token, name));
            at = behind;
            continue;
        }
        if !follows_type || !is_word(Some(token), "INTERVAL") {
            out.push(token.clone());
            continue;
        }
        let Some(first) = unit(tokens.get(at)) else {
            out.push(token.clone());
            continue;
        };
        at += 1;
        let mut name = format!("{INTERVAL_TYPE}{first}");
        if is_word(tokens.get(at), "TO")
            && let Some(last) = unit(tokens.get(at + 1))
        {
            name.push_str(&format!("_to_{last}"));
            at += 2;
        }
        out.push(word(token, &name));
    }
    out
}

/// `OVER (DISTRIBUTE BY a SORT BY b)` is `OVER (PARTITION BY a ORDER BY b)`.
fn windows(mut tokens: Tokens) -> Tokens {
    let mut at = 0;
    while at + 1 < tokens.len() {
        if !is_word(tokens.get(at), "OVER") || tokens[at + 1].token != Token::LParen {
            at += 1;
            continue;
        }
        let (mut depth, mut inner) = (0_usize, at + 1);
        while let Some(token) = tokens.get(inner) {
            match &token.token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 1 => break,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 1 && is_word(tokens.get(inner + 1), "BY") {
                let new = if is_one_of(tokens.get(inner), &["DISTRIBUTE"]) {
                    Some("PARTITION")
                } else if is_word(tokens.get(inner), "SORT") {
                    Some("ORDER")
                } else {
                    None
                };
                if let Some(new) = new {
                    tokens[inner] = word(&tokens[inner], new);
                }
            }
            inner += 1;
        }
        at += 2;
    }
    tokens
}

/// The place behind the bracket that closes the one at `open`.
fn behind(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The parser knows `struct(…)` of its own, without stars: with one it is a function as any other.
fn structs_of_stars(mut tokens: Tokens) -> Tokens {
    for at in 0..tokens.len() {
        let opens = tokens.get(at + 1).is_some_and(|token| token.token == Token::LParen);
        if !opens || !is_word(tokens.get(at), "STRUCT") {
            continue;
        }
        let end = behind(&tokens, at + 1).unwrap_or(tokens.len());
        let has_star = tokens[at..end].windows(3).any(|three| {
            matches!(three[0].token, Token::LParen | Token::Comma | Token::Period)
                && three[1].token == Token::Mul
                && matches!(three[2].token, Token::RParen | Token::Comma)
        });
        if has_star {
            tokens[at] = like(&tokens[at], Token::make_word("struct", Some('`')));
        }
    }
    tokens
}

/// `STREAM t` is `STREAM(t)`, and `STREAM read_files(…)` is `STREAM(read_files(…))`.
fn streams(tokens: Tokens) -> Tokens {
    if !tokens.iter().any(|token| is_word(Some(token), "STREAM")) {
        return tokens;
    }
    let mut out = Tokens::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let begins = is_one_of(out.last(), &["FROM", "JOIN"]) && is_word(Some(token), "STREAM");
        out.push(token.clone());
        let Some(end) = behind_name(&tokens, at).filter(|_| begins) else { continue };
        out.push(like(token, Token::LParen));
        let inner = &tokens[at..end];
        out.extend_from_slice(inner);
        // The text of a query ends where its last token does.
        out.extend(inner.last().map(|last| like(last, Token::RParen)));
        at = end;
    }
    out
}

/// The place behind a name, and behind its arguments if it has some. None: `STREAM` is a table itself.
fn behind_name(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    let is_name = |at: usize| match tokens.get(at).map(|token| &token.token) {
        Some(Token::Word(word)) => {
            word.quote_style.is_some() || !RESERVED_FOR_TABLE_ALIAS.contains(&word.keyword)
        }
        _ => false,
    };
    let mut at = from;
    while is_name(at) {
        at += 1;
        match tokens.get(at).map(|token| &token.token) {
            Some(Token::Period) => at += 1,
            Some(Token::LParen) => return behind(tokens, at),
            _ => return Some(at),
        }
    }
    None
}

/// `WITH RECURSIVE t(n) MAX RECURSION LEVEL 5 AS (…)` has the level as a column more.
fn levels(tokens: Tokens) -> Tokens {
    let mut out = Tokens::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let is_level = is_word(Some(token), "MAX")
            && is_word(tokens.get(at), "RECURSION")
            && is_word(tokens.get(at + 1), "LEVEL");
        let level = match tokens.get(at + 2).map(|token| &token.token) {
            Some(Token::Number(digits, false)) if is_level => digits,
            _ => {
                out.push(token.clone());
                continue;
            }
        };
        at += 3;
        let column = Token::make_word(&format!("{LEVELS}{level}"), Some('`'));
        let opens = match out.last().map(|token| &token.token) {
            Some(Token::RParen) => {
                out.pop();
                Token::Comma
            }
            _ => Token::LParen,
        };
        out.extend([like(token, opens), like(token, column), like(token, Token::RParen)]);
    }
    out
}

/// `LATERAL VIEW explode(x) t` names no columns.
fn views(tokens: Tokens) -> Tokens {
    let mut out = Tokens::with_capacity(tokens.len());
    let mut pending: Vec<usize> = Vec::new();
    for at in 0..tokens.len() {
        if is_word(tokens.get(at), "LATERAL") && is_word(tokens.get(at + 1), "VIEW") {
            let name = at + 2 + usize::from(is_word(tokens.get(at + 2), "OUTER"));
            let closed = match tokens.get(name + 1).map(|token| &token.token) {
                Some(Token::LParen) => behind(&tokens, name + 1),
                _ => None,
            };
            if let Some(alias) = closed
                && matches!(tokens.get(alias).map(|token| &token.token), Some(Token::Word(_)))
                && !is_word(tokens.get(alias), "AS")
                && !is_one_of(tokens.get(alias), &BEHIND_VIEW)
            {
                let next = tokens.get(alias + 1);
                let ends = match next.map(|token| &token.token) {
                    None | Some(Token::RParen | Token::SemiColon) => true,
                    Some(Token::VerticalBarRightAngleBracket) => true,
                    Some(_) => is_one_of(next, &BEHIND_VIEW),
                };
                if ends {
                    pending.push(alias);
                }
            }
        }
        out.push(tokens[at].clone());
        if pending.contains(&at) {
            out.push(word(&tokens[at], "AS"));
            out.push(like(&tokens[at], Token::make_word(UNNAMED_COLUMNS, Some('`'))));
        }
    }
    out
}

fn is_literal(token: Option<&TokenWithSpan>) -> bool {
    matches!(
        token.map(|token| &token.token),
        Some(Token::Number(..) | Token::SingleQuotedString(_) | Token::Minus)
    ) || is_one_of(token, &["NULL", "TRUE", "FALSE", "CAST", "DATE", "TIMESTAMP", "INTERVAL"])
}

fn begins(tokens: &[TokenWithSpan], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|index| tokens.get(index));
    match before.map(|token| &token.token) {
        None | Some(Token::LParen | Token::SemiColon | Token::Comma) => true,
        _ => is_one_of(before, &["FROM", "JOIN", "AS"]) || is_one_of(before, &SET_WORDS),
    }
}

/// `VALUES 1, 2` is `VALUES (1), (2)`.
fn values(tokens: Tokens) -> Tokens {
    let mut out = Tokens::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        out.push(token.clone());
        at += 1;
        if !is_word(Some(token), "VALUES")
            || !begins(&tokens, at - 1)
            || !is_literal(tokens.get(at))
        {
            continue;
        }
        loop {
            let end = row(&tokens, at);
            out.push(like(token, Token::LParen));
            out.extend_from_slice(&tokens[at..end]);
            out.push(like(token, Token::RParen));
            at = end;
            if tokens.get(at).is_none_or(|token| token.token != Token::Comma)
                || !is_literal(tokens.get(at + 1))
            {
                break;
            }
            out.push(tokens[at].clone());
            at += 1;
        }
    }
    out
}

/// Where the expression that begins here ends: before a comma, a bracket that it did not open, or a word behind a
/// value.
fn row(tokens: &[TokenWithSpan], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut is_whole = false;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return at,
            Token::RParen => depth -= 1,
            Token::Comma | Token::SemiColon | Token::VerticalBarRightAngleBracket if depth == 0 => {
                return at;
            }
            Token::Word(_) if depth == 0 && is_whole => return at,
            _ => {}
        }
        let is_value = matches!(
            &token.token,
            Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen
        );
        is_whole = depth == 0 && (is_value || is_one_of(Some(token), &["NULL", "TRUE", "FALSE"]));
        // `INTERVAL '1' DAY`
        if is_whole && unit(tokens.get(at + 1)).is_some() {
            is_whole = false;
        }
    }
    tokens.len()
}

/// `TABLE t` is `SELECT * FROM t` where a query may begin.
fn tables(tokens: Tokens) -> Tokens {
    let mut out = Tokens::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|index| tokens.get(index));
        let begins_query = match before.map(|token| &token.token) {
            None | Some(Token::LParen | Token::SemiColon) => true,
            _ => {
                is_one_of(before, &SET_WORDS[..4])
                    || (is_one_of(before, &SET_WORDS[4..])
                        && is_one_of(
                            at.checked_sub(2).and_then(|back| tokens.get(back)),
                            &SET_WORDS[..4],
                        ))
            }
        };
        let names = matches!(tokens.get(at + 1).map(|token| &token.token), Some(Token::Word(_)));
        if begins_query && names && is_word(Some(token), "TABLE") {
            out.extend([word(token, "SELECT"), like(token, Token::Mul), word(token, "FROM")]);
        } else {
            out.push(token.clone());
        }
    }
    out
}
