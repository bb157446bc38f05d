//! Numbers with the letter of their type: `100L`, `1.5D`, `2BD`.

use super::error::ParseError;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// Each becomes `CAST(n AS type)`.
pub fn typed(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, ParseError> {
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
            Some(digits) => type_of(&word.value, digits).map(|name| (digits.clone(), name)),
            None if follows_dot => None,
            None => split(&word.value),
        };
        if let Some((digits, type_name)) = &found {
            let is_negative = out.iter().rev().nth(usize::from(behind_number.is_some()));
            let is_negative = is_negative.is_some_and(|before| before.token == Token::Minus);
            check(digits, type_name, is_negative, &token)?;
        }
        let Some((digits, type_name)) = found else {
            // `1.5BD` is what `1.5` is.
            let end = word.value.len().saturating_sub(2);
            let digits = word.value.get(..end).filter(|_| !follows_dot).unwrap_or_default();
            let is_decimal = word.value.to_ascii_uppercase().ends_with("BD")
                && match &behind_number {
                    Some(_) => digits.is_empty(),
                    None => digits.parse::<f64>().is_ok() && digits.contains('.'),
                };
            match (is_decimal, &behind_number) {
                (true, None) => {
                    let number = Token::Number(digits.to_owned(), false);
                    out.push(TokenWithSpan::new(number, token.span));
                }
                (true, Some(digits)) => {
                    if let (Some(exact), Some(last)) = (without_exponent(digits), out.last_mut()) {
                        last.token = Token::Number(exact, false);
                    }
                }
                (false, _) => out.push(token),
            }
            continue;
        };
        if behind_number.is_some() {
            out.pop();
        }
        let word = |text: &str| Token::make_word(text, None);
        let mut tokens =
            vec![word("CAST"), Token::LParen, Token::Number(digits, false), word("AS")];
        match type_name.split_once(' ') {
            Some((decimal, size)) => tokens.extend([
                word(decimal),
                Token::LParen,
                Token::Number(size.to_owned(), false),
                Token::RParen,
            ]),
            None => tokens.push(word(&type_name)),
        }
        tokens.push(Token::RParen);
        out.extend(tokens.into_iter().map(|new| TokenWithSpan::new(new, token.span)));
    }
    Ok(out)
}

/// `1.5e-3` as `0.0015`; None where there is no exponent, or one of more digits than a decimal has.
fn without_exponent(number: &str) -> Option<String> {
    let (digits, exponent) = number.split_once(['e', 'E'])?;
    let exponent: i64 =
        exponent.parse().ok().filter(|e: &i64| e.abs() <= DECIMAL_DIGITS_MAX as i64)?;
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    let point = i64::try_from(whole.len()).ok()? + exponent;
    Some(match usize::try_from(point) {
        Ok(point) if point >= all.len() => format!("{all}{}.", "0".repeat(point - all.len())),
        Ok(0) | Err(_) => {
            format!(".{}{all}", "0".repeat(usize::try_from(-point).unwrap_or_default()))
        }
        Ok(point) => format!("{}.{}", &all[..point], &all[point..]),
    })
}

/// `INTERVAL 1 DAY 2 HOURS` and `INTERVAL '1 day'` have one text, as the parser knows it: `INTERVAL '1 DAY 2 HOURS' DAY`.
pub fn intervals(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        out.push(token.clone());
        // `trim(BOTH FROM x)` takes blanks.
        if is_word(token, &["BOTH", "LEADING", "TRAILING"])
            && tokens.get(at).is_some_and(|next| is_word(next, &["FROM"]))
            && at > 1
            && tokens[at - 2].token == Token::LParen
        {
            let blank = Token::SingleQuotedString(" ".to_owned());
            out.push(TokenWithSpan::new(blank, token.span));
        }
        if !is_word(token, &["INTERVAL"]) {
            continue;
        }
        let rest = &tokens[at..];
        let (text, taken) = match rest.first().map(|token| &token.token) {
            Some(Token::SingleQuotedString(text))
                if text.contains(char::is_alphabetic)
                    && !rest.get(1).is_some_and(|token| is_word(token, &UNITS)) =>
            {
                (text.clone(), 1)
            }
            _ => match pairs(rest) {
                Some(found) => found,
                None => continue,
            },
        };
        let span = rest[0].span;
        out.push(TokenWithSpan::new(Token::SingleQuotedString(text), span));
        out.push(TokenWithSpan::new(Token::make_word("DAY", None), span));
        at += taken;
    }
    out
}

pub const UNITS: [&str; 18] = [
    "YEAR",
    "YEARS",
    "MONTH",
    "MONTHS",
    "WEEK",
    "WEEKS",
    "DAY",
    "DAYS",
    "HOUR",
    "HOURS",
    "MINUTE",
    "MINUTES",
    "SECOND",
    "SECONDS",
    "MILLISECOND",
    "MILLISECONDS",
    "MICROSECOND",
    "MICROSECONDS",
];

fn is_word(token: &TokenWithSpan, words: &[&str]) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none()
        && words.iter().any(|known| word.value.eq_ignore_ascii_case(known)))
}

/// Two pairs of a number and a unit at least, and how many tokens they are.
fn pairs(tokens: &[TokenWithSpan]) -> Option<(String, usize)> {
    let (mut text, mut at, mut count) = (String::new(), 0, 0);
    loop {
        let is_negative = tokens.get(at).is_some_and(|token| token.token == Token::Minus);
        let number = at + usize::from(is_negative);
        let digits = match &tokens.get(number).map(|token| &token.token) {
            Some(Token::Number(digits, _)) => digits,
            Some(Token::SingleQuotedString(digits)) if !digits.contains(char::is_alphabetic) => {
                digits
            }
            _ => break,
        };
        let Some(unit) = tokens.get(number + 1).filter(|token| is_word(token, &UNITS)) else {
            break;
        };
        let sign = if is_negative { "-" } else { "" };
        text.push_str(&format!("{sign}{digits} {} ", unit.token));
        at = number + 2;
        count += 1;
    }
    (count > 1).then_some((text, at))
}

fn split(word: &str) -> Option<(String, String)> {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&end| end > 0)?;
    let (digits, suffix) = word.split_at(end);
    type_of(suffix, digits).map(|name| (digits.to_owned(), name))
}

fn type_of(suffix: &str, digits: &str) -> Option<String> {
    let name = match suffix.to_ascii_uppercase().as_str() {
        "L" => "BIGINT",
        "S" => "SMALLINT",
        "Y" => "TINYINT",
        "D" => "DOUBLE",
        "F" => "FLOAT",
        "BD" => {
            // With a point it is a decimal as it stands; the cast to what it is changes nothing.
            if digits.contains(['.', 'e', 'E']) {
                return None;
            }
            let count = digits.trim_start_matches('0').len().max(1);
            return (count <= DECIMAL_DIGITS_MAX).then(|| format!("DECIMAL {count}"));
        }
        _ => return None,
    };
    Some(name.to_owned())
}

const DECIMAL_DIGITS_MAX: usize = 38;

/// Whether the type can hold the number.
fn check(
    digits: &str,
    type_name: &str,
    is_negative: bool,
    at: &TokenWithSpan,
) -> Result<(), ParseError> {
    let most: i128 = match type_name {
        "BIGINT" => i64::MAX.into(),
        "SMALLINT" => i16::MAX.into(),
        "TINYINT" => i8::MAX.into(),
        "DOUBLE" | "FLOAT" => {
            let is_finite = digits.parse::<f64>().is_ok_and(f64::is_finite);
            return if is_finite { Ok(()) } else { out_of_range(digits, type_name, at) };
        }
        _ => return Ok(()),
    };
    match digits.parse::<i128>() {
        Ok(number) if number > most + i128::from(is_negative) => {
            out_of_range(digits, type_name, at)
        }
        _ => Ok(()),
    }
}

fn out_of_range(digits: &str, type_name: &str, at: &TokenWithSpan) -> Result<(), ParseError> {
    let text = format!("Numeric literal {digits} is outside the valid range for {type_name}.");
    Err(ParseError::new("INVALID_NUMERIC_LITERAL_RANGE", "22003", text, at.span.start))
}
