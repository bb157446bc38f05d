//! The system calls a sandbox may make, as a program for the kernel.
//!
//! What is not listed is refused: numbers the kernel has long had with EPERM, newer and unknown ones
//! with ENOSYS, so that libraries fall back to what they did before. Calls of another architecture end
//! the process.

mod calls;
mod program;

pub use program::build;
