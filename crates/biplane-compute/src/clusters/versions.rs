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

/// What policies call a version: `auto:latest`, `auto:latest-lts`, `auto:prev-major`, `auto:prev-lts`.
pub(crate) fn named(alias: &str) -> Option<&'static str> {
    let major = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
    let found = match alias {
        "auto:latest" => VERSIONS.first(),
        "auto:latest-lts" => lts().next(),
        "auto:prev-lts" => lts().nth(1),
        "auto:prev-major" => VERSIONS.iter().find(|(key, _)| major(key) != major(newest())),
        _ => None,
    };
    found.map(|(key, _)| *key)
}

fn lts() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    VERSIONS.iter().filter(|(_, name)| name.contains(" LTS "))
}

pub(super) fn list() -> SparkVersionList {
    let one =
        |(key, name): &(&str, &str)| SparkVersion { key: (*key).into(), name: (*name).into() };
    SparkVersionList { versions: VERSIONS.iter().map(one).collect() }
}
