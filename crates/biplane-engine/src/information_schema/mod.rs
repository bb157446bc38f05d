//! `information_schema`: the catalog as tables.

use datafusion::catalog::TableProvider;
use std::sync::Arc;

use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};

/// The table `[catalog, "information_schema", table]`.
pub async fn provider(
    _cx: &StatementContext,
    name: &[String; 3],
) -> SqlResult<Arc<dyn TableProvider>> {
    Err(SqlError::table_not_found(format!("`{}`.`{}`.`{}`", name[0], name[1], name[2])))
}
