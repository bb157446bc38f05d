//! Wire types of the query service.
