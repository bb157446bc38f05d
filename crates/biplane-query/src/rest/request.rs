//! What a client may ask for, checked.

use crate::sessions::QueryTag;
use crate::sessions::settings::check_tags;
use crate::statements::{Delivery, Format, SubmitRequest, Target};
use biplane_api::ids::WarehouseId;
use biplane_api::query::{ExecuteStatementRequest, StatementParameter};
use biplane_platform::{ApiError, Result};
use biplane_proto::v1::Parameter;
use std::time::Duration;

/// The most an INLINE result may have.
pub(crate) const INLINE_BYTES_MAX: u64 = 25 << 20;
const WAIT_DEFAULT: Duration = Duration::from_secs(10);
const TYPE_CHARS_MAX: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub timeout: Duration,
    pub cancel: bool,
}

/// How long to wait, and then what.
pub(crate) fn wait(request: &ExecuteStatementRequest) -> Result<Wait> {
    let cancel = match request.on_wait_timeout.as_deref() {
        None | Some("" | "CONTINUE") => false,
        Some("CANCEL") => true,
        Some(other) => return Err(not_one_of("on_wait_timeout", other, "CONTINUE, CANCEL")),
    };
    let timeout = match request.wait_timeout.as_deref() {
        None | Some("") => WAIT_DEFAULT,
        Some(text) => {
            let seconds = text.strip_suffix('s').filter(|digits| {
                !digits.is_empty() && digits.len() < 5 && digits.bytes().all(|b| b.is_ascii_digit())
            });
            match seconds.and_then(|digits| digits.parse::<u64>().ok()) {
                Some(seconds @ (0 | 5..=50)) => Duration::from_secs(seconds),
                _ => {
                    let text = "wait_timeout must be 0s, or between 5s and 50s.";
                    return Err(ApiError::invalid(text));
                }
            }
        }
    };
    if timeout.is_zero() && cancel {
        let text = "on_wait_timeout CANCEL makes no sense with a wait_timeout of 0s.";
        return Err(ApiError::invalid(text));
    }
    Ok(Wait { timeout, cancel })
}

/// Disposition and format, where they go together.
pub(crate) fn form(request: &ExecuteStatementRequest) -> Result<(Delivery, Format)> {
    let delivery = match request.disposition.as_deref() {
        None | Some("" | "INLINE") => Delivery::Inline,
        Some("EXTERNAL_LINKS") => Delivery::ExternalLinks,
        Some("INLINE_OR_EXTERNAL_LINKS") => Delivery::InlineOrExternalLinks,
        Some(other) => {
            let known = "INLINE, EXTERNAL_LINKS, INLINE_OR_EXTERNAL_LINKS";
            return Err(not_one_of("disposition", other, known));
        }
    };
    let lz4_frame = match request.result_compression.as_deref() {
        None | Some("" | "NONE") => false,
        Some("LZ4_FRAME") => true,
        Some(other) => return Err(not_one_of("result_compression", other, "LZ4_FRAME, NONE")),
    };
    let format = match request.format.as_deref() {
        None | Some("" | "JSON_ARRAY") => Format::JsonArray,
        Some("ARROW_STREAM") => Format::arrow(lz4_frame),
        Some("CSV") => Format::Csv,
        Some(other) => return Err(not_one_of("format", other, "JSON_ARRAY, ARROW_STREAM, CSV")),
    };
    match (delivery, format) {
        (Delivery::Inline, Format::Arrow { .. } | Format::Csv) => Err(ApiError::invalid(
            "The INLINE disposition only supports the JSON_ARRAY format. Use EXTERNAL_LINKS.",
        )),
        (Delivery::InlineOrExternalLinks, Format::JsonArray | Format::Csv) => {
            Err(ApiError::invalid(
                "The INLINE_OR_EXTERNAL_LINKS disposition only supports the ARROW_STREAM format.",
            ))
        }
        found => Ok(found),
    }
}

pub(crate) fn warehouse_id(text: Option<&str>) -> Result<WarehouseId> {
    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| ApiError::invalid("warehouse_id is required."))?;
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        ApiError::invalid(format!("{shown:?} is not a valid warehouse id."))
    })
}

pub(crate) fn submit(
    request: ExecuteStatementRequest,
    target: Target,
    (delivery, format): (Delivery, Format),
) -> Result<SubmitRequest> {
    let statement = request.statement.filter(|text| !text.trim().is_empty());
    let statement = statement.ok_or_else(|| ApiError::invalid("statement is required."))?;
    let tags = request.query_tags.unwrap_or_default();
    let tags = tags.into_iter().map(|tag| QueryTag { key: tag.key, value: tag.value }).collect();
    let inline = delivery == Delivery::Inline;
    Ok(SubmitRequest {
        parameters: parameters(request.parameters.unwrap_or_default())?,
        catalog: request.catalog,
        schema: request.schema,
        query_tags: check_tags(tags)?,
        delivery,
        row_limit: limit("row_limit", request.row_limit)?,
        byte_limit: limit("byte_limit", request.byte_limit)?,
        fail_above_bytes: if inline { INLINE_BYTES_MAX } else { 0 },
        ..SubmitRequest::new(target, statement, format)
    })
}

fn limit(name: &str, value: Option<i64>) -> Result<u64> {
    match value {
        None => Ok(0),
        Some(value) if value > 0 => Ok(value.unsigned_abs()),
        Some(_) => Err(ApiError::invalid(format!("{name} must be greater than 0."))),
    }
}

/// Named, or positional in the order of their ordinals, else of the list.
fn parameters(mut sent: Vec<StatementParameter>) -> Result<Vec<Parameter>> {
    let named =
        |parameter: &StatementParameter| parameter.name.as_deref().is_some_and(|n| !n.is_empty());
    let count = sent.iter().filter(|parameter| named(parameter)).count();
    if count > 0 && count < sent.len() {
        return Err(ApiError::invalid("Named and positional parameters cannot be used together."));
    }
    if count == 0 {
        // Stable: equal and absent ordinals keep the order of the list.
        let any = sent.iter().any(|parameter| parameter.ordinal.is_some());
        if any {
            sent.sort_by_key(|parameter| parameter.ordinal.unwrap_or(i64::MAX));
        }
    }
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::with_capacity(sent.len());
    for parameter in sent {
        let name = parameter.name.unwrap_or_default();
        if !name.is_empty() && !seen.insert(name.to_lowercase()) {
            let shown: String = name.chars().take(64).collect();
            return Err(ApiError::invalid(format!("The parameter {shown:?} is given twice.")));
        }
        let kind = parameter.kind.filter(|kind| !kind.trim().is_empty());
        let kind = kind.unwrap_or_else(|| "STRING".into());
        if kind.chars().count() > TYPE_CHARS_MAX {
            return Err(ApiError::invalid("The type of a parameter is too long."));
        }
        let value = parameter.value.filter(|_| !kind.eq_ignore_ascii_case("VOID"));
        found.push(Parameter { name, r#type: kind, value, arguments: Vec::new() });
    }
    Ok(found)
}

fn not_one_of(name: &str, given: &str, known: &str) -> ApiError {
    let given: String = given.chars().take(64).collect();
    ApiError::invalid(format!("{given:?} is not a valid {name}. Known are {known}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(json: serde_json::Value) -> ExecuteStatementRequest {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn waits_are_checked() {
        let wait_of = |text: &str| wait(&asked(serde_json::json!({ "wait_timeout": text })));
        assert_eq!(wait_of("0s").unwrap().timeout, Duration::ZERO);
        assert_eq!(wait_of("50s").unwrap().timeout, Duration::from_secs(50));
        assert_eq!(wait(&asked(serde_json::json!({}))).unwrap().timeout, WAIT_DEFAULT);
        for bad in
            ["4s", "51s", "10", "s", "-5s", "+5s", "5 s", "99999999999999999999s", "10m", "٥s"]
        {
            assert!(wait_of(bad).is_err(), "{bad}");
        }
        let cancel = serde_json::json!({ "wait_timeout": "0s", "on_wait_timeout": "CANCEL" });
        assert!(wait(&asked(cancel)).is_err());
    }

    #[test]
    fn forms_that_do_not_go_together_are_refused() {
        let form_of = |disposition: &str, format: &str| {
            form(&asked(serde_json::json!({ "disposition": disposition, "format": format })))
        };
        assert!(form_of("INLINE", "JSON_ARRAY").is_ok());
        for format in ["JSON_ARRAY", "ARROW_STREAM", "CSV"] {
            assert!(form_of("EXTERNAL_LINKS", format).is_ok());
        }
        assert!(form_of("INLINE_OR_EXTERNAL_LINKS", "ARROW_STREAM").is_ok());
        for (disposition, format) in [
            ("INLINE", "ARROW_STREAM"),
            ("INLINE", "CSV"),
            ("INLINE_OR_EXTERNAL_LINKS", "CSV"),
            ("inline", "JSON_ARRAY"),
            ("EXTERNAL_LINKS", "XML"),
        ] {
            assert!(form_of(disposition, format).is_err(), "{disposition} {format}");
        }
    }

    #[test]
    fn parameters_come_in_many_shapes() {
        let parse = |json: serde_json::Value| parameters(serde_json::from_value(json).unwrap());
        let kernel = parse(serde_json::json!([
            {"ordinal": 2, "type": "INT", "value": "2"}, {"ordinal": "1", "type": "INT", "value": 1},
        ]));
        let values: Vec<_> = kernel.unwrap().into_iter().map(|p| p.value.unwrap()).collect();
        assert_eq!(values, ["1", "2"]);
        let sea = parse(
            serde_json::json!([{"name": null, "value": "a", "type": "STRING"}, {"name": null, "value": true}]),
        );
        let sea = sea.unwrap();
        assert_eq!((sea[0].value.as_deref(), sea[1].value.as_deref()), (Some("a"), Some("true")));
        let null =
            parse(serde_json::json!([{"name": "p"}, {"name": "q", "type": "VOID", "value": "x"}]))
                .unwrap();
        assert_eq!((null[0].value.clone(), null[1].value.clone()), (None, None));
        assert!(parse(serde_json::json!([{"name": "p"}, {"value": "x"}])).is_err());
        assert!(parse(serde_json::json!([{"name": "p"}, {"name": "P"}])).is_err());
    }
}
