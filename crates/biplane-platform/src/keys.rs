//! Keys the server signs with, made on first use and shared by all replicas through the database.

use crate::db::{Db, args};
use crate::{Clock, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const SELECT: &str = "SELECT value FROM server_keys WHERE name = $1";

/// The key of this name: 32 random bytes, the same for ever and on every replica.
pub async fn signing_key(db: &Db, clock: &Clock, name: &str) -> Result<[u8; 32]> {
    let mut fresh = [0u8; 32];
    getrandom::fill(&mut fresh).map_err(crate::ApiError::internal)?;
    let text = stored(db, clock, name, || STANDARD.encode(fresh)).await?;
    let bytes = STANDARD.decode(text).map_err(crate::ApiError::internal)?;
    bytes.try_into().map_err(|_| crate::ApiError::internal("a signing key has the wrong size"))
}

/// The value of this name, if there is one.
pub async fn find(db: &Db, name: &str) -> Result<Option<String>> {
    let row = db.read().await?.fetch_opt(SELECT, args![name]).await?;
    row.map(|row| row.text(0)).transpose()
}

/// The value of this name; `make` gives it the first time. Of two replicas that start at once one wins.
pub async fn stored(
    db: &Db,
    clock: &Clock,
    name: &str,
    make: impl FnOnce() -> String,
) -> Result<String> {
    if let Some(value) = find(db, name).await? {
        return Ok(value);
    }
    let mut tx = db.write().await?;
    tx.execute(
        "INSERT INTO server_keys (name, value, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        args![name, make(), clock.now_ms()],
    )
    .await?;
    let row = tx.fetch_one(SELECT, args![name]).await?;
    tx.commit().await?;
    row.text(0)
}
