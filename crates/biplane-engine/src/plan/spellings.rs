//! Calls of Spark that are written otherwise here: other names, other forms, casts to Spark's types. What is
//! put into a cast keeps its name in quotes, by which it is known when it is seen again.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, CaseWhen, DataType, DuplicateTreatment, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, NullTreatment,
    ObjectNamePart, OrderByExpr, TimezoneInfo, UnaryOperator, Value,
};

use super::calls::{arguments, call};
use super::functions::cast;
use super::rewrite::plain;

/// Made of parts or text as an instant in UTC; Spark's TIMESTAMP has the session's zone.
const INSTANTS: &[&str] = &[
    "make_timestamp",
    "make_timestamp_ltz",
    "timestamp_micros",
    "timestamp_millis",
    "timestamp_seconds",
    "try_make_timestamp",
    "try_make_timestamp_ltz",
];

/// Counts and places that are INT in Spark.
const SMALL: &[&str] =
    &["dense_rank", "ntile", "rank", "regexp_count", "regexp_instr", "row_number"];

/// Which argument is a point in time, though it may be written as text.
const MOMENTS: &[(&str, usize)] = &[
    ("date_trunc", 1),
    ("from_utc_timestamp", 0),
    ("hour", 0),
    ("minute", 0),
    ("second", 0),
    ("to_utc_timestamp", 0),
];

pub fn timestamp() -> DataType {
    DataType::Timestamp(None, TimezoneInfo::None)
}

fn wall() -> DataType {
    DataType::Timestamp(None, TimezoneInfo::WithoutTimeZone)
}

fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_owned()))
}

pub fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value)
        if matches!(value.value, Value::SingleQuotedString(_) | Value::DoubleQuotedString(_)))
}

/// What a call means, where it is another one.
pub fn of_call(function: &Function) -> Option<Expr> {
    let [ObjectNamePart::Identifier(ident)] = function.name.0.as_slice() else { return None };
    if ident.quote_style.is_some() {
        return None;
    }
    let name = ident.value.to_lowercase();
    let name = name.as_str();
    if let Some(given) = ordered(name, function) {
        return Some(given);
    }
    let args = arguments(function)?;
    if INSTANTS.contains(&name) {
        return Some(cast(seen(function), timestamp()));
    }
    if SMALL.contains(&name) && (name.starts_with("regexp") || function.over.is_some()) {
        let mut function = function.clone();
        if name.ends_with("rank") {
            // Spark lets the keys of the order be written as arguments too.
            function.args = empty();
        }
        return Some(cast(seen(&function), DataType::Int(None)));
    }
    if let Some(given) = renamed(name, function, &args) {
        return Some(given);
    }
    match name {
        "any_value" | "first" | "first_value" | "last" | "last_value" => {
            ignoring(name, function, args)
        }
        "decode" if args.len() > 2 => Some(chosen(args)),
        "struct" if !args.is_empty() => Some(named_struct(args)),
        "to_unix_timestamp" | "unix_timestamp" => Some(unix_timestamp(args)),
        _ => moments(name, args),
    }
}

/// Calls of another name, or with other arguments.
fn renamed(name: &str, function: &Function, args: &[Expr]) -> Option<Expr> {
    Some(match (name, args) {
        ("array_sort", [values, Expr::Lambda(comparison)]) => {
            call("array_sort_by", vec![values.clone(), Expr::Lambda(comparison.clone())])
        }
        ("round" | "bround" | "ceil" | "ceiling" | "floor", [value, places]) => {
            let name = if name == "ceiling" { "ceil" } else { name };
            call(&format!("{name}_to"), vec![value.clone(), places.clone()])
        }
        ("round" | "bround", [value]) => {
            let none = Expr::value(Value::Number("0".to_owned(), false));
            call(&format!("{name}_to"), vec![value.clone(), none])
        }
        ("median", [value]) => {
            let half = Expr::value(Value::Number("0.5".to_owned(), false));
            let Expr::Function(mut new) = call("percentile", vec![value.clone(), half]) else {
                return None;
            };
            new.over = function.over.clone();
            new.filter = function.filter.clone();
            Expr::Function(new)
        }
        ("uniform", [least, most, seed @ ..]) if seed.len() < 2 => uniform(least, most, seed),
        ("timestampadd" | "dateadd" | "date_add", [Expr::Identifier(unit), count, of]) => {
            later(&unit.value, count, of)?
        }
        (
            "timestampdiff" | "timediff" | "datediff" | "date_diff",
            [Expr::Identifier(unit), from, to],
        ) => {
            let unit = text(&unit.value.to_lowercase());
            call("timestamp_diff", vec![unit, from.clone(), to.clone()])
        }
        ("trunc", [_, Expr::Value(unit)]) if !is_unit(unit, &UNITS_OF_DATES) => {
            cast(Expr::value(Value::Null), DataType::Date)
        }
        ("date_trunc", [Expr::Value(unit), _])
            if !is_unit(unit, &UNITS_OF_DATES) && !is_unit(unit, &UNITS_OF_TIMES) =>
        {
            cast(Expr::value(Value::Null), timestamp())
        }
        ("rand" | "random", [seed]) => call("seeded_rand", vec![seed.clone()]),
        ("nvl" | "ifnull", [first, second]) => {
            call("coalesce", vec![first.clone(), second.clone()])
        }
        ("mode", [value, Expr::Value(flag)]) if flag.value == Value::Boolean(false) => {
            let Expr::Function(mut new) = call("mode", vec![value.clone()]) else { return None };
            new.over = function.over.clone();
            new.filter = function.filter.clone();
            Expr::Function(new)
        }
        ("grouping", [_]) => cast(seen(function), DataType::TinyInt(None)),
        ("grouping_id", [_, ..]) => {
            let grouping = call("grouping", args.to_vec());
            let Expr::Function(grouping) = grouping else { return None };
            cast(seen(&grouping), DataType::BigInt(None))
        }
        ("date_part" | "datepart", [Expr::Value(part), of]) => {
            let Value::SingleQuotedString(part) = &part.value else { return None };
            let part = part.to_lowercase();
            let is_second = matches!(part.as_str(), "second" | "seconds");
            let is_literal = matches!(of, Expr::Interval(_));
            return (is_second || is_literal).then(|| super::calls::part_of(part, of.clone()));
        }
        ("percent_rank" | "cume_dist", [_, ..]) if function.over.is_some() => {
            let mut function = function.clone();
            function.args = empty();
            seen(&function)
        }
        _ => return None,
    })
}

const UNITS_OF_DATES: [&str; 8] = ["year", "yyyy", "yy", "quarter", "month", "mm", "mon", "week"];
const UNITS_OF_TIMES: [&str; 7] =
    ["day", "dd", "hour", "minute", "second", "millisecond", "microsecond"];

/// A literal that is none of them is none for Spark too, and the result is NULL.
fn is_unit(value: &ast::ValueWithSpan, units: &[&str]) -> bool {
    match &value.value {
        Value::SingleQuotedString(text) => units.iter().any(|unit| text.eq_ignore_ascii_case(unit)),
        _ => true,
    }
}

/// So many units later. A date is the timestamp at which it begins: adding no time makes it that.
fn later(unit: &str, count: &Expr, of: &Expr) -> Option<Expr> {
    let nested = |expr: Expr| Box::new(Expr::Nested(Box::new(expr)));
    let plus = |left, right| Expr::BinaryOp { left, op: BinaryOperator::Plus, right };
    let unit = super::intervals::one(unit)?;
    let many = Expr::BinaryOp {
        left: nested(unit),
        op: BinaryOperator::Multiply,
        right: nested(count.clone()),
    };
    let of = if is_text(of) { cast(of.clone(), timestamp()) } else { of.clone() };
    let moment = plus(nested(of), Box::new(super::intervals::no_time()));
    Some(plus(nested(moment), nested(many)))
}

/// A random number between two others, whole where both are.
fn uniform(least: &Expr, most: &Expr, seed: &[Expr]) -> Expr {
    let nested = |expr: &Expr| Box::new(Expr::Nested(Box::new(expr.clone())));
    let of = |left, op, right| Expr::BinaryOp { left, op, right };
    let double = |expr: Expr| cast(expr, DataType::Double(ast::ExactNumberInfo::None));
    let width = double(of(nested(most), BinaryOperator::Minus, nested(least)));
    let part = of(nested(&width), BinaryOperator::Multiply, nested(&call("rand", seed.to_vec())));
    let number = of(nested(&double(least.clone())), BinaryOperator::Plus, nested(&part));
    let is_whole = |expr: &Expr| {
        let mut inner = expr;
        while let Expr::UnaryOp { expr, .. } | Expr::Nested(expr) = inner {
            inner = expr;
        }
        matches!(inner, Expr::Value(value)
            if matches!(&value.value, Value::Number(digits, _) if digits.parse::<i32>().is_ok()))
    };
    match is_whole(least) && is_whole(most) {
        true => cast(call("floor", vec![number]), DataType::Int(None)),
        false => number,
    }
}

fn moments(name: &str, mut args: Vec<Expr>) -> Option<Expr> {
    if let Some((_, at)) = MOMENTS.iter().find(|(known, _)| *known == name)
        && args.get(*at).is_some_and(is_text)
    {
        let moment = args.remove(*at);
        args.insert(*at, cast(moment, timestamp()));
        return Some(call(name, args));
    }
    let mut args = args.into_iter();
    Some(match (name, args.next(), args.next(), args.next()) {
        ("e", None, None, None) => {
            let one = Expr::value(Value::Number("1".to_owned(), false));
            call("exp", vec![cast(one, DataType::Double(ast::ExactNumberInfo::None))])
        }
        ("positive", Some(value), None, None) => {
            Expr::UnaryOp { op: UnaryOperator::Plus, expr: Box::new(value) }
        }
        ("to_date", Some(value), Some(format), None) => call("to_date_by", vec![value, format]),
        ("try_to_date", Some(value), None, None) => try_cast(value, DataType::Date),
        ("try_to_date", Some(value), Some(format), None) => {
            call("try_to_date_by", vec![value, format])
        }
        ("to_timestamp" | "to_timestamp_ltz", Some(value), None, None) => cast(value, timestamp()),
        ("to_timestamp" | "to_timestamp_ltz", Some(value), Some(format), None) => {
            cast(call("to_timestamp_by", vec![value, format]), timestamp())
        }
        ("try_to_timestamp", Some(value), None, None) => try_cast(value, timestamp()),
        ("try_to_timestamp", Some(value), Some(format), None) => {
            cast(call("try_to_timestamp_by", vec![value, format]), timestamp())
        }
        ("to_timestamp_ntz", Some(value), None, None) => cast(value, wall()),
        ("to_timestamp_ntz", Some(value), Some(format), None) => {
            call("to_timestamp_ntz_by", vec![value, format])
        }
        _ => return None,
    })
}

fn unix_timestamp(args: Vec<Expr>) -> Expr {
    let mut args = args.into_iter();
    let value = args.next().unwrap_or_else(|| call("current_timestamp", Vec::new()));
    let format = args.next().unwrap_or_else(|| text("yyyy-MM-dd HH:mm:ss"));
    call("unix_timestamp_by", [value, format].into_iter().chain(args).collect())
}

fn try_cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: ast::CastKind::TryCast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

/// The same call, known when it is seen again.
fn seen(function: &Function) -> Expr {
    let mut function = function.clone();
    if let [ObjectNamePart::Identifier(ident)] = function.name.0.as_mut_slice() {
        *ident = Ident::with_quote('`', ident.value.to_lowercase());
    }
    Expr::Function(function)
}

fn empty() -> FunctionArguments {
    FunctionArguments::List(ast::FunctionArgumentList {
        duplicate_treatment: None,
        args: Vec::new(),
        clauses: Vec::new(),
    })
}

/// `first(x, true)` is `first(x) IGNORE NULLS`.
fn ignoring(name: &str, function: &Function, args: Vec<Expr>) -> Option<Expr> {
    let mut args = args.into_iter();
    let (value, flag) = (args.next()?, args.next()?);
    let Expr::Value(flag) = flag else { return None };
    let Value::Boolean(ignores) = flag.value else { return None };
    let Expr::Function(mut new) = call(name, vec![value]) else { return None };
    new.null_treatment = ignores.then_some(NullTreatment::IgnoreNulls);
    new.over = function.over.clone();
    new.filter = function.filter.clone();
    Some(Expr::Function(new))
}

/// `decode(e, a, 1, b, 2, 3)`, by which a NULL is found too.
fn chosen(args: Vec<Expr>) -> Expr {
    let mut args = args.into_iter();
    let subject = args.next().unwrap_or_else(|| Expr::value(Value::Null));
    let (mut conditions, mut otherwise) = (Vec::new(), None);
    while let Some(wanted) = args.next() {
        match args.next() {
            None => otherwise = Some(Box::new(wanted)),
            Some(result) => conditions.push(CaseWhen {
                condition: Expr::BinaryOp {
                    left: Box::new(subject.clone()),
                    op: BinaryOperator::Spaceship,
                    right: Box::new(wanted),
                },
                result,
            }),
        }
    }
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions,
        else_result: otherwise,
    }
}

/// Fields are called as the columns they come from, or by their place.
pub fn named_struct(args: Vec<Expr>) -> Expr {
    let mut fields = Vec::with_capacity(args.len() * 2);
    for (place, value) in args.into_iter().enumerate() {
        let name = match &value {
            Expr::Identifier(ident) => ident.value.clone(),
            Expr::CompoundIdentifier(parts) => {
                parts.last().map(|part| part.value.clone()).unwrap_or_default()
            }
            _ => format!("col{}", place + 1),
        };
        fields.extend([text(&name), value]);
    }
    call("named_struct", fields)
}

/// Aggregates that say what they look at by `WITHIN GROUP (ORDER BY …)`.
fn ordered(name: &str, function: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let mut new = function.clone();
    let order = std::mem::take(&mut new.within_group);
    let mut set = |name: &str, args: Vec<Expr>, clauses: Vec<FunctionArgumentClause>| {
        new.name = ast::ObjectName(vec![ObjectNamePart::Identifier(plain(name))]);
        new.args = FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: list.duplicate_treatment.filter(|_| !name.starts_with("listagg")),
            args: args
                .into_iter()
                .map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)))
                .collect(),
            clauses,
        });
        Expr::Function(new.clone())
    };
    let given: Option<Vec<Expr>> = list
        .args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect();
    let is_distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let is_up = |by: &OrderByExpr| by.options.asc != Some(false);
    match (name, order.as_slice(), given?.as_slice()) {
        // Rows in which none of them is NULL.
        ("count", [], [first, rest @ ..]) if is_distinct && !rest.is_empty() => {
            let known =
                |value: &Expr| Expr::IsNotNull(Box::new(Expr::Nested(Box::new(value.clone()))));
            let condition = rest.iter().fold(known(first), |all, next| Expr::BinaryOp {
                left: Box::new(all),
                op: BinaryOperator::And,
                right: Box::new(known(next)),
            });
            let values = std::iter::once(first).chain(rest).cloned().collect();
            let all = Expr::Case {
                case_token: AttachedToken::empty(),
                end_token: AttachedToken::empty(),
                operand: None,
                conditions: vec![CaseWhen { condition, result: call("struct", values) }],
                else_result: None,
            };
            Some(set("count", vec![all], Vec::new()))
        }
        ("listagg" | "string_agg", by, args) if is_distinct || !by.is_empty() => {
            let name = if is_distinct { "listagg_distinct" } else { "listagg" };
            let order = FunctionArgumentClause::OrderBy(order.clone());
            let clauses = if by.is_empty() { Vec::new() } else { vec![order] };
            Some(set(name, args.to_vec(), clauses))
        }
        ("mode", [by], []) => {
            let name = if is_up(by) { "mode" } else { "mode_greatest" };
            Some(set(name, vec![by.expr.clone()], Vec::new()))
        }
        ("percentile_cont", [by], [share]) if is_up(by) => {
            Some(set("percentile", vec![by.expr.clone(), share.clone()], Vec::new()))
        }
        ("percentile_disc", [by], [share]) if is_up(by) => {
            Some(set("percentile_disc_of", vec![by.expr.clone(), share.clone()], Vec::new()))
        }
        ("percentile_disc", [by], [share]) => {
            Some(set("percentile_disc_down_of", vec![by.expr.clone(), share.clone()], Vec::new()))
        }
        ("percentile_cont", [by], [share]) => {
            let one = Box::new(Expr::value(Value::Number("1".to_owned(), false)));
            let share = Box::new(Expr::Nested(Box::new(share.clone())));
            let share = Expr::BinaryOp { left: one, op: BinaryOperator::Minus, right: share };
            Some(set("percentile", vec![by.expr.clone(), share], Vec::new()))
        }
        _ => None,
    }
}
