//! USE, SET and RESET: what a session remembers.

use super::catalog::schema_parts;
use super::rest::Rest;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{Name, SetStatement, UseTarget};

const VALUE_BYTES_MAX: usize = 64 << 10;
/// What a cluster of the newest runtime answers; clients take the version of the grammar from it.
const SPARK_VERSION: &str = "16.4.x-scala2.12";
const SPARK_VERSION_KEY: &str = "spark.databricks.clusterusagetags.sparkversion";

pub async fn use_target(cx: &StatementContext, target: UseTarget) -> SqlResult<Output> {
    let rest = Rest::new(cx);
    match target {
        UseTarget::Catalog(name) => {
            let name = name.to_lowercase();
            rest.catalog(&name).await?;
            cx.set_catalog(&name);
            cx.set_schema("default");
        }
        UseTarget::Schema(name) => {
            let parts = schema_parts(cx, &name)?;
            if parts[1] != "information_schema" {
                check_schema(&rest, &parts, &name).await?;
            }
            let [catalog, schema] = parts;
            if name.0.len() == 2 {
                cx.set_catalog(&catalog);
            }
            cx.set_schema(&schema);
        }
    }
    Ok(Output::Empty)
}

async fn check_schema(rest: &Rest, parts: &[String; 2], name: &Name) -> SqlResult<()> {
    match rest.schema(&parts.join(".")).await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("RESOURCE_DOES_NOT_EXIST") => {
            Err(SqlError::schema_not_found(name))
        }
        Err(error) => Err(error.into()),
    }
}

pub fn set(cx: &StatementContext, set: SetStatement) -> SqlResult<Output> {
    match set {
        SetStatement::List => {
            let mut rows: Vec<[Option<String>; 2]> = cx
                .state
                .conf
                .iter()
                .map(|(key, value)| [Some(key.clone()), Some(shown(key, value))])
                .collect();
            rows.sort();
            Output::text_rows(["key", "value"], rows)
        }
        SetStatement::Show(key) => {
            let value = value_of(cx, &key);
            Output::text_rows(["key", "value"], [[Some(key), Some(value)]])
        }
        SetStatement::Assign(key, value) => assign(cx, &key, &value),
        SetStatement::TimeZone(zone) => {
            check_zone(&zone)?;
            cx.set_conf("timezone", &zone);
            Ok(Output::Empty)
        }
        SetStatement::Reset(Some(key)) => {
            cx.unset_conf(conf_key(&key));
            Ok(Output::Empty)
        }
        SetStatement::Reset(None) => {
            for key in cx.state.conf.keys() {
                cx.unset_conf(key);
            }
            Ok(Output::Empty)
        }
    }
}

fn value_of(cx: &StatementContext, key: &str) -> String {
    if let Some(value) = cx.conf(conf_key(key)) {
        return shown(key, value);
    }
    match key.to_lowercase().as_str() {
        SPARK_VERSION_KEY => SPARK_VERSION.to_owned(),
        "timezone" | "spark.sql.session.timezone" => cx.settings.time_zone.clone(),
        "ansi_mode" | "spark.sql.ansi.enabled" => cx.settings.ansi.to_string(),
        _ => "<undefined>".to_owned(),
    }
}

/// Spark's names of what the session keeps under names of its own.
fn conf_key(key: &str) -> &str {
    match key.to_lowercase().as_str() {
        "spark.sql.ansi.enabled" => "ansi_mode",
        "spark.sql.session.timezone" => "timezone",
        _ => key,
    }
}

fn shown(key: &str, value: &str) -> String {
    let key = key.to_lowercase();
    match ["secret", "password", "token", "access.key", "credential"]
        .iter()
        .any(|w| key.contains(w))
    {
        true => "*********(redacted)".to_owned(),
        false => value.to_owned(),
    }
}

fn assign(cx: &StatementContext, key: &str, value: &str) -> SqlResult<Output> {
    if value.len() > VALUE_BYTES_MAX || key.len() > 1_000 {
        return Err(SqlError::exhausted("the value of a setting is too long"));
    }
    let value = value.trim();
    match conf_key(key).to_lowercase().as_str() {
        "timezone" => check_zone(value)?,
        "ansi_mode" | "use_cached_result" | "enable_photon" if !is_flag(value) => {
            return Err(invalid(key, value));
        }
        "statement_timeout" => {
            value.parse::<u32>().map_err(|_| invalid(key, value))?;
        }
        _ => {}
    }
    cx.set_conf(conf_key(key), value);
    Output::text_rows(["key", "value"], [[Some(key.to_owned()), Some(shown(key, value))]])
}

fn is_flag(value: &str) -> bool {
    ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn invalid(key: &str, value: &str) -> SqlError {
    let text = format!("The value {value:?} is not valid for the setting {key}");
    SqlError::new("INVALID_CONF_VALUE", "22022", text)
}

fn check_zone(zone: &str) -> SqlResult<()> {
    let offset = zone.strip_prefix(['+', '-']).is_some_and(|rest| {
        rest.split(':').all(|part| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit()))
    });
    let known = offset || zone.parse::<arrow::array::timezone::Tz>().is_ok();
    match known {
        true => Ok(()),
        false => {
            let text = format!("Cannot resolve the time zone {zone:?}");
            Err(SqlError::new("INVALID_CONF_VALUE.TIME_ZONE", "22022", text))
        }
    }
}
