//! CLONE: a table with the rows, the columns and the properties of another one at one of its versions.
//!
//! The files are copied as they are and the log begins anew, so what becomes of the one table is nothing to
//! the other. On a local disk copies are hard links: no clone takes room there before it changes.

use biplane_api::internal::Access;
use deltalake_core::kernel::{
    Action, Add, Metadata, MetadataExt, Protocol, StructField, StructType,
};
use deltalake_core::logstore::LogStoreRef;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use std::sync::Arc;
use uuid::Uuid;

use super::maintenance::timestamp;
use super::rows::Table;
use super::table::{Draft, Made};
use super::write::Target;
use super::{columns, identity, mapping};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{CreateTable, Name, TableVersion};
use crate::storage::Location;

const PART_BYTES: usize = 8 << 20;
const PARTS_AT_ONCE: usize = 4;
const FILES_AT_ONCE: usize = 4;

/// What is cloned.
pub struct Source {
    protocol: Protocol,
    metadata: Metadata,
    files: Vec<(Path, Add)>,
    from: Location,
}

/// The draft of a clone: everything of the source, and what the statement says beside.
pub async fn draft(
    cx: &StatementContext,
    mut out: Draft,
    create: &CreateTable,
    table: &Name,
    version: Option<&TableVersion>,
) -> SqlResult<Draft> {
    let mut target = Target::open(cx, table, Access::Read).await?;
    let newest = target.delta.version().unwrap_or_default();
    match version {
        None => {}
        Some(TableVersion::Version(version)) => {
            let wanted = u64::try_from(*version).ok().filter(|version| *version <= newest);
            let Some(wanted) = wanted else {
                let text = format!("Cannot time travel Delta table to version {version}");
                return Err(SqlError::new("DELTA_VERSION_NOT_FOUND", "22003", text));
            };
            target.delta.load_version(wanted).await?;
        }
        Some(TableVersion::Timestamp(text)) => {
            let at = timestamp(text, &cx.settings.time_zone)?;
            target.delta.load_with_datetime(at).await?;
        }
    }
    cx.add_source(&target.full_name());
    let mut fields: Vec<StructField> = Vec::new();
    for field in target.schema()?.fields() {
        fields.push(identity::copied(&target.delta, field.clone()).await?);
    }
    let schema = StructType::try_new(fields.clone()).map_err(|e| columns::invalid_schema(&e))?;
    let snapshot = target.delta.snapshot()?;
    let mut metadata = snapshot.metadata().clone();
    metadata = metadata.with_table_id(Uuid::new_v4().to_string()).map_err(SqlError::internal)?;
    metadata = metadata.with_schema(&schema).map_err(SqlError::internal)?;
    for (key, value) in super::table::configuration(&create.properties) {
        if key == mapping::MODE {
            return Err(SqlError::unsupported("another mode of column mapping in a clone"));
        }
        let value = value.unwrap_or_default();
        metadata = metadata.add_config_key(key, value).map_err(SqlError::internal)?;
    }
    if let Some(comment) = &create.comment {
        metadata = metadata.with_description(comment.clone()).map_err(SqlError::internal)?;
    }
    let protocol = mapping::protocol(snapshot.protocol(), &schema, metadata.configuration())?;
    let protocol = protocol.unwrap_or_else(|| snapshot.protocol().clone());
    out.properties = metadata.configuration().clone().into_iter().collect();
    out.comment = create.comment.clone().or_else(|| target.info.comment.clone());
    out.partitions = target.partitions()?;
    out.fields = fields;
    let from = target.location(cx)?;
    let files = files(&target, &from)?;
    out.copy = Some(Arc::new(Source { protocol, metadata, files, from }));
    Ok(out)
}

fn files(target: &Target, from: &Location) -> SqlResult<Vec<(Path, Add)>> {
    let mut out = Vec::new();
    for file in target.delta.snapshot()?.log_data().iter() {
        if file.deletion_vector_descriptor().is_some() {
            return Err(SqlError::unsupported("a clone of a table with deletion vectors"));
        }
        if file.path().contains("://") {
            return Err(SqlError::unsupported("a clone of a table with files of another one"));
        }
        let relative = file.object_store_path();
        let full = Path::from_iter(from.prefix.parts().chain(relative.parts()));
        let remove = file.remove_action(true);
        let add = Add {
            path: relative.to_string(),
            partition_values: remove.partition_values.unwrap_or_default(),
            size: file.size(),
            modification_time: file.modification_time(),
            data_change: true,
            stats: file.stats(),
            ..Add::default()
        };
        out.push((full, add));
    }
    Ok(out)
}

impl Source {
    /// Copies the files to where the log is.
    pub async fn made(&self, log_store: &LogStoreRef) -> SqlResult<Made> {
        let url = log_store.root_url();
        let prefix = Path::from_url_path(url.path()).map_err(SqlError::internal)?;
        let to = log_store.root_object_store(None);
        let links = self.from.url.scheme() == "file" && url.scheme() == "file";
        let copies = self.files.iter().map(|(path, add)| {
            let (to, prefix) = (to.clone(), prefix.clone());
            async move {
                // A name of its own: the same file may be cloned again into the same table.
                let place = add.path.rsplit_once('/').map_or("", |(place, _)| place);
                let name = format!("part-00000-{}-c000.snappy.parquet", Uuid::new_v4());
                let relative = Path::from_iter(
                    Path::parse(place).map_err(SqlError::internal)?.parts().chain([name.into()]),
                );
                let target = Path::from_iter(prefix.parts().chain(relative.parts()));
                copy(self.from.root.as_ref(), path, to.as_ref(), &target, links).await?;
                let add = Add { path: relative.to_string(), ..add.clone() };
                Ok::<_, SqlError>(Action::Add(add))
            }
        });
        let copies = copies.collect::<Vec<_>>();
        let files = stream::iter(copies).buffered(FILES_AT_ONCE).try_collect().await?;
        let (protocol, metadata) = (self.protocol.clone(), self.metadata.clone());
        Ok(Made { protocol, metadata, files, metrics: None })
    }

    /// The answer of the statement.
    pub fn counts(&self) -> SqlResult<Output> {
        let files = i64::try_from(self.files.len()).unwrap_or(i64::MAX);
        let bytes: i64 = self.files.iter().map(|(_, add)| add.size).sum();
        Table::default()
            .long("source_table_size", vec![Some(bytes)])
            .long("source_num_of_files", vec![Some(files)])
            .long("num_removed_files", vec![Some(0)])
            .long("num_copied_files", vec![Some(files)])
            .long("removed_files_size", vec![Some(0)])
            .long("copied_files_size", vec![Some(bytes)])
            .output()
    }
}

async fn copy(
    from: &dyn ObjectStore,
    path: &Path,
    to: &dyn ObjectStore,
    target: &Path,
    links: bool,
) -> SqlResult<()> {
    if links && to.copy(path, target).await.is_ok() {
        return Ok(());
    }
    let mut bytes = from.get(path).await.map_err(SqlError::io)?.into_stream();
    let upload = to.put_multipart(target).await.map_err(SqlError::io)?;
    let mut writer = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
    while let Some(chunk) = bytes.try_next().await.map_err(SqlError::io)? {
        writer.wait_for_capacity(PARTS_AT_ONCE).await.map_err(SqlError::io)?;
        writer.put(chunk);
    }
    writer.finish().await.map_err(SqlError::io)?;
    Ok(())
}
