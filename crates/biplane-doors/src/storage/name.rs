//! Buckets and keys: decoded once, checked, encoded in the one way that signatures want.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What S3 allows for a key.
const KEY_BYTES_MAX: usize = 1024;
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub bucket: String,
    /// Empty: the bucket itself.
    pub key: String,
}

impl Name {
    /// `/bucket/key`, percent-encoded.
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let bucket_fits = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        if !bucket_fits || bucket.split('.').any(str::is_empty) {
            return None;
        }
        let key = decode(key)?;
        is_key(&key).then(|| Self { bucket: bucket.to_owned(), key })
    }

    /// Value of `x-amz-copy-source`: `/bucket/key` with or without the slash. Versions are not taken.
    pub fn parse_source(value: &str) -> Option<Self> {
        let value = value.strip_prefix('/').unwrap_or(value);
        if value.contains('?') {
            return None;
        }
        Self::parse(&format!("/{value}")).filter(|name| !name.key.is_empty())
    }

    pub fn encoded(&self) -> String {
        match self.key.as_str() {
            "" => format!("/{}", self.bucket),
            key => format!("/{}/{}", self.bucket, encode_path(key)),
        }
    }
}

/// A half-encoded byte is an error: two readers would take it for two things.
pub fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let hex = bytes.get(at + 1..at + 3)?;
        if !hex.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
    }
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// Some stores keep keys as files: what would be a way up there is nowhere a key.
pub fn is_key(key: &str) -> bool {
    key.len() <= KEY_BYTES_MAX
        && !key.chars().any(char::is_control)
        && !key.contains('\\')
        && !key.split('/').any(|part| matches!(part, "." | ".."))
}

pub fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_reading_only() {
        let name = |path| Name::parse(path).map(|name| (name.bucket, name.key));
        let own = |key: &str| Some(("lake".to_owned(), key.to_owned()));
        assert_eq!(name("/lake/a%20b/%C3%A9+c=d"), own("a b/é+c=d"));
        assert_eq!(name("/lake/a%2Fb"), own("a/b"));
        assert_eq!(name("/lake/%252e%252e/x"), own("%2e%2e/x"));
        assert_eq!(name("/lake"), own(""));
        for path in [
            "",
            "lake/x",
            "//lake/x",
            "/",
            "/lake/../other/x",
            "/lake/a/%2e%2e/x",
            "/lake/a/%2E./x",
            "/lake/a%2F..%2Fx",
            "/lake/./x",
            "/lake/a/..",
            "/lake/%",
            "/lake/%zz",
            "/lake/%C3",
            "/lake/a%00b",
            "/lake/a%0d%0ab",
            "/lake/a%5C..%5Cb",
            "/la%6Be/x",
            "/../x",
            "/..../x",
            "/a b/x",
            "/lake:443/x",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
        let source = |value| Name::parse_source(value).map(|name| name.encoded());
        assert_eq!(source("/lake/a b").as_deref(), Some("/lake/a%20b"));
        assert_eq!(source("lake/a%20b").as_deref(), Some("/lake/a%20b"));
        for value in [
            "lake",
            "lake/",
            "lake/a?versionId=1",
            "//lake/a",
            "lake/%2e%2e/a",
            "arn:aws:s3:::lake/a",
        ] {
            assert_eq!(source(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_the_same(key in "[^\\p{C}\\\\]{0,60}") {
            if is_key(&key) {
                let name = Name { bucket: "lake".into(), key };
                prop_assert_eq!(Name::parse(&name.encoded()), Some(name));
            }
        }
    }
}
