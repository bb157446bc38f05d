//! Query strings that several lists share.

use crate::listing::Page;
use serde::Deserialize;
use utoipa::IntoParams;

/// `?max_results&page_token&include_browse&include_unbound`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Lists {
    pub max_results: Option<i64>,
    pub page_token: Option<String>,
    pub include_browse: bool,
    pub include_unbound: bool,
}

impl Lists {
    pub fn page(&self) -> Page<'_> {
        Page { max_results: self.max_results, page_token: self.page_token.as_deref() }
    }
}

/// `?catalog_name` and what lists take.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InCatalog {
    pub catalog_name: String,
    pub max_results: Option<i64>,
    pub page_token: Option<String>,
    #[serde(default)]
    pub include_browse: bool,
}

impl InCatalog {
    pub fn page(&self) -> Page<'_> {
        Page { max_results: self.max_results, page_token: self.page_token.as_deref() }
    }
}

/// `?catalog_name&schema_name` and what lists take.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InSchema {
    pub catalog_name: String,
    pub schema_name: String,
    pub max_results: Option<i64>,
    pub page_token: Option<String>,
    #[serde(default)]
    pub include_browse: bool,
}

impl InSchema {
    pub fn page(&self) -> Page<'_> {
        Page { max_results: self.max_results, page_token: self.page_token.as_deref() }
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Force {
    pub force: bool,
}
