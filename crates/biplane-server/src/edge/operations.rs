//! The name of every operation, for audit: the operation id of the API description.

use axum::http::Method;
use std::collections::HashMap;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

#[derive(Debug, Default)]
pub struct Operations(HashMap<String, HashMap<Method, String>>);

impl Operations {
    pub fn of(api: &OpenApi) -> Self {
        let named = |(path, item): (&String, &PathItem)| (path.clone(), methods(item));
        Self(api.paths.paths.iter().map(named).collect())
    }

    /// Of a route outside the description (an alias of another): its method and pattern.
    pub fn name(&self, method: &Method, pattern: &str) -> String {
        let known = self.0.get(pattern).and_then(|methods| methods.get(method));
        known.cloned().unwrap_or_else(|| format!("{method} {pattern}"))
    }
}

fn methods(item: &PathItem) -> HashMap<Method, String> {
    let all = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
        (Method::HEAD, &item.head),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?.operation_id.clone()?)))
        .collect()
}
