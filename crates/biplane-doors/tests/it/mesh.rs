//! The mesh as programs in sandboxes use it, on one node and between two.

use crate::mesh_bed::{Cluster, HOUR, Node, Sandbox, ends, patient};
use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::mesh::{server_name, uri};
use biplane_doors::Limits;
use biplane_doors::mesh::OrderError;
use biplane_forwarder::Listeners;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, UnixStream};

const HERE: WorkspaceId = WorkspaceId(7);

fn quick() -> Limits {
    Limits {
        connections_max: 6,
        head_timeout: Duration::from_millis(300),
        hello_timeout: Duration::from_millis(300),
        ..Limits::default()
    }
}

async fn echoes(stream: UnixStream, bytes: usize) {
    let data: Vec<u8> = (0..bytes).map(|n| n.to_le_bytes()[0]).collect();
    let (mut read, mut write) = stream.into_split();
    let sent = data.clone();
    let sending = tokio::spawn(async move {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    patient(read.read_to_end(&mut got)).await.unwrap();
    sending.await.unwrap();
    assert!(got == data, "the bytes arrive as they went");
}

#[tokio::test]
async fn members_talk_on_one_node_and_between_two() {
    let (one, two) = (Node::new(Limits::default()).await, Node::new(Limits::default()).await);
    let (a, b, c) = (one.sandbox(HERE), one.sandbox(HERE), two.sandbox(HERE));
    Cluster::new(7, "c0ffee-1").join(&[&a, &b, &c]);
    let (mut to_b, mut to_c) = (b.echo(), c.echo());
    for (from, to, came) in [(&a, &b, 0), (&a, &c, 1), (&c, &b, 0)] {
        let came = [&mut to_b, &mut to_c].into_iter().nth(came).unwrap();
        for port in [7077, 7078] {
            let (said, stream) = from.connect(to, port).await;
            assert_eq!(said, "ok");
            // Whatever a caller says, this comes from the nodes.
            let caller = patient(came.recv()).await.unwrap();
            assert_eq!(caller, format!("from {} {port}", from.id));
            echoes(stream, 1_000_000).await;
        }
    }
    let (sent, got) = (a.meter.usage(), c.meter.usage());
    assert!(sent.bytes_sent >= 4_000_000 && sent.connections == 4, "{sent:?}");
    assert!(got.bytes_received >= 4_000_000 && got.connections == 4, "{got:?}");
}

#[tokio::test]
async fn who_waits_for_a_port_gets_its_connections() {
    let (one, two) = (Node::new(Limits::default()).await, Node::new(quick()).await);
    let (a, b) = (one.sandbox(HERE), two.sandbox(HERE));
    Cluster::new(7, "c0ffee-1").join(&[&a, &b]);
    let mut any = b.say("accept *").await;
    let mut exact = b.say("accept 4040").await;
    let calling = a.connect(&b, 4040);
    let taking = async {
        let line = crate::mesh_bed::read_line(&mut exact).await;
        assert_eq!(line, format!("from {} 4040", a.id));
        exact.write_all(b"no I am \x1b[1mbusy\n").await.unwrap();
    };
    let ((said, _), ()) = tokio::join!(calling, taking);
    assert_eq!(said, "no I am [1mbusy");
    // Gone before it was called: the next one is.
    drop(b.say("accept 4041").await);
    let calling = a.connect(&b, 4041);
    let taking = async {
        let line = crate::mesh_bed::read_line(&mut any).await;
        assert_eq!(line, format!("from {} 4041", a.id));
        any.write_all(b"ok\nhello").await.unwrap();
    };
    let ((said, mut stream), ()) = tokio::join!(calling, taking);
    assert_eq!(said, "ok");
    let mut hello = [0; 5];
    patient(stream.read_exact(&mut hello)).await.unwrap();
    assert_eq!(&hello, b"hello");
    // One that took a call and then says nothing.
    let _silent = b.say("accept 4042").await;
    assert_eq!(a.connect(&b, 4042).await.0, "no nobody accepts there");
}

#[tokio::test]
async fn others_are_out_of_reach() {
    let (one, two) = (Node::new(quick()).await, Node::new(quick()).await);
    let (a, b) = (one.sandbox(HERE), two.sandbox(HERE));
    // Another cluster of the workspace and another workspace, on both nodes.
    let (c, d) = (one.sandbox(HERE), two.sandbox(WorkspaceId(8)));
    let nobody = one.sandbox(HERE);
    Cluster::new(7, "c0ffee-1").join(&[&a, &b]);
    Cluster::new(7, "decade-1").join(&[&c]);
    Cluster::new(8, "facade-1").join(&[&d]);
    let mut came = [a.echo(), b.echo(), nobody.echo()];
    let none = "no there is no such member in this cluster";
    for from in [&c, &d] {
        for to in [&a, &b, &nobody] {
            assert_eq!(from.connect(to, 80).await.0, none);
            assert_eq!(from.ask(&format!("resolve {}", to.id)).await.0, none);
        }
    }
    assert_eq!(a.connect(&nobody, 80).await.0, none);
    assert_eq!(a.ask("connect ../../x 80").await.0, none);
    assert_eq!(nobody.connect(&a, 80).await.0, "no this sandbox belongs to no cluster");
    // Whoever looks at what sandboxes tried sees it.
    let told = |of: &Sandbox| -> Vec<&'static str> {
        of.recorder.recent().iter().map(|event| event.reason.code()).collect()
    };
    assert_eq!(told(&nobody), ["no-cluster"]);
    assert_eq!(told(&c), ["not-a-member"; 6]);
    // What the door does not know is nothing that a sandbox could claim.
    for claim in ["as 7 connect x 80", "workspace 7", "from x 1", "connect x 80 workspace=7"] {
        assert_eq!(c.ask(claim).await.0, "no the first line is not one of the mesh", "{claim}");
    }
    // An order that names a stranger gives no way in: the stranger's node knows of nothing.
    let cluster = Cluster::new(8, "facade-1");
    let order = cluster.order(&d.id, &[&a, &b], SystemTime::now() + HOUR);
    d.set(Some(order)).unwrap();
    assert_eq!(d.connect(&b, 80).await.0, none);
    assert!(d.connect(&a, 80).await.0.starts_with("no TLS with the other node failed"));
    assert!(came.iter_mut().all(|came| came.try_recv().is_err()), "nobody was called");
}

#[tokio::test]
async fn connections_end_with_the_membership() {
    let (one, two) = (Node::new(Limits::default()).await, Node::new(Limits::default()).await);
    let cluster = Cluster::new(7, "c0ffee-1");
    let (a, b, c) = (one.sandbox(HERE), two.sandbox(HERE), one.sandbox(HERE));
    let _echoes = (b.echo(), c.echo());
    let soon = || SystemTime::now() + Duration::from_secs(2);
    let ending: [(&str, &dyn Fn()); 6] = [
        ("the caller leaves", &|| a.set(None).unwrap()),
        ("the one called leaves", &|| [&b, &c].iter().for_each(|one| one.set(None).unwrap())),
        ("the caller's order names it no more", &|| {
            a.set(Some(cluster.order(&a.id, &[], SystemTime::now() + HOUR))).unwrap();
        }),
        ("its order names the caller no more", &|| {
            for one in [&b, &c] {
                one.set(Some(cluster.order(&one.id, &[], SystemTime::now() + HOUR))).unwrap();
            }
        }),
        ("a new generation", &|| Cluster::new(7, "c0ffee-2").join(&[&a, &b, &c])),
        ("nobody renewed the certificate", &|| {
            a.set(Some(cluster.order(&a.id, &[&b, &c], soon()))).unwrap();
        }),
    ];
    for (why, end) in ending {
        cluster.join(&[&a, &b, &c]);
        let mut streams = Vec::new();
        for to in [&b, &c] {
            let (said, mut stream) = a.connect(to, 80).await;
            assert_eq!(said, "ok", "{why}");
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            streams.push(stream);
        }
        // A renewal changes nothing for what is connected.
        cluster.join(&[&a, &b, &c]);
        for stream in &mut streams {
            stream.write_all(b"y").await.unwrap();
            patient(stream.read_exact(&mut [0])).await.unwrap();
        }
        end();
        for stream in &mut streams {
            assert_eq!(ends(stream).await, b"", "{why}");
        }
    }
    assert_eq!(a.connect(&b, 80).await.0, "no the certificate of this member has expired");
    // The door goes with the sandbox.
    cluster.join(&[&a, &b, &c]);
    let (said, mut stream) = a.connect(&b, 80).await;
    assert_eq!(said, "ok");
    b.closed.cancel();
    assert_eq!(ends(&mut stream).await, b"");
}

#[tokio::test]
async fn one_sandbox_has_only_so_much() {
    let (one, two) = (Node::new(quick()).await, Node::new(quick()).await);
    let (a, b) = (one.sandbox(HERE), two.sandbox(HERE));
    Cluster::new(7, "c0ffee-1").join(&[&a, &b]);
    let waiting = [a.say("accept 1").await, a.say("accept 2").await];
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(UnixStream::connect(a.path()).await.unwrap());
    }
    let (said, _) = a.ask("connect x 1").await;
    assert_eq!(said, "no too many connections of this sandbox");
    for mut stream in silent {
        assert_eq!(ends(&mut stream).await, b"no nothing was said in time\n");
    }
    let (mut early, long) = (a.say("accept 3").await, format!("connect {}", "x".repeat(500)));
    early.write_all(b"x").await.unwrap();
    assert_eq!(ends(&mut early).await, b"");
    assert_eq!(a.ask(&long).await.0, "no the first line is not one of the mesh");
    assert!(a.meter.usage().denied >= 6);
    drop(waiting);
}

#[tokio::test]
async fn one_member_is_called_only_so_often() {
    let (one, two) = (Node::new(quick()).await, Node::new(quick()).await);
    let (a, b, c) = (one.sandbox(HERE), two.sandbox(HERE), one.sandbox(HERE));
    Cluster::new(7, "c0ffee-1").join(&[&a, &b, &c]);
    let _came = b.echo();
    let mut streams = Vec::new();
    while streams.len() < 6 {
        let (said, stream) = a.connect(&b, 80).await;
        assert_eq!(said, "ok");
        streams.push(stream);
    }
    assert_eq!(a.connect(&b, 80).await.0, "no too many connections of this sandbox");
    assert_eq!(c.connect(&b, 80).await.0, "no too many connections to that member");
}

#[test]
fn an_order_must_be_for_its_sandbox() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let node = runtime.block_on(Node::new(quick()));
    let a = node.sandbox(HERE);
    let cluster = Cluster::new(7, "c0ffee-1");
    let later = SystemTime::now() + HOUR;
    let tried = |change: &dyn Fn(&mut biplane_doors::mesh::Order)| {
        let mut order = cluster.order(&a.id, &[], later);
        change(&mut order);
        a.set(Some(order))
    };
    tried(&|_| ()).unwrap();
    let other = SandboxId::random();
    let said = |workspace: i64, name: &str, id: &SandboxId| {
        let uri = uri(WorkspaceId(workspace), name, id);
        cluster.certificate(&uri, &server_name("c0ffee-1", &a.id), later)
    };
    for wrong in
        [said(8, "c0ffee-1", &a.id), said(7, "c0ffee-2", &a.id), said(7, "c0ffee-1", &other)]
    {
        let tried = tried(&|order| order.identity = wrong.clone());
        assert!(matches!(tried, Err(OrderError::Identity)), "{tried:?}");
    }
    let past = cluster.identity(&a.id, SystemTime::now() - Duration::from_secs(60));
    let tried_past = tried(&|order| order.identity = past.clone());
    assert!(matches!(tried_past, Err(OrderError::Expired)), "{tried_past:?}");
    for name in ["", "A", "a.b", "-a", "../a"] {
        let tried = tried(&|order| order.cluster = name.into());
        assert!(matches!(tried, Err(OrderError::Name)), "{name}: {tried:?}");
    }
    assert!(matches!(tried(&|order| order.authority = "x".into()), Err(OrderError::Pem(_))));
}

/// A forwarder of this sandbox; its name server. The thread ends with the test's process.
fn forwarder(of: &Sandbox) -> SocketAddr {
    let names = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = names.local_addr().unwrap();
    let names = Some((names, of.path()));
    let listeners = Listeners { entries: Vec::new(), names, mesh: Some(of.path()) };
    std::thread::spawn(move || biplane_forwarder::run(&listeners));
    address
}

async fn resolve(server: SocketAddr, name: &str) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut packet = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(u8::try_from(label.len()).unwrap());
        packet.extend(label.as_bytes());
    }
    packet.extend([0, 0, 1, 0, 1]);
    socket.send_to(&packet, server).await.unwrap();
    let mut got = [0; 512];
    let length = patient(socket.recv(&mut got)).await.unwrap();
    let address: [u8; 4] = got[length - 4..length].try_into().unwrap();
    (got[3] & 15 == 0).then(|| address.into())
}

#[tokio::test]
async fn programs_find_each_other_by_name() {
    let (one, two) = (Node::new(Limits::default()).await, Node::new(Limits::default()).await);
    let (a, b) = (one.sandbox(HERE), two.sandbox(HERE));
    let cluster = Cluster::new(7, "c0ffee-1");
    // A program of `b`, which knows of no mesh.
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, shut) = (server.local_addr().unwrap().port(), shut_port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    for member in [&a, &b] {
        let mut order = cluster.order(&member.id, &[&a, &b], SystemTime::now() + HOUR);
        order.ports = vec![80, port, shut];
        member.set(Some(order)).unwrap();
    }
    let (names, _) = (forwarder(&a), forwarder(&b));
    let name = |of: &Sandbox| format!("{}.cluster.internal", of.id);
    assert_eq!(resolve(names, &name(&a)).await, Some(Ipv4Addr::LOCALHOST));
    let address = resolve(names, &name(&b)).await.unwrap();
    assert!(address.is_loopback() && address != Ipv4Addr::LOCALHOST);
    assert_eq!(resolve(names, &name(&b).to_uppercase()).await, Some(address));
    let unknown = format!("{}.cluster.internal", SandboxId::random());
    assert_eq!(resolve(names, &unknown).await, None);
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect((address, port)).await.unwrap();
            let data: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
            let (mut read, mut write) = stream.split();
            let mut got = Vec::new();
            let sending = async {
                write.write_all(&data).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let ((), read) = tokio::join!(sending, read.read_to_end(&mut got));
            read.unwrap();
            assert!(got == data, "the bytes arrive as they went");
        }));
    }
    for task in tasks {
        patient(task).await.unwrap();
    }
    // Where nobody listens.
    let mut stream = TcpStream::connect((address, shut)).await.unwrap();
    assert_eq!(ends(&mut stream).await, b"");
    // Low ports are not the mesh's.
    assert!(TcpStream::connect((address, 80)).await.is_err());
}

/// A port on which nobody listens.
fn shut_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
