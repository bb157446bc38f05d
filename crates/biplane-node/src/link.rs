//! The connection to the control plane: kept up, and served on.

use crate::jittered;
use crate::lease::Lease;
use crate::sandboxes::Sandboxes;
use crate::service::NodeService;
use crate::tls::{DialError, Dialer};
use biplane_proto::channel;
use biplane_proto::preface::{Refusal, Role};
use biplane_proto::v1::node_server::NodeServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A connection that lasted this long was a good one.
const STEADY: Duration = Duration::from_secs(5);

/// Connects, serves, connects again, until the control plane says that this is no node. After `end` what
/// was asked is still answered and what happened is told; then nothing more is.
pub async fn keep_connected(
    role: &Role,
    dialer: &Dialer,
    sandboxes: &Arc<Sandboxes>,
    lease: &Arc<Lease>,
    connected: &watch::Sender<bool>,
    end: &CancellationToken,
) -> Refusal {
    let mut backoff = BACKOFF_MIN;
    let mut trouble = String::new();
    loop {
        match dialer.dial_as_node(role).await {
            Ok(stream) => {
                tracing::info!("connected to the control plane");
                trouble.clear();
                connected.send_replace(true);
                let since = Instant::now();
                let service = NodeServer::new(NodeService::new(sandboxes.clone(), lease.clone()));
                let ending = async {
                    end.cancelled().await;
                    sandboxes.unwatch();
                };
                tokio::select! {
                    ended = channel::serve_until(stream, service, ending) => if let Err(error) = ended {
                        tracing::info!(error = &error as &dyn std::error::Error, "the connection to the control plane broke");
                    },
                    () = lease.silent(since) => {
                        tracing::warn!("the control plane is silent: connecting anew");
                        dialer.cut();
                    }
                }
                sandboxes.unwatch();
                tracing::info!("disconnected from the control plane");
                if since.elapsed() >= STEADY {
                    backoff = BACKOFF_MIN;
                }
            }
            Err(DialError::Refused(refusal)) => return refusal,
            Err(error) => tell(&error, &mut trouble),
        }
        if end.run_until_cancelled(tokio::time::sleep(jittered(backoff))).await.is_none() {
            return std::future::pending().await;
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// Loudly once for every kind of trouble: it will go wrong again in a moment.
fn tell(error: &DialError, last: &mut String) {
    let now = error.to_string();
    let error = error as &dyn std::error::Error;
    match now == *last {
        true => tracing::debug!(error, "no connection to the control plane"),
        false => tracing::warn!(error, "no connection to the control plane; trying again"),
    }
    *last = now;
}
