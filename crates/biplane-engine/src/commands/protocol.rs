//! Tables of other writers: what of them is read here but must not be changed.
//!
//! A file with a deletion vector is taken out of a table by an action that names the vector. Nothing here
//! does so, and a change would bring deleted rows back.

use deltalake_core::DeltaTable;
use deltalake_core::kernel::Protocol;

use super::mapping;
use crate::error::{SqlError, SqlResult};

/// What a statement does to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// New files beside the old.
    Append,
    /// Columns, properties.
    Metadata,
    /// Files are replaced by others.
    Rewrite,
    /// Files are replaced by others with the same rows.
    Compaction,
    /// Files of old versions are brought back or removed.
    History,
}

pub fn check(table: &DeltaTable, change: Change) -> SqlResult<()> {
    let snapshot = table.snapshot()?;
    if change == Change::Compaction && mapping::is_mapped(snapshot.metadata().configuration()) {
        return Err(SqlError::unsupported("OPTIMIZE of a table with column mapping"));
    }
    if !has_feature(snapshot.protocol(), "deletionVectors") {
        return Ok(());
    }
    let has_vectors = match change {
        Change::Append | Change::Metadata => false,
        Change::Rewrite | Change::Compaction => {
            snapshot.log_data().iter().any(|file| file.deletion_vector_descriptor().is_some())
        }
        Change::History => true,
    };
    match has_vectors {
        true => Err(refused("deletion vectors; it can be read and appended to only")),
        false => Ok(()),
    }
}

fn has_feature(protocol: &Protocol, name: &str) -> bool {
    let features = serde_json::to_value(protocol).ok();
    let features = features.as_ref().and_then(|all| all.get("writerFeatures")?.as_array());
    features.is_some_and(|all| all.iter().any(|feature| feature == name))
}

fn refused(what: &str) -> SqlError {
    let text = format!("The Delta table has {what}");
    SqlError::new("DELTA_UNSUPPORTED_FEATURES_FOR_WRITE", "56038", text)
}
