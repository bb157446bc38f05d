//! Rows and SQL of libraries, and of what was done on hosts.

use biplane_api::ids::{ClusterId, NodeId};
use biplane_api::libraries::{Library, LibraryStatus};
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Result, Tx};
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
pub struct LibraryRow {
    /// The library as it is written.
    pub key: String,
    pub library: Library,
    status: LibraryStatus,
    messages: Vec<String>,
    generation: i64,
    uninstalled_in: Option<i64>,
}

impl LibraryRow {
    /// It went with the last start.
    pub fn is_gone(&self, generation: i64) -> bool {
        self.uninstalled_in.is_some_and(|then| then < generation)
    }

    pub fn is_leaving(&self) -> bool {
        self.uninstalled_in.is_some()
    }

    /// How it is in this generation of its cluster.
    pub fn status(&self, generation: i64) -> LibraryStatus {
        if self.generation == generation { self.status } else { LibraryStatus::Pending }
    }

    pub fn messages(&self, generation: i64) -> Vec<String> {
        if self.generation == generation { self.messages.clone() } else { Vec::new() }
    }
}

fn word(status: LibraryStatus) -> &'static str {
    match status {
        LibraryStatus::Installing | LibraryStatus::Resolving => "INSTALLING",
        LibraryStatus::Installed => "INSTALLED",
        LibraryStatus::Failed => "FAILED",
        _ => "PENDING",
    }
}

fn row(row: &Row) -> Result<LibraryRow> {
    Ok(LibraryRow {
        key: row.text(0)?,
        library: row.json(0)?,
        status: match row.text(1)?.as_str() {
            "INSTALLING" => LibraryStatus::Installing,
            "INSTALLED" => LibraryStatus::Installed,
            "FAILED" => LibraryStatus::Failed,
            _ => LibraryStatus::Pending,
        },
        messages: row.json(2)?,
        generation: row.int(3)?,
        uninstalled_in: row.opt_int(4)?,
    })
}

pub fn key(library: &Library) -> Result<String> {
    serde_json::to_string(library).map_err(ApiError::internal)
}

pub async fn of_cluster(tx: &mut Tx, id: &ClusterId) -> Result<Vec<LibraryRow>> {
    let sql = "SELECT library, status, messages, generation, uninstalled_in FROM cluster_libraries
         WHERE cluster_id = $1 ORDER BY position, library";
    tx.fetch_all(sql, args![id.as_str()]).await?.iter().map(row).collect()
}

/// Adds one, takes back that it was to go, or has one tried again that failed.
pub async fn want(tx: &mut Tx, id: &ClusterId, key: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO cluster_libraries (cluster_id, library, position, status, messages, generation)
         SELECT $1, $2, COALESCE(MAX(position), 0) + 1, 'PENDING', '[]', 0 FROM cluster_libraries WHERE cluster_id = $1
         ON CONFLICT (cluster_id, library) DO UPDATE SET uninstalled_in = NULL,
           generation = CASE WHEN cluster_libraries.status = 'FAILED' THEN 0 ELSE cluster_libraries.generation END",
        args![id.as_str(), key],
    )
    .await?;
    Ok(())
}

pub async fn leave(tx: &mut Tx, id: &ClusterId, key: &str, generation: i64) -> Result<()> {
    let sql =
        "UPDATE cluster_libraries SET uninstalled_in = $3 WHERE cluster_id = $1 AND library = $2";
    tx.execute(sql, args![id.as_str(), key, generation]).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: &ClusterId, key: &str) -> Result<()> {
    let sql = "DELETE FROM cluster_libraries WHERE cluster_id = $1 AND library = $2";
    tx.execute(sql, args![id.as_str(), key]).await?;
    Ok(())
}

/// All of a cluster that is forgotten.
pub async fn delete_all(tx: &mut Tx, id: &ClusterId) -> Result<()> {
    let sql = "DELETE FROM cluster_libraries WHERE cluster_id = $1";
    tx.execute(sql, args![id.as_str()]).await?;
    Ok(())
}

/// Nothing when a later generation wrote there, or it was asked for anew meanwhile.
pub async fn tell(
    tx: &mut Tx,
    id: &ClusterId,
    key: &str,
    generation: i64,
    status: LibraryStatus,
    messages: &[String],
) -> Result<()> {
    let messages = serde_json::to_string(messages).map_err(ApiError::internal)?;
    tx.execute(
        "UPDATE cluster_libraries SET status = $3, messages = $4, generation = $5
         WHERE cluster_id = $1 AND library = $2 AND generation <= $5",
        args![id.as_str(), key, word(status), messages, generation],
    )
    .await?;
    Ok(())
}

/// What was done on a host.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    pub scripts_ran: bool,
    pub libraries: BTreeSet<String>,
}

pub async fn setup(tx: &mut Tx, node_id: &NodeId) -> Result<Setup> {
    let sql = "SELECT scripts_ran, libraries FROM cluster_host_setups WHERE node_id = $1";
    let found = tx.fetch_opt(sql, args![node_id.as_str()]).await?;
    let Some(row) = found else { return Ok(Setup::default()) };
    Ok(Setup { scripts_ran: row.bool(0)?, libraries: row.json(1)? })
}

pub async fn setup_write(tx: &mut Tx, node_id: &NodeId, setup: &Setup) -> Result<()> {
    let libraries = serde_json::to_string(&setup.libraries).map_err(ApiError::internal)?;
    tx.execute(
        "INSERT INTO cluster_host_setups (node_id, scripts_ran, libraries) VALUES ($1, $2, $3)
         ON CONFLICT (node_id) DO UPDATE SET scripts_ran = excluded.scripts_ran, libraries = excluded.libraries",
        args![node_id.as_str(), setup.scripts_ran, libraries],
    )
    .await?;
    Ok(())
}

pub async fn setup_delete(tx: &mut Tx, node_id: &NodeId) -> Result<()> {
    tx.execute("DELETE FROM cluster_host_setups WHERE node_id = $1", args![node_id.as_str()])
        .await?;
    Ok(())
}
