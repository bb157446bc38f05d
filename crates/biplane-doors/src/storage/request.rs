//! What a request asks of S3. Only what is listed here passes; parameters that merely sign are dropped.

use super::name::{self, Name};
use http::{Method, Uri};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    BucketHead,
    BucketLocation,
    /// Objects or uploads below a prefix.
    List,
    DeleteMany,
    Read,
    /// One object or a part of one; the body has a length.
    Put,
    /// Everything else that changes one object.
    Write,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    pub operation: Operation,
    pub name: Name,
    pub query: Vec<(String, String)>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Wrong {
    Path,
    Query,
    /// Buckets are the control plane's to list and make.
    Service,
    Unsupported,
}

const LIST: &[&str] = &[
    "list-type",
    "prefix",
    "delimiter",
    "continuation-token",
    "start-after",
    "max-keys",
    "encoding-type",
    "fetch-owner",
    "marker",
];
const UPLOADS: &[&str] = &[
    "uploads",
    "prefix",
    "delimiter",
    "key-marker",
    "upload-id-marker",
    "max-uploads",
    "encoding-type",
];
const READ: &[&str] = &[
    "partNumber",
    "versionId",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
];
/// Of signed addresses. They prove nothing here.
const SIGNING: &[&str] = &[
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

pub fn parse(method: &Method, uri: &Uri) -> Result<Asked, Wrong> {
    if uri.path() == "/" {
        return Err(Wrong::Service);
    }
    let name = Name::parse(uri.path()).ok_or(Wrong::Path)?;
    let query = parameters(uri.query().unwrap_or_default()).ok_or(Wrong::Query)?;
    let operation = operation(method, &name, &query).ok_or(Wrong::Unsupported)?;
    Ok(Asked { operation, name, query })
}

impl Asked {
    pub fn parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// What the grants must hold: a key, or what all keys of a listing begin with.
    pub fn touches(&self) -> &str {
        match self.operation {
            Operation::List => self.parameter("prefix"),
            _ => &self.name.key,
        }
    }

    pub fn writes(&self) -> bool {
        matches!(self.operation, Operation::Put | Operation::Write | Operation::DeleteMany)
    }
}

/// Each name once.
fn parameters(query: &str) -> Option<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let plus = |text: &str| name::decode(&text.replace('+', " "));
        let (name, value) = (plus(name)?, plus(value)?);
        if SIGNING.contains(&name.as_str()) || name == "x-id" {
            continue;
        }
        if value.chars().any(char::is_control) || pairs.iter().any(|(other, _)| *other == name) {
            return None;
        }
        pairs.push((name, value));
    }
    Some(pairs)
}

fn operation(method: &Method, name: &Name, query: &[(String, String)]) -> Option<Operation> {
    let has = |wanted: &str| query.iter().any(|(name, _)| name == wanted);
    let only = |allowed: &[&str]| query.iter().all(|(name, _)| allowed.contains(&name.as_str()));
    if name.key.is_empty() {
        return match method.as_str() {
            "HEAD" if query.is_empty() => Some(Operation::BucketHead),
            "GET" if has("location") && query.len() == 1 => Some(Operation::BucketLocation),
            "GET" if has("uploads") && only(UPLOADS) => Some(Operation::List),
            "GET" if only(LIST) => Some(Operation::List),
            "POST" if has("delete") && query.len() == 1 => Some(Operation::DeleteMany),
            _ => None,
        };
    }
    match method.as_str() {
        "GET" if has("uploadId") && only(&["uploadId", "max-parts", "part-number-marker"]) => {
            Some(Operation::Read)
        }
        "GET" | "HEAD" if only(READ) => Some(Operation::Read),
        "PUT" if query.is_empty() => Some(Operation::Put),
        "PUT" if has("uploadId") && has("partNumber") && query.len() == 2 => Some(Operation::Put),
        "POST" if has("uploads") && query.len() == 1 => Some(Operation::Write),
        "POST" if has("uploadId") && query.len() == 1 => Some(Operation::Write),
        "DELETE" if only(&["uploadId"]) => Some(Operation::Write),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_it_lets_through() {
        let ask = |method: &str, path: &str| {
            parse(&method.parse().unwrap(), &path.parse().unwrap()).map(|asked| asked.operation)
        };
        for (method, path, expected) in [
            ("GET", "/lake?list-type=2&prefix=a%2F&delimiter=%2F", Operation::List),
            ("GET", "/lake/?prefix=a/", Operation::List),
            ("GET", "/lake?uploads&prefix=a/", Operation::List),
            ("GET", "/lake?location", Operation::BucketLocation),
            ("HEAD", "/lake", Operation::BucketHead),
            ("POST", "/lake?delete=", Operation::DeleteMany),
            ("GET", "/lake/a?x-id=GetObject&X-Amz-Signature=0", Operation::Read),
            ("HEAD", "/lake/a", Operation::Read),
            ("PUT", "/lake/a", Operation::Put),
            ("PUT", "/lake/a?partNumber=1&uploadId=x", Operation::Put),
            ("POST", "/lake/a?uploads", Operation::Write),
            ("POST", "/lake/a?uploadId=x", Operation::Write),
            ("DELETE", "/lake/a", Operation::Write),
        ] {
            assert_eq!(ask(method, path), Ok(expected), "{method} {path}");
        }
        for (method, path) in [
            ("PUT", "/lake"),
            ("DELETE", "/lake"),
            ("GET", "/lake?policy"),
            ("PUT", "/lake?policy"),
            ("GET", "/lake?versions"),
            ("GET", "/lake?acl"),
            ("PUT", "/lake/a?acl"),
            ("PUT", "/lake/a?tagging"),
            ("POST", "/lake/a?select&select-type=2"),
            ("POST", "/lake/a?restore"),
            ("POST", "/lake"),
            ("DELETE", "/lake/a?versionId=1"),
            ("OPTIONS", "/lake/a"),
            ("GET", "/lake/a?torrent"),
            ("PUT", "/lake?replication"),
            ("GET", "/lake?location&prefix=a"),
        ] {
            assert_eq!(ask(method, path), Err(Wrong::Unsupported), "{method} {path}");
        }
        assert_eq!(ask("GET", "/"), Err(Wrong::Service));
        assert_eq!(ask("GET", "/lake?prefix=a&prefix=b"), Err(Wrong::Query));
        assert_eq!(ask("GET", "/lake?prefix=a&%70refix=b"), Err(Wrong::Query));
        assert_eq!(ask("GET", "/lake?prefix=%0d"), Err(Wrong::Query));
        assert_eq!(ask("GET", "/lake/../x"), Err(Wrong::Path));
    }
}
