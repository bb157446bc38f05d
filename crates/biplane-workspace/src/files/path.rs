//! Absolute paths of volumes as clients name them.

use biplane_platform::{ApiError, Result};

const PATH_BYTES_MAX: usize = 4096;

/// `/Volumes/<catalog>/<schema>/<volume>[/…]`, checked: no empty, `.` or `..` segment, no control
/// character, so that it can never mean a place outside the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumePath(String);

impl VolumePath {
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > PATH_BYTES_MAX {
            return Err(ApiError::invalid("The path is too long."));
        }
        if text.chars().any(char::is_control) {
            return Err(ApiError::invalid("The path must not have control characters."));
        }
        let path = text
            .strip_prefix("dbfs:")
            .unwrap_or(text)
            .trim_start_matches('/')
            .trim_end_matches('/');
        let segments: Vec<&str> = path.split('/').collect();
        if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(ApiError::invalid("The path must not have empty, `.` or `..` segments."));
        }
        if segments[0] != "Volumes" || segments.len() < 4 {
            return Err(ApiError::invalid(
                "The path must be /Volumes/<catalog>/<schema>/<volume>/… .",
            ));
        }
        Ok(Self(format!("/{path}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names the volume itself and nothing in it.
    pub fn is_volume(&self) -> bool {
        self.0.split('/').count() == 5
    }

    pub fn child(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside_volumes() {
        for good in ["/Volumes/c/s/v", "/Volumes/c/s/v/", "dbfs:/Volumes/c/s/v/a b/ü.csv"] {
            VolumePath::parse(good).unwrap();
        }
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "/Volumes/c/s",
            "/Volumes/c/s/v/../../x",
            "/Volumes/c//v/x",
            "/Volumes/c/s/v/\0",
            "/Volumes/c/s/v/.",
        ] {
            assert!(VolumePath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(VolumePath::parse(&format!("/Volumes/c/s/v/{}", "x".repeat(5000))).is_err());
        assert!(VolumePath::parse("/Volumes/c/s/v/").unwrap().is_volume());
        assert!(!VolumePath::parse("/Volumes/c/s/v/d").unwrap().is_volume());
    }
}
