//! Connections to the relay: mutual TLS with the control plane's own CA.

use crate::NodeConfig;
use biplane_proto::channel::bound_silence;
use biplane_proto::preface::{PrefaceError, RELAY_NAME, Role};
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the relay could not be reached: {0}")]
    Io(std::io::Error),
    #[error(
        "a certificate is not valid now ({0}): the clock of this host or the control plane's is wrong, or the certificate was not renewed"
    )]
    Clock(rustls::Error),
    #[error("the relay did not answer in time")]
    Timeout,
    #[error("the certificate or key in {path} cannot be used")]
    Pem { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("the certificates cannot be used")]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    Preface(#[from] PrefaceError),
}

impl From<std::io::Error> for DialError {
    fn from(error: std::io::Error) -> Self {
        use rustls::{AlertDescription, CertificateError, Error};
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(
                found @ (Error::InvalidCertificate(
                    CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. },
                )
                | Error::AlertReceived(AlertDescription::CertificateExpired)),
            ) => Self::Clock(found.clone()),
            _ => Self::Io(error),
        }
    }
}

/// The TLS set-up of certain versions of the PEM files. It also carries the session tickets: a door
/// that opens often resumes instead of shaking hands in full.
struct Loaded {
    modified: [Option<SystemTime>; 3],
    connector: TlsConnector,
}

pub struct Dialer {
    relay: String,
    files: [PathBuf; 3],
    loaded: Mutex<Option<Loaded>>,
}

impl Dialer {
    pub fn new(config: &NodeConfig) -> Self {
        Self {
            relay: config.relay.clone(),
            files: [config.ca_cert.clone(), config.cert.clone(), config.key.clone()],
            loaded: Mutex::new(None),
        }
    }

    /// Opens a connection that begins with the preface of `role`.
    pub async fn dial(&self, role: &Role) -> Result<TlsStream<TcpStream>, DialError> {
        tokio::time::timeout(DIAL_TIMEOUT, self.connect(role))
            .await
            .map_err(|_| DialError::Timeout)?
    }

    async fn connect(&self, role: &Role) -> Result<TlsStream<TcpStream>, DialError> {
        let connector = self.connector()?;
        let tcp = TcpStream::connect(&self.relay).await?;
        tcp.set_nodelay(true)?;
        bound_silence(&tcp)?;
        // Whatever address the relay is reached at, its certificate says this name.
        let name = ServerName::try_from(RELAY_NAME).map_err(std::io::Error::other)?;
        let mut stream = connector.connect(name, tcp).await?;
        role.write(&mut stream).await?;
        Ok(stream)
    }

    fn connector(&self) -> Result<TlsConnector, DialError> {
        let modified =
            [0, 1, 2].map(|n| self.files[n].metadata().and_then(|data| data.modified()).ok());
        let mut loaded = self.loaded.lock();
        if let Some(loaded) = loaded.as_ref().filter(|loaded| loaded.modified == modified) {
            return Ok(loaded.connector.clone());
        }
        let connector = TlsConnector::from(Arc::new(self.load()?));
        *loaded = Some(Loaded { modified, connector: connector.clone() });
        Ok(connector)
    }

    fn load(&self) -> Result<rustls::ClientConfig, DialError> {
        let [ca, cert, key] = &self.files;
        let failed = |path: &PathBuf| {
            let path = path.clone();
            move |source| DialError::Pem { path, source }
        };
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca).map_err(failed(ca))?)?;
        let chain = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed(cert))?;
        let key_der = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key_der)?;
        Ok(config)
    }
}
