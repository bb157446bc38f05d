//! The query string of the history. The SDK flattens its filter (`filter_by.statuses=FAILED`, lists repeat
//! the key); others send it as JSON, in the query or as a body.

use crate::statements::State;
use biplane_platform::{ApiError, Result};
use serde::Deserialize;
use serde_json::Value;

const LIST_MAX: usize = 1000;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub states: Vec<&'static str>,
    pub user_ids: Vec<String>,
    pub warehouse_ids: Vec<String>,
    pub statement_ids: Vec<String>,
    /// States were asked for and none of them is one of ours.
    pub nothing: bool,
}

#[derive(Debug, Default)]
pub(super) struct Asked {
    pub filter: Filter,
    pub include_metrics: bool,
    pub max_results: Option<i64>,
    pub page_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    filter_by: Option<JsonFilter>,
    include_metrics: Option<bool>,
    max_results: Option<i64>,
    page_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonFilter {
    query_start_time_range: Option<JsonRange>,
    statuses: Option<Vec<String>>,
    user_ids: Option<Vec<Value>>,
    warehouse_ids: Option<Vec<String>>,
    statement_ids: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonRange {
    start_time_ms: Option<Value>,
    end_time_ms: Option<Value>,
}

pub(super) fn parse(query: &str, body: Value) -> Result<Asked> {
    let mut asked = Asked::default();
    let body: Body = serde_json::from_value(body)
        .map_err(|error| ApiError::invalid(format!("Invalid request body: {error}")))?;
    if let Some(filter) = body.filter_by {
        asked.filter.json(filter)?;
    }
    asked.include_metrics = body.include_metrics.unwrap_or(false);
    asked.max_results = body.max_results;
    asked.page_token = body.page_token;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "include_metrics" => asked.include_metrics = value == "true",
            "max_results" => asked.max_results = Some(int(&key, &value)?),
            "page_token" => asked.page_token = Some(value.into_owned()),
            "filter_by" => {
                let filter = serde_json::from_str(&value)
                    .map_err(|error| ApiError::invalid(format!("Invalid filter_by: {error}")))?;
                asked.filter.json(filter)?;
            }
            key => {
                if let Some(field) = key.strip_prefix("filter_by.") {
                    asked.filter.field(field, &value)?;
                }
            }
        }
    }
    asked.filter.check()?;
    Ok(asked)
}

impl Filter {
    fn json(&mut self, filter: JsonFilter) -> Result<()> {
        let range = filter.query_start_time_range.unwrap_or_default();
        for (field, value) in
            [("start_time_ms", range.start_time_ms), ("end_time_ms", range.end_time_ms)]
        {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                self.field(&format!("query_start_time_range.{field}"), &bare(&value))?;
            }
        }
        for status in filter.statuses.unwrap_or_default() {
            self.field("statuses", &status)?;
        }
        for id in filter.user_ids.unwrap_or_default() {
            self.field("user_ids", &bare(&id))?;
        }
        for id in filter.warehouse_ids.unwrap_or_default() {
            self.field("warehouse_ids", &id)?;
        }
        for id in filter.statement_ids.unwrap_or_default() {
            self.field("statement_ids", &id)?;
        }
        Ok(())
    }

    fn field(&mut self, field: &str, value: &str) -> Result<()> {
        match field {
            "query_start_time_range.start_time_ms" => self.start_ms = Some(int(field, value)?),
            "query_start_time_range.end_time_ms" => self.end_ms = Some(int(field, value)?),
            "statuses" => {
                let state = state(value)?;
                self.nothing = state.is_none() && self.states.is_empty();
                self.states.extend(state.map(State::as_str));
            }
            "user_ids" => self.user_ids.push(int(field, value)?.to_string()),
            "warehouse_ids" => self.warehouse_ids.push(plain(value)),
            "statement_ids" => self.statement_ids.push(plain(value)),
            _ => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let lists = [&self.user_ids, &self.warehouse_ids, &self.statement_ids];
        if lists.into_iter().any(|list| list.len() > LIST_MAX) || self.states.len() > LIST_MAX {
            return Err(ApiError::invalid(format!("A filter has at most {LIST_MAX} values.")));
        }
        Ok(())
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Lists are matched as text between commas.
fn plain(value: &str) -> String {
    value.replace(',', " ")
}

fn int(key: &str, value: &str) -> Result<i64> {
    value.parse().map_err(|_| ApiError::invalid(format!("{key} must be a whole number.")))
}

/// None for states a statement of ours is never seen in.
fn state(status: &str) -> Result<Option<State>> {
    match status {
        "QUEUED" => Ok(Some(State::Pending)),
        "RUNNING" => Ok(Some(State::Running)),
        "FINISHED" => Ok(Some(State::Succeeded)),
        "FAILED" => Ok(Some(State::Failed)),
        "CANCELED" => Ok(Some(State::Canceled)),
        "STARTED" | "COMPILING" | "COMPILED" => Ok(None),
        _ => Err(ApiError::invalid(
            "A status is one of QUEUED, STARTED, COMPILING, COMPILED, RUNNING, FINISHED, FAILED, CANCELED.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_filter_is_read_flat_and_as_json() {
        let flat = "filter_by.query_start_time_range.start_time_ms=5&filter_by.statuses=FAILED\
            &filter_by.statuses=FINISHED&filter_by.user_ids=7&include_metrics=true&max_results=3&other=x";
        let asked = parse(flat, json!({})).unwrap();
        assert_eq!(asked.filter.states, ["FAILED", "SUCCEEDED"]);
        assert_eq!((asked.include_metrics, asked.max_results), (true, Some(3)));
        let body = json!({"filter_by": {"query_start_time_range": {"start_time_ms": "5"},
            "statuses": ["FAILED", "FINISHED"], "user_ids": [7]}});
        assert_eq!(parse("", body).unwrap().filter, asked.filter);
        assert!(parse("filter_by.statuses=COMPILING", json!({})).unwrap().filter.nothing);
        for bad in ["filter_by.statuses=x", "max_results=x", "filter_by={", "filter_by.user_ids=a"]
        {
            assert!(parse(bad, json!({})).is_err(), "{bad}");
        }
        assert!(parse("", json!("x")).is_err());
    }
}
