//! The connection to the control plane: kept up, and served on.

use crate::NodeConfig;
use crate::lease::Lease;
use crate::sandboxes::Sandboxes;
use crate::service::NodeService;
use crate::tls::Dialer;
use biplane_proto::channel;
use biplane_proto::preface::Role;
use biplane_proto::v1::node_server::NodeServer;
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A connection that lasted this long was a good one.
const STEADY: Duration = Duration::from_secs(5);

/// How the connection ends from this side.
#[derive(Default)]
pub struct Line {
    /// At once; another one is dialled.
    pub cut: Notify,
    /// After what was asked is answered and what happened is told, for good.
    pub end: CancellationToken,
}

/// Connects, serves, connects again, until the end of the line.
pub async fn keep_connected(
    config: &NodeConfig,
    dialer: &Dialer,
    sandboxes: &Arc<Sandboxes>,
    lease: &Arc<Lease>,
    line: &Line,
) {
    let role = Role::Node { node_id: config.node_id.to_string() };
    let mut backoff = BACKOFF_MIN;
    // What went wrong, once: it will go wrong again in a moment.
    let mut told = None;
    loop {
        let Some(dialled) = line.end.run_until_cancelled(dialer.dial(&role)).await else {
            return;
        };
        match dialled {
            Ok(stream) => {
                tracing::info!(node_id = %config.node_id, relay = %config.relay, "connected to the control plane");
                let since = Instant::now();
                let service = NodeServer::new(NodeService::new(sandboxes.clone(), lease.clone()));
                let ending = async {
                    line.end.cancelled().await;
                    sandboxes.unwatch();
                };
                tokio::select! {
                    ended = channel::serve_until(stream, service, ending) => if let Err(error) = ended {
                        // A control plane that refuses the certificate says so only now.
                        tracing::info!(error = &error as &dyn std::error::Error, "the connection to the control plane broke");
                    },
                    () = line.cut.notified() => {}
                }
                sandboxes.unwatch();
                tracing::info!("disconnected from the control plane");
                if since.elapsed() >= STEADY {
                    told = None;
                    backoff = BACKOFF_MIN;
                }
            }
            Err(error) if told != Some(discriminant(&error)) => {
                tracing::warn!(relay = %config.relay, error = &error as &dyn std::error::Error, "no connection to the control plane; trying again");
                told = Some(discriminant(&error));
            }
            Err(_) => {}
        }
        if line.end.run_until_cancelled(tokio::time::sleep(jittered(backoff))).await.is_none() {
            return;
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// Between half of it and all of it, so that nodes do not come back in step.
fn jittered(backoff: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without randomness: no jitter, and nothing else is lost.
    let _ = getrandom::fill(&mut byte);
    backoff.mul_f64(0.5 + f64::from(byte[0]) / 510.0)
}
