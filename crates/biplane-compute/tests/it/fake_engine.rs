//! An engine that runs no SQL. It is this test binary, started anew by the node: `run` is its main.

use biplane_proto::channel;
use biplane_proto::preface::DoorRequest;
use biplane_proto::v1::engine_server::{Engine, EngineServer};
use biplane_proto::v1::execute_event::Event;
use biplane_proto::v1::*;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tonic::{Request, Response, Status};

/// How a node starts it: the shell passes the arguments on in a variable, for the test harness would
/// not understand them.
pub fn command() -> Vec<String> {
    let script =
        r#"export FAKE_ENGINE="$*"; exec "$0" fake_engine::run --exact --ignored --nocapture"#;
    let own = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    ["/bin/sh", "-c", script, &own].map(str::to_owned).into()
}

/// A shell and a test binary are no program that a sandbox is made for.
pub fn isolation() -> biplane_node::Isolation {
    biplane_node::Isolation { off_for_development: true, ..Default::default() }
}

#[test]
#[ignore = "the main of the fake engine"]
fn run() {
    let Ok(arguments) = std::env::var("FAKE_ENGINE") else {
        return;
    };
    let words: Vec<&str> = arguments.split(' ').collect();
    let door = words[words.iter().position(|word| *word == "--door").unwrap() + 1];
    eprintln!("fake engine says hello");
    match std::env::var("FAKE_MODE").as_deref() {
        Ok("exit") => std::process::exit(3),
        Ok("silent") => std::thread::sleep(Duration::from_secs(600)),
        _ => tokio::runtime::Runtime::new().unwrap().block_on(serve(door)),
    }
}

/// Whoever comes by the mesh is told who came.
async fn answer_members(door: String) {
    while let Ok(mut stream) = UnixStream::connect(mesh_door(&door)).await {
        stream.write_all(b"accept 7077\n").await.unwrap();
        let mut line = String::new();
        if BufReader::new(&mut stream).read_line(&mut line).await.is_ok() && !line.is_empty() {
            let _ = stream.write_all(format!("ok\n{line}").as_bytes()).await;
        }
    }
}

fn mesh_door(door: &str) -> PathBuf {
    Path::new(door).with_file_name("mesh.sock")
}

async fn serve(door: &str) {
    tokio::spawn(answer_members(door.to_owned()));
    loop {
        if let Ok(mut stream) = UnixStream::connect(door).await
            && DoorRequest::Serve.write(&mut stream).await.is_ok()
        {
            let _ = channel::serve(stream, EngineServer::new(Fake { door: door.to_owned() })).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub struct Fake {
    door: String,
}

/// The same without a process of its own.
pub fn service() -> EngineServer<Fake> {
    EngineServer::new(Fake { door: String::new() })
}

impl Fake {
    /// What the mesh door says to each of these, and what follows.
    async fn mesh(&self, members: &str) -> String {
        let mut said = String::new();
        for member in members.split(' ') {
            let mut stream = UnixStream::connect(mesh_door(&self.door)).await.unwrap();
            stream.write_all(format!("connect {member} 7077\n").as_bytes()).await.unwrap();
            stream.read_to_string(&mut said).await.unwrap();
        }
        said
    }

    /// A GET on a connection of its own through the door.
    async fn call(&self, path: &str) -> String {
        let mut stream = UnixStream::connect(&self.door).await.unwrap();
        DoorRequest::Call.write(&mut stream).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let request = http::Request::get(format!("http://relay{path}"))
            .body(Empty::<bytes::Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.into()).unwrap()
    }
}

fn event(event: Event) -> Result<ExecuteEvent, Status> {
    Ok(ExecuteEvent { event: Some(event) })
}

#[tonic::async_trait]
impl Engine for Fake {
    type ExecuteStream = BoxStream<'static, Result<ExecuteEvent, Status>>;

    async fn execute(
        &self,
        request: Request<ExecuteRequest>,
    ) -> Result<Response<Self::ExecuteStream>, Status> {
        let statement = request.into_inner().statement;
        let (verb, rest) = statement.split_once(' ').unwrap_or((&statement, ""));
        let text = match verb {
            "hang" => {
                let first = futures::stream::iter([event(Event::Progress(Progress::default()))]);
                return Ok(Response::new(first.chain(futures::stream::pending()).boxed()));
            }
            "crash" => std::process::exit(7),
            "call" => self.call(rest).await,
            "pid" => std::process::id().to_string(),
            // A child that would outlive its parent.
            "fork" => std::process::Command::new("/bin/sleep")
                .arg("600")
                .spawn()
                .unwrap()
                .id()
                .to_string(),
            "env" => std::env::vars().map(|(name, _)| name + "\n").collect(),
            "cwd" => std::env::current_dir().unwrap().to_str().unwrap().to_owned(),
            "mesh" => self.mesh(rest).await,
            "args" => std::env::var("FAKE_ENGINE").unwrap(),
            other => other.to_owned(),
        };
        let chunk = Chunk { data: text.into(), rows: 1, uncompressed_bytes: 0, more: false };
        let events = [
            Event::Schema(ResultSchema::default()),
            Event::Chunk(chunk),
            Event::Finished(Finished::default()),
        ];
        Ok(Response::new(futures::stream::iter(events.map(event)).boxed()))
    }

    async fn close_session(
        &self,
        _: Request<CloseSessionRequest>,
    ) -> Result<Response<CloseSessionResponse>, Status> {
        Ok(Response::new(CloseSessionResponse {}))
    }

    async fn stats(&self, _: Request<StatsRequest>) -> Result<Response<StatsResponse>, Status> {
        Ok(Response::new(StatsResponse::default()))
    }
}
