//! Bitmaps of 32,768 bits: one made of positions, all of some, any of some, how many bits are set.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue};

use crate::frame::Def;
use crate::gather::Aggregate;
use crate::raised::fail;

const BYTES: usize = 4096;

pub const FUNCTIONS: &[Def] = &[Def {
    name: "bitmap_count",
    least: 1,
    most: 1,
    takes: |_| Ok(vec![DataType::Binary]),
    gives: |_| Ok(DataType::Int64),
    run: |call| {
        call.primitives::<Int64Type>(|row| {
            let bytes = call.args[0].as_binary::<i32>().value(row);
            Ok(Some(bytes.iter().map(|byte| i64::from(byte.count_ones())).sum()))
        })
    },
}];

macro_rules! joined {
    ($name:literal, $start:literal, $with:expr) => {
        Aggregate {
            name: $name,
            least: 1,
            most: 1,
            takes: |_| Ok(vec![DataType::Binary]),
            gives: |_| Ok(DataType::Binary),
            known: 0,
            finish: |args, _, _| {
                let with: fn(&mut u8, u8) = $with;
                let mut bitmap = vec![$start; BYTES];
                for row in 0..args[0].len() {
                    let bytes = args[0].as_binary::<i32>().value(row);
                    // What is not written is not set.
                    let all = bytes.iter().copied().chain(std::iter::repeat(0));
                    bitmap.iter_mut().zip(all).for_each(|(bits, byte)| with(bits, byte));
                }
                Ok(ScalarValue::Binary(Some(bitmap)))
            },
        }
    };
}

pub static AGGREGATES: &[Aggregate] = &[
    Aggregate {
        name: "bitmap_construct_agg",
        least: 1,
        most: 1,
        takes: |_| Ok(vec![DataType::Int64]),
        gives: |_| Ok(DataType::Binary),
        known: 0,
        finish: |args, _, _| {
            let mut bitmap = vec![0_u8; BYTES];
            for position in args[0].as_primitive::<Int64Type>().iter().flatten() {
                set(&mut bitmap, position)?;
            }
            Ok(ScalarValue::Binary(Some(bitmap)))
        },
    },
    joined!("bitmap_or_agg", 0_u8, |bits, byte| *bits |= byte),
    joined!("bitmap_and_agg", 0xff_u8, |bits, byte| *bits &= byte),
];

fn set(bitmap: &mut [u8], position: i64) -> Result<()> {
    let place = usize::try_from(position).ok().filter(|place| *place < BYTES * 8);
    let Some(place) = place else {
        let text = format!("The 0-indexed bitmap position {position} is out of bounds.");
        return fail("INVALID_BITMAP_POSITION", "22003", text);
    };
    bitmap[place / 8] |= 1 << (place % 8);
    Ok(())
}
