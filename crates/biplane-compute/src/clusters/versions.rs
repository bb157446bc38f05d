//! The runtime versions that a cluster may name. Clients read what they need from keys and names: the
//! number, LTS, the version of Spark's interface.

use biplane_api::clusters::{SparkVersion, SparkVersionList};

const VERSIONS: &[(&str, &str)] = &[
    (
        "17.3.x-scala2.13",
        "17.3 LTS (Biplane, with the interface of Apache Spark 4.0.0, Scala 2.13)",
    ),
    (
        "16.4.x-scala2.12",
        "16.4 LTS (Biplane, with the interface of Apache Spark 3.5.2, Scala 2.12)",
    ),
];

/// What is told to clients that ask a server without a cluster.
pub(crate) fn newest() -> &'static str {
    VERSIONS.first().map_or("", |(key, _)| key)
}

pub(super) fn known(key: &str) -> bool {
    VERSIONS.iter().any(|(known, _)| *known == key)
}

pub(super) fn list() -> SparkVersionList {
    let one =
        |(key, name): &(&str, &str)| SparkVersion { key: (*key).into(), name: (*name).into() };
    SparkVersionList { versions: VERSIONS.iter().map(one).collect() }
}
