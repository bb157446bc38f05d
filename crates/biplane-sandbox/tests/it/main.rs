//! Sandboxes as they are: started, attacked, ended.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod smoke;
