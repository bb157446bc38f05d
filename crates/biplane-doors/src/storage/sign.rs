//! Signature version 4, for S3, in headers, with an unsigned payload: bodies stream through.

use super::grants::Keys;
use super::name::encode;
use hmac::{Hmac, Mac};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request};
use sha2::{Digest, Sha256};
use std::fmt::Write;

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A query in the order and spelling that is signed and sent.
pub fn query(pairs: &[(String, String)]) -> String {
    let mut encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    encoded.sort();
    encoded.join("&")
}

/// Adds date, token and signature. Path and query of the address must be encoded as they are signed,
/// and the Host header must be there.
pub fn sign<B>(
    request: &mut Request<B>,
    keys: &Keys,
    region: &str,
    time: &str,
) -> Result<(), header::InvalidHeaderValue> {
    let secret = |text: &str| {
        let mut value = HeaderValue::from_str(text)?;
        value.set_sensitive(true);
        Ok(value)
    };
    let headers = request.headers_mut();
    headers.insert("x-amz-content-sha256", HeaderValue::from_static(UNSIGNED));
    headers.insert("x-amz-date", HeaderValue::from_str(time)?);
    if let Some(token) = &keys.session_token {
        headers.insert("x-amz-security-token", secret(token)?);
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let (names, lines) = signed_headers(request.headers());
    let canonical =
        canonical(&method, uri.path(), uri.query().unwrap_or_default(), &lines, &names, UNSIGNED);
    let scope = format!("{}/{region}/s3/aws4_request", &time[..8]);
    let signature = signature(keys, region, time, &scope, &canonical);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.access_key_id
    );
    request.headers_mut().insert(header::AUTHORIZATION, secret(&authorization)?);
    Ok(())
}

fn canonical(
    method: &Method,
    path: &str,
    query: &str,
    lines: &str,
    names: &str,
    payload: &str,
) -> String {
    format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}")
}

/// Names, and lines of name and value; what a hop may change is left out.
fn signed_headers(headers: &HeaderMap) -> (String, String) {
    let mut signed: Vec<(&str, &HeaderValue)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| {
            *name == "host"
                || *name == "content-type"
                || *name == "content-md5"
                || *name == "range"
                || name.starts_with("x-amz-")
        })
        .collect();
    signed.sort_by_key(|(name, _)| *name);
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    let mut lines = String::new();
    for (name, value) in &signed {
        let value = String::from_utf8_lossy(value.as_bytes());
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{name}:{}", words.join(" "));
    }
    (names.join(";"), lines)
}

fn signature(keys: &Keys, region: &str, time: &str, scope: &str, canonical: &str) -> String {
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let secret = format!("AWS4{}", keys.secret_access_key);
    let mut key = secret.into_bytes();
    for part in [&time[..8], region, "s3", "aws4_request", &text] {
        key = mac(&key, part.as_bytes());
    }
    hex::encode(key)
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key of any length will do: this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        }
    }

    /// The examples in Amazon's own description of the signature.
    #[test]
    fn signs_as_published() {
        let empty = hex::encode(Sha256::digest(""));
        let (time, scope) = ("20130524T000000Z", "20130524/us-east-1/s3/aws4_request");
        for (path, query, range, expected) in [
            (
                "/test.txt",
                "",
                true,
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                "/",
                "lifecycle=",
                false,
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                "/",
                "max-keys=2&prefix=J",
                false,
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("examplebucket.s3.amazonaws.com"));
            headers.insert("x-amz-date", HeaderValue::from_static(time));
            headers.insert("x-amz-content-sha256", HeaderValue::from_str(&empty).unwrap());
            if range {
                headers.insert("range", HeaderValue::from_static("bytes=0-9"));
            }
            let (names, lines) = signed_headers(&headers);
            let canonical = canonical(&Method::GET, path, query, &lines, &names, &empty);
            assert_eq!(signature(&keys(), "us-east-1", time, scope, &canonical), expected);
        }
    }

    #[test]
    fn queries_are_sorted_and_encoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let pairs = [pair("prefix", "a b/ü+"), pair("list-type", "2"), pair("uploads", "")];
        assert_eq!(query(&pairs), "list-type=2&prefix=a%20b%2F%C3%BC%2B&uploads=");
    }

    #[test]
    fn keys_are_not_shown() {
        let mut request = Request::get("https://lake.example/lake/a").body(()).unwrap();
        request.headers_mut().insert("host", HeaderValue::from_static("lake.example"));
        let keys = Keys { session_token: Some("token".into()), ..keys() };
        sign(&mut request, &keys, "us-east-1", "20130524T000000Z").unwrap();
        let shown = format!("{request:?}");
        assert!(!shown.contains("AKIA") && !shown.contains("\"token\""), "{shown}");
        assert!(
            request.headers()["authorization"].to_str().unwrap().contains("x-amz-security-token")
        );
    }
}
