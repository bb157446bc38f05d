//! What the hosts of one workspace may reach all together: for who connects in their place. The doors of
//! their sandboxes decide more finely; this holds for whatever else runs in their network.

use crate::policy::{Operator, Policy};
use crate::target::{Host, Target};
use biplane_api::network::{EgressMode, EgressPolicy, EgressProduct, EgressVerdict};
use http::Uri;
use std::net::{IpAddr, SocketAddr};

const PRODUCTS: [EgressProduct; 3] =
    [EgressProduct::Sql, EgressProduct::ModelServing, EgressProduct::Other];

/// A store of the workspace.
#[derive(Debug, Clone)]
pub struct StorePlace {
    /// None: S3 of AWS.
    pub endpoint: Option<String>,
    pub region: String,
    /// Without one the store is nothing to the workspace.
    pub buckets: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct HostReach {
    policies: [Policy; 3],
    stores: Vec<StorePlace>,
}

impl HostReach {
    /// Without a policy nothing but stores.
    pub fn new(
        egress: Option<&EgressPolicy>,
        operator: &Operator,
        stores: Vec<StorePlace>,
    ) -> Self {
        let nothing = || EgressPolicy {
            mode: EgressMode::RestrictedAccess,
            ..EgressPolicy::full_access("none")
        };
        let (egress, operator) = (egress.cloned().unwrap_or_else(nothing), operator.clone());
        let policies = PRODUCTS.map(|product| Policy {
            egress: egress.clone(),
            product,
            operator: operator.clone(),
        });
        Self { policies, stores }
    }

    /// A name that some sandbox may connect to, or at which the operator's private services are.
    pub fn resolves(&self, name: &str) -> bool {
        let services = self.policies[0].egress.private.iter().flat_map(|endpoint| &endpoint.at);
        let mut services = services.map(|at| at.host.as_str());
        let Some(host @ Host::Name(_)) = Host::parse(name) else {
            return false;
        };
        services.any(|at| at.eq_ignore_ascii_case(name)) || self.allows(&Target { host, port: 443 })
    }

    /// An address, which was found for these names.
    pub fn connects(&self, names: &[String], to: SocketAddr) -> bool {
        let (address, port) = (to.ip().to_canonical(), to.port());
        let policy = &self.policies[0];
        let at = policy.egress.private.iter().flat_map(|endpoint| &endpoint.at);
        let served = at.filter(|at| at.port == port).any(|at| match at.host.parse::<IpAddr>() {
            Ok(own) => own.to_canonical() == address,
            Err(_) => names.contains(&at.host) && Policy::may_serve(address),
        });
        let hosts = names.iter().filter_map(|name| Host::parse(name));
        let hosts = hosts.chain([Host::Address(address)]);
        let listed = |host: Host| {
            let target = Target { host, port };
            policy.private(&target).is_none() && self.allows(&target)
        };
        served || (policy.may_connect(address) && hosts.into_iter().any(listed))
    }

    /// Where a store is. It is where the operator says; no address of it is refused.
    pub fn stores(&self, host: &str, port: u16) -> bool {
        let used = self.stores.iter().filter(|store| !store.buckets.is_empty());
        used.into_iter().any(|store| store.is_at(host, port))
    }

    fn allows(&self, target: &Target) -> bool {
        self.policies.iter().any(|policy| policy.decide(target).verdict != EgressVerdict::Denied)
    }
}

impl StorePlace {
    fn is_at(&self, host: &str, port: u16) -> bool {
        let Some(endpoint) = &self.endpoint else {
            let region = &self.region;
            let own = |bucket: &String| match bucket.contains('.') {
                true => format!("s3.{region}.amazonaws.com"),
                false => format!("{bucket}.s3.{region}.amazonaws.com"),
            };
            return port == 443 && self.buckets.iter().any(|bucket| own(bucket) == host);
        };
        let Ok(uri) = endpoint.parse::<Uri>() else {
            return false;
        };
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let own = uri.host().map(|own| own.trim_matches(['[', ']']));
        own.is_some_and(|own| own.eq_ignore_ascii_case(host))
            && uri.port_u16().unwrap_or(usual) == port
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use biplane_api::network::{HostPattern, PrivateEndpoint};

    fn reach(mode: EgressMode) -> HostReach {
        let egress = EgressPolicy {
            mode,
            internet: vec![HostPattern("pypi.org".into())],
            private: vec![PrivateEndpoint {
                service: "db".into(),
                hosts: vec![HostPattern("db.corp".into())],
                at: vec!["10.0.0.7:5432".parse().unwrap(), "db.internal:5433".parse().unwrap()],
            }],
            ..EgressPolicy::full_access("p")
        };
        let place = |endpoint: Option<&str>, bucket: &str| StorePlace {
            endpoint: endpoint.map(str::to_owned),
            region: "eu-west-1".into(),
            buckets: vec![bucket.into()],
        };
        let mut stores = vec![place(Some("http://127.0.0.1:9000/"), "lake"), place(None, "sea")];
        stores.push(StorePlace { buckets: Vec::new(), ..place(Some("https://other.example"), "") });
        HostReach::new(Some(&egress), &Operator::default(), stores)
    }

    fn connects(reach: &HostReach, names: &[&str], to: &str) -> bool {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        reach.connects(&names, to.parse().unwrap())
    }

    #[test]
    fn what_is_listed_is_reached_by_its_name() {
        let reach = reach(EgressMode::RestrictedAccess);
        assert!(reach.resolves("PyPI.org") && reach.resolves("db.internal"));
        assert!(!reach.resolves("evil.example") && !reach.resolves("8.8.8.8"));
        assert!(connects(&reach, &["pypi.org"], "1.1.1.1:443"));
        assert!(connects(&reach, &["other.example", "pypi.org"], "1.1.1.1:80"));
        assert!(!connects(&reach, &["pypi.org"], "1.1.1.1:22"));
        assert!(!connects(&reach, &["evil.example"], "1.1.1.1:443"));
        assert!(!connects(&reach, &[], "1.1.1.1:443"));
    }

    #[test]
    fn nothing_leads_inside_but_private_services() {
        for mode in [EgressMode::RestrictedAccess, EgressMode::FullAccess] {
            let reach = reach(mode);
            for to in ["127.0.0.1:443", "10.0.0.7:443", "169.254.169.254:80", "[::1]:443"] {
                assert!(!connects(&reach, &["pypi.org"], to), "{to}");
            }
            assert!(connects(&reach, &[], "10.0.0.7:5432"));
            assert!(connects(&reach, &["db.internal"], "10.9.9.9:5433"));
            assert!(!connects(&reach, &["db.internal"], "127.0.0.1:5433"));
            assert!(!connects(&reach, &["db.corp"], "10.9.9.9:5432"));
        }
        assert!(connects(&self::reach(EgressMode::FullAccess), &[], "1.1.1.1:22"));
    }

    #[test]
    fn stores_are_where_the_operator_has_them() {
        let reach = reach(EgressMode::RestrictedAccess);
        assert!(reach.stores("127.0.0.1", 9000) && !reach.stores("127.0.0.1", 9001));
        assert!(reach.stores("sea.s3.eu-west-1.amazonaws.com", 443));
        assert!(!reach.stores("lake.s3.eu-west-1.amazonaws.com", 443));
        assert!(!reach.stores("s3.eu-west-1.amazonaws.com", 443));
        assert!(!reach.stores("other.example", 443));
    }
}
