//! Pages of rows for system tables: what every service that owns such rows is asked, and how it answers.

use serde_json::Value;

/// Rows of these workspaces, of this time, newest first, behind `after`.
#[derive(Debug, Clone)]
pub struct SystemWanted {
    /// `,1,2,`: SQL matches `',' || id || ','` in it.
    pub workspaces: String,
    pub since_ms: i64,
    pub until_ms: i64,
    /// Time and id of the last row of the page before.
    pub after: Option<(i64, String)>,
    pub limit: usize,
}

impl SystemWanted {
    pub fn workspaces_text(ids: impl IntoIterator<Item = i64>) -> String {
        let mut text = String::from(",");
        for id in ids {
            text.push_str(&id.to_string());
            text.push(',');
        }
        text
    }

    /// For keyset conditions: `(time < $a OR (time = $a AND id < $b))`.
    pub fn position(&self) -> (i64, &str) {
        self.after.as_ref().map_or((i64::MAX, ""), |(time, id)| (*time, id.as_str()))
    }

    pub fn limit(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX)
    }
}

/// A row: its place in the order, and an object by names of columns.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemRow {
    pub time_ms: i64,
    pub id: String,
    pub values: Value,
}

/// As rows have it.
pub fn micros(ms: i64) -> i64 {
    ms.saturating_mul(1000)
}
