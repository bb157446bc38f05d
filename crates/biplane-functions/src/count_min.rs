//! `count_min_sketch`: how often values are there, about, in the binary form of Spark's `CountMinSketch`.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};

use crate::gather::Aggregate;
use crate::murmur;
use crate::raised::{fail, mismatch};

/// The cells of a sketch, 8 bytes each.
const CELLS_MOST: f64 = 4_194_304.0;
const PRIME: i64 = (1 << 31) - 1;

pub static AGGREGATES: &[Aggregate] = &[Aggregate {
    name: "count_min_sketch",
    least: 4,
    most: 4,
    takes: |types| {
        let value = match &types[0] {
            whole if whole.is_integer() => DataType::Int64,
            text if text.is_string() => DataType::Utf8,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
            DataType::Null => DataType::Int64,
            other => {
                return mismatch(format!("Whole numbers, text or bytes are needed, not {other}."));
            }
        };
        Ok(vec![value, DataType::Float64, DataType::Float64, DataType::Int64])
    },
    gives: |_| Ok(DataType::Binary),
    known: 0,
    finish: |args, _, _| {
        let number = |at: usize| args[at].as_primitive::<Float64Type>().value(0);
        let mut sketch =
            Sketch::new(number(1), number(2), args[3].as_primitive::<Int64Type>().value(0))?;
        sketch.add(&args[0]);
        Ok(ScalarValue::Binary(Some(sketch.bytes())))
    },
}];

struct Sketch {
    total: u64,
    width: usize,
    /// One for each row of the table.
    factors: Vec<i64>,
    cells: Vec<u64>,
}

impl Sketch {
    fn new(error: f64, confidence: f64, seed: i64) -> Result<Self> {
        let (width, depth) = ((2.0 / error).ceil(), (-(1.0 - confidence).log2()).ceil());
        if !(error > 0.0 && confidence > 0.0 && confidence < 1.0) {
            let text =
                "The relative error must be positive, and the confidence between 0.0 and 1.0.";
            return fail("DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "42K09", text);
        }
        if width * depth > CELLS_MOST {
            let text = format!("A sketch of {width} times {depth} cells is too large.");
            return fail("DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "42K09", text);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let (width, depth) = (width.max(1.0) as usize, depth.max(1.0) as usize);
        let mut random = Random::new(seed);
        let factors = (0..depth).map(|_| random.below_most()).collect();
        Ok(Self { total: 0, width, factors, cells: vec![0; width * depth] })
    }

    fn add(&mut self, values: &ArrayRef) {
        let width = i64::try_from(self.width).unwrap_or(i64::MAX);
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            self.total += 1;
            let bytes = match values.data_type() {
                DataType::Utf8 => Some(values.as_string::<i32>().value(row).as_bytes()),
                DataType::Binary => Some(values.as_binary::<i32>().value(row)),
                _ => None,
            };
            let hashes = bytes.map(|bytes| {
                let first = murmur::bytes(bytes, 0);
                (first.cast_signed(), murmur::bytes(bytes, first).cast_signed())
            });
            for (place, factor) in (0_i32..).zip(&self.factors) {
                let cell = match hashes {
                    Some((first, second)) => {
                        let hash = first.wrapping_add(place.wrapping_mul(second));
                        (i64::from(hash) % width).abs()
                    }
                    None => {
                        let hash =
                            factor.wrapping_mul(values.as_primitive::<Int64Type>().value(row));
                        // The rest of a division by a prime that is one less than a power of two.
                        (hash.wrapping_add(hash >> 32) & PRIME) % width
                    }
                };
                let at = usize::try_from(cell).unwrap_or(0);
                let line = usize::try_from(place).unwrap_or(0) * self.width;
                self.cells[line + at] += 1;
            }
        }
    }

    /// Version, total, depth, width, factors, cells; all with the greatest byte first.
    fn bytes(&self) -> Vec<u8> {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        let mut out = small(1).to_vec();
        out.extend(self.total.to_be_bytes());
        out.extend(small(self.factors.len()));
        out.extend(small(self.width));
        self.factors.iter().for_each(|factor| out.extend(factor.to_be_bytes()));
        self.cells.iter().for_each(|cell| out.extend(cell.to_be_bytes()));
        out
    }
}

/// `java.util.Random`, whose numbers are in the sketch: others could not be merged with it.
struct Random(i64);

impl Random {
    const FACTOR: i64 = 0x5_DEEC_E66D;
    const MASK: i64 = (1 << 48) - 1;

    fn new(seed: i64) -> Self {
        Self((seed ^ Self::FACTOR) & Self::MASK)
    }

    /// `nextInt(Integer.MAX_VALUE)`
    fn below_most(&mut self) -> i64 {
        loop {
            self.0 = self.0.wrapping_mul(Self::FACTOR).wrapping_add(0xB) & Self::MASK;
            let number = self.0 >> 17;
            // The greatest number of 31 bits would make 0 more likely than others.
            if number != i64::from(i32::MAX) {
                return number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn answers() -> datafusion::common::Result<()> {
        crate::gather::testing::answers(
            "(1, 'a'), (2, 'b'), (1, 'a'), (NULL, NULL)",
            &[
                (
                    "encode(count_min_sketch(x, 0.5, 0.5, 1), 'hex')",
                    "0000000100000000000000030000000100000004000000005d8d6ab9\
                     0000000000000000000000000000000200000000000000010000000000000000",
                ),
                ("length(encode(count_min_sketch(y, 0.1, 0.95, 7), 'hex'))", "1720"),
                ("count_min_sketch(x, 0.0, 0.5, 1)", "[DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE]"),
                ("count_min_sketch(x, 0.5, 1.0, 1)", "[DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE]"),
                ("count_min_sketch(x, 1e-9, 0.5, 1)", "[DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE]"),
                ("count_min_sketch([x], 0.5, 0.5, 1)", "[DATATYPE_MISMATCH"),
            ],
        )
        .await
    }
}
