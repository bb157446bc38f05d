//! Rows of secrets.

use biplane_api::ids::PrincipalId;
use biplane_platform::db::{Row, args};
use biplane_platform::{Result, Tx};

pub struct SecretRow {
    pub secret_id: String,
    pub secret_hash: String,
    pub created_at: i64,
    pub expires_at: i64,
}

fn from_row(row: &Row) -> Result<SecretRow> {
    Ok(SecretRow {
        secret_id: row.text(0)?,
        secret_hash: row.text(1)?,
        created_at: row.int(2)?,
        expires_at: row.int(3)?,
    })
}

pub async fn of(tx: &mut Tx, id: PrincipalId) -> Result<Vec<SecretRow>> {
    let sql = "SELECT secret_id, secret_hash, created_at, expires_at FROM service_principal_secrets
               WHERE principal_id = $1 ORDER BY created_at, secret_id";
    tx.fetch_all(sql, args![id.0]).await?.iter().map(from_row).collect()
}

pub async fn insert(tx: &mut Tx, id: PrincipalId, row: &SecretRow) -> Result<()> {
    tx.execute(
        "INSERT INTO service_principal_secrets (secret_id, principal_id, secret_hash, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        args![&row.secret_id, id.0, &row.secret_hash, row.created_at, row.expires_at],
    )
    .await
    .map(|_| ())
}

/// Whether there was one.
pub async fn delete(tx: &mut Tx, id: PrincipalId, secret_id: &str) -> Result<bool> {
    let sql = "DELETE FROM service_principal_secrets WHERE principal_id = $1 AND secret_id = $2";
    Ok(tx.execute(sql, args![id.0, secret_id]).await? == 1)
}
