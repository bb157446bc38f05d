//! What a library may be.

use biplane_api::libraries::{Library, PypiLibrary};
use biplane_platform::{ApiError, Result};

const TEXT_CHARS_MAX: usize = 1000;

/// What pip is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Package {
        package: String,
        index: Option<String>,
    },
    /// A path in the workspace's files, and whether it lists requirements.
    File {
        path: String,
        requirements: bool,
    },
}

/// Refuses what is no library, or none that can be installed here.
pub fn source(library: &Library) -> Result<Source> {
    let Library { whl, requirements, pypi, jar, egg, maven, cran } = library;
    let kinds = [
        (whl.is_some(), "whl"),
        (requirements.is_some(), "requirements"),
        (pypi.is_some(), "pypi"),
        (jar.is_some(), "jar"),
        (egg.is_some(), "egg"),
        (maven.is_some(), "maven"),
        (cran.is_some(), "cran"),
    ];
    let given: Vec<&str> =
        kinds.iter().filter(|(given, _)| *given).map(|(_, name)| *name).collect();
    match given[..] {
        ["jar" | "maven"] => Err(ApiError::unsupported(format!(
            "A library of the kind {} (there is no JVM)",
            given[0]
        ))),
        ["cran"] => Err(ApiError::unsupported("A library of the kind cran (there is no R)")),
        ["egg"] => Err(ApiError::unsupported("A library of the kind egg")),
        ["whl"] => file(whl.as_deref().unwrap_or_default(), false),
        ["requirements"] => file(requirements.as_deref().unwrap_or_default(), true),
        ["pypi"] => package(pypi.as_ref()),
        _ => Err(ApiError::invalid(
            "A library has exactly one of whl, requirements, pypi, jar, maven and cran.",
        )),
    }
}

fn text(what: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty()
        || text.chars().count() > TEXT_CHARS_MAX
        || text.chars().any(char::is_control)
    {
        return Err(ApiError::invalid(format!(
            "{what} has 1 to {TEXT_CHARS_MAX} printable characters."
        )));
    }
    Ok(text.to_owned())
}

fn package(pypi: Option<&PypiLibrary>) -> Result<Source> {
    let pypi = pypi.cloned().unwrap_or_default();
    let package = text("pypi.package", pypi.package.as_deref().unwrap_or_default())?;
    if package.starts_with('-') {
        return Err(ApiError::invalid("pypi.package is a package, not an option."));
    }
    let index = match pypi.repo.as_deref().filter(|repo| !repo.is_empty()) {
        None => None,
        Some(repo) => {
            let repo = text("pypi.repo", repo)?;
            if !repo.starts_with("https://") && !repo.starts_with("http://") {
                return Err(ApiError::invalid(
                    "pypi.repo is an address that begins with https://.",
                ));
            }
            Some(repo)
        }
    };
    Ok(Source::Package { package, index })
}

fn file(path: &str, requirements: bool) -> Result<Source> {
    let path = path_of(path)?;
    let name = path.rsplit('/').next().unwrap_or_default();
    if !requirements && !name.ends_with(".whl") {
        return Err(ApiError::invalid("whl names a file that ends with .whl."));
    }
    if requirements && !name.ends_with(".txt") {
        return Err(ApiError::invalid("requirements names a file that ends with .txt."));
    }
    Ok(Source::File { path, requirements })
}

/// A path of a file that clusters can be given.
pub fn path_of(path: &str) -> Result<String> {
    let path = text("A path", path)?;
    let path =
        path.strip_prefix("dbfs:").filter(|rest| rest.starts_with("/Volumes/")).unwrap_or(&path);
    // Of a volume, or of the workspace: `/Workspace/Users/…`, `/Users/…`.
    if path.starts_with('/') {
        return Ok(path.to_owned());
    }
    let place = match path.split_once(':').map(|(scheme, _)| scheme) {
        Some("dbfs") => "DBFS",
        Some("s3" | "s3a") => "S3",
        Some("file") => "the file system of a host",
        _ => {
            return Err(ApiError::invalid(format!(
                "{path:.200} is no path of a file: use /Volumes/… or /Workspace/…."
            )));
        }
    };
    Err(ApiError::unsupported(format!(
        "A file of a cluster on {place} (use a volume: /Volumes/…, or the workspace: /Workspace/…)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(library: serde_json::Value) -> std::result::Result<Source, &'static str> {
        let library = serde_json::from_value(library).unwrap();
        source(&library).map_err(|error| error.code.as_str())
    }

    #[test]
    fn libraries_are_of_one_kind_and_of_one_that_can_be_here() {
        let package = Source::Package { package: "a>=1,<2".into(), index: None };
        assert_eq!(of(json!({ "pypi": { "package": " a>=1,<2 " } })), Ok(package));
        let wheel = Source::File { path: "/Volumes/c/s/v/a.whl".into(), requirements: false };
        assert_eq!(of(json!({ "whl": "dbfs:/Volumes/c/s/v/a.whl" })), Ok(wheel));
        let wheel = Source::File { path: "/Workspace/Shared/a.whl".into(), requirements: false };
        assert_eq!(of(json!({ "whl": "/Workspace/Shared/a.whl" })), Ok(wheel));
        for (library, code) in [
            (json!({}), "INVALID_PARAMETER_VALUE"),
            (json!({ "whl": "/Volumes/c/s/v/a.whl", "jar": "x" }), "INVALID_PARAMETER_VALUE"),
            (json!({ "whl": "/Volumes/c/s/v/a.zip" }), "INVALID_PARAMETER_VALUE"),
            (json!({ "pypi": { "package": "--index-url=x" } }), "INVALID_PARAMETER_VALUE"),
            (json!({ "pypi": { "package": "a", "repo": "ftp://x" } }), "INVALID_PARAMETER_VALUE"),
            (json!({ "pypi": {} }), "INVALID_PARAMETER_VALUE"),
            (json!({ "jar": "/Volumes/c/s/v/a.jar" }), "FEATURE_DISABLED"),
            (json!({ "maven": { "coordinates": "a:b:1" } }), "FEATURE_DISABLED"),
            (json!({ "cran": { "package": "a" } }), "FEATURE_DISABLED"),
            (json!({ "whl": "dbfs:/FileStore/a.whl" }), "FEATURE_DISABLED"),
            (json!({ "whl": "s3://b/a.whl" }), "FEATURE_DISABLED"),
        ] {
            assert_eq!(of(library.clone()), Err(code), "{library}");
        }
    }
}
