//! The metadata calls: what JDBC's DatabaseMetaData and its cousins ask, answered from the catalog as
//! the user who asks.

mod layout;
mod pattern;
mod sql_types;
