//! Where in object stores the data of a workspace lies: all that its compute may touch. Which of it a
//! statement may touch is decided with every statement, by `resolve`.

use crate::Catalog;
use crate::credentials::ops::SERVER_STORAGE;
use crate::external_locations::ops::Details as PlaceDetails;
use crate::kind::Kind;
use crate::location::{Location, S3Config};
use crate::metastores::ops::Details as MetastoreDetails;
use crate::store;
use biplane_api::ids::WorkspaceId;
use biplane_platform::Result;

/// More external locations of a metastore are out of reach for compute.
const PLACES_MAX: usize = 10_000;

/// Notified when [`Catalog::storage_reach`] may give something else.
pub const REACH_TOPIC: &str = "storage_reach";

/// A directory of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePlace {
    pub bucket: String,
    /// Empty: the whole bucket.
    pub prefix: String,
    pub write: bool,
}

impl Catalog {
    /// The places of a workspace in the operator's S3, with what reaches them. None: there is no S3.
    pub async fn storage_reach(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<(S3Config, Vec<StoragePlace>)>> {
        let Some(s3) = self.config.s3.clone() else {
            return Ok(None);
        };
        let mut tx = self.db.read().await?;
        let Some(metastore) = store::metastore_of(&mut tx, workspace).await? else {
            return Ok(Some((s3, Vec::new())));
        };
        let details: MetastoreDetails = metastore.details()?;
        let mut places = Vec::new();
        places.extend(details.storage_root.as_deref().and_then(|root| place(root, true)));
        let kind = Kind::ExternalLocation;
        let locations =
            store::children(&mut tx, &metastore.id, kind, "", PLACES_MAX, false).await?;
        for node in locations {
            let binding = node.bindings.iter().find(|binding| binding.workspace_id == workspace.0);
            if node.isolated && binding.is_none() {
                continue;
            }
            let details: PlaceDetails = node.details()?;
            // What another credential is for is not the operator's key's to open.
            if details.credential_name != SERVER_STORAGE {
                continue;
            }
            let write = !details.read_only && !binding.is_some_and(|binding| binding.read_only);
            places.extend(node.location.as_deref().and_then(|url| place(url, write)));
        }
        Ok(Some((s3, places)))
    }
}

fn place(url: &str, write: bool) -> Option<StoragePlace> {
    let location = Location::parse(url).ok()?;
    let (bucket, prefix) = location.object()?;
    Some(StoragePlace { bucket: bucket.to_owned(), prefix, write })
}
