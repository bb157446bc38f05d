//! A store of which the places of one statement are open, and nothing beside them.
//!
//! A statement is let into places: the catalog said so of each. What lies there may have been written by
//! anybody who may write there, and a Delta log can name files by absolute path: of other tables, too.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use parking_lot::RwLock;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

#[derive(Debug)]
pub struct Confined {
    store: Arc<dyn ObjectStore>,
    places: Places,
}

/// Of one store. A plan has one store for a bucket, whatever the number of its tables there.
pub type Places = Arc<RwLock<Vec<Path>>>;

impl Confined {
    /// Paths stay those of `store`; they must be one of `places` or below it.
    pub fn new(store: Arc<dyn ObjectStore>, places: Places) -> Self {
        Self { store, places }
    }

    fn inside<'a>(&self, path: &'a Path) -> Result<&'a Path> {
        inside(&self.places, path).map(|()| path)
    }

    /// What is listed is named.
    fn listed<'a>(&self, prefix: Option<&'a Path>) -> Result<&'a Path> {
        self.inside(prefix.unwrap_or(&ROOT))
    }
}

static ROOT: Path = Path::ROOT;

fn inside(places: &Places, path: &Path) -> Result<()> {
    if places.read().iter().any(|place| path.prefix_matches(place)) {
        return Ok(());
    }
    tracing::warn!(%path, "a path leads out of the places of its statement");
    let source = "it lies outside of the place that names it".into();
    Err(Error::PermissionDenied { path: path.to_string(), source })
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "places of {}", self.store)
    }
}

#[async_trait]
impl ObjectStore for Confined {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.store.put_opts(self.inside(location)?, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(self.inside(location)?, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(self.inside(location)?, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store.get_ranges(self.inside(location)?, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let places = self.places.clone();
        let checked = locations.map(move |location| {
            let location = location?;
            inside(&places, &location).map(|()| location)
        });
        self.store.delete_stream(checked.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.listed(prefix) {
            Ok(prefix) => self.store.list(Some(prefix)),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.listed(prefix) {
            Ok(prefix) => self.store.list_with_offset(Some(prefix), offset),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(Some(self.listed(prefix)?)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(self.inside(from)?, self.inside(to)?, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.store.rename_opts(self.inside(from)?, self.inside(to)?, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    #[tokio::test]
    async fn nothing_beside_the_place_is_reached() {
        let all = Arc::new(InMemory::new());
        for path in ["a/t/x", "a/t/y/z", "a/tt/x", "b"] {
            all.put(&Path::from(path), path.into()).await.unwrap();
        }
        let places: Places = Arc::new(RwLock::new(vec![Path::from("other"), Path::from("a/t")]));
        let place = Confined::new(all.clone(), places);
        let (inside, one) = (Path::from("a/t/x"), [0..1, 1..2]);
        assert_eq!(place.get(&inside).await.unwrap().bytes().await.unwrap(), "a/t/x");
        assert!(place.get_ranges(&inside, &one).await.is_ok());
        let listed: Vec<ObjectMeta> =
            place.list(Some(&Path::from("a/t"))).try_collect().await.unwrap();
        assert_eq!(listed.len(), 2);
        assert!(place.copy(&inside, &Path::from("a/t/copy")).await.is_ok());
        for outside in ["a/tt/x", "b", "a", "a/t2", ""].map(Path::from) {
            assert!(place.get(&outside).await.is_err(), "{outside}");
            assert!(place.get_ranges(&outside, &one).await.is_err());
            assert!(place.put(&outside, "new".into()).await.is_err());
            assert!(place.put_multipart(&outside).await.is_err());
            assert!(place.delete(&outside).await.is_err());
            assert!(place.copy(&inside, &outside).await.is_err());
            assert!(place.copy(&outside, &Path::from("a/t/c")).await.is_err());
            assert!(place.rename(&inside, &outside).await.is_err());
            assert!(place.list_with_delimiter(Some(&outside)).await.is_err());
            assert!(place.list(Some(&outside)).try_collect::<Vec<_>>().await.is_err());
        }
        assert_eq!(all.get(&Path::from("a/tt/x")).await.unwrap().bytes().await.unwrap(), "a/tt/x");
    }
}
