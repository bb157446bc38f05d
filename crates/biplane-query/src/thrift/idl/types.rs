//! Types of columns.

use super::super::codec::{thrift_enum, thrift_struct};
use std::collections::BTreeMap;

thrift_enum! {
    enum TTypeId {
        BOOLEAN = 0,
        TINYINT = 1,
        SMALLINT = 2,
        INT = 3,
        BIGINT = 4,
        FLOAT = 5,
        DOUBLE = 6,
        STRING = 7,
        TIMESTAMP = 8,
        BINARY = 9,
        ARRAY = 10,
        MAP = 11,
        STRUCT = 12,
        UNION = 13,
        USER_DEFINED = 14,
        DECIMAL = 15,
        NULL = 16,
        DATE = 17,
        VARCHAR = 18,
        CHAR = 19,
        INTERVAL_YEAR_MONTH = 20,
        INTERVAL_DAY_TIME = 21,
    }
}

thrift_struct! {
    struct TTableSchema {
        1: required columns: Vec<TColumnDesc>,
    }

    struct TColumnDesc {
        1: required column_name: String,
        2: required type_desc: TTypeDesc,
        3: required position: i32,
        4: optional comment: String,
    }

    struct TTypeDesc {
        1: required types: Vec<TTypeEntry>,
    }

    /// A union; nested types are primitive entries here too, as clients expect.
    struct TTypeEntry {
        1: optional primitive_entry: TPrimitiveTypeEntry,
    }

    struct TPrimitiveTypeEntry {
        1: required r#type: TTypeId,
        2: optional type_qualifiers: TTypeQualifiers,
    }

    struct TTypeQualifiers {
        1: required qualifiers: BTreeMap<String, TTypeQualifierValue>,
    }

    /// A union.
    struct TTypeQualifierValue {
        1: optional i32_value: i32,
        2: optional string_value: String,
    }
}
