//! Rows of tokens.

use super::PREFIX;
use crate::hash;
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_platform::db::{Row, args};
use biplane_platform::{Result, Secret, Tx};

#[derive(Debug, Clone)]
pub struct TokenRow {
    pub token_id: String,
    pub owner: PrincipalId,
    pub workspace: WorkspaceId,
    pub comment: String,
    pub created_by: PrincipalId,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    /// Only read, for listings.
    pub created_by_name: Option<String>,
}

impl TokenRow {
    /// A row not yet stored, and its token.
    pub fn fresh(
        owner: PrincipalId,
        workspace: WorkspaceId,
        comment: &str,
        created_by: PrincipalId,
        now_ms: i64,
        expires_at: Option<i64>,
    ) -> Result<(Self, Secret)> {
        let row = Self {
            token_id: hex::encode(hash::random::<32>()?),
            owner,
            workspace,
            comment: comment.to_owned(),
            created_by,
            created_at: now_ms,
            expires_at,
            last_used_at: None,
            created_by_name: None,
        };
        Ok((row, hash::prefixed(PREFIX)?))
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT t.token_id, t.principal_id, t.workspace_id, t.comment, t.created_by, t.created_at,
               t.expires_at, t.last_used_at, c.name
             FROM tokens t LEFT JOIN principals c ON c.principal_id = t.created_by ",
            $rest
        )
    };
}

fn from_row(row: &Row) -> Result<TokenRow> {
    Ok(TokenRow {
        token_id: row.text(0)?,
        owner: PrincipalId(row.int(1)?),
        workspace: WorkspaceId(row.int(2)?),
        comment: row.text(3)?,
        created_by: PrincipalId(row.int(4)?),
        created_at: row.int(5)?,
        expires_at: row.opt_int(6)?,
        last_used_at: row.opt_int(7)?,
        created_by_name: row.opt_text(8)?,
    })
}

pub async fn insert(tx: &mut Tx, row: &TokenRow, token: &Secret) -> Result<()> {
    tx.execute(
        "INSERT INTO tokens (token_id, token_hash, principal_id, workspace_id, comment, created_by, created_at,
           expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![
            &row.token_id,
            hash::hex_digest(token.expose()),
            row.owner.0,
            row.workspace.0,
            &row.comment,
            row.created_by.0,
            row.created_at,
            row.expires_at
        ],
    )
    .await
    .map(|_| ())
}

pub async fn by_hash(tx: &mut Tx, token_hash: &str) -> Result<Option<TokenRow>> {
    let row = tx.fetch_opt(select!("WHERE t.token_hash = $1"), args![token_hash]).await?;
    row.as_ref().map(from_row).transpose()
}

pub async fn by_id(
    tx: &mut Tx,
    workspace: WorkspaceId,
    token_id: &str,
) -> Result<Option<TokenRow>> {
    let sql = select!("WHERE t.workspace_id = $1 AND t.token_id = $2");
    tx.fetch_opt(sql, args![workspace.0, token_id]).await?.as_ref().map(from_row).transpose()
}

/// Those that have not expired, oldest first.
pub async fn of_owner(
    tx: &mut Tx,
    workspace: WorkspaceId,
    owner: PrincipalId,
    now_ms: i64,
) -> Result<Vec<TokenRow>> {
    let sql = select!(
        "WHERE t.workspace_id = $1 AND t.principal_id = $2 AND (t.expires_at IS NULL OR t.expires_at > $3)
         ORDER BY t.created_at, t.token_id"
    );
    tx.fetch_all(sql, args![workspace.0, owner.0, now_ms]).await?.iter().map(from_row).collect()
}

pub async fn of_workspace(
    tx: &mut Tx,
    workspace: WorkspaceId,
    created_by: Option<PrincipalId>,
    now_ms: i64,
) -> Result<Vec<TokenRow>> {
    let sql = select!(
        "WHERE t.workspace_id = $1 AND ($2 = 0 OR t.created_by = $2) AND (t.expires_at IS NULL OR t.expires_at > $3)
         ORDER BY t.created_at, t.token_id"
    );
    let by = created_by.map_or(0, |id| id.0);
    tx.fetch_all(sql, args![workspace.0, by, now_ms]).await?.iter().map(from_row).collect()
}

pub async fn count(tx: &mut Tx, owner: PrincipalId, now_ms: i64) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM tokens WHERE principal_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    tx.fetch_one(sql, args![owner.0, now_ms]).await?.int(0)
}

pub async fn delete(tx: &mut Tx, token_id: &str) -> Result<()> {
    tx.execute("DELETE FROM tokens WHERE token_id = $1", args![token_id]).await.map(|_| ())
}

/// What nobody can use or see any more.
pub async fn delete_expired(tx: &mut Tx, before_ms: i64) -> Result<()> {
    tx.execute("DELETE FROM tokens WHERE expires_at < $1", args![before_ms]).await.map(|_| ())
}

pub async fn comment_set(tx: &mut Tx, token_id: &str, comment: &str) -> Result<()> {
    tx.execute("UPDATE tokens SET comment = $2 WHERE token_id = $1", args![token_id, comment])
        .await
        .map(|_| ())
}

pub async fn used(tx: &mut Tx, token_id: &str, now_ms: i64) -> Result<()> {
    tx.execute("UPDATE tokens SET last_used_at = $2 WHERE token_id = $1", args![token_id, now_ms])
        .await
        .map(|_| ())
}
