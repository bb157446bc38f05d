//! Statements that nobody would write: those of Spark's examples with parts of others in them. Whatever the
//! engine says to one, it says it; it does not panic and goes on. `BIPLANE_FUZZ=<seed>,<statements>` tries others.

use crate::harness::ask;
use crate::spark::{Case, cases, groups};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

const SEED: u64 = 2026;
const STATEMENTS: usize = 600;
const LONG: usize = 600;
/// An engine that has not answered by then hangs: statements end themselves before.
const HANGS: Duration = Duration::from_secs(120);
const STATEMENT_MS: u64 = 20_000;
const LITERALS: &[&str] = &[
    "NULL",
    "-1",
    "0",
    "''",
    "*",
    "9223372036854775807",
    "2147483648",
    "1e308",
    "array()",
    "map()",
    "CAST('NaN' AS DOUBLE)",
    "99999999999999999999999999999999999999",
    "INTERVAL 1 DAY",
    "DATE '9999-12-31'",
    "TIMESTAMP '0001-01-01'",
    "CAST(1 AS DECIMAL(38,38))",
    "-128Y",
    "true",
    "named_struct('a', 1)",
    "array(1, NULL)",
    "map(1, NULL)",
    "x -> x",
    "(SELECT 1)",
    "'é😀'",
];

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn tokens(sql: &str) -> Vec<String> {
    let token = regex::Regex::new(r"'(?:[^'\\]|\\.)*'|\w+|\s+|[^\w\s]").unwrap();
    token.find_iter(sql).map(|found| found.as_str().to_owned()).collect()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Where the arguments of calls stand.
fn arguments(tokens: &[String]) -> Vec<(usize, usize)> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        let from = match token.as_str() {
            "(" => None,
            ")" | "," => open.pop(),
            _ => continue,
        };
        found.extend(from.filter(|from| *from < at).map(|from| (from, at)));
        if token != ")" {
            open.push(at + 1);
        }
    }
    found
}

struct Parts {
    statements: Vec<Vec<String>>,
    arguments: Vec<Vec<String>>,
    functions: Vec<String>,
}

impl Parts {
    fn of(cases: &[Case]) -> Self {
        let short = cases.iter().filter(|case| !case.sql.is_empty() && case.sql.len() < LONG);
        let statements: Vec<Vec<String>> = short.map(|case| tokens(&case.sql)).collect();
        let each = |tokens: &Vec<String>| -> Vec<Vec<String>> {
            arguments(tokens).into_iter().map(|(from, to)| tokens[from..to].to_vec()).collect()
        };
        let called = |tokens: &Vec<String>| -> Vec<String> {
            let pairs = tokens.windows(2).filter(|pair| is_word(&pair[0]) && pair[1] == "(");
            pairs.map(|pair| pair[0].clone()).collect()
        };
        let mut functions: Vec<String> = statements.iter().flat_map(called).collect();
        functions.sort_unstable();
        functions.dedup();
        Self { arguments: statements.iter().flat_map(each).collect(), functions, statements }
    }

    fn statement(&self, dice: &mut Dice) -> String {
        let mut tokens = dice.one(&self.statements).clone();
        for _ in 0..=dice.below(3) {
            match dice.below(3) {
                0 => {
                    let calls: Vec<usize> = (1..tokens.len())
                        .filter(|&at| tokens[at] == "(" && is_word(&tokens[at - 1]))
                        .collect();
                    if !calls.is_empty() {
                        let at = *dice.one(&calls);
                        tokens[at - 1] = dice.one(&self.functions).clone();
                    }
                }
                kind => {
                    let places = arguments(&tokens);
                    if !places.is_empty() {
                        let (from, to) = *dice.one(&places);
                        let part = match kind {
                            1 => vec![(*dice.one(LITERALS)).to_owned()],
                            _ => dice.one(&self.arguments).clone(),
                        };
                        tokens.splice(from..to, part);
                    }
                }
            }
        }
        tokens.concat()
    }
}

fn wanted() -> (u64, usize) {
    let Ok(text) = std::env::var("BIPLANE_FUZZ") else { return (SEED, STATEMENTS) };
    let (seed, statements) = text.split_once(',').unwrap();
    (seed.parse().unwrap(), statements.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_is_answered() {
    let panics: Arc<Mutex<Vec<String>>> = Arc::default();
    let (seen, before) = (panics.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        seen.lock().push(info.to_string());
        before(info);
    }));
    let all: Vec<Case> = groups().iter().flat_map(|(_, path)| cases(path)).collect();
    let parts = Parts::of(&all);
    let (seed, statements) = wanted();
    let mut dice = Dice(seed);
    let harness = crate::catalog::start().await;
    let setups: std::collections::BTreeSet<&String> =
        all.iter().filter_map(|case| case.setup.as_ref()).collect();
    for setup in setups {
        // Some are of a table that is there already.
        let _ = harness.run(ask(setup)).await;
    }
    for _ in 0..statements {
        let sql = parts.statement(&mut dice);
        let mut request = ask(&sql);
        request.timeout_ms = STATEMENT_MS;
        request.row_limit = 1_000;
        let began = std::time::Instant::now();
        let ran = tokio::time::timeout(HANGS, harness.run(request)).await;
        if began.elapsed() > Duration::from_secs(3) {
            eprintln!("{:?}: {sql}", began.elapsed());
        }
        assert!(ran.is_ok(), "no answer to: {sql}");
        let panics = std::mem::take(&mut *panics.lock());
        assert!(panics.is_empty(), "{panics:?}: {sql}");
    }
    assert_eq!(harness.rows("SELECT 1").await, ["1"]);
}
