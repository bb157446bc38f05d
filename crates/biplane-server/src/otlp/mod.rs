//! Traces to an OpenTelemetry collector: OTLP over HTTP with protobuf, in batches.
//!
//! What must hold: nobody waits for the collector; spans that it does not take are dropped and counted.

mod wire;

#[cfg(test)]
mod tests;

use anyhow::{Context, bail};
use axum::body::Bytes;
use biplane_platform::Secret;
use biplane_platform::metrics::registered;
use biplane_platform::trace::{SpanRecord, Tracer};
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use prometheus_client::metrics::counter::Counter;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;
use url::Url;

const QUEUE_SPANS_MAX: usize = 8192;
const BATCH_SPANS_MAX: usize = 512;
const ATTEMPTS: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where traces go.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// `http://collector:4318/v1/traces`
    pub endpoint: String,
    /// `name=value,…`, as in OTEL_EXPORTER_OTLP_HEADERS.
    pub headers: Option<Secret>,
    pub service_name: String,
    /// Of the requests that bring no decision of their own.
    pub ratio: f64,
    /// A span waits so long for others to go with.
    pub linger: Duration,
}

static LOST: LazyLock<Counter> = LazyLock::new(|| {
    registered("trace_spans_lost", "Spans that the collector did not take.", Counter::default())
});

pub struct Exporter {
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    tls: Option<TlsConnector>,
    config: TracesConfig,
    spans: mpsc::Receiver<SpanRecord>,
}

impl Exporter {
    pub fn new(config: TracesConfig) -> anyhow::Result<(Tracer, Self)> {
        let url: Url = config.endpoint.parse().context("the address for traces")?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => Some(tls()?),
            _ => bail!("the address for traces begins with http:// or https://"),
        };
        let text = config.headers.as_ref().map_or("", Secret::expose);
        let headers = text
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| {
                let mut value = HeaderValue::from_str(value.trim())?;
                value.set_sensitive(true);
                Ok((name.trim().parse::<HeaderName>()?, value))
            })
            .collect::<anyhow::Result<_>>()
            .context("the headers for traces")?;
        let (tracer, spans) = Tracer::new(config.ratio, QUEUE_SPANS_MAX);
        Ok((tracer, Self { url, headers, tls, config, spans }))
    }

    /// Until `stop`, then what is there.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_SPANS_MAX);
        loop {
            let got = tokio::select! {
                () = stop.cancelled() => break,
                got = self.spans.recv_many(&mut batch, BATCH_SPANS_MAX) => got,
            };
            if got == 0 {
                break;
            }
            if batch.len() < BATCH_SPANS_MAX {
                let _ = stop.run_until_cancelled(tokio::time::sleep(self.config.linger)).await;
                while batch.len() < BATCH_SPANS_MAX
                    && let Ok(span) = self.spans.try_recv()
                {
                    batch.push(span);
                }
            }
            self.export(&mut batch, ATTEMPTS).await;
        }
        while let Ok(span) = self.spans.try_recv() {
            batch.push(span);
        }
        if !batch.is_empty() {
            self.export(&mut batch, 1).await;
        }
    }

    async fn export(&self, batch: &mut Vec<SpanRecord>, attempts: u32) {
        let count = batch.len() as u64;
        let body = wire::request(&self.config.service_name, std::mem::take(batch));
        let body = Bytes::from(body);
        for attempt in 1..=attempts {
            let sent = tokio::time::timeout(TIMEOUT, self.post(body.clone())).await;
            let error = match sent {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => anyhow::anyhow!("no answer in time"),
            };
            if attempt < attempts {
                tokio::time::sleep(AGAIN * attempt).await;
            } else {
                LOST.inc_by(count);
                tracing::warn!(
                    spans = count,
                    error = format!("{error:#}"),
                    "traces could not be exported"
                );
            }
        }
    }

    async fn post(&self, body: Bytes) -> anyhow::Result<()> {
        let host = self.url.host_str().context("an address without a host")?;
        let port = self.url.port_or_known_default().unwrap_or(4318);
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((name, port)).await?;
        match &self.tls {
            None => self.send(stream, body).await,
            Some(tls) => {
                let name = ServerName::try_from(name.to_owned())?;
                self.send(tls.connect(name, stream).await?, body).await
            }
        }
    }

    async fn send<S>(&self, stream: S, body: Bytes) -> anyhow::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let host = match (self.url.host_str().unwrap_or_default(), self.url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.path())
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/x-protobuf");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        let read = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        connection.abort();
        if !status.is_success() {
            bail!("the collector answers {status}");
        }
        read.map(drop).map_err(|error| anyhow::anyhow!(error))
    }
}

fn tls() -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        // One that cannot be read is one fewer.
        let _ = roots.add(certificate);
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
