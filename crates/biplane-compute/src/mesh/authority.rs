//! The authority of every cluster: a key that follows from one key of the server and the cluster's name.
//! All replicas have the same, nothing of it is stored, and there are as many as there are clusters.

use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::mesh::{server_name, uri};
use biplane_platform::{ApiError, Clock, Db, Result, keys};
use hmac::{Hmac, Mac};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use sha2::Sha256;
use std::time::{Duration, UNIX_EPOCH};

/// Of a member's certificate. It is renewed at half of it.
pub const LIFE: Duration = Duration::from_secs(3600);
const AUTHORITY_LIFE: Duration = Duration::from_secs(86_400);
/// Clocks of hosts differ a little.
const BACKDATE: Duration = Duration::from_secs(300);
/// What comes before the 32 bytes of an Ed25519 key in PKCS #8.
const PKCS8_ED25519: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

pub struct Authorities {
    key: [u8; 32],
    clock: Clock,
}

/// Of one cluster.
pub struct Authority {
    workspace_id: WorkspaceId,
    cluster: String,
    clock: Clock,
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authorities {
    pub async fn load(db: &Db, clock: &Clock) -> Result<Self> {
        Ok(Self { key: keys::signing_key(db, clock, "mesh").await?, clock: clock.clone() })
    }

    pub fn of(&self, workspace_id: WorkspaceId, cluster: &str) -> Result<Authority> {
        let mut seed = Hmac::<Sha256>::new_from_slice(&self.key).map_err(ApiError::internal)?;
        seed.update(format!("mesh/{workspace_id}/{cluster}").as_bytes());
        let der = [PKCS8_ED25519, &seed.finalize().into_bytes()].concat();
        let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(der)).map_err(ApiError::internal)?;
        let name = format!("Biplane mesh {cluster} of {workspace_id}");
        let mut params = params(&self.clock, &name, AUTHORITY_LIFE);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).map_err(ApiError::internal)?.pem();
        Ok(Authority {
            workspace_id,
            cluster: cluster.to_owned(),
            clock: self.clock.clone(),
            certificate,
            issuer: Issuer::new(params, key),
        })
    }
}

impl Authority {
    /// PEM, for nodes to trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Certificate and key of a member, in one PEM text. Secret.
    pub fn issue(&self, sandbox_id: &SandboxId) -> Result<String> {
        let make = || {
            let mut params = params(&self.clock, sandbox_id.as_str(), LIFE);
            let name = server_name(&self.cluster, sandbox_id);
            let uri = uri(self.workspace_id, &self.cluster, sandbox_id);
            params.subject_alt_names =
                vec![SanType::DnsName(name.try_into()?), SanType::URI(uri.try_into()?)];
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::generate()?;
            Ok::<_, rcgen::Error>(
                params.signed_by(&key, &self.issuer)?.pem() + &key.serialize_pem(),
            )
        };
        make().map_err(ApiError::internal)
    }
}

fn params(clock: &Clock, name: &str, life: Duration) -> CertificateParams {
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(clock.now_ms()).unwrap_or(0));
    let mut params = CertificateParams::default();
    params.not_before = (now - BACKDATE).into();
    params.not_after = (now + life).into();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public key that a certificate carries.
    fn key(pem: &str) -> Vec<u8> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        pem.parse_x509().unwrap().public_key().raw.to_vec()
    }

    #[test]
    fn a_cluster_has_one_authority_on_every_replica_and_no_other_has_it() {
        let all = |key| Authorities { key, clock: Clock::system() };
        let of = |key, workspace, cluster| {
            let authority = all(key).of(WorkspaceId(workspace), cluster).unwrap();
            self::key(authority.certificate())
        };
        let one = of([1; 32], 7, "c0ffee-1");
        assert_eq!(one, of([1; 32], 7, "c0ffee-1"));
        for other in
            [of([2; 32], 7, "c0ffee-1"), of([1; 32], 8, "c0ffee-1"), of([1; 32], 7, "c0ffee-2")]
        {
            assert_ne!(one, other);
        }
        let authority = all([1; 32]).of(WorkspaceId(7), "c0ffee-1").unwrap();
        assert!(!authority.certificate().contains("PRIVATE"));
        let id = SandboxId::random();
        assert_ne!(authority.issue(&id).unwrap(), authority.issue(&id).unwrap());
    }
}
