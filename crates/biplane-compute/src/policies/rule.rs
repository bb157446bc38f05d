//! The language of policies: a rule per attribute, read strictly.

use super::path::{CLUSTER_TYPE, DBUS, Kind, Path};
use crate::clusters::version_named;
use biplane_platform::{ApiError, Result};
use regex::{Regex, RegexBuilder};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

const BYTES_MAX: usize = 100_000;
const RULES_MAX: usize = 1000;
const VALUES_MAX: usize = 1000;
const REGEX_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Clone)]
pub(super) enum Limit {
    Fixed(Value),
    Forbidden,
    Allow(Vec<Value>),
    Block(Vec<Value>),
    Matches(Regex, String),
    Range(Option<f64>, Option<f64>),
    Unlimited,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub path: Path,
    pub limit: Limit,
    pub default: Option<Value>,
    pub optional: bool,
}

/// What a policy says, in the order of its paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Definition {
    pub rules: Vec<Rule>,
}

/// An object that names no key twice.
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Once;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object: attribute path to rule")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut access: A,
            ) -> std::result::Result<Once, A::Error> {
                let mut map = Map::new();
                while let Some((key, value)) = access.next_entry::<String, Value>()? {
                    if map.contains_key(&key) {
                        let text = format!("{key:.100} has more than one rule");
                        return Err(serde::de::Error::custom(text));
                    }
                    map.insert(key, value);
                }
                Ok(Once(map))
            }
        }
        deserializer.deserialize_map(Seen)
    }
}

/// The text as an object; what a rule is, is looked at later.
pub(super) fn object(text: &str) -> Result<Map<String, Value>> {
    if text.len() > BYTES_MAX {
        return Err(ApiError::invalid(format!(
            "The policy definition is longer than {BYTES_MAX} bytes."
        )));
    }
    let read: Once = serde_json::from_str(text)
        .map_err(|error| ApiError::invalid(format!("The policy definition is no JSON: {error}")))?;
    Ok(read.0)
}

impl Definition {
    pub fn parse(text: &str) -> Result<Self> {
        Self::of(object(text)?)
    }

    pub fn of(map: Map<String, Value>) -> Result<Self> {
        if map.len() > RULES_MAX {
            return Err(ApiError::invalid(format!(
                "The policy definition has more than {RULES_MAX} rules."
            )));
        }
        let rules = map.iter().map(|(path, rule)| {
            Rule::of(path, rule).map_err(|what| {
                ApiError::invalid(format!(
                    "The policy definition is not valid: {path:.100}: {what}"
                ))
            })
        });
        Ok(Self { rules: rules.collect::<Result<_>>()? })
    }
}

/// The parts of a rule that are for its type, beside those of any.
fn parts(kind: &str) -> Option<(&'static [&'static str], bool)> {
    Some(match kind {
        "fixed" => (&["value"], false),
        "forbidden" => (&[], false),
        "allowlist" | "blocklist" => (&["values"], true),
        "regex" => (&["pattern"], true),
        "range" => (&["minValue", "maxValue"], true),
        "unlimited" => (&[], true),
        _ => return None,
    })
}

impl Rule {
    fn of(path: &str, rule: &Value) -> std::result::Result<Self, String> {
        let path = Path::parse(path).ok_or("there is no such attribute path.")?;
        let rule = rule.as_object().ok_or("a rule is an object.")?;
        let kind = rule.get("type").and_then(Value::as_str).ok_or("a rule has a type.")?;
        let (own, limiting) = parts(kind).ok_or_else(|| {
            format!(
                "{kind:.64} is no type of rule: fixed, forbidden, allowlist, blocklist, regex, range or unlimited."
            )
        })?;
        for key in rule.keys() {
            let known = ["type", "hidden", "isOptional"].contains(&key.as_str())
                || own.contains(&key.as_str())
                || (limiting && key == "defaultValue");
            if !known {
                return Err(format!("{key:.64} does not go with the type {kind}."));
            }
        }
        flag(rule, "hidden")?;
        let optional = flag(rule, "isOptional")?;
        let limit = limit(&path, kind, rule)?;
        let default = rule.get("defaultValue").map(|value| checked(&path, value)).transpose()?;
        let rule = Self { path, limit, default, optional };
        rule.sound()?;
        Ok(rule)
    }

    /// What cannot be meant.
    fn sound(&self) -> std::result::Result<(), String> {
        match (self.path.text.as_str(), &self.limit) {
            (DBUS, Limit::Range(..)) => {}
            (DBUS, _) => return Err("it is counted, so its type is range.".into()),
            ("spark_version" | "node_type_id", Limit::Forbidden) => {
                return Err("a cluster must have it, so it cannot be forbidden.".into());
            }
            _ => {}
        }
        let Some(default) = &self.default else { return Ok(()) };
        if self.path.is_virtual() || self.path.is_wild() {
            return Err("defaultValue does not go with this path.".into());
        }
        match self.complaint(default) {
            Some(what) => Err(format!("defaultValue: {what}.")),
            None => Ok(()),
        }
    }

    /// What is wrong with a value that is there.
    pub fn complaint(&self, value: &Value) -> Option<String> {
        let kind = self.path.kind;
        let is = |wanted: &Value| same(&self.path, wanted, value);
        let well = match &self.limit {
            Limit::Fixed(wanted) => is(wanted),
            Limit::Forbidden => false,
            Limit::Allow(values) => values.iter().any(is),
            Limit::Block(values) => !values.iter().any(is),
            Limit::Matches(regex, _) => regex.is_match(&text(value)),
            Limit::Range(least, most) => number(value).is_some_and(|value| {
                least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most)
            }),
            Limit::Unlimited => true,
        };
        (!well).then(|| {
            let wanted = match &self.limit {
                Limit::Forbidden => return "the value must not be present".to_owned(),
                Limit::Fixed(wanted) => text(wanted),
                Limit::Allow(values) => format!("one of {}", listed(values)),
                Limit::Block(values) => format!("none of {}", listed(values)),
                Limit::Matches(_, pattern) => format!("matched by {pattern}"),
                Limit::Range(Some(least), Some(most)) => format!("between {least} and {most}"),
                Limit::Range(Some(least), None) => format!("at least {least}"),
                Limit::Range(None, Some(most)) => format!("at most {most}"),
                Limit::Range(None, None) | Limit::Unlimited => "a number".to_owned(),
            };
            let quote = if kind == Kind::Text { "\"" } else { "" };
            format!("the value must be {wanted} (is {quote}{:.200}{quote})", text(value))
        })
    }
}

fn flag(rule: &Map<String, Value>, name: &str) -> std::result::Result<bool, String> {
    match rule.get(name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(format!("{name} is true or false.")),
    }
}

fn limit(path: &Path, kind: &str, rule: &Map<String, Value>) -> std::result::Result<Limit, String> {
    let of = |name: &str| rule.get(name).ok_or_else(|| format!("the type {kind} needs {name}."));
    Ok(match kind {
        "fixed" => Limit::Fixed(checked(path, of("value")?)?),
        "forbidden" => Limit::Forbidden,
        "allowlist" => Limit::Allow(values(path, of("values")?)?),
        "blocklist" => Limit::Block(values(path, of("values")?)?),
        "regex" => {
            if path.kind != Kind::Text {
                return Err("the type regex is for attributes that are text.".into());
            }
            let pattern = of("pattern")?.as_str().ok_or("pattern is text.")?;
            // The whole value, as clients expect it.
            let regex = RegexBuilder::new(&format!("^(?:{pattern})$"))
                .size_limit(REGEX_BYTES_MAX)
                .build()
                .map_err(|error| {
                    format!("pattern is no regular expression: {}", last_line(&error))
                })?;
            Limit::Matches(regex, pattern.to_owned())
        }
        "range" => {
            if path.kind != Kind::Number {
                return Err("the type range is for attributes that are numbers.".into());
            }
            let (least, most) = (bound(rule, "minValue")?, bound(rule, "maxValue")?);
            match (least, most) {
                (None, None) => return Err("the type range needs minValue or maxValue.".into()),
                (Some(least), Some(most)) if least > most => {
                    return Err("minValue is greater than maxValue.".into());
                }
                _ => Limit::Range(least, most),
            }
        }
        _ => Limit::Unlimited,
    })
}

/// The first lines of it draw the pattern.
fn last_line(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn bound(rule: &Map<String, Value>, name: &str) -> std::result::Result<Option<f64>, String> {
    match rule.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => number(value).map(Some).ok_or_else(|| format!("{name} is a number.")),
    }
}

fn values(path: &Path, given: &Value) -> std::result::Result<Vec<Value>, String> {
    let list = given.as_array().filter(|list| (1..=VALUES_MAX).contains(&list.len()));
    let list = list.ok_or_else(|| format!("values is a list of 1 to {VALUES_MAX} values."))?;
    list.iter().map(|value| checked(path, value)).collect()
}

/// A value of a definition as the attribute has it: clients write numbers as text and the other way round.
fn checked(path: &Path, given: &Value) -> std::result::Result<Value, String> {
    let value = match (path.kind, given) {
        (Kind::Text, Value::String(_)) => Some(given.clone()),
        (Kind::Text, Value::Number(_) | Value::Bool(_)) => Some(Value::String(text(given))),
        (Kind::Number, Value::Number(_)) => Some(given.clone()),
        (Kind::Number, Value::String(text)) => {
            text.trim().parse::<i64>().ok().map(|number| number.into())
        }
        (Kind::Bool, Value::Bool(_)) => Some(given.clone()),
        (Kind::Bool, Value::String(text)) => text.parse::<bool>().ok().map(Value::Bool),
        _ => None,
    };
    let value = value.ok_or_else(|| {
        let wanted = match path.kind {
            Kind::Text => "text",
            Kind::Number => "a number",
            Kind::Bool => "true or false",
        };
        format!("its values are {wanted}, and {:.100} is not.", given.to_string())
    })?;
    match value.as_str() {
        Some(name)
            if path.text == "spark_version"
                && name.starts_with("auto:")
                && version_named(name).is_none() =>
        {
            return Err(format!("{name:.64} stands for no runtime version that there is."));
        }
        Some(name) if path.text == CLUSTER_TYPE && !CLUSTER_TYPES.contains(&name) => {
            return Err(format!("{name:.64} is none of {}.", CLUSTER_TYPES.join(", ")));
        }
        _ => {}
    }
    Ok(value)
}

const CLUSTER_TYPES: &[&str] = &["all-purpose", "job", "dlt"];

pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

fn listed(values: &[Value]) -> String {
    let mut shown: Vec<String> = values.iter().take(20).map(text).collect();
    if values.len() > shown.len() {
        shown.push("…".into());
    }
    shown.join(", ")
}

/// Whether both say the same of the attribute.
pub(super) fn same(path: &Path, a: &Value, b: &Value) -> bool {
    match path.kind {
        Kind::Number => number(a).is_some() && number(a) == number(b),
        _ => meant(path, &text(a)) == meant(path, &text(b)),
    }
}

/// Names that stand for others.
fn meant<'a>(path: &Path, value: &'a str) -> &'a str {
    match path.text.as_str() {
        "spark_version" => version_named(value).unwrap_or(value),
        "data_security_mode" => match value {
            "DATA_SECURITY_MODE_DEDICATED" => "SINGLE_USER",
            "DATA_SECURITY_MODE_STANDARD" => "USER_ISOLATION",
            other => other,
        },
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(definition: Value) -> String {
        Definition::parse(&definition.to_string()).unwrap_err().message
    }

    #[test]
    fn definitions_are_read_strictly() {
        for (definition, what) in [
            (json!({ "nonsense": { "type": "fixed", "value": 1 } }), "no such attribute path"),
            (json!({ "num_workers": 3 }), "a rule is an object"),
            (json!({ "num_workers": {} }), "a rule has a type"),
            (json!({ "num_workers": { "type": "magic" } }), "no type of rule"),
            (json!({ "num_workers": { "type": "fixed" } }), "needs value"),
            (json!({ "num_workers": { "type": "fixed", "value": "many" } }), "are a number"),
            (
                json!({ "num_workers": { "type": "fixed", "value": 1, "maxValue": 2 } }),
                "does not go",
            ),
            (
                json!({ "num_workers": { "type": "unlimited", "hidden": "no" } }),
                "hidden is true or",
            ),
            (json!({ "num_workers": { "type": "allowlist", "values": [] } }), "list of 1 to"),
            (json!({ "num_workers": { "type": "regex", "pattern": "a" } }), "are text"),
            (json!({ "num_workers": { "type": "range" } }), "minValue or maxValue"),
            (
                json!({ "num_workers": { "type": "range", "minValue": 3, "maxValue": 1 } }),
                "greater",
            ),
            (json!({ "cluster_name": { "type": "range", "minValue": 3 } }), "are numbers"),
            (json!({ "cluster_name": { "type": "regex", "pattern": "(" } }), "unclosed group"),
            (json!({ "cluster_name": { "type": "regex", "pattern": "(?!a)b" } }), "look-around"),
            (json!({ "spark_version": { "type": "forbidden" } }), "cannot be forbidden"),
            (
                json!({ "spark_version": { "type": "fixed", "value": "auto:latest-ml" } }),
                "no runtime",
            ),
            (json!({ "dbus_per_hour": { "type": "fixed", "value": 1 } }), "its type is range"),
            (json!({ "cluster_type": { "type": "fixed", "value": "x" } }), "none of all-purpose"),
            (
                json!({ "num_workers": { "type": "range", "maxValue": 3, "defaultValue": 9 } }),
                "defaultValue: the value must be at most 3 (is 9)",
            ),
            (
                json!({ "spark_conf.*": { "type": "unlimited", "defaultValue": "9" } }),
                "does not go with this path",
            ),
        ] {
            let message = refused(definition.clone());
            assert!(message.contains(what), "{definition}: {message}");
        }
        let twice =
            r#"{"num_workers": {"type": "unlimited"}, "num_workers": {"type": "forbidden"}}"#;
        assert!(Definition::parse(twice).unwrap_err().message.contains("more than one rule"));
        assert!(Definition::parse("[]").is_err());
        assert!(Definition::parse(&" ".repeat(BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn values_are_looked_at_as_the_rule_says() {
        for (path, rule, value, well) in [
            ("num_workers", json!({ "type": "fixed", "value": "3" }), json!(3), true),
            ("num_workers", json!({ "type": "fixed", "value": 3 }), json!(4), false),
            ("num_workers", json!({ "type": "range", "minValue": 1 }), json!(0), false),
            ("num_workers", json!({ "type": "range", "minValue": 1 }), json!(1), true),
            ("num_workers", json!({ "type": "blocklist", "values": [0] }), json!(0), false),
            ("spark_conf.a.b", json!({ "type": "fixed", "value": true }), json!("true"), true),
            ("enable_elastic_disk", json!({ "type": "fixed", "value": false }), json!(true), false),
            ("cluster_name", json!({ "type": "regex", "pattern": "a|b" }), json!("ab"), false),
            ("cluster_name", json!({ "type": "regex", "pattern": "a|b" }), json!("b"), true),
            ("kind", json!({ "type": "allowlist", "values": ["X", "Y"] }), json!("Y"), true),
            ("kind", json!({ "type": "forbidden" }), json!("Y"), false),
            (
                "data_security_mode",
                json!({ "type": "fixed", "value": "SINGLE_USER" }),
                json!("DATA_SECURITY_MODE_DEDICATED"),
                true,
            ),
            (
                "spark_version",
                json!({ "type": "allowlist", "values": ["auto:latest-lts"] }),
                json!("17.3.x-scala2.13"),
                true,
            ),
        ] {
            let definition = Definition::of(json!({ path: rule }).as_object().unwrap().clone());
            let complaint = definition.unwrap().rules[0].complaint(&value);
            assert_eq!(complaint.is_none(), well, "{path} {rule} {value}: {complaint:?}");
        }
    }
}
