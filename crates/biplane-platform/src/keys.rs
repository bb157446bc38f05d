//! Keys the server signs and seals with, made on first use and shared by all replicas through the database.
//!
//! With a master key, which the operator keeps outside, they are sealed there: who has the database alone
//! has none of them, and no secret that is sealed with one.

use crate::db::{Db, args};
use crate::seal::Seal;
use crate::{ApiError, Clock, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

const SELECT: &str = "SELECT value FROM server_keys WHERE name = $1";
const SEALED: &str = "sealed:";
const MASTER_KEYS_MAX: usize = 16;

/// What the operator gives. The first seals; the others open what was sealed before a change of keys.
#[derive(Debug, Clone, Default)]
pub struct MasterKeys(Arc<[Seal]>);

impl MasterKeys {
    /// A line each: 32 bytes in Base64 or hexadecimal. Empty lines and those that begin with `#` say nothing.
    pub fn parse(text: &str) -> Result<Self> {
        let bad =
            || ApiError::invalid("A master key is a line of 32 bytes in Base64 or hexadecimal.");
        let lines = text.lines().map(str::trim);
        let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
            let bytes = hex::decode(line).ok().or_else(|| STANDARD.decode(line).ok());
            let key: [u8; 32] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(bad)?;
            Seal::new(&key)
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        match (1..=MASTER_KEYS_MAX).contains(&keys.len()) {
            true => Ok(Self(keys.into())),
            false => Err(bad()),
        }
    }

    fn close(&self, name: &str, value: String) -> Result<String> {
        match self.0.first() {
            None => Ok(value),
            Some(seal) => Ok(format!("{SEALED}{}", seal.close(name, value.as_bytes())?)),
        }
    }

    /// The value, and whether it is kept as it should be.
    fn open(&self, name: &str, kept: String) -> Result<(String, bool)> {
        let Some(sealed) = kept.strip_prefix(SEALED) else {
            return Ok((kept, self.0.is_empty()));
        };
        let opened = self
            .0
            .iter()
            .enumerate()
            .find_map(|(at, seal)| seal.open(name, sealed).ok().map(|value| (value, at == 0)));
        let (value, current) = opened.ok_or_else(|| match self.0.is_empty() {
            true => ApiError::internal(
                "the keys of this server are sealed with a master key: start it with --master-key-file",
            ),
            false => ApiError::internal("no key of the master key file opens the keys of this server"),
        })?;
        Ok((String::from_utf8(value).map_err(ApiError::internal)?, current))
    }
}

/// Brings what is kept under the master key of now: plain keys of a server that had none, and those of an
/// older one. Refuses to go on with keys that nobody can open.
pub async fn seal_all(db: &Db) -> Result<()> {
    let rows = db.read().await?.fetch_all("SELECT name, value FROM server_keys", args![]).await?;
    let mut stale = Vec::new();
    for row in rows {
        let name = row.text(0)?;
        let (value, current) = db.master_keys().open(&name, row.text(1)?)?;
        if !current {
            stale.push((name, value));
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    for (name, value) in stale {
        let sealed = db.master_keys().close(&name, value)?;
        tx.execute("UPDATE server_keys SET value = $2 WHERE name = $1", args![&name, sealed])
            .await?;
    }
    tx.commit().await
}

/// The key of this name: 32 random bytes, the same for ever and on every replica.
pub async fn signing_key(db: &Db, clock: &Clock, name: &str) -> Result<[u8; 32]> {
    let mut fresh = [0u8; 32];
    getrandom::fill(&mut fresh).map_err(ApiError::internal)?;
    let text = stored(db, clock, name, || STANDARD.encode(fresh)).await?;
    let bytes = STANDARD.decode(text).map_err(ApiError::internal)?;
    bytes.try_into().map_err(|_| ApiError::internal("a signing key has the wrong size"))
}

/// The value of this name, if there is one.
pub async fn find(db: &Db, name: &str) -> Result<Option<String>> {
    let row = db.read().await?.fetch_opt(SELECT, args![name]).await?;
    row.map(|row| Ok(db.master_keys().open(name, row.text(0)?)?.0)).transpose()
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
    let fresh = db.master_keys().close(name, make())?;
    let mut tx = db.write().await?;
    tx.execute(
        "INSERT INTO server_keys (name, value, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        args![name, fresh, clock.now_ms()],
    )
    .await?;
    let row = tx.fetch_one(SELECT, args![name]).await?;
    tx.commit().await?;
    Ok(db.master_keys().open(name, row.text(0)?)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDb;

    async fn kept(db: &Db) -> String {
        db.read().await.unwrap().fetch_one(SELECT, args!["k"]).await.unwrap().text(0).unwrap()
    }

    #[tokio::test]
    async fn keys_are_sealed_under_the_master_key_and_move_to_another() {
        let (first, second) = ("01".repeat(32), STANDARD.encode([2; 32]));
        let keys = |text: &str| MasterKeys::parse(text).unwrap();
        let test = TestDb::new(&[]).await.unwrap();
        let (plain, clock) = (test.db.clone(), Clock::fixed(7));
        let key = signing_key(&plain, &clock, "k").await.unwrap();
        assert_eq!(kept(&plain).await, STANDARD.encode(key));
        for file in [first.clone(), format!("# now\n{second}\n\n{first}\n"), second.clone()] {
            let db = plain.clone().with_master_keys(keys(&file));
            seal_all(&db).await.unwrap();
            assert!(kept(&plain).await.starts_with(SEALED));
            assert_eq!(signing_key(&db, &clock, "k").await.unwrap(), key);
            assert_eq!(find(&db, "none").await.unwrap(), None);
        }
        // Without the key of now nothing starts, and nothing is made anew.
        for lost in [plain.clone(), plain.clone().with_master_keys(keys(&first))] {
            assert!(seal_all(&lost).await.is_err());
            assert!(signing_key(&lost, &clock, "k").await.is_err());
        }
        let db = plain.clone().with_master_keys(keys(&second));
        assert_eq!(signing_key(&db, &clock, "k").await.unwrap(), key);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in
            ["", "# nothing", "word", &"0".repeat(62), &format!("{}\n", "01".repeat(32)).repeat(17)]
        {
            assert!(MasterKeys::parse(bad).is_err(), "{bad}");
        }
    }
}
