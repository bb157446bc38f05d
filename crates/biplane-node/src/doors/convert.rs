//! Between the control plane's words and those of the doors.

use super::Reach;
use biplane_api::network::{EgressMode, EgressPolicy, EgressProduct};
use biplane_doors::storage::{Grant, Keys, Store, Stores};
use biplane_doors::{Destination, Event, Outcome, Usage};
use biplane_proto::v1;
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    #[error("the egress policy cannot be read")]
    Policy(#[from] serde_json::Error),
}

/// What holds where nothing was said.
pub fn nothing() -> EgressPolicy {
    EgressPolicy { mode: EgressMode::RestrictedAccess, ..EgressPolicy::full_access("none") }
}

pub fn reach(reach: v1::Reach) -> Result<Reach, ReachError> {
    let egress = match reach.egress_policy.as_str() {
        "" => nothing(),
        text => serde_json::from_str(text)?,
    };
    let stores = reach.stores.into_iter().map(store).collect();
    Ok(Reach { version: reach.version, egress, stores: Arc::new(Stores(stores)) })
}

fn store(store: v1::ObjectStore) -> Store {
    let filled = |text: String| (!text.is_empty()).then_some(text);
    Store {
        endpoint: filled(store.endpoint),
        region: store.region,
        keys: Keys {
            access_key_id: store.access_key_id,
            secret_access_key: store.secret_access_key,
            session_token: filled(store.session_token),
        },
        grants: store
            .grants
            .iter()
            .map(|grant| Grant::new(&grant.bucket, &grant.prefix, grant.write))
            .collect(),
    }
}

/// Of a runtime: in stores, and on this host.
pub fn granted(request: v1::SetGrantedRequest) -> (Vec<Grant>, Store) {
    let objects = request
        .objects
        .iter()
        .map(|grant| Grant::new(&grant.bucket, &grant.prefix, grant.write))
        .collect();
    let files = request.files.into_iter().map(|grant| (grant.prefix, grant.write));
    (objects, Store::of_files(files))
}

pub fn access(event: Event) -> v1::OutboundAccess {
    use v1::outbound_access::{Kind, Outcome as Told};
    let (destination, kind, port, path) = match event.destination {
        Destination::Name { host, port } => (host, Kind::Dns, port, String::new()),
        Destination::Address { address, port } => {
            (address.to_string(), Kind::Ip, port, String::new())
        }
        Destination::Storage { bucket, path } => (bucket, Kind::Storage, 0, path),
    };
    let outcome = match event.outcome {
        Outcome::Denied => Told::Denied,
        Outcome::Allowed => Told::Allowed,
        Outcome::DryRun => Told::DryRun,
    };
    let product = match event.identity.product {
        EgressProduct::Sql => "DBSQL",
        EgressProduct::ModelServing => "ML_SERVING",
        EgressProduct::Other => "OTHER",
    };
    v1::OutboundAccess {
        sandbox_id: event.identity.sandbox_id.to_string(),
        workspace_id: event.identity.workspace_id.0,
        at_ms: event.at_ms,
        product: product.to_owned(),
        destination,
        kind: kind.into(),
        port: port.into(),
        path,
        outcome: outcome.into(),
        reason_code: event.reason.code().to_owned(),
        reason: event.reason.to_string(),
        suppressed: event.suppressed,
    }
}

pub fn traffic(usage: Usage) -> v1::Traffic {
    v1::Traffic {
        bytes_sent: usage.bytes_sent,
        bytes_received: usage.bytes_received,
        allowed: usage.connections,
        denied: usage.denied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use biplane_api::network::EgressVerdict;

    #[test]
    fn what_was_not_said_is_nothing() {
        let said = |egress_policy: &str| {
            reach(v1::Reach { egress_policy: egress_policy.into(), ..v1::Reach::default() })
        };
        let none = said("").unwrap();
        assert_eq!(none.egress.host(EgressProduct::Sql, "a.example"), EgressVerdict::Denied);
        assert!(none.stores.bucket("lake").is_err());
        assert!(said("{}").is_err());
        assert!(said("{\"mode\":\"EVERYTHING\"}").is_err());
        let full = serde_json::to_string(&EgressPolicy::full_access("f")).unwrap();
        assert_eq!(said(&full).unwrap().egress.mode, EgressMode::FullAccess);
    }
}
