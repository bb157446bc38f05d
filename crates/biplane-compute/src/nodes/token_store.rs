//! Rows and SQL of join tokens.

use biplane_api::ids::NodeId;
use biplane_api::nodes::NodeTokenInfo;
use biplane_platform::db::Row;
use biplane_platform::db::args;
use biplane_platform::{ApiError, Result, Tx};

pub(super) struct TokenRow {
    pub info: NodeTokenInfo,
    pub secret_hash: String,
    /// Of the key it was used with.
    pub key_hash: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, node_id, region, labels, comment, created_by, created_at, expires_at, used_at, secret_hash,
               key_hash FROM node_tokens ",
            $rest
        )
    };
}

pub(super) async fn insert(tx: &mut Tx, info: &NodeTokenInfo, secret_hash: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO node_tokens (id, secret_hash, node_id, region, labels, comment, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            &info.token_id,
            secret_hash,
            info.node_id.as_str(),
            &info.region,
            serde_json::to_string(&info.labels).map_err(ApiError::internal)?,
            &info.comment,
            &info.created_by,
            info.created_at,
            info.expires_at
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn get(tx: &mut Tx, id: &str) -> Result<Option<TokenRow>> {
    let row = tx.fetch_opt(select!("WHERE id = $1"), args![id]).await?;
    row.as_ref().map(token).transpose()
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<TokenRow>> {
    let rows = tx.fetch_all(select!("ORDER BY created_at DESC, id LIMIT 1000"), args![]).await?;
    rows.iter().map(token).collect()
}

/// False: it was used before, or is gone.
pub(super) async fn spend(tx: &mut Tx, id: &str, key_hash: &str, now: i64) -> Result<bool> {
    let sql =
        "UPDATE node_tokens SET used_at = $2, key_hash = $3 WHERE id = $1 AND used_at IS NULL";
    Ok(tx.execute(sql, args![id, now, key_hash]).await? > 0)
}

/// False: there is none.
pub(super) async fn delete(tx: &mut Tx, id: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM node_tokens WHERE id = $1", args![id]).await? > 0)
}

/// Forgets those that nobody can use any more.
pub(super) async fn sweep(tx: &mut Tx, expired_before: i64, node_id: &NodeId) -> Result<()> {
    let sql = "DELETE FROM node_tokens WHERE expires_at < $1 OR (node_id = $2 AND used_at IS NULL)";
    tx.execute(sql, args![expired_before, node_id.as_str()]).await?;
    Ok(())
}

fn token(row: &Row) -> Result<TokenRow> {
    let info = NodeTokenInfo {
        token_id: row.text(0)?,
        node_id: row.parse(1)?,
        region: row.text(2)?,
        labels: row.json(3)?,
        comment: row.text(4)?,
        created_by: row.text(5)?,
        created_at: row.int(6)?,
        expires_at: row.int(7)?,
        used_at: row.opt_int(8)?,
    };
    Ok(TokenRow { info, secret_hash: row.text(9)?, key_hash: row.opt_text(10)? })
}
