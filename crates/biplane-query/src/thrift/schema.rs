//! Column types of a result as Thrift describes them.

use super::idl::*;
use biplane_proto::v1::Column;
use std::collections::BTreeMap;

pub fn table_schema(columns: &[Column]) -> TTableSchema {
    let columns = columns.iter().zip(1..).map(|(column, position)| {
        let found = type_id(&column.type_name, &column.type_text, &column.interval_type);
        let qualifiers = (found == TTypeId::DECIMAL)
            .then(|| decimal_qualifiers(column.precision as i32, column.scale));
        let comment = (!column.comment.is_empty()).then(|| column.comment.clone());
        describe(&column.name, found, qualifiers, position, comment)
    });
    TTableSchema { columns: columns.collect() }
}

pub fn describe(
    name: &str,
    found: TTypeId,
    type_qualifiers: Option<TTypeQualifiers>,
    position: i32,
    comment: Option<String>,
) -> TColumnDesc {
    let entry = TPrimitiveTypeEntry { r#type: found, type_qualifiers };
    TColumnDesc {
        column_name: name.to_owned(),
        type_desc: TTypeDesc { types: vec![TTypeEntry { primitive_entry: Some(entry) }] },
        position,
        comment,
    }
}

pub fn type_ids(columns: &[Column]) -> Vec<TTypeId> {
    let id = |column: &Column| type_id(&column.type_name, &column.type_text, &column.interval_type);
    columns.iter().map(id).collect()
}

fn decimal_qualifiers(precision: i32, scale: i32) -> TTypeQualifiers {
    let value = |n| TTypeQualifierValue { i32_value: Some(n), string_value: None };
    let qualifiers =
        [("precision".to_owned(), value(precision)), ("scale".to_owned(), value(scale))];
    TTypeQualifiers { qualifiers: BTreeMap::from(qualifiers) }
}

fn type_id(type_name: &str, type_text: &str, interval_type: &str) -> TTypeId {
    match type_name {
        "BOOLEAN" => TTypeId::BOOLEAN,
        "BYTE" => TTypeId::TINYINT,
        "SHORT" => TTypeId::SMALLINT,
        "INT" => TTypeId::INT,
        "LONG" => TTypeId::BIGINT,
        "FLOAT" => TTypeId::FLOAT,
        "DOUBLE" => TTypeId::DOUBLE,
        "DECIMAL" => TTypeId::DECIMAL,
        "BINARY" => TTypeId::BINARY,
        "DATE" => TTypeId::DATE,
        "TIMESTAMP" | "TIMESTAMP_NTZ" => TTypeId::TIMESTAMP,
        "ARRAY" => TTypeId::ARRAY,
        "MAP" => TTypeId::MAP,
        "STRUCT" => TTypeId::STRUCT,
        "NULL" => TTypeId::NULL,
        "CHAR" => TTypeId::CHAR,
        "INTERVAL" if is_month_interval(type_text, interval_type) => TTypeId::INTERVAL_YEAR_MONTH,
        "INTERVAL" => TTypeId::INTERVAL_DAY_TIME,
        // STRING, and what only text can carry: VARIANT, USER_DEFINED_TYPE …
        _ => TTypeId::STRING,
    }
}

fn is_month_interval(type_text: &str, interval_type: &str) -> bool {
    let text = if interval_type.is_empty() { type_text } else { interval_type };
    let text = text.to_ascii_uppercase();
    text.contains("YEAR") || text.contains("MONTH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_carry_precision_and_scale() {
        let column = Column {
            name: "d".into(),
            type_name: "DECIMAL".into(),
            precision: 10,
            scale: 2,
            ..Default::default()
        };
        let schema = table_schema(&[column]);
        let entry = schema.columns[0].type_desc.types[0].primitive_entry.clone().unwrap();
        assert_eq!(entry.r#type, TTypeId::DECIMAL);
        let qualifiers = entry.type_qualifiers.unwrap().qualifiers;
        assert_eq!(qualifiers["precision"].i32_value, Some(10));
        assert_eq!(qualifiers["scale"].i32_value, Some(2));
        assert_eq!(schema.columns[0].position, 1);
    }

    #[test]
    fn intervals_are_told_apart() {
        assert_eq!(type_id("INTERVAL", "INTERVAL YEAR TO MONTH", ""), TTypeId::INTERVAL_YEAR_MONTH);
        assert_eq!(type_id("INTERVAL", "INTERVAL DAY TO SECOND", ""), TTypeId::INTERVAL_DAY_TIME);
        assert_eq!(type_id("INTERVAL", "", "MONTH"), TTypeId::INTERVAL_YEAR_MONTH);
    }
}
