//! The connection to the control plane: kept up, and served on.

use crate::NodeConfig;
use crate::lease::Lease;
use crate::sandboxes::Sandboxes;
use crate::service::NodeService;
use crate::tls::Dialer;
use biplane_proto::channel;
use biplane_proto::preface::Role;
use biplane_proto::v1::node_server::NodeServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A connection that lasted this long was a good one.
const STEADY: Duration = Duration::from_secs(5);

/// Connects, serves, connects again. Never returns.
pub async fn keep_connected(
    config: &NodeConfig,
    dialer: &Dialer,
    sandboxes: &Arc<Sandboxes>,
    lease: &Arc<Lease>,
) {
    let role = Role::Node { node_id: config.node_id.to_string() };
    let mut backoff = BACKOFF_MIN;
    loop {
        match dialer.dial(&role).await {
            Ok(stream) => {
                tracing::info!(node_id = %config.node_id, relay = %config.relay, "connected to the control plane");
                let since = Instant::now();
                let service = NodeServer::new(NodeService::new(sandboxes.clone(), lease.clone()));
                if let Err(error) = channel::serve(stream, service).await {
                    tracing::debug!(%error, "the connection to the control plane broke");
                }
                sandboxes.unwatch();
                tracing::info!("disconnected from the control plane");
                if since.elapsed() >= STEADY {
                    backoff = BACKOFF_MIN;
                }
            }
            Err(error) => {
                tracing::debug!(relay = %config.relay, error = &error as &dyn std::error::Error, "no connection to the control plane");
            }
        }
        tokio::time::sleep(jittered(backoff)).await;
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
