//! Places in storage: read from what clients write, in one canonical form that can be compared.
//!
//! A location never has `.`, `..` or empty segments, so one that begins with another lies inside it.

use biplane_api::internal::Storage;
use biplane_platform::{ApiError, Result, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::collections::BTreeMap;
use std::fmt;

const URL_BYTES_MAX: usize = 4096;

/// Left as they are: they mean nothing in a path, and partition directories stay readable.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'=')
    .remove(b'+')
    .remove(b'@')
    .remove(b',')
    .remove(b':')
    .remove(b'*');

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    File,
    S3,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub scheme: Scheme,
    /// Empty for files.
    bucket: String,
    /// Decoded.
    segments: Vec<String>,
}

impl Location {
    /// A URL: `s3://bucket/key` (also `s3a`, `s3n`) or `file:///path`. Percent signs are read as in URLs.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > URL_BYTES_MAX {
            return Err(ApiError::invalid("The URL is too long."));
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(ApiError::invalid(
                "A URL such as s3://bucket/path or file:///path is expected.",
            ));
        };
        let (scheme, bucket, path) = match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path = rest
                    .strip_prefix("//")
                    .map_or(rest, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
                if !path.starts_with('/') {
                    return Err(ApiError::invalid(
                        "A file URL names an absolute path: file:///path.",
                    ));
                }
                (Scheme::File, "", path)
            }
            "s3" | "s3a" | "s3n" => {
                let rest = rest.strip_prefix("//").unwrap_or_default();
                let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
                check_bucket(bucket)?;
                (Scheme::S3, bucket, path)
            }
            "abfss" | "abfs" | "wasbs" | "gs" | "r2" | "adl" | "hdfs" | "http" | "https" => {
                return Err(ApiError::unsupported(format!(
                    "Storage with the scheme {}",
                    scheme.to_ascii_lowercase()
                )));
            }
            _ => {
                return Err(ApiError::invalid(
                    "The URL has a scheme that is not one of a storage: use s3 or file.",
                ));
            }
        };
        let decoded = path.trim_matches('/').split('/').map(|segment| {
            percent_decode_str(segment)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| ApiError::invalid("The URL is not valid UTF-8."))
        });
        let segments = decoded.collect::<Result<Vec<_>>>()?;
        Self { scheme, bucket: bucket.to_owned(), segments: Vec::new() }
            .join(segments.iter().map(String::as_str))
    }

    /// Something inside; the segments are taken as they are.
    pub fn join<'a>(mut self, segments: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        for segment in segments {
            if segment.is_empty() {
                // `a//b` means `a/b` to a file system and something else to S3: taken as the former.
                continue;
            }
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            let climbs = |text: &str| matches!(text, "." | "..") || text.contains(['/', '\\']);
            if climbs(segment) || climbs(&decoded) || segment.chars().any(char::is_control) {
                return Err(ApiError::invalid(
                    "The path must not have `.` or `..` segments or control characters.",
                ));
            }
            self.segments.push(segment.to_owned());
        }
        Ok(self)
    }

    /// Bucket and directory, for places in object stores.
    pub fn object(&self) -> Option<(&str, String)> {
        match self.scheme {
            Scheme::S3 => Some((&self.bucket, self.segments.join("/"))),
            Scheme::File => None,
        }
    }

    /// Equal, or inside.
    pub fn is_in(&self, outer: &Location) -> bool {
        self.scheme == outer.scheme
            && self.bucket == outer.bucket
            && self.segments.starts_with(&outer.segments)
    }

    pub fn overlaps(&self, other: &Location) -> bool {
        self.is_in(other) || other.is_in(self)
    }

    pub fn is_root(&self) -> bool {
        self.scheme == Scheme::File && self.segments.is_empty()
    }

    pub fn storage(&self, config: &StorageConfig) -> Result<Storage> {
        let options = match (self.scheme, &config.s3) {
            (Scheme::File, _) => BTreeMap::new(),
            (Scheme::S3, Some(s3)) => s3.options(),
            (Scheme::S3, None) => {
                return Err(ApiError::unsupported(
                    "Storage on S3 without `storage.s3` in the server's configuration",
                ));
            }
        };
        Ok(Storage { url: self.to_string(), options })
    }
}

fn check_bucket(bucket: &str) -> Result<()> {
    let good = bucket
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_'));
    match (3..=255).contains(&bucket.len()) && good {
        true => Ok(()),
        false => Err(ApiError::invalid("The URL does not name an S3 bucket.")),
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::File => f.write_str("file://")?,
            Scheme::S3 => write!(f, "s3://{}", self.bucket)?,
        }
        if self.is_root() {
            return f.write_str("/");
        }
        self.segments
            .iter()
            .try_for_each(|segment| write!(f, "/{}", utf8_percent_encode(segment, ENCODED)))
    }
}

/// The operator's storage.
#[derive(Debug, Clone, Default)]
pub struct StorageConfig {
    /// Where managed tables and volumes of a new metastore lie: a URL.
    pub default_root: String,
    /// Directories (file URLs) in which external locations may be made. None: no local external locations.
    pub local_roots: Vec<String>,
    /// Directories (file URLs) of the server itself, which no external location may touch.
    pub protected: Vec<String>,
    pub s3: Option<S3Config>,
    /// How long files of dropped managed tables and volumes stay, for statements that still read them.
    pub drop_grace_ms: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct S3Config {
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key_id: String,
    pub secret_access_key: Secret,
    /// Of a key that is good for a time only.
    pub session_token: Option<Secret>,
    pub allow_http: bool,
    pub path_style: bool,
}

impl S3Config {
    fn options(&self) -> BTreeMap<String, String> {
        let mut options = BTreeMap::from([
            ("aws_access_key_id".to_owned(), self.access_key_id.clone()),
            ("aws_secret_access_key".to_owned(), self.secret_access_key.expose().to_owned()),
            ("aws_virtual_hosted_style_request".to_owned(), (!self.path_style).to_string()),
            ("aws_allow_http".to_owned(), self.allow_http.to_string()),
            (
                "aws_region".to_owned(),
                self.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
            ),
        ]);
        if let Some(token) = &self.session_token {
            options.insert("aws_session_token".to_owned(), token.expose().to_owned());
        }
        if let Some(endpoint) = &self.endpoint {
            options.insert("aws_endpoint".to_owned(), endpoint.clone());
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_has_one_form() {
        for (text, expected) in [
            ("file:///tmp/a/", "file:///tmp/a"),
            ("file:/tmp/a", "file:///tmp/a"),
            ("file://localhost/tmp//a", "file:///tmp/a"),
            ("file:///tmp/%41 b", "file:///tmp/A%20b"),
            ("S3A://bucket/x=1/%C3%BC", "s3://bucket/x=1/%C3%BC"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/a?b#c", "s3://bucket/a%3Fb%23c"),
            ("file:///", "file:///"),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!(location.to_string(), expected);
            assert_eq!(Location::parse(expected).unwrap(), location);
        }
    }

    #[test]
    fn no_way_up_and_no_other_hosts() {
        for bad in [
            "",
            "x",
            "/tmp",
            "file:tmp",
            "file://host/tmp",
            "file:///a/../b",
            "file:///a/%2e%2E/b",
            "file:///a/./b",
            "file:///a/..%2fb",
            "file:///a/%252e%252e/b",
            "file:///a%00",
            "file:///a\\..\\b",
            "s3://",
            "s3://u:p@bucket/x",
            "s3://B/x",
            "s3:bucket/x",
            "javascript:alert(1)",
            "gs://bucket/x",
            "file:///%ff",
        ] {
            assert!(Location::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Location::parse(&format!("file:///{}", "x".repeat(5000))).is_err());
    }

    #[test]
    fn inside_means_whole_segments() {
        let at = |text: &str| Location::parse(text).unwrap();
        assert!(at("s3://bucket/a/b").is_in(&at("s3://bucket/a")));
        assert!(at("s3://bucket/a").is_in(&at("s3://bucket/a/")));
        assert!(!at("s3://bucket/ab").is_in(&at("s3://bucket/a")));
        assert!(!at("s3://bucket2/a").is_in(&at("s3://bucket/a")));
        assert!(!at("file:///a").is_in(&at("s3://bucket")));
        assert!(at("file:///a").overlaps(&at("file:///")));
    }
}
