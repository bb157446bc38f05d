//! `biplane node-token create`: asks the server, as an admin of the account.

use crate::args::NodeTokenArgs;
use anyhow::{Context, bail};
use biplane_api::nodes::{NewNodeToken, NodeTokenRequest};
use biplane_platform::Secret;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 1 << 20;
const PATH: &str = "/api/2.0/biplane/node-tokens";

pub async fn create(args: NodeTokenArgs) -> anyhow::Result<()> {
    let (host, token) = match (&args.host, &args.data_dir) {
        (Some(host), _) => {
            let token = std::env::var("BIPLANE_TOKEN").context("BIPLANE_TOKEN is not set")?;
            (host.clone(), Secret::new(token))
        }
        (None, Some(dir)) => profile(dir)?,
        (None, None) => bail!("give --host or --data-dir"),
    };
    let request = NodeTokenRequest {
        region: args.region,
        labels: labels(&args.labels)?,
        ttl_seconds: Some(args.ttl),
        comment: args.comment,
    };
    let body = serde_json::to_vec(&request)?;
    let asking = ask(&host, args.ca.as_deref(), &token, body);
    let answer = tokio::time::timeout(PATIENCE, asking).await.context("the server is silent")??;
    let made: NewNodeToken = serde_json::from_slice(&answer).context("reading the answer")?;
    eprintln!("node {}, to join within {} seconds:", made.info.node_id, args.ttl);
    println!("{}", made.token);
    Ok(())
}

/// What a server writes for programs on its machine.
fn profile(data_dir: &Path) -> anyhow::Result<(String, Secret)> {
    let file = data_dir.join("databrickscfg");
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let find = |name: &str| {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let found = lines.into_iter().find(|(key, _)| key.trim() == name);
        found.map(|(_, value)| value.trim().to_owned()).with_context(|| format!("no {name} in it"))
    };
    Ok((find("host")?, Secret::new(find("token")?)))
}

fn labels(given: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let one = |text: &String| {
        let (name, value) = text.split_once('=').context("a label is written name=value")?;
        anyhow::ensure!(!name.is_empty(), "a label needs a name");
        Ok((name.to_owned(), value.to_owned()))
    };
    given.iter().map(one).collect()
}

async fn ask(
    host: &str,
    ca: Option<&Path>,
    token: &Secret,
    body: Vec<u8>,
) -> anyhow::Result<Bytes> {
    let url: http::Uri = host.parse().context("the host is not a URL")?;
    let name = url.host().context("the host is not a URL")?.trim_matches(['[', ']']);
    let secure = match url.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => bail!("the host begins with http:// or https://"),
    };
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let authority = url.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let request = http::Request::post(PATH)
        .header("host", authority)
        .header("authorization", format!("Bearer {}", token.expose()))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let tcp = TcpStream::connect((name, port)).await.with_context(|| format!("reaching {host}"))?;
    if !secure {
        return exchange(tcp, request).await;
    }
    let server = ServerName::try_from(name.to_owned())?;
    let tls = TlsConnector::from(Arc::new(tls(ca)?)).connect(server, tcp).await?;
    exchange(tls, request).await
}

fn tls(ca: Option<&Path>) -> anyhow::Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    match ca {
        Some(file) => roots.add(CertificateDer::from_pem_file(file).context("reading --ca")?)?,
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

async fn exchange<S>(stream: S, request: http::Request<Full<Bytes>>) -> anyhow::Result<Bytes>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("reading the answer: {error}"))?.to_bytes();
    if status.is_success() {
        return Ok(body);
    }
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    bail!("the server refused: {status} {}", told["message"].as_str().unwrap_or_default())
}
