//! The names of the members of a mesh: in certificates, and asked for in TLS. The control plane issues
//! them, nodes check them.

use crate::ids::{SandboxId, WorkspaceId};

const TRUST_DOMAIN: &str = "biplane.internal";
/// What follows sandbox and cluster in the server name.
const SUFFIX: &str = "mesh.biplane.internal";

/// Where Apache Spark listens in its sandboxes: the driver, for its executors and for blocks; executors, for blocks.
pub const SPARK_PORTS: [u16; 3] = [7078, 7079, 7080];

/// Who a member is, as its certificate says it.
pub fn uri(workspace_id: WorkspaceId, cluster: &str, sandbox_id: &SandboxId) -> String {
    format!(
        "spiffe://{TRUST_DOMAIN}/workspace/{workspace_id}/cluster/{cluster}/sandbox/{sandbox_id}"
    )
}

/// The name by which one node asks another for a member; its certificate says it as well.
pub fn server_name(cluster: &str, sandbox_id: &SandboxId) -> String {
    format!("{sandbox_id}.{cluster}.{SUFFIX}")
}

/// Sandbox and cluster of a server name.
pub fn parse_server_name(name: &str) -> Option<(SandboxId, &str)> {
    let (sandbox_id, rest) = name.split_once('.')?;
    let (cluster, suffix) = rest.split_once('.')?;
    let known = suffix == SUFFIX && is_cluster(cluster);
    known.then(|| Some((sandbox_id.parse().ok()?, cluster)))?
}

/// A cluster is one compute resource in one generation; its name is a label of a server name.
pub fn is_cluster(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 63 && !text.starts_with('-') && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_members_and_nowhere_else() {
        let id = SandboxId::random();
        let name = server_name("0123abcd-7", &id);
        assert_eq!(parse_server_name(&name), Some((id.clone(), "0123abcd-7")));
        for bad in [
            format!("{id}.x.mesh.biplane.external"),
            format!("{id}.x.y.mesh.biplane.internal"),
            format!("{id}..mesh.biplane.internal"),
            format!("{id}.X.mesh.biplane.internal"),
            "x.y.mesh.biplane.internal".into(),
            "relay.biplane.internal".into(),
            String::new(),
        ] {
            assert_eq!(parse_server_name(&bad), None, "{bad}");
        }
    }
}
