//! What lies under an error: libraries wrap what the storage said in errors of their own, in many ways.

use object_store::Error as StoreError;
use std::error::Error;

use super::{SqlError, from_store};

/// Errors inside errors that are looked at.
const DEPTH_MAX: usize = 16;

/// What the storage said, if that is why this failed.
pub(super) fn storage(error: &(dyn Error + 'static)) -> Option<SqlError> {
    let mut next = Some(error);
    for _ in 0..DEPTH_MAX {
        let error = next?;
        if let Some(found) = one(error) {
            return Some(found);
        }
        next = inner(error);
    }
    None
}

fn one(error: &(dyn Error + 'static)) -> Option<SqlError> {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return Some(from_store(error));
    }
    match error.downcast_ref::<delta_kernel::Error>()? {
        delta_kernel::Error::ObjectStore(error) => Some(from_store(error)),
        delta_kernel::Error::FileNotFound(_) => Some(SqlError::file_missing(error)),
        delta_kernel::Error::IOError(_)
        | delta_kernel::Error::Reqwest(_)
        | delta_kernel::Error::Parquet(_) => Some(SqlError::io(error)),
        delta_kernel::Error::Unsupported(_) | delta_kernel::Error::InvalidProtocol(_) => {
            Some(SqlError::unsupported_table(error))
        }
        _ => None,
    }
}

fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // These two tell of the source of what they hold, not of what they hold.
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    }
    if let Some(delta_kernel::Error::Backtraced { source, .. }) =
        error.downcast_ref::<delta_kernel::Error>()
    {
        return Some(source.as_ref());
    }
    error.source()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::error::DataFusionError;
    use deltalake_core::DeltaTableError;

    fn refused() -> StoreError {
        StoreError::PermissionDenied { path: "s3://b/secret".into(), source: "AKIA".into() }
    }

    #[test]
    fn the_storage_is_found_however_deep() {
        let wrapped: Vec<SqlError> = vec![
            DeltaTableError::from(delta_kernel::Error::ObjectStore(refused())).into(),
            DeltaTableError::GenericError { source: Box::new(std::io::Error::from(refused())) }
                .into(),
            DataFusionError::External(Box::new(delta_kernel::Error::GenericError {
                source: Box::new(DeltaTableError::from(refused())),
            }))
            .into(),
            DataFusionError::ParquetError(Box::new(parquet::errors::ParquetError::External(
                Box::new(refused()),
            )))
            .into(),
        ];
        for error in wrapped {
            assert_eq!(error.error_code, "PERMISSION_DENIED", "{error}");
            assert!(!error.message.contains("AKIA") && !error.message.contains("s3://"));
        }
        let down = StoreError::Generic { store: "S3", source: "http://10.0.0.1 refused".into() };
        let error = SqlError::from(DeltaTableError::Transaction {
            source: deltalake_core::kernel::transaction::TransactionError::ObjectStore {
                source: down,
            },
        });
        assert_eq!((error.class.as_str(), error.error_code), ("FAILED_READ_FILE", "IO_ERROR"));
    }
}
