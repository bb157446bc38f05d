//! The engine: Databricks SQL on DataFusion and Delta.
//!
//! A leaf: it knows the control plane only through its relay door. It holds no long-lived secret;
//! names, locations and credentials are asked for per statement, as the user who runs it.

mod commit_log;
pub mod config;
mod confined;
pub mod context;
pub mod control;
pub mod encode;
pub mod error;
pub mod files;
pub mod footers;
pub mod information_schema;
pub mod output;
pub mod params;
pub mod plan;
pub mod results;
mod runtime;
pub mod samples;
pub mod service;
pub mod session;
pub mod storage;
pub mod storage_door;
mod system_tables;
mod trace;
pub mod variables;

pub mod commands;
pub mod parser;

pub use config::EngineConfig;
pub use service::{EngineError, run};
