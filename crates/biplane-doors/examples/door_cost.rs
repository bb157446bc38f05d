//! What a door costs beside loopback TCP, all in one run: `door_cost [MIB]`.
//!
//! Throughput of a stream towards a server that swallows it, and round trips of 64 bytes.

use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::mesh as names;
use biplane_api::network::{EgressPolicy, EgressProduct};
use biplane_doors::egress::Egress;
use biplane_doors::mesh::{Mesh, Order};
use biplane_doors::{EventLog, HostNetwork, Identity, Limits, Operator, Policy, Recorder};
use biplane_forwarder::{EGRESS_DOOR, Entry, Listeners, MESH_DOOR, Route};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const CHUNK_BYTES: usize = 256 << 10;
const ROUND_TRIPS: usize = 5000;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The first byte says what is wanted: `e`cho, or swallow until the end and answer with one byte.
async fn serve(mut stream: impl Stream) -> std::io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let echo = stream.read_u8().await? == b'e';
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return stream.write_all(b"!").await;
        }
        if echo {
            stream.write_all(&buffer[..read]).await?;
        }
    }
}

async fn servers(dir: &Path) -> Result<std::net::SocketAddr> {
    let (tcp, unix) =
        (TcpListener::bind("127.0.0.1:0").await?, UnixListener::bind(dir.join("plain.sock"))?);
    let address = tcp.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = tcp.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(serve(stream));
        }
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = unix.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Ok(address)
}

fn door(dir: &Path) -> Result<()> {
    let identity = Identity {
        sandbox_id: SandboxId::random(),
        workspace_id: WorkspaceId(1),
        product: EgressProduct::Other,
    };
    let policy = Policy {
        egress: EgressPolicy::full_access("bench"),
        product: EgressProduct::Other,
        operator: Operator { ranges: vec!["127.0.0.0/8".parse()?], ports: Vec::new() },
    };
    let (kept, policy) = watch::channel(Arc::new(policy));
    // For as long as the process lives.
    std::mem::forget(kept);
    let egress = Egress {
        recorder: Arc::new(Recorder::new(identity, Arc::<EventLog>::default())),
        policy,
        limits: Limits::default(),
        meter: Arc::default(),
        outside: Arc::new(HostNetwork::default()),
    };
    let listener = biplane_doors::open(dir, EGRESS_DOOR)?;
    tokio::spawn(Arc::new(egress).keep(listener, CancellationToken::new()));
    Ok(())
}

/// Two members of a cluster, each at the door of a node of its own; who calls, and what it calls.
async fn mesh(dir: &Path, apart: bool) -> Result<(PathBuf, SandboxId)> {
    let (cluster, workspace_id) = ("bench-1", WorkspaceId(1));
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = rcgen::Issuer::new(params, key);
    let members = [SandboxId::random(), SandboxId::random()];
    let first = Mesh::new(Limits::default())?;
    let meshes = [first.clone(), if apart { Mesh::new(Limits::default())? } else { first }];
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(meshes[1].clone().listen(listener, CancellationToken::new()));
    let mut doors = Vec::new();
    for (id, mesh) in members.iter().zip(&meshes) {
        let home = dir.join(id.as_str());
        std::fs::create_dir(&home)?;
        let product = EgressProduct::Other;
        let identity = Identity { sandbox_id: id.clone(), workspace_id, product };
        let listener = biplane_doors::open(&home, MESH_DOOR)?;
        let recorder = Arc::new(Recorder::new(identity, Arc::<EventLog>::default()));
        mesh.keep(recorder, listener, Arc::default(), CancellationToken::new());
        let mut params = rcgen::CertificateParams::new([names::server_name(cluster, id)])?;
        let uri = names::uri(workspace_id, cluster, id);
        params.subject_alt_names.push(rcgen::SanType::URI(uri.try_into()?));
        let key = rcgen::KeyPair::generate()?;
        let order = Order {
            cluster: cluster.to_owned(),
            authority: authority.clone(),
            identity: params.signed_by(&key, &issuer)?.pem() + &key.serialize_pem(),
            peers: members.iter().map(|id| (id.clone(), Some(address.clone()))).collect(),
            ports: Vec::new(),
        };
        mesh.set(id, Some(order))?;
        doors.push(home.join(MESH_DOOR));
    }
    let [calls, accepts] = [doors.remove(0), doors.remove(0)];
    tokio::spawn(async move {
        while let Ok(mut stream) = UnixStream::connect(&accepts).await {
            let _ = stream.write_all(b"accept *\n").await;
            if line(&mut stream).await.is_ok() && stream.write_all(b"ok\n").await.is_ok() {
                tokio::spawn(serve(stream));
            }
        }
    });
    Ok((calls, members[1].clone()))
}

async fn line(stream: &mut UnixStream) -> std::io::Result<String> {
    let mut line = String::new();
    loop {
        match stream.read_u8().await? {
            b'\n' => return Ok(line),
            byte => line.push(char::from(byte)),
        }
    }
}

async fn member((door, to): &(PathBuf, SandboxId)) -> Result<UnixStream> {
    let mut stream = UnixStream::connect(door).await?;
    stream.write_all(format!("connect {to} 1\n").as_bytes()).await?;
    match line(&mut stream).await?.as_str() {
        "ok" => Ok(stream),
        refused => Err(refused.into()),
    }
}

fn forwarder(dir: &Path) -> Result<std::net::SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let entries = vec![Entry { listener, route: Route::Plain, door: dir.join(EGRESS_DOOR) }];
    std::thread::spawn(move || {
        biplane_forwarder::run(&Listeners { entries, names: None, mesh: None })
    });
    Ok(address)
}

/// Through a proxy to the server.
async fn tunnel<S: Stream>(mut stream: S, server: std::net::SocketAddr) -> Result<S> {
    stream.write_all(format!("CONNECT {server} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    match head.starts_with(b"HTTP/1.1 200") {
        true => Ok(stream),
        false => Err(String::from_utf8_lossy(&head).into()),
    }
}

async fn throughput(mut stream: Box<dyn Stream>, bytes: usize) -> Result<f64> {
    let chunk = vec![7; CHUNK_BYTES];
    let start = Instant::now();
    stream.write_all(b"s").await?;
    for _ in 0..bytes / CHUNK_BYTES {
        stream.write_all(&chunk).await?;
    }
    stream.shutdown().await?;
    stream.read_u8().await?;
    Ok(bytes as f64 / 1e6 / start.elapsed().as_secs_f64())
}

async fn round_trips(mut stream: Box<dyn Stream>) -> Result<(f64, f64)> {
    stream.write_all(b"e").await?;
    let mut bytes = [7; 64];
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let start = Instant::now();
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[ROUND_TRIPS / 2], times[ROUND_TRIPS * 99 / 100]))
}

#[tokio::main]
async fn main() -> Result<()> {
    let mib: usize = std::env::args().nth(1).map_or(Ok(1024), |text| text.parse())?;
    let dir = std::env::temp_dir().join(format!("door-cost-{}", std::process::id()));
    std::fs::create_dir(&dir)?;
    let server = servers(&dir).await?;
    door(&dir)?;
    let forwarder = forwarder(&dir)?;
    println!("| path | MB/s | RTT p50 us | RTT p99 us |\n|---|---|---|---|");
    let (here, there) = (mesh(&dir, false).await?, mesh(&dir, true).await?);
    let paths = [
        "loopback TCP",
        "Unix socket",
        "door, proxy, TCP",
        "forwarder, door, proxy, TCP",
        "mesh on one node",
        "mesh between two nodes, TLS",
    ];
    for (n, name) in paths.into_iter().enumerate() {
        let open = || async {
            let stream: Box<dyn Stream> = match n {
                0 => {
                    let stream = TcpStream::connect(server).await?;
                    stream.set_nodelay(true)?;
                    Box::new(stream)
                }
                1 => Box::new(UnixStream::connect(dir.join("plain.sock")).await?),
                2 => Box::new(
                    tunnel(UnixStream::connect(dir.join(EGRESS_DOOR)).await?, server).await?,
                ),
                4 => Box::new(member(&here).await?),
                5 => Box::new(member(&there).await?),
                _ => {
                    let stream = TcpStream::connect(forwarder).await?;
                    stream.set_nodelay(true)?;
                    Box::new(tunnel(stream, server).await?)
                }
            };
            Ok::<_, Box<dyn Error + Send + Sync>>(stream)
        };
        // The best of three: what others do on this machine only slows it.
        let mut best = 0.0_f64;
        for _ in 0..3 {
            best = best.max(throughput(open().await?, mib << 20).await?);
        }
        let (middle, most) = round_trips(open().await?).await?;
        println!("| {name} | {best:.0} | {middle:.0} | {most:.0} |");
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
