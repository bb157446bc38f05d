//! Rows of codes and refresh tokens.

use biplane_api::ids::PrincipalId;
use biplane_platform::db::args;
use biplane_platform::{Result, Tx};

/// A spent code or refresh token is remembered so long, to notice when it comes again.
const REMEMBER_MS: i64 = 24 * 3600 * 1000;

pub struct CodeRow {
    pub family_id: String,
    pub client_id: String,
    pub principal_id: PrincipalId,
    pub redirect_uri: String,
    pub code_challenge: String,
    pub scope: String,
    /// The client's; comes back in the ID token.
    pub nonce: Option<String>,
    pub expires_at: i64,
    pub used: bool,
}

pub struct RefreshRow {
    pub family_id: String,
    pub client_id: String,
    pub principal_id: PrincipalId,
    pub scope: String,
    pub expires_at: i64,
    pub used: bool,
}

pub async fn code_insert(tx: &mut Tx, hash: &str, row: &CodeRow, now_ms: i64) -> Result<()> {
    tx.execute("DELETE FROM oauth_codes WHERE expires_at < $1", args![now_ms - REMEMBER_MS])
        .await?;
    tx.execute("DELETE FROM oauth_refresh_tokens WHERE expires_at < $1", args![now_ms]).await?;
    tx.execute(
        "INSERT INTO oauth_codes (code_hash, family_id, client_id, principal_id, redirect_uri, code_challenge,
           scope, expires_at, nonce) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            hash,
            &row.family_id,
            &row.client_id,
            row.principal_id.0,
            &row.redirect_uri,
            &row.code_challenge,
            &row.scope,
            row.expires_at,
            &row.nonce
        ],
    )
    .await
    .map(|_| ())
}

pub async fn code_by_hash(tx: &mut Tx, hash: &str) -> Result<Option<CodeRow>> {
    let sql = "SELECT family_id, client_id, principal_id, redirect_uri, code_challenge, scope, expires_at, used_at,
                 nonce FROM oauth_codes WHERE code_hash = $1";
    let row = tx.fetch_opt(sql, args![hash]).await?;
    row.map(|row| {
        Ok(CodeRow {
            family_id: row.text(0)?,
            client_id: row.text(1)?,
            principal_id: PrincipalId(row.int(2)?),
            redirect_uri: row.text(3)?,
            code_challenge: row.text(4)?,
            scope: row.text(5)?,
            expires_at: row.int(6)?,
            used: row.opt_int(7)?.is_some(),
            nonce: row.opt_text(8)?,
        })
    })
    .transpose()
}

/// Whether it was still unused: of two at once one wins.
pub async fn code_use(tx: &mut Tx, hash: &str, now_ms: i64) -> Result<bool> {
    let sql = "UPDATE oauth_codes SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL";
    Ok(tx.execute(sql, args![hash, now_ms]).await? == 1)
}

pub async fn refresh_insert(tx: &mut Tx, hash: &str, row: &RefreshRow) -> Result<()> {
    tx.execute(
        "INSERT INTO oauth_refresh_tokens (token_hash, family_id, client_id, principal_id, scope, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        args![hash, &row.family_id, &row.client_id, row.principal_id.0, &row.scope, row.expires_at],
    )
    .await
    .map(|_| ())
}

pub async fn refresh_by_hash(tx: &mut Tx, hash: &str) -> Result<Option<RefreshRow>> {
    let sql = "SELECT family_id, client_id, principal_id, scope, expires_at, used_at
               FROM oauth_refresh_tokens WHERE token_hash = $1";
    let row = tx.fetch_opt(sql, args![hash]).await?;
    row.map(|row| {
        Ok(RefreshRow {
            family_id: row.text(0)?,
            client_id: row.text(1)?,
            principal_id: PrincipalId(row.int(2)?),
            scope: row.text(3)?,
            expires_at: row.int(4)?,
            used: row.opt_int(5)?.is_some(),
        })
    })
    .transpose()
}

pub async fn refresh_use(tx: &mut Tx, hash: &str, now_ms: i64) -> Result<bool> {
    let sql =
        "UPDATE oauth_refresh_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL";
    Ok(tx.execute(sql, args![hash, now_ms]).await? == 1)
}

/// Ends a sign-in: nothing of it can be refreshed any more.
pub async fn family_delete(tx: &mut Tx, family_id: &str) -> Result<()> {
    tx.execute("DELETE FROM oauth_refresh_tokens WHERE family_id = $1", args![family_id])
        .await
        .map(|_| ())
}
