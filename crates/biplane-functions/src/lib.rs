//! Functions of Databricks SQL that DataFusion does not have or has otherwise: one file per family. A leaf:
//! nothing here knows of the engine, and the engine asks for `register` alone.

mod bitmap;
mod buckets;
mod bytes;
pub mod casts;
pub mod collation;
mod count_min;
mod counter_diff;
mod crypto;
mod csv;
mod ddl;
pub mod decimals;
mod epoch;
mod fitted;
mod frame;
mod frequent;
mod gather;
pub mod geo;
mod grouped_number;
mod h3;
mod h3_areas;
mod interval_average;
mod interval_parts;
mod interval_signs;
pub mod intervals;
mod json;
mod json_value;
mod kll;
mod lambda;
mod lambda_pairs;
mod lists;
mod make_time;
mod math;
mod misc;
mod murmur;
mod number_format;
pub mod opaque;
mod options;
mod patterns;
mod pick;
mod raised;
pub mod random;
mod records;
mod rounding;
mod sequence;
mod sketch;
mod stats;
mod text;
mod time;
mod time_between;
mod time_windows;
mod totals;
mod try_math;
mod tuple_sketch;
pub mod variant;
mod vector;
mod vector_totals;
mod xml;
mod xpath;
mod xpath_eval;
mod xpath_parse;
mod zipped;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::ScalarUDF;

pub use raised::Raised;

/// All that are functions of one row.
const TABLES: &[&[frame::Def]] = &[
    bitmap::FUNCTIONS,
    buckets::FUNCTIONS,
    bytes::FUNCTIONS,
    casts::FUNCTIONS,
    collation::FUNCTIONS,
    crypto::FUNCTIONS,
    csv::FUNCTIONS,
    decimals::FUNCTIONS,
    epoch::FUNCTIONS,
    frequent::FUNCTIONS,
    geo::edits::FUNCTIONS,
    geo::formats::FUNCTIONS,
    geo::measures::FUNCTIONS,
    geo::overlay::FUNCTIONS,
    geo::parts::FUNCTIONS,
    geo::relations::FUNCTIONS,
    grouped_number::FUNCTIONS,
    h3::FUNCTIONS,
    h3_areas::FUNCTIONS,
    interval_parts::FUNCTIONS,
    interval_signs::FUNCTIONS,
    json::FUNCTIONS,
    kll::BIGINTS,
    kll::DOUBLES,
    kll::FLOATS,
    lists::FUNCTIONS,
    make_time::FUNCTIONS,
    math::FUNCTIONS,
    misc::FUNCTIONS,
    murmur::FUNCTIONS,
    number_format::FUNCTIONS,
    records::FUNCTIONS,
    rounding::FUNCTIONS,
    sequence::FUNCTIONS,
    sketch::FUNCTIONS,
    text::FUNCTIONS,
    time::FUNCTIONS,
    time_between::FUNCTIONS,
    time_windows::FUNCTIONS,
    try_math::FUNCTIONS,
    tuple_sketch::DOUBLES,
    tuple_sketch::INTEGERS,
    variant::FUNCTIONS,
    vector::FUNCTIONS,
    xml::FUNCTIONS,
    xpath::FUNCTIONS,
];

/// A function by its name, for rules that put it into plans.
pub fn function(name: &str) -> Option<ScalarUDF> {
    let def = TABLES.iter().copied().flatten().find(|def| def.name == name)?;
    Some(frame::function(def))
}

pub fn register(state: &mut SessionState) -> Result<()> {
    for table in TABLES {
        frame::register(state, table)?;
    }
    for table in [
        bitmap::AGGREGATES,
        count_min::AGGREGATES,
        frequent::AGGREGATES,
        geo::overlay::AGGREGATES,
        kll::BIGINT_AGGREGATES,
        kll::DOUBLE_AGGREGATES,
        kll::FLOAT_AGGREGATES,
        sketch::AGGREGATES,
        tuple_sketch::DOUBLE_AGGREGATES,
        tuple_sketch::INTEGER_AGGREGATES,
        variant::AGGREGATES,
        vector_totals::AGGREGATES,
    ] {
        gather::register(state, table)?;
    }
    collation::register(state)?;
    counter_diff::register(state)?;
    fitted::register(state)?;
    interval_signs::register(state)?;
    intervals::register(state)?;
    lambda::register(state)?;
    pick::register(state)?;
    random::register(state)?;
    totals::register(state)?;
    stats::register(state)?;
    zipped::register(state)
}
