//! Rows of texts as typed columns with null bitmaps: the shape for clients that read no Arrow, and
//! for the metadata calls.

use super::idl::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::str::FromStr;

pub type Row = Vec<Option<String>>;

/// The text of a value does not fit the type of its column.
#[derive(Debug, thiserror::Error)]
#[error("a value of column {column} is not of its type")]
pub struct BadValue {
    pub column: usize,
}

struct Unreadable;

/// The columns of `rows`, which have one value per type.
pub fn columns(types: &[TTypeId], rows: &[Row]) -> Result<Vec<TColumn>, BadValue> {
    types
        .iter()
        .enumerate()
        .map(|(index, found)| {
            let values = rows.iter().map(|row| row.get(index).and_then(Option::as_deref));
            column(*found, values).map_err(|Unreadable| BadValue { column: index })
        })
        .collect()
}

/// Rows from the engine's JSON: `[["1",null],…]`.
pub fn rows_from_json(data: &[u8]) -> serde_json::Result<Vec<Row>> {
    serde_json::from_slice(data)
}

fn column<'a>(
    found: TTypeId,
    values: impl ExactSizeIterator<Item = Option<&'a str>>,
) -> Result<TColumn, Unreadable> {
    let mut column = TColumn::default();
    match found {
        TTypeId::BOOLEAN => {
            let (values, nulls) = parse(values, bool::from_str)?;
            column.bool_val = Some(TBoolColumn { values, nulls });
        }
        TTypeId::TINYINT => {
            let (values, nulls) = parse(values, i8::from_str)?;
            column.byte_val = Some(TByteColumn { values, nulls });
        }
        TTypeId::SMALLINT => {
            let (values, nulls) = parse(values, i16::from_str)?;
            column.i16_val = Some(TI16Column { values, nulls });
        }
        TTypeId::INT => {
            let (values, nulls) = parse(values, i32::from_str)?;
            column.i32_val = Some(TI32Column { values, nulls });
        }
        TTypeId::BIGINT => {
            let (values, nulls) = parse(values, i64::from_str)?;
            column.i64_val = Some(TI64Column { values, nulls });
        }
        TTypeId::FLOAT | TTypeId::DOUBLE => {
            let (values, nulls) = parse(values, f64::from_str)?;
            column.double_val = Some(TDoubleColumn { values, nulls });
        }
        TTypeId::BINARY => {
            let (values, nulls) = parse(values, |text| STANDARD.decode(text).map(Bytes::from))?;
            column.binary_val = Some(TBinaryColumn { values, nulls });
        }
        _ => {
            let (values, nulls) = parse(values, |text| Ok::<_, Unreadable>(text.to_owned()))?;
            column.string_val = Some(TStringColumn { values, nulls });
        }
    }
    Ok(column)
}

/// Values, a default standing for each null, and the bitmap of the nulls.
fn parse<'a, T: Default, E>(
    texts: impl ExactSizeIterator<Item = Option<&'a str>>,
    read: impl Fn(&'a str) -> Result<T, E>,
) -> Result<(Vec<T>, Bytes), Unreadable> {
    let mut nulls = vec![0u8; texts.len().div_ceil(8)];
    let mut values = Vec::with_capacity(texts.len());
    for (index, text) in texts.enumerate() {
        values.push(match text {
            Some(text) => read(text).map_err(|_| Unreadable)?,
            None => {
                nulls[index / 8] |= 1 << (index % 8);
                T::default()
            }
        });
    }
    Ok((values, nulls.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_typed_columns() {
        let rows =
            rows_from_json(br#"[["1","true","0.5","YWI=",null],[null,"false","NaN",null,"x"]]"#);
        let types =
            [TTypeId::INT, TTypeId::BOOLEAN, TTypeId::DOUBLE, TTypeId::BINARY, TTypeId::DECIMAL];
        let columns = columns(&types, &rows.unwrap()).unwrap();
        let ints = columns[0].i32_val.as_ref().unwrap();
        assert_eq!((&ints.values[..], &ints.nulls[..]), (&[1, 0][..], &[0b10][..]));
        assert_eq!(columns[1].bool_val.as_ref().unwrap().values, [true, false]);
        assert!(columns[2].double_val.as_ref().unwrap().values[1].is_nan());
        assert_eq!(columns[3].binary_val.as_ref().unwrap().values[0], "ab");
        let texts = columns[4].string_val.as_ref().unwrap();
        assert_eq!((&texts.values[1][..], &texts.nulls[..]), ("x", &[0b01][..]));
    }

    #[test]
    fn a_value_of_another_type_names_its_column() {
        let rows = [vec![Some("1".to_owned()), Some("300".to_owned())]];
        assert_eq!(columns(&[TTypeId::INT, TTypeId::TINYINT], &rows).unwrap_err().column, 1);
    }

    #[test]
    fn no_rows_still_have_columns() {
        assert_eq!(columns(&[TTypeId::INT, TTypeId::STRING], &[]).unwrap().len(), 2);
    }
}
