//! What Spark refuses of a query by its form alone, with the class that it says.

use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, JsonPath,
    JsonPathElem, LimitClause, OrderByKind, Query, SetExpr, TableFactor, UnaryOperator, Value,
    Values,
};

use crate::error::SqlError;

/// A function of one row takes neither DISTINCT, FILTER nor OVER.
pub fn of_scalar(function: &Function) -> Option<SqlError> {
    let name = function.name.to_string();
    if function.over.is_some() {
        let text = format!("Expression {name} is not supported within a window function");
        return Some(SqlError::new("UNSUPPORTED_EXPR_FOR_WINDOW", "42P20", text));
    }
    (is_distinct(function) || function.filter.is_some()).then(|| {
        let text = format!("The function {name} does not support DISTINCT or FILTER");
        SqlError::new("INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX", "42000", text)
    })
}

/// What is wrong with arguments whatever their types are.
pub fn of_arguments(function: &Function) -> Option<SqlError> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let name = function.name.to_string().to_lowercase();
    let exprs: Vec<&Expr> = list
        .args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect();
    let is_column = |expr: &Expr| matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let is_zero = |expr: &Expr| {
        matches!(expr, Expr::Value(value)
            if matches!(&value.value, Value::Number(digits, _) if digits == "0"))
    };
    let (class, state, text) = match (name.as_str(), exprs.as_slice()) {
        ("count", []) if is_distinct(function) && !list.args.is_empty() => (
            "UNSUPPORTED_FEATURE",
            "0A000",
            "The feature is not supported: count(DISTINCT *); name the columns".to_owned(),
        ),
        ("cast" | "try_cast", [_]) => (
            "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
            "42605",
            format!("The `{name}` requires 2 parameters but the actual number is 1"),
        ),
        ("percentile_cont" | "percentile_disc", [_]) if function.within_group.is_empty() => (
            "INVALID_WITHIN_GROUP_EXPRESSION.WITHIN_GROUP_MISSING",
            "42K0K",
            format!("WITHIN GROUP is required for `{name}`"),
        ),
        ("nth_value", [_, place]) if is_zero(place) => (
            "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
            "42K09",
            "The offset of nth_value must be 1 or more".to_owned(),
        ),
        ("identifier", [Expr::Value(value)])
            if !matches!(
                value.value,
                Value::SingleQuotedString(_) | Value::DoubleQuotedString(_) | Value::Placeholder(_)
            ) =>
        {
            (
                "NOT_A_CONSTANT_STRING.WRONG_TYPE",
                "42601",
                format!("IDENTIFIER takes a constant STRING, not {}", value.value),
            )
        }
        ("string_agg" | "listagg", [_, delimiter]) if is_column(delimiter) => (
            "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
            "42K09",
            format!("The delimiter of {name} must be a constant"),
        ),
        _ => return None,
    };
    Some(SqlError::new(class, state, text))
}

pub fn is_distinct(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

/// `a >= ALL (SELECT …)` is no comparison of Spark.
pub fn of_quantified(expr: &Expr) -> Option<SqlError> {
    matches!(expr, Expr::AllOp { right, .. } if matches!(**right, Expr::Subquery(_)))
        .then(|| SqlError::syntax("Syntax error at or near 'ALL': compare with max or min", 0, 0))
}

/// `count(t.*)`
pub fn of_count(function: &Function) -> Option<SqlError> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_count = function.name.to_string().eq_ignore_ascii_case("count");
    let stars = list
        .args
        .iter()
        .any(|arg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(_))));
    (is_count && stars && list.args.len() == 1).then(|| {
        let text = "count(t.*) is not allowed: give the columns or *";
        SqlError::new("INVALID_USAGE_OF_STAR_WITH_TABLE_IDENTIFIER_IN_COUNT", "42000", text)
    })
}

/// What stands behind the escape character of a LIKE is one of the three that it makes plain; and `[*]` is in no
/// path into a variant.
pub fn of_pattern(expr: &Expr) -> Option<SqlError> {
    let (pattern, escape) = match expr {
        // Spark looks at the patterns of ILIKE only in lower case, when they are no literals any more.
        Expr::Like { pattern, escape_char, .. } => (pattern.as_ref(), escape_char),
        Expr::JsonAccess { path, .. } => return of_path(path),
        _ => return None,
    };
    let escape = match escape.as_ref().map(|escape| &escape.value) {
        None => '\\',
        Some(Value::SingleQuotedString(text)) => text.chars().next()?,
        Some(_) => return None,
    };
    let Expr::Value(pattern) = pattern else { return None };
    let Value::SingleQuotedString(pattern) = &pattern.value else { return None };
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != escape {
            continue;
        }
        let (class, text) = match letters.next() {
            Some(next) if next == escape || matches!(next, '_' | '%') => continue,
            Some(next) => (
                "INVALID_FORMAT.ESC_IN_THE_MIDDLE",
                format!(
                    "The format is invalid: '{pattern}'. The escape character is not allowed to precede '{next}'"
                ),
            ),
            None => (
                "INVALID_FORMAT.ESC_AT_THE_END",
                format!(
                    "The format is invalid: '{pattern}'. The escape character is not allowed to end with"
                ),
            ),
        };
        return Some(SqlError::new(class, "42601", text));
    }
    None
}

fn of_path(path: &JsonPath) -> Option<SqlError> {
    let is_star = |key: &Expr| matches!(key, Expr::Wildcard(_));
    let has_star = path.path.iter().any(|element| match element {
        JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => is_star(key),
        JsonPathElem::Dot { .. } => false,
    });
    has_star.then(|| {
        let text = "Invalid usage of '*' in a path into a variant";
        SqlError::new("INVALID_USAGE_OF_STAR_OR_REGEX", "42000", text)
    })
}

/// `VALUES (1) AS t(a, b)` names more columns than there are, or less.
pub fn of_aliases(factor: &TableFactor) -> Option<SqlError> {
    let TableFactor::Derived { subquery, alias: Some(alias), .. } = factor else { return None };
    let SetExpr::Values(Values { rows, .. }) = subquery.body.as_ref() else { return None };
    let count = rows.first()?.content.len();
    (!alias.columns.is_empty() && alias.columns.len() != count).then(|| {
        let text = format!(
            "An inline table of {count} columns has {} names for them",
            alias.columns.len()
        );
        SqlError::new("INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH", "42000", text)
    })
}

/// A LIMIT is a number.
pub fn of_limit(query: &Query) -> Option<SqlError> {
    let Some(LimitClause::LimitOffset { limit: Some(limit), .. }) = &query.limit_clause else {
        return None;
    };
    let (class, text) = match limit {
        Expr::Value(value) if value.value == Value::Null => {
            ("INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE", "The limit expression must be an integer")
        }
        _ => return None,
    };
    Some(SqlError::new(class, "42K0E", text))
}

/// The places in ORDER BY are those of columns.
pub fn of_order(query: &Query) -> Option<SqlError> {
    let OrderByKind::Expressions(all) = &query.order_by.as_ref()?.kind else { return None };
    let place = all.iter().find_map(|by| match &by.expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                    Some(digits.clone())
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })?;
    let text = format!("ORDER BY position -{place} is not in the select list");
    Some(SqlError::new("ORDER_BY_POS_OUT_OF_RANGE", "42805", text))
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Number,
    Text,
}

fn kind(expr: &Expr) -> Option<Kind> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(..) => Some(Kind::Number),
            Value::SingleQuotedString(_) => Some(Kind::Text),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => kind(expr),
        _ => None,
    }
}

/// Rows of VALUES have as many columns each, of types that fit.
pub fn of_rows(body: &SetExpr) -> Option<SqlError> {
    let SetExpr::Values(Values { rows, .. }) = body else { return None };
    let first = rows.first()?;
    if rows.iter().any(|row| row.content.len() != first.content.len()) {
        let text = format!(
            "The rows of an inline table differ in their number of columns; the first has {}",
            first.content.len()
        );
        return Some(SqlError::new("INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH", "42000", text));
    }
    for at in 0..first.content.len() {
        let mut kinds = rows.iter().filter_map(|row| kind(&row.content[at]));
        let one = kinds.next();
        if one.is_some_and(|one| kinds.any(|other| other != one)) {
            let text = format!("Incompatible types in column {} of an inline table", at + 1);
            let class = "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE";
            return Some(SqlError::new(class, "42000", text));
        }
    }
    None
}
