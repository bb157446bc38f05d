//! SQL types as Arrow types.

use biplane_functions::collation::{Collation, Tree, with_tree};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType as Sql, ExactNumberInfo, ObjectName, TimezoneInfo,
};
use std::sync::Arc;

use crate::parser::forms::COLLATED_TYPE;

/// `TIMESTAMP` is an instant, shown in the session's time zone.
#[derive(Debug)]
pub struct SparkTypes {
    pub zone: Arc<str>,
}

impl TypePlanner for SparkTypes {
    fn plan_type_field(&self, sql: &Sql) -> Result<Option<FieldRef>> {
        let Some(data_type) = self.data_type(sql)? else { return Ok(None) };
        let field = Field::new("", data_type, true);
        Ok(Some(Arc::new(with_tree(field, &collations(sql)?))))
    }
}

impl SparkTypes {
    /// None: DataFusion's own answer holds.
    fn data_type(&self, sql: &Sql) -> Result<Option<DataType>> {
        Ok(Some(match sql {
            Sql::TinyInt(_) => DataType::Int8,
            Sql::SmallInt(_) | Sql::Int2(_) => DataType::Int16,
            Sql::Int(_) | Sql::Integer(_) | Sql::Int4(_) => DataType::Int32,
            Sql::BigInt(_) | Sql::Int8(_) | Sql::Int64 => DataType::Int64,
            Sql::Float(_) | Sql::Real | Sql::Float4 => DataType::Float32,
            Sql::Double(_) | Sql::DoublePrecision | Sql::Float8 | Sql::Float64 => DataType::Float64,
            Sql::Boolean | Sql::Bool => DataType::Boolean,
            Sql::Varchar(None) | Sql::Char(None) => {
                return plan_err!("The data type {sql} requires a length parameter");
            }
            Sql::String(_)
            | Sql::Text
            | Sql::Varchar(_)
            | Sql::Char(_)
            | Sql::Character(_)
            | Sql::CharacterVarying(_)
            | Sql::CharVarying(_) => DataType::Utf8,
            Sql::Binary(_) | Sql::Varbinary(_) | Sql::Bytea | Sql::Bytes(_) => DataType::Binary,
            Sql::Date => DataType::Date32,
            Sql::Timestamp(_, TimezoneInfo::WithoutTimeZone) | Sql::TimestampNtz(_) => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            Sql::Timestamp(..) => self.timestamp(),
            Sql::Decimal(info) | Sql::Numeric(info) | Sql::Dec(info) => decimal(info)?,
            Sql::Array(
                ArrayElemTypeDef::AngleBracket(item) | ArrayElemTypeDef::Parenthesis(item),
            ) => DataType::List(Arc::new(Field::new("item", self.required(item)?, true))),
            Sql::Map(key, value) => map(self.required(key)?, self.required(value)?),
            Sql::Struct(fields, _) => {
                let mut out = Vec::with_capacity(fields.len());
                for (index, field) in fields.iter().enumerate() {
                    let name = match &field.field_name {
                        Some(name) => name.value.clone(),
                        None => format!("col{}", index + 1),
                    };
                    out.push(Field::new(name, self.required(&field.field_type)?, true));
                }
                DataType::Struct(Fields::from(out))
            }
            Sql::Interval { .. } => DataType::Interval(IntervalUnit::MonthDayNano),
            Sql::Custom(name, _) if collated(name).is_some() => DataType::Utf8,
            Sql::Custom(name, _) => match name.to_string().to_uppercase().as_str() {
                "STRING" => DataType::Utf8,
                "LONG" => DataType::Int64,
                "SHORT" => DataType::Int16,
                "BYTE" => DataType::Int8,
                "TIMESTAMP_NTZ" => DataType::Timestamp(TimeUnit::Microsecond, None),
                "TIMESTAMP_LTZ" => self.timestamp(),
                "VARIANT" => biplane_functions::variant::variant_type(),
                "VOID" => DataType::Null,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    fn timestamp(&self) -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some(self.zone.clone()))
    }

    fn required(&self, sql: &Sql) -> Result<DataType> {
        match self.data_type(sql)? {
            Some(data_type) => Ok(data_type),
            None => plan_err!("The type {sql} is not supported here"),
        }
    }
}

/// The collation of a type `STRING COLLATE name`, which is one word here.
fn collated(name: &ObjectName) -> Option<&str> {
    let [part] = name.0.as_slice() else { return None };
    part.as_ident()?.value.strip_prefix(COLLATED_TYPE)
}

fn collations(sql: &Sql) -> Result<Tree> {
    Ok(match sql {
        Sql::Custom(name, _) => match collated(name) {
            Some(name) => Tree::of(Collation::named(name)?),
            None => Tree::Plain,
        },
        Sql::Array(ArrayElemTypeDef::AngleBracket(item) | ArrayElemTypeDef::Parenthesis(item)) => {
            Tree::list(collations(item)?)
        }
        Sql::Map(key, value) => Tree::map(collations(key)?, collations(value)?),
        Sql::Struct(fields, _) => {
            let fields = fields.iter().map(|field| collations(&field.field_type));
            Tree::fields(fields.collect::<Result<_>>()?)
        }
        _ => Tree::Plain,
    })
}

fn decimal(info: &ExactNumberInfo) -> Result<DataType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (10, 0),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(p @ 1..=38), Ok(s)) if s >= 0 && s.unsigned_abs() <= p => {
            Ok(DataType::Decimal128(p, s))
        }
        (Ok(p), Ok(s)) if p <= 38 && s > 0 => {
            plan_err!("The scale of DECIMAL({p},{s}) exceeds its precision")
        }
        _ => plan_err!(
            "DECIMAL({precision},{scale}) is not a valid type: at most 38 digits are possible"
        ),
    }
}

fn map(key: DataType, value: DataType) -> DataType {
    let entries =
        Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

/// Whether a stored column must be cast to be in the session's time zone.
pub fn needs_zone(data_type: &DataType, zone: &Arc<str>) -> bool {
    in_zone(data_type, zone).is_some()
}

pub fn in_zone(data_type: &DataType, zone: &Arc<str>) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(unit, Some(stored)) if stored != zone => {
            Some(DataType::Timestamp(*unit, Some(zone.clone())))
        }
        _ => None,
    }
}
