//! `DATE '2024-2-9'` and `TIMESTAMP '2024'`: parts may be short or missing, and what is none is refused.

use datafusion::sql::sqlparser::ast::{DataType, Expr, TypedString, Value};

use super::calls::call;
use super::functions::cast;
use crate::error::SqlError;

/// Words that stand for a point in time.
const WORDS: [&str; 5] = ["epoch", "now", "today", "tomorrow", "yesterday"];

/// `DATE 'tomorrow'` and `CAST('now' AS TIMESTAMP)` as what they stand for.
pub fn word(expr: &Expr) -> Option<Expr> {
    let (data_type, text) = match expr {
        Expr::TypedString(TypedString { data_type, value, .. }) => (data_type, &value.value),
        Expr::Cast { data_type, expr, format: None, .. } => match expr.as_ref() {
            Expr::Value(value) => (data_type, &value.value),
            _ => return None,
        },
        _ => return None,
    };
    let (Value::SingleQuotedString(text) | Value::DoubleQuotedString(text)) = text else {
        return None;
    };
    if !matches!(data_type, DataType::Date | DataType::Timestamp(..)) {
        return None;
    }
    let days = |days: &str| {
        let days = Expr::value(Value::Number(days.to_owned(), false));
        call("date_add", vec![call("current_date", Vec::new()), days])
    };
    let meant = match text.trim().to_lowercase().as_str() {
        "now" if *data_type == DataType::Date => call("current_date", Vec::new()),
        "now" => call("current_timestamp", Vec::new()),
        "today" => call("current_date", Vec::new()),
        "tomorrow" => days("1"),
        "yesterday" => days("-1"),
        "epoch" if *data_type == DataType::Date => {
            let first = Expr::value(Value::SingleQuotedString("1970-01-01".to_owned()));
            return Some(cast(first, DataType::Date));
        }
        "epoch" => {
            let first = "1970-01-01 00:00:00Z".to_owned();
            cast(Expr::value(Value::SingleQuotedString(first)), super::spellings::timestamp())
        }
        _ => return None,
    };
    Some(cast(meant, data_type.clone()))
}

/// Completes the text of the literal, or says why it is none.
pub fn completed(expr: &mut Expr) -> Option<SqlError> {
    let Expr::TypedString(TypedString { data_type, value, .. }) = expr else { return None };
    let (Value::SingleQuotedString(text) | Value::DoubleQuotedString(text)) = &mut value.value
    else {
        return None;
    };
    let is_date = matches!(data_type, DataType::Date);
    if !is_date && !matches!(data_type, DataType::Timestamp(..)) {
        return None;
    }
    let given = text.trim();
    if WORDS.contains(&given.to_lowercase().as_str()) {
        return None;
    }
    let (date, behind) = match given.find(['T', ' ']) {
        Some(at) => given.split_at(at),
        None => (given, ""),
    };
    let is_time = behind.is_empty()
        || behind.trim_start_matches(['T', ' ']).starts_with(|c: char| c.is_ascii_digit());
    match full_date(date).filter(|_| is_time || is_date) {
        Some(full) => {
            *text = if is_date { full } else { format!("{full}{behind}") };
            None
        }
        None => {
            let word = if is_date { "DATE" } else { "TIMESTAMP" };
            let text = format!("The value of the typed literal \"{word}\" is invalid: '{given}'");
            Some(SqlError::new("INVALID_TYPED_LITERAL", "42604", text))
        }
    }
}

/// `2024-2` → `2024-02-01`
fn full_date(text: &str) -> Option<String> {
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() >= 4)?;
    let mut next = || match parts.next() {
        Some(part) if part.is_empty() || part.len() > 2 => None,
        Some(part) => part.parse::<u32>().ok(),
        None => Some(1),
    };
    let (month, day) = (next()?, next()?);
    if parts.next().is_some() || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    chrono::NaiveDate::from_ymd_opt(year.parse().ok()?, month, day)?;
    Some(format!("{year}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(full_date("2024").as_deref(), Some("2024-01-01"));
        assert_eq!(full_date("2024-2-9").as_deref(), Some("2024-02-09"));
        for wrong in ["", "nope", "2024-02-30", "24-1-1", "2024-1-1-1", "2024-"] {
            assert_eq!(full_date(wrong), None, "{wrong}");
        }
    }
}
