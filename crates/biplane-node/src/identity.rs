//! Who this node is: its certificate and key, in one file that is replaced as a whole. The key was made
//! here and leaves the host never.

use crate::NodeError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::ids::NodeId;
use biplane_proto::admission::Admitted;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const FILE: &str = "identity.json";

#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    pub node_id: NodeId,
    /// Of two on one host the greater one came later.
    pub serial: u64,
    /// DER in base64, as the certificate and the key.
    authority: String,
    certificate: String,
    key: String,
    /// Milliseconds since the epoch, by the clock of this host.
    obtained_at: u64,
    life_ms: u64,
}

/// A key that waits for its certificate.
pub struct NewKey {
    key: KeyPair,
    pub signing_request: Vec<u8>,
}

impl NewKey {
    pub fn make() -> Result<Self, NodeError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        // What it is called is not its own to say.
        params.distinguished_name = DistinguishedName::new();
        let signing_request = params.serialize_request(&key)?.der().to_vec();
        Ok(Self { key, signing_request })
    }

    pub fn admitted(&self, admitted: &Admitted, serial: u64) -> Result<Identity, NodeError> {
        Ok(Identity {
            node_id: admitted.node_id.parse().map_err(|_| NodeError::Answer)?,
            serial,
            authority: STANDARD.encode(&admitted.authority),
            certificate: STANDARD.encode(&admitted.certificate),
            key: STANDARD.encode(self.key.serialize_der()),
            obtained_at: now_ms(),
            life_ms: admitted.life_ms,
        })
    }
}

impl Identity {
    pub fn load(dir: &Path) -> io::Result<Option<Self>> {
        match fs::read(dir.join(FILE)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A reader sees the old one or the new one, whole, also after a power cut.
    pub fn save(&self, dir: &Path) -> io::Result<()> {
        write(dir, FILE, &serde_json::to_vec(self)?)
    }

    pub fn remove(dir: &Path) -> io::Result<()> {
        match fs::remove_file(dir.join(FILE)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub fn expired(&self) -> bool {
        now_ms() >= self.obtained_at.saturating_add(self.life_ms)
    }

    pub fn life(&self) -> Duration {
        Duration::from_millis(self.life_ms)
    }

    /// Since its certificate was made, by the clock on the wall.
    pub fn age(&self) -> Duration {
        Duration::from_millis(now_ms().saturating_sub(self.obtained_at))
    }

    /// It belongs to the control plane with this authority.
    pub fn pinned(&self, pin: &[u8; 32]) -> bool {
        self.authority().is_ok_and(|authority| Sha256::digest(&authority)[..] == pin[..])
    }

    pub fn authority(&self) -> io::Result<CertificateDer<'static>> {
        decode(&self.authority).map(Into::into)
    }

    pub fn certificate(&self) -> io::Result<CertificateDer<'static>> {
        decode(&self.certificate).map(Into::into)
    }

    pub fn key(&self) -> io::Result<PrivateKeyDer<'static>> {
        decode(&self.key).map(|key| PrivatePkcs8KeyDer::from(key).into())
    }
}

/// Replaces a file of this user's alone.
pub fn write(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (file, fresh) = (dir.join(name), dir.join(format!("{name}.new")));
    let mut open = OpenOptions::new();
    let mut out = open.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&fresh, &file)?;
    fs::File::open(dir)?.sync_all()
}

fn decode(text: &str) -> io::Result<Vec<u8>> {
    STANDARD.decode(text).map_err(io::Error::other)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_kept_for_this_user_alone_and_ends() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Identity::load(dir.path()).unwrap().is_none());
        let key = NewKey::make().unwrap();
        let node_id = NodeId::random().to_string();
        let mut admitted =
            Admitted { node_id, certificate: vec![1], authority: vec![2], life_ms: 60_000 };
        let identity = key.admitted(&admitted, 3).unwrap();
        identity.save(dir.path()).unwrap();
        let mode = dir.path().join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let kept = Identity::load(dir.path()).unwrap().unwrap();
        assert_eq!((kept.serial, kept.expired()), (3, false));
        assert!(kept.pinned(&Sha256::digest([2]).into()) && !kept.pinned(&[0; 32]));
        admitted.life_ms = 0;
        assert!(key.admitted(&admitted, 3).unwrap().expired());
        Identity::remove(dir.path()).unwrap();
        Identity::remove(dir.path()).unwrap();
        fs::write(dir.path().join(FILE), b"{").unwrap();
        assert!(Identity::load(dir.path()).is_err());
    }
}
