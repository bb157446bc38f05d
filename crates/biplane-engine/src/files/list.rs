//! Finds the files under a path. LIST.

use biplane_api::internal::Access;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStoreExt};

use super::options::Options;
use super::path;
use crate::commands::rows::Table;
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::storage::Location;

const FILES_MAX: usize = 100_000;
const LIST_ROWS_MAX: u64 = 10_000;

/// Files, in the order of their names, and where they lie.
#[derive(Clone)]
pub struct Found {
    pub location: Location,
    pub files: Vec<ObjectMeta>,
    /// The path as the statement names it, up to the first wildcard.
    pub base: String,
}

impl Found {
    /// The path by which a user knows a file.
    pub fn shown(&self, file: &ObjectMeta) -> String {
        let relative = relative(&self.location, file);
        if relative.is_empty() {
            return self.base.clone();
        }
        format!("{}/{relative}", self.base.trim_end_matches('/'))
    }
}

fn relative(location: &Location, file: &ObjectMeta) -> String {
    let full = file.location.as_ref();
    let rest = full.strip_prefix(location.prefix.as_ref()).unwrap_or(full);
    rest.trim_start_matches('/').to_owned()
}

/// `dbfs:/Volumes/…` is `/Volumes/…`.
pub fn plain(path: &str) -> String {
    let path = path.trim();
    match path.strip_prefix("dbfs:") {
        Some(rest) => rest.to_owned(),
        None => path.to_owned(),
    }
}

pub async fn find(
    cx: &StatementContext,
    path: &str,
    access: Access,
    options: &Options,
) -> SqlResult<Found> {
    let path = plain(path);
    let (base, pattern) = path::split(&path);
    if base.is_empty() {
        return Err(SqlError::invalid_parameter("A path begins with /Volumes/, s3:// or file://"));
    }
    let storage = cx.resolve_path(&base, access).await?;
    let location = cx.location(&storage)?;
    let found = under(location, base, pattern.as_deref(), options).await?;
    if found.files.is_empty() {
        return Err(SqlError::path_not_found(path));
    }
    Ok(found)
}

/// Names beginning with `_` or `.` are not data.
fn is_hidden(relative: &str) -> bool {
    relative
        .split('/')
        .any(|part| (part.starts_with('_') && !part.contains('=')) || part.starts_with('.'))
}

pub async fn under(
    location: Location,
    base: String,
    pattern: Option<&str>,
    options: &Options,
) -> SqlResult<Found> {
    let glob = pattern.map(path::glob).transpose()?;
    let filter = options.glob.as_deref().map(path::glob).transpose()?;
    let mut files = Vec::new();
    if pattern.is_none()
        && let Ok(file) = location.root.head(&location.prefix).await
    {
        files.push(file);
        return Ok(Found { location, files, base });
    }
    let prefix = Some(&location.prefix).filter(|prefix| !prefix.as_ref().is_empty());
    let mut listing = location.root.list(prefix);
    while let Some(file) = listing.try_next().await.map_err(missing)? {
        let name = relative(&location, &file);
        let last = name.rsplit('/').next().unwrap_or_default();
        let fits = glob.as_ref().is_none_or(|glob| glob.is_match(&name))
            && filter.as_ref().is_none_or(|filter| filter.is_match(last) || filter.is_match(&name));
        if !fits || is_hidden(&name) || file.size == 0 {
            continue;
        }
        files.push(file);
        if files.len() > FILES_MAX {
            let text = format!("The path holds more than {FILES_MAX} files");
            return Err(SqlError::exhausted(text));
        }
    }
    drop(listing);
    files.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(Found { location, files, base })
}

fn missing(error: object_store::Error) -> SqlError {
    SqlError::from(datafusion::error::DataFusionError::ObjectStore(Box::new(error)))
}

/// LIST 'path': what lies directly in a directory.
pub async fn run(cx: &StatementContext, path: &str, limit: Option<u64>) -> SqlResult<Output> {
    let path = plain(path);
    let storage = cx.resolve_path(&path, Access::Read).await?;
    let location = cx.location(&storage)?;
    let found = location.root.list_with_delimiter(Some(&location.prefix)).await.map_err(missing)?;
    let limit = usize::try_from(limit.unwrap_or(LIST_ROWS_MAX).min(LIST_ROWS_MAX)).unwrap_or(0);
    let base = path.trim_end_matches('/');
    let mut rows: Vec<(String, String, i64, i64)> = Vec::new();
    for directory in found.common_prefixes {
        let name = directory.filename().unwrap_or_default().to_owned();
        rows.push((format!("{base}/{name}/"), format!("{name}/"), 0, 0));
    }
    for file in found.objects {
        let name = file.location.filename().unwrap_or_default().to_owned();
        let size = i64::try_from(file.size).unwrap_or(i64::MAX);
        rows.push((format!("{base}/{name}"), name, size, file.last_modified.timestamp_millis()));
    }
    if rows.is_empty() && location.root.list(Some(&location.prefix)).next().await.is_none() {
        return Err(SqlError::path_not_found(path));
    }
    rows.truncate(limit);
    Table::default()
        .text("path", rows.iter().map(|row| Some(row.0.clone())).collect())
        .text("name", rows.iter().map(|row| Some(row.1.clone())).collect())
        .long("size", rows.iter().map(|row| Some(row.2)).collect())
        .time("modification_time", rows.iter().map(|row| Some(row.3)).collect())
        .output()
}
