//! For tests of every service: a fresh database of the kind the run asks for, and a context.
//!
//! `BIPLANE_TEST_POSTGRES=postgres://…` makes it PostgreSQL (one database each, dropped by nobody: the
//! test run owns the server), else it is SQLite in a directory that goes with the guard.

use crate::db::{Db, Disk, Limits, Migration};
use crate::{Clock, Ctx, Entitlement, Principal, PrincipalKind, Result};
use biplane_api::ids::{AccountId, PrincipalId, RequestId, WorkspaceId};
use parking_lot::{Condvar, Mutex};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A database that ends with the test.
pub struct TestDb {
    pub db: Db,
    dir: PathBuf,
}

impl TestDb {
    pub async fn new(migrations: &[&'static [Migration]]) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("biplane-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&dir).map_err(crate::ApiError::internal)?;
        let db = match std::env::var("BIPLANE_TEST_POSTGRES") {
            Ok(server) => fresh_postgres(&server).await?,
            Err(_) => Db::sqlite(&dir.join("test.db")).await?,
        };
        db.migrate(&[crate::MIGRATIONS]).await?;
        db.migrate(migrations).await?;
        Ok(Self { db, dir })
    }

    /// SQLite whatever the run asks for, on this disk.
    pub async fn on_disk(
        migrations: &[&'static [Migration]],
        disk: Arc<SlowDisk>,
        limits: Limits,
    ) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("biplane-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&dir).map_err(crate::ApiError::internal)?;
        let db = Db::sqlite_with(&dir.join("test.db"), limits, disk).await?;
        db.migrate(&[crate::MIGRATIONS]).await?;
        db.migrate(migrations).await?;
        Ok(Self { db, dir })
    }

    /// A scratch directory that goes with the database.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A disk whose flushes take as long as a test wants, or fail.
#[derive(Debug, Default)]
pub struct SlowDisk {
    stuck: Mutex<bool>,
    freed: Condvar,
    begun: AtomicUsize,
    fails: AtomicBool,
}

impl SlowDisk {
    /// From now on flushes do not end until `free`.
    pub fn stick(&self) {
        *self.stuck.lock() = true;
    }

    pub fn free(&self) {
        *self.stuck.lock() = false;
        self.freed.notify_all();
    }

    pub fn fail(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }

    /// Flushes so far, those that are stuck included.
    pub fn flushes(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

impl Disk for SlowDisk {
    fn flush(&self, _file: &Path) -> std::io::Result<()> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let mut stuck = self.stuck.lock();
        while *stuck {
            self.freed.wait(&mut stuck);
        }
        match self.fails.load(Ordering::SeqCst) {
            true => Err(std::io::Error::other("the disk is broken")),
            false => Ok(()),
        }
    }
}

/// Makes a database of its own on the server of `url` and connects to it.
pub async fn fresh_postgres(url: &str) -> Result<Db> {
    Db::postgres(&fresh_postgres_url(url).await?).await
}

/// The URL of a new, empty database on the server of `url`.
pub async fn fresh_postgres_url(url: &str) -> Result<String> {
    let name = format!("t{}", uuid::Uuid::new_v4().simple());
    let admin = sqlx::PgPool::connect(url).await.map_err(crate::ApiError::internal)?;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&admin)
        .await
        .map_err(crate::ApiError::internal)?;
    admin.close().await;
    let mut url = url::Url::parse(url).map_err(crate::ApiError::internal)?;
    url.set_path(&name);
    Ok(url.into())
}

/// A user `name` in workspace 1 of some account; change the fields for other cases.
pub fn ctx(name: &str) -> Ctx {
    Ctx {
        principal: Arc::new(Principal {
            id: PrincipalId(1_000_000_000_000_001),
            kind: PrincipalKind::User,
            name: name.into(),
            display_name: name.into(),
            groups: vec!["account users".into(), "users".into()],
            account_admin: false,
            workspace_admin: false,
            entitlements: vec![Entitlement::WorkspaceAccess, Entitlement::DatabricksSqlAccess],
        }),
        account_id: AccountId::random(),
        workspace: Some(WorkspaceId(1)),
        request_id: RequestId::random(),
        clock: Clock::system(),
        source_ip: None,
        user_agent: None,
        base_url: "http://127.0.0.1:8080".into(),
        relay: None,
        trace: crate::trace::Trace::default(),
    }
}

/// The same as workspace and account admin.
pub fn admin_ctx(name: &str) -> Ctx {
    let mut ctx = ctx(name);
    let principal = Arc::make_mut(&mut ctx.principal);
    principal.account_admin = true;
    principal.workspace_admin = true;
    principal.entitlements = Entitlement::ALL.to_vec();
    principal.groups.push("admins".into());
    ctx
}
