//! Paths of attributes in definitions of policies: which there are, and how they are found in a cluster's
//! specification.

use serde_json::{Map, Value};

/// What the values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Bool,
}

use Kind::{Bool, Number, Text};

/// `*` at the end: any key, dots included. `#`: the place in a list.
const ATTRIBUTES: &[(&str, Kind)] = &[
    ("autoscale.max_workers", Number),
    ("autoscale.min_workers", Number),
    ("autotermination_minutes", Number),
    ("aws_attributes.availability", Text),
    ("aws_attributes.ebs_volume_count", Number),
    ("aws_attributes.ebs_volume_iops", Number),
    ("aws_attributes.ebs_volume_size", Number),
    ("aws_attributes.ebs_volume_throughput", Number),
    ("aws_attributes.ebs_volume_type", Text),
    ("aws_attributes.first_on_demand", Number),
    ("aws_attributes.instance_profile_arn", Text),
    ("aws_attributes.spot_bid_price_percent", Number),
    ("aws_attributes.zone_id", Text),
    ("cluster_log_conf.path", Text),
    ("cluster_log_conf.region", Text),
    ("cluster_log_conf.type", Text),
    ("cluster_name", Text),
    ("custom_tags.*", Text),
    ("data_security_mode", Text),
    ("docker_image.basic_auth.password", Text),
    ("docker_image.basic_auth.username", Text),
    ("docker_image.url", Text),
    ("driver_instance_pool_id", Text),
    ("driver_node_type_flexibility.alternate_node_type_ids.#", Text),
    ("driver_node_type_id", Text),
    ("enable_elastic_disk", Bool),
    ("enable_local_disk_encryption", Bool),
    ("init_scripts.#.dbfs.destination", Text),
    ("init_scripts.#.file.destination", Text),
    ("init_scripts.#.s3.destination", Text),
    ("init_scripts.#.s3.region", Text),
    ("init_scripts.#.volumes.destination", Text),
    ("init_scripts.#.workspace.destination", Text),
    ("instance_pool_id", Text),
    ("is_single_node", Bool),
    ("kind", Text),
    ("node_type_id", Text),
    ("num_workers", Number),
    ("runtime_engine", Text),
    ("single_user_name", Text),
    ("spark_conf.*", Text),
    ("spark_env_vars.*", Text),
    ("spark_version", Text),
    ("ssh_public_keys.#", Text),
    ("use_ml_runtime", Bool),
    ("worker_node_type_flexibility.alternate_node_type_ids.#", Text),
    ("workload_type.clients.jobs", Bool),
    ("workload_type.clients.notebooks", Bool),
    // Of the cluster as a whole.
    (CLUSTER_TYPE, Text),
    (DBUS, Number),
];

pub(super) const CLUSTER_TYPE: &str = "cluster_type";
pub(super) const DBUS: &str = "dbus_per_hour";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Place(usize),
    /// Every element of a list, or every value of a map.
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub text: String,
    pub kind: Kind,
    steps: Vec<Step>,
}

impl Path {
    pub fn parse(text: &str) -> Option<Self> {
        ATTRIBUTES.iter().find_map(|(pattern, kind)| {
            let steps = matched(pattern, text)?;
            Some(Self { text: text.to_owned(), kind: *kind, steps })
        })
    }

    pub fn is_virtual(&self) -> bool {
        [CLUSTER_TYPE, DBUS].contains(&self.text.as_str())
    }

    /// It says something of all elements that have no rule of their own.
    pub fn is_wild(&self) -> bool {
        self.steps.contains(&Step::Any)
    }

    /// What is there, each with its own path. Nothing and empty texts are not there.
    pub fn find<'a>(&self, root: &'a Value) -> Vec<(String, &'a Value)> {
        let mut found = vec![(String::new(), root)];
        for step in &self.steps {
            found = found.into_iter().flat_map(|(at, value)| children(&at, value, step)).collect();
        }
        found.retain(|(_, value)| !value.is_null() && value.as_str() != Some(""));
        found
    }

    /// Puts a value there. Elements are added to the end of a list only. False: it has no place.
    pub fn set(&self, root: &mut Value, value: Value) -> bool {
        place(root, &self.steps, value)
    }

    /// Takes what is at `at`, one of those found, away, and what is empty then.
    pub fn remove(root: &mut Value, at: &str) {
        if let Some(path) = Self::parse(at) {
            take(root, &path.steps);
        }
    }
}

fn matched(pattern: &str, text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = Some(text);
    let mut wanted = pattern.split('.').peekable();
    while let Some(one) = wanted.next() {
        let here = rest?;
        if one == "*" {
            steps.push(match here {
                "" => return None,
                "*" => Step::Any,
                key => Step::Key(key.to_owned()),
            });
            return Some(steps);
        }
        let (name, after) = match here.split_once('.') {
            Some((name, after)) => (name, Some(after)),
            None => (here, None),
        };
        steps.push(match (one, name) {
            ("#", "*") => Step::Any,
            ("#", place) if place.len() <= 3 => Step::Place(place.parse().ok()?),
            ("#", _) => return None,
            (one, name) if one == name => Step::Key(name.to_owned()),
            _ => return None,
        });
        rest = after;
        if wanted.peek().is_none() && rest.is_some() {
            return None;
        }
    }
    Some(steps)
}

fn children<'a>(at: &str, value: &'a Value, step: &Step) -> Vec<(String, &'a Value)> {
    let below = |name: &str| match at {
        "" => name.to_owned(),
        _ => format!("{at}.{name}"),
    };
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => {
            map.get(key).map(|value| (below(key), value)).into_iter().collect()
        }
        (Step::Place(place), Value::Array(list)) => {
            list.get(*place).map(|value| (below(&place.to_string()), value)).into_iter().collect()
        }
        (Step::Any, Value::Object(map)) => {
            map.iter().map(|(key, value)| (below(key), value)).collect()
        }
        (Step::Any, Value::Array(list)) => {
            list.iter().enumerate().map(|(n, value)| (below(&n.to_string()), value)).collect()
        }
        _ => Vec::new(),
    }
}

fn place(value: &mut Value, steps: &[Step], new: Value) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        *value = new;
        return true;
    };
    match step {
        Step::Key(key) => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            let Value::Object(map) = value else { return false };
            place(map.entry(key.clone()).or_insert(Value::Null), rest, new)
        }
        Step::Place(at) => {
            if value.is_null() {
                *value = Value::Array(Vec::new());
            }
            let Value::Array(list) = value else { return false };
            if *at == list.len() {
                list.push(Value::Null);
                return place(&mut list[*at], rest, new);
            }
            // An element that is there is something else, unless it already has this attribute.
            match list.get_mut(*at) {
                Some(element) if rest.is_empty() || has(element, rest) => place(element, rest, new),
                _ => false,
            }
        }
        Step::Any => false,
    }
}

fn has(value: &Value, steps: &[Step]) -> bool {
    match steps.split_first() {
        None => true,
        Some((Step::Key(key), rest)) => value.get(key).is_some_and(|value| has(value, rest)),
        Some(_) => false,
    }
}

fn take(value: &mut Value, steps: &[Step]) {
    match steps {
        [] | [Step::Any, ..] => {}
        [Step::Key(key)] => {
            if let Value::Object(map) = value {
                map.remove(key);
            }
        }
        [Step::Key(key), rest @ ..] => {
            let Value::Object(map) = value else { return };
            let Some(inner) = map.get_mut(key) else { return };
            take(inner, rest);
            let empty = inner.as_object().is_some_and(Map::is_empty)
                || inner.as_array().is_some_and(Vec::is_empty);
            if empty {
                map.remove(key);
            }
        }
        // Without its attribute an element is nothing.
        [Step::Place(at), ..] => {
            if let Value::Array(list) = value
                && *at < list.len()
            {
                list.remove(*at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_those_of_attributes() {
        for known in [
            "spark_version",
            "spark_conf.spark.executor.memory",
            "custom_tags.*",
            "autoscale.max_workers",
            "init_scripts.0.volumes.destination",
            "init_scripts.*.s3.region",
            "dbus_per_hour",
        ] {
            assert!(Path::parse(known).is_some(), "{known}");
        }
        for unknown in [
            "",
            "spark_conf",
            "spark_conf.",
            "autoscale",
            "spark_version.x",
            "init_scripts.x.volumes.destination",
            "init_scripts.-1.volumes.destination",
            "init_scripts.0",
            "azure_attributes.availability",
        ] {
            assert!(Path::parse(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn values_are_found_put_and_taken_away() {
        let mut spec = json!({
            "spark_conf": { "spark.a": "1", "spark.b": "2" },
            "init_scripts": [
                { "volumes": { "destination": "/a" } }, { "workspace": { "destination": "/b" } },
            ],
            "cluster_name": "",
        });
        let path = |text: &str| Path::parse(text).unwrap();
        let all = path("spark_conf.*");
        let found: Vec<String> = all.find(&spec).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, ["spark_conf.spark.a", "spark_conf.spark.b"]);
        assert!(path("cluster_name").find(&spec).is_empty());
        assert_eq!(path("init_scripts.*.workspace.destination").find(&spec).len(), 1);
        assert!(path("autoscale.max_workers").set(&mut spec, json!(3)));
        assert!(path("init_scripts.2.volumes.destination").set(&mut spec, json!("/c")));
        assert!(!path("init_scripts.1.volumes.destination").set(&mut spec, json!("/c")));
        assert!(!path("init_scripts.9.volumes.destination").set(&mut spec, json!("/c")));
        assert_eq!(spec["autoscale"]["max_workers"], 3);
        assert_eq!(spec["init_scripts"][2]["volumes"]["destination"], "/c");
        Path::remove(&mut spec, "init_scripts.1.workspace.destination");
        assert_eq!(spec["init_scripts"].as_array().unwrap().len(), 2);
        Path::remove(&mut spec, "spark_conf.spark.a");
        Path::remove(&mut spec, "spark_conf.spark.b");
        assert!(spec.get("spark_conf").is_none());
    }
}
