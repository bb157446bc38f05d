//! Wire types of the compute service.
