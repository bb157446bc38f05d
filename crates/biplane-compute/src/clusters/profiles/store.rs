//! Rows and SQL of instance profiles.

use biplane_api::ids::WorkspaceId;
use biplane_api::instance_profiles::InstanceProfile;
use biplane_platform::db::{Row, args};
use biplane_platform::{Ctx, Result, Tx};

fn profile(row: &Row) -> Result<InstanceProfile> {
    Ok(InstanceProfile {
        instance_profile_arn: row.text(0)?,
        iam_role_arn: row.opt_text(1)?,
        is_meta_instance_profile: row.bool(2)?,
    })
}

pub async fn all(tx: &mut Tx, workspace: WorkspaceId) -> Result<Vec<InstanceProfile>> {
    let sql = "SELECT arn, iam_role_arn, is_meta FROM instance_profiles WHERE workspace_id = $1 ORDER BY arn";
    tx.fetch_all(sql, args![workspace.0]).await?.iter().map(profile).collect()
}

/// False: it is there already.
pub async fn insert(tx: &mut Tx, ctx: &Ctx, one: &InstanceProfile) -> Result<bool> {
    let sql = "INSERT INTO instance_profiles (workspace_id, arn, iam_role_arn, is_meta, added_by, added_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, arn) DO NOTHING";
    let (workspace, by) = (ctx.workspace()?.0, &ctx.principal.name);
    let row = args![
        workspace,
        &one.instance_profile_arn,
        one.iam_role_arn.as_deref(),
        one.is_meta_instance_profile,
        by,
        ctx.now_ms()
    ];
    Ok(tx.execute(sql, row).await? > 0)
}

/// False: there is none.
pub async fn set_role(tx: &mut Tx, workspace: WorkspaceId, one: &InstanceProfile) -> Result<bool> {
    let sql = "UPDATE instance_profiles SET iam_role_arn = $3, is_meta = $4 WHERE workspace_id = $1 AND arn = $2";
    let row = args![
        workspace.0,
        &one.instance_profile_arn,
        one.iam_role_arn.as_deref(),
        one.is_meta_instance_profile
    ];
    Ok(tx.execute(sql, row).await? > 0)
}

/// False: there is none.
pub async fn delete(tx: &mut Tx, workspace: WorkspaceId, arn: &str) -> Result<bool> {
    let sql = "DELETE FROM instance_profiles WHERE workspace_id = $1 AND arn = $2";
    Ok(tx.execute(sql, args![workspace.0, arn]).await? > 0)
}

pub async fn forget_workspace(tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
    let sql = "DELETE FROM instance_profiles WHERE workspace_id = $1";
    tx.execute(sql, args![workspace.0]).await?;
    Ok(())
}
