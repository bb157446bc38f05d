//! The image that hosts boot: the operator's, or the newest Amazon Linux 2023.

use crate::errors::{self, invalid};
use crate::session::Session;
use crate::tags;
use biplane_compute::provider::ProviderResult;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// A newer one is looked for this often.
const KEPT: Duration = Duration::from_secs(24 * 3600);
const NAMES: &[&str] = &["al2023-ami-2023.*-kernel-*"];
const OWNER: &str = "amazon";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub id: String,
    /// Of the disk it boots from.
    pub root_device: String,
    pub disk_gib: i32,
}

type Known = HashMap<(String, &'static str), (Instant, Image)>;

pub struct Images {
    chosen: BTreeMap<String, String>,
    known: Mutex<Known>,
}

fn architecture(arm: bool) -> &'static str {
    if arm { "arm64" } else { "x86_64" }
}

impl Images {
    pub fn new(chosen: BTreeMap<String, String>) -> Self {
        Self { chosen, known: Mutex::default() }
    }

    pub async fn of(&self, session: &Session, arm: bool) -> ProviderResult<Image> {
        let key = (session.region.clone(), architecture(arm));
        if let Some((at, image)) = self.known.lock().get(&key)
            && at.elapsed() < KEPT
        {
            return Ok(image.clone());
        }
        let image = self.find(session, key.1).await?;
        self.known.lock().insert(key, (Instant::now(), image.clone()));
        Ok(image)
    }

    async fn find(&self, session: &Session, architecture: &str) -> ProviderResult<Image> {
        let region = &session.region;
        let chosen = self.chosen.get(&format!("{region}/{architecture}"));
        let chosen =
            chosen.or_else(|| self.chosen.get(region).filter(|_| architecture == "x86_64"));
        let request = session.ec2.describe_images();
        let request = match chosen {
            Some(id) => request.image_ids(id),
            None => request
                .owners(OWNER)
                .filters(tags::filter("name", NAMES.iter().copied()))
                .filters(tags::filter("architecture", [architecture]))
                .filters(tags::filter("state", ["available"])),
        };
        let asked = session.asked("look for the image of hosts");
        let answer = request.send().await.map_err(|error| errors::of(asked, error))?;
        // The same form of date everywhere, so texts compare as dates. Minimal images lack what a host needs.
        let plain = answer.images().iter().filter(|image| {
            chosen.is_some() || !image.name().unwrap_or_default().contains("minimal")
        });
        let newest = plain.max_by_key(|image| image.creation_date().unwrap_or_default());
        let Some((image, id)) = newest.and_then(|image| Some((image, image.image_id()?))) else {
            return Err(invalid(format!(
                "There is no image of Amazon Linux 2023 for {architecture} in {region}; the operator can name one with --aws-image."
            )));
        };
        let root_device = image.root_device_name().unwrap_or("/dev/xvda");
        let disks = image.block_device_mappings().iter();
        let disk = disks.filter(|disk| disk.device_name() == Some(root_device));
        let size = disk.filter_map(|disk| disk.ebs()?.volume_size()).max();
        Ok(Image {
            id: id.to_owned(),
            root_device: root_device.to_owned(),
            disk_gib: size.unwrap_or_default(),
        })
    }
}
