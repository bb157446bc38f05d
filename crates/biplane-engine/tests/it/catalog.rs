//! Listings, containers and grants for the control plane in memory.

use crate::harness::{Fake, Harness};
use http::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Weak};

const UC: &str = "/api/2.1/unity-catalog/";

/// What the tests have made beside tables.
#[derive(Default)]
struct Containers {
    catalogs: Vec<String>,
    schemas: Vec<String>,
    grants: Vec<Value>,
    functions: std::collections::BTreeMap<String, Value>,
    calls: Vec<(String, Value)>,
}

/// A harness whose control plane lists, and knows the catalog `main` with the schema `default`.
pub async fn start() -> Harness {
    let harness = Harness::start().await;
    let fake = Arc::downgrade(&harness.fake);
    let containers = parking_lot::Mutex::new(Containers {
        catalogs: vec!["main".into()],
        schemas: vec!["main.default".into()],
        ..Containers::default()
    });
    harness.fake.answer(move |method, path, body| {
        answer(&fake, &mut containers.lock(), method, path.strip_prefix(UC)?, body)
    });
    harness
}

fn missing(code: &str, what: &str) -> Option<(u16, Value)> {
    Some((404, json!({"error_code": code, "message": format!("{what} does not exist")})))
}

fn taken(code: &str) -> Option<(u16, Value)> {
    Some((409, json!({"error_code": code, "message": "it exists already"})))
}

fn times() -> Value {
    json!({"owner": "ada@example.com", "metastore_id": "m", "created_at": 1_700_000_000_000_i64,
        "created_by": "ada@example.com", "updated_at": 1_700_000_000_000_i64, "updated_by": "ada@example.com"})
}

fn with_times(mut value: Value) -> Value {
    let all = times();
    for (key, time) in all.as_object().unwrap() {
        value[key] = time.clone();
    }
    value
}

fn catalog(name: &str) -> Value {
    with_times(
        json!({"name": name, "full_name": name, "id": "c", "catalog_type": "MANAGED_CATALOG",
        "isolation_mode": "OPEN", "accessible_in_current_workspace": true, "properties": {}, "options": {},
        "provisioning_info": {"state": "ACTIVE"}, "securable_type": "CATALOG",
        "securable_kind": "CATALOG_STANDARD", "comment": "a catalog"}),
    )
}

fn schema(full_name: &str) -> Value {
    let (catalog, name) = full_name.split_once('.').unwrap();
    with_times(
        json!({"name": name, "catalog_name": catalog, "full_name": full_name, "schema_id": "s",
        "catalog_type": "MANAGED_CATALOG", "properties": {}}),
    )
}

fn parameter(query: &str, key: &str) -> String {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).unwrap_or_default()
}

fn answer(
    fake: &Weak<Fake>,
    all: &mut Containers,
    method: &Method,
    path: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    all.calls.push((format!("{method} {path}"), body.clone()));
    match (method.as_str(), path) {
        ("GET", "catalogs") => {
            let list: Vec<Value> = all.catalogs.iter().map(|name| catalog(name)).collect();
            Some((200, json!({ "catalogs": list })))
        }
        ("POST", "catalogs") => {
            let name = body["name"].as_str()?.to_owned();
            if all.catalogs.contains(&name) {
                return taken("CATALOG_ALREADY_EXISTS");
            }
            all.catalogs.push(name.clone());
            Some((200, catalog(&name)))
        }
        ("GET", "schemas") => {
            let wanted = format!("{}.", parameter(query, "catalog_name"));
            let list = all.schemas.iter().filter(|name| name.starts_with(&wanted));
            Some((200, json!({ "schemas": list.map(|name| schema(name)).collect::<Vec<_>>() })))
        }
        ("POST", "schemas") => {
            let name = format!("{}.{}", body["catalog_name"].as_str()?, body["name"].as_str()?);
            if all.schemas.contains(&name) {
                return taken("SCHEMA_ALREADY_EXISTS");
            }
            all.schemas.push(name.clone());
            Some((200, schema(&name)))
        }
        ("GET", "tables") => {
            let wanted = format!(
                "{}.{}.",
                parameter(query, "catalog_name"),
                parameter(query, "schema_name")
            );
            let fake = fake.upgrade()?;
            let tables = fake.tables.lock();
            let list = tables.iter().filter(|(name, _)| name.starts_with(&wanted));
            Some((200, json!({ "tables": list.map(|(_, table)| &table.info).collect::<Vec<_>>() })))
        }
        ("GET", "volumes") => Some((200, json!({ "volumes": [] }))),
        ("GET", "functions") => Some((200, json!({ "functions": [] }))),
        ("POST", "functions") => {
            let mut made = with_times(body["function_info"].clone());
            let part = |key: &str| body["function_info"][key].as_str().map(str::to_owned);
            let name = [part("catalog_name")?, part("schema_name")?, part("name")?].join(".");
            if all.functions.contains_key(&name) {
                return taken("FUNCTION_ALREADY_EXISTS");
            }
            made["full_name"] = json!(name);
            for key in ["function_id", "owner", "metastore_id", "created_by", "updated_by"] {
                made[key] = json!("x");
            }
            all.functions.insert(name, made.clone());
            Some((200, made))
        }
        ("POST", "constraints") => {
            let fake = fake.upgrade()?;
            let mut tables = fake.tables.lock();
            let table = tables.get_mut(body["full_name_arg"].as_str()?)?;
            table.info.table_constraints.push(body["constraint"].clone());
            Some((200, body["constraint"].clone()))
        }
        (verb, path) => {
            if let Some(name) = path.strip_prefix("catalogs/") {
                return container(&mut all.catalogs, verb, name, "CATALOG_DOES_NOT_EXIST", catalog);
            }
            if let Some(name) = path.strip_prefix("functions/") {
                let found = match verb {
                    "DELETE" => all.functions.remove(name),
                    _ => all.functions.get(name).cloned(),
                };
                return match found {
                    Some(found) => Some((200, found)),
                    None => missing("FUNCTION_DOES_NOT_EXIST", name),
                };
            }
            if let Some(name) = path.strip_prefix("schemas/") {
                return container(&mut all.schemas, verb, name, "SCHEMA_DOES_NOT_EXIST", schema);
            }
            if let Some(name) = path.strip_prefix("constraints/") {
                let fake = fake.upgrade()?;
                let mut tables = fake.tables.lock();
                let gone = parameter(query, "constraint_name");
                let keys = &mut tables.get_mut(name)?.info.table_constraints;
                keys.retain(|key| !key.to_string().contains(&format!("\"{gone}\"")));
                return Some((200, json!({})));
            }
            if path.starts_with("permissions/") {
                if verb == "PATCH" {
                    for change in body["changes"].as_array()? {
                        let principal = &change["principal"];
                        all.grants.retain(|grant| &grant["principal"] != principal);
                        if change["add"].as_array().is_some_and(|add| !add.is_empty()) {
                            all.grants
                                .push(json!({"principal": principal, "privileges": change["add"]}));
                        }
                    }
                }
                return Some((200, json!({ "privilege_assignments": all.grants })));
            }
            None
        }
    }
}

fn container(
    names: &mut Vec<String>,
    verb: &str,
    name: &str,
    code: &str,
    shown: impl Fn(&str) -> Value,
) -> Option<(u16, Value)> {
    if !names.iter().any(|known| known == name) {
        return missing(code, name);
    }
    if verb == "DELETE" {
        names.retain(|known| known != name);
        return Some((200, json!({})));
    }
    Some((200, shown(name)))
}
