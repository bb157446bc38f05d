//! `FROM t |> WHERE … |> SELECT …` and `FROM t SELECT …` → the SELECT that means the same, token by token.
//!
//! Done before the parser library reads the tokens, so that both may stand wherever a query may.

use super::error::ParseError;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Word};

type Tokens = Vec<TokenWithSpan>;

const PIPE: Token = Token::VerticalBarRightAngleBracket;
const SET_WORDS: [&str; 4] = ["UNION", "EXCEPT", "INTERSECT", "MINUS"];
const JOIN_WORDS: [&str; 10] =
    ["JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "SEMI", "ANTI", "NATURAL", "LATERAL"];
/// What ends the FROM clause.
const CLAUSE_WORDS: [&str; 16] = [
    "SELECT",
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
    "EXCEPT",
    "INTERSECT",
    "MINUS",
];
/// What a query of a script may stand behind.
const SCRIPT_WORDS: [&str; 6] = ["BEGIN", "DO", "THEN", "ELSE", "LOOP", "REPEAT"];
/// What makes more of a GROUP BY than a list of keys.
const GROUPING_WORDS: [&str; 5] = ["ROLLUP", "CUBE", "GROUPING", "ALL", "WITH"];
/// What ends a query; each is an operator of its own.
const RESULT_WORDS: [&str; 6] = ["ORDER", "SORT", "CLUSTER", "DISTRIBUTE", "LIMIT", "OFFSET"];
/// Aggregate functions that are looked for outside of AGGREGATE.
const AGGREGATES: [&str; 14] = [
    "ANY_VALUE",
    "ARRAY_AGG",
    "AVG",
    "COLLECT_LIST",
    "COLLECT_SET",
    "COUNT",
    "COUNT_IF",
    "MAX",
    "MEAN",
    "MEDIAN",
    "MIN",
    "STDDEV",
    "SUM",
    "VARIANCE",
];
/// Operators of one query: each may put what is before it into brackets.
const OPERATORS_MAX: usize = 90;

pub fn plain(tokens: Tokens) -> Result<Tokens, ParseError> {
    let has_pipe = tokens.iter().any(|token| token.token == PIPE);
    let has_from_first = (0..tokens.len()).any(|at| begins_with_from(&tokens, at));
    if has_pipe || has_from_first { level(&tokens) } else { Ok(tokens) }
}

fn is_word(token: Option<&TokenWithSpan>, word: &str) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(w))
        if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

fn is_one_of(token: Option<&TokenWithSpan>, words: &[&str]) -> bool {
    words.iter().any(|word| is_word(token, word))
}

/// Whether a query begins with this FROM.
fn begins_with_from(tokens: &[TokenWithSpan], at: usize) -> bool {
    if !is_word(tokens.get(at), "FROM") {
        return false;
    }
    let before = |back: usize| at.checked_sub(back).and_then(|index| tokens.get(index));
    match before(1).map(|token| &token.token) {
        None | Some(Token::LParen | Token::SemiColon) => true,
        Some(Token::RParen) => ends_with_list(tokens, at),
        _ => {
            is_one_of(before(1), &SET_WORDS)
                || is_one_of(before(1), &["AS", "EXPLAIN"])
                || is_one_of(before(1), &SCRIPT_WORDS)
                || (is_one_of(before(1), &["ALL", "DISTINCT"]) && is_one_of(before(2), &SET_WORDS))
        }
    }
}

/// `WITH a AS (…), b AS (…)` in front of this place.
fn ends_with_list(tokens: &[TokenWithSpan], at: usize) -> bool {
    let mut depth = 0_usize;
    for index in (0..at).rev() {
        match &tokens[index].token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return false,
            Token::LParen => depth -= 1,
            Token::Word(_) if depth == 0 && is_word(tokens.get(index), "WITH") => return true,
            // Nothing else stands between two members of the list, so no text is read twice.
            Token::Word(_) if depth == 0 && is_one_of(tokens.get(index), &["SELECT", "FROM"]) => {
                return false;
            }
            Token::Word(_) | Token::Comma => {}
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

/// The tokens between two brackets: one statement, or those of a script.
fn level(tokens: &[TokenWithSpan]) -> Result<Tokens, ParseError> {
    let tokens = inner(tokens)?;
    let mut out = Tokens::with_capacity(tokens.len());
    let mut start = 0;
    for (end, semicolon) in outside(&tokens).filter(|(_, token)| token.token == Token::SemiColon) {
        out.extend(statement(&tokens[start..end])?);
        out.push(semicolon.clone());
        start = end + 1;
    }
    out.extend(statement(&tokens[start..])?);
    Ok(out)
}

fn statement(tokens: &[TokenWithSpan]) -> Result<Tokens, ParseError> {
    let parts = split(tokens, |token| token.token == PIPE);
    let Some((head, operators)) = parts.split_first() else { return Ok(tokens.to_vec()) };
    let head = from_first(head);
    if operators.is_empty() {
        return Ok(head);
    }
    if let Some(more) = operators.get(OPERATORS_MAX) {
        let at = more.first().map_or(Span::empty(), |token| token.span).start;
        return Err(ParseError::syntax("A query has too many |> operators.", at));
    }
    let start = query_start(&head);
    let (prefix, query) = head.split_at(start);
    let mut state = State::of(query);
    for operator in operators {
        state = state.then(operator)?;
    }
    let mut out = prefix.to_vec();
    out.extend(state.query());
    Ok(out)
}

/// The same with everything in brackets done.
fn inner(tokens: &[TokenWithSpan]) -> Result<Tokens, ParseError> {
    let mut out = Tokens::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        out.push(token.clone());
        at += 1;
        if token.token == Token::LParen {
            let end = at + closing(&tokens[at..]);
            out.extend(level(&tokens[at..end])?);
            at = end;
        }
    }
    Ok(out)
}

/// How far it is to the bracket that closes.
fn closing(tokens: &[TokenWithSpan]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return at,
            Token::RParen => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Places outside of brackets, with what stands there.
fn outside(tokens: &[TokenWithSpan]) -> impl Iterator<Item = (usize, &TokenWithSpan)> {
    let mut depth = 0_usize;
    tokens.iter().enumerate().filter(move |(_, token)| match token.token {
        Token::LParen => {
            depth += 1;
            depth == 1
        }
        Token::RParen => {
            depth = depth.saturating_sub(1);
            depth == 0
        }
        _ => depth == 0,
    })
}

fn split(tokens: &[TokenWithSpan], at: impl Fn(&TokenWithSpan) -> bool) -> Vec<&[TokenWithSpan]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (index, _) in outside(tokens).filter(|(_, token)| at(token)) {
        parts.push(&tokens[start..index]);
        start = index + 1;
    }
    parts.push(&tokens[start..]);
    parts
}

fn find(tokens: &[TokenWithSpan], words: &[&str]) -> Option<usize> {
    outside(tokens).map(|(at, _)| at).find(|at| is_one_of(tokens.get(*at), words))
}

/// Puts the SELECT in front of the FROM of every query that begins with FROM.
fn from_first(tokens: &[TokenWithSpan]) -> Tokens {
    let starts: Vec<usize> =
        outside(tokens).map(|(at, _)| at).filter(|at| begins_with_from(tokens, *at)).collect();
    let mut out = Tokens::with_capacity(tokens.len() + 2 * starts.len());
    let mut done = 0;
    for start in starts {
        if start < done {
            continue;
        }
        out.extend_from_slice(&tokens[done..start]);
        let query = &tokens[start..];
        let from_end = find(&query[1..], &CLAUSE_WORDS).map_or(query.len(), |at| at + 1);
        let (from, rest) = query.split_at(from_end);
        let span = from.first().map_or(Span::empty(), |token| token.span);
        if is_word(rest.first(), "SELECT") {
            let end = projection_end(rest);
            out.extend_from_slice(&rest[..end]);
            done = start + from_end + end;
        } else {
            out.extend([word("SELECT", span), TokenWithSpan::new(Token::Mul, span)]);
            done = start + from_end;
        }
        out.extend_from_slice(from);
    }
    out.extend_from_slice(&tokens[done..]);
    out
}

/// Where the columns behind SELECT end. The EXCEPT of a `*` belongs to them.
fn projection_end(select: &[TokenWithSpan]) -> usize {
    let ends = |at: &usize| {
        let behind_star = at.checked_sub(1).is_some_and(|at| select[at].token == Token::Mul);
        is_one_of(select.get(*at), &CLAUSE_WORDS)
            && !(behind_star && is_word(select.get(*at), "EXCEPT"))
    };
    outside(select).map(|(at, _)| at).skip(1).find(ends).unwrap_or(select.len())
}

/// Where the query begins, behind `CREATE VIEW v AS`, `WITH a AS (…)`, `INSERT INTO t`.
fn query_start(head: &[TokenWithSpan]) -> usize {
    if let Some(at) = find(head, &["SELECT", "VALUES"]) {
        return at;
    }
    let is_query_table = |at: &usize| {
        is_word(head.get(*at), "TABLE")
            && (*at == 0 || is_word(head.get(at - 1), "AS") || head[at - 1].token == Token::RParen)
    };
    let places: Vec<usize> = outside(head).map(|(at, _)| at).collect();
    places.into_iter().find(is_query_table).unwrap_or(0)
}

fn word(text: &str, span: Span) -> TokenWithSpan {
    TokenWithSpan::new(Token::make_word(text, None), span)
}

fn words(text: &str) -> Tokens {
    text.split(' ').map(|one| word(one, Span::empty())).collect()
}

fn brackets(tokens: Tokens) -> Tokens {
    let bracket = |token| TokenWithSpan::new(token, Span::empty());
    let mut out = vec![bracket(Token::LParen)];
    out.extend(tokens);
    out.push(bracket(Token::RParen));
    out
}

fn joined(parts: impl IntoIterator<Item = Tokens>) -> Tokens {
    parts.into_iter().flatten().collect()
}

/// A name that nobody writes.
fn hidden() -> TokenWithSpan {
    let name = Word {
        value: format!("{}piped", crate::plan::HIDDEN),
        quote_style: Some('`'),
        keyword: Keyword::NoKeyword,
    };
    TokenWithSpan::new(Token::Word(name), Span::empty())
}

/// A query that grows with every operator.
struct State {
    body: Body,
    /// How its columns may be qualified.
    name: Option<TokenWithSpan>,
}

enum Body {
    /// `SELECT * FROM from WHERE filters`.
    Open { from: Tokens, filters: Vec<Tokens> },
    /// A query as it stands. Whether a LIMIT may follow.
    Closed { query: Tokens, ordered: bool },
}

impl State {
    fn of(query: &[TokenWithSpan]) -> Self {
        if is_word(query.first(), "VALUES")
            && let Some(at) = find(query, &["AS"])
        {
            // The alias is one of the rows.
            let (rows, alias) = query.split_at(at);
            let from = joined([brackets(rows.to_vec()), alias.to_vec()]);
            return Self {
                body: Body::Open { from, filters: Vec::new() },
                name: alias.get(1).cloned(),
            };
        }
        let is_plain = is_word(query.first(), "SELECT")
            && query.get(1).is_some_and(|token| token.token == Token::Mul)
            && is_word(query.get(2), "FROM");
        let from = query.get(3..).unwrap_or_default();
        let body_end = find(from, &CLAUSE_WORDS).unwrap_or(from.len());
        if is_plain && body_end == from.len() {
            let body = Body::Open { from: from.to_vec(), filters: Vec::new() };
            return Self { body, name: relation_name(from) };
        }
        Self { body: Body::Closed { query: query.to_vec(), ordered: false }, name: None }
    }

    fn query(self) -> Tokens {
        match self.body {
            Body::Open { .. } => self.select(vec![TokenWithSpan::new(Token::Mul, Span::empty())]),
            Body::Closed { query, .. } => query,
        }
    }

    /// The relation and what its rows must fulfil.
    fn open(self) -> (Tokens, Vec<Tokens>) {
        match self.body {
            Body::Open { from, filters } => (from, filters),
            Body::Closed { query, .. } => {
                let name = self.name.unwrap_or_else(hidden);
                (joined([brackets(query), words("AS"), vec![name]]), Vec::new())
            }
        }
    }

    /// The relation alone, as one factor of a FROM clause.
    fn factor(self) -> Tokens {
        let name = self.name.clone().unwrap_or_else(hidden);
        joined([brackets(self.query()), words("AS"), vec![name]])
    }

    fn select(self, mut projection: Tokens) -> Tokens {
        let windows = find(&projection, &["WINDOW"]).map(|at| projection.split_off(at));
        let (from, filters) = self.open();
        let mut out = joined([words("SELECT"), projection, words("FROM"), from]);
        for (number, filter) in filters.into_iter().enumerate() {
            out.extend(words(if number == 0 { "WHERE" } else { "AND" }));
            out.extend(brackets(filter));
        }
        out.extend(windows.unwrap_or_default());
        out
    }

    fn then(self, operator: &[TokenWithSpan]) -> Result<Self, ParseError> {
        let name = self.name.clone();
        let star = || vec![TokenWithSpan::new(Token::Mul, Span::empty())];
        let comma = || vec![TokenWithSpan::new(Token::Comma, Span::empty())];
        let closed = |query| Body::Closed { query, ordered: false };
        let first = match operator.first() {
            Some(TokenWithSpan { token: Token::Word(w), .. }) => w.value.to_uppercase(),
            _ => String::new(),
        };
        let rest = operator.get(1..).unwrap_or_default().to_vec();
        let body = match first.as_str() {
            "WHERE" => {
                let (from, mut filters) = self.open();
                filters.push(rest);
                Body::Open { from, filters }
            }
            "EXTEND" | "SET" if let Some(call) = aggregate_call(&rest) => {
                let class = "PIPE_OPERATOR_CONTAINS_AGGREGATE_FUNCTION";
                let text = format!(
                    "The aggregate function {} is not for |> {first}: use |> AGGREGATE.",
                    call.token
                );
                return Err(ParseError::new(class, "0A000", text, call.span.start));
            }
            "SELECT" => closed(self.select(rest)),
            "EXTEND" => closed(self.select(joined([star(), comma(), rest]))),
            "SET" => return self.assign(&rest),
            "DROP" => closed(self.select(joined([star(), words("EXCEPT"), brackets(rest)]))),
            "AS" => {
                let name = rest.first().cloned();
                let from = joined([brackets(self.query()), words("AS"), rest]);
                return Ok(Self { body: Body::Open { from, filters: Vec::new() }, name });
            }
            "AGGREGATE" => {
                return Ok(Self { body: closed(self.aggregate(&rest)?), name: None });
            }
            "LATERAL" if is_word(operator.get(1), "VIEW") => return Err(unknown(operator)),
            "WINDOW" => {
                let class = "UNSUPPORTED_FEATURE.CLAUSE_WITH_PIPE_OPERATORS";
                let text = "The WINDOW clause stands in |> SELECT, not by itself.";
                return Err(ParseError::new(class, "0A000", text, place(operator)));
            }
            "ORDER" | "SORT" | "CLUSTER" | "DISTRIBUTE" | "LIMIT"
                if let Some(second) = find(&rest, &RESULT_WORDS)
                    && !(first == "LIMIT" && is_word(rest.get(second), "OFFSET")) =>
            {
                let class = "MULTIPLE_QUERY_RESULT_CLAUSES_WITH_PIPE_OPERATORS";
                let text = format!("{first} and what follows it need a |> each.");
                return Err(ParseError::new(class, "42000", text, place(&rest[second..])));
            }
            "ORDER" | "SORT" | "CLUSTER" | "DISTRIBUTE" => {
                let query = joined([self.select(star()), operator.to_vec()]);
                Body::Closed { query, ordered: true }
            }
            "LIMIT" | "OFFSET" => match self.body {
                Body::Closed { query, ordered: true } => closed(joined([query, operator.to_vec()])),
                _ => closed(joined([self.select(star()), operator.to_vec()])),
            },
            word if SET_WORDS.contains(&word) => {
                let query = joined([words("SELECT"), star(), words("FROM"), self.factor()]);
                let query = joined([query, operator.to_vec()]);
                return Ok(Self { body: closed(query), name: None });
            }
            "PIVOT" | "UNPIVOT" | "TABLESAMPLE" => {
                let from = joined([self.factor(), operator.to_vec()]);
                Body::Open { from, filters: Vec::new() }
            }
            word if JOIN_WORDS.contains(&word) => {
                let from = match self.body {
                    Body::Open { from, filters } if filters.is_empty() => from,
                    _ => self.factor(),
                };
                Body::Open { from: joined([from, operator.to_vec()]), filters: Vec::new() }
            }
            _ => return Err(unknown(operator)),
        };
        Ok(Self { body, name })
    }

    /// Each assignment sees those before it.
    fn assign(self, assignments: &[TokenWithSpan]) -> Result<Self, ParseError> {
        let mut state = self;
        let assignments = split(assignments, |token| token.token == Token::Comma);
        if let Some([more, ..]) = assignments.get(OPERATORS_MAX) {
            return Err(ParseError::syntax("SET has too many columns.", more.span.start));
        }
        for assignment in assignments {
            let name = state.name.clone();
            let [column, equals, value @ ..] = assignment else {
                let at = assignment.first().map_or(Span::empty(), |token| token.span).start;
                return Err(ParseError::syntax("SET needs column = value.", at));
            };
            if equals.token != Token::Eq || value.is_empty() {
                return Err(ParseError::syntax("SET needs column = value.", column.span.start));
            }
            let item = joined([brackets(value.to_vec()), words("AS"), vec![column.clone()]]);
            let star = vec![TokenWithSpan::new(Token::Mul, Span::empty())];
            let query = state.select(joined([star, words("REPLACE"), brackets(item)]));
            state = Self { body: Body::Closed { query, ordered: false }, name };
        }
        Ok(state)
    }

    /// `AGGREGATE values GROUP BY keys`: the keys are the first columns.
    fn aggregate(self, rest: &[TokenWithSpan]) -> Result<Tokens, ParseError> {
        let (values, keys) = rest.split_at(find(rest, &["GROUP"]).unwrap_or(rest.len()));
        let is_no_call = |value: &&[TokenWithSpan]| value.iter().all(|t| t.token != Token::LParen);
        let columns = split(values, |token| token.token == Token::Comma);
        if let Some(value) =
            columns.into_iter().find(|value| !value.is_empty() && is_no_call(value))
        {
            let class = "PIPE_OPERATOR_AGGREGATE_EXPRESSION_CONTAINS_NO_AGGREGATE_FUNCTION";
            let text =
                "Each value of |> AGGREGATE needs an aggregate function; keys go behind GROUP BY.";
            return Err(ParseError::new(class, "0A000", text, place(value)));
        }
        if keys.is_empty() {
            return Ok(self.select(rest.to_vec()));
        }
        let keys = keys.get(2..).unwrap_or_default();
        if let Some(at) = find(keys, &GROUPING_WORDS) {
            let class = "UNSUPPORTED_FEATURE.PIPE_OPERATOR_AGGREGATE_UNSUPPORTED_CASE";
            let text = "|> AGGREGATE groups by expressions alone.";
            return Err(ParseError::new(class, "0A000", text, place(&keys[at..])));
        }
        let mut columns = keys.to_vec();
        if !values.is_empty() {
            columns.push(TokenWithSpan::new(Token::Comma, Span::empty()));
            columns.extend_from_slice(values);
        }
        let count = split(keys, |token| token.token == Token::Comma).len();
        let mut out = self.select(columns);
        out.extend(words("GROUP BY"));
        for number in 1..=count {
            if number > 1 {
                out.push(TokenWithSpan::new(Token::Comma, Span::empty()));
            }
            let number = Token::Number(number.to_string(), false);
            out.push(TokenWithSpan::new(number, Span::empty()));
        }
        Ok(out)
    }
}

fn place(tokens: &[TokenWithSpan]) -> Location {
    tokens.first().map_or(Span::empty(), |token| token.span).start
}

fn unknown(operator: &[TokenWithSpan]) -> ParseError {
    let first = operator.first().map_or(String::new(), |token| token.token.to_string());
    let text = format!("Syntax error at or near '{first}': |> knows no such operator.");
    ParseError::syntax(text, place(operator))
}

/// A call of a usual aggregate function that is none over a window.
fn aggregate_call(tokens: &[TokenWithSpan]) -> Option<&TokenWithSpan> {
    let is_call = |at: &usize| {
        let behind = tokens.get(at + 1..).unwrap_or_default();
        if !matches!(behind.first(), Some(token) if token.token == Token::LParen) {
            return false;
        }
        let end = 1 + closing(&behind[1..]);
        !is_one_of(behind.get(end + 1), &["OVER", "FILTER"])
    };
    let places = outside(tokens).map(|(at, _)| at);
    let mut calls = places.filter(|at| is_one_of(tokens.get(*at), &AGGREGATES));
    calls.find(is_call).and_then(|at| tokens.get(at))
}

/// The name by which the columns of the one relation of a FROM clause are qualified.
fn relation_name(from: &[TokenWithSpan]) -> Option<TokenWithSpan> {
    let is_name = |token: &&TokenWithSpan| matches!(token.token, Token::Word(_));
    let only_names =
        from.iter().all(|t| matches!(t.token, Token::Word(_) | Token::Period | Token::RParen));
    let is_alias = from.len() >= 2 && is_word(from.get(from.len() - 2), "AS");
    let has_join = find(from, &["JOIN"]).is_some() || find(from, &["LATERAL"]).is_some();
    if has_join || outside(from).any(|(_, token)| token.token == Token::Comma) {
        return None;
    }
    from.last().filter(|token| is_name(token) && (only_names || is_alias)).cloned()
}

#[cfg(test)]
mod tests {
    use crate::parser::tokens::tokenize;

    #[test]
    fn queries_become_selects() {
        for (piped, written) in [
            ("FROM t SELECT a WHERE b", "SELECT a FROM t WHERE b"),
            ("FROM t WHERE b", "SELECT * FROM t WHERE b"),
            ("SELECT trim ( x FROM y )", "SELECT trim ( x FROM y )"),
            ("FROM t EXCEPT FROM u", "SELECT * FROM t EXCEPT SELECT * FROM u"),
            (
                "FROM t SELECT * EXCEPT ( a ) MINUS FROM u",
                "SELECT * EXCEPT ( a ) FROM t MINUS SELECT * FROM u",
            ),
            (
                "BEGIN FROM t WHERE a ; FROM u |> DROP b ; END",
                "BEGIN SELECT * FROM t WHERE a ; SELECT * EXCEPT ( b ) FROM u ; END",
            ),
            ("FROM t |> WHERE a |> WHERE b", "SELECT * FROM t WHERE ( a ) AND ( b )"),
            ("FROM t |> DROP a", "SELECT * EXCEPT ( a ) FROM t"),
            ("FROM t |> AGGREGATE sum ( a ) GROUP BY b", "SELECT b , sum ( a ) FROM t GROUP BY 1"),
            (
                "FROM t |> ORDER BY a |> LIMIT 1 |> JOIN u ON t . x = u . x",
                "SELECT * FROM ( SELECT * FROM t ORDER BY a LIMIT 1 ) AS t JOIN u ON t . x = u . x",
            ),
            (
                "VALUES ( 1 ) AS t ( n ) |> WHERE n",
                "SELECT * FROM ( VALUES ( 1 ) ) AS t ( n ) WHERE ( n )",
            ),
            (
                "FROM t |> SELECT sum ( a ) OVER w WINDOW w AS ( ORDER BY a )",
                "SELECT sum ( a ) OVER w FROM t WINDOW w AS ( ORDER BY a )",
            ),
            (
                "WITH a AS ( FROM t ) FROM a |> SELECT 1",
                "WITH a AS ( SELECT * FROM t ) SELECT 1 FROM a",
            ),
        ] {
            let tokens = tokenize(piped, None).unwrap();
            let shown: Vec<String> =
                tokens.iter().map(|t| t.token.to_string()).filter(|t| t != "EOF").collect();
            assert_eq!(shown.join(" "), written, "{piped}");
        }
    }
}
