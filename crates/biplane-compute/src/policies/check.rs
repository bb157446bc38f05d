//! A cluster's specification beside a policy: what it fills in, what is wrong, what would put it right.

use super::path::{CLUSTER_TYPE, DBUS, Path};
use super::rule::{Definition, Limit, Rule, text};
use crate::clusters::version_named;
use crate::provider::NodeType;
use biplane_api::clusters::ClusterSpec;
use biplane_api::policies::SettingsChange;
use biplane_platform::{ApiError, Result};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// As many are told.
const VIOLATIONS_MAX: usize = 200;
/// An hour of so many processors is a DBU.
const CORES_PER_DBU: f64 = 4.0;

pub(super) type Violations = BTreeMap<String, String>;

/// A specification as rules see it.
pub(super) fn seen(spec: &ClusterSpec) -> Result<Value> {
    let mut value = serde_json::to_value(spec).map_err(ApiError::internal)?;
    if let Some(conf) = value.get_mut("cluster_log_conf") {
        // `{"s3": {"destination": …}}` has its kind as an attribute of its own here.
        let kind = conf.as_object().and_then(|conf| conf.iter().next());
        if let Some((kind, inner)) = kind {
            let mut flat = json!({ "type": kind.to_ascii_uppercase() });
            for (name, as_seen) in [("destination", "path"), ("region", "region")] {
                if let Some(value) = inner.get(name) {
                    flat[as_seen] = value.clone();
                }
            }
            *conf = flat;
        }
    }
    if let Some(version) = spec.spark_version.as_deref().and_then(version_named) {
        value["spark_version"] = version.into();
    }
    Ok(value)
}

/// The other way round.
pub(super) fn unseen(mut value: Value) -> Result<ClusterSpec> {
    if let Some(conf) = value.get_mut("cluster_log_conf") {
        let kind = conf.get("type").and_then(Value::as_str).unwrap_or_default();
        let kind = kind.to_ascii_lowercase();
        let mut inner = Map::new();
        for (name, as_seen) in [("destination", "path"), ("region", "region")] {
            if let Some(value) = conf.get(as_seen) {
                inner.insert(name.into(), value.clone());
            }
        }
        *conf = match kind.as_str() {
            "" | "none" => Value::Null,
            _ => json!({ kind: inner }),
        };
    }
    serde_json::from_value(value).map_err(|error| {
        ApiError::invalid(format!(
            "The policy makes something of the cluster that cannot be: {error}"
        ))
    })
}

/// Puts in what is fixed, and with `defaults` what is usual, where nothing was said.
pub(super) fn fill(definition: &Definition, spec: &mut Value, defaults: bool) {
    for rule in &definition.rules {
        let Rule { path, limit, default, .. } = rule;
        if path.is_virtual() || path.is_wild() || !path.find(spec).is_empty() {
            continue;
        }
        let value = match (limit, default) {
            (Limit::Fixed(value), _) => value,
            (_, Some(value)) if defaults && !sized_otherwise(path, spec) => value,
            _ => continue,
        };
        path.set(spec, concrete(path, value));
    }
}

/// Puts in what is fixed, whatever is there.
pub(super) fn refix(definition: &Definition, spec: &mut Value) {
    for rule in definition.rules.iter().filter(|rule| !rule.path.is_virtual()) {
        if let Limit::Fixed(value) = &rule.limit {
            rule.path.set(spec, concrete(&rule.path, value));
        }
    }
}

/// Puts the node types of pools in where the cluster itself names none.
pub(super) fn machines(
    definition: &Definition,
    spec: &mut Value,
    workers: Option<String>,
    driver: Option<String>,
) {
    for (field, machine) in [("node_type_id", workers), ("driver_node_type_id", driver)] {
        let forbidden =
            |rule: &Rule| rule.path.text == field && matches!(rule.limit, Limit::Forbidden);
        let named = spec.get(field).and_then(Value::as_str).is_some_and(|name| !name.is_empty());
        if let Some(machine) = machine
            && !named
            && !definition.rules.iter().any(forbidden)
        {
            spec[field] = machine.into();
        }
    }
}

/// The attributes of a cluster's size.
pub(super) fn is_size(path: &str) -> bool {
    path == "num_workers" || path == DBUS || path.starts_with("autoscale.")
}

/// A usual number of workers is no news to a cluster that scales, nor the other way round.
fn sized_otherwise(path: &Path, spec: &Value) -> bool {
    let given = |name: &str| spec.get(name).is_some_and(|value| !value.is_null());
    match path.text.as_str() {
        "num_workers" => given("autoscale"),
        name if name.starts_with("autoscale.") => given("num_workers"),
        _ => false,
    }
}

fn concrete(path: &Path, value: &Value) -> Value {
    let version = value.as_str().filter(|_| path.text == "spark_version").and_then(version_named);
    version.map_or_else(|| value.clone(), Value::from)
}

/// What does not keep to the policy, by path.
pub(super) fn violations(definition: &Definition, spec: &Value, types: &[NodeType]) -> Violations {
    let special: BTreeSet<&str> =
        definition.rules.iter().map(|rule| rule.path.text.as_str()).collect();
    let mut found = Violations::new();
    for rule in &definition.rules {
        let path = &rule.path;
        match path.text.as_str() {
            CLUSTER_TYPE => {
                complain(&mut found, rule, CLUSTER_TYPE, &json!("all-purpose"));
                continue;
            }
            DBUS => {
                if let Some(dbus) = dbus(spec, types) {
                    complain(&mut found, rule, DBUS, &json!(dbus));
                }
                continue;
            }
            _ => {}
        }
        let values = path.find(spec);
        let needed = !rule.optional && !path.is_wild() && !matches!(rule.limit, Limit::Forbidden);
        if values.is_empty() && needed {
            found.insert(path.text.clone(), "the value must be present".into());
        }
        for (at, value) in values {
            if at == path.text || !special.contains(at.as_str()) {
                complain(&mut found, rule, &at, value);
            }
        }
    }
    while found.len() > VIOLATIONS_MAX {
        found.pop_last();
    }
    found
}

fn complain(found: &mut Violations, rule: &Rule, at: &str, value: &Value) {
    if let Some(what) = rule.complaint(value) {
        found.insert(at.to_owned(), what);
    }
}

/// The most that an hour of the cluster is.
fn dbus(spec: &Value, types: &[NodeType]) -> Option<f64> {
    let named =
        |field: &str| spec.get(field).and_then(Value::as_str).filter(|name| !name.is_empty());
    let cores = |name: &str| types.iter().find(|one| one.node_type_id == name).map(|one| one.cores);
    let worker = named("node_type_id")?;
    let driver = cores(named("driver_node_type_id").unwrap_or(worker))?;
    let most = spec.get("autoscale").and_then(|scale| scale.get("max_workers"));
    let workers = most.or_else(|| spec.get("num_workers")).and_then(Value::as_f64).unwrap_or(0.0);
    Some((driver + workers * cores(worker)?) / CORES_PER_DBU)
}

/// As clients are told of it.
pub(super) fn refusal(found: &Violations) -> ApiError {
    let told: Vec<String> = found
        .iter()
        .map(|(path, what)| match in_map(path) {
            Some((map, key)) if what.ends_with("must be present") => {
                format!("Validation failed for {map}, {key} must be present")
            }
            _ => format!("Validation failed for {path}, {what}"),
        })
        .collect();
    ApiError::invalid(format!("Cluster validation error: {}", told.join("; ")))
}

fn in_map(path: &str) -> Option<(&str, &str)> {
    let (map, key) = path.split_once('.')?;
    ["custom_tags", "spark_conf", "spark_env_vars"].contains(&map).then_some((map, key))
}

/// Makes the specification keep to the policy where the policy says how. What stays wrong is told.
pub(super) fn corrected(
    definition: &Definition,
    spec: &mut Value,
    types: &[NodeType],
) -> Violations {
    // Lists get shorter by what is taken from them, so one thing at a time.
    while let Some((rule, at)) = fixable(definition, spec, types) {
        let well = match (&rule.limit, &rule.default) {
            (Limit::Forbidden, _) => {
                Path::remove(spec, &at);
                true
            }
            (Limit::Fixed(value), _) | (_, Some(value)) => {
                let value = concrete(&rule.path, value);
                Path::parse(&at).is_some_and(|path| path.set(spec, value))
            }
            _ => false,
        };
        if !well {
            break;
        }
    }
    let sizes =
        ["num_workers", "autoscale"].map(|name| spec.get(name).is_some_and(|v| !v.is_null()));
    if sizes == [true, true] {
        // The policy says which of them it is to be.
        let says =
            |name: &str| definition.rules.iter().any(|rule| rule.path.text.starts_with(name));
        let goes = if says("autoscale.") { "num_workers" } else { "autoscale" };
        if let Some(map) = spec.as_object_mut() {
            map.remove(goes);
        }
    }
    violations(definition, spec, types)
}

fn fixable<'a>(
    definition: &'a Definition,
    spec: &Value,
    types: &[NodeType],
) -> Option<(&'a Rule, String)> {
    let found = violations(definition, spec, types);
    found.into_keys().find_map(|at| {
        let own = definition.rules.iter().find(|rule| rule.path.text == at);
        let wild = || {
            definition.rules.iter().find(|rule| {
                rule.path.is_wild() && rule.path.find(spec).iter().any(|(found, _)| *found == at)
            })
        };
        let rule = own.or_else(wild)?;
        let says_how =
            matches!(rule.limit, Limit::Fixed(_) | Limit::Forbidden) || rule.default.is_some();
        (says_how && !rule.path.is_virtual()).then_some((rule, at))
    })
}

/// The attributes that differ.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<SettingsChange> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves("", before, &mut old);
    leaves("", after, &mut new);
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    fields
        .into_iter()
        .filter(|field| old.get(*field) != new.get(*field))
        .map(|field| SettingsChange {
            field: field.clone(),
            previous_value: old.get(field).cloned(),
            new_value: new.get(field).cloned(),
        })
        .collect()
}

fn leaves(at: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(&below(key), value, into)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(place, value)| leaves(&below(&place.to_string()), value, into)),
        value => {
            into.insert(at.to_owned(), text(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Vec<NodeType> {
        let one = |name: &str, cores: f64| NodeType {
            node_type_id: name.into(),
            cores,
            ..NodeType::default()
        };
        vec![one("small", 4.0), one("large", 16.0)]
    }

    fn definition(value: &Value) -> Definition {
        Definition::of(value.as_object().unwrap().clone()).unwrap()
    }

    fn spec(more: &Value) -> Value {
        let mut spec = json!({ "spark_version": "16.4.x-scala2.12", "node_type_id": "small" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        seen(&serde_json::from_value(spec).unwrap()).unwrap()
    }

    /// The paths that are wrong, with and without what is usual.
    fn wrong(policy: &Value, asked: &Value, defaults: bool) -> Vec<String> {
        let definition = definition(policy);
        let mut spec = spec(asked);
        fill(&definition, &mut spec, defaults);
        violations(&definition, &spec, &types()).into_keys().collect()
    }

    #[test]
    fn a_cluster_keeps_to_every_kind_of_rule() {
        let none: &[&str] = &[];
        for (policy, asked, paths) in [
            (json!({}), json!({ "num_workers": 99 }), none),
            // Fixed: filled in, and nothing else.
            (json!({ "num_workers": { "type": "fixed", "value": 1 } }), json!({}), none),
            (
                json!({ "num_workers": { "type": "fixed", "value": 1, "hidden": true } }),
                json!({ "num_workers": 2 }),
                &["num_workers"],
            ),
            (
                json!({ "spark_conf.spark.a": { "type": "fixed", "value": "x" } }),
                json!({ "spark_conf": { "spark.a": "y", "spark.b": "z" } }),
                &["spark_conf.spark.a"],
            ),
            // A limit makes the attribute required, but not an optional one.
            (
                json!({ "autotermination_minutes": { "type": "range", "maxValue": 60 } }),
                json!({}),
                &["autotermination_minutes"],
            ),
            (
                json!({ "autotermination_minutes": { "type": "range", "maxValue": 60, "isOptional": true } }),
                json!({}),
                none,
            ),
            (
                json!({ "custom_tags.team": { "type": "unlimited" } }),
                json!({}),
                &["custom_tags.team"],
            ),
            (
                json!({ "custom_tags.team": { "type": "unlimited" } }),
                json!({ "custom_tags": { "team": "a" } }),
                none,
            ),
            (json!({ "driver_node_type_id": { "type": "forbidden" } }), json!({}), none),
            (
                json!({ "driver_node_type_id": { "type": "forbidden" } }),
                json!({ "driver_node_type_id": "small" }),
                &["driver_node_type_id"],
            ),
            (
                json!({ "node_type_id": { "type": "blocklist", "values": ["small"] } }),
                json!({}),
                &["node_type_id"],
            ),
            // A wild rule is for what has none of its own.
            (
                json!({
                    "spark_conf.*": { "type": "forbidden" },
                    "spark_conf.spark.ok": { "type": "unlimited", "isOptional": true },
                }),
                json!({ "spark_conf": { "spark.ok": "1", "spark.no": "1" } }),
                &["spark_conf.spark.no"],
            ),
            (
                json!({ "ssh_public_keys.*": { "type": "regex", "pattern": "ssh-ed25519 .*" } }),
                json!({ "ssh_public_keys": ["ssh-ed25519 a", "ssh-rsa b"] }),
                &["ssh_public_keys.1"],
            ),
            (
                json!({ "init_scripts.*.workspace.destination": { "type": "forbidden" } }),
                json!({ "init_scripts": [{ "workspace": { "destination": "/x" } }] }),
                &["init_scripts.0.workspace.destination"],
            ),
            (
                json!({ "init_scripts.0.volumes.destination": { "type": "fixed", "value": "/v" } }),
                json!({ "init_scripts": [{ "workspace": { "destination": "/x" } }] }),
                &["init_scripts.0.volumes.destination"],
            ),
            (
                json!({ "cluster_log_conf.type": { "type": "fixed", "value": "S3" } }),
                json!({ "cluster_log_conf": { "dbfs": { "destination": "x" } } }),
                &["cluster_log_conf.type"],
            ),
            // Of the cluster as a whole.
            (
                json!({ "cluster_type": { "type": "fixed", "value": "job" } }),
                json!({}),
                &["cluster_type"],
            ),
            (
                json!({ "dbus_per_hour": { "type": "range", "maxValue": 4 } }),
                json!({ "num_workers": 3 }),
                none,
            ),
            (
                json!({ "dbus_per_hour": { "type": "range", "maxValue": 4 } }),
                json!({ "autoscale": { "min_workers": 1, "max_workers": 4 } }),
                &["dbus_per_hour"],
            ),
            (
                json!({ "dbus_per_hour": { "type": "range", "maxValue": 4 } }),
                json!({ "driver_node_type_id": "large", "num_workers": 1 }),
                &["dbus_per_hour"],
            ),
        ] {
            assert_eq!(wrong(&policy, &asked, false), paths, "{policy} {asked}");
        }
    }

    #[test]
    fn what_is_usual_is_put_in_when_asked_for() {
        let policy = json!({
            "autotermination_minutes": { "type": "range", "maxValue": 60, "defaultValue": 30 },
            "num_workers": { "type": "unlimited", "defaultValue": 2, "isOptional": true },
            "aws_attributes.zone_id": { "type": "fixed", "value": "eu-1a" },
            "spark_version": { "type": "fixed", "value": "auto:prev-lts" },
        });
        assert_eq!(wrong(&policy, &json!({}), false), ["autotermination_minutes"]);
        assert!(wrong(&policy, &json!({}), true).is_empty());
        let mut filled = spec(&json!({ "spark_version": "", "cluster_log_conf": {} }));
        fill(&definition(&policy), &mut filled, true);
        let made = unseen(filled).unwrap();
        assert_eq!((made.autotermination_minutes, made.num_workers), (Some(30), Some(2)));
        assert_eq!(made.spark_version.as_deref(), Some("16.4.x-scala2.12"));
        assert_eq!(made.aws_attributes.unwrap().zone_id.as_deref(), Some("eu-1a"));
        let scales = json!({ "autoscale": { "min_workers": 1, "max_workers": 2 } });
        let mut filled = spec(&scales);
        fill(&definition(&policy), &mut filled, true);
        assert_eq!(unseen(filled).unwrap().num_workers, None);
    }

    #[test]
    fn a_cluster_is_put_right_where_the_policy_says_how() {
        let policy = definition(&json!({
            "num_workers": { "type": "fixed", "value": 1 },
            "autotermination_minutes": { "type": "range", "maxValue": 60, "defaultValue": 30 },
            "spark_conf.*": { "type": "forbidden" },
            "ssh_public_keys.*": { "type": "forbidden" },
        }));
        let before = spec(&json!({
            "autoscale": { "min_workers": 1, "max_workers": 2 }, "autotermination_minutes": 90,
            "spark_conf": { "a": "1", "b": "2" }, "ssh_public_keys": ["a", "b"],
        }));
        let mut after = before.clone();
        assert!(corrected(&policy, &mut after, &types()).is_empty());
        let changed: Vec<String> =
            changes(&before, &after).into_iter().map(|change| change.field).collect();
        assert_eq!(
            changed,
            [
                "autoscale.max_workers",
                "autoscale.min_workers",
                "autotermination_minutes",
                "num_workers",
                "spark_conf.a",
                "spark_conf.b",
                "ssh_public_keys.0",
                "ssh_public_keys.1",
            ]
        );
        let helpless =
            definition(&json!({ "node_type_id": { "type": "allowlist", "values": ["large"] } }));
        let left = corrected(&helpless, &mut after, &types());
        let message = refusal(&left).message;
        assert_eq!(
            message,
            "Cluster validation error: Validation failed for node_type_id, the value must be one of large (is \"small\")"
        );
    }

    #[test]
    fn logs_are_seen_with_their_kind() {
        let conf =
            json!({ "cluster_log_conf": { "s3": { "destination": "s3://a", "region": "eu" } } });
        let value = spec(&conf);
        assert_eq!(
            value["cluster_log_conf"],
            json!({ "type": "S3", "path": "s3://a", "region": "eu" })
        );
        let back = unseen(value).unwrap().cluster_log_conf.unwrap();
        assert_eq!(back, conf["cluster_log_conf"]);
    }
}
