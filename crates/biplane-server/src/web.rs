//! The web application, embedded: files by name, and its page for every other path of a browser.
//!
//! The build puts a gzip of each larger file beside it (`web/vite.config.ts`); browsers get that one.
//! Paths of APIs never fall through to the page: a client that asks for what is not there gets JSON.

use crate::edge::endpoint_not_found;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Assets;

/// First segments of paths that belong to APIs.
const API_ROOTS: &[&str] =
    &["api", "oidc", ".well-known", "sql", "telemetry-ext", "telemetry-unauth", "internal"];

const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// Everything no route took.
pub async fn fallback(request: Request<Body>) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let root = path.split('/').next().unwrap_or_default();
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
    // `/sql` itself is the page of the editor; `/sql/1.0/…` is Thrift.
    let is_api = API_ROOTS.contains(&root)
        && !(root == "sql" && !path.starts_with("sql/1.0") && !path.starts_with("sql/protocolv1"));
    if is_api || !is_page {
        return endpoint_not_found(&path).into_response();
    }
    let headers = request.headers();
    match Assets::get(&path) {
        Some(file) if !path.is_empty() => asset(&path, &file, headers),
        _ if path.starts_with("assets/") => StatusCode::NOT_FOUND.into_response(),
        _ => match Assets::get("index.html") {
            Some(file) => asset("index.html", &file, headers),
            None => (
                StatusCode::NOT_FOUND,
                "This build has no web application. Build it with `npm run build` in web/.",
            )
                .into_response(),
        },
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next() == Some("gzip") && !matches!(parts.next(), Some("q=0" | "q=0.0"))
    })
}

fn asset(path: &str, file: &EmbeddedFile, asked: &HeaderMap) -> Response {
    let packed = Assets::get(&format!("{path}.gz"));
    let zipped = packed.as_ref().filter(|_| accepts_gzip(asked));
    let sent = zipped.unwrap_or(file);
    let known = asked.get(header::IF_NONE_MATCH);
    let tag = format!("\"{}\"", hex::encode(&sent.metadata.sha256_hash()[..16]));
    // Names under assets/ carry a hash of the content.
    let caching = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(sent.data.clone()).into_response()
    };
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::ETAG, &tag);
    if packed.is_some() {
        set(header::VARY, "accept-encoding");
    }
    if zipped.is_some() {
        set(header::CONTENT_ENCODING, "gzip");
    }
    set(header::CACHE_CONTROL, caching);
    set(header::CONTENT_TYPE, file.metadata.mimetype());
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    response
}

#[cfg(test)]
mod tests {
    use super::accepts_gzip;
    use axum::http::{HeaderMap, HeaderValue, header};

    #[test]
    fn gzip_is_sent_to_whom_takes_it() {
        let takes = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static(value),
            )]))
        };
        assert!(takes("gzip"));
        assert!(takes("br;q=1, gzip;q=0.8, *"));
        assert!(!takes("br, gzip;q=0"));
        assert!(!takes("identity"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
