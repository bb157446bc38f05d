//! What the workspace's network policy and the operator say about a target.

use crate::address::{self, Range};
use crate::event::Reason;
use crate::target::{Host, Target};
use biplane_api::network::{
    EgressMode, EgressPolicy, EgressProduct, EgressVerdict, PrivateEndpoint,
};
use std::net::IpAddr;

/// What a listed name is reachable on when the policy restricts.
const PORTS: [u16; 2] = [443, 80];

/// What the operator of the hosts allows beside the internet. No policy of a workspace can.
#[derive(Debug, Clone, Default)]
pub struct Operator {
    /// Ranges that are not public and may be reached all the same, this host's own included.
    pub ranges: Vec<Range>,
    /// Ports beside 443 and 80 on which listed names are reachable; TLS is not asked for there.
    pub ports: Vec<u16>,
}

#[derive(Debug, Clone)]
pub struct Policy {
    pub egress: EgressPolicy,
    pub product: EgressProduct,
    pub operator: Operator,
}

/// A verdict and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub verdict: EgressVerdict,
    pub reason: Reason,
}

impl Policy {
    pub fn decide(&self, target: &Target) -> Decision {
        if let Some(endpoint) = self.private(target) {
            return match endpoint.at.iter().any(|address| address.port == target.port) {
                true => {
                    let reason = Reason::PrivateEndpoint;
                    Decision { verdict: EgressVerdict::Allowed, reason }
                }
                // No dry run leads inside, and the name means nothing outside.
                false => Decision { verdict: EgressVerdict::Denied, reason: Reason::PrivatePort },
            };
        }
        let verdict = match &target.host {
            Host::Name(name) => match bucket(name) {
                Some((bucket, region)) => {
                    let stored = self.egress.bucket(self.product, bucket, region);
                    better(stored, self.egress.host(self.product, name))
                }
                None => self.egress.host(self.product, name),
            },
            Host::Address(address) => self.egress.host(self.product, &address.to_string()),
        };
        let unlisted = match target.host {
            Host::Name(_) => Reason::NotListed,
            Host::Address(_) => Reason::BareAddress,
        };
        if verdict != EgressVerdict::Allowed {
            return Decision { verdict, reason: unlisted };
        }
        let open = self.egress.mode == EgressMode::FullAccess
            || PORTS.contains(&target.port)
            || self.operator.ports.contains(&target.port);
        match open {
            true => Decision { verdict, reason: Reason::Listed },
            false => Decision { verdict: self.unlisted(), reason: Reason::Port },
        }
    }

    /// The private endpoint that the target's name belongs to, on whatever port.
    pub fn private(&self, target: &Target) -> Option<&PrivateEndpoint> {
        self.egress.private(target.host.name()?)
    }

    /// How what breaks a rule is taken: denied, or noted only.
    pub fn unlisted(&self) -> EgressVerdict {
        // No pattern matches no name.
        self.egress.host(self.product, "")
    }

    /// Must the client prove by its TLS hello that it wants the host it named?
    pub fn inspects(&self, target: &Target) -> bool {
        // Other ports of a private service speak what they like; it is all there is behind the name.
        if self.private(target).is_some() {
            return PORTS.contains(&target.port);
        }
        self.egress.mode == EgressMode::RestrictedAccess
            && target.host.name().is_some()
            && !self.operator.ports.contains(&target.port)
    }

    /// Where a name of the operator's for a private service may lead: not to the host itself, nor to what
    /// answers on every network.
    pub fn may_serve(address: IpAddr) -> bool {
        address::is_network(address) && !address::is_own(address)
    }

    /// The operator's word alone: neither a policy nor its dry run reaches inside.
    pub fn may_connect(&self, address: IpAddr) -> bool {
        let listed = self.operator.ranges.iter().any(|range| range.contains(address));
        listed || (address::is_public(address) && !address::is_own(address))
    }
}

fn better(one: EgressVerdict, other: EgressVerdict) -> EgressVerdict {
    match (one, other) {
        (EgressVerdict::Allowed, _) | (_, EgressVerdict::Allowed) => EgressVerdict::Allowed,
        (EgressVerdict::DryRun, _) | (_, EgressVerdict::DryRun) => EgressVerdict::DryRun,
        _ => EgressVerdict::Denied,
    }
}

/// Bucket and region of a host name of S3 that is one bucket's own. Names of whole regions are nobody's:
/// through them every bucket of the world is reachable.
fn bucket(host: &str) -> Option<(&str, Option<&str>)> {
    let rest =
        host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    if let Some(bucket) = rest.strip_suffix(".s3") {
        return Some((bucket, None));
    }
    let (bucket, region) = rest.rsplit_once('.')?;
    let bucket = bucket.strip_suffix(".dualstack").unwrap_or(bucket).strip_suffix(".s3")?;
    Some((bucket, Some(region)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use biplane_api::network::{DryRun, HostPattern, StorageDestination};

    fn policy() -> Policy {
        Policy {
            egress: EgressPolicy {
                mode: EgressMode::RestrictedAccess,
                internet: vec![HostPattern("pypi.org".into()), HostPattern("1.1.1.1".into())],
                storage: vec![StorageDestination { bucket: "lake".into(), region: None }],
                ..EgressPolicy::full_access("p")
            },
            product: EgressProduct::Other,
            operator: Operator::default(),
        }
    }

    fn verdict(policy: &Policy, target: &str) -> (EgressVerdict, Reason) {
        let decision = policy.decide(&Target::parse(target, None).unwrap());
        (decision.verdict, decision.reason)
    }

    #[test]
    fn ports_buckets_and_addresses() {
        let mut policy = policy();
        let denied = |reason| (EgressVerdict::Denied, reason);
        let allowed = (EgressVerdict::Allowed, Reason::Listed);
        for (target, expected) in [
            ("pypi.org:443", allowed.clone()),
            ("pypi.org:80", allowed.clone()),
            ("pypi.org:22", denied(Reason::Port)),
            ("evil.example:443", denied(Reason::NotListed)),
            ("8.8.8.8:443", denied(Reason::BareAddress)),
            ("1.1.1.1:443", allowed.clone()),
            ("lake.s3.amazonaws.com:443", allowed.clone()),
            ("lake.s3.eu-west-1.amazonaws.com:443", allowed.clone()),
            ("lake.s3.dualstack.eu-west-1.amazonaws.com:443", allowed.clone()),
            ("other.s3.amazonaws.com:443", denied(Reason::NotListed)),
            ("s3.amazonaws.com:443", denied(Reason::NotListed)),
            ("s3.eu-west-1.amazonaws.com:443", denied(Reason::NotListed)),
        ] {
            assert_eq!(verdict(&policy, target), expected, "{target}");
        }
        policy.operator.ports.push(22);
        assert_eq!(verdict(&policy, "pypi.org:22"), allowed);
        policy.operator.ports.clear();
        policy.egress.dry_run = DryRun::All;
        assert_eq!(verdict(&policy, "pypi.org:22"), (EgressVerdict::DryRun, Reason::Port));
        policy.egress.mode = EgressMode::FullAccess;
        assert_eq!(verdict(&policy, "evil.example:22"), allowed);
    }
}
