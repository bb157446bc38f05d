//! From what an administrator writes to what is kept, and from that to what nodes enforce.

use crate::network::quota;
use biplane_api::network::{
    DryRun, EgressMode, EgressPolicy, EgressProduct, HostPattern, StorageDestination,
};
use biplane_api::network_config::{
    InternetDestination, NetworkAccess, NetworkPolicy, NetworkPolicyEgress, PolicyEnforcement,
    StorageDestination as WireStorage,
};
use biplane_platform::{ApiError, Result};
use serde_json::Value;

const DESTINATIONS_MAX: usize = 2000;
const ID_CHARS_MAX: usize = 100;

pub fn id(id: Option<&str>) -> Result<&str> {
    let id = id.unwrap_or_default();
    let shaped = (1..=ID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match shaped {
        true => Ok(id),
        false => Err(ApiError::invalid(format!(
            "network_policy_id must have 1 to {ID_CHARS_MAX} letters, digits, hyphens and underscores."
        ))),
    }
}

/// As it is kept: normal, with what was left out. Its id is the caller's matter.
pub fn policy(request: &NetworkPolicy) -> Result<NetworkPolicy> {
    for (name, ingress) in
        [("ingress", &request.ingress), ("ingress_dry_run", &request.ingress_dry_run)]
    {
        if !ingress.as_ref().is_none_or(open) {
            return Err(ApiError::unsupported(format!(
                "{name} of a network policy (use IP access lists and private access settings)"
            )));
        }
    }
    let access = request.egress.as_ref().and_then(|egress| egress.network_access.clone());
    let access = network_access(access.unwrap_or_default())?;
    Ok(NetworkPolicy {
        network_policy_id: request.network_policy_id.clone(),
        egress: Some(NetworkPolicyEgress { network_access: Some(access) }),
        ..NetworkPolicy::default()
    })
}

/// Restricts nothing.
fn open(ingress: &Value) -> bool {
    let restricts = |access: &Value| {
        let mode = access.get("restriction_mode").and_then(Value::as_str);
        !access.is_null()
            && !matches!(
                mode,
                Some("FULL_ACCESS" | "LEGACY_MODE" | "ALLOW_ALL_REGISTERED_ENDPOINTS")
            )
    };
    match ingress {
        Value::Null => true,
        Value::Object(fields) => !fields.values().any(restricts),
        _ => false,
    }
}

fn network_access(asked: NetworkAccess) -> Result<NetworkAccess> {
    let mode = match asked.restriction_mode.as_deref() {
        None | Some("") => "FULL_ACCESS",
        Some("FULL_ACCESS") => "FULL_ACCESS",
        Some("RESTRICTED_ACCESS") => "RESTRICTED_ACCESS",
        Some(_) => {
            return Err(ApiError::invalid(
                "restriction_mode must be FULL_ACCESS or RESTRICTED_ACCESS.",
            ));
        }
    };
    if asked.allowed_databricks_destinations.is_some_and(|list| !list.is_empty()) {
        return Err(ApiError::unsupported("allowed_databricks_destinations of a network policy"));
    }
    let count = asked.allowed_internet_destinations.as_ref().map_or(0, Vec::len)
        + asked.blocked_internet_destinations.as_ref().map_or(0, Vec::len)
        + asked.allowed_storage_destinations.as_ref().map_or(0, Vec::len);
    if count > DESTINATIONS_MAX {
        return Err(quota(format!(
            "A network policy has at most {DESTINATIONS_MAX} destinations."
        )));
    }
    Ok(NetworkAccess {
        restriction_mode: Some(mode.into()),
        allowed_internet_destinations: internet(asked.allowed_internet_destinations)?,
        blocked_internet_destinations: internet(asked.blocked_internet_destinations)?,
        allowed_storage_destinations: storage(asked.allowed_storage_destinations)?,
        allowed_databricks_destinations: None,
        policy_enforcement: Some(enforcement(asked.policy_enforcement.unwrap_or_default())?),
    })
}

fn internet(asked: Option<Vec<InternetDestination>>) -> Result<Option<Vec<InternetDestination>>> {
    let one = |one: InternetDestination| {
        if !matches!(one.internet_destination_type.as_deref(), None | Some("DNS_NAME")) {
            return Err(ApiError::invalid("internet_destination_type must be DNS_NAME."));
        }
        Ok(InternetDestination {
            destination: Some(host(one.destination.as_deref().unwrap_or_default())?),
            internet_destination_type: Some("DNS_NAME".into()),
        })
    };
    asked.map(|list| list.into_iter().map(one).collect()).transpose()
}

/// A full name, or `*.` and a name.
pub fn host(text: &str) -> Result<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let below = name.strip_prefix("*.").unwrap_or(&name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = below.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    let shaped =
        name.len() <= 253 && below.contains('.') && !numeric && below.split('.').all(label);
    match shaped {
        true => Ok(name),
        false => Err(ApiError::invalid(format!(
            "{:?} is not a destination: write a full domain name, or *. and a domain name.",
            text.chars().take(100).collect::<String>()
        ))),
    }
}

fn storage(asked: Option<Vec<WireStorage>>) -> Result<Option<Vec<WireStorage>>> {
    let one = |one: WireStorage| {
        match one.storage_destination_type.as_deref() {
            None | Some("AWS_S3") => {}
            Some(kind @ ("AZURE_STORAGE" | "GOOGLE_CLOUD_STORAGE")) => {
                return Err(ApiError::unsupported(format!("The storage destination type {kind}")));
            }
            Some(_) => return Err(ApiError::invalid("storage_destination_type must be AWS_S3.")),
        }
        let name = one.bucket_name.unwrap_or_default();
        bucket(&name)?;
        let region = one.region.filter(|region| !region.is_empty());
        if region.is_some() {
            crate::network::check_region(region.as_deref())?;
        }
        Ok(WireStorage {
            bucket_name: Some(name),
            region,
            storage_destination_type: Some("AWS_S3".into()),
            ..WireStorage::default()
        })
    };
    asked.map(|list| list.into_iter().map(one).collect()).transpose()
}

pub fn bucket(name: &str) -> Result<()> {
    let shaped = (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    match shaped {
        true => Ok(()),
        false => {
            let shown: String = name.chars().take(100).collect();
            Err(ApiError::invalid(format!("{shown:?} is not the name of a bucket.")))
        }
    }
}

fn enforcement(asked: PolicyEnforcement) -> Result<PolicyEnforcement> {
    let mode = match asked.enforcement_mode.as_deref() {
        None | Some("" | "ENFORCED") => "ENFORCED",
        Some("DRY_RUN") => "DRY_RUN",
        Some(_) => return Err(ApiError::invalid("enforcement_mode must be ENFORCED or DRY_RUN.")),
    };
    let products = asked.dry_run_mode_product_filter.unwrap_or_default();
    if products.iter().any(|one| product(one).is_none()) {
        return Err(ApiError::invalid(
            "dry_run_mode_product_filter may name DBSQL and ML_SERVING.",
        ));
    }
    Ok(PolicyEnforcement {
        enforcement_mode: Some(mode.into()),
        dry_run_mode_product_filter: Some(products).filter(|products| !products.is_empty()),
    })
}

fn product(text: &str) -> Option<EgressProduct> {
    match text {
        "DBSQL" => Some(EgressProduct::Sql),
        "ML_SERVING" => Some(EgressProduct::ModelServing),
        _ => None,
    }
}

/// What nodes enforce.
pub fn compiled(id: &str, policy: &NetworkPolicy) -> EgressPolicy {
    let access = policy.egress.as_ref().and_then(|egress| egress.network_access.as_ref());
    let Some(access) =
        access.filter(|access| access.restriction_mode.as_deref() == Some("RESTRICTED_ACCESS"))
    else {
        return EgressPolicy::full_access(id);
    };
    let hosts = |list: &Option<Vec<InternetDestination>>| {
        let names = list.iter().flatten().filter_map(|one| one.destination.clone());
        names.map(HostPattern).collect()
    };
    let bucket = |one: &WireStorage| {
        Some(StorageDestination { bucket: one.bucket_name.clone()?, region: one.region.clone() })
    };
    EgressPolicy {
        network_policy_id: id.to_owned(),
        mode: EgressMode::RestrictedAccess,
        internet: hosts(&access.allowed_internet_destinations),
        blocked: hosts(&access.blocked_internet_destinations),
        storage: access.allowed_storage_destinations.iter().flatten().filter_map(bucket).collect(),
        dry_run: dry_run(access.policy_enforcement.as_ref()),
        private: Vec::new(),
    }
}

fn dry_run(enforcement: Option<&PolicyEnforcement>) -> DryRun {
    let Some(enforcement) =
        enforcement.filter(|one| one.enforcement_mode.as_deref() == Some("DRY_RUN"))
    else {
        return DryRun::Off;
    };
    match enforcement.dry_run_mode_product_filter.as_deref() {
        None | Some([]) => DryRun::All,
        Some(products) => {
            DryRun::Products(products.iter().filter_map(|one| product(one)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_names() {
        for (text, kept) in [
            ("PyPI.org", "pypi.org"),
            ("files.pythonhosted.org.", "files.pythonhosted.org"),
            ("*.Example.com", "*.example.com"),
            ("_dmarc.example.com", "_dmarc.example.com"),
        ] {
            assert_eq!(host(text).unwrap(), kept);
        }
        for bad in [
            "",
            "localhost",
            "*",
            "*.com.",
            "**.example.com",
            "a.*.com",
            "10.0.0.1",
            "*.0.0.1",
            "https://x.org",
            "x.org:443",
            "x.org/",
            "-a.org",
            "a..org",
            "a b.org",
            "é.org",
            "*.",
        ] {
            // `*.com` would be everything.
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
