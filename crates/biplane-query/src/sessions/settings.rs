//! Catalog, schema, configuration and query tags, and how they change.

use biplane_platform::{ApiError, Result};
use biplane_proto::v1::SessionChange;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

const CONF_ENTRIES_MAX: usize = 200;
const CONF_KEY_CHARS_MAX: usize = 256;
const CONF_VALUE_BYTES_MAX: usize = 16 << 10;
const NAME_CHARS_MAX: usize = 255;
const TAGS_MAX: usize = 20;
const TAG_CHARS_MAX: usize = 128;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryTag {
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Keys in lower case.
    #[serde(default)]
    pub conf: BTreeMap<String, String>,
    #[serde(default)]
    pub query_tags: Vec<QueryTag>,
}

impl Settings {
    pub fn new(
        catalog: Option<String>,
        schema: Option<String>,
        conf: BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut settings = Self {
            catalog: name("catalog", catalog)?,
            schema: name("schema", schema)?,
            ..Self::default()
        };
        settings.overlay(conf)?;
        Ok(settings)
    }

    /// Configuration of one statement (or more of the session's), on top of what is there.
    pub fn overlay(&mut self, conf: BTreeMap<String, String>) -> Result<()> {
        for (key, value) in conf {
            if key.chars().count() > CONF_KEY_CHARS_MAX || value.len() > CONF_VALUE_BYTES_MAX {
                return Err(ApiError::invalid("A session configuration entry is too long."));
            }
            let key = key.to_ascii_lowercase();
            if key == "query_tags" {
                self.query_tags = parse_tags(&value)?;
            } else {
                self.conf.insert(key, value);
            }
        }
        if self.conf.len() > CONF_ENTRIES_MAX {
            return Err(ApiError::invalid(format!(
                "A session has at most {CONF_ENTRIES_MAX} configuration entries."
            )));
        }
        Ok(())
    }

    /// Whether anything changed.
    pub(crate) fn apply(&mut self, change: &SessionChange) -> bool {
        let before = self.clone();
        if let Some(catalog) = &change.catalog {
            self.catalog = Some(catalog.clone());
        }
        if let Some(schema) = &change.schema {
            self.schema = Some(schema.clone());
        }
        for (key, value) in &change.set_conf {
            let key = key.to_ascii_lowercase();
            if key == "query_tags" {
                // The engine took it; tags that cannot be read are none.
                self.query_tags = parse_tags(value).unwrap_or_default();
            } else if self.conf.len() < CONF_ENTRIES_MAX || self.conf.contains_key(&key) {
                self.conf.insert(key, value.clone());
            }
        }
        for key in &change.unset_conf {
            let key = key.to_ascii_lowercase();
            if key == "query_tags" {
                self.query_tags.clear();
            }
            self.conf.remove(&key);
        }
        *self != before
    }

    /// STATEMENT_TIMEOUT, in seconds; 0 = the default.
    pub fn statement_timeout(&self) -> Result<Option<Duration>> {
        let Some(text) = self.conf.get("statement_timeout") else { return Ok(None) };
        let seconds: u64 = text.trim().parse().map_err(|_| {
            ApiError::invalid("STATEMENT_TIMEOUT must be a whole number of seconds.")
        })?;
        Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
    }
}

/// Empty means none.
pub(crate) fn name(what: &str, value: Option<String>) -> Result<Option<String>> {
    let value = value.filter(|value| !value.is_empty());
    if value.as_ref().is_some_and(|value| value.chars().count() > NAME_CHARS_MAX) {
        return Err(ApiError::invalid(format!(
            "The name of a {what} has at most {NAME_CHARS_MAX} characters."
        )));
    }
    Ok(value)
}

/// `key:value,key2` with `\` before a `,`, `:` or `\` that is meant.
pub(crate) fn parse_tags(text: &str) -> Result<Vec<QueryTag>> {
    let mut tags: Vec<QueryTag> = Vec::new();
    let mut current = QueryTag { key: String::new(), value: None };
    let mut chars = text.chars();
    let mut any = false;
    while let Some(char) = chars.next() {
        any = true;
        match char {
            ',' => tags.push(std::mem::replace(
                &mut current,
                QueryTag { key: String::new(), value: None },
            )),
            ':' if current.value.is_none() => current.value = Some(String::new()),
            char => {
                let char = if char == '\\' { chars.next().unwrap_or(char) } else { char };
                match &mut current.value {
                    Some(value) => value.push(char),
                    None => current.key.push(char),
                }
            }
        }
    }
    if any {
        tags.push(current);
    }
    check_tags(tags)
}

pub(crate) fn check_tags(mut tags: Vec<QueryTag>) -> Result<Vec<QueryTag>> {
    for tag in &mut tags {
        tag.key = tag.key.trim().to_owned();
    }
    tags.retain(|tag| !tag.key.is_empty() || tag.value.is_some());
    if tags.len() > TAGS_MAX {
        return Err(ApiError::invalid(format!("A statement has at most {TAGS_MAX} query tags.")));
    }
    let long = |text: &str| text.chars().count() > TAG_CHARS_MAX;
    if tags
        .iter()
        .any(|tag| tag.key.is_empty() || long(&tag.key) || tag.value.as_deref().is_some_and(long))
    {
        return Err(ApiError::invalid(format!(
            "A query tag has a key; key and value have at most {TAG_CHARS_MAX} characters."
        )));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_from_their_text() {
        let tags = parse_tags(r"team:finance,nightly,a\,b:c\:d:e").unwrap();
        let pairs: Vec<_> = tags.iter().map(|t| (t.key.as_str(), t.value.as_deref())).collect();
        assert_eq!(pairs, [("team", Some("finance")), ("nightly", None), ("a,b", Some("c:d:e"))]);
        assert!(parse_tags("").unwrap().is_empty());
        assert!(parse_tags(":x").is_err());
        assert!(parse_tags(&"k:v,".repeat(30)).is_err());
    }

    #[test]
    fn use_and_set_change_a_session() {
        let conf = BTreeMap::from([("ANSI_MODE".to_owned(), "true".to_owned())]);
        let mut settings = Settings::new(None, Some(String::new()), conf).unwrap();
        assert_eq!(
            (settings.schema.as_deref(), settings.conf["ansi_mode"].as_str()),
            (None, "true")
        );
        let change = SessionChange {
            catalog: Some("c".into()),
            set_conf: [("TimeZone".to_owned(), "UTC".to_owned())].into(),
            unset_conf: vec!["ANSI_MODE".into()],
            ..Default::default()
        };
        assert!(settings.apply(&change));
        assert!(!settings.apply(&change));
        assert_eq!(settings.conf, BTreeMap::from([("timezone".to_owned(), "UTC".to_owned())]));
    }
}
