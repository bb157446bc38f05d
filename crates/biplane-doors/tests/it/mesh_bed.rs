//! Clusters with an authority each, and nodes whose sandboxes belong to them.

use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::mesh::{server_name, uri};
use biplane_api::network::EgressProduct;
use biplane_doors::mesh::{Mesh, Order, OrderError};
use biplane_doors::{EventLog, Identity, Limits, Meter, Recorder};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio_util::sync::CancellationToken;

pub const HOUR: Duration = Duration::from_secs(3600);

pub struct Cluster {
    pub workspace: WorkspaceId,
    pub name: String,
    pub authority: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Cluster {
    pub fn new(workspace: i64, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { workspace: WorkspaceId(workspace), name: name.to_owned(), authority, issuer }
    }

    /// A certificate of this authority that says what is wanted, and its key.
    pub fn certificate(&self, uri: &str, name: &str, until: SystemTime) -> String {
        let mut params = CertificateParams::default();
        params.subject_alt_names =
            vec![SanType::DnsName(name.try_into().unwrap()), SanType::URI(uri.try_into().unwrap())];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = (SystemTime::now() - HOUR).into();
        params.not_after = until.into();
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().pem() + &key.serialize_pem()
    }

    pub fn identity(&self, id: &SandboxId, until: SystemTime) -> String {
        let uri = uri(self.workspace, &self.name, id);
        self.certificate(&uri, &server_name(&self.name, id), until)
    }

    /// Makes a sandbox a member beside these.
    pub fn order(&self, of: &SandboxId, members: &[&Sandbox], until: SystemTime) -> Order {
        let peers: HashMap<SandboxId, Option<String>> =
            members.iter().map(|one| (one.id.clone(), Some(one.address.clone()))).collect();
        Order {
            cluster: self.name.clone(),
            authority: self.authority.clone(),
            identity: self.identity(of, until),
            peers,
            ports: Vec::new(),
        }
    }

    /// Makes all of them members.
    pub fn join(&self, members: &[&Sandbox]) {
        for member in members {
            let order = self.order(&member.id, members, SystemTime::now() + HOUR);
            member.set(Some(order)).unwrap();
        }
    }
}

pub struct Node {
    pub mesh: Arc<Mesh>,
    pub address: String,
    closed: CancellationToken,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl Node {
    pub async fn new(limits: Limits) -> Self {
        let mesh = Mesh::new(limits).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let closed = CancellationToken::new();
        tokio::spawn(mesh.clone().listen(listener, closed.clone()));
        Self { mesh, address, closed }
    }

    pub fn sandbox(&self, workspace: WorkspaceId) -> Sandbox {
        let dir = tempfile::tempdir().unwrap();
        for part in ["doors", "work"] {
            std::fs::create_dir(dir.path().join(part)).unwrap();
        }
        let listener = biplane_doors::open(&dir.path().join("doors"), "mesh.sock").unwrap();
        let identity = Identity {
            sandbox_id: SandboxId::random(),
            workspace_id: workspace,
            product: EgressProduct::Other,
        };
        let (meter, closed) = (Arc::<Meter>::default(), self.closed.child_token());
        let recorder = Arc::new(Recorder::new(identity, Arc::<EventLog>::default()));
        self.mesh.keep(recorder.clone(), listener, meter.clone(), closed.clone());
        let (id, mesh) = (recorder.identity().sandbox_id.clone(), self.mesh.clone());
        Sandbox { id, mesh, address: self.address.clone(), dir, meter, recorder, closed }
    }
}

pub struct Sandbox {
    pub id: SandboxId,
    pub mesh: Arc<Mesh>,
    pub address: String,
    pub meter: Arc<Meter>,
    pub recorder: Arc<Recorder>,
    pub closed: CancellationToken,
    pub dir: tempfile::TempDir,
}

impl Sandbox {
    pub fn set(&self, order: Option<Order>) -> Result<(), OrderError> {
        self.mesh.set(&self.id, order)
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("doors/mesh.sock")
    }

    /// Says this at the door.
    pub async fn say(&self, line: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.path()).await.unwrap();
        // Refused before it spoke, it finds why when it reads.
        let _ = stream.write_all(format!("{line}\n").as_bytes()).await;
        stream
    }

    /// What the door answers, and the stream for what follows.
    pub async fn ask(&self, line: &str) -> (String, UnixStream) {
        let mut stream = self.say(line).await;
        (read_line(&mut stream).await, stream)
    }

    pub async fn connect(&self, to: &Sandbox, port: u16) -> (String, UnixStream) {
        self.ask(&format!("connect {} {port}", to.id)).await
    }

    /// A program that sends back what it gets, to any port; who came is told on the channel.
    pub fn echo(&self) -> tokio::sync::mpsc::UnboundedReceiver<String> {
        let (told, came) = tokio::sync::mpsc::unbounded_channel();
        let path = self.path();
        tokio::spawn(async move {
            while let Ok(mut stream) = UnixStream::connect(&path).await {
                stream.write_all(b"accept *\n").await.unwrap();
                let line = read_line(&mut stream).await;
                if line.is_empty() || told.send(line).is_err() {
                    return;
                }
                tokio::spawn(async move {
                    let _ = stream.write_all(b"ok\n").await;
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                    let _ = write.shutdown().await;
                });
            }
        });
        came
    }
}

/// Up to the end of the line or of the stream.
pub async fn read_line<R: AsyncRead + Unpin>(stream: &mut R) -> String {
    let mut line = Vec::new();
    let reading = async {
        while let Ok(byte) = stream.read_u8().await {
            if byte == b'\n' {
                break;
            }
            line.push(byte);
        }
    };
    patient(reading).await;
    String::from_utf8(line).unwrap()
}

/// Until the stream ends, however it does.
pub async fn ends<R: AsyncRead + Unpin>(stream: &mut R) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = patient(stream.read_to_end(&mut bytes)).await;
    bytes
}

pub async fn patient<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time")
}
