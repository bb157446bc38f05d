//! Files for people and programs on this machine: the client profile, the first login, the local node.

use crate::config::ServerConfig;
use crate::{Server, host, tls, wiring};
use anyhow::Context;
use biplane_api::ids::{AccountId, NodeId, WarehouseId, WorkspaceId};
use biplane_compute::NewNode;
use biplane_platform::Secret;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const PROFILE: &str = "databrickscfg";

/// The data directory, for its owner alone.
pub fn prepare(dir: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("making the data directory {}", dir.display()))
}

pub struct Profile<'a> {
    pub account_id: &'a AccountId,
    pub workspace_id: WorkspaceId,
    pub warehouse_id: Option<&'a WarehouseId>,
    pub token: &'a Secret,
}

/// A Databricks configuration file: every tool works with it at once.
pub fn write(server: &Server, profile: &Profile<'_>) -> anyhow::Result<()> {
    let Profile { account_id, workspace_id, warehouse_id, token } = profile;
    let url = server.url();
    let warehouse = warehouse_id.map(|id| format!("warehouse_id = {id}\n")).unwrap_or_default();
    let https = server.https_url().filter(|https| *https != url);
    let https = https
        .map(|https| format!("; also {https}, with the authority in tls/ca.pem\n"))
        .unwrap_or_default();
    let text = format!(
        "{https}[DEFAULT]\nhost = {url}\ntoken = {token}\nworkspace_id = {workspace_id}\n{warehouse}\n\
         [ACCOUNT]\nhost = {url}\naccount_id = {account_id}\ntoken = {token}\n",
        token = token.expose()
    );
    tls::write_private(&server.config.data_dir.join(PROFILE), &text)
        .context("writing databrickscfg")
}

/// The token of the profile written at an earlier start.
pub fn token(dir: &Path) -> Option<Secret> {
    let text = fs::read_to_string(dir.join(PROFILE)).ok()?;
    let token = text.lines().find_map(|line| line.strip_prefix("token = "))?;
    Some(Secret::new(token.trim()))
}

pub fn write_login(dir: &Path, user: &str, password: &Secret) -> anyhow::Result<()> {
    let text = format!("user name: {user}\npassword: {}\n", password.expose());
    tls::write_private(&dir.join("initial-login"), &text).context("writing initial-login")
}

/// Names the certificate of the local authority is good for.
pub fn tls_names(config: &ServerConfig, address: Option<SocketAddr>) -> Vec<String> {
    let mut names =
        vec!["localhost".to_owned(), "*.localhost".into(), "127.0.0.1".into(), "::1".into()];
    let own = fs::read_to_string("/etc/hostname").unwrap_or_default();
    names.extend(Some(own.trim().to_owned()).filter(|name| !name.is_empty()));
    names.extend(
        address
            .map(|address| address.ip())
            .filter(|ip| !ip.is_unspecified())
            .map(|ip| ip.to_string()),
    );
    names.extend(config.domain.iter().flat_map(|domain| [domain.clone(), format!("*.{domain}")]));
    names.extend(config.tls_names.iter().cloned());
    names.sort();
    names.dedup();
    names
}

/// How the node on this machine dials in.
#[derive(Debug, Clone)]
pub struct LocalNode {
    pub relay: String,
    pub data_dir: PathBuf,
    /// Where tables and volumes of this machine are, which engines must reach.
    pub file_roots: Vec<PathBuf>,
    node_id: NodeId,
}

impl LocalNode {
    /// It joins like every other; under the same id however often.
    pub async fn token(&self, server: &Server) -> anyhow::Result<Secret> {
        let new = NewNode {
            node_id: Some(self.node_id.clone()),
            comment: "the node on the machine of the server".into(),
            ..NewNode::default()
        };
        let issued = server.services.compute.node_token_issue(new).await;
        let (token, _) = issued.map_err(wiring::told)?;
        Ok(Secret::new(token.expose()))
    }
}

pub fn local_node(server: &Server) -> anyhow::Result<LocalNode> {
    let data_dir = server.config.data_dir.join("node");
    prepare(&data_dir)?;
    let file = data_dir.join("node.id");
    let node_id = match fs::read_to_string(&file) {
        Ok(text) => text.trim().parse().context("reading node/node.id")?,
        Err(_) => {
            let node_id = NodeId::random();
            tls::write_private(&file, node_id.as_str()).context("writing node/node.id")?;
            node_id
        }
    };
    let file_roots = file_roots(&server.config);
    Ok(LocalNode { relay: host(server.relay), data_dir, file_roots, node_id })
}

/// Where tables and volumes of this machine are.
pub fn file_roots(config: &ServerConfig) -> Vec<PathBuf> {
    let mut roots = vec![config.data_dir.join("storage")];
    roots.extend(config.local_roots.iter().cloned());
    let root = config.storage_root.as_deref().and_then(|root| url::Url::parse(root).ok());
    roots.extend(root.filter(|url| url.scheme() == "file").and_then(|url| url.to_file_path().ok()));
    roots
}
