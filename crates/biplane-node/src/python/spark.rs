//! What the first program of a sandbox of Apache Spark is told.

use super::{SPARK, text};
use crate::isolation::Launch;
use biplane_api::mesh::SPARK_PORTS;
use biplane_proto::v1::SparkProgram;
use std::path::Path;

pub(super) fn environment(
    program: &SparkProgram,
    launch: &Launch<'_>,
    interpreter: &Path,
) -> Vec<(&'static str, String)> {
    let is_driver = program.driver.is_empty();
    let driver = if is_driver { launch.name } else { &program.driver };
    let executor = if is_driver { String::new() } else { program.executor.to_string() };
    vec![
        ("BIPLANE_SPARK", SPARK.into()),
        ("BIPLANE_SANDBOX", launch.name.into()),
        ("BIPLANE_SPARK_DRIVER", driver.into()),
        ("BIPLANE_SPARK_EXECUTOR", executor),
        ("BIPLANE_SPARK_HAS_EXECUTORS", u8::from(program.has_executors).to_string()),
        ("BIPLANE_SPARK_PORTS", SPARK_PORTS.map(|port| port.to_string()).join(" ")),
        ("BIPLANE_SPARK_CORES", launch.cpu_millis.div_ceil(1000).max(1).to_string()),
        ("BIPLANE_SPARK_MEMORY", launch.memory_bytes.to_string()),
        // What functions of users run in.
        ("PYSPARK_PYTHON", text(interpreter)),
    ]
}
