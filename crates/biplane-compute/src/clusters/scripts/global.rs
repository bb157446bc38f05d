//! The rules of global init scripts. They are for admins of the workspace alone; clusters that run go on
//! as they are.

use super::store;
use crate::Compute;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::init_scripts::{GlobalInitScript, GlobalInitScriptPut, GlobalInitScripts};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};

const SCRIPT_BYTES_MAX: usize = 64 << 10;
const SCRIPTS_MAX: usize = 50;
const NAME_CHARS_MAX: usize = 100;

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("The global init script {id:.64} does not exist."))
}

/// Name and script, checked.
fn checked(asked: &GlobalInitScriptPut) -> Result<(String, String)> {
    let name = asked.name.as_deref().unwrap_or_default().trim();
    if name.is_empty()
        || name.chars().count() > NAME_CHARS_MAX
        || name.chars().any(char::is_control)
    {
        return Err(ApiError::invalid(format!(
            "name has 1 to {NAME_CHARS_MAX} printable characters."
        )));
    }
    let text = asked.script.as_deref().unwrap_or_default();
    let bytes =
        STANDARD.decode(text).map_err(|_| ApiError::invalid("script is not valid Base64."))?;
    match bytes.len() {
        0 => Err(ApiError::invalid("Missing required field: script")),
        1..=SCRIPT_BYTES_MAX => Ok((name.to_owned(), text.to_owned())),
        _ => Err(ApiError::invalid(format!("script has at most {SCRIPT_BYTES_MAX} bytes."))),
    }
}

/// Puts one where it is to be and numbers all anew.
async fn arrange(
    tx: &mut Tx,
    ctx: &Ctx,
    mut others: Vec<GlobalInitScript>,
    one: GlobalInitScript,
    position: Option<i64>,
) -> Result<()> {
    let at = match position {
        Some(at) => {
            usize::try_from(at).map_err(|_| ApiError::invalid("position is not negative."))?
        }
        None => usize::MAX,
    };
    others.insert(at.min(others.len()), one);
    for (position, script) in (0..).zip(others.iter_mut()) {
        script.position = position;
        store::put(tx, ctx.workspace()?, script).await?;
    }
    Ok(())
}

impl Compute {
    pub async fn global_init_script_create(
        &self,
        ctx: &Ctx,
        asked: &GlobalInitScriptPut,
    ) -> Result<String> {
        ctx.require_workspace_admin()?;
        let (name, script) = checked(asked)?;
        let now = ctx.now_ms();
        let mut tx = self.db.write().await?;
        let others = store::all(&mut tx, ctx.workspace()?).await?;
        if others.len() >= SCRIPTS_MAX {
            return Err(ApiError::new(
                ErrorCode::ResourceExhausted,
                format!("A workspace has at most {SCRIPTS_MAX} global init scripts."),
            ));
        }
        let script_id = uuid::Uuid::new_v4().simple().to_string();
        let one = GlobalInitScript {
            script_id: script_id.clone(),
            name,
            position: 0,
            enabled: asked.enabled.unwrap_or(false),
            created_by: ctx.principal.name.clone(),
            created_at: now,
            updated_by: ctx.principal.name.clone(),
            updated_at: now,
            script: Some(script),
        };
        arrange(&mut tx, ctx, others, one, asked.position).await?;
        tx.commit().await?;
        Ok(script_id)
    }

    pub async fn global_init_script_list(&self, ctx: &Ctx) -> Result<GlobalInitScripts> {
        ctx.require_workspace_admin()?;
        let mut scripts = store::all(&mut self.db.read().await?, ctx.workspace()?).await?;
        scripts.iter_mut().for_each(|one| one.script = None);
        Ok(GlobalInitScripts { scripts })
    }

    pub async fn global_init_script_get(&self, ctx: &Ctx, id: &str) -> Result<GlobalInitScript> {
        ctx.require_workspace_admin()?;
        let all = store::all(&mut self.db.read().await?, ctx.workspace()?).await?;
        all.into_iter().find(|one| one.script_id == id).ok_or_else(|| missing(id))
    }

    pub async fn global_init_script_update(
        &self,
        ctx: &Ctx,
        id: &str,
        asked: &GlobalInitScriptPut,
    ) -> Result<()> {
        ctx.require_workspace_admin()?;
        let (name, script) = checked(asked)?;
        let mut tx = self.db.write().await?;
        let mut all = store::all(&mut tx, ctx.workspace()?).await?;
        let at = all.iter().position(|one| one.script_id == id).ok_or_else(|| missing(id))?;
        let mut one = all.remove(at);
        (one.name, one.script) = (name, Some(script));
        one.enabled = asked.enabled.unwrap_or(one.enabled);
        (one.updated_by, one.updated_at) = (ctx.principal.name.clone(), ctx.now_ms());
        let position = asked.position.or_else(|| i64::try_from(at).ok());
        arrange(&mut tx, ctx, all, one, position).await?;
        tx.commit().await
    }

    pub async fn global_init_script_delete(&self, ctx: &Ctx, id: &str) -> Result<()> {
        ctx.require_workspace_admin()?;
        let mut tx = self.db.write().await?;
        let mut all = store::all(&mut tx, ctx.workspace()?).await?;
        let at = all.iter().position(|one| one.script_id == id).ok_or_else(|| missing(id))?;
        store::delete(&mut tx, &all.remove(at).script_id).await?;
        for (position, script) in (0..).zip(all.iter_mut()) {
            script.position = position;
            store::put(&mut tx, ctx.workspace()?, script).await?;
        }
        tx.commit().await
    }
}
