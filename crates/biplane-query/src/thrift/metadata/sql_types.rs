//! SQL types as JDBC numbers, sizes and names them.

use super::super::columns::Row;
use biplane_api::catalog::ColumnInfo;

/// What JDBC wants to know of a type. Sizes are those Spark reports: bytes of the value, but digits
/// for decimals and the declared length of CHAR and VARCHAR.
#[derive(Debug, PartialEq, Eq)]
pub struct JdbcType {
    /// A constant of `java.sql.Types`.
    pub number: i32,
    pub size: Option<i32>,
    pub digits: Option<i32>,
    pub numeric: bool,
}

pub fn jdbc_type(column: &ColumnInfo) -> JdbcType {
    let integer = |number, size| numeric(number, size, Some(0));
    match column.type_name.as_str() {
        "BOOLEAN" => JdbcType { numeric: false, ..integer(16, 1) },
        "BYTE" => integer(-6, 1),
        "SHORT" => integer(5, 2),
        "INT" => integer(4, 4),
        "LONG" => integer(-5, 8),
        "FLOAT" => numeric(6, 4, Some(7)),
        "DOUBLE" => numeric(8, 8, Some(15)),
        "DECIMAL" => numeric(3, column.type_precision.unwrap_or(10), column.type_scale.or(Some(0))),
        "DATE" => other(91, Some(4)),
        "TIMESTAMP" | "TIMESTAMP_NTZ" => JdbcType { digits: Some(6), ..other(93, Some(8)) },
        "BINARY" => other(-2, None),
        "CHAR" => other(1, declared_length(&column.type_text)),
        "STRING" => other(12, declared_length(&column.type_text)),
        "ARRAY" => other(2003, None),
        "MAP" => other(2000, None),
        "STRUCT" => other(2002, None),
        "NULL" => other(0, None),
        "INTERVAL" => other(12, None),
        _ => other(1111, None),
    }
}

fn numeric(number: i32, size: i32, digits: Option<i32>) -> JdbcType {
    JdbcType { number, size: Some(size), digits, numeric: true }
}

fn other(number: i32, size: Option<i32>) -> JdbcType {
    JdbcType { number, size, digits: None, numeric: false }
}

/// The n of `varchar(n)` and `char(n)`.
fn declared_length(text: &str) -> Option<i32> {
    text.split_once('(')?.1.split_once(')')?.0.trim().parse().ok()
}

/// The type in capitals, the names of struct fields as they are.
pub fn display_name(type_text: &str) -> String {
    let mut out = String::with_capacity(type_text.len());
    let mut rest = type_text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '`' => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (word, tail) = rest.split_at(end);
        match tail.trim_start().starts_with(':') || first == '`' {
            true => out.push_str(word),
            false => out.push_str(&word.to_uppercase()),
        }
        rest = tail;
    }
    out
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The rows of GetTypeInfo.
pub fn type_info() -> Vec<Row> {
    const TYPES: &[(&str, i32, i32, bool)] = &[
        ("VOID", 0, 0, false),
        ("BOOLEAN", 16, 1, false),
        ("TINYINT", -6, 3, true),
        ("SMALLINT", 5, 5, true),
        ("INT", 4, 10, true),
        ("BIGINT", -5, 19, true),
        ("FLOAT", 6, 7, true),
        ("DOUBLE", 8, 15, true),
        ("STRING", 12, 0, false),
        ("BINARY", -2, 0, false),
        ("DECIMAL", 3, 38, true),
        ("DATE", 91, 10, false),
        ("TIMESTAMP", 93, 29, false),
        ("TIMESTAMP_NTZ", 93, 29, false),
        ("ARRAY", 2003, 0, false),
        ("MAP", 2000, 0, false),
        ("STRUCT", 2002, 0, false),
        ("INTERVAL", 12, 0, false),
    ];
    let row = |&(name, number, precision, numeric): &(&str, i32, i32, bool)| -> Row {
        let text = |text: &str| Some(text.to_owned());
        let is_string = name == "STRING";
        let searchable = if number >= 2000 { "0" } else { "3" };
        vec![
            text(name),
            Some(number.to_string()),
            (precision > 0).then(|| precision.to_string()),
            is_string.then(|| "'".to_owned()),
            is_string.then(|| "'".to_owned()),
            (name == "DECIMAL").then(|| "precision,scale".to_owned()),
            text("1"),
            Some(is_string.to_string()),
            text(searchable),
            Some((!numeric).to_string()),
            text("false"),
            text("false"),
            None,
            text("0"),
            text(if name == "DECIMAL" { "38" } else { "0" }),
            None,
            None,
            numeric.then(|| "10".to_owned()),
        ]
    };
    TYPES.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_capitals_keep_field_names() {
        assert_eq!(display_name("decimal(10,2)"), "DECIMAL(10,2)");
        assert_eq!(display_name("map<string,array<int>>"), "MAP<STRING,ARRAY<INT>>");
        assert_eq!(
            display_name("struct<aB:int,`c d`: timestamp_ntz>"),
            "STRUCT<aB:INT,`c d`: TIMESTAMP_NTZ>"
        );
    }

    #[test]
    fn decimals_have_digits() {
        let column = ColumnInfo {
            type_name: "DECIMAL".into(),
            type_precision: Some(12),
            type_scale: Some(3),
            ..Default::default()
        };
        let found = jdbc_type(&column);
        assert_eq!((found.number, found.size, found.digits), (3, Some(12), Some(3)));
    }

    #[test]
    fn type_info_rows_fill_their_layout() {
        for row in type_info() {
            assert_eq!(row.len(), super::super::layout::TYPE_INFO.len());
        }
    }
}
