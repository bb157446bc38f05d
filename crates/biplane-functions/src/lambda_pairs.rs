//! Lambdas that see two elements: `array_sort` by a comparison, and two maps as one.

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListArray, MapArray, StructArray, UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::LambdaArgument;
use std::collections::HashMap;
use std::sync::Arc;

use crate::raised::{fail, mismatch};

/// Comparisons of one array are asked one by one: no more than a sort needs.
struct Order<'a> {
    lambda: &'a LambdaArgument,
    elements: &'a ArrayRef,
    row: u32,
}

impl Order<'_> {
    fn is_behind(&self, left: u32, right: u32) -> Result<bool> {
        let one = |at: u32| Ok(take(self.elements, &UInt32Array::from(vec![at]), None)?);
        let (left, right) = (|| one(left), || one(right));
        let row = UInt32Array::from(vec![self.row]);
        let answer = self.lambda.evaluate(&[&left, &right], |captured| {
            captured.iter().map(|column| Ok(take(column, &row, None)?)).collect()
        })?;
        let answer = cast(&answer.into_array(1)?, &DataType::Int32)?;
        let answer: &Int32Array = answer.as_primitive();
        if answer.is_null(0) {
            let text = "The comparator has returned a NULL for a comparison of two elements.";
            return fail("COMPARATOR_RETURNS_NULL", "22004", text);
        }
        Ok(answer.value(0) > 0)
    }

    fn sorted(&self, places: Vec<u32>) -> Result<Vec<u32>> {
        if places.len() < 2 {
            return Ok(places);
        }
        let (left, right) = places.split_at(places.len() / 2);
        let (left, right) = (self.sorted(left.to_vec())?, self.sorted(right.to_vec())?);
        let (mut out, mut a, mut b) = (Vec::with_capacity(places.len()), 0, 0);
        while a < left.len() && b < right.len() {
            if self.is_behind(left[a], right[b])? {
                out.push(right[b]);
                b += 1;
            } else {
                out.push(left[a]);
                a += 1;
            }
        }
        out.extend_from_slice(&left[a..]);
        out.extend_from_slice(&right[b..]);
        Ok(out)
    }
}

fn small(number: usize) -> Result<u32> {
    u32::try_from(number).or_else(|_| {
        fail("COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER", "54000", "There are too many elements.")
    })
}

pub fn sorted(values: &ArrayRef, lambda: &LambdaArgument, gives: &DataType) -> Result<ArrayRef> {
    let list = values.as_list::<i32>();
    let (mut places, mut lengths) = (Vec::new(), Vec::new());
    for row in 0..list.len() {
        let length = if list.is_valid(row) { list.value(row).len() } else { 0 };
        let start = small(usize::try_from(list.value_offsets()[row]).unwrap_or(0))?;
        let order = Order { lambda, elements: list.values(), row: small(row)? };
        places.extend(order.sorted((start..start + small(length)?).collect())?);
        lengths.push(length);
    }
    let DataType::List(field) = gives else { return mismatch("An array is made here.") };
    let taken = take(list.values(), &UInt32Array::from(places), None)?;
    let values = cast(&taken, field.data_type())?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls = list.nulls().cloned();
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, nulls)?))
}

/// Every key of either map, those of the first one first.
pub fn zipped(values: &[ArrayRef], lambda: &LambdaArgument, gives: &DataType) -> Result<ArrayRef> {
    let (left, right) = (values[0].as_map(), values[1].as_map());
    let same_keys = cast(right.keys(), left.keys().data_type())?;
    let all_keys = concat(&[left.keys().as_ref(), same_keys.as_ref()])?;
    let behind = left.keys().len();
    let (mut keys, mut rows) = (Vec::new(), Vec::new());
    let (mut lefts, mut rights): (Vec<Option<u32>>, Vec<Option<u32>>) = (Vec::new(), Vec::new());
    let (mut lengths, mut valid) = (Vec::new(), Vec::new());
    for row in 0..left.len() {
        let is_valid = left.is_valid(row) && right.is_valid(row);
        valid.push(is_valid);
        if !is_valid {
            lengths.push(0);
            continue;
        }
        let range = |map: &MapArray| {
            let at = |place: usize| usize::try_from(map.value_offsets()[place]).unwrap_or(0);
            at(row)..at(row + 1)
        };
        let start = keys.len();
        let mut known: HashMap<ScalarValue, usize> = HashMap::new();
        for at in range(left) {
            known.insert(ScalarValue::try_from_array(left.keys(), at)?, keys.len());
            keys.push(small(at)?);
            lefts.push(Some(small(at)?));
            rights.push(None);
        }
        for at in range(right) {
            let key = ScalarValue::try_from_array(&same_keys, at)?;
            match known.get(&key) {
                Some(place) => rights[*place] = Some(small(at)?),
                None => {
                    keys.push(small(behind + at)?);
                    lefts.push(None);
                    rights.push(Some(small(at)?));
                }
            }
        }
        lengths.push(keys.len() - start);
        rows.extend(std::iter::repeat_n(small(row)?, keys.len() - start));
    }
    let count = keys.len();
    let keys = take(&all_keys, &UInt32Array::from(keys), None)?;
    let lefts = take(left.values(), &UInt32Array::from(lefts), None)?;
    let rights = take(right.values(), &UInt32Array::from(rights), None)?;
    let rows = UInt32Array::from(rows);
    let (a, b, c) =
        (|| Ok(Arc::clone(&keys)), || Ok(Arc::clone(&lefts)), || Ok(Arc::clone(&rights)));
    let answer = lambda.evaluate(&[&a, &b, &c], |captured| {
        captured.iter().map(|column| Ok(take(column, &rows, None)?)).collect()
    })?;
    let DataType::Map(entries, _) = gives else { return mismatch("A map is made here.") };
    let DataType::Struct(fields) = entries.data_type() else {
        return mismatch("A map is made here.");
    };
    let answer = cast(&answer.into_array(count)?, fields[1].data_type())?;
    let columns = vec![cast(&keys, fields[0].data_type())?, answer];
    let structs = StructArray::try_new(fields.clone(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls = Some(NullBuffer::from(valid));
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, structs, nulls, false)?))
}
