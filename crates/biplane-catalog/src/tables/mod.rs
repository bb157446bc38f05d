//! Tables and views: registered and changed by REST, staged and published by engines.

pub(crate) mod columns;
pub(crate) mod constraints;
pub(crate) mod http;
pub(crate) mod internal;
pub(crate) mod ops;
pub(crate) mod publish;
pub(crate) mod staging;
pub(crate) mod store;
pub(crate) mod summaries;
