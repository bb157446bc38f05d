//! Links to one file: signed, for one thing to do with it, ending soon. Used by the SQL clients' PUT, GET
//! and REMOVE on volumes. Whoever has a link acts as the user it was made for, whose rights are asked
//! again when it is followed.

pub mod http;
mod ops;

pub use ops::FileVerb;
