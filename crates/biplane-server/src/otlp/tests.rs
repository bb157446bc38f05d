//! A collector in the test.

use super::wire::{Any, ExportTraceServiceRequest};
use super::{Exporter, TracesConfig};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use biplane_platform::Secret;
use prost::Message;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn spans_reach_a_collector_that_is_there_again() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut refuse = true;
    let refuse_once =
        std::sync::Arc::new(parking_lot::Mutex::new(move || std::mem::replace(&mut refuse, false)));
    let collect = move |headers: HeaderMap, body: Bytes| {
        let (tell, refuse_once) = (tell.clone(), refuse_once.clone());
        async move {
            if (refuse_once.lock())() {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            let key = headers["x-key"].to_str().unwrap().to_owned();
            tell.send((key, ExportTraceServiceRequest::decode(body).unwrap())).unwrap();
            StatusCode::OK
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/traces", post(collect));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (tracer, exporter) = Exporter::new(TracesConfig {
        endpoint,
        headers: Some(Secret::new("x-key=secret")),
        service_name: "here".into(),
        ratio: 1.0,
        linger: Duration::from_millis(1),
    })
    .unwrap();
    let mut span = tracer.begin("warehouse_list".into(), None, Instant::now());
    span.set("http.response.status_code", || 200);
    drop(span.trace().span("inner"));
    drop(span);
    let stop = CancellationToken::new();
    let exporting = tokio::spawn(exporter.run(stop.clone()));
    let (key, request) = told.recv().await.unwrap();
    assert_eq!(key, "secret");
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    assert_eq!(spans[0].parent_span_id, spans[1].span_id);
    assert_eq!((spans[1].name.as_str(), spans[1].kind), ("warehouse_list", 2));
    let value = spans[1].attributes[0].value.clone().unwrap().value;
    assert_eq!(value, Some(Any::Number(200)));
    drop(tracer.begin("last".into(), None, Instant::now()));
    stop.cancel();
    exporting.await.unwrap();
    assert_eq!(told.recv().await.unwrap().1.resource_spans[0].scope_spans[0].spans[0].name, "last");
}
