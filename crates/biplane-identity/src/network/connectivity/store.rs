//! Rows of configurations and of their private-endpoint rules.

use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};

#[derive(Debug, Clone)]
pub struct Config {
    pub id: String,
    pub name: String,
    pub region: String,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Debug, Clone)]
pub struct Rule {
    pub id: String,
    pub config_id: String,
    pub endpoint_service: String,
    pub domain_names: Option<Vec<String>>,
    pub resource_names: Option<Vec<String>>,
    pub enabled: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

fn config(row: &Row) -> Result<Config> {
    Ok(Config {
        id: row.text(0)?,
        name: row.text(1)?,
        region: row.text(2)?,
        created_at: row.int(3)?,
        updated_at: row.int(4)?,
    })
}

fn names(text: Option<String>) -> Result<Option<Vec<String>>> {
    text.map(|text| serde_json::from_str(&text).map_err(ApiError::internal)).transpose()
}

fn json(names: &Option<Vec<String>>) -> Result<Option<String>> {
    names.as_ref().map(|names| serde_json::to_string(names).map_err(ApiError::internal)).transpose()
}

fn rule(row: &Row) -> Result<Rule> {
    Ok(Rule {
        id: row.text(0)?,
        config_id: row.text(1)?,
        endpoint_service: row.text(2)?,
        domain_names: names(row.opt_text(3)?)?,
        resource_names: names(row.opt_text(4)?)?,
        enabled: row.bool(5)?,
        created_at: row.int(6)?,
        updated_at: row.int(7)?,
    })
}

macro_rules! configs {
    ($rest:literal) => {
        concat!(
            "SELECT config_id, name, region, created_at, updated_at FROM network_connectivity_configs ",
            $rest
        )
    };
}

macro_rules! rules {
    ($rest:literal) => {
        concat!(
            "SELECT rule_id, config_id, endpoint_service, domain_names, resource_names, enabled, created_at,
               updated_at FROM private_endpoint_rules ",
            $rest
        )
    };
}

pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Config>> {
    let row = tx.fetch_opt(configs!("WHERE config_id = $1"), args![id]).await?;
    row.as_ref().map(config).transpose()
}

pub async fn after(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Config>> {
    let sql = configs!("WHERE config_id > $1 ORDER BY config_id LIMIT $2");
    tx.fetch_all(sql, args![after, limit]).await?.iter().map(config).collect()
}

pub async fn count_in(tx: &mut Tx, region: &str) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM network_connectivity_configs WHERE region = $1";
    tx.fetch_one(sql, args![region]).await?.int(0)
}

pub async fn insert(tx: &mut Tx, row: &Config) -> Result<()> {
    let sql =
        "INSERT INTO network_connectivity_configs (config_id, name, region, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5)";
    let args = args![&row.id, &row.name, &row.region, row.created_at, row.updated_at];
    tx.execute(sql, args).await.map(drop)
}

/// With its rules.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    for sql in [
        "DELETE FROM private_endpoint_rules WHERE config_id = $1",
        "DELETE FROM network_connectivity_configs WHERE config_id = $1",
    ] {
        tx.execute(sql, args![id]).await?;
    }
    Ok(())
}

pub async fn workspaces_of(tx: &mut Tx, id: &str) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM workspaces WHERE network_connectivity_config_id = $1";
    tx.fetch_one(sql, args![id]).await?.int(0)
}

pub async fn rule_get(tx: &mut Tx, config_id: &str, id: &str) -> Result<Option<Rule>> {
    let sql = rules!("WHERE config_id = $1 AND rule_id = $2");
    tx.fetch_opt(sql, args![config_id, id]).await?.as_ref().map(rule).transpose()
}

pub async fn rules_after(
    tx: &mut Tx,
    config_id: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Rule>> {
    let sql = rules!("WHERE config_id = $1 AND rule_id > $2 ORDER BY rule_id LIMIT $3");
    tx.fetch_all(sql, args![config_id, after, limit]).await?.iter().map(rule).collect()
}

pub async fn rule_insert(tx: &mut Tx, row: &Rule) -> Result<()> {
    let sql = "INSERT INTO private_endpoint_rules (rule_id, config_id, endpoint_service, domain_names,
                 resource_names, enabled, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let args = args![
        &row.id,
        &row.config_id,
        &row.endpoint_service,
        json(&row.domain_names)?,
        json(&row.resource_names)?,
        row.enabled,
        row.created_at,
        row.updated_at
    ];
    tx.execute(sql, args).await.map(drop)
}

pub async fn rule_update(tx: &mut Tx, row: &Rule) -> Result<()> {
    let sql =
        "UPDATE private_endpoint_rules SET domain_names = $2, resource_names = $3, enabled = $4,
                 updated_at = $5 WHERE rule_id = $1";
    let (domains, resources) = (json(&row.domain_names)?, json(&row.resource_names)?);
    tx.execute(sql, args![&row.id, domains, resources, row.enabled, row.updated_at]).await.map(drop)
}

pub async fn rule_delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("DELETE FROM private_endpoint_rules WHERE rule_id = $1", args![id]).await.map(drop)
}
