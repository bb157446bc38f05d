//! Calls of the catalog's REST, as the user of the statement; lists are read page by page.

use biplane_api::catalog::{
    CatalogInfo, FunctionInfo, ListCatalogs, ListFunctions, ListSchemas, ListTables, ListVolumes,
    SchemaInfo, TableInfo, VolumeInfo,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::context::StatementContext;
use crate::control::{CallError, ControlClient};
use crate::error::{SqlError, SqlResult};

pub const UC: &str = "/api/2.1/unity-catalog";
/// A listing longer than this is cut off with an error: nothing here is unbounded.
const PAGES_MAX: usize = 2_000;

const KEEP: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// One segment of a path, or a value of a query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, KEEP).to_string()
}

/// The right to call: what providers that outlive the borrow of a statement's context keep.
#[derive(Clone)]
pub struct Rest {
    control: ControlClient,
    token: String,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rest")
    }
}

trait Page: DeserializeOwned {
    type Item;
    fn take(self) -> (Vec<Self::Item>, Option<String>);
}

macro_rules! page {
    ($list:ident, $field:ident, $item:ident) => {
        impl Page for $list {
            type Item = $item;
            fn take(self) -> (Vec<$item>, Option<String>) {
                (self.$field, self.next_page_token)
            }
        }
    };
}

page!(ListCatalogs, catalogs, CatalogInfo);
page!(ListSchemas, schemas, SchemaInfo);
page!(ListTables, tables, TableInfo);
page!(ListVolumes, volumes, VolumeInfo);
page!(ListFunctions, functions, FunctionInfo);

impl Rest {
    pub fn new(cx: &StatementContext) -> Self {
        Self { control: cx.control().clone(), token: cx.token().to_owned() }
    }

    async fn pages<P: Page>(&self, path: &str) -> SqlResult<Vec<P::Item>> {
        let mut out = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let join = if path.contains('?') { '&' } else { '?' };
            let path = match &token {
                None => format!("{UC}/{path}"),
                Some(token) => format!("{UC}/{path}{join}page_token={}", encode(token)),
            };
            let page: P = self.control.get(&path, &self.token).await?;
            let (items, next) = page.take();
            out.extend(items);
            token = next.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(out);
            }
        }
        Err(SqlError::exhausted("a listing of the catalog has too many pages"))
    }

    pub async fn catalogs(&self) -> SqlResult<Vec<CatalogInfo>> {
        self.pages::<ListCatalogs>("catalogs").await
    }

    pub async fn schemas(&self, catalog: &str) -> SqlResult<Vec<SchemaInfo>> {
        self.pages::<ListSchemas>(&format!("schemas?catalog_name={}", encode(catalog))).await
    }

    pub async fn tables(
        &self,
        catalog: &str,
        schema: &str,
        columns: bool,
    ) -> SqlResult<Vec<TableInfo>> {
        let (catalog, schema) = (encode(catalog), encode(schema));
        let omit = if columns { "" } else { "&omit_columns=true" };
        let path = format!("tables?catalog_name={catalog}&schema_name={schema}{omit}");
        self.pages::<ListTables>(&path).await
    }

    pub async fn volumes(&self, catalog: &str, schema: &str) -> SqlResult<Vec<VolumeInfo>> {
        let (catalog, schema) = (encode(catalog), encode(schema));
        self.pages::<ListVolumes>(&format!("volumes?catalog_name={catalog}&schema_name={schema}"))
            .await
    }

    pub async fn functions(&self, catalog: &str, schema: &str) -> SqlResult<Vec<FunctionInfo>> {
        let (catalog, schema) = (encode(catalog), encode(schema));
        self.pages::<ListFunctions>(&format!(
            "functions?catalog_name={catalog}&schema_name={schema}"
        ))
        .await
    }

    pub async fn catalog(&self, name: &str) -> Result<CatalogInfo, CallError> {
        self.get(&format!("catalogs/{}", encode(name))).await
    }

    pub async fn schema(&self, full_name: &str) -> Result<SchemaInfo, CallError> {
        self.get(&format!("schemas/{}", encode(full_name))).await
    }

    pub async fn table(&self, full_name: &str) -> Result<TableInfo, CallError> {
        self.get(&format!("tables/{}", encode(full_name))).await
    }

    pub async fn volume(&self, full_name: &str) -> Result<VolumeInfo, CallError> {
        self.get(&format!("volumes/{}", encode(full_name))).await
    }

    /// `path` is behind the prefix of the catalog's REST.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.control.get(&format!("{UC}/{path}"), &self.token).await
    }

    pub async fn get_at<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.control.get(path, &self.token).await
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T, CallError> {
        self.control.post(&format!("{UC}/{path}"), &self.token, body).await
    }

    /// The same, of another API than the catalog's.
    pub async fn post_at<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T, CallError> {
        self.control.post(path, &self.token, body).await
    }

    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T, CallError> {
        self.control.patch(&format!("{UC}/{path}"), &self.token, body).await
    }

    pub async fn delete(&self, path: &str) -> Result<(), CallError> {
        self.control.delete(&format!("{UC}/{path}"), &self.token).await
    }
}

/// Whether the call failed because something is not there.
pub fn is_missing(error: &CallError) -> bool {
    error.code().is_some_and(|code| code.ends_with("_DOES_NOT_EXIST") || code == "NOT_FOUND")
}

/// Whether the call failed because the name is taken.
pub fn is_taken(error: &CallError) -> bool {
    error.code().is_some_and(|code| code.ends_with("ALREADY_EXISTS"))
}
