//! Sandboxes as they are: started, attacked, ended. As root, and as a user without privileges.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod attacks;
mod clean;
mod hostile;
mod life;
mod share;
mod world;
