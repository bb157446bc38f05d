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

/// Whether it leaves something in the session's engine that only that engine has. True when in doubt.
pub(crate) fn leaves_temporary(sql: &str) -> bool {
    let (word, rest) = first_word(sql);
    let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    let marked = |names: &[&str], within: usize| {
        words(rest)
            .take(within)
            .any(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name)))
    };
    if is(&["create"]) {
        return marked(&["temp", "temporary"], 4);
    }
    // SET VAR x = 1 speaks of a variable that DECLARE has made there.
    is(&["declare", "cache"])
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
    fn temporary_objects_are_seen() {
        for sql in [
            "CREATE TEMPORARY VIEW v AS SELECT 1",
            "/* dbt */ create or replace temp view v as select 1",
            "CREATE OR REPLACE GLOBAL TEMPORARY VIEW v AS SELECT 1",
            "DECLARE VARIABLE x INT",
        ] {
            assert!(leaves_temporary(sql), "{sql}");
        }
        for sql in ["SELECT 'temporary'", "CREATE TABLE t AS SELECT 1 AS temporary", "USE c", ""] {
            assert!(!leaves_temporary(sql), "{sql}");
        }
    }

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
