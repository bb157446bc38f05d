//! What makes a sandbox a member of a cluster: the control plane's order to its node. It holds the key
//! that the node, and never the sandbox, proves the membership with.

use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::mesh;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

pub const ALPN: &[u8] = b"biplane-mesh/1";
/// More ports than this are not found by name.
pub const PORTS_MAX: usize = 16;

/// As the control plane says it.
pub struct Order {
    /// A compute resource in one generation: a label of lower-case letters, digits and `-`.
    pub cluster: String,
    /// PEM: the cluster's own authority.
    pub authority: String,
    /// PEM: the member's certificate and its key.
    pub identity: String,
    /// The other members, each with the `host:port` of its node; None: that node takes no connections.
    pub peers: HashMap<SandboxId, Option<String>>,
    /// Where members find each other's programs by name.
    pub ports: Vec<u16>,
}

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("there is no such sandbox")]
    Gone,
    #[error("the name of the cluster is not one")]
    Name,
    #[error("a certificate or key cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("the certificates cannot be used")]
    Tls(#[from] rustls::Error),
    #[error("the certificates cannot be used")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    #[error("the certificate is not that of this sandbox in this cluster")]
    Identity,
    #[error("the certificate has expired")]
    Expired,
}

/// An order that was checked: what its member shows and asks for.
pub struct Membership {
    pub workspace_id: WorkspaceId,
    pub cluster: String,
    pub peers: HashMap<SandboxId, Option<String>>,
    pub ports: Vec<u16>,
    /// By the clock of this process: a host whose clock is turned back gains nothing.
    pub expires: Instant,
    pub server: Arc<ServerConfig>,
    pub client: Arc<ClientConfig>,
}

impl Membership {
    pub fn new(
        order: Order,
        workspace_id: WorkspaceId,
        sandbox_id: &SandboxId,
    ) -> Result<Self, OrderError> {
        let Order { cluster, authority, identity, mut peers, mut ports } = order;
        if !mesh::is_cluster(&cluster) {
            return Err(OrderError::Name);
        }
        let certificate = CertificateDer::from_pem_slice(identity.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(identity.as_bytes())?;
        let said = described(&certificate).ok_or(OrderError::Identity)?;
        if said.uri != mesh::uri(workspace_id, &cluster, sandbox_id) {
            return Err(OrderError::Identity);
        }
        let left = said.not_after.duration_since(SystemTime::now());
        let left = left.map_err(|_| OrderError::Expired)?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
        let server = server(roots.clone(), certificate.clone(), key.clone_key())?;
        let client = client(roots, certificate, key)?;
        peers.remove(sandbox_id);
        ports.retain(|port| *port >= 1024);
        ports.truncate(PORTS_MAX);
        let expires = Instant::now() + left;
        let (server, client) = (Arc::new(server), Arc::new(client));
        Ok(Self { workspace_id, cluster, peers, ports, expires, server, client })
    }

    pub fn valid(&self) -> bool {
        Instant::now() < self.expires
    }

    /// The member whose certificate this is. The authority was checked before; it has no other cluster.
    pub fn caller(&self, certificate: &CertificateDer<'_>) -> Option<SandboxId> {
        let said = described(certificate)?.uri;
        let sandbox_id: SandboxId = said.rsplit('/').next()?.parse().ok()?;
        let right = said == mesh::uri(self.workspace_id, &self.cluster, &sandbox_id);
        (right && self.peers.contains_key(&sandbox_id)).then_some(sandbox_id)
    }

    /// Whether both are of one cluster.
    pub fn joins(&self, other: &Self) -> bool {
        self.workspace_id == other.workspace_id && self.cluster == other.cluster
    }
}

pub fn tls_name(cluster: &str, sandbox_id: &SandboxId) -> Option<ServerName<'static>> {
    ServerName::try_from(mesh::server_name(cluster, sandbox_id)).ok()
}

struct Described {
    uri: String,
    not_after: SystemTime,
}

fn described(certificate: &CertificateDer<'_>) -> Option<Described> {
    use x509_parser::extensions::GeneralName;
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    });
    // With two of them it would be a matter of taste who it is.
    let (uri, None) = (uris.next()?, uris.next()) else {
        return None;
    };
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some(Described { uri, not_after: UNIX_EPOCH + Duration::from_secs(seconds) })
}

fn server(
    roots: RootCertStore,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, OrderError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would outlive the certificate it began with.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn client(
    roots: RootCertStore,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, OrderError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}
