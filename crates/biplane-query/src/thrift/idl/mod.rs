//! The structs and enums of TCLIService, one table of field ids each. Ids below 1281 are those of
//! HiveServer2; the others are the extensions of Databricks. What is not listed is skipped on reading.

mod execute;
mod metadata;
mod results;
mod session;
mod types;

pub use execute::*;
pub use metadata::*;
pub use results::*;
pub use session::*;
pub use types::*;
