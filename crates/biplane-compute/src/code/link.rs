//! The connection of a Python sandbox: orders in, events out.
//!
//! What comes from there is user code's word for all we know: it can spoil the contexts of its own
//! sandbox, which are its own user's, and nothing else.

use super::{CodeSandbox, frames, result};
use crate::Compute;
use crate::relay::Refused;
use biplane_api::clusters::ClusterLogStream;
use biplane_api::ids::{NodeId, SandboxId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

const TOKEN_LIFE_MS: i64 = 10 * 60 * 1000;
const TOKEN_RENEW: Duration = Duration::from_secs(4 * 60);
/// Between the end of the connection and the node's word why.
const WHY_MAX: Duration = Duration::from_secs(3);
const WRITE_MAX: Duration = Duration::from_secs(60);

impl Compute {
    /// The interpreter of a sandbox is there. Returns when its connection ended, and the sandbox with it.
    pub(crate) async fn code_connected<S>(
        self: &Arc<Self>,
        node_id: &NodeId,
        id: &SandboxId,
        stream: S,
    ) -> Result<(), Refused>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let sandbox = self.code.speaker(node_id, id).ok_or(Refused::UnknownSandbox)?;
        if sandbox.runtime.is_some() {
            return Err(Refused::UnknownSandbox);
        }
        let inbox = sandbox.inbox.lock().take().ok_or(Refused::UnknownSandbox)?;
        tracing::info!(sandbox_id = %id, "interpreter connected");
        sandbox.connected.cancel();
        let (mut read, mut write) = tokio::io::split(stream);
        let listening = async {
            while let Ok(event) = frames::read(&mut read).await {
                match &sandbox.prepares {
                    None => self.code_event(&sandbox, &event),
                    // Who waits for it sets the pace.
                    Some(heard) if heard.send(event).await.is_ok() => {}
                    Some(_) => return,
                }
            }
        };
        let closed = sandbox.closed.clone();
        tokio::select! {
            () = listening => {}
            () = self.code_speak(&sandbox, inbox, &mut write) => {}
            () = closed.cancelled() => {}
            () = self.stop.cancelled() => return Ok(()),
        }
        let mut exited = sandbox.exited.subscribe();
        let told = exited.wait_for(Option::is_some);
        if !closed.is_cancelled() {
            // Without it the reason is unknown, and that is said.
            let _ = tokio::time::timeout(WHY_MAX, told).await.map(|told| told.map(drop));
        }
        tracing::info!(sandbox_id = %id, "interpreter disconnected");
        closed.cancel();
        Ok(())
    }

    async fn code_speak<W: AsyncWrite + Unpin>(
        &self,
        sandbox: &CodeSandbox,
        mut inbox: mpsc::Receiver<Value>,
        write: &mut W,
    ) {
        let mut renew = tokio::time::interval(TOKEN_RENEW);
        loop {
            let frame = tokio::select! {
                biased;
                _ = renew.tick(), if sandbox.prepares.is_none() => match self.code_token(sandbox) {
                    Some(frame) => frame,
                    None => return,
                },
                order = inbox.recv() => match order {
                    Some(order) => order,
                    None => return,
                },
            };
            let written = tokio::time::timeout(WRITE_MAX, frames::write(write, &frame)).await;
            if !matches!(written, Ok(Ok(()))) {
                return;
            }
        }
    }

    fn code_token(&self, sandbox: &CodeSandbox) -> Option<Value> {
        let issued = self.code.tokens.issue_to_code(
            sandbox.principal_id,
            sandbox.workspace_id,
            &sandbox.id,
            self.clock.now_ms() + TOKEN_LIFE_MS,
        );
        let warehouse = sandbox.warehouse_id.as_ref().map(ToString::to_string);
        let token = issued.ok()?;
        Some(json!({ "op": "token", "token": token.expose(), "warehouse_id": warehouse }))
    }

    fn code_event(self: &Arc<Self>, sandbox: &Arc<CodeSandbox>, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        let context = self.code.contexts.lock().get(text("context")).cloned();
        let own = |context: &Arc<super::Context>| {
            context.sandbox.as_ref().is_some_and(|own| own.id == sandbox.id)
        };
        let Some(context) = context.filter(own) else {
            return;
        };
        match text("event") {
            "created" => context.began(),
            "failed" => context.fail(text("reason")),
            "output" => {
                let said = text("text");
                let hidden = sandbox.cluster.as_ref().map(|on| on.environment.hide(said));
                let said = hidden.as_deref().unwrap_or(said);
                context.print(text("command"), said);
                if let Some(cluster) = &context.cluster {
                    self.clusters.logs.write(cluster, ClusterLogStream::Stdout, said);
                }
            }
            "finished" => {
                let said = &event["result"];
                let cancelled = said["cancelled"].as_bool().unwrap_or(false);
                let make = |printed| result::of_python(said, printed);
                context.finish(text("command"), cancelled, make);
            }
            _ => {}
        }
        self.code_advance(&context);
    }
}
