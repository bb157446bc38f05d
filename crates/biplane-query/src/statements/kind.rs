//! What can be told of a statement from its first word: whether it only reads. Used to be careful
//! (a statement that may write is recorded first and never run twice), not to decide rights.

const READS: &[&str] = &[
    "select", "values", "show", "describe", "desc", "explain", "table", "from", "list",
    // These change the session alone, and twice is once.
    "use", "set", "reset",
];
const WRITES: &[&str] = &["insert", "update", "delete", "merge"];

/// False when in doubt.
pub(crate) fn only_reads(sql: &str) -> bool {
    let (word, rest) = first_word(sql);
    if word.eq_ignore_ascii_case("with") {
        return !words(rest)
            .any(|word| WRITES.iter().any(|write| word.eq_ignore_ascii_case(write)));
    }
    if word.eq_ignore_ascii_case("from") {
        // FROM t INSERT INTO …
        return !words(rest).any(|word| word.eq_ignore_ascii_case("insert"));
    }
    READS.iter().any(|read| word.eq_ignore_ascii_case(read))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Behind blanks, comments and opening parentheses.
pub(crate) fn first_word(sql: &str) -> (&str, &str) {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(' || c == ';');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = after_comment(comment);
        } else {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            return rest.split_at(end);
        }
    }
}

/// Comments nest.
fn after_comment(text: &str) -> &str {
    let mut depth = 1;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return text.get(at..).unwrap_or("");
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_told_from_the_rest() {
        for sql in [
            "SELECT 1",
            "  -- c\n/* a /* b */ c */ select 1",
            "((SELECT 1))",
            "with x as (select 1) select * from x",
            "SHOW TABLES",
            "USE c",
            "from t select a",
        ] {
            assert!(only_reads(sql), "{sql}");
        }
        for sql in [
            "",
            "/* open",
            "INSERT INTO t VALUES (1)",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
            "from t insert into u select *",
            "CREATE TABLE t AS SELECT 1",
            "CALL p()",
            "ÿ",
        ] {
            assert!(!only_reads(sql), "{sql}");
        }
    }
}
