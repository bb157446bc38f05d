//! Files and directories of volumes.

pub mod http;
mod ops;
mod path;

pub(crate) use ops::{exists, file_delete, file_open, file_put, open};
pub(crate) use path::VolumePath;
