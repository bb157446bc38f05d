//! The rules of objects: who may see, change and share them.

use super::Objects;
use super::contents::{self, Arrived, Format};
use super::path::ObjectPath;
use super::store::{self, Kind, Object};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::ids::WorkspaceId;
use biplane_api::objects::{ObjectImport, ObjectInfo, ObjectList};
use biplane_platform::acl::{self, DIRECTORIES, Entry};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};
use std::sync::PoisonError;

const OBJECTS_MAX: i64 = 100_000;
const ALL_BYTES_MAX: i64 = 4 << 30;
const HOMES: &str = "/Users";
const SHARED: &str = "/Shared";
const EVERYBODY: &str = "users";

fn missing(path: &ObjectPath) -> ApiError {
    ApiError::not_found(format!("Path ({}) doesn't exist.", path.as_str()))
}

fn there_is(path: &ObjectPath) -> ApiError {
    let text = format!("Path ({}) already exists.", path.as_str());
    ApiError::new(ErrorCode::ResourceAlreadyExists, text)
}

/// Everybody finds the way to their own.
fn open(path: &ObjectPath) -> bool {
    path.is_root() || path.as_str() == HOMES
}

fn info(object: Object) -> ObjectInfo {
    ObjectInfo {
        object_id: object.id,
        object_type: object.kind.as_str().into(),
        resource_id: object.id.to_string(),
        size: (object.kind == Kind::File).then_some(object.size),
        path: object.path,
        language: object.language,
        created_at: object.created_at,
        modified_at: object.modified_at,
    }
}

fn new(path: &ObjectPath, kind: Kind, now: i64) -> Object {
    // As many digits as all clients can hold.
    let id = i64::try_from(uuid::Uuid::new_v4().as_u128() % (1 << 52)).unwrap_or_default() + 1;
    let path = path.as_str().to_owned();
    Object { id, path, kind, language: None, size: 0, created_at: now, modified_at: now }
}

/// A row of its own, and what says that it is there.
async fn add(tx: &mut Tx, workspace: WorkspaceId, object: &Object) -> Result<bool> {
    let made = store::insert(tx, workspace, object).await?;
    if made {
        let kind = object.kind.object_type();
        acl::grant(tx, workspace, kind, &object.id.to_string(), &acl::existence(kind)).await?;
    }
    Ok(made)
}

/// The highest level that `ctx` has there by the object and what it is in.
async fn rank(tx: &mut Tx, ctx: &Ctx, path: &ObjectPath, object: &Object) -> Result<Option<usize>> {
    if ctx.principal.workspace_admin {
        return Ok(acl::rank(ctx, &DIRECTORIES, &[]));
    }
    let workspace = ctx.workspace()?;
    let kind = object.kind.object_type();
    let own = acl::entries(tx, workspace, kind, &object.id.to_string()).await?;
    let mut best = acl::rank(ctx, kind, &own);
    for above in path.chain().skip(1) {
        let Some(directory) = store::get(tx, workspace, &above).await? else { continue };
        let entries = acl::entries(tx, workspace, &DIRECTORIES, &directory.id.to_string()).await?;
        best = best.max(acl::rank(ctx, &DIRECTORIES, &entries));
    }
    Ok(best)
}

impl Objects {
    /// The object, when `ctx` has `level` there.
    async fn object(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        path: &ObjectPath,
        level: &str,
    ) -> Result<Object> {
        let found = store::get(tx, ctx.workspace()?, path).await?;
        let object = found.ok_or_else(|| missing(path))?;
        let lowest = open(path).then_some(0);
        match rank(tx, ctx, path, &object).await?.or(lowest) {
            None => Err(missing(path)),
            Some(rank) if Some(rank) < DIRECTORIES.rank(level) => {
                let path = path.as_str();
                Err(ApiError::denied(format!("You need {level} on {path} to do this.")))
            }
            Some(_) => Ok(object),
        }
    }

    /// What everybody finds is made when somebody comes first.
    async fn furnish(&self, ctx: &Ctx) -> Result<()> {
        let (workspace, name) = (ctx.workspace()?, &ctx.principal.name);
        let key = (workspace, name.clone());
        if self.homes.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return Ok(());
        }
        let home = ObjectPath::parse(Some(&format!("{HOMES}/{name}")));
        // A name that is no name of a directory has none.
        let home = home.ok().filter(|home| !name.contains('/') && home.name() == name);
        let everybody = Entry {
            principal_kind: "group".into(),
            principal_name: EVERYBODY.into(),
            permission_level: DIRECTORIES.highest().into(),
        };
        let owner = Entry::of(&ctx.principal, DIRECTORIES.highest());
        let wanted = [("/", None), (HOMES, None), (SHARED, Some(everybody))];
        let fixed = wanted.into_iter().map(|(path, entry)| (ObjectPath::parse(Some(path)), entry));
        let mut tx = self.db.write().await?;
        for (path, entry) in fixed.chain(home.map(|home| (Ok(home), Some(owner)))) {
            let object = new(&path?, Kind::Directory, self.clock.now_ms());
            if add(&mut tx, workspace, &object).await?
                && let Some(entry) = entry
            {
                let id = object.id.to_string();
                acl::grant(&mut tx, workspace, &DIRECTORIES, &id, &entry).await?;
            }
        }
        tx.commit().await?;
        self.homes.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        Ok(())
    }

    pub async fn object_status(&self, ctx: &Ctx, path: Option<&str>) -> Result<ObjectInfo> {
        let path = ObjectPath::parse(path)?;
        self.furnish(ctx).await?;
        let mut tx = self.db.read().await?;
        self.object(&mut tx, ctx, &path, "CAN_READ").await.map(info)
    }

    /// What is in a directory; of another object itself.
    pub async fn object_list(
        &self,
        ctx: &Ctx,
        path: Option<&str>,
        modified_after: Option<i64>,
    ) -> Result<ObjectList> {
        let path = ObjectPath::parse(path)?;
        let workspace = ctx.workspace()?;
        self.furnish(ctx).await?;
        let mut tx = self.db.read().await?;
        let object = self.object(&mut tx, ctx, &path, "CAN_READ").await?;
        let mut found = match object.kind {
            Kind::Directory => store::children(&mut tx, workspace, path.as_str()).await?,
            _ => vec![object.clone()],
        };
        if open(&path) && rank(&mut tx, ctx, &path, &object).await?.is_none() {
            let mine = acl::shared(&mut tx, ctx, &DIRECTORIES).await?;
            found.retain(|one| one.path == HOMES || mine.contains(&one.id.to_string()));
        }
        found.retain(|one| {
            one.kind != Kind::Notebook || modified_after.is_none_or(|after| one.modified_at > after)
        });
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(ObjectList { objects: found.into_iter().map(info).collect() })
    }

    /// Makes a directory and those that it is in.
    pub async fn directory_make(&self, ctx: &Ctx, path: Option<&str>) -> Result<()> {
        let path = ObjectPath::parse(path)?;
        let workspace = ctx.workspace()?;
        self.furnish(ctx).await?;
        let mut tx = self.db.write().await?;
        let mut absent = Vec::new();
        for above in path.chain() {
            let Some(object) = store::get(&mut tx, workspace, &above).await? else {
                absent.push(above);
                continue;
            };
            let level = if absent.is_empty() { "CAN_READ" } else { "CAN_MANAGE" };
            self.object(&mut tx, ctx, &above, level).await?;
            if object.kind != Kind::Directory {
                return Err(there_is(&above));
            }
            break;
        }
        let now = self.clock.now_ms();
        for above in absent.iter().rev() {
            add(&mut tx, workspace, &new(above, Kind::Directory, now)).await?;
        }
        within_bounds(&mut tx, workspace).await?;
        tx.commit().await
    }

    pub async fn object_delete(
        &self,
        ctx: &Ctx,
        path: Option<&str>,
        recursive: bool,
    ) -> Result<()> {
        let path = ObjectPath::parse(path)?;
        let workspace = ctx.workspace()?;
        let home = path.parent().is_some_and(|parent| parent.as_str() == HOMES);
        if path.is_root() || home || matches!(path.as_str(), HOMES | SHARED) {
            let text = format!("{} belongs to the workspace and stays.", path.as_str());
            return Err(ApiError::invalid(text));
        }
        let mut tx = self.db.write().await?;
        self.object(&mut tx, ctx, &path, "CAN_MANAGE").await?;
        let gone = store::below(&mut tx, workspace, path.as_str()).await?;
        if gone.len() > 1 && !recursive {
            let text = format!("Folder ({}) is not empty.", path.as_str());
            return Err(ApiError::new(ErrorCode::DirectoryNotEmpty, text));
        }
        for object in gone {
            store::delete(&mut tx, object.id).await?;
            let kind = object.kind.object_type();
            acl::clear(&mut tx, workspace, kind, &object.id.to_string()).await?;
        }
        tx.commit().await
    }

    /// `POST import`: the content is Base64.
    pub async fn object_import(&self, ctx: &Ctx, asked: &ObjectImport) -> Result<()> {
        let content = asked.content.as_deref().unwrap_or_default();
        if content.len() > contents::BYTES_MAX / 3 * 4 + 4 {
            return Err(contents::too_large());
        }
        let bytes = STANDARD
            .decode(content)
            .map_err(|_| ApiError::invalid("content is not valid Base64."))?;
        self.object_write(ctx, asked, bytes).await
    }

    /// The same with the bytes as they are.
    pub async fn object_write(
        &self,
        ctx: &Ctx,
        asked: &ObjectImport,
        bytes: Vec<u8>,
    ) -> Result<()> {
        let path = ObjectPath::parse(asked.path.as_deref())?;
        let format = Format::parse(asked.format.as_deref())?;
        let arrived = contents::arrive(path, format, asked.language.as_deref(), bytes)?;
        self.furnish(ctx).await?;
        self.put(ctx, arrived, asked.overwrite.unwrap_or(false)).await
    }

    async fn put(&self, ctx: &Ctx, new_one: Arrived, overwrite: bool) -> Result<()> {
        let Arrived { path, kind, language, bytes } = new_one;
        let workspace = ctx.workspace()?;
        let (size, content) = (bytes.len(), STANDARD.encode(&bytes));
        let mut tx = self.db.write().await?;
        let object = match store::get(&mut tx, workspace, &path).await? {
            Some(_) => {
                let old = self.object(&mut tx, ctx, &path, "CAN_EDIT").await?;
                if !overwrite || old.kind != kind {
                    return Err(there_is(&path));
                }
                old
            }
            None => {
                let parent = path.parent().ok_or_else(|| there_is(&path))?;
                self.parent(&mut tx, ctx, &parent).await?;
                let made = new(&path, kind, self.clock.now_ms());
                add(&mut tx, workspace, &made).await?;
                made
            }
        };
        let object = Object {
            language: language.map(str::to_owned),
            size: i64::try_from(size).unwrap_or(i64::MAX),
            modified_at: self.clock.now_ms(),
            ..object
        };
        store::update(&mut tx, &object).await?;
        store::content_put(&mut tx, object.id, &content).await?;
        within_bounds(&mut tx, workspace).await?;
        tx.commit().await
    }

    /// Where something new may be put.
    async fn parent(&self, tx: &mut Tx, ctx: &Ctx, parent: &ObjectPath) -> Result<()> {
        let found = self.object(tx, ctx, parent, "CAN_MANAGE").await.map_err(|error| {
            let text = format!("The parent folder ({}) does not exist.", parent.as_str());
            match error.code {
                ErrorCode::ResourceDoesNotExist => ApiError::not_found(text),
                _ => error,
            }
        })?;
        match found.kind {
            Kind::Directory => Ok(()),
            _ => Err(ApiError::invalid(format!("{} is not a folder.", parent.as_str()))),
        }
    }

    /// (the object, its bytes, the end of a name for them)
    pub async fn object_export(
        &self,
        ctx: &Ctx,
        path: Option<&str>,
        format: Option<&str>,
    ) -> Result<(ObjectInfo, Vec<u8>, String)> {
        let (path, format) = (ObjectPath::parse(path)?, Format::parse(format)?);
        self.furnish(ctx).await?;
        let mut tx = self.db.read().await?;
        let object = self.object(&mut tx, ctx, &path, "CAN_READ").await?;
        if object.kind == Kind::Directory {
            return Err(ApiError::unsupported("The export of a whole folder"));
        }
        let content = store::content(&mut tx, object.id).await?.ok_or_else(|| missing(&path))?;
        drop(tx);
        let bytes = STANDARD.decode(content).map_err(ApiError::internal)?;
        let (bytes, end) = contents::leave(&object, format, bytes)?;
        Ok((info(object), bytes, end))
    }

    /// The bytes of a file or the source of a notebook that `ctx` may read.
    pub async fn object_read(&self, ctx: &Ctx, path: &str) -> Result<Vec<u8>> {
        Ok(self.object_export(ctx, Some(path), Some("AUTO")).await?.1)
    }

    /// The directories that an object is in, the nearest first; None: there is no such object.
    pub async fn directories_above(
        &self,
        workspace: WorkspaceId,
        id: &str,
    ) -> Result<Option<Vec<i64>>> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let mut tx = self.db.read().await?;
        let Some(object) = store::by_id(&mut tx, workspace, id).await? else { return Ok(None) };
        let mut above = Vec::new();
        for path in ObjectPath::parse(Some(&object.path))?.chain().skip(1) {
            above.extend(store::get(&mut tx, workspace, &path).await?.map(|found| found.id));
        }
        Ok(Some(above))
    }

    /// The end of a workspace.
    pub async fn workspace_forget(&self, workspace: WorkspaceId) -> Result<()> {
        let mut tx = self.db.write().await?;
        store::workspace_delete(&mut tx, workspace).await?;
        tx.commit().await?;
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        homes.retain(|(known, _)| *known != workspace);
        Ok(())
    }
}

async fn within_bounds(tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
    let (count, bytes) = store::used(tx, workspace).await?;
    match count <= OBJECTS_MAX && bytes <= ALL_BYTES_MAX {
        true => Ok(()),
        false => Err(ApiError::new(
            ErrorCode::QuotaExceeded,
            format!(
                "A workspace has at most {OBJECTS_MAX} objects with {ALL_BYTES_MAX} bytes together. Put large files on volumes."
            ),
        )),
    }
}
