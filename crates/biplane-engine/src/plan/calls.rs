//! Calls that are another expression here: `year(d)`, `isnull(x)`, `int('1')`, `count_if(c)`.

use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, DateTimeField, Expr, ExtractSyntax, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, ObjectNamePart, UnaryOperator, Value,
};

use super::functions::cast;
use super::rewrite::plain;
use crate::parser::UNSIGNED_SHIFT;

/// Characters with a meaning in a pattern.
const PATTERN_CHARACTERS: [char; 12] =
    ['\\', '.', '[', ']', '(', ')', '{', '}', '*', '+', '?', '^'];

/// The expression that means the same, where there is one.
pub fn meaning(expr: &mut Expr) -> Option<Expr> {
    let is_ilike = matches!(expr, Expr::ILike { .. });
    match expr {
        Expr::RLike { negated, expr, pattern, .. } => {
            let call = call("regexp_like", vec![take(expr), take(pattern)]);
            Some(if *negated { not(call) } else { call })
        }
        Expr::Collate { expr, collation } => {
            let parts = collation.0.iter().filter_map(|part| part.as_ident());
            let name: Vec<&str> = parts.map(|part| part.value.as_str()).collect();
            let name = Expr::value(Value::SingleQuotedString(name.join(".")));
            Some(call("collate", vec![take(expr), name]))
        }
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            let mut arguments = vec![take(expr), take(overlay_what), take(overlay_from)];
            arguments.extend(overlay_for.as_mut().map(|length| take(length)));
            Some(call("overlay", arguments))
        }
        Expr::Like { any: false, pattern, escape_char, .. }
        | Expr::ILike { any: false, pattern, escape_char, .. }
            if escape_char.is_some() =>
        {
            escaped(pattern, escape_char);
            None
        }
        Expr::Like { negated, any, expr, pattern, escape_char }
        | Expr::ILike { negated, any, expr, pattern, escape_char } => {
            let (all, patterns) = many_patterns(*any, pattern)?;
            let insensitive = is_ilike;
            let (negated, any, value) = (*negated, false, take(expr));
            let escape_char = escape_char.take();
            let each = patterns.into_iter().map(|pattern| {
                let (expr, pattern) = (Box::new(value.clone()), Box::new(pattern));
                let escape_char = escape_char.clone();
                match insensitive {
                    true => Expr::ILike { negated, any, expr, pattern, escape_char },
                    false => Expr::Like { negated, any, expr, pattern, escape_char },
                }
            });
            let op = if all { BinaryOperator::And } else { BinaryOperator::Or };
            let joined = each.reduce(|left, right| Expr::BinaryOp {
                left: Box::new(left),
                op: op.clone(),
                right: Box::new(right),
            });
            Some(Expr::Nested(Box::new(joined?)))
        }
        Expr::Cast { expr, data_type: ast::DataType::Custom(name, _), .. } => {
            let name = name.to_string().to_lowercase();
            let of = name.strip_prefix(crate::parser::forms::INTERVAL_TYPE)?.replace('_', " ");
            let of = Expr::value(Value::SingleQuotedString(of));
            Some(call("interval_of", vec![take(expr), of]))
        }
        Expr::UnaryOp { op: UnaryOperator::BangNot, expr } => Some(not(take(expr))),
        Expr::Ceil { expr, field: ast::CeilFloorKind::Scale(places) } => {
            Some(call("ceil_to", vec![take(expr), Expr::Value(places.clone())]))
        }
        Expr::Floor { expr, field: ast::CeilFloorKind::Scale(places) } => {
            Some(call("floor_to", vec![take(expr), Expr::Value(places.clone())]))
        }
        Expr::Struct { values, fields } if fields.is_empty() => {
            Some(super::spellings::named_struct(std::mem::take(values)))
        }
        Expr::Extract { field, expr, .. } => {
            let part = field.to_string().to_lowercase();
            let is_second = matches!(part.as_str(), "second" | "seconds");
            let is_literal = matches!(expr.as_ref(), Expr::Interval(_));
            (is_second || is_literal).then(|| part_of(part, take(expr)))
        }
        Expr::Interval(interval) => super::intervals::literal(interval, false),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Interval(interval) => super::intervals::literal(interval, true),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr } => {
            Some(call("bitwise_not", vec![take(expr)]))
        }
        Expr::BinaryOp { left, op, right } => {
            let name = match op {
                BinaryOperator::PGBitwiseShiftLeft => "shiftleft",
                BinaryOperator::PGBitwiseShiftRight => "shiftright",
                BinaryOperator::Custom(op) if op == UNSIGNED_SHIFT => "shiftrightunsigned",
                _ => return None,
            };
            Some(call(name, vec![take(left), take(right)]))
        }
        Expr::Lambda(lambda) => {
            let Expr::Tuple(parts) = lambda.body.as_mut() else { return None };
            let parts = std::mem::take(parts);
            *lambda.body = call("struct", parts);
            None
        }
        Expr::JsonAccess { value, path } => {
            let path = Expr::value(Value::SingleQuotedString(json_path(path)?));
            Some(call("variant_path", vec![take(value), path]))
        }
        Expr::Function(function) => {
            super::spellings::of_call(function).or_else(|| of_call(function))
        }
        _ => None,
    }
}

/// `LIKE 'a!%' ESCAPE '!'` is `LIKE 'a\\%'`.
fn escaped(pattern: &mut Expr, escape_char: &mut Option<ast::ValueWithSpan>) {
    let Some(Value::SingleQuotedString(escape)) = escape_char.as_ref().map(|given| &given.value)
    else {
        return;
    };
    let Ok([escape]) = <[char; 1]>::try_from(escape.chars().collect::<Vec<_>>()) else { return };
    let Expr::Value(value) = pattern else { return };
    let Value::SingleQuotedString(text) = &mut value.value else { return };
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            letter if letter == escape => {
                out.push('\\');
                out.extend(letters.next());
            }
            '\\' => out.push_str("\\\\"),
            letter => out.push(letter),
        }
    }
    *text = out;
    *escape_char = None;
}

/// `v:a.b[0]` as `$['a']['b'][0]`. Names of keys are as they are written.
fn json_path(path: &ast::JsonPath) -> Option<String> {
    let mut out = String::from("$");
    for element in &path.path {
        match element {
            ast::JsonPathElem::Dot { key, .. } => {
                let quote = if key.contains('\'') { '"' } else { '\'' };
                out.push_str(&format!("[{quote}{key}{quote}]"));
            }
            ast::JsonPathElem::Bracket { key } | ast::JsonPathElem::ColonBracket { key } => {
                let Expr::Value(value) = key else { return None };
                match &value.value {
                    Value::Number(digits, _) => out.push_str(&format!("[{digits}]")),
                    Value::SingleQuotedString(key) | Value::DoubleQuotedString(key) => {
                        let quote = if key.contains('\'') { '"' } else { '\'' };
                        out.push_str(&format!("[{quote}{key}{quote}]"));
                    }
                    _ => return None,
                }
            }
        }
    }
    Some(out)
}

/// A part of an interval, or the seconds of a timestamp.
pub fn part_of(part: String, of: Expr) -> Expr {
    call("part_of", vec![Expr::value(Value::SingleQuotedString(part)), of])
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::value(Value::Null))
}

/// `LIKE ANY (…)` and `LIKE ALL (…)`: whether all must fit.
fn many_patterns(any: bool, pattern: &Expr) -> Option<(bool, Vec<Expr>)> {
    match pattern {
        Expr::Tuple(patterns) if any => Some((false, patterns.clone())),
        Expr::Nested(pattern) if any => Some((false, vec![pattern.as_ref().clone()])),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("all") => {
            Some((true, arguments(function)?))
        }
        _ => None,
    }
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) }
}

fn number(digits: &str) -> Expr {
    Expr::value(Value::Number(digits.to_owned(), false))
}

pub fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)));
    Expr::Function(Function {
        name: ast::ObjectName(vec![ObjectNamePart::Identifier(plain(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// `avg(x) FILTER (WHERE c)` → the average of what `c` leaves: the function passes over the filter where
/// rows are grouped.
pub fn filtered_average(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let name = function.name.to_string().to_lowercase();
    if !matches!(name.as_str(), "avg" | "try_avg") {
        return;
    }
    let FunctionArguments::List(list) = &mut function.args else { return };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] = list.args.as_mut_slice() else {
        return;
    };
    let Some(condition) = function.filter.take() else { return };
    let result = take(value);
    *value = Expr::Case {
        case_token: ast::helpers::attached_token::AttachedToken::empty(),
        end_token: ast::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![ast::CaseWhen { condition: *condition, result }],
        else_result: None,
    };
}

/// Plain positional arguments of a plain call.
pub fn arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect()
}

fn of_call(function: &Function) -> Option<Expr> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    let name = name.value.to_lowercase();
    if !KNOWN.contains(&name.as_str()) {
        return None;
    }
    let mut given = arguments(function)?.into_iter();
    let arguments = (given.next(), given.next(), given.next());
    if name == "count_if" {
        let (Some(condition), None, None) = arguments else { return None };
        let counted = call("nullif", vec![condition, Expr::value(Value::Boolean(false))]);
        let Expr::Function(mut count) = call("count", vec![counted]) else { return None };
        count.filter = function.filter.clone();
        count.over = function.over.clone();
        return Some(Expr::Function(count));
    }
    Some(match (name.as_str(), arguments) {
        ("isnull", (Some(value), None, None)) => Expr::IsNull(Box::new(value)),
        ("isnotnull", (Some(value), None, None)) => Expr::IsNotNull(Box::new(value)),
        ("zeroifnull", (Some(value), None, None)) => call("coalesce", vec![value, number("0")]),
        ("nullifzero", (Some(value), None, None)) => call("nullif", vec![value, number("0")]),
        ("iff", (Some(condition), Some(yes), Some(no))) => call("if", vec![condition, yes, no]),
        ("equal_null", (Some(left), Some(right), None)) => Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::Spaceship,
            right: Box::new(right),
        },
        ("mod", (Some(left), Some(right), None)) => operator(left, BinaryOperator::Modulo, right),
        ("pmod", (Some(left), Some(right), None)) => {
            let op = BinaryOperator::Custom(super::fitting::POSITIVE_REMAINDER.to_owned());
            operator(left, op, right)
        }
        // All matches, not the first alone.
        ("regexp_replace", (Some(value), Some(pattern), Some(new))) if given.next().is_none() => {
            let all = Expr::value(Value::SingleQuotedString("g".to_owned()));
            call("regexp_replace", vec![value, pattern, new, all])
        }
        ("split", (Some(value), Some(pattern), None)) => {
            let text = plain_delimiter(&pattern)?;
            let delimiter = Expr::value(Value::SingleQuotedString(text));
            call("string_to_array", vec![value, delimiter])
        }
        (part, (Some(value), None, None)) => match field(part) {
            Some(field) => extract(field, value),
            None => cast(value, type_of(part)?),
        },
        _ => return None,
    })
}

fn operator(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let nested = |expr| Box::new(Expr::Nested(Box::new(expr)));
    Expr::Nested(Box::new(Expr::BinaryOp { left: nested(left), op, right: nested(right) }))
}

const KNOWN: [&str; 33] = [
    "bigint",
    "binary",
    "boolean",
    "count_if",
    "date",
    "day",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "double",
    "equal_null",
    "float",
    "iff",
    "int",
    "isnotnull",
    "isnull",
    "mod",
    "month",
    "nullifzero",
    "pmod",
    "quarter",
    "regexp_replace",
    "smallint",
    "split",
    "string",
    "timestamp",
    "tinyint",
    "week",
    "weekofyear",
    "year",
    "yearofweek",
    "zeroifnull",
    "decimal",
];

fn field(name: &str) -> Option<DateTimeField> {
    Some(match name {
        "year" => DateTimeField::Year,
        "quarter" => DateTimeField::Quarter,
        "month" => DateTimeField::Month,
        "week" | "weekofyear" => DateTimeField::Week(None),
        "day" | "dayofmonth" => DateTimeField::Day,
        "dayofyear" => DateTimeField::Doy,
        "dayofweek" => DateTimeField::DayOfWeek,
        _ => return None,
    })
}

fn extract(field: DateTimeField, value: Expr) -> Expr {
    // Text is a date in Spark's functions of dates.
    let value = match value {
        Expr::Value(_) if super::spellings::is_text(&value) => {
            cast(value, super::spellings::timestamp())
        }
        other => other,
    };
    let part = Expr::Extract { field, syntax: ExtractSyntax::From, expr: Box::new(value) };
    cast(part, ast::DataType::Int(None))
}

fn type_of(name: &str) -> Option<ast::DataType> {
    Some(match name {
        "string" => ast::DataType::String(None),
        "tinyint" => ast::DataType::TinyInt(None),
        "smallint" => ast::DataType::SmallInt(None),
        "int" => ast::DataType::Int(None),
        "bigint" => ast::DataType::BigInt(None),
        "float" => ast::DataType::Float(ast::ExactNumberInfo::None),
        "double" => ast::DataType::Double(ast::ExactNumberInfo::None),
        "decimal" => ast::DataType::Decimal(ast::ExactNumberInfo::None),
        "boolean" => ast::DataType::Boolean,
        "binary" => ast::DataType::Binary(None),
        "date" => ast::DataType::Date,
        "timestamp" => ast::DataType::Timestamp(None, ast::TimezoneInfo::None),
        _ => return None,
    })
}

/// A pattern that is only itself.
fn plain_delimiter(pattern: &Expr) -> Option<String> {
    let Expr::Value(value) = pattern else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    if let Some(escaped) = text.strip_prefix('\\')
        && escaped.chars().count() == 1
        && !escaped.chars().all(char::is_alphanumeric)
    {
        return Some(escaped.to_owned());
    }
    let has_meaning = |c: char| PATTERN_CHARACTERS.contains(&c) || c == '$' || c == '|';
    (!text.is_empty() && !text.contains(has_meaning)).then(|| text.clone())
}
