//! Rows of lists, and of the switches that make them count.

use super::Scope;
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, IpNet, Result, Tx};

/// In `network_switches`.
pub const ENABLED: &str = "enableIpAccessLists";

#[derive(Debug, Clone)]
pub struct List {
    pub id: String,
    /// The workspace, 0 for the account.
    pub scope: i64,
    pub label: String,
    pub allows: bool,
    /// As they were written.
    pub addresses: Vec<String>,
    pub enabled: bool,
    pub created_at: i64,
    pub created_by: i64,
    pub updated_at: i64,
    pub updated_by: i64,
}

impl List {
    pub fn nets(&self) -> impl Iterator<Item = IpNet> {
        // They were checked when they came.
        self.addresses.iter().filter_map(|text| text.parse().ok())
    }
}

fn list(row: &Row) -> Result<List> {
    Ok(List {
        id: row.text(0)?,
        scope: row.int(1)?,
        label: row.text(2)?,
        allows: row.text(3)? == "ALLOW",
        addresses: row.json(4)?,
        enabled: row.bool(5)?,
        created_at: row.int(6)?,
        created_by: row.int(7)?,
        updated_at: row.int(8)?,
        updated_by: row.int(9)?,
    })
}

macro_rules! lists {
    ($rest:literal) => {
        concat!(
            "SELECT list_id, scope_id, label, list_type, addresses, enabled, created_at, created_by,
               updated_at, updated_by FROM ip_access_lists ",
            $rest
        )
    };
}

/// Of all scopes.
pub async fn everywhere(tx: &mut Tx) -> Result<Vec<List>> {
    tx.fetch_all(lists!("ORDER BY scope_id"), args![]).await?.iter().map(list).collect()
}

pub async fn all(tx: &mut Tx, scope: Scope) -> Result<Vec<List>> {
    let sql = lists!("WHERE scope_id = $1 ORDER BY created_at, list_id");
    tx.fetch_all(sql, args![scope.key()]).await?.iter().map(list).collect()
}

pub async fn put(tx: &mut Tx, row: &List) -> Result<()> {
    let addresses = serde_json::to_string(&row.addresses).map_err(ApiError::internal)?;
    let sql = "INSERT INTO ip_access_lists (list_id, scope_id, label, list_type, addresses, enabled, created_at,
                 created_by, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
               ON CONFLICT (list_id) DO UPDATE SET label = excluded.label, list_type = excluded.list_type,
                 addresses = excluded.addresses, enabled = excluded.enabled, updated_at = excluded.updated_at,
                 updated_by = excluded.updated_by";
    let args = args![
        &row.id,
        row.scope,
        &row.label,
        if row.allows { "ALLOW" } else { "BLOCK" },
        addresses,
        row.enabled,
        row.created_at,
        row.created_by,
        row.updated_at,
        row.updated_by
    ];
    tx.execute(sql, args).await.map(drop)
}

pub async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("DELETE FROM ip_access_lists WHERE list_id = $1", args![id]).await.map(drop)
}

/// (value, version); version 0 when nobody set it.
pub async fn switch(tx: &mut Tx, scope: Scope, name: &str) -> Result<Option<(String, i64)>> {
    let sql = "SELECT value, version FROM network_switches WHERE scope_id = $1 AND name = $2";
    let row = tx.fetch_opt(sql, args![scope.key(), name]).await?;
    row.map(|row| Ok((row.text(0)?, row.int(1)?))).transpose()
}

pub async fn switch_set(tx: &mut Tx, scope: Scope, name: &str, value: &str) -> Result<i64> {
    let sql = "INSERT INTO network_switches (scope_id, name, value, version) VALUES ($1, $2, $3, 1)
               ON CONFLICT (scope_id, name) DO UPDATE SET value = excluded.value,
                 version = network_switches.version + 1 RETURNING version";
    tx.fetch_one(sql, args![scope.key(), name, value]).await?.int(0)
}

/// Where the lists' switch was set: (scope, on).
pub async fn switches(tx: &mut Tx) -> Result<Vec<(i64, bool)>> {
    let sql = "SELECT scope_id, value FROM network_switches WHERE name = $1";
    let rows = tx.fetch_all(sql, args![ENABLED]).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)? == "true"))).collect()
}

pub async fn enabled(tx: &mut Tx, scope: Scope) -> Result<bool> {
    let set = switch(tx, scope, ENABLED).await?;
    Ok(set.map_or(scope.enabled_at_first(), |(value, _)| value == "true"))
}
