//! Nodes whose only way out is a proxy.

use crate::support::{PATIENCE, World, agent, eventually, quick};
use biplane_node::{NodeConfig, Route};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// `user:p@ss` in base64.
const AUTHORIZATION: &str = "Proxy-Authorization: Basic dXNlcjpwQHNz";

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Works,
    /// Takes connections and says nothing.
    Hangs,
    /// Hangs up, also on what it carries.
    Gone,
}

/// A forward proxy: CONNECT with Basic credentials, nothing else.
struct Corporate {
    address: SocketAddr,
    mood: watch::Sender<Mood>,
    connected: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    hung: Arc<AtomicUsize>,
}

impl Corporate {
    async fn new(mood: Mood) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            mood: watch::channel(mood).0,
            connected: Arc::default(),
            refused: Arc::default(),
            hung: Arc::default(),
        });
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (proxy, mut mood) = (serving.clone(), serving.mood.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = mood.wait_for(|mood| *mood == Mood::Gone) => {}
                        _ = proxy.serve(stream) => {}
                    }
                });
            }
        });
        proxy
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        if *self.mood.borrow() == Mood::Hangs {
            self.hung.fetch_add(1, Ordering::SeqCst);
            return std::future::pending().await;
        }
        let mut stream = BufReader::new(stream);
        let (mut target, mut known) = (String::new(), false);
        stream.read_line(&mut target).await?;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            known |= line.trim_end() == AUTHORIZATION;
            if line.trim_end().is_empty() {
                break;
            }
        }
        if !known {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let answer =
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
            return stream.write_all(answer).await;
        }
        let target = target.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
        let mut outer = TcpStream::connect(target).await?;
        self.connected.fetch_add(1, Ordering::SeqCst);
        stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await?;
        tokio::io::copy_bidirectional(&mut stream, &mut outer).await?;
        Ok(())
    }

    fn route(&self, credentials: &str, direct: &str) -> Route {
        Route::new(&format!("http://{credentials}{}", self.address), direct).unwrap()
    }
}

fn config(world: &World, route: Route) -> NodeConfig {
    let dial_patience = Duration::from_millis(500);
    // Straight to the relay: what stands between in other tests is not a proxy that is asked.
    let relay = world.relay.to_string();
    NodeConfig { route, relay, dial_patience, ..world.node_config("serve") }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_through_the_proxy() {
    let world = World::without_node(quick()).await;
    let proxy = Corporate::new(Mood::Works).await;
    let patient = NodeConfig {
        dial_patience: PATIENCE,
        ..config(&world, proxy.route("user:p%40ss@", "elsewhere.example"))
    };
    let _node = agent(world.node_id.clone(), patient);
    let id = world.create("one").await;
    assert_eq!(world.ask(&id, "hello").await, "hello");
    assert!(world.ask(&id, "call /who").await.starts_with("1 "));
    // To join, the node, its engine, its engine's call.
    assert!(proxy.connected.load(Ordering::SeqCst) >= 4);
    let pid = world.pid(&id).await;
    // The proxy is restarted: what it carried breaks, and comes back.
    proxy.mood.send_replace(Mood::Gone);
    world.node_connected(false).await;
    proxy.mood.send_replace(Mood::Works);
    let next = eventually("the engine", async || world.try_ask(&id, "pid").await).await;
    assert_eq!(next, pid.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_asks_for_credentials_is_not_passed_without() {
    let world = World::without_node(quick()).await;
    let proxy = Corporate::new(Mood::Works).await;
    for credentials in ["", "user:wrong@"] {
        let before = proxy.refused.load(Ordering::SeqCst);
        let node = agent(world.node_id.clone(), config(&world, proxy.route(credentials, "")));
        eventually("attempts", async || {
            (proxy.refused.load(Ordering::SeqCst) >= before + 2).then_some(())
        })
        .await;
        assert!(!node.task.is_finished());
        node.stop.cancel();
        node.task.await.unwrap().unwrap();
    }
    assert_eq!(proxy.connected.load(Ordering::SeqCst), 0);
    assert!(world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes.is_empty());
    let direct = proxy.route("user:wrong@", "127.0.0.0/8");
    let node = agent(world.node_id.clone(), config(&world, direct));
    world.nodes(1).await;
    node.stop.cancel();
    node.task.await.unwrap().unwrap();
    assert_eq!(proxy.connected.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_hangs_is_given_up_and_tried_again() {
    let world = World::without_node(quick()).await;
    let proxy = Corporate::new(Mood::Hangs).await;
    let route = proxy.route("user:p%40ss@", "");
    let _node = agent(world.node_id.clone(), config(&world, route));
    eventually("two attempts", async || (proxy.hung.load(Ordering::SeqCst) >= 2).then_some(()))
        .await;
    proxy.mood.send_replace(Mood::Works);
    world.nodes(1).await;
}
