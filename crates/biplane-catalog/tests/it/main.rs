//! The catalog over its own router, on whichever database the run asks for.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod account;
mod concurrency;
mod containers;
mod denial;
mod harness;
mod hostile;
mod locations;
mod metadata;
mod paging;
mod publish;
mod resolve;
mod sweep;
mod system;
mod tables;
mod tags;
