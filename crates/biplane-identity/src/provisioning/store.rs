//! Rows of credentials, storage configurations, networks and keys, and which workspace uses them.

use super::place::PlaceFinding;
use crate::principals::store::json;
use biplane_platform::db::{Row, args};
use biplane_platform::{Result, Tx};

#[derive(Debug, Clone)]
pub struct Role {
    pub id: String,
    pub name: String,
    pub role_arn: String,
    pub created_at: i64,
}

#[derive(Debug, Clone)]
pub struct Storage {
    pub id: String,
    pub name: String,
    pub bucket: String,
    pub role_arn: Option<String>,
    pub created_at: i64,
}

#[derive(Debug, Clone)]
pub struct NetworkRow {
    pub id: String,
    pub name: String,
    pub vpc_id: String,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    pub rest_endpoint_ids: Vec<String>,
    pub relay_endpoint_ids: Vec<String>,
    /// VALID, WARNED or BROKEN.
    pub status: Option<String>,
    pub findings: Vec<PlaceFinding>,
    pub created_at: i64,
}

#[derive(Debug, Clone)]
pub struct KeyRow {
    pub id: String,
    pub use_cases: Vec<String>,
    pub key_arn: String,
    pub key_alias: Option<String>,
    pub key_region: String,
    pub disks: bool,
    pub created_at: i64,
}

/// The first workspace that `sql` finds.
async fn user(tx: &mut Tx, sql: &'static str, id: &str) -> Result<Option<i64>> {
    tx.fetch_opt(sql, args![id]).await?.map(|row| row.int(0)).transpose()
}

fn role(row: &Row) -> Result<Role> {
    Ok(Role {
        id: row.text(0)?,
        name: row.text(1)?,
        role_arn: row.text(2)?,
        created_at: row.int(3)?,
    })
}

pub async fn credentials(tx: &mut Tx) -> Result<Vec<Role>> {
    let sql = "SELECT credentials_id, name, role_arn, created_at FROM credentials
               ORDER BY created_at, credentials_id";
    tx.fetch_all(sql, args![]).await?.iter().map(role).collect()
}

pub async fn credentials_get(tx: &mut Tx, id: &str) -> Result<Option<Role>> {
    let sql = "SELECT credentials_id, name, role_arn, created_at FROM credentials WHERE credentials_id = $1";
    tx.fetch_opt(sql, args![id]).await?.as_ref().map(role).transpose()
}

pub async fn credentials_insert(tx: &mut Tx, row: &Role) -> Result<()> {
    let sql = "INSERT INTO credentials (credentials_id, name, role_arn, created_at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, args![&row.id, &row.name, &row.role_arn, row.created_at]).await.map(drop)
}

pub async fn credentials_delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("DELETE FROM credentials WHERE credentials_id = $1", args![id]).await.map(drop)
}

pub async fn credentials_user(tx: &mut Tx, id: &str) -> Result<Option<i64>> {
    user(tx, "SELECT workspace_id FROM workspaces WHERE credentials_id = $1 LIMIT 1", id).await
}

fn storage(row: &Row) -> Result<Storage> {
    Ok(Storage {
        id: row.text(0)?,
        name: row.text(1)?,
        bucket: row.text(2)?,
        role_arn: row.opt_text(3)?,
        created_at: row.int(4)?,
    })
}

pub async fn storages(tx: &mut Tx) -> Result<Vec<Storage>> {
    let sql =
        "SELECT configuration_id, name, bucket, role_arn, created_at FROM storage_configurations
               ORDER BY created_at, configuration_id";
    tx.fetch_all(sql, args![]).await?.iter().map(storage).collect()
}

pub async fn storage_get(tx: &mut Tx, id: &str) -> Result<Option<Storage>> {
    let sql =
        "SELECT configuration_id, name, bucket, role_arn, created_at FROM storage_configurations
               WHERE configuration_id = $1";
    tx.fetch_opt(sql, args![id]).await?.as_ref().map(storage).transpose()
}

pub async fn storage_insert(tx: &mut Tx, row: &Storage) -> Result<()> {
    let sql =
        "INSERT INTO storage_configurations (configuration_id, name, bucket, role_arn, created_at)
               VALUES ($1, $2, $3, $4, $5)";
    let args = args![&row.id, &row.name, &row.bucket, &row.role_arn, row.created_at];
    tx.execute(sql, args).await.map(drop)
}

pub async fn storage_delete(tx: &mut Tx, id: &str) -> Result<()> {
    let sql = "DELETE FROM storage_configurations WHERE configuration_id = $1";
    tx.execute(sql, args![id]).await.map(drop)
}

pub async fn storage_user(tx: &mut Tx, id: &str) -> Result<Option<i64>> {
    let sql = "SELECT workspace_id FROM workspaces WHERE storage_configuration_id = $1 LIMIT 1";
    user(tx, sql, id).await
}

macro_rules! networks {
    ($rest:literal) => {
        concat!(
            "SELECT n.network_id, n.name, n.vpc_id, n.subnet_ids, n.security_group_ids, n.rest_endpoint_ids,
               n.relay_endpoint_ids, n.status, n.findings, n.created_at, w.workspace_id
             FROM networks n LEFT JOIN workspaces w ON w.network_id = n.network_id ",
            $rest
        )
    };
}

fn network(row: &Row) -> Result<(NetworkRow, Option<i64>)> {
    let network = NetworkRow {
        id: row.text(0)?,
        name: row.text(1)?,
        vpc_id: row.text(2)?,
        subnet_ids: row.json(3)?,
        security_group_ids: row.json(4)?,
        rest_endpoint_ids: row.json(5)?,
        relay_endpoint_ids: row.json(6)?,
        status: row.opt_text(7)?,
        findings: row.json(8)?,
        created_at: row.int(9)?,
    };
    Ok((network, row.opt_int(10)?))
}

/// With the workspace that has it.
pub async fn networks(tx: &mut Tx) -> Result<Vec<(NetworkRow, Option<i64>)>> {
    let sql = networks!("ORDER BY n.created_at, n.network_id");
    tx.fetch_all(sql, args![]).await?.iter().map(network).collect()
}

pub async fn network_get(tx: &mut Tx, id: &str) -> Result<Option<NetworkRow>> {
    let row = tx.fetch_opt(networks!("WHERE n.network_id = $1"), args![id]).await?;
    Ok(row.as_ref().map(network).transpose()?.map(|(row, _)| row))
}

pub async fn network_insert(tx: &mut Tx, row: &NetworkRow) -> Result<()> {
    let sql = "INSERT INTO networks (network_id, name, vpc_id, subnet_ids, security_group_ids,
                 rest_endpoint_ids, relay_endpoint_ids, status, findings, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let args = args![
        &row.id,
        &row.name,
        &row.vpc_id,
        json(&row.subnet_ids)?,
        json(&row.security_group_ids)?,
        json(&row.rest_endpoint_ids)?,
        json(&row.relay_endpoint_ids)?,
        &row.status,
        json(&row.findings)?,
        row.created_at
    ];
    tx.execute(sql, args).await.map(drop)
}

pub async fn network_delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("DELETE FROM networks WHERE network_id = $1", args![id]).await.map(drop)
}

/// None: not looked at.
pub async fn network_found(
    tx: &mut Tx,
    id: &str,
    status: Option<&str>,
    findings: &[PlaceFinding],
) -> Result<()> {
    let sql = "UPDATE networks SET status = $2, findings = $3 WHERE network_id = $1";
    tx.execute(sql, args![id, status, json(&findings)?]).await.map(drop)
}

macro_rules! keys {
    ($rest:literal) => {
        concat!(
            "SELECT key_id, use_cases, key_arn, key_alias, key_region, disks, created_at
             FROM customer_managed_keys ",
            $rest
        )
    };
}

fn key(row: &Row) -> Result<KeyRow> {
    Ok(KeyRow {
        id: row.text(0)?,
        use_cases: row.json(1)?,
        key_arn: row.text(2)?,
        key_alias: row.opt_text(3)?,
        key_region: row.text(4)?,
        disks: row.bool(5)?,
        created_at: row.int(6)?,
    })
}

pub async fn keys(tx: &mut Tx) -> Result<Vec<KeyRow>> {
    let sql = keys!("ORDER BY created_at, key_id");
    tx.fetch_all(sql, args![]).await?.iter().map(key).collect()
}

pub async fn key_get(tx: &mut Tx, id: &str) -> Result<Option<KeyRow>> {
    tx.fetch_opt(keys!("WHERE key_id = $1"), args![id]).await?.as_ref().map(key).transpose()
}

pub async fn key_insert(tx: &mut Tx, row: &KeyRow) -> Result<()> {
    let sql = "INSERT INTO customer_managed_keys
                 (key_id, use_cases, key_arn, key_alias, key_region, disks, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let args = args![
        &row.id,
        json(&row.use_cases)?,
        &row.key_arn,
        &row.key_alias,
        &row.key_region,
        row.disks,
        row.created_at
    ];
    tx.execute(sql, args).await.map(drop)
}

pub async fn key_delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("DELETE FROM customer_managed_keys WHERE key_id = $1", args![id]).await.map(drop)
}

pub async fn key_user(tx: &mut Tx, id: &str) -> Result<Option<i64>> {
    user(tx, "SELECT workspace_id FROM workspaces WHERE storage_key_id = $1 LIMIT 1", id).await
}
