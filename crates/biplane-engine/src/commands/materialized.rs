//! Materialized views: a table with the rows of a query, which is kept beside and run again by REFRESH.
//!
//! A refresh computes all rows anew, in one commit; nothing here follows the changes of the sources.

use biplane_api::catalog::TableInfo;
use biplane_api::internal::Access;

use super::protocol::{self, Change};
use super::table::{Definition, Draft};
use super::write::Target;
use super::{columns, mapping, replace, table, view};
use crate::context::StatementContext;
use crate::error::{SqlError, SqlResult};
use crate::output::Output;
use crate::parser::{Name, QueryText, parse_query};

pub const MATERIALIZED_VIEW: &str = "MATERIALIZED_VIEW";
pub const STREAMING_TABLE: &str = "STREAMING_TABLE";

/// What the catalog keeps of the query.
pub fn definition(
    cx: &StatementContext,
    query: &QueryText,
    full: &[String; 3],
    table_type: &'static str,
) -> SqlResult<Definition> {
    let dependencies = view::dependencies(cx, &query.query)?;
    let full_name = full.join(".");
    if dependencies.contains(&full_name) {
        let text = format!("Recursive view {full_name} is detected: it reads itself");
        return Err(SqlError::new("RECURSIVE_VIEW", "42K0H", text));
    }
    let text = view::stored_text(cx, query, &[]);
    Ok(Definition { table_type, text, dependencies: dependencies.into_iter().collect() })
}

/// REFRESH MATERIALIZED VIEW, as the user who asks for it.
pub async fn refresh(cx: &StatementContext, name: &Name) -> SqlResult<Output> {
    let mut target = Target::open(cx, name, Access::Manage).await?;
    let Some(text) = target.info.view_definition.clone().filter(|_| is(&target.info)) else {
        let text = format!("{name} is no materialized view");
        return Err(SqlError::new("EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE", "42809", text));
    };
    protocol::check(&target.delta, Change::Rewrite)?;
    let configuration = target.configuration()?;
    let rows = cx.plan_query(parse_query(&text)?.as_ref()).await?;
    let mapped = mapping::is_mapped(&configuration);
    let fields = columns::fields_of_query(rows.schema().as_arrow(), mapped)?;
    let rows = table::shaped(cx, rows, &fields)?;
    cx.add_target(&target.full_name());
    let draft = Draft {
        full: target.full.clone(),
        partitions: target.partitions()?,
        fields,
        properties: configuration.into_iter().collect(),
        comment: target.info.comment.clone().filter(|comment| !comment.is_empty()),
        location: None,
        rows: Some(rows),
        copy: None,
        definition: None,
    };
    let table = target.delta.clone();
    target.delta = replace::swap(cx, &draft, table, "REFRESH", Vec::new()).await?;
    target.publish_columns(cx).await?;
    Ok(Output::Empty)
}

fn is(info: &TableInfo) -> bool {
    info.table_type == MATERIALIZED_VIEW
}

/// Its rows are those of its query and nobody else's.
pub fn check_changed(info: &TableInfo) -> SqlResult<()> {
    if !is(info) {
        return Ok(());
    }
    let text = format!("{} is a materialized view; REFRESH changes it alone", info.full_name);
    Err(SqlError::new("MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED", "42809", text))
}

/// `by`: the type of a new one whose query is kept.
pub fn check_replaced(old: &TableInfo, by: Option<&str>) -> SqlResult<()> {
    let name = Name(vec![old.full_name.clone()]);
    let of_old = Some(old.table_type.as_str())
        .filter(|kind| [MATERIALIZED_VIEW, STREAMING_TABLE].contains(kind));
    match (of_old, by) {
        (old, new) if old == new => Ok(()),
        (Some(STREAMING_TABLE), _) => {
            let text = format!(
                "{name} is a streaming table; CREATE OR REFRESH STREAMING TABLE changes it"
            );
            Err(SqlError::new("STREAMING_TABLE_OPERATION_NOT_ALLOWED", "42601", text))
        }
        (_, Some(STREAMING_TABLE)) => Err(SqlError::table_exists(name)),
        _ => Err(wrong_kind(&name, is(old))),
    }
}

pub fn wrong_kind(name: &Name, is_materialized: bool) -> SqlError {
    match is_materialized {
        true => SqlError::new(
            "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
            "42809",
            format!("{name} is a materialized view"),
        ),
        false => SqlError::new(
            "EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE",
            "42809",
            format!("{name} is no materialized view"),
        ),
    }
}
