//! Casts that Spark does otherwise than arrow, and those that it refuses.

use biplane_functions::casts::type_literal;
use biplane_functions::intervals;
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::{Cast, Expr, TryCast, cast};

use crate::error::SqlError;

/// What the cast is instead; None: it is arrow's.
pub fn meaning(
    inner: &Expr,
    given: &FieldRef,
    field: &FieldRef,
    is_lenient: bool,
) -> Result<Option<Expr>> {
    let (from, to) = (given.data_type(), field.data_type());
    if let Some(qualifier) = intervals::qualifier(given)
        && to.is_numeric()
    {
        let unit = Expr::Literal(ScalarValue::from(qualifier), None);
        let number = call("number_of_interval", vec![inner.clone(), unit])?;
        return Ok(Some(cast(number, to.clone())));
    }
    if let Some(class) = refused(from, to) {
        return Err(mismatch(class, from, to));
    }
    let value = || inner.clone();
    let rest = |inner: Expr| {
        let inner = Box::new(inner);
        let field = field.clone();
        match is_lenient {
            true => Expr::TryCast(TryCast { expr: inner, field }),
            false => Expr::Cast(Cast { expr: inner, field }),
        }
    };
    let called = |name: &str| {
        let name = if is_lenient { format!("try_{name}") } else { name.to_owned() };
        call(&name, vec![text(value(), from)])
    };
    Ok(Some(match (from, to) {
        (text, DataType::Date32) if text.is_string() => called("date_of_text")?,
        (text, DataType::Timestamp(TimeUnit::Microsecond, None)) if text.is_string() => {
            called("wall_of_text")?
        }
        (text, DataType::Timestamp(TimeUnit::Microsecond, Some(_))) if text.is_string() => {
            cast(called("instant_of_text")?, to.clone())
        }
        (text, DataType::Float64) if text.is_string() => called("double_of_text")?,
        (text, DataType::Float32) if text.is_string() => {
            cast(called("double_of_text")?, to.clone())
        }
        (given, DataType::Decimal128(..)) if given.is_string() => {
            let name = if is_lenient { "try_decimal_of_text" } else { "decimal_of_text" };
            call(name, vec![text(value(), from), Expr::Literal(type_literal(to)?, None)])?
        }
        (number, DataType::Timestamp(_, Some(_))) if number.is_numeric() => {
            let fitting = match number {
                whole if whole.is_integer() => DataType::Int64,
                DataType::Decimal128(..) => DataType::Decimal128(38, 6),
                _ => DataType::Float64,
            };
            cast(call("timestamp_seconds", vec![cast(value(), fitting)])?, to.clone())
        }
        (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), whole) if whole.is_integer() => {
            rest(call("seconds_of_instant", vec![value()])?)
        }
        (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), number) if number.is_numeric() => {
            rest(call("double_of_instant", vec![value()])?)
        }
        (DataType::Boolean, DataType::Decimal128(..)) => rest(cast(value(), DataType::Int8)),
        (DataType::Decimal128(..), DataType::Boolean) => rest(cast(value(), DataType::Float64)),
        (given, wanted) if is_renamed(given, wanted) => {
            let wanted = Expr::Literal(type_literal(to)?, None);
            rest(call("by_place", vec![value(), wanted])?)
        }
        _ => return Ok(None),
    }))
}

/// The functions of text take what has offsets of 32 bits.
fn text(value: Expr, from: &DataType) -> Expr {
    if from == &DataType::Utf8 { value } else { cast(value, DataType::Utf8) }
}

fn call(name: &str, args: Vec<Expr>) -> Result<Expr> {
    let function = biplane_functions::function(name)
        .ok_or_else(|| internal_datafusion_err!("no function {name}"))?;
    Ok(function.call(args))
}

/// Whether there are structs whose fields are called otherwise.
fn is_renamed(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .any(|(a, b)| a.name() != b.name() || is_renamed(a.data_type(), b.data_type()))
        }
        (DataType::List(a), DataType::List(b)) => is_renamed(a.data_type(), b.data_type()),
        (DataType::Map(a, _), DataType::Map(b, _)) => match (a.data_type(), b.data_type()) {
            (DataType::Struct(a), DataType::Struct(b)) => {
                a.iter().zip(b).any(|(a, b)| is_renamed(a.data_type(), b.data_type()))
            }
            _ => false,
        },
        _ => false,
    }
}

fn refused(from: &DataType, to: &DataType) -> Option<&'static str> {
    use biplane_functions::geo::is_geo;
    const WITHOUT: &str = "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION";
    const FUNCTION: &str = "DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION";
    if from.is_null() || biplane_functions::variant::is_variant(from) {
        return None;
    }
    if from != to && (is_geo(from) || is_geo(to)) {
        return Some(WITHOUT);
    }
    let is_number = |data_type: &DataType| data_type.is_numeric();
    match (from, to) {
        (DataType::Date32, number) if is_number(number) => Some(FUNCTION),
        (DataType::Date32, DataType::Boolean) | (DataType::Boolean, DataType::Date32) => {
            Some(WITHOUT)
        }
        (number, DataType::Date32) if is_number(number) => Some(FUNCTION),
        (whole, DataType::Binary) if whole.is_integer() => {
            Some("DATATYPE_MISMATCH.CAST_WITH_CONF_SUGGESTION")
        }
        (number, DataType::Binary) if is_number(number) => Some(WITHOUT),
        (DataType::Binary, number) if is_number(number) => Some(WITHOUT),
        (DataType::Struct(a), DataType::Struct(b)) if a.len() != b.len() => Some(WITHOUT),
        (DataType::List(_), DataType::List(_))
        | (DataType::Struct(_), DataType::Struct(_))
        | (DataType::Map(..), DataType::Map(..)) => None,
        (_, to) if to.is_nested() && !biplane_functions::variant::is_variant(to) => {
            // Lists of fixed size and the like are ours.
            matches!(to, DataType::List(_) | DataType::Map(..) | DataType::Struct(_))
                .then_some(WITHOUT)
                .filter(|_| !matches!(from, DataType::LargeList(_) | DataType::FixedSizeList(..)))
        }
        (DataType::List(_) | DataType::Map(..) | DataType::Struct(_), to)
            if is_number(to) || matches!(to, DataType::Boolean | DataType::Date32) =>
        {
            Some(WITHOUT)
        }
        _ => None,
    }
}

fn mismatch(class: &str, from: &DataType, to: &DataType) -> DataFusionError {
    let name = crate::encode::types::sql_text;
    let text = format!(
        "Cannot resolve the cast due to data type mismatch: cannot cast \"{}\" to \"{}\"",
        name(from),
        name(to)
    );
    DataFusionError::External(Box::new(SqlError::new(class, "42K09", text)))
}
