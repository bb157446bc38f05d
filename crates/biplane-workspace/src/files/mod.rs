//! Files and directories of volumes.

pub mod http;
mod ops;
mod path;

pub(crate) use ops::file_put;
pub(crate) use path::VolumePath;
