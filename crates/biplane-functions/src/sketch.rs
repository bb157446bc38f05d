//! HyperLogLog and theta sketches of distinct values, in the binary form of Apache DataSketches.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datasketches::error::Error;
use datasketches::hash::value::{canonical_float, raw_bytes};
use datasketches::hll::{HllSketch, HllType, HllUnion};
use datasketches::theta::{
    CompactThetaSketch, ThetaANotB, ThetaIntersection, ThetaSketchBuilder, ThetaUnionBuilder,
};
use std::hash::{Hash, Hasher};

use crate::frame::{Call, Def};
use crate::gather::{ALL_ROWS, Aggregate};
use crate::raised::{fail, mismatch, raised};

pub const LG_DEFAULT: u8 = 12;

/// A value as sketches of all languages hash it.
pub enum Key<'a> {
    Long(i64),
    Double(f64),
    Bytes(&'a [u8]),
}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Long(value) => value.hash(state),
            Self::Double(value) => canonical_float::from_f64(*value).hash(state),
            Self::Bytes(bytes) => raw_bytes::from_slice(bytes).hash(state),
        }
    }
}

/// None: NULL, and empty text, which counts for nothing.
pub fn key(array: &ArrayRef, row: usize) -> Option<Key<'_>> {
    if array.is_null(row) {
        return None;
    }
    let bytes = |bytes| Some(bytes).filter(|bytes: &&[u8]| !bytes.is_empty()).map(Key::Bytes);
    match array.data_type() {
        DataType::Int64 => Some(Key::Long(array.as_primitive::<Int64Type>().value(row))),
        DataType::Float64 => Some(Key::Double(array.as_primitive::<Float64Type>().value(row))),
        DataType::Utf8 => bytes(array.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row)),
        _ => None,
    }
}

pub fn key_type(given: &DataType) -> Result<DataType> {
    Ok(match given {
        whole if whole.is_integer() => DataType::Int64,
        DataType::Float32 | DataType::Float64 => DataType::Float64,
        text if text.is_string() => DataType::Utf8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Null => DataType::Int64,
        other => return mismatch(format!("A number, text or bytes are needed, not {other}.")),
    })
}

pub fn broken(error: Error) -> DataFusionError {
    raised("SKETCH_INVALID_INPUT_BUFFER", "22546", format!("The sketch cannot be used: {error}."))
}

/// The logarithm of how many values are kept, if it is given.
pub fn lg(args: &[ArrayRef], at: usize, least: i32, most: i32) -> Result<u8> {
    let Some(given) = args.get(at).filter(|given| !given.is_empty() && given.is_valid(0)) else {
        return Ok(LG_DEFAULT);
    };
    let value = given.as_primitive::<Int32Type>().value(0);
    match u8::try_from(value) {
        Ok(lg) if (least..=most).contains(&value) => Ok(lg),
        _ => {
            let text = format!(
                "Invalid value {value}: the logarithm of the size of a sketch is from {least} to {most}."
            );
            fail("SKETCH_INVALID_LG_NOM_ENTRIES", "22546", text)
        }
    }
}

/// Behind the value, or the sketches, comes the size.
fn sized(types: &[DataType], first: DataType) -> Vec<DataType> {
    [first].into_iter().chain(types[1..].iter().map(|_| DataType::Int32)).collect()
}

fn two_sketches(types: &[DataType]) -> Result<Vec<DataType>> {
    let wanted = [DataType::Binary, DataType::Binary, DataType::Int32];
    Ok(wanted.into_iter().take(types.len()).collect())
}

pub fn bytes(array: &ArrayRef, row: usize) -> &[u8] {
    array.as_binary::<i32>().value(row)
}

fn longs(call: &Call<'_>, count: fn(&[u8]) -> Result<f64>) -> Result<ArrayRef> {
    call.primitives::<Int64Type>(|row| Ok(Some(count(bytes(&call.args[0], row))?.round() as i64)))
}

pub fn theta(bytes: &[u8]) -> Result<CompactThetaSketch> {
    CompactThetaSketch::deserialize(bytes).map_err(broken)
}

fn hll(bytes: &[u8]) -> Result<HllSketch> {
    HllSketch::deserialize(bytes).map_err(broken)
}

fn different_sizes<T>() -> Result<T> {
    let text = "Sketches have different sizes; set allowDifferentLgConfigK to true to join them.";
    fail("HLL_UNION_DIFFERENT_LG_K", "22000", text)
}

pub const FUNCTIONS: &[Def] = &[
    Def {
        name: "hll_sketch_estimate",
        least: 1,
        most: 1,
        takes: |_| Ok(vec![DataType::Binary]),
        gives: |_| Ok(DataType::Int64),
        run: |call| longs(call, |bytes| Ok(hll(bytes)?.estimate())),
    },
    Def {
        name: "hll_union",
        least: 2,
        most: 3,
        takes: |types| {
            let wanted = [DataType::Binary, DataType::Binary, DataType::Boolean];
            Ok(wanted.into_iter().take(types.len()).collect())
        },
        gives: |_| Ok(DataType::Binary),
        run: |call| {
            call.binaries(|row| {
                let (a, b) = (hll(bytes(&call.args[0], row))?, hll(bytes(&call.args[1], row))?);
                let mixes = call.args.get(2).is_some_and(|flag| flag.as_boolean().value(row));
                if a.lg_config_k() != b.lg_config_k() && !mixes {
                    return different_sizes();
                }
                let lg = a.lg_config_k().min(b.lg_config_k());
                let mut union = HllUnion::new(lg).map_err(broken)?;
                union.update(&a);
                union.update(&b);
                Ok(Some(union.to_sketch(HllType::Hll8).serialize()))
            })
        },
    },
    Def {
        name: "theta_sketch_estimate",
        least: 1,
        most: 1,
        takes: |_| Ok(vec![DataType::Binary]),
        gives: |_| Ok(DataType::Int64),
        run: |call| longs(call, |bytes| Ok(theta(bytes)?.estimate())),
    },
    Def {
        name: "theta_union",
        least: 2,
        most: 3,
        takes: two_sketches,
        gives: |_| Ok(DataType::Binary),
        run: |call| {
            let lg = lg(&call.args, 2, 4, 26)?;
            call.binaries(|row| {
                let mut union = ThetaUnionBuilder::default().lg_k(lg).build().map_err(broken)?;
                for array in &call.args[..2] {
                    union.update(&theta(bytes(array, row))?).map_err(broken)?;
                }
                Ok(Some(union.to_sketch(true).serialize()))
            })
        },
    },
    Def {
        name: "theta_intersection",
        least: 2,
        most: 2,
        takes: two_sketches,
        gives: |_| Ok(DataType::Binary),
        run: |call| {
            call.binaries(|row| {
                let mut both = ThetaIntersection::default();
                for array in &call.args {
                    both.update(&theta(bytes(array, row))?).map_err(broken)?;
                }
                Ok(both.to_sketch(true).map(|sketch| sketch.serialize()))
            })
        },
    },
    Def {
        name: "theta_difference",
        least: 2,
        most: 2,
        takes: two_sketches,
        gives: |_| Ok(DataType::Binary),
        run: |call| {
            call.binaries(|row| {
                let (a, b) = (theta(bytes(&call.args[0], row))?, theta(bytes(&call.args[1], row))?);
                let left = ThetaANotB::default().compute(&a, &b, true).map_err(broken)?;
                Ok(Some(left.serialize()))
            })
        },
    },
];

fn made(bytes: Vec<u8>) -> Result<ScalarValue> {
    Ok(ScalarValue::Binary(Some(bytes)))
}

fn all_sketches(array: &ArrayRef) -> impl Iterator<Item = &[u8]> {
    array.as_binary::<i32>().iter().flatten()
}

pub static AGGREGATES: &[Aggregate] = &[
    Aggregate {
        name: "hll_sketch_agg",
        least: 1,
        most: 2,
        takes: |types| Ok(sized(types, key_type(&types[0])?)),
        gives: |_| Ok(DataType::Binary),
        known: 0,
        finish: |args, _, _| {
            let lg = lg(args, 1, 4, 21)?;
            let mut sketch = HllSketch::new(lg, HllType::Hll8).map_err(broken)?;
            (0..args[0].len())
                .filter_map(|row| key(&args[0], row))
                .for_each(|key| sketch.update(key));
            made(sketch.serialize())
        },
    },
    Aggregate {
        name: "hll_union_agg",
        least: 1,
        most: 2,
        takes: |types| {
            Ok([DataType::Binary, DataType::Boolean].into_iter().take(types.len()).collect())
        },
        gives: |_| Ok(DataType::Binary),
        known: 0,
        finish: |args, _, _| {
            let mixes = args.get(1).is_some_and(|flag| flag.as_boolean().value(0));
            let sketches = all_sketches(&args[0]).map(hll).collect::<Result<Vec<_>>>()?;
            let sizes = || sketches.iter().map(HllSketch::lg_config_k);
            let (Some(least), Some(most)) = (sizes().min(), sizes().max()) else {
                return Ok(ScalarValue::Binary(None));
            };
            if least != most && !mixes {
                return different_sizes();
            }
            let mut union = HllUnion::new(least).map_err(broken)?;
            sketches.iter().for_each(|sketch| union.update(sketch));
            made(union.to_sketch(HllType::Hll8).serialize())
        },
    },
    Aggregate {
        name: "theta_sketch_agg",
        least: 1,
        most: 2,
        takes: |types| Ok(sized(types, key_type(&types[0])?)),
        gives: |_| Ok(DataType::Binary),
        known: 0,
        finish: |args, _, _| {
            let lg = lg(args, 1, 4, 26)?;
            let mut sketch = ThetaSketchBuilder::default().lg_k(lg).build().map_err(broken)?;
            (0..args[0].len())
                .filter_map(|row| key(&args[0], row))
                .for_each(|key| sketch.update(key));
            made(sketch.compact(true).serialize())
        },
    },
    Aggregate {
        name: "theta_union_agg",
        least: 1,
        most: 2,
        takes: |types| Ok(sized(types, DataType::Binary)),
        gives: |_| Ok(DataType::Binary),
        known: 0,
        finish: |args, _, _| {
            let lg = lg(args, 1, 4, 26)?;
            let mut union = ThetaUnionBuilder::default().lg_k(lg).build().map_err(broken)?;
            for bytes in all_sketches(&args[0]) {
                union.update(&theta(bytes)?).map_err(broken)?;
            }
            made(union.to_sketch(true).serialize())
        },
    },
    Aggregate {
        name: "theta_intersection_agg",
        least: 1,
        most: 1,
        takes: |_| Ok(vec![DataType::Binary]),
        gives: |_| Ok(DataType::Binary),
        known: ALL_ROWS,
        finish: |args, _, _| {
            let mut both = ThetaIntersection::default();
            for bytes in all_sketches(&args[0]) {
                both.update(&theta(bytes)?).map_err(broken)?;
            }
            match both.to_sketch(true) {
                Some(sketch) => made(sketch.serialize()),
                // No sketch at all: nothing is in all of them.
                None => made(
                    ThetaSketchBuilder::default()
                        .build()
                        .map_err(broken)?
                        .compact(true)
                        .serialize(),
                ),
            }
        },
    },
];

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::gather::testing::answers(
            "(1, 1), (1, 2), (2, 2), (NULL, 4)",
            &[
                ("hll_sketch_estimate(hll_sketch_agg(x))", "2"),
                ("hll_sketch_estimate(hll_union(hll_sketch_agg(x), hll_sketch_agg(y)))", "3"),
                ("hll_union(hll_sketch_agg(x), hll_sketch_agg(y, 20))", "[HLL_UNION_DIFFERENT_LG_K]"),
                ("theta_sketch_estimate(theta_difference(theta_sketch_agg(y), theta_sketch_agg(x)))", "1"),
                ("theta_sketch_estimate(theta_intersection(theta_sketch_agg(y), theta_sketch_agg(x)))", "2"),
                ("theta_sketch_agg(x, 40)", "[SKETCH_INVALID_LG_NOM_ENTRIES]"),
                ("tuple_sketch_summary_integer(tuple_sketch_agg_integer(x, y))", "5"),
                ("tuple_sketch_summary_integer(tuple_sketch_agg_integer(x, y, 12, 'max'))", "4"),
                ("kll_sketch_get_quantile_bigint(kll_sketch_agg_bigint(y), 0.5)", "2"),
                ("kll_sketch_get_n_double(kll_sketch_agg_double(x))", "3"),
                ("theta_sketch_estimate(arrow_cast('x', 'Binary'))", "[SKETCH_INVALID_INPUT_BUFFER]"),
            ],
        )
        .await
    }
}
