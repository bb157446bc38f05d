//! `hash`: Murmur3 of all arguments, each seeded with the hash of those before it.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::Result;

use crate::frame::Def;
use crate::raised::mismatch;

const SEED: u32 = 42;
const LONG_DIGITS: u8 = 18;

pub const FUNCTIONS: &[Def] = &[Def {
    name: "hash",
    least: 1,
    most: usize::MAX,
    takes: |types| Ok(types.to_vec()),
    gives: |_| Ok(DataType::Int32),
    run: |call| {
        let mut hashes = arrow::array::Int32Builder::with_capacity(call.rows);
        for row in 0..call.rows {
            let mut hash = SEED;
            for array in &call.args {
                hash = value(array, row, hash)?;
            }
            hashes.append_value(hash.cast_signed());
        }
        Ok(std::sync::Arc::new(hashes.finish()))
    },
}];

fn word(hash: u32, word: u32) -> u32 {
    let word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    (hash ^ word).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

fn finish(hash: u32, bytes: usize) -> u32 {
    let mut hash = hash ^ (bytes as u32);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

fn int(value: i32, seed: u32) -> u32 {
    finish(word(seed, value.cast_unsigned()), 4)
}

/// The hash of whole words alone.
pub fn words(words: &[u32], seed: u32) -> u32 {
    finish(words.iter().fold(seed, |hash, next| word(hash, *next)), words.len() * 4)
}

fn long(value: i64, seed: u32) -> u32 {
    let value = value.cast_unsigned();
    let (low, high) = (value as u32, (value >> 32) as u32);
    finish(word(word(seed, low), high), 8)
}

/// Spark takes each byte behind the last whole word as a word of its own.
pub fn bytes(value: &[u8], seed: u32) -> u32 {
    let (words, rest) = value.as_chunks::<4>();
    let hash = words.iter().fold(seed, |hash, bytes| word(hash, u32::from_le_bytes(*bytes)));
    let rest = rest.iter().map(|byte| i32::from(byte.cast_signed()).cast_unsigned());
    finish(rest.fold(hash, word), value.len())
}

/// NULL leaves the seed as it is.
fn value(array: &ArrayRef, row: usize, seed: u32) -> Result<u32> {
    if array.is_null(row) || array.data_type().is_null() {
        return Ok(seed);
    }
    let one = |data_type: &DataType| cast(&array.slice(row, 1), data_type);
    Ok(match array.data_type() {
        DataType::Boolean => int(array.as_boolean().value(row).into(), seed),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => {
            int(one(&DataType::Int32)?.as_primitive::<Int32Type>().value(0), seed)
        }
        DataType::Int64 => long(array.as_primitive::<Int64Type>().value(row), seed),
        DataType::Date32 => int(array.as_primitive::<Date32Type>().value(row), seed),
        DataType::Float32 => {
            let number = array.as_primitive::<Float32Type>().value(row);
            let number = if number == 0.0 { 0.0 } else { number };
            int(number.to_bits().cast_signed(), seed)
        }
        DataType::Float64 => {
            let number = array.as_primitive::<Float64Type>().value(row);
            let number = if number == 0.0 { 0.0 } else { number };
            long(number.to_bits().cast_signed(), seed)
        }
        DataType::Timestamp(_, zone) => {
            let micros = one(&DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            long(micros.as_primitive::<TimestampMicrosecondType>().value(0), seed)
        }
        DataType::Decimal128(digits, _) => {
            let number = array.as_primitive::<Decimal128Type>().value(row);
            match i64::try_from(number) {
                Ok(number) if *digits <= LONG_DIGITS => long(number, seed),
                _ => bytes(&shortest(number), seed),
            }
        }
        DataType::Utf8 => bytes(array.as_string::<i32>().value(row).as_bytes(), seed),
        DataType::LargeUtf8 | DataType::Utf8View => {
            bytes(one(&DataType::Utf8)?.as_string::<i32>().value(0).as_bytes(), seed)
        }
        DataType::Binary => bytes(array.as_binary::<i32>().value(row), seed),
        DataType::LargeBinary | DataType::BinaryView => {
            bytes(one(&DataType::Binary)?.as_binary::<i32>().value(0), seed)
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).try_fold(seed, |hash, at| value(&items, at, hash))?
        }
        DataType::Struct(_) => array
            .as_struct()
            .columns()
            .iter()
            .try_fold(seed, |hash, column| value(column, row, hash))?,
        other => return mismatch(format!("A value of the type {other} cannot be hashed.")),
    })
}

/// The fewest bytes, the highest first, whose sign is that of the number.
fn shortest(number: i128) -> Vec<u8> {
    let all = number.to_be_bytes();
    let mut from = 0;
    while from + 1 < all.len()
        && ((all[from] == 0 && all[from + 1] < 0x80)
            || (all[from] == 0xff && all[from + 1] >= 0x80))
    {
        from += 1;
    }
    all[from..].to_vec()
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::frame::testing::answers(&[
            ("hash('Spark', [CAST(123 AS INT)], CAST(2 AS INT))", "-1321691492"),
            ("hash(NULL)", "42"),
        ])
        .await
    }
}
