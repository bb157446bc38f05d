//! Functions of Databricks SQL that DataFusion does not have or has otherwise: one file per family. A leaf:
//! nothing here knows of the engine, and the engine asks for `register` alone.

mod epoch;
mod fitted;
mod frame;
mod gather;
mod json;
mod json_value;
mod lambda;
mod lists;
mod make_time;
mod number_format;
mod patterns;
mod pick;
mod raised;
mod stats;
mod text;
mod time;
mod try_math;
mod vector;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;

pub use raised::Raised;

pub fn register(state: &mut SessionState) -> Result<()> {
    for table in [
        epoch::FUNCTIONS,
        json::FUNCTIONS,
        lists::FUNCTIONS,
        make_time::FUNCTIONS,
        number_format::FUNCTIONS,
        text::FUNCTIONS,
        time::FUNCTIONS,
        try_math::FUNCTIONS,
        vector::FUNCTIONS,
    ] {
        frame::register(state, table)?;
    }
    fitted::register(state)?;
    lambda::register(state)?;
    pick::register(state)?;
    stats::register(state)
}
