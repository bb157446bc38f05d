//! Connections to the relay: mutual TLS with the control plane's own CA. A host that joins has no
//! certificate yet, and knows the CA by its pin.

use crate::NodeError;
use crate::identity::Identity;
use crate::proxy::{ProxyError, Route};
use biplane_proto::admission::JOIN_NAME;
use biplane_proto::channel::bound_silence;
use biplane_proto::preface::{PrefaceError, RELAY_NAME, Refusal, Role, Verdict};
use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error(transparent)]
    Route(#[from] ProxyError),
    #[error("the connection to the relay failed")]
    Io(#[source] io::Error),
    #[error("the relay, or the proxy before it, did not answer in time")]
    Timeout,
    #[error("the relay is not the one that the token was made for")]
    Stranger,
    #[error(
        "the certificate of the relay is not valid now ({0}): is the clock of this host right?"
    )]
    Clock(rustls::Error),
    #[error("this node has no certificate yet")]
    NoIdentity,
    #[error(transparent)]
    Refused(Refusal),
    #[error(transparent)]
    Preface(PrefaceError),
}

impl DialError {
    pub fn from_io(error: io::Error) -> Self {
        use rustls::{CertificateError, Error};
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::AlertReceived(AlertDescription::CertificateExpired)) => {
                Self::Refused(Refusal::Expired)
            }
            Some(
                found @ Error::InvalidCertificate(
                    CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. },
                ),
            ) => Self::Clock(found.clone()),
            _ => Self::Io(error),
        }
    }

    fn from_preface(error: PrefaceError) -> Self {
        match error {
            PrefaceError::Io(error) => Self::from_io(error),
            other => Self::Preface(other),
        }
    }
}

pub struct Dialer {
    relay: String,
    route: Route,
    patience: Duration,
    /// With the certificate that holds now. It also carries the session tickets: a door that opens often
    /// resumes instead of shaking hands in full.
    connector: Mutex<Option<TlsConnector>>,
    line: Mutex<CancellationToken>,
}

impl Dialer {
    pub fn new(relay: String, route: Route, patience: Duration) -> Self {
        Self { relay, route, patience, connector: Mutex::default(), line: Mutex::default() }
    }

    /// How long an answer may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// From now on connections are this node's.
    pub fn set(&self, identity: &Identity) -> Result<(), NodeError> {
        let mut roots = RootCertStore::empty();
        roots.add(identity.authority().map_err(NodeError::Identity)?)?;
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![identity.certificate().map_err(NodeError::Identity)?],
                identity.key().map_err(NodeError::Identity)?,
            )?;
        *self.connector.lock() = Some(TlsConnector::from(Arc::new(config)));
        Ok(())
    }

    /// Opens a connection that begins with the preface of `role`.
    pub async fn dial(&self, role: &Role) -> Result<TlsStream<TcpStream>, DialError> {
        let connector = self.connector.lock().clone().ok_or(DialError::NoIdentity)?;
        self.timely(self.connect(connector, RELAY_NAME, role)).await
    }

    /// The connection that the node serves on, once it was welcomed.
    pub async fn dial_as_node(&self, role: &Role) -> Result<TlsStream<TcpStream>, DialError> {
        let mut stream = self.dial(role).await?;
        let verdict = async { Verdict::read(&mut stream).await.map_err(DialError::from_preface) };
        match self.timely(verdict).await? {
            Verdict::Welcome => Ok(stream),
            Verdict::Refused(refusal) => Err(DialError::Refused(refusal)),
        }
    }

    /// Of a host that has no certificate, to a relay that has the pinned one.
    pub async fn dial_joining(
        &self,
        pin: [u8; 32],
        role: &Role,
    ) -> Result<TlsStream<TcpStream>, DialError> {
        let verifier = Arc::new(Pinned { pin, provider: provider() });
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| DialError::Io(io::Error::other(error)))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        let connecting = self.connect(TlsConnector::from(Arc::new(config)), JOIN_NAME, role);
        self.timely(connecting).await.map_err(|error| match tls_error(&error) {
            Some(rustls::Error::InvalidCertificate(_)) => DialError::Stranger,
            _ => error,
        })
    }

    async fn connect(
        &self,
        connector: TlsConnector,
        name: &'static str,
        role: &Role,
    ) -> Result<TlsStream<TcpStream>, DialError> {
        let tcp = self.route.connect(&self.relay).await?;
        bound_silence(&tcp).map_err(DialError::Io)?;
        // Whatever address the relay is reached at, its certificate says this name.
        let name = ServerName::try_from(name).map_err(io::Error::other).map_err(DialError::Io)?;
        let mut stream = connector.connect(name, tcp).await.map_err(DialError::from_io)?;
        role.write(&mut stream).await.map_err(DialError::from_preface)?;
        Ok(stream)
    }

    async fn timely<T>(
        &self,
        attempt: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        tokio::time::timeout(self.patience, attempt).await.map_err(|_| DialError::Timeout)?
    }

    /// Cancelled when all that was connected before is to be taken for dead.
    pub fn line(&self) -> CancellationToken {
        self.line.lock().clone()
    }

    /// The line is dead without having said so: connections on it end, and begin anew.
    pub fn cut(&self) {
        std::mem::take(&mut *self.line.lock()).cancel();
    }
}

fn tls_error(error: &DialError) -> Option<&rustls::Error> {
    match error {
        DialError::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Believes whom the authority with this pin vouches for.
#[derive(Debug)]
struct Pinned {
    /// SHA-256 of the authority's certificate.
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned = |cert: &&CertificateDer<'_>| Sha256::digest(cert)[..] == self.pin[..];
        let unknown = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let authority = intermediates.iter().find(pinned).ok_or_else(unknown)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(roots.into(), self.provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
