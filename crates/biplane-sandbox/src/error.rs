//! Failures of the launcher, which travel to the agent as text.

use std::fmt::Display;
use std::io;

/// What was being done, and what the kernel said.
#[derive(Debug)]
pub struct LaunchError {
    pub step: String,
    pub error: String,
}

pub type Result<T> = std::result::Result<T, LaunchError>;

pub fn refuse<T>(step: &str, error: impl Display) -> Result<T> {
    Err(LaunchError { step: step.to_owned(), error: error.to_string() })
}

/// Names the step that a system call belongs to.
pub trait At<T> {
    fn at(self, step: impl Display) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: impl Display) -> Result<T> {
        self.map_err(|error| LaunchError { step: step.to_string(), error: error.to_string() })
    }
}
