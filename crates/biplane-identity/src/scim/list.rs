//! Finding principals at a level: pages, filters, order.

use super::filter::{self, Condition};
use super::{Level, name_attribute};
use crate::principals::{ACCOUNT_USERS, Kind, PrincipalRow, store};
use biplane_api::ids::PrincipalId;
use biplane_platform::db::{Arg, args};
use biplane_platform::{ApiError, Result, Tx};
use serde::Deserialize;
use sqlx::AssertSqlSafe;

const COUNT_DEFAULT: i64 = 100;
/// Clients ask for 10,000 and go on from what they got.
const COUNT_MAX: i64 = 1000;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct ListQuery {
    /// From 1.
    pub start_index: Option<i64>,
    pub count: Option<i64>,
    /// `userName eq "a@example.com" and active eq true`
    pub filter: Option<String>,
    pub attributes: Option<String>,
    pub excluded_attributes: Option<String>,
    pub sort_by: Option<String>,
    /// `ascending` or `descending`
    pub sort_order: Option<String>,
}

pub struct Page {
    pub total: i64,
    pub start_index: i64,
    pub rows: Vec<PrincipalRow>,
}

/// `$1` the workspace or 0, `$2` the kind, `$3` the system's group of everybody.
const FROM: &str = "WITH RECURSIVE m(id) AS (
       SELECT principal_id FROM workspace_permissions WHERE workspace_id = $1
       UNION SELECT g.member_id FROM group_members g JOIN m ON g.group_id = m.id)
     SELECT @columns FROM principals p
     WHERE p.kind = $2 AND (
       (p.home_workspace_id IS NULL AND ($1 = 0
         OR p.principal_id IN (SELECT id FROM m)
         OR EXISTS (SELECT 1 FROM m JOIN principals e ON e.principal_id = m.id
                    WHERE e.scope_id = 0 AND e.name_key = $3)))
       OR p.home_workspace_id = $1)";
const FIRST_FREE: usize = 4;

fn head(level: Level, kind: Kind) -> Vec<Arg> {
    args![level.workspace().map_or(0, |id| id.0), kind.as_str(), ACCOUNT_USERS]
}

pub async fn find(
    tx: &mut Tx,
    level: Level,
    kind: Kind,
    id: PrincipalId,
) -> Result<Option<PrincipalRow>> {
    let sql = format!("{} AND p.principal_id = $4", FROM.replace("@columns", store::columns!()));
    let mut args = head(level, kind);
    args.push(id.0.into());
    tx.fetch_opt(AssertSqlSafe(sql), args).await?.as_ref().map(store::from_row).transpose()
}

pub async fn page(tx: &mut Tx, level: Level, kind: Kind, query: &ListQuery) -> Result<Page> {
    let condition = match query.filter.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => filter::parse(kind, text, FIRST_FREE)?,
        None => Condition { sql: "(1 = 1)".into(), args: Vec::new() },
    };
    let mut args = head(level, kind);
    args.extend(condition.args);
    let from =
        |columns: &str| format!("{} AND {}", FROM.replace("@columns", columns), condition.sql);
    let total = tx.fetch_one(AssertSqlSafe(from("COUNT(*)")), args.clone()).await?.int(0)?;
    let start_index = query.start_index.unwrap_or(1).max(1);
    let count = query.count.unwrap_or(COUNT_DEFAULT).clamp(0, COUNT_MAX);
    if count == 0 || start_index > total {
        return Ok(Page { total, start_index, rows: Vec::new() });
    }
    let sql = format!(
        "{} ORDER BY {}, p.principal_id LIMIT {count} OFFSET {}",
        from(store::columns!()),
        order(kind, query)?,
        start_index - 1
    );
    let rows = tx.fetch_all(AssertSqlSafe(sql), args).await?;
    let rows = rows.iter().map(store::from_row).collect::<Result<_>>()?;
    Ok(Page { total, start_index, rows })
}

fn order(kind: Kind, query: &ListQuery) -> Result<String> {
    let by = query.sort_by.as_deref().filter(|by| !by.is_empty()).unwrap_or(name_attribute(kind));
    let column = match by.rsplit(':').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "id" => "p.principal_id",
        "displayname" => "p.display_key",
        "username" | "applicationid" => "p.name_key",
        _ => {
            return Err(ApiError::invalid(
                "sortBy may be id, userName, displayName or applicationId.",
            ));
        }
    };
    let direction =
        match query.sort_order.as_deref().unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "ascending" => "ASC",
            "descending" => "DESC",
            _ => return Err(ApiError::invalid("sortOrder may be ascending or descending.")),
        };
    Ok(format!("{column} {direction}"))
}
