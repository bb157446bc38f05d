//! Wire types of the identity service.
