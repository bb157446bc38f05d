//! Variants from values of other types, and values of other types from variants.

use arrow::array::timezone::Tz;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, ListArray, MapArray, StringArray,
    StructArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::NaiveDate;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::tree::Tree;
use super::{Variants, built, is_variant};
use crate::raised::{mismatch, raised};
use crate::time::{instant_of, zone};

/// Whether structs and maps become objects; else only a VARIANT may be made from scalars and arrays.
pub fn to_variants(array: &ArrayRef, objects: bool) -> Result<ArrayRef> {
    if is_variant(array.data_type()) {
        return Ok(array.clone());
    }
    let trees =
        (0..array.len()).map(|row| tree(array, row, objects)).collect::<Result<Vec<_>>>()?;
    built(&trees)
}

/// None where it is NULL.
pub fn tree(array: &ArrayRef, row: usize, objects: bool) -> Result<Option<Tree>> {
    if array.is_null(row) || array.data_type().is_null() {
        return Ok(None);
    }
    let inner = |array: &ArrayRef, row: usize| {
        Ok::<_, DataFusionError>(tree(array, row, objects)?.unwrap_or(Tree::Null))
    };
    Ok(Some(match array.data_type() {
        variant if is_variant(variant) => return Variants::of(array)?.tree(row),
        DataType::Boolean => Tree::Bool(array.as_boolean().value(row)),
        whole if whole.is_integer() => {
            let long = cast(&array.slice(row, 1), &DataType::Int64)?;
            Tree::Long(long.as_primitive::<Int64Type>().value(0))
        }
        DataType::Float32 => Tree::Float(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Tree::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => Tree::Decimal(
            array.as_primitive::<Decimal128Type>().value(row),
            u8::try_from(*scale).unwrap_or(0),
        ),
        DataType::Utf8 => Tree::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 | DataType::Utf8View => {
            return tree(&cast(&array.slice(row, 1), &DataType::Utf8)?, 0, objects);
        }
        DataType::Binary => Tree::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::LargeBinary | DataType::BinaryView => {
            return tree(&cast(&array.slice(row, 1), &DataType::Binary)?, 0, objects);
        }
        DataType::Date32 => {
            Tree::Date(array.as_primitive::<Date32Type>().value_as_date(row).unwrap_or_default())
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            let at = array.as_primitive::<TimestampMicrosecondType>().value_as_datetime(row);
            Tree::Wall(at.unwrap_or_default())
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            Tree::Instant(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Timestamp(_, zone) => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            return tree(&cast(&array.slice(row, 1), &micros)?, 0, objects);
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            Tree::List((0..items.len()).map(|at| inner(&items, at)).collect::<Result<_>>()?)
        }
        DataType::Struct(fields) if objects => {
            let columns = array.as_struct().columns();
            let mut object = BTreeMap::new();
            for (field, column) in fields.iter().zip(columns) {
                object.insert(field.name().clone(), inner(column, row)?);
            }
            Tree::Object(object)
        }
        DataType::Map(..) if objects => {
            let entries = array.as_map().value(row);
            let keys = cast(entries.column(0), &DataType::Utf8)?;
            let mut object = BTreeMap::new();
            for at in 0..entries.len() {
                let key = keys.as_string::<i32>().value(at).to_owned();
                object.insert(key, inner(entries.column(1), at)?);
            }
            Tree::Object(object)
        }
        other => return mismatch(format!("A VARIANT cannot be made from {other} here.")),
    }))
}

fn invalid(tree: &Tree, target: &DataType, zone: &Tz) -> DataFusionError {
    let text = format!(
        "The variant value `{}` cannot be cast into `{}`. Please use `try_variant_get` instead.",
        tree.json(zone),
        crate::ddl::type_text(target)
    );
    raised("INVALID_VARIANT_CAST", "22023", text)
}

/// How what does not fit is met.
struct Target<'a> {
    zone: &'a Tz,
    lenient: bool,
}

/// The values as another type; NULL where they do not fit and this is tried only.
pub fn from_variants(
    trees: Vec<Option<Tree>>,
    target: &DataType,
    lenient: bool,
    zone_name: &str,
) -> Result<ArrayRef> {
    Target { zone: &zone(zone_name)?, lenient }.array(trees, target)
}

impl Target<'_> {
    fn array(&self, trees: Vec<Option<Tree>>, target: &DataType) -> Result<ArrayRef> {
        if is_variant(target) {
            return built(&trees);
        }
        let trees: Vec<Option<Tree>> =
            trees.into_iter().map(|tree| tree.filter(|tree| *tree != Tree::Null)).collect();
        match target {
            DataType::List(field) => {
                let (mut items, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
                for tree in trees {
                    let list = self.fitting(tree, target, |tree| match tree {
                        Tree::List(items) => Ok(items),
                        other => Err(other),
                    })?;
                    valid.push(list.is_some());
                    let list = list.unwrap_or_default();
                    lengths.push(list.len());
                    items.extend(list.into_iter().map(Some));
                }
                let values = self.array(items, field.data_type())?;
                let offsets = OffsetBuffer::from_lengths(lengths);
                let nulls = Some(NullBuffer::from(valid));
                Ok(Arc::new(ListArray::try_new(field.clone(), offsets, values, nulls)?))
            }
            DataType::Struct(fields) => {
                let objects = self.objects(trees, target)?;
                let mut columns: Vec<Vec<Option<Tree>>> = vec![Vec::new(); fields.len()];
                let valid: Vec<bool> = objects.iter().map(Option::is_some).collect();
                for object in objects {
                    let mut object = object.unwrap_or_default();
                    for (field, column) in fields.iter().zip(&mut columns) {
                        column.push(object.remove(field.name()));
                    }
                }
                let arrays = columns.into_iter().zip(fields);
                let arrays = arrays
                    .map(|(column, field)| self.array(column, field.data_type()))
                    .collect::<Result<Vec<_>>>()?;
                let nulls = Some(NullBuffer::from(valid));
                Ok(Arc::new(StructArray::try_new(fields.clone(), arrays, nulls)?))
            }
            DataType::Map(entries, sorted) => {
                let DataType::Struct(fields) = entries.data_type() else {
                    return mismatch("A map is needed here.");
                };
                let objects = self.objects(trees, target)?;
                let valid: Vec<bool> = objects.iter().map(Option::is_some).collect();
                let lengths: Vec<usize> =
                    objects.iter().map(|map| map.as_ref().map_or(0, BTreeMap::len)).collect();
                let (keys, values): (Vec<String>, Vec<Option<Tree>>) = objects
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|(key, value)| (key, Some(value)))
                    .unzip();
                let keys: ArrayRef = Arc::new(StringArray::from(keys));
                let columns = vec![
                    cast(&keys, fields[0].data_type())?,
                    self.array(values, fields[1].data_type())?,
                ];
                let structs = StructArray::try_new(fields.clone(), columns, None)?;
                let offsets = OffsetBuffer::from_lengths(lengths);
                let nulls = Some(NullBuffer::from(valid));
                let map = MapArray::try_new(entries.clone(), offsets, structs, nulls, *sorted)?;
                Ok(Arc::new(map))
            }
            _ => self.plain(trees, target),
        }
    }

    fn objects(
        &self,
        trees: Vec<Option<Tree>>,
        target: &DataType,
    ) -> Result<Vec<Option<BTreeMap<String, Tree>>>> {
        let object = |tree| {
            self.fitting(tree, target, |tree| match tree {
                Tree::Object(fields) => Ok(fields),
                other => Err(other),
            })
        };
        trees.into_iter().map(object).collect()
    }

    fn fitting<T>(
        &self,
        tree: Option<Tree>,
        target: &DataType,
        of: impl FnOnce(Tree) -> Result<T, Tree>,
    ) -> Result<Option<T>> {
        let Some(tree) = tree else { return Ok(None) };
        match of(tree) {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.lenient => Ok(None),
            Err(tree) => Err(invalid(&tree, target, self.zone)),
        }
    }

    fn plain(&self, trees: Vec<Option<Tree>>, target: &DataType) -> Result<ArrayRef> {
        match target {
            DataType::Utf8 => {
                let texts = trees.iter().map(|tree| tree.as_ref().map(|tree| tree.text(self.zone)));
                return Ok(Arc::new(texts.collect::<StringArray>()));
            }
            DataType::Null => return Ok(new_null_array(target, trees.len())),
            _ => {}
        }
        // All whole numbers, as is usual: at once.
        if target.is_integer()
            && trees.iter().all(|tree| matches!(tree, None | Some(Tree::Long(_))))
        {
            let longs = trees.iter().map(|tree| match tree {
                Some(Tree::Long(long)) => Some(*long),
                _ => None,
            });
            let longs = longs.collect::<arrow::array::Int64Array>();
            let options = CastOptions { safe: self.lenient, ..CastOptions::default() };
            if let Ok(array) = cast_with_options(&longs, target, &options) {
                return Ok(array);
            }
        }
        let null = ScalarValue::try_from(target)?;
        let mut out = Vec::with_capacity(trees.len());
        for tree in trees {
            let value = self.fitting(tree, target, |tree| {
                let scalar = self.scalar(&tree, target);
                scalar.ok_or(tree)
            })?;
            out.push(value.unwrap_or_else(|| null.clone()));
        }
        if out.is_empty() {
            return Ok(new_null_array(target, 0));
        }
        ScalarValue::iter_to_array(out)
    }

    /// Text, numbers and points in time cast as they do elsewhere.
    fn scalar(&self, tree: &Tree, target: &DataType) -> Option<ScalarValue> {
        let natural: ArrayRef = match tree {
            Tree::Bool(value) => Arc::new(BooleanArray::from(vec![*value])),
            Tree::Long(value) => {
                if let DataType::Timestamp(..) = target {
                    let micros =
                        TimestampMicrosecondArray::from(vec![value.checked_mul(1_000_000)?]);
                    Arc::new(micros.with_timezone("UTC"))
                } else {
                    Arc::new(arrow::array::Int64Array::from(vec![*value]))
                }
            }
            Tree::Decimal(unscaled, scale) => {
                let decimal = arrow::array::Decimal128Array::from(vec![*unscaled]);
                let scale = i8::try_from(*scale).ok()?;
                Arc::new(decimal.with_precision_and_scale(38, scale).ok()?)
            }
            Tree::Float(value) => Arc::new(arrow::array::Float32Array::from(vec![*value])),
            Tree::Double(value) => Arc::new(arrow::array::Float64Array::from(vec![*value])),
            Tree::Text(text) | Tree::Uuid(text) => match target {
                DataType::Binary => {
                    return Some(ScalarValue::Binary(Some(text.as_bytes().to_vec())));
                }
                _ => Arc::new(StringArray::from(vec![text.trim().to_owned()])),
            },
            Tree::Bytes(bytes) => {
                return matches!(target, DataType::Binary)
                    .then(|| ScalarValue::Binary(Some(bytes.clone())));
            }
            Tree::Date(date) => {
                let epoch = NaiveDate::default();
                let days = i32::try_from(date.signed_duration_since(epoch).num_days()).ok()?;
                match target {
                    DataType::Timestamp(_, Some(_)) => {
                        let micros = instant_of((*date).into(), self.zone);
                        let at = TimestampMicrosecondArray::from(vec![micros]);
                        Arc::new(at.with_timezone("UTC"))
                    }
                    _ => Arc::new(Date32Array::from(vec![days])),
                }
            }
            Tree::Instant(micros) => match target {
                DataType::Timestamp(_, Some(_)) => {
                    let at = TimestampMicrosecondArray::from(vec![*micros]);
                    Arc::new(at.with_timezone("UTC"))
                }
                _ => {
                    let local = crate::time::local_of(*micros, self.zone).ok()?;
                    let micros = local.and_utc().timestamp_micros();
                    Arc::new(TimestampMicrosecondArray::from(vec![micros]))
                }
            },
            Tree::Wall(at) => {
                let micros = match target {
                    DataType::Timestamp(_, Some(_)) => instant_of(*at, self.zone),
                    _ => at.and_utc().timestamp_micros(),
                };
                let at = TimestampMicrosecondArray::from(vec![micros]);
                match target {
                    DataType::Timestamp(_, Some(_)) => Arc::new(at.with_timezone("UTC")),
                    _ => Arc::new(at),
                }
            }
            Tree::Null | Tree::List(_) | Tree::Object(_) => return None,
        };
        let cast = cast_with_options(&natural, target, &CastOptions::default()).ok()?;
        if cast.is_null(0) {
            return None;
        }
        ScalarValue::try_from_array(&cast, 0).ok()
    }
}
