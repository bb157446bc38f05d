//! PatchOp (RFC 7644 §3.5.2) on the JSON of a resource: paths `attribute`, `attribute.sub`,
//! `attribute[sub eq "value"]`, `attribute[…].sub`, and operations without a path.

use biplane_api::identity::ScimOperation;
use biplane_platform::{ApiError, Result};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

pub const OPERATIONS_MAX: usize = 1000;

/// What may be changed. Names come in any case; these are the true ones.
const ATTRIBUTES: &[&str] = &[
    "userName",
    "displayName",
    "applicationId",
    "name",
    "emails",
    "active",
    "members",
    "roles",
    "entitlements",
    "externalId",
    "password",
];
const LISTS: &[&str] = &["emails", "members", "roles", "entitlements"];
/// Set by the server; clients that echo what they read may send them.
const READ_ONLY: &[&str] = &["id", "schemas", "meta", "groups"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Remove,
    Replace,
}

struct Path {
    attribute: &'static str,
    /// `[sub eq "value"]`
    filter: Option<(String, String)>,
    sub: Option<String>,
}

pub fn apply(document: &mut Map<String, Value>, operations: &[ScimOperation]) -> Result<()> {
    if operations.len() > OPERATIONS_MAX {
        return Err(ApiError::invalid(format!(
            "There may be {OPERATIONS_MAX} operations at once."
        )));
    }
    for operation in operations {
        let op = match operation.op.to_ascii_lowercase().as_str() {
            "add" => Op::Add,
            "remove" => Op::Remove,
            "replace" => Op::Replace,
            other => {
                return Err(ApiError::invalid(format!(
                    "{other:.16} is not add, remove or replace."
                )));
            }
        };
        let value = operation.value.as_ref();
        match operation.path.as_deref().map(str::trim).filter(|path| !path.is_empty()) {
            Some(path) => one(document, op, &parse(path)?, value)?,
            None => many(document, op, value)?,
        }
    }
    Ok(())
}

/// Without a path the value is an object of attributes.
fn many(document: &mut Map<String, Value>, op: Op, value: Option<&Value>) -> Result<()> {
    let Some(Value::Object(attributes)) = value else {
        return Err(ApiError::invalid("An operation without path needs an object as its value."));
    };
    if op == Op::Remove {
        return Err(ApiError::invalid("A remove operation needs a path."));
    }
    for (name, value) in attributes {
        if READ_ONLY.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            continue;
        }
        one(document, op, &parse(name)?, Some(value))?;
    }
    Ok(())
}

fn parse(text: &str) -> Result<Path> {
    let wrong = || {
        ApiError::invalid(format!(
            "{} is not a path that can be changed.",
            text.chars().take(80).collect::<String>()
        ))
    };
    // A schema may stand before the attribute.
    let text = match text.strip_prefix("urn:") {
        Some(_) => text
            .split('[')
            .next()
            .and_then(|head| head.rfind(':'))
            .map_or(text, |at| &text[at + 1..]),
        None => text,
    };
    let end = text.find(['[', '.']).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let attribute = ATTRIBUTES
        .iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .copied()
        .ok_or_else(wrong)?;
    let mut filter = None;
    if let Some(inner) = rest.strip_prefix('[') {
        let (inner, after) = inner.rsplit_once(']').ok_or_else(wrong)?;
        let mut words = inner.trim().splitn(3, char::is_whitespace);
        let (sub, eq, value) = (words.next(), words.next(), words.next());
        let (Some(sub), Some(eq), Some(value)) = (sub, eq, value) else {
            return Err(wrong());
        };
        if !eq.eq_ignore_ascii_case("eq") || !LISTS.contains(&attribute) {
            return Err(wrong());
        }
        let value = value.trim();
        let unquoted = ['"', '\'']
            .iter()
            .find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q))
            .unwrap_or(value);
        filter = Some((sub_name(sub), unquoted.to_owned()));
        rest = after;
    }
    let sub = match rest.strip_prefix('.') {
        Some(sub) if !sub.is_empty() => Some(sub_name(sub)),
        None if rest.is_empty() => None,
        _ => return Err(wrong()),
    };
    Ok(Path { attribute, filter, sub })
}

fn sub_name(text: &str) -> String {
    ["value", "type", "primary", "display", "givenName", "familyName"]
        .iter()
        .find(|known| known.eq_ignore_ascii_case(text))
        .map_or_else(|| text.to_owned(), |known| (*known).to_owned())
}

fn one(
    document: &mut Map<String, Value>,
    op: Op,
    path: &Path,
    value: Option<&Value>,
) -> Result<()> {
    if op != Op::Remove && value.is_none() {
        return Err(ApiError::invalid("An add or replace operation needs a value."));
    }
    let value = value.unwrap_or(&Value::Null);
    match (LISTS.contains(&path.attribute), &path.filter, &path.sub) {
        (true, Some(filter), sub) => {
            filtered(document, op, path.attribute, filter, sub.as_deref(), value)
        }
        (true, None, None) => list(document, op, path.attribute, value),
        (false, None, None) => scalar(document, op, path.attribute, value),
        (false, None, Some(sub)) if path.attribute == "name" => {
            let name = document.entry("name").or_insert_with(|| json!({}));
            let Value::Object(name) = name else {
                return Err(ApiError::invalid("name is an object."));
            };
            match op {
                Op::Remove => {
                    name.remove(sub);
                }
                _ => {
                    name.insert(sub.clone(), value.clone());
                }
            }
            Ok(())
        }
        _ => Err(ApiError::invalid(format!("This path of {} cannot be changed.", path.attribute))),
    }
}

fn scalar(document: &mut Map<String, Value>, op: Op, attribute: &str, value: &Value) -> Result<()> {
    if op == Op::Remove || value.is_null() {
        document.remove(attribute);
        return Ok(());
    }
    let value = match (attribute, value) {
        // Some directories send booleans as text.
        ("active", Value::String(text)) if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        ("active", Value::String(text)) if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        // Single values may come in a list of one.
        (_, Value::Array(values)) if values.len() == 1 => values[0].clone(),
        (_, value) => value.clone(),
    };
    document.insert(attribute.to_owned(), value);
    Ok(())
}

/// The elements of a value that may be one or many, objects or bare texts.
fn elements(value: &Value) -> Result<Vec<Value>> {
    let many = match value {
        Value::Array(values) => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    many.iter()
        .map(|element| match element {
            Value::Object(_) => Ok(element.clone()),
            Value::String(text) => Ok(json!({ "value": text })),
            Value::Number(number) => Ok(json!({ "value": number.to_string() })),
            _ => Err(ApiError::invalid("A list attribute takes objects with a value.")),
        })
        .collect()
}

fn key(element: &Value) -> Option<&str> {
    element.get("value").and_then(Value::as_str)
}

fn list(document: &mut Map<String, Value>, op: Op, attribute: &str, value: &Value) -> Result<()> {
    let current = document.entry(attribute).or_insert_with(|| json!([]));
    let Value::Array(current) = current else {
        return Err(ApiError::invalid(format!("{attribute} is a list.")));
    };
    match op {
        Op::Replace if value.is_null() => current.clear(),
        Op::Replace => *current = elements(value)?,
        Op::Add => {
            let known: HashSet<String> =
                current.iter().filter_map(|one| key(one).map(str::to_owned)).collect();
            let fresh = elements(value)?;
            current.extend(
                fresh.into_iter().filter(|one| key(one).is_none_or(|key| !known.contains(key))),
            );
        }
        // All of them, or those that are named in the value.
        Op::Remove if value.is_null() => current.clear(),
        Op::Remove => {
            let named = elements(value)?;
            let named: HashSet<&str> = named.iter().filter_map(key).collect();
            current.retain(|one| key(one).is_none_or(|key| !named.contains(key)));
        }
    }
    Ok(())
}

fn filtered(
    document: &mut Map<String, Value>,
    op: Op,
    attribute: &str,
    (sub, wanted): &(String, String),
    target: Option<&str>,
    value: &Value,
) -> Result<()> {
    let current = document.entry(attribute).or_insert_with(|| json!([]));
    let Value::Array(current) = current else {
        return Err(ApiError::invalid(format!("{attribute} is a list.")));
    };
    let fits = |one: &Value| match one.get(sub) {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Bool(flag)) => flag.to_string() == *wanted,
        _ => false,
    };
    match (op, target) {
        (Op::Remove, None) => current.retain(|one| !fits(one)),
        (Op::Remove, Some(target)) => {
            for one in current.iter_mut().filter(|one| fits(one)) {
                if let Value::Object(one) = one {
                    one.remove(target);
                }
            }
        }
        (_, Some(target)) => {
            let mut found = false;
            for one in current.iter_mut().filter(|one| fits(one)) {
                if let Value::Object(one) = one {
                    one.insert(target.to_owned(), value.clone());
                    found = true;
                }
            }
            if !found {
                let mut one = Map::new();
                one.insert(sub.clone(), Value::String(wanted.clone()));
                one.insert(target.to_owned(), value.clone());
                current.push(Value::Object(one));
            }
        }
        (_, None) => {
            let fresh = elements(value)?;
            current.retain(|one| !fits(one));
            current.extend(fresh);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(start: Value, op: &str, path: Option<&str>, value: Value) -> Result<Value> {
        let Value::Object(mut document) = start else { return Ok(Value::Null) };
        let operation = ScimOperation {
            op: op.into(),
            path: path.map(str::to_owned),
            value: Some(value).filter(|value| !value.is_null()),
        };
        apply(&mut document, &[operation])?;
        Ok(Value::Object(document))
    }

    #[test]
    fn the_forms_clients_send() {
        let two = json!({"members": [{"value": "1"}, {"value": "2"}]});
        let one = json!({"members": [{"value": "2"}]});
        for (op, path, value, result) in [
            ("remove", Some("members[value eq \"1\"]"), Value::Null, &one),
            ("Remove", Some("members"), json!([{"value": "1"}]), &one),
            ("remove", Some("members"), Value::Null, &json!({"members": []})),
            ("add", Some("members"), json!({"value": "2"}), &two),
            ("Replace", Some("members"), json!([{"value": "2"}]), &one),
            ("replace", None, json!({"members": [{"value": "2"}]}), &one),
        ] {
            assert_eq!(&patched(two.clone(), op, path, value).unwrap(), result, "{op} {path:?}");
        }
        let user = json!({"active": true, "name": {"givenName": "A"}});
        assert_eq!(
            patched(user.clone(), "replace", Some("active"), json!("False")).unwrap()["active"],
            false
        );
        assert_eq!(
            patched(user.clone(), "replace", Some("name.givenName"), json!("B")).unwrap()["name"]["givenName"],
            "B"
        );
        assert_eq!(
            patched(user.clone(), "add", None, json!({"name.familyName": "C"})).unwrap()["name"]["familyName"],
            "C"
        );
        let emails =
            patched(user, "add", Some("emails[type eq \"work\"].value"), json!("a@x")).unwrap();
        assert_eq!(emails["emails"], json!([{"type": "work", "value": "a@x"}]));
    }

    #[test]
    fn bad_operations_are_refused() {
        for (op, path, value) in [
            ("move", Some("active"), json!(true)),
            ("add", Some("active"), Value::Null),
            ("add", None, json!("x")),
            ("remove", None, json!({"active": true})),
            ("replace", Some("id"), json!("1")),
            ("replace", Some("members[value"), json!("1")),
            ("replace", Some("members[value co \"1\"]"), json!("1")),
            ("replace", Some("members."), json!("1")),
            ("replace", Some("é"), json!("1")),
            ("replace", Some("urn:é:"), json!("1")),
            ("add", Some("members"), json!([null])),
        ] {
            assert!(patched(json!({}), op, path, value).is_err(), "{op} {path:?}");
        }
    }
}
