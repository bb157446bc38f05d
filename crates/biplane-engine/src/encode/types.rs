//! Arrow types as SQL types: what a result's columns are called, and what they are sent as.

use arrow::datatypes::{
    DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit,
};
use biplane_functions::collation::{self, Tree};
use biplane_functions::intervals;
use biplane_functions::opaque;
use biplane_proto::v1;
use std::sync::Arc;

use super::opaque::shown_type;

/// Spark's SQL text of a type: `DECIMAL(10,2)`, `ARRAY<INT>`, `STRUCT<a: INT>`.
pub fn sql_text(data_type: &DataType) -> String {
    match data_type {
        known if opaque::name(known).is_some() => {
            opaque::name(known).unwrap_or_default().to_owned()
        }
        DataType::Null => "VOID".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 | DataType::UInt8 => "SMALLINT".to_owned(),
        DataType::Int32 | DataType::UInt16 => "INT".to_owned(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "BIGINT".to_owned(),
        DataType::Float16 | DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => format!("DECIMAL({},{s})", (*p).min(38)),
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP_NTZ".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "BINARY".to_owned(),
        DataType::Interval(IntervalUnit::YearMonth) => "INTERVAL YEAR TO MONTH".to_owned(),
        DataType::Interval(IntervalUnit::DayTime) | DataType::Duration(_) => {
            "INTERVAL DAY TO SECOND".to_owned()
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => "INTERVAL".to_owned(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => format!("ARRAY<{}>", sql_text(item.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!(
                    "MAP<{}, {}>",
                    sql_text(fields[0].data_type()),
                    sql_text(fields[1].data_type())
                )
            }
            _ => "MAP<STRING, STRING>".to_owned(),
        },
        DataType::Struct(fields) => {
            let parts: Vec<String> = fields
                .iter()
                .map(|field| format!("{}: {}", field.name(), sql_text(field.data_type())))
                .collect();
            format!("STRUCT<{}>", parts.join(", "))
        }
        DataType::Dictionary(_, value) => sql_text(value),
        DataType::RunEndEncoded(_, value) => sql_text(value.data_type()),
        _ => "STRING".to_owned(),
    }
}

/// The type of a field; that of an interval is part of what else is said of it.
pub fn field_text(field: &Field) -> String {
    let tree = collation::of_field(field);
    if !tree.is_plain() {
        return collated_text(field.data_type(), &tree, |text| text.to_owned());
    }
    match (field.data_type(), intervals::qualifier(field)) {
        (DataType::List(item), _) if intervals::qualifier(item).is_some() => {
            format!("ARRAY<{}>", field_text(item))
        }
        (_, Some(qualifier)) => format!("INTERVAL {}", qualifier.to_uppercase()),
        (other, None) => sql_text(other),
    }
}

/// The type of text with collations, whose names stay as they are whatever is done to other words.
pub fn collated_text(data_type: &DataType, tree: &Tree, word: fn(&str) -> String) -> String {
    let inner = |data_type: &DataType, tree: &Tree| collated_text(data_type, tree, word);
    match (data_type, tree) {
        (_, Tree::Text(collation)) => format!("{} {}", word("STRING COLLATE"), collation.name()),
        (DataType::List(item) | DataType::LargeList(item), Tree::List(tree)) => {
            format!("{}<{}>", word("ARRAY"), inner(item.data_type(), tree))
        }
        (DataType::Map(entries, _), Tree::Map(key, value)) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => format!(
                "{}<{}, {}>",
                word("MAP"),
                inner(fields[0].data_type(), key),
                inner(fields[1].data_type(), value)
            ),
            _ => word(&sql_text(data_type)),
        },
        (DataType::Struct(fields), Tree::Struct(trees)) => {
            let parts = fields.iter().zip(trees).map(|(field, tree)| {
                format!("{}: {}", word(field.name()), inner(field.data_type(), tree))
            });
            format!("{}<{}>", word("STRUCT"), parts.collect::<Vec<_>>().join(", "))
        }
        _ => word(&sql_text(data_type)),
    }
}

fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        known if opaque::name(known).is_some() => {
            opaque::name(known).unwrap_or_default().split('(').next().unwrap_or_default()
        }
        DataType::Null => "NULL",
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "BYTE",
        DataType::Int16 | DataType::UInt8 => "SHORT",
        DataType::Int32 | DataType::UInt16 => "INT",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "LONG",
        DataType::Float16 | DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "DECIMAL",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "BINARY",
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL",
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => "ARRAY",
        DataType::Map(..) => "MAP",
        DataType::Struct(_) => "STRUCT",
        DataType::Dictionary(_, value) => type_name(value),
        DataType::RunEndEncoded(_, value) => type_name(value.data_type()),
        _ => "STRING",
    }
}

pub fn column(field: &Field) -> v1::Column {
    let data_type = field.data_type();
    let (precision, scale) = match data_type {
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => (u32::from((*p).min(38)), i32::from(*s)),
        _ => (0, 0),
    };
    let qualifier = intervals::qualifier(field).map(str::to_uppercase);
    let qualifier = qualifier.as_deref();
    let interval_type = match data_type {
        DataType::Interval(_) if qualifier.is_some() => qualifier.unwrap_or_default(),
        DataType::Interval(IntervalUnit::YearMonth) => "YEAR TO MONTH",
        DataType::Interval(_) | DataType::Duration(_) => "DAY TO SECOND",
        _ => "",
    };
    v1::Column {
        name: field.name().clone(),
        type_name: type_name(data_type).to_owned(),
        type_text: field_text(field),
        precision,
        scale,
        interval_type: interval_type.to_owned(),
        comment: field.metadata().get("comment").cloned().unwrap_or_default(),
        nullable: field.is_nullable(),
    }
}

/// Which columns go as text in an Arrow result.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsText {
    pub timestamp: bool,
    pub decimal: bool,
    pub complex: bool,
}

impl AsText {
    pub fn applies(self, data_type: &DataType) -> bool {
        match type_name(data_type) {
            "TIMESTAMP" => self.timestamp,
            "DECIMAL" => self.decimal,
            "ARRAY" | "MAP" | "STRUCT" => self.complex,
            "INTERVAL" => true,
            "STRING" => !matches!(
                data_type,
                DataType::Utf8
                    | DataType::LargeUtf8
                    | DataType::Utf8View
                    | DataType::Dictionary(..)
                    | DataType::RunEndEncoded(..)
            ),
            _ => false,
        }
    }
}

/// The one Arrow type that clients get for a SQL type.
pub fn wire_type(data_type: &DataType, time_zone: &Arc<str>) -> DataType {
    let inner = |field: &FieldRef| -> FieldRef {
        Arc::new(field.as_ref().clone().with_data_type(wire_type(field.data_type(), time_zone)))
    };
    match data_type {
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => DataType::Decimal128(*p, *s),
        DataType::Decimal256(p, s) => DataType::Decimal128((*p).min(38), *s),
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some(time_zone.clone()))
        }
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Interval(_)
        | DataType::Duration(_)
        | DataType::Time32(_)
        | DataType::Time64(_) => DataType::Utf8,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(inner(item)),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect::<Fields>()),
        DataType::Dictionary(_, value) => wire_type(value, time_zone),
        DataType::RunEndEncoded(_, value) => wire_type(value.data_type(), time_zone),
        other => other.clone(),
    }
}

/// The schema of an Arrow result.
pub fn wire_schema(schema: &Schema, time_zone: &Arc<str>, as_text: AsText) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let data_type = if as_text.applies(field.data_type()) {
                DataType::Utf8
            } else {
                shown_type(&wire_type(field.data_type(), time_zone))
            };
            Field::new(field.name(), data_type, field.is_nullable())
        })
        .collect();
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_sparks_names() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Decimal128(10, 2), true)));
        assert_eq!(sql_text(&list), "ARRAY<DECIMAL(10,2)>");
        let zone: Option<Arc<str>> = Some("UTC".into());
        let timestamp = DataType::Timestamp(TimeUnit::Nanosecond, zone);
        assert_eq!(sql_text(&timestamp), "TIMESTAMP");
        let fields = Fields::from(vec![Field::new("a", DataType::Utf8View, true)]);
        assert_eq!(sql_text(&DataType::Struct(fields)), "STRUCT<a: STRING>");
        let described = column(&Field::new("d", DataType::Decimal256(40, 3), true));
        assert_eq!((described.precision, described.scale), (38, 3));
        assert_eq!(described.type_name, "DECIMAL");
    }

    #[test]
    fn wire_types_are_the_ones_clients_know() {
        let zone: Arc<str> = "Europe/Paris".into();
        let views = DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true)));
        let DataType::List(item) = wire_type(&views, &zone) else { unreachable!() };
        assert_eq!(item.data_type(), &DataType::Utf8);
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()));
        assert_eq!(
            wire_type(&nanos, &zone),
            DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Paris".into()))
        );
        assert_eq!(wire_type(&DataType::UInt64, &zone), DataType::Int64);
    }
}
