//! Wire types of the files service.
