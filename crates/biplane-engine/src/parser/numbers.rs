//! Numbers with the letter of their type: `100L`, `1.5D`, `2BD`.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// Each becomes `CAST(n AS type)`.
pub fn typed(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let Token::Word(word) = &token.token else {
            out.push(token);
            continue;
        };
        if word.quote_style.is_some() {
            out.push(token);
            continue;
        }
        // `100L` is one word; `1.5D` is a number with a word right behind it.
        let behind_number = match out.last() {
            Some(TokenWithSpan { token: Token::Number(digits, false), span })
                if span.end == token.span.start =>
            {
                Some(digits.clone())
            }
            _ => None,
        };
        let follows_dot = matches!(out.last(), Some(before) if before.token == Token::Period);
        let found = match &behind_number {
            Some(digits) => type_of(&word.value).map(|name| (digits.clone(), name)),
            None if follows_dot => None,
            None => split(&word.value),
        };
        let Some((digits, type_name)) = found else {
            out.push(token);
            continue;
        };
        if behind_number.is_some() {
            out.pop();
        }
        let word = |text: &str| Token::make_word(text, None);
        let tokens = [
            word("CAST"),
            Token::LParen,
            Token::Number(digits, false),
            word("AS"),
            word(type_name),
            Token::RParen,
        ];
        out.extend(tokens.into_iter().map(|new| TokenWithSpan::new(new, token.span)));
    }
    out
}

fn split(word: &str) -> Option<(String, &'static str)> {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&end| end > 0)?;
    let (digits, suffix) = word.split_at(end);
    type_of(suffix).map(|name| (digits.to_owned(), name))
}

fn type_of(suffix: &str) -> Option<&'static str> {
    Some(match suffix.to_ascii_uppercase().as_str() {
        "L" => "BIGINT",
        "S" => "SMALLINT",
        "Y" => "TINYINT",
        "D" => "DOUBLE",
        "F" => "FLOAT",
        _ => return None,
    })
}
