//! Resolve once, check, connect to what was checked.

use super::Egress;
use super::guard::Guard;
use crate::event::Reason;
use crate::http_text::{self, Body};
use crate::policy::Policy;
use crate::target::Host;
use biplane_api::network::ServiceAddress;
use http::{Response, StatusCode};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;

/// More addresses of a name are not tried.
const TRIES_MAX: usize = 4;

#[derive(Debug)]
pub enum Failed {
    Denied(Reason),
    Unresolved,
    Unreachable(std::io::Error),
    Late,
}

impl Failed {
    pub fn answer(&self, guard: &Guard) -> Response<Body> {
        let target = &guard.target;
        let (status, text) = match self {
            Self::Denied(reason) => (StatusCode::FORBIDDEN, guard.text(reason)),
            Self::Unresolved => (
                StatusCode::BAD_GATEWAY,
                format!("egress to {target} failed: the name does not resolve"),
            ),
            Self::Unreachable(error) => {
                (StatusCode::BAD_GATEWAY, format!("egress to {target} failed: {}", error.kind()))
            }
            Self::Late => (
                StatusCode::GATEWAY_TIMEOUT,
                format!("egress to {target} failed: no answer in time"),
            ),
        };
        http_text::text(status, &text)
    }
}

pub async fn dial(guard: &Guard) -> Result<TcpStream, Failed> {
    if guard.exhausted() {
        return Err(Failed::Denied(guard.deny(Reason::Bytes)));
    }
    let timeout = guard.door.limits.dial_timeout;
    tokio::time::timeout(timeout, connect(guard, timeout)).await.map_err(|_| Failed::Late)?
}

async fn connect(guard: &Guard, timeout: Duration) -> Result<TcpStream, Failed> {
    let found = match guard.private() {
        Some(endpoint) => service(guard, &endpoint.at).await?,
        None => addresses(&guard.door, &guard.policy(), &guard.target.host).await?,
    };
    let allowed = match found {
        Found::Allowed(addresses) => addresses,
        Found::Inside(address) => {
            return Err(Failed::Denied(guard.deny(Reason::Inside(address))));
        }
    };
    let each = timeout / u32::try_from(allowed.len()).unwrap_or(1).max(1);
    let mut last = Failed::Unresolved;
    for address in allowed {
        let connecting = guard.door.outside.connect(SocketAddr::new(address, guard.target.port));
        match tokio::time::timeout(each, connecting).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                guard.door.meter.connected();
                return Ok(stream);
            }
            Ok(Err(error)) => last = Failed::Unreachable(error),
            Err(_) => last = Failed::Late,
        }
    }
    Err(last)
}

pub enum Found {
    Allowed(Vec<IpAddr>),
    /// There are addresses, and none of them may be reached.
    Inside(IpAddr),
}

/// A private service on the port asked for. An address that the operator wrote is taken as it is.
async fn service(guard: &Guard, at: &[ServiceAddress]) -> Result<Found, Failed> {
    let mut allowed = Vec::new();
    let mut inside = None;
    for address in at.iter().filter(|address| address.port == guard.target.port) {
        match address.host.parse::<IpAddr>() {
            Ok(address) => allowed.push(address),
            Err(_) => {
                let found = guard.door.outside.resolve(&address.host).await.unwrap_or_default();
                let (good, bad): (Vec<_>, Vec<_>) =
                    found.into_iter().partition(|found| Policy::may_serve(*found));
                allowed.extend(good);
                inside = inside.or(bad.first().copied());
            }
        }
    }
    allowed.truncate(TRIES_MAX);
    match inside.filter(|_| allowed.is_empty()) {
        Some(address) => Ok(Found::Inside(address)),
        None if allowed.is_empty() => Err(Failed::Unresolved),
        None => Ok(Found::Allowed(allowed)),
    }
}

pub async fn addresses(door: &Egress, policy: &Policy, host: &Host) -> Result<Found, Failed> {
    let addresses = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => door.outside.resolve(name).await.map_err(|_| Failed::Unresolved)?,
    };
    let first = *addresses.first().ok_or(Failed::Unresolved)?;
    let may = |address: &IpAddr| policy.may_connect(*address);
    let allowed: Vec<IpAddr> = addresses.into_iter().filter(may).take(TRIES_MAX).collect();
    Ok(if allowed.is_empty() { Found::Inside(first) } else { Found::Allowed(allowed) })
}
