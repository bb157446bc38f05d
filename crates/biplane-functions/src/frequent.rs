//! The most frequent values of a group, in sketches of Apache DataSketches that hold only so many of them.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, StringArray, StructArray, new_empty_array, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Fields, Float32Type, Float64Type, Int32Type, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use std::cmp::Reverse;
use std::sync::Arc;

use crate::frame::{Call, Def};
use crate::gather::{ALL_ROWS, Aggregate};
use crate::raised::{fail, mismatch};
use crate::sketch::broken;

const K: i32 = 5;
const TRACKED: i32 = 10_000;
const TRACKED_MOST: i32 = 1_000_000;
/// The logarithm of the size of the map in which so many are.
const LG_MOST: u8 = 21;

pub static AGGREGATES: &[Aggregate] = &[
    Aggregate {
        name: "approx_top_k",
        least: 1,
        most: 3,
        takes: |types| taken(item_type(&types[0])?, types),
        gives: |types| Ok(answer_type(&types[0])),
        known: ALL_ROWS,
        finish: |args, gives, _| {
            let k = positive(args, 1, K, "k")?;
            let tracked = tracked(args, 2)?.unwrap_or(TRACKED);
            if tracked < k {
                let text = format!("maxItemsTracked ({tracked}) is less than k ({k}).");
                return fail("APPROX_TOP_K_MAX_ITEMS_TRACKED_LESS_THAN_K", "22023", text);
            }
            let found = Counted::of(&args[0], tracked)?.top(k, args[0].data_type())?;
            SingleRowListArrayBuilder::new(found).build_list_scalar().cast_to(gives)
        },
    },
    Aggregate {
        name: "approx_top_k_accumulate",
        least: 1,
        most: 2,
        takes: |types| taken(item_type(&types[0])?, types),
        gives: |types| Ok(DataType::Struct(state_fields(&types[0]))),
        known: ALL_ROWS,
        finish: |args, _, _| {
            let tracked = tracked(args, 1)?.unwrap_or(TRACKED);
            Ok(state(&Counted::of(&args[0], tracked)?, tracked, args[0].data_type()))
        },
    },
    Aggregate {
        name: "approx_top_k_combine",
        least: 1,
        most: 2,
        takes: |types| {
            item_of(&types[0])?;
            taken(types[0].clone(), types)
        },
        gives: |types| Ok(types[0].clone()),
        known: 0,
        finish: |args, _, _| {
            let states = args[0].as_struct();
            let item = item_of(states.data_type())?;
            let sizes = states.column(1).as_primitive::<Int32Type>();
            let asked = tracked(args, 1)?;
            let size = asked.unwrap_or_else(|| sizes.iter().flatten().max().unwrap_or(TRACKED));
            if asked.is_none() && sizes.iter().flatten().any(|other| other != size) {
                let text = "The sketches track different numbers of items; say how many are to be tracked.";
                return fail("APPROX_TOP_K_SKETCH_SIZE_NOT_MATCH", "42846", text);
            }
            let mut all = Counted::new(&item, size)?;
            for bytes in states.column(0).as_binary::<i32>().iter().flatten() {
                all.merge(&Counted::read(&item, bytes)?);
            }
            Ok(state(&all, size, &item))
        },
    },
];

pub const FUNCTIONS: &[Def] = &[Def {
    name: "approx_top_k_estimate",
    least: 1,
    most: 2,
    takes: |types| {
        item_of(&types[0])?;
        taken(types[0].clone(), types)
    },
    gives: |types| Ok(answer_type(&item_of(&types[0])?)),
    run: estimate,
}];

fn estimate(call: &Call<'_>) -> Result<ArrayRef> {
    let states = call.args[0].as_struct();
    let item = item_of(states.data_type())?;
    let DataType::List(field) = call.gives else { return mismatch("A list is answered.") };
    let mut parts = vec![new_empty_array(field.data_type())];
    let mut known = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let k = match call.args.get(1).map(|given| given.slice(row, 1)) {
            Some(given) => positive(&[given], 0, K, "k")?,
            None => K,
        };
        let sketches = states.column(0).as_binary::<i32>();
        known.push(states.is_valid(row) && sketches.is_valid(row));
        parts.push(match known[row] {
            true => Counted::read(&item, sketches.value(row))?.top(k, &item)?,
            false => new_empty_array(field.data_type()),
        });
    }
    let lengths = parts[1..].iter().map(|part| part.len()).collect::<Vec<_>>();
    let all = concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls = NullBuffer::from(known);
    Ok(Arc::new(ListArray::new(field.clone(), offsets, all, Some(nulls))))
}

/// The first argument, and numbers behind it.
fn taken(first: DataType, types: &[DataType]) -> Result<Vec<DataType>> {
    for other in &types[1..] {
        if !other.is_integer() && !other.is_null() {
            return mismatch(format!("An INT is needed, not {other}."));
        }
    }
    Ok([first].into_iter().chain(types[1..].iter().map(|_| DataType::Int32)).collect())
}

fn item_type(given: &DataType) -> Result<DataType> {
    use DataType::{
        Boolean, Date32, Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, Null, Timestamp,
        Utf8,
    };
    Ok(match given {
        Boolean | Int8 | Int16 | Int32 | Int64 | Float32 | Float64 | Date32 | Timestamp(..)
        | Decimal128(..) => given.clone(),
        text if text.is_string() => Utf8,
        Null => Int32,
        other => return mismatch(format!("Values of {other} cannot be counted.")),
    })
}

fn answer_type(item: &DataType) -> DataType {
    DataType::new_list(DataType::Struct(answer_fields(item)), true)
}

fn answer_fields(item: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("item", item.clone(), true),
        Field::new("count", DataType::Int64, true),
    ])
}

/// The type of the items is that of a field which is always NULL.
fn state_fields(item: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("sketch", DataType::Binary, true),
        Field::new("maxItemsTracked", DataType::Int32, true),
        Field::new("itemDataType", item.clone(), true),
        Field::new("itemDataTypeDDL", DataType::Utf8, true),
    ])
}

fn item_of(state: &DataType) -> Result<DataType> {
    if let DataType::Struct(fields) = state
        && let [sketch, tracked, item, ddl] = fields.as_ref()
        && sketch.data_type() == &DataType::Binary
        && tracked.data_type() == &DataType::Int32
        && ddl.data_type().is_string()
    {
        return item_type(item.data_type());
    }
    mismatch(
        "State must be a struct with 4 fields. Expected struct: \
         struct<sketch:binary,maxItemsTracked:int,itemDataType:any,itemDataTypeDDL:string>.",
    )
}

fn state(counted: &Counted, tracked: i32, item: &DataType) -> ScalarValue {
    let name = match item {
        DataType::Utf8 => "string".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP_NTZ".to_owned(),
        DataType::Decimal128(digits, scale) => format!("DECIMAL({digits},{scale})"),
        _ => "INT".to_owned(),
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(BinaryArray::from_vec(vec![&counted.bytes()])),
        Arc::new(Int32Array::from(vec![tracked])),
        new_null_array(item, 1),
        Arc::new(StringArray::from(vec![format!("item {name} NOT NULL")])),
    ];
    ScalarValue::Struct(Arc::new(StructArray::new(state_fields(item), columns, None)))
}

/// None: it was not given.
fn number(args: &[ArrayRef], at: usize, name: &str) -> Result<Option<i32>> {
    let Some(given) = args.get(at).filter(|given| !given.is_empty()) else { return Ok(None) };
    if given.is_null(0) {
        let text = format!("The value of {name} in the call of `approx_top_k` is NULL.");
        return fail("APPROX_TOP_K_NULL_ARG", "22004", text);
    }
    Ok(Some(given.as_primitive::<Int32Type>().value(0)))
}

fn positive(args: &[ArrayRef], at: usize, otherwise: i32, name: &str) -> Result<i32> {
    match number(args, at, name)?.unwrap_or(otherwise) {
        number if number > 0 => Ok(number),
        number => {
            let text = format!("{name} must be a positive number, not {number}.");
            fail("APPROX_TOP_K_NON_POSITIVE_ARG", "22023", text)
        }
    }
}

fn tracked(args: &[ArrayRef], at: usize) -> Result<Option<i32>> {
    if number(args, at, "maxItemsTracked")?.is_none() {
        return Ok(None);
    }
    let tracked = positive(args, at, TRACKED, "maxItemsTracked")?;
    if tracked > TRACKED_MOST {
        let text = format!("maxItemsTracked ({tracked}) is more than {TRACKED_MOST}.");
        return fail("APPROX_TOP_K_MAX_ITEMS_TRACKED_EXCEEDS_LIMIT", "22023", text);
    }
    Ok(Some(tracked))
}

/// Text, and decimals as their digits; or all that is as a number.
enum Sketch {
    Texts(FrequentItemsSketch<String>),
    Numbers(FrequentItemsSketch<i64>),
}

struct Counted {
    sketch: Sketch,
    /// Rows in which it is NULL.
    nulls: u64,
}

fn is_text(item: &DataType) -> bool {
    matches!(item, DataType::Utf8 | DataType::Decimal128(..))
}

impl Counted {
    fn new(item: &DataType, tracked: i32) -> Result<Self> {
        // A map is filled to three quarters.
        let tracked = usize::try_from(tracked).unwrap_or(1);
        let size = (tracked * 4).div_ceil(3).next_power_of_two().max(8);
        let sketch = match is_text(item) {
            true => Sketch::Texts(FrequentItemsSketch::new(size).map_err(broken)?),
            false => Sketch::Numbers(FrequentItemsSketch::new(size).map_err(broken)?),
        };
        Ok(Self { sketch, nulls: 0 })
    }

    fn of(values: &ArrayRef, tracked: i32) -> Result<Self> {
        let mut counted = Self::new(values.data_type(), tracked)?;
        counted.nulls = values.null_count() as u64;
        match &mut counted.sketch {
            Sketch::Texts(sketch) => match values.data_type() {
                DataType::Decimal128(..) => {
                    let values = values.as_primitive::<arrow::datatypes::Decimal128Type>();
                    values.iter().flatten().for_each(|value| sketch.update(value.to_string()));
                }
                _ => {
                    let texts = values.as_string::<i32>().iter().flatten();
                    texts.for_each(|text| sketch.update(text.to_owned()));
                }
            },
            Sketch::Numbers(sketch) => {
                numbers(values)?.iter().flatten().for_each(|value| sketch.update(value));
            }
        }
        Ok(counted)
    }

    fn merge(&mut self, other: &Self) {
        self.nulls = self.nulls.saturating_add(other.nulls);
        match (&mut self.sketch, &other.sketch) {
            (Sketch::Texts(all), Sketch::Texts(other)) => all.merge(other),
            (Sketch::Numbers(all), Sketch::Numbers(other)) => all.merge(other),
            _ => {}
        }
    }

    /// The sketch, and how often there was NULL.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = match &self.sketch {
            Sketch::Texts(sketch) => sketch.serialize(),
            Sketch::Numbers(sketch) => sketch.serialize(),
        };
        bytes.extend(self.nulls.to_be_bytes());
        bytes
    }

    fn read(item: &DataType, bytes: &[u8]) -> Result<Self> {
        let Some((sketch, nulls)) = bytes.split_last_chunk::<8>() else {
            let text = "The sketch cannot be used: it is too short.";
            return fail("SKETCH_INVALID_INPUT_BUFFER", "22546", text);
        };
        // The library makes room for as many as the sketch says that it holds.
        if sketch.iter().skip(3).take(2).any(|lg| *lg > LG_MOST) {
            let text = "The sketch cannot be used: it is too large.";
            return fail("SKETCH_INVALID_INPUT_BUFFER", "22546", text);
        }
        let sketch = match is_text(item) {
            true => Sketch::Texts(FrequentItemsSketch::deserialize(sketch).map_err(broken)?),
            false => Sketch::Numbers(FrequentItemsSketch::deserialize(sketch).map_err(broken)?),
        };
        Ok(Self { sketch, nulls: u64::from_be_bytes(*nulls) })
    }

    /// The most frequent of them, and how often each is there.
    fn top(&self, k: i32, item: &DataType) -> Result<ArrayRef> {
        let most = usize::try_from(k).unwrap_or(0);
        let (items, mut counts) = match &self.sketch {
            Sketch::Texts(sketch) => {
                let rows = sketch.frequent_items(ErrorType::NoFalsePositives);
                let rows = rows.iter().map(|row| (row.item(), row.estimate()));
                let rows =
                    ordered(rows.collect(), sketch.lg_cur_map_size(), |text| text_code(text));
                let texts: StringArray =
                    rows.iter().take(most).map(|(text, _)| Some(text.as_str())).collect();
                (of_texts(texts, item)?, counts(&rows, most))
            }
            Sketch::Numbers(sketch) => {
                let rows = sketch.frequent_items(ErrorType::NoFalsePositives);
                let rows = rows.iter().map(|row| (row.item(), row.estimate()));
                let rows = ordered(rows.collect(), sketch.lg_cur_map_size(), |number| {
                    number_code(**number, item)
                });
                let numbers: Int64Array =
                    rows.iter().take(most).map(|(number, _)| Some(**number)).collect();
                (of_numbers(numbers, item)?, counts(&rows, most))
            }
        };
        let mut items = items;
        if self.nulls > 0 {
            // NULL comes behind what is there as often.
            let nulls = i64::try_from(self.nulls).unwrap_or(i64::MAX);
            let at = counts.partition_point(|count| *count >= nulls);
            if at < most {
                let (before, behind) = (items.slice(0, at), items.slice(at, items.len() - at));
                let null = new_null_array(item, 1);
                items = concat(&[before.as_ref(), null.as_ref(), behind.as_ref()])?;
                counts.insert(at, nulls);
                counts.truncate(most);
                items = items.slice(0, counts.len());
            }
        }
        let counts: ArrayRef = Arc::new(Int64Array::from(counts));
        Ok(Arc::new(StructArray::new(answer_fields(item), vec![items, counts], None)))
    }
}

fn counts<T>(rows: &[(T, u64)], most: usize) -> Vec<i64> {
    let count = |(_, count): &(T, u64)| i64::try_from(*count).unwrap_or(i64::MAX);
    rows.iter().take(most).map(count).collect()
}

/// Of those that are there as often the order is that of Java's library: how its iterator comes along in a map
/// of this size.
fn ordered<T>(mut rows: Vec<(T, u64)>, lg: u8, code: impl Fn(&T) -> i32) -> Vec<(T, u64)> {
    let size = 1_u64 << lg.min(40);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a size"
    )]
    let stride = ((size as f64 * 0.618_033_988_749_894_9) as u64) | 1;
    // What it is multiplied with to be 1: five rounds are enough for 64 bits.
    let inverse = (0..6).fold(stride, |inverse, _| {
        inverse.wrapping_mul(2_u64.wrapping_sub(stride.wrapping_mul(inverse)))
    });
    rows.sort_by_cached_key(|(item, count)| {
        let place = spread(i64::from(code(item)).cast_unsigned()) & (size - 1);
        (Reverse(*count), place.wrapping_mul(inverse) & (size - 1))
    });
    rows
}

/// MurmurHash3's last step.
fn spread(mut key: u64) -> u64 {
    key ^= key >> 33;
    key = key.wrapping_mul(0xff51_afd7_ed55_8ccd);
    key ^= key >> 33;
    key = key.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    key ^ (key >> 33)
}

/// `String.hashCode` of Java.
fn text_code(text: &str) -> i32 {
    text.encode_utf16().fold(0, |code: i32, unit| code.wrapping_mul(31).wrapping_add(unit.into()))
}

#[expect(clippy::cast_possible_truncation, reason = "a hash of 32 bits")]
fn number_code(number: i64, item: &DataType) -> i32 {
    match item {
        DataType::Boolean => {
            if number == 0 {
                1237
            } else {
                1231
            }
        }
        DataType::Int64 | DataType::Float64 | DataType::Timestamp(..) => {
            (number ^ (number.cast_unsigned() >> 32).cast_signed()) as i32
        }
        _ => number as i32,
    }
}

fn numbers(values: &ArrayRef) -> Result<Int64Array> {
    let all: ArrayRef = match values.data_type() {
        DataType::Float32 => {
            let bits = |value: f32| i64::from(value.to_bits().cast_signed());
            Arc::new(values.as_primitive::<Float32Type>().unary::<_, Int64Type>(bits))
        }
        DataType::Float64 => {
            let bits = |value: f64| value.to_bits().cast_signed();
            Arc::new(values.as_primitive::<Float64Type>().unary::<_, Int64Type>(bits))
        }
        DataType::Date32 => cast(&cast(values, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(values, &DataType::Int64)?,
    };
    Ok(all.as_primitive::<Int64Type>().clone())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits of a FLOAT")]
fn of_numbers(numbers: Int64Array, item: &DataType) -> Result<ArrayRef> {
    Ok(match item {
        DataType::Float32 => {
            let values = numbers.iter().map(|bits| bits.map(|bits| f32::from_bits(bits as u32)));
            Arc::new(values.collect::<Float32Array>())
        }
        DataType::Float64 => {
            let value = |bits: i64| f64::from_bits(bits.cast_unsigned());
            Arc::new(numbers.iter().map(|bits| bits.map(value)).collect::<Float64Array>())
        }
        DataType::Date32 => cast(&cast(&numbers, &DataType::Int32)?, &DataType::Date32)?,
        other => cast(&numbers, other)?,
    })
}

fn of_texts(texts: StringArray, item: &DataType) -> Result<ArrayRef> {
    Ok(match item {
        DataType::Decimal128(..) => {
            let values = texts.iter().map(|text| text.and_then(|text| text.parse::<i128>().ok()));
            let values = values.collect::<arrow::array::Decimal128Array>();
            Arc::new(values.with_data_type(item.clone()))
        }
        _ => Arc::new(texts),
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::gather::testing::answers(
            "(0, 'a'), (0, 'b'), (1, 'c'), (1, 'c'), (2, NULL), (3, NULL), (4, NULL), (4, 'd')",
            &[
                (
                    "approx_top_k(arrow_cast(x, 'Int32'))",
                    "[{item: 0, count: 2}, {item: 4, count: 2}, {item: 1, count: 2}, \
                     {item: 2, count: 1}, {item: 3, count: 1}]",
                ),
                ("approx_top_k(y, 2)", "[{item: , count: 3}, {item: c, count: 2}]"),
                ("approx_top_k(x / 2.0, 1)", "[{item: 0.0, count: 2}]"),
                ("approx_top_k(CAST(x AS DECIMAL(4, 1)), 1, 5)", "[{item: 1.0, count: 2}]"),
                ("approx_top_k(DATE '2024-01-01' + x % 1, 1, 5)", "[{item: 2024-01-01, count: 8}]"),
                ("approx_top_k(x) FILTER (WHERE x > 9)", "[]"),
                (
                    "approx_top_k_estimate(approx_top_k_accumulate(y, 100), 1)",
                    "[{item: , count: 3}]",
                ),
                ("approx_top_k(x, 0)", "[APPROX_TOP_K_NON_POSITIVE_ARG]"),
                ("approx_top_k(x, NULL)", "[APPROX_TOP_K_NULL_ARG]"),
                ("approx_top_k(x, 3, 2)", "[APPROX_TOP_K_MAX_ITEMS_TRACKED_LESS_THAN_K]"),
                ("approx_top_k(x, 3, 2000000)", "[APPROX_TOP_K_MAX_ITEMS_TRACKED_EXCEEDS_LIMIT]"),
                ("approx_top_k([x])", "[DATATYPE_MISMATCH"),
                ("approx_top_k_estimate(arrow_cast('x', 'Binary'))", "[DATATYPE_MISMATCH"),
            ],
        )
        .await
    }
}
