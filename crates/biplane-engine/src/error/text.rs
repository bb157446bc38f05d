//! Reads the texts of libraries: finds the class they mean, drops what must not be shown.

use super::SqlError;
use regex::Regex;
use std::sync::LazyLock;

const TEXT_CHARS_MAX: usize = 500;

#[expect(clippy::expect_used, reason = "constant patterns, compiled in a test")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

static POSITION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\s*at Line: (\d+), Column: (\d+)\s*$"));
static CAST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?s)Cannot cast (?:string|value) '(.*)' to (?:value of )?(\S+) type")
});
static PARSE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?s)Error parsing (?:timestamp from )?'(.*?)'(?: as (\w+))?"));
static FUNCTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"Invalid function '([^']+)'"));
static TABLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^table '([^']+)' not found"));
static URL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:file|s3|s3a|https?)://\S+"));

/// The parser puts the position behind its text.
pub(super) fn split_position(message: &str) -> (String, u64, u64) {
    let Some(found) = POSITION.captures(message) else {
        return (first_line(message), 0, 0);
    };
    let number = |index: usize| found[index].parse().unwrap_or(0);
    (first_line(&POSITION.replace(message, "")), number(1), number(2))
}

/// What a store that speaks S3 says no with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Denied,
    NoBucket,
}

/// Listings have no error of their own for these; the code is in the body of the answer.
pub(super) fn refusal(message: &str) -> Option<Refusal> {
    const DENIED: [&str; 5] = [
        "403 Forbidden",
        "401 Unauthorized",
        "<Code>AccessDenied</Code>",
        "<Code>InvalidAccessKeyId</Code>",
        "<Code>SignatureDoesNotMatch</Code>",
    ];
    if message.contains("<Code>NoSuchBucket</Code>") {
        return Some(Refusal::NoBucket);
    }
    DENIED.iter().any(|code| message.contains(code)).then_some(Refusal::Denied)
}

/// One line, bounded, without locations.
pub(super) fn first_line(message: &str) -> String {
    let line = message.trim().lines().next().unwrap_or_default();
    URL.replace_all(line, "<location>").chars().take(TEXT_CHARS_MAX).collect()
}

/// What is missing, without the Rust value that the library prints behind it.
pub(super) fn feature(message: &str) -> String {
    let line = first_line(message);
    let cut = line.find(['{', '(', '[']).unwrap_or(line.len());
    line[..cut].trim_end_matches([' ', ':']).to_owned()
}

pub(super) fn overflow(message: &str) -> String {
    match message.strip_prefix("Overflow happened on: ") {
        Some(operation) => format!("Overflow in {operation}"),
        None => "The result does not fit its type".to_owned(),
    }
}

pub(super) fn cast(message: &str) -> SqlError {
    if message.contains("is out of range") {
        let text = format!("A value does not fit the type it is cast to: {}", first_line(message));
        return SqlError::new("CAST_OVERFLOW", "22003", text);
    }
    if message.contains("Cannot cast to Decimal") {
        return SqlError::new(
            "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
            "22003",
            first_line(message),
        );
    }
    if let Some(found) = CAST.captures(message) {
        return SqlError::cast_invalid(&quote(&found[1]), "STRING", &sql_type(&found[2]));
    }
    if let Some(found) = PARSE.captures(message) {
        let target = found.get(2).map_or("TIMESTAMP".to_owned(), |name| sql_type(name.as_str()));
        return SqlError::cast_invalid(&quote(&found[1]), "STRING", &target);
    }
    if message.contains("overflow")
        || message.contains("too large")
        || message.contains("Can't cast value")
    {
        return SqlError::new(
            "CAST_OVERFLOW",
            "22003",
            format!("A value does not fit the type it is cast to: {}", first_line(message)),
        );
    }
    SqlError::new("CAST_INVALID_INPUT", "22018", first_line(message))
}

fn quote(value: &str) -> String {
    let short: String = value.chars().take(100).collect();
    format!("'{short}'")
}

fn sql_type(arrow: &str) -> String {
    match arrow {
        "Int8" => "TINYINT",
        "Int16" => "SMALLINT",
        "Int32" => "INT",
        "Int64" => "BIGINT",
        "Float32" => "FLOAT",
        "Float64" => "DOUBLE",
        "Boolean" => "BOOLEAN",
        "Date32" | "date" => "DATE",
        other if other.starts_with("Decimal") => "DECIMAL",
        other if other.starts_with("Timestamp") => "TIMESTAMP",
        other => return other.to_uppercase(),
    }
    .to_owned()
}

/// What a function refused its arguments with, inside of what the planner says.
static REFUSED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)?)\] ([^\n]*)"));

/// SQLSTATEs of classes that come as text.
const STATES: [(&str, &str); 6] = [
    ("DATATYPE_MISMATCH", "42K09"),
    ("WRONG_NUM_ARGS", "42605"),
    ("INVALID_PARAMETER_VALUE", "22023"),
    ("DUPLICATED_MAP_KEY", "23505"),
    ("NULL_MAP_KEY", "2200E"),
    ("INVALID_ARRAY_INDEX", "22003"),
];

fn refused(message: &str) -> Option<SqlError> {
    let found = REFUSED.captures(message)?;
    let first = found[1].split('.').next().unwrap_or_default();
    let (_, state) = STATES.iter().find(|(known, _)| *known == first)?;
    Some(SqlError::new(&found[1], state, first_line(&found[2])))
}

pub(super) fn plan(message: &str) -> SqlError {
    if let Some(error) = refused(message) {
        return error;
    }
    if let Some(found) = FUNCTION.captures(message) {
        if let Some(error) = super::classes::no_function(&found[1]) {
            return error;
        }
        return SqlError::function_not_found(format!("`{}`", &found[1]));
    }
    if let Some(found) = TABLE.captures(message) {
        let name =
            found[1].split('.').map(|part| format!("`{part}`")).collect::<Vec<_>>().join(".");
        return SqlError::table_not_found(name);
    }
    let line = first_line(message);
    if let Some(error) = super::classes::of(&line) {
        return error;
    }
    if line.contains("must be in GROUP BY") || line.contains("must appear in the GROUP BY") {
        return SqlError::new("MISSING_AGGREGATION", "42803", line);
    }
    if line.contains("coerce")
        || line.contains("type signature")
        || line.contains("No function matches")
    {
        return SqlError::type_mismatch(line);
    }
    if line.contains("placeholder") {
        return SqlError::new("UNBOUND_SQL_PARAMETER", "42P02", line);
    }
    if line.contains("Projections require unique expression names") {
        return SqlError::new("COLUMN_ALREADY_EXISTS", "42711", line);
    }
    SqlError::new("ANALYSIS_ERROR", "42000", line)
}

pub(super) fn execution(message: &str) -> SqlError {
    let lower = message.to_lowercase();
    if let Some(error) = refused(message) {
        return error;
    }
    if let Some(error) = super::classes::of(&first_line(message)) {
        return error;
    }
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        return SqlError::divide_by_zero();
    }
    if lower.contains("overflow") {
        return SqlError::overflow(first_line(message));
    }
    if CAST.is_match(message) || PARSE.is_match(message) {
        return cast(message);
    }
    if lower.contains("nullable = false") || lower.contains("non-nullable") {
        return SqlError::new(
            "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
            "23502",
            "A NULL value was given for a NOT NULL column",
        );
    }
    SqlError::new("INVALID_PARAMETER_VALUE", "22023", first_line(message))
}

pub(super) fn uncommitted(message: &str) -> SqlError {
    if message.contains("protocol")
        || message.contains("feature")
        || message.contains("unsupported")
    {
        return SqlError::new("DELTA_UNSUPPORTED_FEATURES_FOR_WRITE", "56038", first_line(message));
    }
    SqlError::new("DELTA_OPERATION_FAILED", "58030", first_line(message))
}

pub(super) fn invalid_data(message: &str) -> SqlError {
    if message.contains("onstraint") || message.contains("heck") || message.contains("nvariant") {
        return SqlError::new("DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "23001", first_line(message));
    }
    SqlError::new("INVALID_PARAMETER_VALUE", "22023", first_line(message))
}

/// An error of ours that a library has made text of: `[CLASS] text SQLSTATE: 12345`.
static EMBEDDED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?s)\[([A-Z][A-Z0-9_.]+)\] (.*?)\.? SQLSTATE: ([0-9A-Z]{5})"));

pub(super) fn delta_generic(message: &str) -> SqlError {
    if let Some(found) = EMBEDDED.captures(message) {
        return SqlError::new(&found[1], &found[3], first_line(&found[2]));
    }
    if message.contains("failed validation check") {
        let text = "A row violates a constraint of the table";
        return SqlError::new("DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "23001", text);
    }
    if message.contains("No starting version") || message.contains("o snapshot or version") {
        return SqlError::new("DELTA_VERSION_NOT_FOUND", "22003", "The table has no such version");
    }
    SqlError::new("DELTA_OPERATION_FAILED", "58030", first_line(message))
}

/// Up to five names, nearest first, as Databricks suggests them.
pub(super) fn closest(name: &str, candidates: Vec<String>) -> Vec<String> {
    let mut ranked: Vec<(usize, String)> = candidates
        .into_iter()
        .take(1_000)
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .collect();
    ranked.sort();
    ranked.dedup();
    ranked.into_iter().take(5).map(|(_, candidate)| format!("`{candidate}`")).collect()
}

/// Levenshtein's, over at most 64 characters of each.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_classes_are_found() {
        let (text, line, column) =
            split_position("Expected: an expression, found: EOF at Line: 3, Column: 14");
        assert_eq!((text.as_str(), line, column), ("Expected: an expression, found: EOF", 3, 14));
        let error = cast("Cannot cast string 'abc' to value of Int32 type");
        assert_eq!(error.class, "CAST_INVALID_INPUT");
        assert!(error.message.contains("'abc'") && error.message.contains("\"INT\""));
        assert_eq!(
            plan("Invalid function 'nope'.\nDid you mean 'now'?").class,
            "UNRESOLVED_ROUTINE"
        );
        assert_eq!(execution("Arrow error: Divide by zero error").class, "DIVIDE_BY_ZERO");
    }

    #[test]
    fn locations_are_hidden() {
        assert!(!first_line("cannot read s3://bucket/secret/x.parquet now").contains("secret"));
    }

    #[test]
    fn nearest_names_come_first() {
        let found = closest("carier", vec!["zip".into(), "carrier".into(), "origin".into()]);
        assert_eq!(found[0], "`carrier`");
    }
}
