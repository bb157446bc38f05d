//! Rows of settings and endpoints.

use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};

#[derive(Debug, Clone)]
pub struct Settings {
    pub id: String,
    pub name: String,
    pub region: String,
    pub public_access: bool,
    /// ACCOUNT or ENDPOINT
    pub level: String,
    pub endpoint_ids: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Endpoint {
    pub id: String,
    pub name: String,
    pub aws_id: String,
    pub region: String,
}

fn settings(row: &Row) -> Result<Settings> {
    Ok(Settings {
        id: row.text(0)?,
        name: row.text(1)?,
        region: row.text(2)?,
        public_access: row.bool(3)?,
        level: row.text(4)?,
        endpoint_ids: row.json(5)?,
    })
}

fn endpoint(row: &Row) -> Result<Endpoint> {
    Ok(Endpoint {
        id: row.text(0)?,
        name: row.text(1)?,
        aws_id: row.text(2)?,
        region: row.text(3)?,
    })
}

pub async fn all(tx: &mut Tx) -> Result<Vec<Settings>> {
    let sql = "SELECT settings_id, name, region, public_access, level, endpoint_ids
               FROM private_access_settings ORDER BY created_at, settings_id";
    tx.fetch_all(sql, args![]).await?.iter().map(settings).collect()
}

pub async fn get(tx: &mut Tx, id: &str) -> Result<Option<Settings>> {
    Ok(all(tx).await?.into_iter().find(|one| one.id == id))
}

pub async fn put(tx: &mut Tx, row: &Settings, now_ms: i64) -> Result<()> {
    let endpoints = serde_json::to_string(&row.endpoint_ids).map_err(ApiError::internal)?;
    let sql = "INSERT INTO private_access_settings
                 (settings_id, name, region, public_access, level, endpoint_ids, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (settings_id) DO UPDATE SET name = excluded.name, region = excluded.region,
                 public_access = excluded.public_access, level = excluded.level,
                 endpoint_ids = excluded.endpoint_ids";
    let args =
        args![&row.id, &row.name, &row.region, row.public_access, &row.level, endpoints, now_ms];
    tx.execute(sql, args).await.map(drop)
}

pub async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    let sql = "DELETE FROM private_access_settings WHERE settings_id = $1";
    tx.execute(sql, args![id]).await.map(drop)
}

/// How many workspaces have it, and how many of them are not of `region`.
pub async fn workspaces_of(tx: &mut Tx, id: &str, region: &str) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN region <> $2 THEN 1 ELSE 0 END), 0)
               FROM workspaces WHERE private_access_settings_id = $1";
    let row = tx.fetch_one(sql, args![id, region]).await?;
    Ok((row.int(0)?, row.int(1)?))
}

pub async fn endpoints(tx: &mut Tx) -> Result<Vec<Endpoint>> {
    let sql = "SELECT endpoint_id, name, aws_id, region FROM vpc_endpoints ORDER BY created_at, endpoint_id";
    tx.fetch_all(sql, args![]).await?.iter().map(endpoint).collect()
}

pub async fn endpoint_insert(tx: &mut Tx, row: &Endpoint, now_ms: i64) -> Result<()> {
    let sql = "INSERT INTO vpc_endpoints (endpoint_id, name, aws_id, region, created_at)
               VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, args![&row.id, &row.name, &row.aws_id, &row.region, now_ms]).await.map(drop)
}

pub async fn endpoint_delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("DELETE FROM vpc_endpoints WHERE endpoint_id = $1", args![id]).await.map(drop)
}
