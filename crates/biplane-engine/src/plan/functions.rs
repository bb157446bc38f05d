//! Functions known by name while the AST is rewritten: those of the session, and other spellings.

use datafusion::sql::sqlparser::ast::{
    self, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    JoinConstraint, JoinOperator, LambdaFunction, ObjectNamePart, Value,
};

use super::rewrite::{Scope, plain};
use crate::error::{SqlError, SqlResult};

/// Spellings of Spark for functions that are here under another name.
const SPELLINGS: &[(&str, &str)] = &[
    ("any", "bool_or"),
    ("any_value", "first_value"),
    ("approx_percentile", "percentile_approx"),
    ("approx_count_distinct", "approx_distinct"),
    ("array_size", "size"),
    ("cardinality", "size"),
    ("charindex", "locate"),
    ("curdate", "current_date"),
    ("every", "bool_and"),
    ("first", "first_value"),
    ("getdate", "current_timestamp"),
    ("ifnull", "nvl"),
    ("last", "last_value"),
    ("lcase", "lower"),
    ("len", "length"),
    ("mean", "avg"),
    ("position", "locate"),
    ("regexp", "regexp_like"),
    ("rlike", "regexp_like"),
    ("sign", "signum"),
    ("some", "bool_or"),
    ("std", "stddev"),
    ("string_agg", "listagg"),
    ("to_varchar", "to_char"),
    ("try_make_interval", "make_interval"),
    ("ucase", "upper"),
    ("variance", "var_samp"),
];

/// Spellings of aggregates, which are known by the names that they are here under.
pub fn is_aggregate(name: &str) -> bool {
    const SPELLED: [&str; 12] = [
        "any",
        "any_value",
        "approx_percentile",
        "count_if",
        "every",
        "first",
        "last",
        "mean",
        "some",
        "std",
        "string_agg",
        "variance",
    ];
    SPELLED.contains(&name)
}

/// Functions that may stand without parentheses.
const NILADIC: &[&str] = &[
    "current_catalog",
    "current_database",
    "current_date",
    "current_schema",
    "current_timestamp",
    "current_user",
    "localtimestamp",
    "session_user",
    "user",
];

pub fn is_niladic(ident: &Ident) -> bool {
    ident.quote_style.is_none() && NILADIC.contains(&ident.value.to_lowercase().as_str())
}

/// Functions with a value of the session or the statement, beside those without parentheses.
const OF_SESSION: &[&str] = &[
    "current_metastore",
    "current_path",
    "current_time",
    "current_timezone",
    "current_version",
    "curdate",
    "getdate",
    "is_account_group_member",
    "is_member",
    "localtimestamp",
    "now",
    "unix_timestamp",
    "version",
];

/// Whether the session or the time says what this is. `unix_timestamp` does without arguments alone.
pub fn is_of_session(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(ident) => is_niladic(ident),
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            let is_empty = match &function.args {
                FunctionArguments::List(list) => list.args.is_empty(),
                _ => true,
            };
            NILADIC.contains(&name.as_str())
                || (OF_SESSION.contains(&name.as_str()) && (is_empty || name != "unix_timestamp"))
        }
        _ => false,
    }
}

/// The value of a function that only the session knows.
pub fn session_value(scope: &Scope<'_>, expr: &Expr) -> Option<Expr> {
    let (name, argument) = match expr {
        Expr::Identifier(ident) if is_niladic(ident) => (ident.value.to_lowercase(), None),
        Expr::Function(function) => call(function)?,
        _ => return None,
    };
    let state = &scope.cx.state;
    let text = |value: &str| Some(Expr::value(Value::SingleQuotedString(value.to_owned())));
    match (name.as_str(), argument) {
        ("current_user" | "session_user" | "user", None) => text(&state.user_name),
        ("current_catalog", None) => text(&scope.cx.catalog()),
        ("current_schema" | "current_database", None) => text(&scope.cx.schema()),
        ("current_path", None) => {
            let (catalog, schema) = (scope.cx.catalog(), scope.cx.schema());
            text(&format!("system.builtin,system.session,{catalog}.{schema}"))
        }
        ("current_metastore", None) => text(&state.metastore_id),
        ("current_timezone", None) => text(&scope.cx.settings.time_zone),
        ("version", None) => text(concat!("4.0.0 biplane ", env!("CARGO_PKG_VERSION"))),
        ("current_version", None) => text(env!("CARGO_PKG_VERSION")),
        ("is_account_group_member" | "is_member", Some(group)) => {
            let member = state.groups.iter().any(|name| name.eq_ignore_ascii_case(&group));
            Some(Expr::value(Value::Boolean(member)))
        }
        ("localtimestamp", None) => {
            let wall = ast::DataType::Timestamp(None, ast::TimezoneInfo::WithoutTimeZone);
            Some(cast(empty_call("current_timestamp"), wall))
        }
        ("current_timestamp" | "current_date", None) => match expr {
            Expr::Identifier(_) => Some(empty_call(&name)),
            _ => None,
        },
        _ => None,
    }
}

/// Name and the one text argument, if it is such a call.
fn call(function: &Function) -> Option<(String, Option<String>)> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    let name = name.value.to_lowercase();
    match &function.args {
        FunctionArguments::None => Some((name, None)),
        FunctionArguments::List(list) => match list.args.as_slice() {
            [] => Some((name, None)),
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] => match &value.value
            {
                Value::SingleQuotedString(text) => Some((name, Some(text.clone()))),
                _ => None,
            },
            _ => None,
        },
        FunctionArguments::Subquery(_) => None,
    }
}

fn empty_call(name: &str) -> Expr {
    Expr::Function(Function {
        name: ast::ObjectName(vec![ObjectNamePart::Identifier(plain(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![],
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// `system.builtin.upper` and `builtin.upper` are `upper`.
pub fn of_the_system(name: &mut ast::ObjectName) {
    let is = |part: &ObjectNamePart, word: &str| matches!(part, ObjectNamePart::Identifier(ident) if ident.value.eq_ignore_ascii_case(word));
    let first = match name.0.as_slice() {
        [system, builtin, _] if is(system, "system") && is(builtin, "builtin") => 2,
        [builtin, _] if is(builtin, "builtin") => 1,
        _ => return,
    };
    name.0.drain(..first);
}

/// The name that `IDENTIFIER(v)` spells, `v` being a variable. None: it is left to who plans.
pub fn named_by_variable(
    scope: &Scope<'_>,
    args: &[FunctionArg],
) -> SqlResult<Option<ast::ObjectName>> {
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(given))] = args else { return Ok(None) };
    let parts = match given {
        Expr::Identifier(name) => vec![name.value.clone()],
        Expr::CompoundIdentifier(parts) => parts.iter().map(|part| part.value.clone()).collect(),
        _ => return Ok(None),
    };
    let Some(variable) = scope.cx.variable(&parts).filter(|_| scope.temp_views) else {
        return Ok(None);
    };
    match variable.value.try_as_str() {
        Some(Some(text)) => {
            let name = crate::parser::parse_name(text)?;
            let parts = name.0.into_iter().map(|part| Ident::with_quote('`', part));
            Ok(Some(ast::ObjectName(parts.map(ObjectNamePart::Identifier).collect())))
        }
        Some(None) => {
            let text = "IDENTIFIER takes a constant STRING, not NULL";
            Err(SqlError::new("NOT_A_CONSTANT_STRING.NULL", "42601", text))
        }
        None => {
            let text = "IDENTIFIER takes a constant STRING";
            Err(SqlError::new("NOT_A_CONSTANT_STRING.WRONG_TYPE", "42601", text))
        }
    }
}

/// `range(1.5)` counts to 1.
pub fn whole(args: &mut [FunctionArg]) {
    for arg in args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = arg
            && let Value::Number(digits, false) = &mut value.value
            && let Some(point) = digits.find('.').filter(|_| !digits.contains(['e', 'E']))
        {
            digits.truncate(point);
            if digits.is_empty() {
                digits.push('0');
            }
        }
    }
}

/// Lower case, and the name under which the function is here.
pub fn rename(function: &mut Function) {
    if let [ObjectNamePart::Identifier(name)] = function.name.0.as_mut_slice() {
        let lower = name.value.to_lowercase();
        let known = SPELLINGS.iter().find(|(spelling, _)| *spelling == lower);
        name.value = known.map_or(lower, |(_, here)| (*here).to_owned());
        name.quote_style = None;
    }
}

pub fn lower_lambda(lambda: &mut LambdaFunction) {
    use ast::OneOrManyWithParens::{Many, One};
    let lower = |ident: &mut Ident| {
        ident.value = ident.value.to_lowercase();
        ident.quote_style = None;
    };
    match &mut lambda.params {
        One(parameter) => lower(&mut parameter.name),
        Many(parameters) => parameters.iter_mut().for_each(|parameter| lower(&mut parameter.name)),
    }
}

pub fn cast(expr: Expr, data_type: ast::DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

pub fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

/// `SEMI` and `ANTI` are those of the left side.
pub fn one_sided(operator: &mut JoinOperator) {
    *operator = match operator {
        JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint.clone()),
        JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint.clone()),
        _ => return,
    };
}

/// Arguments of a table function.
pub fn named_arguments(arguments: &[FunctionArg]) -> SqlResult<Vec<(Option<String>, Expr)>> {
    arguments
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok((None, expr.clone())),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. } => {
                Ok((Some(name.value.clone()), expr.clone()))
            }
            FunctionArg::ExprNamed {
                name: Expr::Identifier(name),
                arg: FunctionArgExpr::Expr(expr),
                ..
            } => Ok((Some(name.value.clone()), expr.clone())),
            _ => Err(SqlError::unsupported("an argument of this form")),
        })
        .collect()
}
