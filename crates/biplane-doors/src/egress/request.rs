//! What a request asks for, read one way only.

use super::dial::{self, Found};
use super::{Visit, forward, tunnel};
use crate::event::Reason;
use crate::http_text::{self, Body};
use crate::target::{Host, Target};
use biplane_forwarder::{DOOR_HOST, PORTS_HEADER};
use http::header::HeaderValue;
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

impl Visit {
    pub(super) async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        if request.method() == Method::CONNECT {
            return self.connect(request).await;
        }
        let target = match self.target(&request) {
            Ok(target) => target,
            Err(text) => return http_text::text(StatusCode::BAD_REQUEST, text),
        };
        if target.host.name() == Some(DOOR_HOST) {
            return self.resolve(request.uri().path()).await;
        }
        let guard = self.guard(&target);
        if self.fixed.as_ref().is_some_and(|fixed| *fixed != target) {
            let reason = guard.deny(Reason::HostHeader);
            return http_text::text(StatusCode::FORBIDDEN, &guard.text(&reason));
        }
        forward::forward(self, guard, request).await
    }

    async fn connect(self, request: Request<Incoming>) -> Response<Body> {
        // No tunnel within a tunnel.
        if self.fixed.is_some() {
            let text = "this connection is to a server already";
            return http_text::text(StatusCode::METHOD_NOT_ALLOWED, text);
        }
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        let Some(target) = authority.and_then(|authority| Target::parse(authority, None)) else {
            let text = "CONNECT wants a host and a port";
            return http_text::text(StatusCode::BAD_REQUEST, text);
        };
        let guard = self.guard(&target);
        tunnel::connect(self, guard, request).await
    }

    /// `http://host/…`, or a path and a Host header from a program that knows no proxy.
    fn target(&self, request: &Request<Incoming>) -> Result<Target, &'static str> {
        let uri = request.uri();
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let host = hosts.next();
        if hosts.next().is_some() {
            return Err("a request has one Host header");
        }
        match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) if self.fixed.is_none() => {
                Target::parse(authority.as_str(), Some(80)).ok_or("the address is not a valid one")
            }
            (None, None) if uri.path().starts_with('/') => host
                .and_then(|host| host.to_str().ok())
                .and_then(|host| Target::parse(host, Some(80)))
                .ok_or("the Host header is not a valid one"),
            _ => Err("this proxy takes CONNECT and http:// addresses"),
        }
    }

    /// For the name server inside the sandbox: may this name be reached, and does it exist?
    async fn resolve(&self, path: &str) -> Response<Body> {
        let name = path.strip_prefix("/resolve/").and_then(Host::parse);
        let Some(host @ Host::Name(_)) = name else {
            return http_text::text(StatusCode::NOT_FOUND, "there is nothing here");
        };
        let guard = self.guard(&Target { host, port: 443 });
        // What it leads to is somebody else's to look up, and its ports are what a program may find.
        if let Some(endpoint) = guard.policy().private(&guard.target) {
            let ports: Vec<String> = endpoint.at.iter().map(|at| at.port.to_string()).collect();
            return reachable(&ports.join(" "));
        }
        if let Err(reason) = guard.decide() {
            return http_text::text(StatusCode::FORBIDDEN, &guard.text(&reason));
        }
        let policy = guard.policy();
        match dial::addresses(&self.door, &policy, &guard.target.host).await {
            Ok(Found::Allowed(_)) => reachable(""),
            Ok(Found::Inside(address)) => {
                let reason = guard.deny(Reason::Inside(address));
                http_text::text(StatusCode::FORBIDDEN, &guard.text(&reason))
            }
            Err(failed) => failed.answer(&guard),
        }
    }
}

fn reachable(ports: &str) -> Response<Body> {
    let mut response = Response::new(http_text::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Some(value) = HeaderValue::from_str(ports).ok().filter(|value| !value.is_empty()) {
        response.headers_mut().insert(PORTS_HEADER, value);
    }
    response
}
