//! The name that Spark gives to a column without an alias: its expression, printed its way.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DuplicateTreatment, Expr, FunctionArg, FunctionArgExpr,
    FunctionArguments, UnaryOperator, Value,
};

const NAME_CHARS_MAX: usize = 2_000;

/// Bounded; never fails.
pub fn display_name(expr: &Expr) -> String {
    let name = print(expr);
    if name.len() <= NAME_CHARS_MAX { name } else { name.chars().take(NAME_CHARS_MAX).collect() }
}

fn print(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map(|ident| ident.value.clone()).unwrap_or_default()
        }
        Expr::Nested(inner) => print(inner),
        Expr::Value(value) => literal(&value.value),
        Expr::TypedString(typed) => {
            let text = match &typed.value.value {
                Value::SingleQuotedString(text) => text.clone(),
                other => other.to_string(),
            };
            format!("{} '{text}'", typed.data_type)
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(value) => format!("-{}", literal(&value.value)),
            other => format!("(- {})", print(other)),
        },
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => format!("(+ {})", print(expr)),
        Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, expr } => {
            format!("(NOT {})", print(expr))
        }
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => {
            format!("(NOT ({} = {}))", print(left), print(right))
        }
        Expr::BinaryOp { left, op, right } => {
            let op = match op {
                BinaryOperator::StringConcat => {
                    return format!("concat({}, {})", print(left), print(right));
                }
                BinaryOperator::MyIntegerDivide => "div".to_owned(),
                BinaryOperator::Spaceship => "<=>".to_owned(),
                other => other.to_string(),
            };
            format!("({} {op} {})", print(left), print(right))
        }
        Expr::IsNull(inner) => format!("({} IS NULL)", print(inner)),
        Expr::IsNotNull(inner) => format!("({} IS NOT NULL)", print(inner)),
        Expr::InList { expr, list, negated } => {
            let list: Vec<String> = list.iter().take(100).map(print).collect();
            negate(*negated, format!("({} IN ({}))", print(expr), list.join(", ")))
        }
        Expr::Between { expr, negated, low, high } => {
            let text = format!("between({}, {}, {})", print(expr), print(low), print(high));
            negate(*negated, text)
        }
        Expr::Like { negated, expr, pattern, .. } => {
            negate(*negated, format!("{} LIKE {}", print(expr), print(pattern)))
        }
        Expr::ILike { negated, expr, pattern, .. } => {
            negate(*negated, format!("ilike({}, {})", print(expr), print(pattern)))
        }
        Expr::Cast { kind, expr, data_type, .. } => {
            let word = if matches!(kind, CastKind::TryCast) { "TRY_CAST" } else { "CAST" };
            format!("{word}({} AS {})", print(expr), data_type.to_string().to_uppercase())
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let mut out = String::from("CASE");
            for when in conditions {
                let condition = match operand {
                    Some(operand) => format!("({} = {})", print(operand), print(&when.condition)),
                    None => print(&when.condition),
                };
                out.push_str(&format!(" WHEN {condition} THEN {}", print(&when.result)));
            }
            if let Some(other) = else_result {
                out.push_str(&format!(" ELSE {}", print(other)));
            }
            out + " END"
        }
        Expr::Collate { expr, collation } => format!("collate({}, {collation})", print(expr)),
        Expr::Subquery(_) => "scalarsubquery()".to_owned(),
        Expr::Exists { negated, .. } => negate(*negated, "exists()".to_owned()),
        Expr::Extract { field, expr, .. } => format!("extract({field} FROM {})", print(expr)),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let mut parts = vec![print(expr)];
            parts.extend(substring_from.iter().map(|part| print(part)));
            parts.extend(substring_for.iter().map(|part| print(part)));
            format!("substring({})", parts.join(", "))
        }
        Expr::Function(function) => self::function(function),
        other => other.to_string().replace('`', ""),
    }
}

fn negate(negated: bool, text: String) -> String {
    if negated { format!("(NOT {text})") } else { text }
}

fn literal(value: &Value) -> String {
    match value {
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
        Value::Number(digits, _) => digits.clone(),
        Value::Boolean(value) => value.to_string(),
        Value::Null => "NULL".to_owned(),
        other => other.to_string(),
    }
}

fn function(function: &datafusion::sql::sqlparser::ast::Function) -> String {
    let name = function.name.to_string().replace('`', "").to_lowercase();
    let arguments = match &function.args {
        FunctionArguments::None => String::new(),
        FunctionArguments::Subquery(_) => "scalarsubquery()".to_owned(),
        FunctionArguments::List(list) => {
            let arguments: Vec<String> = list.args.iter().map(argument).collect();
            let distinct = match list.duplicate_treatment {
                Some(DuplicateTreatment::Distinct) => "DISTINCT ",
                _ => "",
            };
            format!("{distinct}{}", arguments.join(", "))
        }
    };
    let mut out = format!("{name}({arguments})");
    if let Some(filter) = &function.filter {
        out.push_str(&format!(" FILTER (WHERE {})", print(filter)));
    }
    if let Some(over) = &function.over {
        out.push_str(&format!(" OVER {}", over.to_string().replace('`', "")));
    }
    out
}

fn argument(argument: &FunctionArg) -> String {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => print(expr),
        // `count(*)` is counted as `count(1)`.
        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => "1".to_owned(),
        other => other.to_string().replace('`', ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sparks() {
        for (sql, name) in [
            ("1", "1"),
            ("1+1", "(1 + 1)"),
            ("'abc'", "abc"),
            ("-x", "(- x)"),
            ("-1", "-1"),
            ("COUNT(*)", "count(1)"),
            ("count(DISTINCT t.a)", "count(DISTINCT a)"),
            ("cast(a as int)", "CAST(a AS INT)"),
            ("a <> 1 and b is null", "((NOT (a = 1)) AND (b IS NULL))"),
            ("case when a then 1 else 2 end", "CASE WHEN a THEN 1 ELSE 2 END"),
            ("a || 'x'", "concat(a, x)"),
        ] {
            assert_eq!(display_name(&crate::parser::parse_expr(sql).unwrap()), name, "{sql}");
        }
    }
}
