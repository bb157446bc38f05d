//! A sandbox that prepares a host of a cluster: files go in, packages and scripts run, their output comes out.
//!
//! What must hold: it has no token; what it says is believed of its own cluster's directory alone; it ends
//! when whoever asked for it is done.

use super::CodeSandbox;
use crate::Compute;
use crate::clusters::Attached;
use crate::supplies::FileBytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::ids::WorkspaceId;
use biplane_platform::Principal;
use futures::StreamExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const EVENTS_MAX: usize = 64;
const CHUNK_BYTES: usize = 1 << 20;
/// For its word that a piece of a file is kept, and beyond the time that a run has.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How a run ended.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    /// Exit code, or minus the signal.
    pub status: i64,
    /// What it said last.
    pub tail: String,
    /// Its time was up.
    pub late: bool,
}

/// What is run.
pub(crate) struct Run {
    /// `pip` or `script`.
    pub kind: &'static str,
    /// Texts, or `{"file": name}`.
    pub arguments: Vec<Value>,
    pub environment: BTreeMap<String, String>,
    pub limit: Duration,
}

/// Ends its sandbox when it is dropped.
pub(crate) struct Preparer {
    sandbox: Arc<CodeSandbox>,
    events: mpsc::Receiver<Value>,
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.sandbox.end("The host is prepared.");
    }
}

impl Compute {
    /// Starts one on the host that `on` names. The error is for people.
    pub(crate) async fn preparer(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        owner: &Principal,
        on: &Attached,
    ) -> Result<Preparer, String> {
        let (tell, events) = mpsc::channel(EVENTS_MAX);
        let now = self.clock.now_ms();
        let mut made = CodeSandbox::new(workspace, owner, None, Some(on), now);
        made.prepares = Some(tell);
        let sandbox = Arc::new(made);
        self.code.sandboxes.lock().insert(sandbox.id.clone(), sandbox.clone());
        tokio::spawn(self.clone().code_keep(sandbox.clone()));
        let preparer = Preparer { sandbox: sandbox.clone(), events };
        tokio::select! {
            () = sandbox.connected.cancelled() => Ok(preparer),
            () = sandbox.closed.cancelled() => Err(preparer.fate()),
        }
    }
}

impl Preparer {
    fn fate(&self) -> String {
        let fate = self.sandbox.fate.lock().clone();
        fate.unwrap_or_else(|| "The sandbox ended.".into())
    }

    /// Puts a file there, of at most so many bytes.
    pub async fn file(
        &mut self,
        name: &str,
        mut bytes: FileBytes,
        bytes_max: usize,
    ) -> Result<(), String> {
        let (mut first, mut size) = (true, 0);
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|error| error.message)?;
            size += piece.len();
            if size > bytes_max {
                return Err(format!("The file is larger than {bytes_max} bytes."));
            }
            for chunk in piece.chunks(CHUNK_BYTES) {
                self.keep(name, chunk, first).await?;
                first = false;
            }
        }
        if first {
            self.keep(name, &[], true).await?;
        }
        Ok(())
    }

    async fn keep(&mut self, name: &str, chunk: &[u8], first: bool) -> Result<(), String> {
        let data = STANDARD.encode(chunk);
        self.order(json!({ "op": "file", "name": name, "data": data, "first": first }))?;
        loop {
            if self.event(ANSWER_MAX).await?["event"] == "kept" {
                return Ok(());
            }
        }
    }

    /// Runs something to its end; `print` gets its output.
    pub async fn run(
        &mut self,
        run: Run,
        mut print: impl FnMut(&str) + Send,
    ) -> Result<Ran, String> {
        let Run { kind, arguments, environment, limit } = run;
        self.order(json!({
            "op": "run", "kind": kind, "arguments": arguments, "environment": environment,
            "seconds": limit.as_secs_f64(),
        }))?;
        let until = tokio::time::Instant::now() + limit + ANSWER_MAX;
        loop {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let event = self.event(left).await?;
            match event["event"].as_str() {
                Some("output") => print(event["text"].as_str().unwrap_or_default()),
                Some("exited") => {
                    return Ok(Ran {
                        status: event["status"].as_i64().unwrap_or(-1),
                        tail: event["tail"].as_str().unwrap_or_default().to_owned(),
                        late: event["late"].as_bool().unwrap_or(false),
                    });
                }
                _ => {}
            }
        }
    }

    fn order(&self, order: Value) -> Result<(), String> {
        match self.sandbox.order(order) {
            true => Ok(()),
            false => Err("The sandbox does not answer.".into()),
        }
    }

    async fn event(&mut self, within: Duration) -> Result<Value, String> {
        let closed = self.sandbox.closed.clone();
        let heard = tokio::select! {
            biased;
            heard = self.events.recv() => heard,
            () = closed.cancelled() => None,
            () = tokio::time::sleep(within) => {
                return Err("The sandbox did not answer in time.".into());
            }
        };
        heard.ok_or_else(|| self.fate())
    }
}
