//! Who comes to a node's mesh port and is no member: told no, and nobody inside hears of it.

use crate::mesh_bed::{Cluster, HOUR, Node, Sandbox, ends, patient, read_line};
use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::mesh::{server_name, uri};
use biplane_doors::Limits;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ClientConfig, Error, RootCertStore};
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

const HERE: WorkspaceId = WorkspaceId(7);

fn quick() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(500),
        hello_timeout: Duration::from_secs(2),
        ..Limits::default()
    }
}

/// A program of the attacker's own, with certificates of its choice.
struct Stranger<'a> {
    address: &'a str,
    trusts: &'a str,
    identity: Option<String>,
    name: String,
    old: bool,
}

impl Stranger<'_> {
    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.trusts.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions =
            if self.old { &[&rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let Some(identity) = &self.identity else {
            return config.with_no_client_auth();
        };
        let certificate = CertificateDer::from_pem_slice(identity.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.as_bytes()).unwrap();
        config.with_client_auth_cert(vec![certificate], key).unwrap()
    }

    /// What comes back to this first line.
    async fn says(&self, line: &str) -> io::Result<String> {
        let tcp = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let mut stream = TlsConnector::from(Arc::new(self.config())).connect(name, tcp).await?;
        stream.write_all(line.as_bytes()).await?;
        let mut got = String::new();
        let mut answer = [0];
        loop {
            match patient(stream.read(&mut answer)).await? {
                0 => return Ok(got),
                _ if answer[0] == b'\n' => return Ok(got),
                _ => got.push(char::from(answer[0])),
            }
        }
    }

    /// The alert that it is told, or how else it ends.
    async fn alert(&self) -> Result<AlertDescription, String> {
        match self.says("biplane-mesh/1 80\n").await {
            Ok(line) => Err(line),
            Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                Some(Error::AlertReceived(alert)) => Ok(*alert),
                _ => Err(error.to_string()),
            },
        }
    }
}

struct Bed {
    cluster: Cluster,
    other: Cluster,
    /// On the node that is attacked, and on another.
    a: Sandbox,
    b: Sandbox,
    stranger: Sandbox,
    came: tokio::sync::mpsc::UnboundedReceiver<String>,
    _nodes: [Node; 2],
}

impl Bed {
    async fn new() -> Self {
        let nodes = [Node::new(quick()).await, Node::new(quick()).await];
        let (a, b) = (nodes[0].sandbox(HERE), nodes[1].sandbox(HERE));
        let stranger = nodes[0].sandbox(HERE);
        let (cluster, other) = (Cluster::new(7, "c0ffee-1"), Cluster::new(7, "decade-1"));
        cluster.join(&[&a, &b]);
        other.join(&[&stranger]);
        let came = a.echo();
        Self { cluster, other, a, b, stranger, came, _nodes: nodes }
    }

    /// `b`, as its node would come to `a`; all of it can be changed.
    fn member(&self) -> Stranger<'_> {
        Stranger {
            address: &self.a.address,
            trusts: &self.cluster.authority,
            identity: Some(self.cluster.identity(&self.b.id, SystemTime::now() + HOUR)),
            name: server_name("c0ffee-1", &self.a.id),
            old: false,
        }
    }

    fn nobody_came(&mut self) {
        assert!(self.came.try_recv().is_err(), "somebody was let in");
    }
}

#[tokio::test]
async fn the_control_gets_in() {
    let mut bed = Bed::new().await;
    assert_eq!(bed.member().says("biplane-mesh/1 80\n").await.unwrap(), "ok");
    assert_eq!(patient(bed.came.recv()).await.unwrap(), format!("from {} 80", bed.b.id));
}

#[tokio::test]
async fn certificates_of_others_are_refused_in_tls() {
    use AlertDescription as Alert;
    let mut bed = Bed::new().await;
    let later = SystemTime::now() + HOUR;
    // The same names by an authority of the attacker's own.
    let forged = Cluster::new(7, "c0ffee-1").identity(&bed.b.id, later);
    let of_other = bed.other.identity(&bed.stranger.id, later);
    let past = bed.cluster.identity(&bed.b.id, SystemTime::now() - Duration::from_secs(60));
    for (identity, alert) in [
        (Some(forged), Alert::DecryptError),
        (Some(of_other), Alert::UnknownCA),
        (Some(past), Alert::CertificateExpired),
        (None, Alert::CertificateRequired),
    ] {
        let stranger = Stranger { identity, ..bed.member() };
        assert_eq!(stranger.alert().await, Ok(alert));
    }
    bed.nobody_came();
}

#[tokio::test]
async fn certificates_that_name_others_are_refused() {
    let mut bed = Bed::new().await;
    let later = SystemTime::now() + HOUR;
    let said = |workspace: i64, cluster: &str, id: &SandboxId| {
        let uri = uri(WorkspaceId(workspace), cluster, id);
        bed.cluster.certificate(&uri, &server_name(cluster, id), later)
    };
    let identities = [
        // Another workspace, another cluster, one that is no member, no sandbox at all.
        said(8, "c0ffee-1", &bed.b.id),
        said(7, "decade-1", &bed.b.id),
        said(7, "c0ffee-1", &SandboxId::random()),
        bed.cluster.certificate("biplane://node/x", "x.internal", later),
    ];
    for identity in identities {
        let stranger = Stranger { identity: Some(identity), ..bed.member() };
        let said = stranger.says("biplane-mesh/1 80\n").await.unwrap();
        assert_eq!(said, "no there is no such member in this cluster");
    }
    bed.nobody_came();
}

#[tokio::test]
async fn a_wrong_name_finds_nobody() {
    let mut bed = Bed::new().await;
    for name in [
        // A member of another cluster on this node, under its own name and under ours.
        server_name("decade-1", &bed.stranger.id),
        server_name("c0ffee-1", &bed.stranger.id),
        // A member that is elsewhere, one that is nowhere, an older generation.
        server_name("c0ffee-1", &bed.b.id),
        server_name("c0ffee-1", &SandboxId::random()),
        server_name("c0ffee-0", &bed.a.id),
        "relay.biplane.internal".into(),
        "127.0.0.1".into(),
    ] {
        let own = name == server_name("decade-1", &bed.stranger.id);
        let stranger = Stranger { name: name.clone(), ..bed.member() };
        let Err(error) = stranger.says("biplane-mesh/1 80\n").await else {
            panic!("{name} was answered");
        };
        let error = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match error {
            Some(Error::AlertReceived(AlertDescription::AccessDenied)) if !own => {}
            // That one answers, as somebody whom this authority does not know.
            Some(Error::InvalidCertificate(_)) if own => {}
            _ => panic!("{name}: {error:?}"),
        }
    }
    bed.nobody_came();
}

#[tokio::test]
async fn who_speaks_otherwise_is_not_heard() {
    let mut bed = Bed::new().await;
    let old = Stranger { old: true, ..bed.member() };
    assert_eq!(old.alert().await, Ok(AlertDescription::ProtocolVersion));
    for line in ["biplane/1 engine x\n", "connect x 80\n", "biplane-mesh/1 0\n", "GET / HTTP/1.1\n"]
    {
        let said = bed.member().says(line).await.unwrap();
        assert_eq!(said, "no the first line is not one of the mesh", "{line}");
    }
    assert_eq!(bed.member().says("biplane-m").await.unwrap(), "no nothing was said in time");
    for plain in [&b"biplane-mesh/1 80\n"[..], b"GET / HTTP/1.1\r\n\r\n", &[0; 64]] {
        let mut tcp = TcpStream::connect(&bed.a.address).await.unwrap();
        tcp.write_all(plain).await.unwrap();
        let answer = ends(&mut tcp).await;
        // Nothing, or an alert.
        assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    }
    // Half a handshake is waited for so long.
    let mut tcp = TcpStream::connect(&bed.a.address).await.unwrap();
    tcp.write_all(&[22, 3, 1]).await.unwrap();
    ends(&mut tcp).await;
    bed.nobody_came();
}

#[tokio::test]
async fn what_was_overheard_is_worth_nothing() {
    let mut bed = Bed::new().await;
    // Between the nodes stands somebody who writes down what goes by.
    let tap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tap.local_addr().unwrap().to_string();
    let real = bed.a.address.clone();
    let overheard = tokio::spawn(async move {
        let (mut client, _) = tap.accept().await.unwrap();
        let mut server = TcpStream::connect(real).await.unwrap();
        let (mut client_read, mut client_write) = client.split();
        let (mut server_read, mut server_write) = server.split();
        let mut heard = Vec::new();
        let listening = async {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = client_read.read(&mut bytes).await {
                heard.extend_from_slice(&bytes[..read]);
                if server_write.write_all(&bytes[..read]).await.is_err() {
                    break;
                }
            }
        };
        let back = async { tokio::io::copy(&mut server_read, &mut client_write).await };
        tokio::select! { () = listening => {}, _ = back => {} }
        heard
    });
    let mut order = bed.cluster.order(&bed.b.id, &[&bed.a], SystemTime::now() + HOUR);
    order.peers.insert(bed.a.id.clone(), Some(address));
    bed.b.set(Some(order)).unwrap();
    let (said, mut stream) = bed.b.connect(&bed.a, 80).await;
    assert_eq!(said, "ok");
    assert!(patient(bed.came.recv()).await.is_some());
    stream.write_all(b"secret").await.unwrap();
    patient(stream.read_exact(&mut [0; 6])).await.unwrap();
    drop(stream);
    let heard = patient(overheard).await.unwrap();
    for hidden in [&b"secret"[..], b"biplane-mesh/1 80"] {
        assert!(!heard.windows(hidden.len()).any(|window| window == hidden));
    }
    let mut tcp = TcpStream::connect(&bed.a.address).await.unwrap();
    tcp.write_all(&heard).await.unwrap();
    tcp.shutdown().await.unwrap();
    ends(&mut tcp).await;
    bed.nobody_came();
    // The same line again, by a member, is a new connection and nothing else.
    assert_eq!(bed.member().says("biplane-mesh/1 80\n").await.unwrap(), "ok");
    let mut again = bed.a.say("resolve x").await;
    assert_eq!(read_line(&mut again).await, "no there is no such member in this cluster");
}
