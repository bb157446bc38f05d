//! Higher-order functions: a lambda is asked once for all elements of a batch.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Int32Array, ListArray, MapArray,
    StructArray, UInt32Array, new_empty_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, filter, interleave, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature,
    HigherOrderUDF, HigherOrderUDFImpl, LambdaArgument, LambdaParametersProgress, ValueOrLambda,
    Volatility,
};
use std::collections::HashSet;
use std::sync::Arc;

use crate::raised::{fail, mismatch};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Transform,
    Filter,
    Exists,
    Forall,
    ZipWith,
    MapFilter,
    TransformKeys,
    TransformValues,
    Aggregate,
    SortBy,
    MapZipWith,
}

const FUNCTIONS: &[(&str, Kind)] = &[
    ("transform", Kind::Transform),
    ("filter", Kind::Filter),
    ("exists", Kind::Exists),
    ("forall", Kind::Forall),
    ("zip_with", Kind::ZipWith),
    ("map_filter", Kind::MapFilter),
    ("transform_keys", Kind::TransformKeys),
    ("transform_values", Kind::TransformValues),
    ("aggregate", Kind::Aggregate),
    ("reduce", Kind::Aggregate),
    ("array_sort_by", Kind::SortBy),
    ("map_zip_with", Kind::MapZipWith),
];

pub fn register(state: &mut SessionState) -> Result<()> {
    for (name, kind) in FUNCTIONS {
        let signature = HigherOrderSignature::variadic_any(Volatility::Immutable);
        let function = Lambda { name, kind: *kind, signature };
        state.register_higher_order_function(Arc::new(HigherOrderUDF::new_from_impl(function)))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Lambda {
    name: &'static str,
    kind: Kind,
    signature: HigherOrderSignature,
}

fn item(data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::List(field) => Ok(field.data_type().clone()),
        other => mismatch(format!("An array is needed, not {other}.")),
    }
}

fn entry(data_type: &DataType) -> Result<(DataType, DataType)> {
    if let DataType::Map(entries, _) = data_type
        && let DataType::Struct(fields) = entries.data_type()
        && let [key, value] = fields.as_ref()
    {
        return Ok((key.data_type().clone(), value.data_type().clone()));
    }
    mismatch(format!("A map is needed, not {data_type}."))
}

fn parameter(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}

fn map_of(key: DataType, value: DataType) -> DataType {
    let entries = DataType::Struct(Fields::from(vec![
        Field::new("key", key, false),
        Field::new("value", value, true),
    ]));
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

impl Lambda {
    fn wrong<T>(&self) -> Result<T> {
        mismatch(format!("The arguments of `{}` do not fit.", self.name))
    }

    /// Types of the values, which come first; behind them come the lambdas.
    fn values<'f, L>(&self, fields: &'f [ValueOrLambda<FieldRef, L>]) -> Result<Vec<&'f DataType>> {
        let expected = match self.kind {
            Kind::ZipWith | Kind::Aggregate | Kind::MapZipWith => 2,
            _ => 1,
        };
        let values: Vec<&DataType> = fields
            .iter()
            .map_while(|field| match field {
                ValueOrLambda::Value(field) => Some(field.data_type()),
                ValueOrLambda::Lambda(_) => None,
            })
            .collect();
        let lambdas = fields.len() - values.len();
        let most = if self.kind == Kind::Aggregate { 2 } else { 1 };
        if values.len() == expected && (1..=most).contains(&lambdas) {
            Ok(values)
        } else {
            self.wrong()
        }
    }
}

impl HigherOrderUDFImpl for Lambda {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let values = self.values(fields)?;
        let parameters = match self.kind {
            Kind::Transform | Kind::Filter => vec![vec![
                parameter("element", item(values[0])?),
                parameter("index", DataType::Int32),
            ]],
            Kind::Exists | Kind::Forall => vec![vec![parameter("element", item(values[0])?)]],
            Kind::ZipWith => vec![vec![
                parameter("left", item(values[0])?),
                parameter("right", item(values[1])?),
            ]],
            Kind::MapFilter | Kind::TransformKeys | Kind::TransformValues => {
                let (key, value) = entry(values[0])?;
                vec![vec![parameter("key", key), parameter("value", value)]]
            }
            Kind::SortBy => {
                let element = item(values[0])?;
                vec![vec![parameter("left", element.clone()), parameter("right", element)]]
            }
            Kind::MapZipWith => {
                let ((key, left), (_, right)) = (entry(values[0])?, entry(values[1])?);
                vec![vec![
                    parameter("key", key),
                    parameter("left", left),
                    parameter("right", right),
                ]]
            }
            Kind::Aggregate => {
                let sum = parameter("sum", values[1].clone());
                let merge = vec![Arc::clone(&sum), parameter("element", item(values[0])?)];
                let mut all = vec![merge, vec![sum]];
                all.truncate(fields.len() - 2);
                all
            }
        };
        Ok(LambdaParametersProgress::Complete(parameters))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let values = self.values(args.arg_fields)?;
        let Some(ValueOrLambda::Lambda(result)) = args.arg_fields.last() else {
            return self.wrong();
        };
        let result = result.data_type();
        let is_predicate =
            matches!(self.kind, Kind::Filter | Kind::Exists | Kind::Forall | Kind::MapFilter);
        if is_predicate && !matches!(result, DataType::Boolean | DataType::Null) {
            return mismatch(format!("The lambda of `{}` must be a condition.", self.name));
        }
        let data_type = match self.kind {
            Kind::Transform | Kind::ZipWith => DataType::new_list(result.clone(), true),
            Kind::Filter | Kind::SortBy => DataType::new_list(item(values[0])?, true),
            Kind::MapZipWith => map_of(entry(values[0])?.0, result.clone()),
            Kind::Exists | Kind::Forall => DataType::Boolean,
            Kind::MapFilter => {
                let (key, value) = entry(values[0])?;
                map_of(key, value)
            }
            Kind::TransformKeys => map_of(result.clone(), entry(values[0])?.1),
            Kind::TransformValues => map_of(entry(values[0])?.0, result.clone()),
            Kind::Aggregate if args.arg_fields.len() == 3 => values[1].clone(),
            Kind::Aggregate => result.clone(),
        };
        Ok(Arc::new(Field::new(self.name, data_type, true)))
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let (mut values, mut lambdas) = (Vec::new(), Vec::new());
        for arg in &args.args {
            match arg {
                ValueOrLambda::Value(value) => values.push(value.to_array(args.number_rows)?),
                ValueOrLambda::Lambda(lambda) => lambdas.push(lambda),
            }
        }
        let gives = args.return_field.data_type();
        let out = match self.kind {
            Kind::Aggregate => aggregate(&values, &lambdas, gives)?,
            Kind::MapFilter | Kind::TransformKeys | Kind::TransformValues => {
                map(self.kind, &values[0], lambdas[0], gives)?
            }
            Kind::SortBy => crate::lambda_pairs::sorted(&values[0], lambdas[0], gives)?,
            Kind::MapZipWith => crate::lambda_pairs::zipped(&values, lambdas[0], gives)?,
            _ => list(self.kind, &values, lambdas[0], gives)?,
        };
        Ok(ColumnarValue::Array(out))
    }
}

/// The elements of all rows, one behind the other.
#[derive(Default)]
struct Flat {
    /// Where each is among the stored ones of each argument.
    places: [Vec<Option<u32>>; 2],
    rows: Vec<u32>,
    indices: Vec<i32>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
}

fn small(number: usize) -> Result<u32> {
    u32::try_from(number).or_else(|_| {
        fail("COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER", "54000", "There are too many elements.")
    })
}

impl Flat {
    fn of(offsets: &[&[i32]], is_valid: impl Fn(usize) -> bool) -> Result<Self> {
        let mut flat = Self::default();
        let rows = offsets.first().map_or(0, |offsets| offsets.len() - 1);
        for row in 0..rows {
            let is_valid = is_valid(row);
            flat.valid.push(is_valid);
            let range = |offsets: &&[i32]| {
                let at = |place: usize| usize::try_from(offsets[place]).unwrap_or(0);
                at(row)..at(row + 1)
            };
            let ranges: Vec<_> = offsets.iter().map(range).collect();
            let longest = ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
            let length = if is_valid { longest } else { 0 };
            flat.lengths.push(length);
            for index in 0..length {
                for (places, range) in flat.places.iter_mut().zip(&ranges) {
                    let place = (index < range.len()).then(|| small(range.start + index));
                    places.push(place.transpose()?);
                }
                flat.rows.push(small(row)?);
                flat.indices.push(i32::try_from(index).unwrap_or(i32::MAX));
            }
        }
        Ok(flat)
    }

    fn taken(&self, argument: usize, values: &ArrayRef) -> Result<ArrayRef> {
        Ok(take(values, &UInt32Array::from(self.places[argument].clone()), None)?)
    }

    fn nulls(&self) -> Option<NullBuffer> {
        Some(NullBuffer::from(self.valid.clone()))
    }

    fn ask(&self, lambda: &LambdaArgument, params: [&ArrayRef; 2]) -> Result<ArrayRef> {
        let rows = UInt32Array::from(self.rows.clone());
        let [first, second] = params;
        let (first, second) = (|| Ok(Arc::clone(first)), || Ok(Arc::clone(second)));
        let answer = lambda.evaluate(&[&first, &second], |captured| {
            captured.iter().map(|column| Ok(take(column, &rows, None)?)).collect()
        })?;
        answer.into_array(self.rows.len())
    }

    /// How many are left of each row.
    fn lengths_of(&self, stay: &BooleanArray) -> Vec<usize> {
        let mut at = 0;
        let left = |length: &usize| {
            let count =
                (at..at + length).filter(|at| stay.is_valid(*at) && stay.value(*at)).count();
            at += length;
            count
        };
        self.lengths.iter().map(left).collect()
    }
}

fn condition(answer: &ArrayRef) -> Result<BooleanArray> {
    Ok(cast(answer, &DataType::Boolean)?.as_boolean().clone())
}

fn made_list(
    flat: &Flat,
    lengths: &[usize],
    values: ArrayRef,
    gives: &DataType,
) -> Result<ArrayRef> {
    let DataType::List(field) = gives else { return mismatch("An array is made here.") };
    let values = cast(&values, field.data_type())?;
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, flat.nulls())?))
}

fn list(
    kind: Kind,
    values: &[ArrayRef],
    lambda: &LambdaArgument,
    gives: &DataType,
) -> Result<ArrayRef> {
    let lists: Vec<&ListArray> = values.iter().map(|array| array.as_list::<i32>()).collect();
    let offsets: Vec<&[i32]> = lists.iter().map(|list| list.value_offsets()).collect();
    let flat = Flat::of(&offsets, |row| lists.iter().all(|list| list.is_valid(row)))?;
    let first = flat.taken(0, lists[0].values())?;
    let second: ArrayRef = match lists.get(1) {
        Some(list) => flat.taken(1, list.values())?,
        None => Arc::new(Int32Array::from(flat.indices.clone())),
    };
    let answer = flat.ask(lambda, [&first, &second])?;
    match kind {
        Kind::Filter => {
            let stay = condition(&answer)?;
            made_list(&flat, &flat.lengths_of(&stay), filter(&first, &stay)?, gives)
        }
        Kind::Exists | Kind::Forall => decided(&flat, &condition(&answer)?, kind == Kind::Exists),
        _ => made_list(&flat, &flat.lengths, answer, gives),
    }
}

/// One that decides is enough; else a NULL leaves it open.
fn decided(flat: &Flat, answers: &BooleanArray, deciding: bool) -> Result<ArrayRef> {
    let mut builder = BooleanBuilder::new();
    let mut at = 0;
    for (length, is_valid) in flat.lengths.iter().zip(&flat.valid) {
        let mut range = at..at + length;
        let is_open = range.clone().any(|at| answers.is_null(at));
        let is_decided = range.any(|at| answers.is_valid(at) && answers.value(at) == deciding);
        builder.append_option(match (is_valid, is_decided, is_open) {
            (false, ..) | (_, false, true) => None,
            (_, true, _) => Some(deciding),
            _ => Some(!deciding),
        });
        at += length;
    }
    Ok(Arc::new(builder.finish()))
}

fn map(
    kind: Kind,
    values: &ArrayRef,
    lambda: &LambdaArgument,
    gives: &DataType,
) -> Result<ArrayRef> {
    let maps = values.as_map();
    // Both columns are of the one argument.
    let flat = Flat::of(&[maps.value_offsets()], |row| maps.is_valid(row))?;
    let (keys, items) = (flat.taken(0, maps.keys())?, flat.taken(0, maps.values())?);
    let answer = flat.ask(lambda, [&keys, &items])?;
    let (keys, items, lengths) = match kind {
        Kind::MapFilter => {
            let stay = condition(&answer)?;
            (filter(&keys, &stay)?, filter(&items, &stay)?, flat.lengths_of(&stay))
        }
        Kind::TransformKeys => (answer, items, flat.lengths.clone()),
        _ => (keys, answer, flat.lengths.clone()),
    };
    if kind == Kind::TransformKeys {
        unique(&keys, &lengths)?;
    }
    let DataType::Map(entries, _) = gives else { return mismatch("A map is made here.") };
    let DataType::Struct(fields) = entries.data_type() else {
        return mismatch("A map is made here.");
    };
    let columns = vec![cast(&keys, fields[0].data_type())?, cast(&items, fields[1].data_type())?];
    let structs = StructArray::try_new(fields.clone(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let out = MapArray::try_new(Arc::clone(entries), offsets, structs, flat.nulls(), false)?;
    Ok(Arc::new(out))
}

fn unique(keys: &ArrayRef, lengths: &[usize]) -> Result<()> {
    if keys.null_count() > 0 {
        return fail("NULL_MAP_KEY", "2200E", "Cannot use null as map key.");
    }
    let mut at = 0;
    for length in lengths {
        let mut seen = HashSet::new();
        for place in at..at + length {
            let key = ScalarValue::try_from_array(keys, place)?;
            if !seen.insert(key.clone()) {
                let text = format!("Duplicate map key {key} was found.");
                return fail("DUPLICATED_MAP_KEY", "23505", text);
            }
        }
        at += length;
    }
    Ok(())
}

/// Element by element, all rows at once.
fn aggregate(
    values: &[ArrayRef],
    lambdas: &[&LambdaArgument],
    gives: &DataType,
) -> Result<ArrayRef> {
    let (lists, mut sums) = (values[0].as_list::<i32>(), Arc::clone(&values[1]));
    let kept = sums.data_type().clone();
    let start = |row: usize| usize::try_from(lists.value_offsets()[row]).unwrap_or(0);
    let length = |row: usize| if lists.is_valid(row) { lists.value(row).len() } else { 0 };
    let longest = (0..lists.len()).map(length).max().unwrap_or(0);
    for index in 0..longest {
        let rows = (0..lists.len()).filter(|row| length(*row) > index);
        let rows: Vec<u32> = rows.map(small).collect::<Result<_>>()?;
        let places = rows.iter().map(|row| small(start(*row as usize) + index));
        let places = UInt32Array::from(places.collect::<Result<Vec<_>>>()?);
        let here = Flat { rows: rows.clone(), ..Flat::default() };
        let before = take(&sums, &UInt32Array::from(rows.clone()), None)?;
        let elements = take(lists.values(), &places, None)?;
        let after = cast(&here.ask(lambdas[0], [&before, &elements])?, &kept)?;
        let mut next: Vec<(usize, usize)> = (0..sums.len()).map(|row| (0, row)).collect();
        for (place, row) in rows.iter().enumerate() {
            next[*row as usize] = (1, place);
        }
        sums = interleave(&[sums.as_ref(), after.as_ref()], &next)?;
    }
    if let Some(finish) = lambdas.get(1) {
        let rows = (0..sums.len()).map(small).collect::<Result<Vec<u32>>>()?;
        let all = Flat { rows, ..Flat::default() };
        sums = cast(&all.ask(finish, [&sums, &new_empty_array(&DataType::Null)])?, gives)?;
    }
    // Of no array there is no sum.
    let valid = UInt32Array::from(
        (0..sums.len())
            .map(|row| Ok(if lists.is_valid(row) { Some(small(row)?) } else { None }))
            .collect::<Result<Vec<_>>>()?,
    );
    Ok(take(&sums, &valid, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    const CASES: &[(&str, &str)] = &[
        ("transform([1, 2, 3], x -> x + 1)", "[2, 3, 4]"),
        ("transform([1, 2, 3], (x, i) -> x + i)", "[1, 3, 5]"),
        ("transform([1, 2], x -> transform([10, 20], y -> x + y))", "[[11, 21], [12, 22]]"),
        ("transform(CAST(NULL AS BIGINT[]), x -> x + 1)", ""),
        ("filter([0, 2, 3], (x, i) -> x > i)", "[2, 3]"),
        ("filter([0, NULL, 2], x -> x IS NOT NULL)", "[0, 2]"),
        ("exists([1, NULL, 3], x -> x % 2 = 0)", ""),
        ("exists([1, 2, NULL], x -> x % 2 = 0)", "true"),
        ("forall([1, NULL, 3], x -> x % 2 = 0)", "false"),
        ("forall([2, NULL, 8], x -> x % 2 = 0)", ""),
        ("forall([1], x -> x + 1)", "[DATATYPE_MISMATCH"),
        ("zip_with([1, 2], [3], (x, y) -> coalesce(x + y, -1))", "[4, -1]"),
        ("map_filter(map([1, 2, 3], [0, 2, -1]), (k, v) -> k > v)", "{1: 0, 3: -1}"),
        ("transform_keys(map([1, 2], [5, 6]), (k, v) -> k + v)", "{6: 5, 8: 6}"),
        ("transform_keys(map([1, 2], [5, 6]), (k, v) -> 1)", "[DUPLICATED_MAP_KEY]"),
        ("transform_values(map([1, 2], [5, 6]), (k, v) -> k + v)", "{1: 6, 2: 8}"),
        ("aggregate([1, 2, 3], 0, (a, x) -> a + x)", "6"),
        ("aggregate([1, 2, 3], 0, (a, x) -> a + x, a -> a * 10)", "60"),
        ("aggregate(CAST(NULL AS BIGINT[]), 0, (a, x) -> a + x)", ""),
    ];

    #[tokio::test]
    async fn answers() -> Result<()> {
        let mut config = SessionConfig::new();
        config.options_mut().sql_parser.dialect = datafusion::common::config::Dialect::Databricks;
        let mut state =
            SessionStateBuilder::new().with_config(config).with_default_features().build();
        crate::register(&mut state)?;
        let session = SessionContext::new_with_state(state);
        for (call, expected) in CASES {
            let ran = async { session.sql(&format!("SELECT {call}")).await?.collect().await };
            match ran.await {
                Ok(batches) => {
                    let column = batches[0].column(0);
                    let shown = arrow::util::display::array_value_to_string(column, 0)?;
                    assert_eq!(shown, *expected, "{call}");
                }
                Err(error) => assert!(error.to_string().contains(expected), "{call}: {error}"),
            }
        }
        Ok(())
    }
}
