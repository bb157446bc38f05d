//! The control plane's own certificate authority: for the relay and the nodes, for nothing else.
//!
//! A node certificate names the node it belongs to; possession of its key is what makes a connection
//! that node's. Certificates of nodes live a week and are renewed daily, the relay's is made anew at
//! every start.

use biplane_api::ids::NodeId;
use biplane_platform::Clock;
use biplane_proto::preface::RELAY_NAME;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(86_400);
const CA_LIFE: Duration = Duration::from_secs(20 * 365 * 86_400);
const RELAY_LIFE: Duration = Duration::from_secs(90 * 86_400);
const NODE_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// Clocks of hosts differ a little.
const BACKDATE: Duration = Duration::from_secs(300);
const KEY_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const NODE_URI: &str = "biplane://node/";

#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error("{path} cannot be read or written")]
    File { path: PathBuf, source: std::io::Error },
    #[error("a certificate could not be made")]
    Make(#[from] rcgen::Error),
    #[error("a stored certificate or key cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("the TLS set-up is not possible")]
    Tls(#[from] rustls::Error),
    #[error("the TLS set-up is not possible")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    #[error("{0} does not hold a certificate and a key")]
    Incomplete(PathBuf),
    #[error("{0} does not hold a node id")]
    NodeId(PathBuf),
}

pub struct RelayCa {
    cert_pem: String,
    issuer: Issuer<'static, KeyPair>,
    clock: Clock,
}

/// What a node agent on this machine needs to connect.
#[derive(Debug, Clone)]
pub struct NodeFiles {
    pub node_id: NodeId,
    pub ca_cert: PathBuf,
    /// Certificate and key in one file, so that they change together.
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl RelayCa {
    /// The authority kept in `dir`; made there the first time.
    pub fn load_or_create(dir: &Path, clock: Clock) -> Result<Self, CaError> {
        private_dir(dir)?;
        let file = dir.join("relay-ca.key");
        let pem = match std::fs::read_to_string(&file) {
            Ok(pem) => pem,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let pem = create(&clock)?;
                write_private(&file, &pem)?;
                pem
            }
            Err(source) => return Err(CaError::File { path: file, source }),
        };
        let (cert_pem, key_pem) = pem
            .split_once(KEY_BEGIN)
            .map(|(cert, key)| (cert.to_owned(), format!("{KEY_BEGIN}{key}")))
            .ok_or(CaError::Incomplete(file))?;
        let issuer = Issuer::from_ca_cert_pem(&cert_pem, KeyPair::from_pem(&key_pem)?)?;
        let ca = Self { cert_pem, issuer, clock };
        write_private(&dir.join("relay-ca.pem"), &ca.cert_pem)?;
        Ok(ca)
    }

    /// PEM, for nodes to trust.
    pub fn certificate(&self) -> &str {
        &self.cert_pem
    }

    /// TLS of the relay: a fresh certificate, and no connection without one of ours.
    pub fn server_config(&self) -> Result<rustls::ServerConfig, CaError> {
        let mut params = self.params(RELAY_NAME, RELAY_LIFE);
        params.subject_alt_names = vec![SanType::DnsName(RELAY_NAME.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (cert, key) = self.issue(&params)?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.cert_pem.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            roots.into(),
            provider.clone(),
        )
        .build()?;
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(cert.as_bytes())?],
                PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())?,
            )?;
        Ok(config)
    }

    /// Certificate and key of a node, in one PEM text. Secret.
    pub fn issue_node_cert(&self, node_id: &NodeId) -> Result<String, CaError> {
        let mut params = self.params(node_id.as_str(), NODE_LIFE);
        params.subject_alt_names = vec![SanType::URI(format!("{NODE_URI}{node_id}").try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (cert, key) = self.issue(&params)?;
        Ok(cert + &key.serialize_pem())
    }

    /// Writes a fresh certificate for the node whose id is kept in `dir`; the first time it makes the id.
    pub fn write_node_files(&self, dir: &Path) -> Result<NodeFiles, CaError> {
        private_dir(dir)?;
        let id_file = dir.join("node.id");
        let node_id = match std::fs::read_to_string(&id_file) {
            Ok(text) => text.trim().parse().map_err(|_| CaError::NodeId(id_file))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let id = NodeId::random();
                write_private(&id_file, id.as_str())?;
                id
            }
            Err(source) => {
                return Err(CaError::File { path: id_file, source });
            }
        };
        let (ca_cert, cert) = (dir.join("node-ca.pem"), dir.join("node.pem"));
        write_private(&ca_cert, &self.cert_pem)?;
        write_private(&cert, &self.issue_node_cert(&node_id)?)?;
        Ok(NodeFiles { node_id, ca_cert, key: cert.clone(), cert })
    }

    /// Renews the files of `write_node_files` every day until `stop`.
    pub async fn keep_node_files(&self, dir: &Path, stop: &CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(DAY)).await.is_some() {
            if let Err(error) = self.write_node_files(dir) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the node's certificate could not be renewed"
                );
            }
        }
    }

    fn params(&self, name: &str, life: Duration) -> CertificateParams {
        params(&self.clock, name, life)
    }

    fn issue(&self, params: &CertificateParams) -> Result<(String, KeyPair), CaError> {
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key))
    }
}

/// The node a verified certificate was issued to.
pub fn node_of(cert: &CertificateDer<'_>) -> Option<NodeId> {
    let (_, cert) = x509_parser::parse_x509_certificate(cert).ok()?;
    let names = cert.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        x509_parser::extensions::GeneralName::URI(uri) => uri.strip_prefix(NODE_URI)?.parse().ok(),
        _ => None,
    })
}

fn params(clock: &Clock, name: &str, life: Duration) -> CertificateParams {
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(clock.now_ms()).unwrap_or(0));
    let mut params = CertificateParams::default();
    params.not_before = (now - BACKDATE).into();
    params.not_after = (now + life).into();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

fn create(clock: &Clock) -> Result<String, CaError> {
    let mut params = params(clock, "Biplane relay CA", CA_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    Ok(params.self_signed(&key)?.pem() + &key.serialize_pem())
}

fn private_dir(dir: &Path) -> Result<(), CaError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| CaError::File { path: dir.to_owned(), source })
}

/// A reader sees the old file or the new one, whole.
fn write_private(path: &Path, text: &str) -> Result<(), CaError> {
    let fresh = path.with_extension("new");
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    write().map_err(|source| CaError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_kept_and_names_its_nodes() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("tls");
        let ca = RelayCa::load_or_create(&dir, Clock::system()).unwrap();
        let again = RelayCa::load_or_create(&dir, Clock::system()).unwrap();
        assert_eq!(ca.certificate(), again.certificate());
        assert!(!ca.certificate().contains("PRIVATE"));
        let files = again.write_node_files(&dir).unwrap();
        assert_eq!(files.node_id, ca.write_node_files(&dir).unwrap().node_id);
        let cert = CertificateDer::from_pem_file(&files.cert).unwrap();
        assert_eq!(node_of(&cert), Some(files.node_id));
        for file in ["relay-ca.key", "node.pem"] {
            assert_eq!(dir.join(file).metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        again.server_config().unwrap();
    }
}
