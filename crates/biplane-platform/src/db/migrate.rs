//! Migrations: expand, then contract; one that has run is never edited. Each runs once, in a transaction,
//! whichever replica comes first.

use super::{Db, args};
use crate::{ApiError, Result};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

#[derive(Debug)]
pub struct Migration {
    /// Unique: `identity_0001`.
    pub name: &'static str,
    /// Statements, each ended by a `;` at the end of a line.
    pub sql: &'static str,
}

pub async fn run(db: &Db, migrations: &[&'static [Migration]]) -> Result<()> {
    let mut tx = db.write().await?;
    if db.is_postgres() {
        // Two replicas that start at once: the second waits here and then finds the work done.
        tx.fetch_all("SELECT CAST(pg_advisory_xact_lock(4242) AS TEXT)", args![]).await?;
    }
    tx.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY, digest TEXT NOT NULL)",
        args![],
    )
    .await?;
    let rows = tx.fetch_all("SELECT name, digest FROM schema_migrations", args![]).await?;
    let done: HashMap<String, String> =
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<_>>()?;
    for migration in migrations.iter().flat_map(|list| list.iter()) {
        let digest = hex::encode(Sha256::digest(migration.sql));
        match done.get(migration.name) {
            Some(known) if *known == digest => continue,
            Some(_) => {
                return Err(ApiError::internal(format!(
                    "migration {} was edited after it ran",
                    migration.name
                )));
            }
            None => {}
        }
        for statement in statements(migration.sql) {
            tx.execute(statement, args![]).await.map_err(|error| ApiError {
                internal: Some(format!("migration {}: {:?}", migration.name, error.internal)),
                ..error
            })?;
        }
        tx.execute(
            "INSERT INTO schema_migrations (name, digest) VALUES ($1, $2)",
            args![migration.name, digest],
        )
        .await?;
    }
    tx.commit().await
}

fn statements(sql: &'static str) -> impl Iterator<Item = &'static str> {
    sql.split(";\n")
        .map(|statement| statement.trim().trim_end_matches(';'))
        .filter(|statement| !statement.is_empty())
}
