//! Libraries of clusters.

use crate::ids::ClusterId;
use crate::network_config::wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

wire!(
    /// Exactly one of these.
    Library {
        /// `/Volumes/…/name.whl`
        whl: String,
        /// `/Volumes/…/requirements.txt`
        requirements: String,
        pypi: PypiLibrary,
        jar: String,
        egg: String,
        maven: MavenLibrary,
        cran: CranLibrary,
    }
);
wire!(PypiLibrary {
    /// As pip takes it: `simplejson==3.8.0`
    package: String,
    /// Of the index.
    repo: String,
});
wire!(MavenLibrary { coordinates: String, repo: String, exclusions: Vec<String> });
wire!(CranLibrary { package: String, repo: String });

/// Install and uninstall.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct LibrariesNamed {
    #[serde(default)]
    pub cluster_id: String,
    #[serde(default)]
    pub libraries: Vec<Library>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LibraryStatus {
    Pending,
    Resolving,
    Installing,
    Installed,
    Skipped,
    Failed,
    UninstallOnRestart,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LibraryFullStatus {
    pub library: Library,
    pub status: LibraryStatus,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    pub is_library_for_all_clusters: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClusterLibraries {
    pub cluster_id: ClusterId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub library_statuses: Vec<LibraryFullStatus>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AllClusterLibraries {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<ClusterLibraries>,
}
