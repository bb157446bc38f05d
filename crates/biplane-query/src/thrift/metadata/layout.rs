//! The columns that each metadata call answers with.

use super::super::idl::TTypeId;
use TTypeId as T;

pub type Layout = &'static [(&'static str, TTypeId)];

pub const CATALOGS: Layout = &[("TABLE_CAT", T::STRING)];

pub const SCHEMAS: Layout = &[("TABLE_SCHEM", T::STRING), ("TABLE_CATALOG", T::STRING)];

pub const TABLE_TYPES: Layout = &[("TABLE_TYPE", T::STRING)];

pub const TABLES: Layout = &[
    ("TABLE_CAT", T::STRING),
    ("TABLE_SCHEM", T::STRING),
    ("TABLE_NAME", T::STRING),
    ("TABLE_TYPE", T::STRING),
    ("REMARKS", T::STRING),
    ("TYPE_CAT", T::STRING),
    ("TYPE_SCHEM", T::STRING),
    ("TYPE_NAME", T::STRING),
    ("SELF_REFERENCING_COL_NAME", T::STRING),
    ("REF_GENERATION", T::STRING),
];

pub const COLUMNS: Layout = &[
    ("TABLE_CAT", T::STRING),
    ("TABLE_SCHEM", T::STRING),
    ("TABLE_NAME", T::STRING),
    ("COLUMN_NAME", T::STRING),
    ("DATA_TYPE", T::INT),
    ("TYPE_NAME", T::STRING),
    ("COLUMN_SIZE", T::INT),
    ("BUFFER_LENGTH", T::TINYINT),
    ("DECIMAL_DIGITS", T::INT),
    ("NUM_PREC_RADIX", T::INT),
    ("NULLABLE", T::INT),
    ("REMARKS", T::STRING),
    ("COLUMN_DEF", T::STRING),
    ("SQL_DATA_TYPE", T::INT),
    ("SQL_DATETIME_SUB", T::INT),
    ("CHAR_OCTET_LENGTH", T::INT),
    ("ORDINAL_POSITION", T::INT),
    ("IS_NULLABLE", T::STRING),
    ("SCOPE_CATALOG", T::STRING),
    ("SCOPE_SCHEMA", T::STRING),
    ("SCOPE_TABLE", T::STRING),
    ("SOURCE_DATA_TYPE", T::SMALLINT),
    ("IS_AUTO_INCREMENT", T::STRING),
];

pub const TYPE_INFO: Layout = &[
    ("TYPE_NAME", T::STRING),
    ("DATA_TYPE", T::INT),
    ("PRECISION", T::INT),
    ("LITERAL_PREFIX", T::STRING),
    ("LITERAL_SUFFIX", T::STRING),
    ("CREATE_PARAMS", T::STRING),
    ("NULLABLE", T::SMALLINT),
    ("CASE_SENSITIVE", T::BOOLEAN),
    ("SEARCHABLE", T::SMALLINT),
    ("UNSIGNED_ATTRIBUTE", T::BOOLEAN),
    ("FIXED_PREC_SCALE", T::BOOLEAN),
    ("AUTO_INCREMENT", T::BOOLEAN),
    ("LOCAL_TYPE_NAME", T::STRING),
    ("MINIMUM_SCALE", T::SMALLINT),
    ("MAXIMUM_SCALE", T::SMALLINT),
    ("SQL_DATA_TYPE", T::INT),
    ("SQL_DATETIME_SUB", T::INT),
    ("NUM_PREC_RADIX", T::INT),
];

pub const FUNCTIONS: Layout = &[
    ("FUNCTION_CAT", T::STRING),
    ("FUNCTION_SCHEM", T::STRING),
    ("FUNCTION_NAME", T::STRING),
    ("REMARKS", T::STRING),
    ("FUNCTION_TYPE", T::INT),
    ("SPECIFIC_NAME", T::STRING),
];

pub const PRIMARY_KEYS: Layout = &[
    ("TABLE_CAT", T::STRING),
    ("TABLE_SCHEM", T::STRING),
    ("TABLE_NAME", T::STRING),
    ("COLUMN_NAME", T::STRING),
    ("KEY_SEQ", T::INT),
    ("PK_NAME", T::STRING),
];

pub const CROSS_REFERENCE: Layout = &[
    ("PKTABLE_CAT", T::STRING),
    ("PKTABLE_SCHEM", T::STRING),
    ("PKTABLE_NAME", T::STRING),
    ("PKCOLUMN_NAME", T::STRING),
    ("FKTABLE_CAT", T::STRING),
    ("FKTABLE_SCHEM", T::STRING),
    ("FKTABLE_NAME", T::STRING),
    ("FKCOLUMN_NAME", T::STRING),
    ("KEY_SEQ", T::INT),
    ("UPDATE_RULE", T::INT),
    ("DELETE_RULE", T::INT),
    ("FK_NAME", T::STRING),
    ("PK_NAME", T::STRING),
    ("DEFERRABILITY", T::INT),
];
