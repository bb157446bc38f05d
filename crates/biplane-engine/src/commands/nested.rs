//! Fields inside of columns, by their paths: `s.x`, `list.element.x`, `map.value.x`.

use deltalake_core::kernel::{ArrayType, DataType, MapType, StructField, StructType};

use super::alter_columns::stored_name;
use super::columns;
use crate::error::{SqlError, SqlResult};

/// Gives the name of the column.
pub fn rename(fields: &mut Vec<StructField>, path: &[String], to: &str) -> SqlResult<String> {
    columns::check_column_name(to, true)?;
    change(fields, path, &mut |inside, at| {
        if stored_name(inside, to).is_ok_and(|other| other != at) {
            let text = format!("Cannot rename {} because `{to}` already exists", shown(path));
            return Err(SqlError::new("FIELD_ALREADY_EXISTS", "42710", text));
        }
        to.clone_into(&mut inside[at].name);
        Ok(())
    })
}

/// Gives the name of the column.
pub fn drop(fields: &mut Vec<StructField>, path: &[String]) -> SqlResult<String> {
    if is_in_map(fields, path) {
        // Files that have the field could no longer be read.
        return Err(SqlError::unsupported("DROP COLUMN of a field inside of a map"));
    }
    change(fields, path, &mut |inside, at| {
        if inside.len() == 1 {
            let text = format!("{} is the last field of its struct", shown(path));
            return Err(SqlError::new("DELTA_DROP_COLUMN_ON_SINGLE_FIELD_SCHEMA", "0AKDC", text));
        }
        inside.remove(at);
        Ok(())
    })
}

fn is_in_map(fields: &[StructField], path: &[String]) -> bool {
    let Some(at) = path.first().and_then(|first| stored_name(fields, first).ok()) else {
        return false;
    };
    let mut data_type = fields[at].data_type();
    for name in &path[1..] {
        data_type = match data_type {
            DataType::Map(_) => return true,
            DataType::Array(array) => array.element_type(),
            DataType::Struct(inside) => {
                let inside: Vec<&StructField> = inside.fields().collect();
                let lower = name.to_lowercase();
                let found = inside.into_iter().find(|field| field.name().to_lowercase() == lower);
                match found {
                    Some(field) => field.data_type(),
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    false
}

type Edit<'a> = &'a mut dyn FnMut(&mut Vec<StructField>, usize) -> SqlResult<()>;

fn change(fields: &mut Vec<StructField>, path: &[String], edit: Edit) -> SqlResult<String> {
    let Some((first, rest)) = path.split_first() else {
        return Err(SqlError::internal("a path has no name"));
    };
    let at = stored_name(fields, first)?;
    let root = fields[at].name().clone();
    if rest.is_empty() {
        edit(fields, at)?;
    } else {
        let inside = inside(fields[at].data_type(), rest, path, edit)?;
        fields[at].data_type = inside;
    }
    Ok(root)
}

fn inside(
    data_type: &DataType,
    rest: &[String],
    path: &[String],
    edit: Edit,
) -> SqlResult<DataType> {
    let (first, further) = (rest[0].to_lowercase(), &rest[1..]);
    let is_on = !further.is_empty();
    Ok(match (data_type, first.as_str()) {
        (DataType::Struct(fields), _) => {
            let mut fields: Vec<StructField> = fields.fields().cloned().collect();
            change(&mut fields, rest, edit)?;
            StructType::try_new(fields).map_err(|e| columns::invalid_schema(&e))?.into()
        }
        (DataType::Array(array), "element") if is_on => {
            let element = inside(array.element_type(), further, path, edit)?;
            ArrayType::new(element, array.contains_null()).into()
        }
        (DataType::Map(map), "key") if is_on => {
            let key = inside(map.key_type(), further, path, edit)?;
            MapType::new(key, map.value_type().clone(), map.value_contains_null()).into()
        }
        (DataType::Map(map), "value") if is_on => {
            let value = inside(map.value_type(), further, path, edit)?;
            MapType::new(map.key_type().clone(), value, map.value_contains_null()).into()
        }
        _ => return Err(SqlError::column_not_found(shown(path), &[])),
    })
}

fn shown(path: &[String]) -> String {
    path.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(".")
}
