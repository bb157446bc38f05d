//! The runtime versions that a cluster may name. Clients read what they need from keys and names: the
//! number, LTS, the version of Spark's interface. Selectors pass over keys with `apache-spark-`.

use biplane_api::clusters::{SparkVersion, SparkVersionList};

/// What serves Spark Connect on a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Sail, on the driver.
    Sail,
    /// Apache Spark, on the driver and on workers.
    ApacheSpark,
}

struct Version {
    key: &'static str,
    name: &'static str,
    engine: Engine,
}

const VERSIONS: &[Version] = &[
    Version {
        key: "17.3.x-scala2.13",
        name: "17.3 LTS (Biplane, with the interface of Apache Spark 4.0.0, Scala 2.13)",
        engine: Engine::Sail,
    },
    Version {
        key: "16.4.x-scala2.12",
        name: "16.4 LTS (Biplane, with the interface of Apache Spark 3.5.2, Scala 2.12)",
        engine: Engine::Sail,
    },
    Version {
        key: "17.3.x-apache-spark-4.2-scala2.13",
        name: "17.3 Apache Spark 4.2.0 (on driver and workers, without tables of the catalog, Scala 2.13)",
        engine: Engine::ApacheSpark,
    },
];

/// What is told to clients that ask a server without a cluster.
pub(crate) fn newest() -> &'static str {
    VERSIONS.first().map_or("", |version| version.key)
}

pub(super) fn known(key: &str) -> bool {
    VERSIONS.iter().any(|known| known.key == key)
}

/// Of a cluster with this version.
pub(super) fn engine(key: Option<&str>) -> Engine {
    let found = VERSIONS.iter().find(|known| Some(known.key) == key);
    found.map_or(Engine::Sail, |version| version.engine)
}

/// What policies call a version: `auto:latest`, `auto:latest-lts`, `auto:prev-major`, `auto:prev-lts`.
pub(crate) fn named(alias: &str) -> Option<&'static str> {
    let major = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
    let found = match alias {
        "auto:latest" => VERSIONS.first(),
        "auto:latest-lts" => lts().next(),
        "auto:prev-lts" => lts().nth(1),
        "auto:prev-major" => VERSIONS.iter().find(|known| major(known.key) != major(newest())),
        _ => None,
    };
    found.map(|version| version.key)
}

fn lts() -> impl Iterator<Item = &'static Version> {
    VERSIONS.iter().filter(|version| version.name.contains(" LTS "))
}

pub(super) fn list() -> SparkVersionList {
    let one =
        |version: &Version| SparkVersion { key: version.key.into(), name: version.name.into() };
    SparkVersionList { versions: VERSIONS.iter().map(one).collect() }
}
