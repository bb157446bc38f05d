//! Paths of objects: `/Users/ann@example.com/etl`, also written `/Workspace/Users/…`.

use biplane_platform::{ApiError, Result};

const PATH_BYTES_MAX: usize = 4096;
const NAME_BYTES_MAX: usize = 255;
const DEPTH_MAX: usize = 32;
const PREFIX: &str = "/Workspace";

/// Absolute, without the prefix and without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectPath(String);

impl ObjectPath {
    pub fn parse(text: Option<&str>) -> Result<Self> {
        let text = text.unwrap_or_default();
        if text.is_empty() {
            return Err(ApiError::invalid("Missing required field: path"));
        }
        if text.len() > PATH_BYTES_MAX {
            return Err(ApiError::invalid(format!("A path has at most {PATH_BYTES_MAX} bytes.")));
        }
        if !text.starts_with('/') {
            return Err(ApiError::invalid(format!("Path ({text}) must start with '/'.")));
        }
        let rest = match text.strip_prefix(PREFIX) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            _ => text,
        };
        let mut path = String::new();
        for name in rest.split('/').filter(|name| !name.is_empty()) {
            let bad = matches!(name, "." | "..") || name.chars().any(char::is_control);
            if bad || name.len() > NAME_BYTES_MAX {
                return Err(ApiError::invalid(format!(
                    "Path ({text:?}) has a name in it that no object can have."
                )));
            }
            path.push('/');
            path.push_str(name);
        }
        if path.matches('/').count() > DEPTH_MAX {
            return Err(ApiError::invalid(format!("A path has at most {DEPTH_MAX} names.")));
        }
        Ok(Self(if path.is_empty() { "/".into() } else { path }))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// None for the root.
    pub fn parent(&self) -> Option<Self> {
        let (parent, name) = self.0.rsplit_once('/')?;
        (!name.is_empty()).then(|| Self(if parent.is_empty() { "/".into() } else { parent.into() }))
    }

    /// Itself, then what it is in, up to the root.
    pub fn chain(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Without the end of a file's name, when the rest is a name still.
    pub fn without(&self, end: &str) -> Self {
        match self.0.strip_suffix(end) {
            Some(rest) if !rest.ends_with('/') && !rest.is_empty() => Self(rest.to_owned()),
            _ => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Option<String> {
        ObjectPath::parse(Some(text)).ok().map(|path| path.0)
    }

    #[test]
    fn a_path_is_written_one_way() {
        for (text, is) in [
            ("/", "/"),
            ("/Workspace", "/"),
            ("/Workspace/", "/"),
            ("/Workspace/Users/a@b/", "/Users/a@b"),
            ("/Users//a@b", "/Users/a@b"),
            ("/Workspaces/a", "/Workspaces/a"),
        ] {
            assert_eq!(path(text).as_deref(), Some(is), "{text}");
        }
        let long = format!("/{}", "a".repeat(256));
        let deep = "/a".repeat(33);
        for bad in ["", "a", "/a/../b", "/a/./b", "/a\n", "/a\0b", &long, &deep] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }

    #[test]
    fn it_knows_what_it_is_in() {
        let path = ObjectPath::parse(Some("/a/b.py")).expect("a path");
        let chain: Vec<_> = path.chain().map(|one| one.0).collect();
        assert_eq!(chain, ["/a/b.py", "/a", "/"]);
        assert_eq!(path.name(), "b.py");
        assert_eq!(path.without(".py").as_str(), "/a/b");
        let hidden = ObjectPath::parse(Some("/a/.py")).expect("a path");
        assert_eq!(hidden.without(".py"), hidden);
    }
}
