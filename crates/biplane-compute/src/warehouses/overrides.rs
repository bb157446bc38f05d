//! Which warehouse a user's SQL runs on when the user names none. Users set their own, admins anybody's.

use crate::Compute;
use biplane_api::compute::{DefaultWarehouseOverride, DefaultWarehouseOverrideList};
use biplane_api::ids::{PrincipalId, WarehouseId, WorkspaceId};
use biplane_platform::db::{Row, args};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx, page};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 100;

fn render(row: &Row) -> Result<DefaultWarehouseOverride> {
    let id = row.int(0)?.to_string();
    Ok(DefaultWarehouseOverride {
        name: format!("default-warehouse-overrides/{id}"),
        default_warehouse_override_id: id,
        kind: row.text(1)?,
        warehouse_id: row.opt_text(2)?,
    })
}

/// `me` or a user's id; somebody else's only for admins, to others it does not exist.
fn user(ctx: &Ctx, id: &str) -> Result<PrincipalId> {
    let own = ctx.principal.id;
    if id == "me" {
        return Ok(own);
    }
    let asked: PrincipalId = id.parse().map_err(|_| missing(id))?;
    match asked == own || ctx.principal.workspace_admin {
        true => Ok(asked),
        false => Err(missing(id)),
    }
}

fn missing(id: &str) -> ApiError {
    let id: String = id.chars().take(64).collect();
    ApiError::not_found(format!("default-warehouse-overrides/{id} does not exist."))
}

async fn read(
    tx: &mut Tx,
    workspace: WorkspaceId,
    user: PrincipalId,
) -> Result<Option<DefaultWarehouseOverride>> {
    let row = tx
        .fetch_opt(
            "SELECT user_id, kind, warehouse_id FROM warehouse_overrides WHERE workspace_id = $1 AND user_id = $2",
            args![workspace.0, user.0],
        )
        .await?;
    row.as_ref().map(render).transpose()
}

/// Users of a warehouse that is deleted fall back to the workspace's default.
pub(crate) async fn forget_warehouse(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: &WarehouseId,
) -> Result<()> {
    tx.execute(
        "DELETE FROM warehouse_overrides WHERE workspace_id = $1 AND warehouse_id = $2",
        args![workspace.0, id.as_str()],
    )
    .await?;
    Ok(())
}

impl Compute {
    pub async fn warehouse_override_create(
        &self,
        ctx: &Ctx,
        id: Option<&str>,
        body: &DefaultWarehouseOverride,
    ) -> Result<DefaultWarehouseOverride> {
        let user = user(ctx, id.unwrap_or("me"))?;
        self.warehouse_override_check(ctx, body).await?;
        let mut tx = self.db.write().await?;
        if read(&mut tx, ctx.workspace()?, user).await?.is_some() {
            return Err(ApiError::new(
                ErrorCode::AlreadyExists,
                "This user has a default warehouse override already.",
            ));
        }
        write(tx, ctx, user, body).await
    }

    pub async fn warehouse_override_get(
        &self,
        ctx: &Ctx,
        id: &str,
    ) -> Result<DefaultWarehouseOverride> {
        let user = user(ctx, id)?;
        read(&mut self.db.read().await?, ctx.workspace()?, user).await?.ok_or_else(|| missing(id))
    }

    /// `mask` names the fields to take from `body`; empty or `*` = all.
    pub async fn warehouse_override_update(
        &self,
        ctx: &Ctx,
        id: &str,
        mask: &str,
        allow_missing: bool,
        body: &DefaultWarehouseOverride,
    ) -> Result<DefaultWarehouseOverride> {
        let user = user(ctx, id)?;
        let mut next = match read(&mut self.db.read().await?, ctx.workspace()?, user).await? {
            Some(old) => old,
            None if allow_missing => body.clone(),
            None => return Err(missing(id)),
        };
        let fields: Vec<&str> =
            mask.split(',').map(str::trim).filter(|field| !field.is_empty()).collect();
        let all = fields.is_empty() || fields.contains(&"*");
        if let Some(field) =
            fields.iter().find(|field| !["*", "type", "warehouse_id"].contains(field))
        {
            let field: String = field.chars().take(64).collect();
            return Err(ApiError::invalid(format!(
                "update_mask names {field:?}, which cannot be changed."
            )));
        }
        if all || fields.contains(&"type") {
            next.kind.clone_from(&body.kind);
        }
        if all || fields.contains(&"warehouse_id") {
            next.warehouse_id.clone_from(&body.warehouse_id);
        }
        self.warehouse_override_check(ctx, &next).await?;
        write(self.db.write().await?, ctx, user, &next).await
    }

    pub async fn warehouse_override_delete(&self, ctx: &Ctx, id: &str) -> Result<()> {
        let user = user(ctx, id)?;
        let mut tx = self.db.write().await?;
        let gone = tx
            .execute(
                "DELETE FROM warehouse_overrides WHERE workspace_id = $1 AND user_id = $2",
                args![ctx.workspace()?.0, user.0],
            )
            .await?;
        tx.commit().await?;
        if gone == 0 { Err(missing(id)) } else { Ok(()) }
    }

    pub async fn warehouse_override_list(
        &self,
        ctx: &Ctx,
        size: Option<i64>,
        token: Option<&str>,
    ) -> Result<DefaultWarehouseOverrideList> {
        ctx.require_workspace_admin()?;
        let limit = page::size(size, PAGE_DEFAULT, PAGE_MAX)?;
        let after: i64 = page::decode(token)?.unwrap_or(0);
        let rows = self
            .db
            .read()
            .await?
            .fetch_all(
                "SELECT user_id, kind, warehouse_id FROM warehouse_overrides
                 WHERE workspace_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3",
                args![ctx.workspace()?.0, after, i64::try_from(limit).unwrap_or(i64::MAX) + 1],
            )
            .await?;
        let all: Vec<DefaultWarehouseOverride> = rows.iter().map(render).collect::<Result<_>>()?;
        let position = |row: &DefaultWarehouseOverride| {
            row.default_warehouse_override_id.parse().unwrap_or(i64::MAX)
        };
        let (default_warehouse_overrides, next_page_token) = page::cut(all, limit, position);
        Ok(DefaultWarehouseOverrideList { default_warehouse_overrides, next_page_token })
    }

    async fn warehouse_override_check(
        &self,
        ctx: &Ctx,
        body: &DefaultWarehouseOverride,
    ) -> Result<()> {
        match (body.kind.as_str(), &body.warehouse_id) {
            ("CUSTOM", Some(id)) => {
                let id = id.parse().map_err(|_| {
                    ApiError::invalid("warehouse_id is not the id of a SQL warehouse.")
                })?;
                self.slot_for(ctx, &id, "CAN_VIEW").await.map(|_| ())
            }
            ("LAST_SELECTED", None) => Ok(()),
            ("CUSTOM", None) => Err(ApiError::invalid("type CUSTOM needs a warehouse_id.")),
            ("LAST_SELECTED", Some(_)) => {
                Err(ApiError::invalid("type LAST_SELECTED has no warehouse_id."))
            }
            _ => Err(ApiError::invalid("type must be LAST_SELECTED or CUSTOM.")),
        }
    }
}

async fn write(
    mut tx: Tx,
    ctx: &Ctx,
    user: PrincipalId,
    body: &DefaultWarehouseOverride,
) -> Result<DefaultWarehouseOverride> {
    let row = tx
        .fetch_one(
            "INSERT INTO warehouse_overrides (workspace_id, user_id, kind, warehouse_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (workspace_id, user_id)
             DO UPDATE SET kind = excluded.kind, warehouse_id = excluded.warehouse_id
             RETURNING user_id, kind, warehouse_id",
            args![ctx.workspace()?.0, user.0, &body.kind, &body.warehouse_id],
        )
        .await?;
    tx.commit().await?;
    render(&row)
}
