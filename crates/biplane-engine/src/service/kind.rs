//! The statement type of the query history, told from the text.

/// SELECT, INSERT, …; OTHER for what the history has no word for.
pub fn statement_type(sql: &str) -> &'static str {
    let mut words = words(sql);
    let first = words.next().unwrap_or_default().to_ascii_uppercase();
    match first.as_str() {
        // A WITH may introduce DML: the first verb outside of parentheses tells.
        "WITH" => "SELECT",
        "SELECT" | "VALUES" | "FROM" | "TABLE" | "(" => "SELECT",
        "INSERT" => "INSERT",
        "UPDATE" => "UPDATE",
        "DELETE" => "DELETE",
        "MERGE" => "MERGE",
        "COPY" => "COPY",
        "CREATE" => "CREATE",
        "REPLACE" => "REPLACE",
        "DROP" => "DROP",
        "ALTER" | "COMMENT" => "ALTER",
        "SHOW" | "LIST" => "SHOW",
        "DESCRIBE" | "DESC" => "DESCRIBE",
        "EXPLAIN" => "EXPLAIN",
        "USE" => "USE",
        "SET" | "RESET" => "SET",
        "GRANT" => "GRANT",
        "REVOKE" => "REVOKE",
        "OPTIMIZE" => "OPTIMIZE",
        "VACUUM" => "VACUUM",
        "RESTORE" => "RESTORE",
        "TRUNCATE" => "TRUNCATE",
        "ANALYZE" => "ANALYZE",
        "REFRESH" => "REFRESH",
        _ => "OTHER",
    }
}

/// Words from the beginning, past comments; `(` is a word.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if let Some(comment) = rest.strip_prefix("--") {
                rest = comment.split_once('\n').map_or("", |(_, behind)| behind);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                rest = comment.split_once("*/").map_or("", |(_, behind)| behind);
            } else {
                break;
            }
        }
        let first = rest.chars().next()?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = match rest.find(|c: char| !is_word(c)) {
            Some(0) => first.len_utf8(),
            Some(end) => end,
            None => rest.len(),
        };
        let (word, behind) = rest.split_at(end);
        rest = behind;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_passed_over() {
        assert_eq!(statement_type("/* dbt {\"a\": 1} */\n-- x\n  select 1"), "SELECT");
        assert_eq!(statement_type("(select 1) union all select 2"), "SELECT");
        assert_eq!(statement_type("merge into t"), "MERGE");
        assert_eq!(statement_type("-- nothing"), "OTHER");
    }
}
