//! CLUSTER BY: the columns by which OPTIMIZE lays the rows of a table together.
//!
//! Kept among the properties of the table, where Databricks shows them too. Delta's own feature would keep
//! delta-rs, and so this engine, from writing to the table.

use deltalake_core::kernel::{DataType, PrimitiveType, StructType};

use crate::error::{SqlError, SqlResult};
use crate::parser::Clustering;

/// `[["id"],["at"]]`: one path for each column.
pub const KEY: &str = "clusteringColumns";
const COLUMNS_MAX: usize = 4;

/// The property of a table with these columns; None for a table that is not clustered.
pub fn settle(
    schema: &StructType,
    partitions: &[String],
    clustering: &Clustering,
) -> SqlResult<Option<String>> {
    let names = match clustering {
        Clustering::None => return Ok(None),
        Clustering::Auto => return Err(SqlError::unsupported("CLUSTER BY AUTO")),
        Clustering::Columns(names) => names,
    };
    if !partitions.is_empty() {
        let text = "CLUSTER BY and PARTITIONED BY exclude each other";
        return Err(SqlError::new(
            "SPECIFY_CLUSTER_BY_WITH_PARTITIONED_BY_IS_NOT_ALLOWED",
            "42908",
            text,
        ));
    }
    if names.len() > COLUMNS_MAX {
        let text = format!("CLUSTER BY takes up to {COLUMNS_MAX} columns");
        return Err(SqlError::new("DELTA_CLUSTER_BY_INVALID_NUM_COLUMNS", "54000", text));
    }
    let mut paths: Vec<[&str; 1]> = Vec::with_capacity(names.len());
    for name in names {
        let field = schema.fields().find(|field| field.name().eq_ignore_ascii_case(name));
        let field = field.ok_or_else(|| SqlError::column_not_found(format!("`{name}`"), &[]))?;
        if paths.contains(&[field.name().as_str()]) {
            let text = format!("CLUSTER BY names the column `{name}` twice");
            return Err(SqlError::new("COLUMN_ALREADY_EXISTS", "42711", text));
        }
        if !has_order(field.data_type()) {
            let text = format!("CLUSTER BY takes no column of the type of `{name}`");
            return Err(SqlError::new(
                "DELTA_CLUSTERING_COLUMNS_DATATYPE_NOT_SUPPORTED",
                "0A000",
                text,
            ));
        }
        paths.push([field.name()]);
    }
    Ok(Some(serde_json::to_string(&paths).map_err(SqlError::internal)?))
}

/// Statistics of files say where its values are.
fn has_order(data_type: &DataType) -> bool {
    let DataType::Primitive(primitive) = data_type else { return false };
    !matches!(primitive, PrimitiveType::Boolean | PrimitiveType::Binary)
}

/// The columns of a table; none where it is not clustered.
pub fn columns(property: Option<&String>) -> Vec<String> {
    let paths = property.and_then(|text| serde_json::from_str(text).ok());
    let paths: Vec<Vec<String>> = paths.unwrap_or_default();
    paths.into_iter().map(|path| path.join(".")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use deltalake_core::kernel::StructField;

    #[test]
    fn columns_are_checked_and_kept_as_paths() {
        let schema = StructType::try_new([
            StructField::nullable("Id", DataType::LONG),
            StructField::nullable("at", DataType::TIMESTAMP),
            StructField::nullable("flag", DataType::BOOLEAN),
        ]);
        let schema = schema.unwrap();
        let of = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            settle(&schema, &[], &Clustering::Columns(names))
        };
        let property = of(&["id", "at"]).unwrap().unwrap();
        assert_eq!(property, r#"[["Id"],["at"]]"#);
        assert_eq!(columns(Some(&property)), ["Id", "at"]);
        assert!(columns(Some(&"x".to_owned())).is_empty() && columns(None).is_empty());
        for (names, class) in [
            (&["none"][..], "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"),
            (&["id", "ID"], "COLUMN_ALREADY_EXISTS"),
            (&["flag"], "DELTA_CLUSTERING_COLUMNS_DATATYPE_NOT_SUPPORTED"),
            (&["a", "b", "c", "d", "e"], "DELTA_CLUSTER_BY_INVALID_NUM_COLUMNS"),
        ] {
            assert_eq!(of(names).unwrap_err().class, class, "{names:?}");
        }
        assert_eq!(settle(&schema, &["at".to_owned()], &Clustering::None).unwrap(), None);
    }
}
