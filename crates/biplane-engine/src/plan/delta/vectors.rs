//! Deletion vectors: which rows of a file are no longer in the table.
//!
//! A vector is a Roaring bitmap of row numbers, in the log itself or in a file beside those of the table.

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::{Int32Type, Int64Type};
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::error::DataFusionError;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use roaring::RoaringTreemap;
use std::sync::Arc;
use url::Url;

use crate::error::{SqlError, SqlResult};
use crate::storage::Location;

/// Of a bitmap as it is stored. One of all rows of a large file has a few MiB.
const BYTES_MAX: u64 = 64 << 20;
/// A vector with more ranges makes a selection that is large itself.
pub const RANGES_MAX: usize = 1 << 20;
/// What the portable format begins with.
const MAGIC: [u8; 4] = 1_681_511_377_u32.to_le_bytes();
/// A text of 20 characters is 16 bytes.
const UUID_CHARACTERS: usize = 20;

/// What the log says of a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    storage_type: String,
    path_or_inline: String,
    offset: u64,
    size: u64,
    pub cardinality: u64,
}

/// The rows of a file that are still in the table.
#[derive(Debug)]
pub struct Kept {
    pub selection: Arc<ParquetRowSelection>,
    pub ranges: usize,
}

impl Descriptor {
    /// None: the file has no vector.
    pub fn of(column: &StructArray, index: usize) -> SqlResult<Option<Self>> {
        let missing = || invalid("its description is not complete");
        let text = |name: &str| {
            let values = column.column_by_name(name).and_then(|array| array.as_string_opt::<i32>());
            values.filter(|values| values.is_valid(index)).map(|values| values.value(index))
        };
        if column.is_null(index) {
            return Ok(None);
        }
        let Some(storage_type) = text("storageType") else { return Ok(None) };
        let small = |name: &str| {
            let values = column.column_by_name(name)?.as_primitive_opt::<Int32Type>()?;
            values.is_valid(index).then(|| values.value(index))
        };
        let cardinality = column
            .column_by_name("cardinality")
            .and_then(|array| array.as_primitive_opt::<Int64Type>())
            .filter(|values| values.is_valid(index))
            .map(|values| values.value(index));
        let number = |value: i64| u64::try_from(value).map_err(|_| invalid("a number is negative"));
        Ok(Some(Self {
            storage_type: storage_type.to_owned(),
            path_or_inline: text("pathOrInlineDv").ok_or_else(missing)?.to_owned(),
            // The first byte of a file is its version.
            offset: number(small("offset").unwrap_or(1).into())?,
            size: number(small("sizeInBytes").ok_or_else(missing)?.into())?,
            cardinality: number(cardinality.ok_or_else(missing)?)?,
        }))
    }

    /// What tells a vector from others of its table.
    pub fn key(&self) -> String {
        format!("{}{}@{}", self.storage_type, self.path_or_inline, self.offset)
    }

    /// `rows`: of the file, with those that the vector takes out.
    pub async fn load(&self, location: &Location, rows: u64) -> SqlResult<Kept> {
        if self.size > BYTES_MAX {
            return Err(invalid("it is too large"));
        }
        let deleted = match self.storage_type.as_str() {
            "i" => bitmap(&decoded(&self.path_or_inline)?)?,
            _ => {
                let range = self.offset..self.offset + self.size + 8;
                let bytes = location.root.get_range(&self.path(location)?, range).await;
                let bytes = bytes.map_err(DataFusionError::from)?;
                bitmap(framed(&bytes, self.size)?)?
            }
        };
        if deleted.len() != self.cardinality {
            return Err(invalid("it has not as many rows as the log says"));
        }
        kept(&deleted, rows)
    }

    fn path(&self, location: &Location) -> SqlResult<Path> {
        let outside =
            || SqlError::denied("The log of the table names files that lie outside of it");
        match self.storage_type.as_str() {
            "u" => {
                let start = self.path_or_inline.len().checked_sub(UUID_CHARACTERS);
                let parts = start.and_then(|at| self.path_or_inline.split_at_checked(at));
                let (prefix, name) = parts.ok_or_else(|| invalid("its name is too short"))?;
                let name = uuid::Uuid::from_slice(&decoded(name)?)
                    .map_err(|_| invalid("its name is none"))?;
                let relative = match prefix {
                    "" => format!("deletion_vector_{name}.bin"),
                    prefix => format!("{prefix}/deletion_vector_{name}.bin"),
                };
                let relative = Path::parse(relative).map_err(|_| outside())?;
                Ok(location.prefix.parts().chain(relative.parts()).collect())
            }
            "p" => {
                let path = &self.path_or_inline;
                if !location.holds(path) {
                    return Err(outside());
                }
                let url = location.url.join(path).or_else(|_| Url::parse(path));
                let url = url.map_err(|_| outside())?;
                Path::from_url_path(url.path()).map_err(|_| outside())
            }
            _ => Err(invalid("it is stored in an unknown way")),
        }
    }
}

fn invalid(why: &str) -> SqlError {
    SqlError::new(
        "DELTA_CANNOT_RECONSTRUCT_PATH_FROM_URI",
        "22KD1",
        format!("A deletion vector of the table cannot be read: {why}"),
    )
}

fn decoded(text: &str) -> SqlResult<Vec<u8>> {
    z85::decode(text).map_err(|_| invalid("its text is not in base 85"))
}

/// The bitmap between its size and its checksum.
fn framed(bytes: &[u8], size: u64) -> SqlResult<&[u8]> {
    let cut = || invalid("its file is too short");
    let (said, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    let (data, checksum) = rest.split_last_chunk::<4>().ok_or_else(cut)?;
    let is_whole = u64::from(u32::from_be_bytes(*said)) == size && data.len() as u64 == size;
    if !is_whole || crc32fast::hash(data) != u32::from_be_bytes(*checksum) {
        return Err(invalid("its file is not what was written"));
    }
    Ok(data)
}

fn bitmap(bytes: &[u8]) -> SqlResult<RoaringTreemap> {
    let Some(bytes) = bytes.strip_prefix(&MAGIC) else {
        return Err(invalid("its format is not known"));
    };
    RoaringTreemap::deserialize_from(bytes).map_err(|_| invalid("its bitmap is not valid"))
}

fn kept(deleted: &RoaringTreemap, rows: u64) -> SqlResult<Kept> {
    let outside = || invalid("it names rows that the file does not have");
    let count = |rows: u64| usize::try_from(rows).map_err(|_| outside());
    let mut selectors = Vec::new();
    let mut at = 0;
    for (high, bitmap) in deleted.bitmaps() {
        let base = u64::from(high) << 32;
        let mut ranges = bitmap.iter();
        while let Some(range) = ranges.next_range() {
            let (start, end) =
                (base + u64::from(*range.start()), base + u64::from(*range.end()) + 1);
            if end > rows {
                return Err(outside());
            }
            if start > at {
                selectors.push(RowSelector::select(count(start - at)?));
            }
            selectors.push(RowSelector::skip(count(end - start)?));
            at = end;
        }
    }
    if rows > at {
        selectors.push(RowSelector::select(count(rows - at)?));
    }
    let ranges = selectors.len();
    let selection = Arc::new(ParquetRowSelection::new(RowSelection::from(selectors)));
    Ok(Kept { selection, ranges })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_a_selection() {
        let deleted: RoaringTreemap = [0, 1, 2, 7, 9].into_iter().collect();
        let selectors: Vec<RowSelector> =
            kept(&deleted, 10).unwrap().selection.selection().clone().into();
        let expected = [
            RowSelector::skip(3),
            RowSelector::select(4),
            RowSelector::skip(1),
            RowSelector::select(1),
            RowSelector::skip(1),
        ];
        assert_eq!(selectors, expected);
        assert!(kept(&deleted, 9).is_err());
        assert_eq!(kept(&RoaringTreemap::new(), 5).unwrap().ranges, 1);
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let deleted: RoaringTreemap = [3].into_iter().collect();
        let mut data = MAGIC.to_vec();
        deleted.serialize_into(&mut data).unwrap();
        assert_eq!(bitmap(&data).unwrap(), deleted);
        let size = data.len() as u64;
        let mut file = u32::try_from(size).unwrap().to_be_bytes().to_vec();
        file.extend(&data);
        file.extend(crc32fast::hash(&data).to_be_bytes());
        assert_eq!(framed(&file, size).unwrap(), data);
        assert!(framed(&file[..file.len() - 1], size).is_err());
        assert!(framed(&file, size - 1).is_err());
        file[9] ^= 1;
        assert!(framed(&file, size).is_err());
        for short in [&b""[..], b"ab", &MAGIC, &data[..data.len() - 1]] {
            assert!(bitmap(short).is_err());
        }
    }
}
