//! KLL sketches: how values are distributed.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int32Type, Int64Type,
};
use datafusion::common::{Result, ScalarValue};
use datasketches::common::SearchCriteria::Inclusive;
use datasketches::kll::{KllFloat, KllSketch, KllValue};

use crate::frame::Def;
use crate::gather::Aggregate;
use crate::raised::fail;
use crate::sketch::{broken, bytes};

const K_DEFAULT: u16 = 200;

/// Numbers as a sketch keeps them.
trait Kept: ArrowPrimitiveType {
    type Item: KllValue + Ord + Clone;
    /// None: NaN, which has no place among others.
    fn item(native: Self::Native) -> Option<Self::Item>;
    fn native(item: Self::Item) -> Self::Native;
}

impl Kept for Int64Type {
    type Item = i64;
    fn item(native: i64) -> Option<i64> {
        Some(native)
    }
    fn native(item: i64) -> i64 {
        item
    }
}

impl Kept for Float32Type {
    type Item = KllFloat<f32>;
    fn item(native: f32) -> Option<Self::Item> {
        KllFloat::<f32>::new(native).ok()
    }
    fn native(item: Self::Item) -> f32 {
        item.into_inner()
    }
}

impl Kept for Float64Type {
    type Item = KllFloat<f64>;
    fn item(native: f64) -> Option<Self::Item> {
        KllFloat::<f64>::new(native).ok()
    }
    fn native(item: Self::Item) -> f64 {
        item.into_inner()
    }
}

fn read<T: Kept>(bytes: &[u8]) -> Result<KllSketch<T::Item>> {
    KllSketch::deserialize(bytes).map_err(broken)
}

fn size(args: &[ArrayRef]) -> Result<u16> {
    let Some(given) = args.get(1).filter(|given| !given.is_empty() && given.is_valid(0)) else {
        return Ok(K_DEFAULT);
    };
    let value = given.as_primitive::<Int32Type>().value(0);
    match u16::try_from(value) {
        Ok(k) if k >= 8 => Ok(k),
        _ => fail("KLL_INVALID_K", "22546", format!("Invalid k {value}: it is from 8 to 65535.")),
    }
}

fn shown<T: Kept>(sketch: &KllSketch<T::Item>) -> String {
    format!(
        "### KLL sketch\n   K: {}\n   min K: {}\n   N: {}\n   Estimation mode: {}\n   Retained items: {}\n\
         \x20  Normalized rank error: {:.4}\n### End sketch summary\n",
        sketch.k(),
        sketch.min_k(),
        sketch.n(),
        sketch.is_estimation_mode(),
        sketch.num_retained(),
        sketch.normalized_rank_error(),
    )
}

macro_rules! functions {
    ($kind:ty, $number:expr, $suffix:literal) => {
        [
            Def {
                name: concat!("kll_sketch_get_n_", $suffix),
                least: 1,
                most: 1,
                takes: |_| Ok(vec![DataType::Binary]),
                gives: |_| Ok(DataType::Int64),
                run: |call| {
                    call.primitives::<Int64Type>(|row| {
                        Ok(i64::try_from(read::<$kind>(bytes(&call.args[0], row))?.n()).ok())
                    })
                },
            },
            Def {
                name: concat!("kll_sketch_get_quantile_", $suffix),
                least: 2,
                most: 2,
                takes: |_| Ok(vec![DataType::Binary, DataType::Float64]),
                gives: |_| Ok($number),
                run: |call| {
                    call.primitives::<$kind>(|row| {
                        let sketch = read::<$kind>(bytes(&call.args[0], row))?;
                        let rank = call.double(1, row);
                        if !(0.0..=1.0).contains(&rank) {
                            let text = format!("The rank {rank} is not from 0 to 1.");
                            return fail("KLL_SKETCH_INVALID_QUANTILE_RANGE", "22003", text);
                        }
                        let found = sketch.quantile(rank, Inclusive).map_err(broken)?;
                        Ok(found.map(<$kind as Kept>::native))
                    })
                },
            },
            Def {
                name: concat!("kll_sketch_get_rank_", $suffix),
                least: 2,
                most: 2,
                takes: |_| Ok(vec![DataType::Binary, $number]),
                gives: |_| Ok(DataType::Float64),
                run: |call| {
                    let values = call.args[1].as_primitive::<$kind>();
                    call.primitives::<Float64Type>(|row| {
                        let sketch = read::<$kind>(bytes(&call.args[0], row))?;
                        let item = <$kind as Kept>::item(values.value(row));
                        Ok(item.and_then(|item| sketch.rank(&item, Inclusive)))
                    })
                },
            },
            Def {
                name: concat!("kll_sketch_merge_", $suffix),
                least: 2,
                most: 2,
                takes: |_| Ok(vec![DataType::Binary, DataType::Binary]),
                gives: |_| Ok(DataType::Binary),
                run: |call| {
                    call.binaries(|row| {
                        let mut all = read::<$kind>(bytes(&call.args[0], row))?;
                        let more = read::<$kind>(bytes(&call.args[1], row))?;
                        all.merge(&more).map_err(broken)?;
                        Ok(Some(all.serialize()))
                    })
                },
            },
            Def {
                name: concat!("kll_sketch_to_string_", $suffix),
                least: 1,
                most: 1,
                takes: |_| Ok(vec![DataType::Binary]),
                gives: |_| Ok(DataType::Utf8),
                run: |call| {
                    call.texts(|row| {
                        Ok(Some(shown::<$kind>(&read::<$kind>(bytes(&call.args[0], row))?)))
                    })
                },
            },
        ]
    };
}

macro_rules! aggregates {
    ($kind:ty, $number:expr, $suffix:literal) => {
        [
            Aggregate {
                name: concat!("kll_sketch_agg_", $suffix),
                least: 1,
                most: 2,
                takes: |types| {
                    Ok([$number, DataType::Int32].into_iter().take(types.len()).collect())
                },
                gives: |_| Ok(DataType::Binary),
                known: 0,
                finish: |args, _, _| {
                    let mut sketch = KllSketch::new(size(args)?).map_err(broken)?;
                    let values = args[0].as_primitive::<$kind>().iter().flatten();
                    values.filter_map(<$kind as Kept>::item).for_each(|item| sketch.update(item));
                    Ok(ScalarValue::Binary(Some(sketch.serialize())))
                },
            },
            Aggregate {
                name: concat!("kll_merge_agg_", $suffix),
                least: 1,
                most: 2,
                takes: |types| {
                    Ok([DataType::Binary, DataType::Int32].into_iter().take(types.len()).collect())
                },
                gives: |_| Ok(DataType::Binary),
                known: 0,
                finish: |args, _, _| {
                    let mut all = KllSketch::new(size(args)?).map_err(broken)?;
                    for bytes in args[0].as_binary::<i32>().iter().flatten() {
                        all.merge(&read::<$kind>(bytes)?).map_err(broken)?;
                    }
                    Ok(ScalarValue::Binary(Some(all.serialize())))
                },
            },
        ]
    };
}

pub const BIGINTS: &[Def] = &functions!(Int64Type, DataType::Int64, "bigint");
pub const FLOATS: &[Def] = &functions!(Float32Type, DataType::Float32, "float");
pub const DOUBLES: &[Def] = &functions!(Float64Type, DataType::Float64, "double");
pub static BIGINT_AGGREGATES: &[Aggregate] = &aggregates!(Int64Type, DataType::Int64, "bigint");
pub static FLOAT_AGGREGATES: &[Aggregate] = &aggregates!(Float32Type, DataType::Float32, "float");
pub static DOUBLE_AGGREGATES: &[Aggregate] = &aggregates!(Float64Type, DataType::Float64, "double");
