//! What a workspace's compute may reach, compiled from the account's network policies: the control plane
//! pushes it to nodes, and the egress door of a sandbox decides by it.

use crate::ids::WorkspaceId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The policy of one workspace. An unknown field or value is an error: a door must not guess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressPolicy {
    /// As it is called in the account; for logs and for telling users why.
    pub network_policy_id: String,
    pub mode: EgressMode,
    /// Reachable when restricted.
    pub internet: Vec<HostPattern>,
    /// Never reachable when restricted, also where `internet` says otherwise.
    pub blocked: Vec<HostPattern>,
    /// Reachable when restricted, beside what the catalog's own locations need.
    pub storage: Vec<StorageDestination>,
    pub dry_run: DryRun,
    /// Names that lead to services of the operator's own networks, whatever the rest of this says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<PrivateEndpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivateEndpoint {
    /// As the operator calls it.
    pub service: String,
    pub hosts: Vec<HostPattern>,
    /// Where it is: a port of it is open for the names when some address has it.
    pub at: Vec<ServiceAddress>,
}

/// `10.1.2.3:5432`, `[fd00::1]:443` or `db.internal:5432`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAddress {
    pub host: String,
    pub port: u16,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an address: write host:port")]
pub struct ServiceAddressError(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EgressMode {
    FullAccess,
    RestrictedAccess,
}

/// What is told to the log instead of being refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DryRun {
    Off,
    All,
    /// Only these; all others are enforced.
    Products(Vec<EgressProduct>),
}

/// What runs in a sandbox, as policies tell workloads apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EgressProduct {
    /// SQL warehouses.
    #[serde(rename = "DBSQL")]
    Sql,
    #[serde(rename = "ML_SERVING")]
    ModelServing,
    /// Everything else; no policy names it.
    #[serde(rename = "OTHER")]
    Other,
}

/// `example.com`, or `*.example.com` for every name below it (not itself). Lower case, without a dot at
/// the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostPattern(pub String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageDestination {
    pub bucket: String,
    /// None = wherever the bucket is.
    pub region: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressVerdict {
    Allowed,
    /// Let through and logged as what would have been refused.
    DryRun,
    Denied,
}

/// How the control plane names it to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceEgress {
    pub workspace_id: WorkspaceId,
    pub policy: EgressPolicy,
}

impl HostPattern {
    /// `host` in any case, with or without a dot at the end.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self.0.strip_prefix('*') {
            // `.example.com`: something must stand before it.
            Some(below) => {
                host.len() > below.len()
                    && host.is_char_boundary(host.len() - below.len())
                    && host[host.len() - below.len()..].eq_ignore_ascii_case(below)
            }
            None => host.eq_ignore_ascii_case(&self.0),
        }
    }

    fn exactness(&self) -> (bool, usize) {
        (!self.0.starts_with('*'), self.0.len())
    }
}

impl FromStr for ServiceAddress {
    type Err = ServiceAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ServiceAddressError(text.chars().take(300).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().map_err(|_| wrong())?.to_string(),
            None => host.to_ascii_lowercase(),
        };
        let named = (1..=253).contains(&host.len())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        match named || host.contains(':') && text.starts_with('[') {
            true => Ok(Self { host, port }),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl EgressPolicy {
    /// Everything is reachable: what holds where nothing was configured.
    pub fn full_access(network_policy_id: &str) -> Self {
        Self {
            network_policy_id: network_policy_id.to_owned(),
            mode: EgressMode::FullAccess,
            internet: Vec::new(),
            blocked: Vec::new(),
            storage: Vec::new(),
            dry_run: DryRun::Off,
            private: Vec::new(),
        }
    }

    /// The endpoint that a name leads to: of two that match, the one that says it more exactly.
    pub fn private(&self, host: &str) -> Option<&PrivateEndpoint> {
        let matching = self.private.iter().flat_map(|endpoint| {
            let hosts = endpoint.hosts.iter().filter(|pattern| pattern.matches(host));
            hosts.map(move |pattern| (pattern, endpoint))
        });
        matching.max_by_key(|(pattern, _)| pattern.exactness()).map(|(_, endpoint)| endpoint)
    }

    /// A name on the internet. An address without a name matches no pattern.
    pub fn host(&self, product: EgressProduct, host: &str) -> EgressVerdict {
        let any = |patterns: &[HostPattern]| patterns.iter().any(|pattern| pattern.matches(host));
        self.verdict(product, any(&self.internet) && !any(&self.blocked))
    }

    /// A bucket of object storage.
    pub fn bucket(
        &self,
        product: EgressProduct,
        bucket: &str,
        region: Option<&str>,
    ) -> EgressVerdict {
        let listed = self.storage.iter().any(|one| {
            one.bucket == bucket
                && one.region.as_deref().is_none_or(|own| region.is_none_or(|asked| asked == own))
        });
        self.verdict(product, listed)
    }

    fn verdict(&self, product: EgressProduct, listed: bool) -> EgressVerdict {
        let dry = match &self.dry_run {
            DryRun::Off => false,
            DryRun::All => true,
            DryRun::Products(products) => products.contains(&product),
        };
        match (self.mode, listed, dry) {
            (EgressMode::FullAccess, ..) | (_, true, _) => EgressVerdict::Allowed,
            (EgressMode::RestrictedAccess, false, true) => EgressVerdict::DryRun,
            (EgressMode::RestrictedAccess, false, false) => EgressVerdict::Denied,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern(text.into())
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(pattern("pypi.org").matches("PyPI.org."));
        assert!(!pattern("pypi.org").matches("evilpypi.org"));
        assert!(!pattern("pypi.org").matches("pypi.org.evil.example"));
        assert!(pattern("*.example.com").matches("a.b.Example.com"));
        for host in ["example.com", ".example.com", "aexample.com", "é.com", ""] {
            assert!(!pattern("*.example.com").matches(host), "{host}");
        }
    }

    #[test]
    fn the_more_exact_name_leads() {
        let endpoint = |service: &str, host: &str| PrivateEndpoint {
            service: service.into(),
            hosts: vec![pattern(host)],
            at: vec!["10.0.0.1:5432".parse().unwrap()],
        };
        let mut policy = EgressPolicy::full_access("p");
        let plain = serde_json::to_string(&policy).unwrap();
        assert!(!plain.contains("private"), "a node of before reads it too");
        policy.private = vec![
            endpoint("all", "*.a.org"),
            endpoint("one", "b.a.org"),
            endpoint("c", "*.c.a.org"),
        ];
        let led = |host: &str| policy.private(host).map(|found| found.service.as_str());
        assert_eq!(led("x.a.org"), Some("all"));
        assert_eq!(led("B.a.org"), Some("one"));
        assert_eq!(led("x.c.a.org"), Some("c"));
        assert_eq!(led("a.org"), None);
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<EgressPolicy>(&text).unwrap(), policy);
    }

    #[test]
    fn addresses_of_services() {
        for text in ["10.1.2.3:5432", "[fd00::1]:443", "db.internal:1"] {
            assert_eq!(text.parse::<ServiceAddress>().unwrap().to_string(), text);
        }
        for text in ["", "a", "a:", "a:0", "a:65536", "fd00::1:443", "[x]:1", ":1", "a b:1", "[]:1"]
        {
            assert!(text.parse::<ServiceAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn blocked_beats_allowed_and_dry_run_lets_through() {
        let mut policy = EgressPolicy {
            mode: EgressMode::RestrictedAccess,
            internet: vec![pattern("*.example.com")],
            blocked: vec![pattern("bad.example.com")],
            storage: vec![StorageDestination { bucket: "b".into(), region: Some("r".into()) }],
            ..EgressPolicy::full_access("p")
        };
        let sql = EgressProduct::Sql;
        assert_eq!(policy.host(sql, "a.example.com"), EgressVerdict::Allowed);
        assert_eq!(policy.host(sql, "bad.example.com"), EgressVerdict::Denied);
        assert_eq!(policy.bucket(sql, "b", Some("r")), EgressVerdict::Allowed);
        assert_eq!(policy.bucket(sql, "b", Some("s")), EgressVerdict::Denied);
        policy.dry_run = DryRun::Products(vec![EgressProduct::ModelServing]);
        assert_eq!(policy.host(sql, "other.example"), EgressVerdict::Denied);
        assert_eq!(
            policy.host(EgressProduct::ModelServing, "other.example"),
            EgressVerdict::DryRun
        );
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<EgressPolicy>(&text).unwrap(), policy);
        policy.mode = EgressMode::FullAccess;
        assert_eq!(policy.host(sql, "bad.example.com"), EgressVerdict::Allowed);
    }
}
