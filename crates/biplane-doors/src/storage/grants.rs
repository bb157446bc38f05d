//! Which places in which stores a workspace has.

use crate::event::Reason;
use std::fmt;

/// All stores of one workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stores(pub Vec<Store>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// `https://minio.example.com`. None: S3 of AWS.
    pub endpoint: Option<String>,
    pub region: String,
    pub keys: Keys,
    pub grants: Vec<Grant>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub bucket: String,
    prefix: String,
    pub write: bool,
}

impl Grant {
    /// A whole bucket, or the directory `prefix` in it.
    pub fn new(bucket: &str, prefix: &str, write: bool) -> Self {
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self { bucket: bucket.to_owned(), prefix, write }
    }
}

impl Store {
    /// Of directories of this host: prefixes of [`super::FILES_BUCKET`].
    pub fn of_files(prefixes: impl IntoIterator<Item = (String, bool)>) -> Self {
        let grant =
            |(prefix, write): (String, bool)| Grant::new(super::FILES_BUCKET, &prefix, write);
        let keys = Keys {
            access_key_id: String::new(),
            secret_access_key: String::new(),
            session_token: None,
        };
        let grants = prefixes.into_iter().map(grant).collect();
        Self { endpoint: None, region: "local".into(), keys, grants }
    }
}

impl Stores {
    /// Of these, what a runtime was given.
    pub fn narrowed(&self, given: &[Grant]) -> Self {
        let narrow = |store: &Store| {
            let has = |own: &Grant, grant: &Grant| {
                own.bucket == grant.bucket
                    && grant.prefix.starts_with(&own.prefix)
                    && (own.write || !grant.write)
            };
            let granted = |grant: &&Grant| {
                grant.bucket != super::FILES_BUCKET
                    && store.grants.iter().any(|own| has(own, grant))
            };
            Store { grants: given.iter().filter(granted).cloned().collect(), ..store.clone() }
        };
        Self(self.0.iter().map(narrow).collect())
    }

    /// The store in which this key, or every key that begins so, may be touched.
    pub fn find(&self, bucket: &str, key: &str, write: bool) -> Result<&Store, Reason> {
        let mut reason = Reason::Bucket;
        for store in &self.0 {
            for grant in store.grants.iter().filter(|grant| grant.bucket == bucket) {
                match key.starts_with(&grant.prefix) {
                    true if grant.write || !write => return Ok(store),
                    true => reason = Reason::BucketReadOnly,
                    false if reason == Reason::Bucket => reason = Reason::BucketPath,
                    false => {}
                }
            }
        }
        Err(reason)
    }

    /// The store of a bucket of which anything at all is granted.
    pub fn bucket(&self, bucket: &str) -> Result<&Store, Reason> {
        let has = |store: &&Store| store.grants.iter().any(|grant| grant.bucket == bucket);
        self.0.iter().find(has).ok_or(Reason::Bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_has_no_more_than_its_workspace() {
        let keys =
            Keys { access_key_id: "a".into(), secret_access_key: "b".into(), session_token: None };
        let grants = vec![Grant::new("lake", "ws", true), Grant::new("shared", "", false)];
        let stores = Stores(vec![Store { endpoint: None, region: "r".into(), keys, grants }]);
        let given = [
            Grant::new("lake", "ws/t", true),
            Grant::new("lake", "other/t", false),
            Grant::new("shared", "t", false),
            Grant::new("shared", "u", true),
            Grant::new(crate::storage::FILES_BUCKET, "etc", false),
        ];
        let narrowed = stores.narrowed(&given);
        let find = |bucket, key, write| narrowed.find(bucket, key, write).is_ok();
        assert!(find("lake", "ws/t/a", true) && find("shared", "t/a", false));
        assert!(!find("lake", "ws/u/a", false) && !find("lake", "other/t/a", false));
        assert!(!find("shared", "u/a", false) && !find("shared", "t/a", true));
        assert!(!find(crate::storage::FILES_BUCKET, "etc/passwd", false));
    }

    #[test]
    fn a_grant_is_a_directory() {
        let store = Store {
            endpoint: None,
            region: "r".into(),
            keys: Keys {
                access_key_id: "a".into(),
                secret_access_key: "hush".into(),
                session_token: None,
            },
            grants: vec![Grant::new("lake", "/ws/7", true), Grant::new("lake", "shared/", false)],
        };
        assert!(!format!("{store:?}").contains("hush"));
        let stores = Stores(vec![store]);
        let find = |key, write| stores.find("lake", key, write).err();
        assert_eq!(find("ws/7/t/a", true), None);
        assert_eq!(find("ws/7/", true), None);
        assert_eq!(find("ws/7", true), Some(Reason::BucketPath));
        assert_eq!(find("ws/77/a", false), Some(Reason::BucketPath));
        assert_eq!(find("shared/x", false), None);
        assert_eq!(find("shared/x", true), Some(Reason::BucketReadOnly));
        assert_eq!(find("", false), Some(Reason::BucketPath));
        assert_eq!(stores.find("other", "ws/7/a", false).err(), Some(Reason::Bucket));
    }
}
