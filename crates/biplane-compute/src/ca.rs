//! The control plane's own certificate authority: for the relay and the nodes, for nothing else. It is in the
//! database, so every server that has the same one is the same relay to nodes.
//!
//! A node certificate names the node and the admission it belongs to; possession of its key is what makes
//! a connection that node's. The key is made on the node and never leaves it. The relay's certificate is
//! made anew at every start.

use biplane_api::ids::NodeId;
use biplane_platform::{ApiError, Clock, Db, keys};
use biplane_proto::admission::JOIN_NAME;
use biplane_proto::preface::RELAY_NAME;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
    SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

const CA_LIFE: Duration = Duration::from_secs(20 * 365 * 86_400);
const RELAY_LIFE: Duration = Duration::from_secs(90 * 86_400);
/// Clocks of hosts differ a little.
const BACKDATE: Duration = Duration::from_secs(300);
const KEY_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
/// Among the keys of the server.
const STORED: &str = "relay_authority";
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
    #[error("a certificate and a key are not both there")]
    Incomplete,
    #[error("the authority cannot be read from or written to the database")]
    Database(#[from] ApiError),
}

pub struct RelayCa {
    cert_pem: String,
    issuer: Issuer<'static, KeyPair>,
    clock: Clock,
}

/// Whom a certificate of a node belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeName {
    pub node_id: NodeId,
    /// Of a node that joined again, certificates from before are not good.
    pub admission: String,
    /// Milliseconds since the epoch.
    pub expires_at: i64,
}

/// A key that a node asks a certificate for, and proved to have.
pub struct SigningRequest(CertificateSigningRequestParams);

/// How the relay speaks TLS: with nodes, and with those that want to be one.
#[derive(Clone)]
pub(crate) struct RelayTls {
    pub nodes: Arc<rustls::ServerConfig>,
    /// Without a client certificate.
    pub joining: Arc<rustls::ServerConfig>,
}

impl SigningRequest {
    pub fn read(der: &[u8]) -> Result<Self, CaError> {
        Ok(Self(CertificateSigningRequestParams::from_der(&der.into())?))
    }

    /// SHA-256 of the key, in hex.
    pub fn key_hash(&self) -> String {
        hex(&Sha256::digest(self.0.public_key.der_bytes()))
    }
}

impl RelayCa {
    /// The authority of all servers of this database, made by the first. Its certificate goes to `dir`, for
    /// those who trust it; a key that was kept there by an earlier version is taken over.
    pub async fn load(db: &Db, dir: &Path, clock: Clock) -> Result<Self, CaError> {
        private_dir(dir)?;
        let file = dir.join("relay-ca.key");
        let earlier = match std::fs::read_to_string(&file) {
            Ok(pem) => Some(pem),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(CaError::File { path: file, source }),
        };
        let pem = match keys::find(db, STORED).await? {
            Some(pem) => pem,
            None => {
                let fresh = earlier.clone().map_or_else(|| create(&clock), Ok)?;
                keys::stored(db, &clock, STORED, || fresh).await?
            }
        };
        let ca = Self::read(&pem, clock)?;
        write_private(&dir.join("relay-ca.pem"), &ca.cert_pem)?;
        if earlier.is_some_and(|earlier| earlier == pem) {
            std::fs::remove_file(&file).map_err(|source| CaError::File { path: file, source })?;
        }
        Ok(ca)
    }

    fn read(pem: &str, clock: Clock) -> Result<Self, CaError> {
        let (cert_pem, key_pem) = pem
            .split_once(KEY_BEGIN)
            .map(|(cert, key)| (cert.to_owned(), format!("{KEY_BEGIN}{key}")))
            .ok_or(CaError::Incomplete)?;
        let issuer = Issuer::from_ca_cert_pem(&cert_pem, KeyPair::from_pem(&key_pem)?)?;
        Ok(Self { cert_pem, issuer, clock })
    }

    /// PEM, for nodes to trust.
    pub fn certificate(&self) -> &str {
        &self.cert_pem
    }

    /// DER.
    pub fn certificate_der(&self) -> Result<CertificateDer<'static>, CaError> {
        Ok(CertificateDer::from_pem_slice(self.cert_pem.as_bytes())?)
    }

    /// SHA-256 of the certificate: what a host that joins knows it by.
    pub fn pin(&self) -> Result<[u8; 32], CaError> {
        Ok(Sha256::digest(self.certificate_der()?).into())
    }

    /// TLS of the relay with a fresh certificate. The authority's own goes along, for those who know its pin.
    pub(crate) fn relay_tls(&self) -> Result<RelayTls, CaError> {
        let mut params = self.params(RELAY_NAME, RELAY_LIFE);
        let names = [RELAY_NAME, JOIN_NAME].map(|name| Ok(SanType::DnsName(name.try_into()?)));
        params.subject_alt_names = names.into_iter().collect::<Result<_, rcgen::Error>>()?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let chain = vec![params.signed_by(&key, &self.issuer)?.into(), self.certificate_der()?];
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate_der()?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            roots.into(),
            provider.clone(),
        )
        .build()?;
        let builder = || {
            rustls::ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(&[&rustls::version::TLS13])
        };
        let nodes = builder()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())?;
        let joining = builder()?.with_no_client_auth().with_single_cert(chain, key)?;
        Ok(RelayTls { nodes: Arc::new(nodes), joining: Arc::new(joining) })
    }

    /// The certificate of a node, in DER. Of the request only the key counts.
    pub fn sign_node(
        &self,
        request: &SigningRequest,
        node_id: &NodeId,
        admission: &str,
        life: Duration,
    ) -> Result<CertificateDer<'static>, CaError> {
        let mut params = self.params(node_id.as_str(), life);
        let name = format!("{NODE_URI}{node_id}/{admission}");
        params.subject_alt_names = vec![SanType::URI(name.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok(params.signed_by(&request.0.public_key, &self.issuer)?.into())
    }

    fn params(&self, name: &str, life: Duration) -> CertificateParams {
        params(&self.clock, name, life)
    }
}

/// The node that a verified certificate was issued to.
pub fn node_of(cert: &CertificateDer<'_>) -> Option<NodeName> {
    let (_, cert) = x509_parser::parse_x509_certificate(cert).ok()?;
    let names = cert.subject_alternative_name().ok()??;
    let expires_at = cert.validity().not_after.timestamp().saturating_mul(1000);
    names.value.general_names.iter().find_map(|name| {
        let x509_parser::extensions::GeneralName::URI(uri) = name else {
            return None;
        };
        let (node_id, admission) = uri.strip_prefix(NODE_URI)?.split_once('/')?;
        Some(NodeName { node_id: node_id.parse().ok()?, admission: admission.into(), expires_at })
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    use biplane_platform::testing::TestDb;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn it_is_that_of_the_database_wherever_a_server_runs() {
        let test = TestDb::new(&[crate::MIGRATIONS]).await.unwrap();
        let clock = || Clock::fixed(1_700_000_000_000);
        let [one, two] = ["one", "two"].map(|name| test.dir().join(name));
        let load = async |dir: &Path| RelayCa::load(&test.db, dir, clock()).await.unwrap();
        let (ca, again) = (load(&one).await, load(&two).await);
        assert_eq!(
            (ca.certificate(), ca.pin().unwrap()),
            (again.certificate(), again.pin().unwrap())
        );
        assert!(!ca.certificate().contains("PRIVATE"));
        let file = two.join("relay-ca.pem");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), ca.certificate());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        again.relay_tls().unwrap();
    }

    #[tokio::test]
    async fn a_key_that_was_kept_in_a_file_is_taken_over() {
        let test = TestDb::new(&[crate::MIGRATIONS]).await.unwrap();
        let dir = test.dir().join("tls");
        private_dir(&dir).unwrap();
        let pem = create(&Clock::system()).unwrap();
        write_private(&dir.join("relay-ca.key"), &pem).unwrap();
        let ca = RelayCa::load(&test.db, &dir, Clock::system()).await.unwrap();
        assert!(pem.starts_with(ca.certificate()));
        assert!(!dir.join("relay-ca.key").exists());
        let again = RelayCa::load(&test.db, &dir, Clock::system()).await.unwrap();
        assert_eq!(again.certificate(), ca.certificate());
    }

    #[test]
    fn of_a_request_only_the_key_counts() {
        let clock = Clock::fixed(1_700_000_000_000);
        let ca = RelayCa::read(&create(&clock).unwrap(), clock).unwrap();
        let (key, node_id) = (KeyPair::generate().unwrap(), NodeId::random());
        let mut wished = params(&Clock::system(), "root", CA_LIFE);
        // A request cannot name who signs it.
        wished.use_authority_key_identifier_extension = false;
        wished.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let other = format!("{NODE_URI}{}/x", NodeId::random());
        wished.subject_alt_names = vec![SanType::URI(other.try_into().unwrap())];
        let request = wished.serialize_request(&key).unwrap();
        let mut forged = request.der().to_vec();
        let request = SigningRequest::read(request.der()).unwrap();
        let cert = ca.sign_node(&request, &node_id, "a1", Duration::from_secs(60)).unwrap();
        let name = NodeName { node_id, admission: "a1".into(), expires_at: 1_700_000_060_000 };
        assert_eq!(node_of(&cert), Some(name));
        let (_, read) = x509_parser::parse_x509_certificate(&cert).unwrap();
        assert!(!read.is_ca());
        assert_eq!(read.public_key().subject_public_key.data, key.der_bytes());
        // Who does not have the key cannot ask for it.
        *forged.last_mut().unwrap() ^= 1;
        assert!(SigningRequest::read(&forged).is_err());
    }
}
