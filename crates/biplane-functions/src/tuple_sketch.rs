//! Theta sketches that keep a number beside each value.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datasketches::tuple::{
    CompactTupleSketch, SummaryCombinePolicy, SummaryPolicy, SummaryUpdatePolicy, TupleANotB,
    TupleIntersection, TupleSketchBuilder, TupleSummaryValue, TupleUnionBuilder,
};
use std::marker::PhantomData;

use crate::frame::{Call, Def};
use crate::gather::{ALL_ROWS, Aggregate};
use crate::raised::fail;
use crate::sketch::{broken, bytes, key, key_type, lg};

trait Number: Copy + TupleSummaryValue + 'static {
    const LEAST: Self;
    const MOST: Self;
    const ZERO: Self;
    const ONE: Self;
    fn plus(self, other: Self) -> Self;
    /// As a sketch has them.
    fn bytes(self) -> [u8; 8];
    fn is_less(self, other: Self) -> bool;
}

/// Numbers in a column.
trait Numbers: ArrowPrimitiveType<Native: Number> {}
impl<P: ArrowPrimitiveType<Native: Number>> Numbers for P {}

impl Number for i64 {
    const LEAST: Self = Self::MIN;
    const MOST: Self = Self::MAX;
    const ZERO: Self = 0;
    const ONE: Self = 1;
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
    fn bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }
    fn is_less(self, other: Self) -> bool {
        self < other
    }
}

impl Number for f64 {
    const LEAST: Self = Self::NEG_INFINITY;
    const MOST: Self = Self::INFINITY;
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }
    fn is_less(self, other: Self) -> bool {
        self < other
    }
}

/// How numbers of one value come together.
#[derive(Clone, Copy)]
enum Mode {
    Sum,
    Least,
    Most,
    One,
}

struct Policy<N> {
    mode: Mode,
    kind: PhantomData<N>,
}

impl<N: Number> Policy<N> {
    fn of(args: &[ArrayRef], at: usize) -> Result<Self> {
        let given = args.get(at).filter(|given| !given.is_empty() && given.is_valid(0));
        let name = given.map_or("sum", |given| given.as_string::<i32>().value(0));
        let mode = match name.to_lowercase().as_str() {
            "sum" => Mode::Sum,
            "min" => Mode::Least,
            "max" => Mode::Most,
            "alwaysone" => Mode::One,
            _ => {
                let text = format!("The mode {name} is none of sum, min, max and alwaysone.");
                return fail("TUPLE_INVALID_SKETCH_MODE", "22023", text);
            }
        };
        Ok(Self { mode, kind: PhantomData })
    }

    fn joined(&self, a: N, b: N) -> N {
        match self.mode {
            Mode::Sum => a.plus(b),
            Mode::Least => {
                if b.is_less(a) {
                    b
                } else {
                    a
                }
            }
            Mode::Most => {
                if a.is_less(b) {
                    b
                } else {
                    a
                }
            }
            Mode::One => N::ONE,
        }
    }
}

impl<N: Number> SummaryPolicy for Policy<N> {
    type Summary = N;

    fn create(&self) -> N {
        match self.mode {
            Mode::Sum => N::ZERO,
            Mode::Least => N::MOST,
            Mode::Most => N::LEAST,
            Mode::One => N::ONE,
        }
    }
}

impl<N: Number> SummaryUpdatePolicy<N> for Policy<N> {
    fn update(&self, summary: &mut N, value: N) {
        *summary = self.joined(*summary, value);
    }
}

impl<N: Number> SummaryCombinePolicy for Policy<N> {
    fn combine(&self, summary: &mut N, other: &N) {
        *summary = self.joined(*summary, *other);
    }
}

/// A sketch of nothing.
const EMPTY: [u8; 8] = [1, 3, 9, 1, 0, 0x1e, 0, 0];

/// A theta sketch with one number beside each of its values. It is put together in the binary form: the library
/// makes tuple sketches of values alone, which a theta sketch does not have any more.
fn with_number<N: Number>(theta: &[u8], number: N) -> Result<CompactTupleSketch<N>> {
    let theta = crate::sketch::theta(theta)?;
    if theta.is_empty() {
        return CompactTupleSketch::deserialize(&EMPTY).map_err(broken);
    }
    let mut entries: Vec<u64> = theta.iter().map(|entry| entry.hash()).collect();
    entries.sort_unstable();
    let longs = if theta.is_estimation_mode() { 3 } else { 2 };
    // Read only, compact, ordered.
    let mut bytes = vec![longs, 3, 9, 1, 0, 0b1_1010];
    bytes.extend(theta.seed_hash().to_le_bytes());
    bytes.extend(u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend([0; 4]);
    if longs == 3 {
        bytes.extend(theta.theta64().to_le_bytes());
    }
    for hash in entries {
        bytes.extend(hash.to_le_bytes());
        bytes.extend(number.bytes());
    }
    CompactTupleSketch::deserialize(&bytes).map_err(broken)
}

fn read<P: Numbers>(sketches: &ArrayRef, row: usize) -> Result<CompactTupleSketch<P::Native>> {
    CompactTupleSketch::deserialize(bytes(sketches, row)).map_err(broken)
}

/// A sketch that is an argument: a theta sketch where `is_theta` says so.
fn given<P: Numbers>(
    args: &[ArrayRef],
    (arg, row): (usize, usize),
    is_theta: bool,
    policy: &Policy<P::Native>,
) -> Result<CompactTupleSketch<P::Native>> {
    match is_theta && arg == 1 {
        true => with_number(bytes(&args[arg], row), policy.create()),
        false => read::<P>(&args[arg], row),
    }
}

fn union<P: Numbers>(
    args: &[ArrayRef],
    rows: &[(usize, usize)],
    lg_at: usize,
    is_theta: bool,
) -> Result<Vec<u8>> {
    let policy = || Policy::<P::Native>::of(args, lg_at + 1);
    let builder = TupleUnionBuilder::new(policy()?).lg_k(lg(args, lg_at, 4, 26)?);
    let mut union = builder.build().map_err(broken)?;
    let policy = policy()?;
    for place in rows {
        union.update(&given::<P>(args, *place, is_theta, &policy)?).map_err(broken)?;
    }
    Ok(union.to_sketch(true).serialize())
}

fn intersection<P: Numbers>(
    args: &[ArrayRef],
    rows: &[(usize, usize)],
    mode_at: usize,
    is_theta: bool,
) -> Result<Option<Vec<u8>>> {
    let policy = || Policy::<P::Native>::of(args, mode_at);
    let mut both = TupleIntersection::new(policy()?);
    let policy = policy()?;
    for place in rows {
        both.update(&given::<P>(args, *place, is_theta, &policy)?).map_err(broken)?;
    }
    Ok(both.to_sketch(true).map(|sketch| sketch.serialize()))
}

/// What of the first is not in the second.
fn difference<P: Numbers>(args: &[ArrayRef], row: usize, is_theta: bool) -> Result<Vec<u8>> {
    let policy = Policy { mode: Mode::Sum, kind: PhantomData };
    let sketch = |arg| given::<P>(args, (arg, row), is_theta, &policy);
    let left = TupleANotB::default().compute(&sketch(0)?, &sketch(1)?, true).map_err(broken)?;
    Ok(left.serialize())
}

fn aggregated<P: Numbers>(args: &[ArrayRef]) -> Result<ScalarValue> {
    let policy = Policy::<P::Native>::of(args, 3)?;
    let builder = TupleSketchBuilder::new(policy).lg_k(lg(args, 2, 4, 26)?);
    let mut sketch = builder.build().map_err(broken)?;
    let values = args[1].as_primitive::<P>();
    for row in 0..args[0].len() {
        if let Some(key) = key(&args[0], row).filter(|_| values.is_valid(row)) {
            sketch.update(key, values.value(row));
        }
    }
    Ok(ScalarValue::Binary(Some(sketch.compact(true).serialize())))
}

/// The numbers of all values as one; of values that were left out as many more are assumed.
fn summary<P: Numbers>(call: &Call<'_>) -> Result<ArrayRef> {
    let policy = Policy::<P::Native>::of(&call.args, 1)?;
    call.primitives::<P>(|row| {
        let sketch = read::<P>(&call.args[0], row)?;
        let all = sketch.iter().map(|entry| *entry.summary());
        Ok(all.reduce(|a, b| policy.joined(a, b)))
    })
}

fn rows_of(args: &[ArrayRef]) -> Vec<(usize, usize)> {
    (0..args[0].len()).filter(|row| args[0].is_valid(*row)).map(|row| (0, row)).collect()
}

/// Sketches, then the size, then the mode.
fn takes(types: &[DataType], sketches: usize, has_size: bool) -> Vec<DataType> {
    let sketches = std::iter::repeat_n(DataType::Binary, sketches);
    let size = has_size.then_some(DataType::Int32);
    sketches.chain(size).chain([DataType::Utf8]).take(types.len()).collect()
}

macro_rules! union_def {
    ($kind:ty, $name:expr, $is_theta:literal) => {
        Def {
            name: $name,
            least: 2,
            most: 4,
            takes: |types| Ok(takes(types, 2, true)),
            gives: |_| Ok(DataType::Binary),
            run: |call| {
                call.binaries(|row| {
                    union::<$kind>(&call.args, &[(0, row), (1, row)], 2, $is_theta).map(Some)
                })
            },
        }
    };
}

macro_rules! intersection_def {
    ($kind:ty, $name:expr, $is_theta:literal) => {
        Def {
            name: $name,
            least: 2,
            most: 3,
            takes: |types| Ok(takes(types, 2, false)),
            gives: |_| Ok(DataType::Binary),
            run: |call| {
                call.binaries(|row| {
                    intersection::<$kind>(&call.args, &[(0, row), (1, row)], 2, $is_theta)
                })
            },
        }
    };
}

macro_rules! difference_def {
    ($kind:ty, $name:expr, $is_theta:literal) => {
        Def {
            name: $name,
            least: 2,
            most: 2,
            takes: |types| Ok(takes(types, 2, false)),
            gives: |_| Ok(DataType::Binary),
            run: |call| {
                call.binaries(|row| difference::<$kind>(&call.args, row, $is_theta).map(Some))
            },
        }
    };
}

macro_rules! functions {
    ($kind:ty, $number:expr, $suffix:literal) => {
        [
            union_def!($kind, concat!("tuple_union_", $suffix), false),
            union_def!($kind, concat!("tuple_union_theta_", $suffix), true),
            intersection_def!($kind, concat!("tuple_intersection_", $suffix), false),
            intersection_def!($kind, concat!("tuple_intersection_theta_", $suffix), true),
            difference_def!($kind, concat!("tuple_difference_", $suffix), false),
            difference_def!($kind, concat!("tuple_difference_theta_", $suffix), true),
            Def {
                name: concat!("tuple_sketch_estimate_", $suffix),
                least: 1,
                most: 1,
                takes: |types| Ok(takes(types, 1, false)),
                gives: |_| Ok(DataType::Float64),
                run: |call| {
                    call.primitives::<Float64Type>(|row| {
                        let sketch = read::<$kind>(&call.args[0], row)?;
                        Ok(Some(sketch.estimate()))
                    })
                },
            },
            Def {
                name: concat!("tuple_sketch_theta_", $suffix),
                least: 1,
                most: 1,
                takes: |types| Ok(takes(types, 1, false)),
                gives: |_| Ok(DataType::Float64),
                run: |call| {
                    call.primitives::<Float64Type>(|row| {
                        let sketch = read::<$kind>(&call.args[0], row)?;
                        Ok(Some(sketch.theta()))
                    })
                },
            },
            Def {
                name: concat!("tuple_sketch_summary_", $suffix),
                least: 1,
                most: 2,
                takes: |types| Ok(takes(types, 1, false)),
                gives: |_| Ok($number),
                run: summary::<$kind>,
            },
        ]
    };
}

macro_rules! aggregates {
    ($kind:ty, $number:expr, $suffix:literal) => {
        [
            Aggregate {
                name: concat!("tuple_sketch_agg_", $suffix),
                least: 2,
                most: 4,
                takes: |types| {
                    let wanted = [key_type(&types[0])?, $number, DataType::Int32, DataType::Utf8];
                    Ok(wanted.into_iter().take(types.len()).collect())
                },
                gives: |_| Ok(DataType::Binary),
                known: 0,
                finish: |args, _, _| aggregated::<$kind>(args),
            },
            Aggregate {
                name: concat!("tuple_union_agg_", $suffix),
                least: 1,
                most: 3,
                takes: |types| Ok(takes(types, 1, true)),
                gives: |_| Ok(DataType::Binary),
                known: 0,
                finish: |args, _, _| {
                    let all = union::<$kind>(args, &rows_of(args), 1, false)?;
                    Ok(ScalarValue::Binary(Some(all)))
                },
            },
            Aggregate {
                name: concat!("tuple_intersection_agg_", $suffix),
                least: 1,
                most: 2,
                takes: |types| Ok(takes(types, 1, false)),
                gives: |_| Ok(DataType::Binary),
                known: ALL_ROWS,
                finish: |args, _, _| {
                    let rows = rows_of(args);
                    let both = intersection::<$kind>(args, &rows, 1, false)?;
                    Ok(ScalarValue::Binary(Some(both.unwrap_or_else(|| EMPTY.to_vec()))))
                },
            },
        ]
    };
}

pub const INTEGERS: &[Def] = &functions!(Int64Type, DataType::Int64, "integer");
pub const DOUBLES: &[Def] = &functions!(Float64Type, DataType::Float64, "double");
pub static INTEGER_AGGREGATES: &[Aggregate] = &aggregates!(Int64Type, DataType::Int64, "integer");
pub static DOUBLE_AGGREGATES: &[Aggregate] = &aggregates!(Float64Type, DataType::Float64, "double");
