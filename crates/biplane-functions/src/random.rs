//! `rand(seed)`, `randn(seed)`, `randstr(length, seed)`: the numbers that Spark's generator gives for a seed; and
//! `monotonically_increasing_id()`. What they give depends on the rows before.

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::murmur;
use crate::raised::{fail, mismatch};

const LETTERS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const TEXT_MAX: i64 = 1 << 20;
/// Bytes of one batch.
const BATCH_MAX: usize = 256 << 20;

pub fn register(state: &mut SessionState) -> Result<()> {
    for kind in [Kind::Uniform, Kind::Normal, Kind::Text, Kind::Row] {
        state.register_udf(Arc::new(Random::new(kind, None).into()))?;
    }
    Ok(())
}

/// The call with a generator of its own, which goes on from batch to batch.
pub fn begun(call: &ScalarFunction) -> Option<Result<Expr>> {
    let random = call.func.inner().downcast_ref::<Random>()?;
    if random.generator.is_some() {
        return None;
    }
    let (length, seed) = match (random.kind, call.args.as_slice()) {
        (Kind::Text, [length]) => (Some(length), None),
        (Kind::Text, [length, seed]) => (Some(length), Some(seed)),
        (_, []) => (None, None),
        (Kind::Row, _) => return None,
        (_, [seed]) => (None, Some(seed)),
        _ => return None,
    };
    Some(number(random.kind, seed).map(|seed| {
        let generator = match random.kind {
            Kind::Row => Generator { seed: 0, gaussian: None },
            _ => Generator::new(seed.unwrap_or_else(anything)),
        };
        let new = Random::new(random.kind, Some(Arc::new(Mutex::new(generator))));
        ScalarUDF::from(new).call(length.into_iter().cloned().collect())
    }))
}

/// A seed is a literal; NULL is 0.
fn number(kind: Kind, seed: Option<&Expr>) -> Result<Option<i64>> {
    let value = match seed {
        None => return Ok(None),
        Some(Expr::Literal(value, _)) => Some(value.clone()),
        Some(Expr::Negative(inner)) => match inner.as_ref() {
            Expr::Literal(value, _) => value.arithmetic_negate().ok(),
            _ => None,
        },
        Some(_) => None,
    };
    let known = |value: &ScalarValue| value.data_type().is_integer() || value.is_null();
    match value.filter(known).map(|value| value.cast_to(&DataType::Int64)) {
        Some(Ok(ScalarValue::Int64(seed))) => Ok(Some(seed.unwrap_or(0))),
        _ => fail(
            "SEED_EXPRESSION_IS_UNFOLDABLE",
            "42K08",
            format!("The seed of `{}` must be a constant INT or BIGINT.", kind.name()),
        ),
    }
}

fn anything() -> i64 {
    RandomState::new().build_hasher().finish().cast_signed()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Uniform,
    Normal,
    Text,
    /// No chance at all: a number more for each row.
    Row,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            // `rand()` alone is DataFusion's.
            Self::Uniform => "seeded_rand",
            Self::Normal => "randn",
            Self::Text => "randstr",
            Self::Row => "monotonically_increasing_id",
        }
    }
}

/// Spark's `XORShiftRandom`, a `java.util.Random` of other bits.
#[derive(Debug)]
struct Generator {
    seed: u64,
    gaussian: Option<f64>,
}

impl Generator {
    fn new(seed: i64) -> Self {
        const ARRAYS: u32 = 0x3c07_4a61;
        let [a, b, c, d, e, f, g, h] = seed.to_be_bytes();
        let words = [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])];
        let low = murmur::words(&words, ARRAYS);
        let high = murmur::words(&words, low);
        Self { seed: (u64::from(high) << 32) | u64::from(low), gaussian: None }
    }

    fn bits(&mut self, count: u32) -> u32 {
        let mut next = self.seed ^ (self.seed << 21);
        next ^= next >> 35;
        next ^= next << 4;
        self.seed = next;
        (next & ((1 << count) - 1)) as u32
    }

    fn double(&mut self) -> f64 {
        let high = u64::from(self.bits(26)) << 27;
        let all = high + u64::from(self.bits(27));
        #[expect(clippy::cast_precision_loss, reason = "53 bits, as many as a double has")]
        let all = all as f64;
        all / (1_u64 << 53) as f64
    }

    fn gaussian(&mut self) -> f64 {
        if let Some(next) = self.gaussian.take() {
            return next;
        }
        loop {
            let (a, b) = (2.0 * self.double() - 1.0, 2.0 * self.double() - 1.0);
            let square = a * a + b * b;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.gaussian = Some(b * factor);
                return a * factor;
            }
        }
    }

    fn letter(&mut self) -> char {
        let number = self.bits(32).cast_signed() % 62;
        char::from(LETTERS[number.unsigned_abs() as usize])
    }
}

#[derive(Debug)]
struct Random {
    kind: Kind,
    generator: Option<Arc<Mutex<Generator>>>,
    signature: Signature,
}

impl Random {
    fn new(kind: Kind, generator: Option<Arc<Mutex<Generator>>>) -> Self {
        Self { kind, generator, signature: Signature::user_defined(Volatility::Volatile) }
    }

    fn place(&self) -> Option<*const Mutex<Generator>> {
        self.generator.as_ref().map(Arc::as_ptr)
    }
}

// Two calls of one seed are two generators.
impl PartialEq for Random {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.place() == other.place()
    }
}

impl Eq for Random {}

impl Hash for Random {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind, self.place()).hash(state);
    }
}

impl ScalarUDFImpl for Random {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::Text => DataType::Utf8,
            Kind::Row => DataType::Int64,
            Kind::Uniform | Kind::Normal => DataType::Float64,
        })
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let most = match self.kind {
            Kind::Text => 2,
            Kind::Row => 0,
            Kind::Uniform | Kind::Normal => 1,
        };
        if types.len() > most || (self.kind == Kind::Text && types.is_empty()) {
            let text = format!("`{}` takes at most {most} arguments.", self.kind.name());
            return fail("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", text);
        }
        match types.iter().find(|given| !given.is_integer() && !given.is_null()) {
            Some(other) => mismatch(format!("`{}` takes whole numbers, not {other}.", self.name())),
            None => Ok(vec![DataType::Int64; types.len()]),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let fresh;
        let generator = match &self.generator {
            Some(generator) => generator,
            None => {
                fresh = Mutex::new(Generator::new(anything()));
                &fresh
            }
        };
        let mut generator = generator.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = 0..args.number_rows;
        let array: ArrayRef = match self.kind {
            Kind::Uniform => {
                Arc::new(Float64Array::from_iter_values(rows.map(|_| generator.double())))
            }
            Kind::Normal => {
                Arc::new(Float64Array::from_iter_values(rows.map(|_| generator.gaussian())))
            }
            Kind::Row => {
                let first = generator.seed.cast_signed();
                generator.seed += rows.len() as u64;
                Arc::new(Int64Array::from_iter_values((first..).take(rows.len())))
            }
            Kind::Text => {
                let Some(ColumnarValue::Scalar(ScalarValue::Int64(Some(length)))) =
                    args.args.first()
                else {
                    return mismatch("The length of `randstr` must be a constant INT.");
                };
                let length = usize::try_from(*length).ok().filter(|_| *length <= TEXT_MAX);
                let Some(length) = length.filter(|length| length * rows.len() <= BATCH_MAX) else {
                    let text = format!("The length of `randstr` must be between 0 and {TEXT_MAX}.");
                    return fail("INVALID_PARAMETER_VALUE.LENGTH", "22023", text);
                };
                let text = |_| (0..length).map(|_| generator.letter()).collect::<String>();
                Arc::new(StringArray::from_iter_values(rows.map(text)))
            }
        };
        Ok(ColumnarValue::Array(array))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_spark() {
        assert_eq!(Generator::new(0).double().to_string(), "0.7604953758285915");
        assert_eq!(Generator::new(0).gaussian().to_string(), "1.6034991609278433");
        let mut generator = Generator::new(0);
        assert_eq!((0..3).map(|_| generator.letter()).collect::<String>(), "ceV");
    }

    #[test]
    fn a_seed_is_a_constant() {
        let of = |seed: Expr| number(Kind::Normal, Some(&seed));
        let literal = |value: ScalarValue| Expr::Literal(value, None);
        assert_eq!(of(literal(ScalarValue::Int32(Some(7)))).ok(), Some(Some(7)));
        assert_eq!(of(literal(ScalarValue::Null)).ok(), Some(Some(0)));
        assert!(of(literal(ScalarValue::from("a"))).is_err());
        assert!(of(datafusion::prelude::col("a")).is_err());
    }
}
