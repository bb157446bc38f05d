//! The rules of secrets: who may have, write and share them.

use super::{SCOPES, Secrets, store};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_api::ids::WorkspaceId;
use biplane_api::secrets::{
    SecretAcl, SecretAclPut, SecretAcls, SecretList, SecretMetadata, SecretPut, SecretScope,
    SecretScopeCreate, SecretScopes, SecretValue,
};
use biplane_platform::acl::{self, Entry};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result, Tx};

const SCOPES_MAX: usize = 1000;
const SECRETS_MAX: usize = 1000;
const NAME_CHARS_MAX: usize = 128;
const VALUE_BYTES_MAX: usize = 128 << 10;
const BACKEND: &str = "DATABRICKS";
const EVERYBODY: &str = "users";

fn missing(scope: &str) -> ApiError {
    ApiError::not_found(format!("Scope {scope:.128} does not exist!"))
}

fn name<'a>(what: &str, text: Option<&'a str>) -> Result<&'a str> {
    let text = text.unwrap_or_default();
    let good = |c: char| c.is_ascii_alphanumeric() || "-_@.".contains(c);
    match !text.is_empty() && text.len() <= NAME_CHARS_MAX && text.chars().all(good) {
        true => Ok(text),
        false => Err(ApiError::invalid(format!(
            "{what} has 1 to {NAME_CHARS_MAX} letters, digits, `-`, `_`, `@` and `.`."
        ))),
    }
}

fn full(what: &str, most: usize) -> ApiError {
    ApiError::new(ErrorCode::ResourceExhausted, format!("{what} at most {most}."))
}

/// What a value is sealed to.
fn place(workspace: WorkspaceId, scope: &str, key: &str) -> String {
    format!("{workspace}/{scope}/{key}")
}

fn entry(kind: &str, name: &str, level: &str) -> Entry {
    Entry {
        principal_kind: kind.into(),
        principal_name: name.into(),
        permission_level: level.into(),
    }
}

impl Secrets {
    /// The permissions on a scope, when `ctx` has `level` there. Of one that it may not know of: none.
    async fn scope(&self, tx: &mut Tx, ctx: &Ctx, scope: &str, level: &str) -> Result<Vec<Entry>> {
        let workspace = ctx.workspace()?;
        if !store::scope_exists(tx, workspace, scope).await? {
            return Err(missing(scope));
        }
        let entries = acl::entries(tx, workspace, &SCOPES, scope).await?;
        match acl::rank(ctx, &SCOPES, &entries) {
            None => Err(missing(scope)),
            Some(rank) if Some(rank) < SCOPES.rank(level) => {
                Err(ApiError::denied(format!("You need {level} on the scope {scope} to do this.")))
            }
            Some(_) => Ok(entries),
        }
    }

    pub async fn secret_scope_create(&self, ctx: &Ctx, asked: &SecretScopeCreate) -> Result<()> {
        let workspace = ctx.workspace()?;
        let scope = name("scope", asked.scope.as_deref())?;
        match asked.scope_backend_type.as_deref() {
            None | Some("" | BACKEND) if asked.backend_azure_keyvault.is_none() => {}
            None | Some("" | BACKEND | "AZURE_KEYVAULT") => {
                return Err(ApiError::unsupported("A secret scope in Azure Key Vault"));
            }
            Some(_) => return Err(ApiError::invalid("scope_backend_type is DATABRICKS.")),
        }
        let manager = match asked.initial_manage_principal.as_deref() {
            None | Some("") => Entry::of(&ctx.principal, "MANAGE"),
            Some(EVERYBODY) => entry("group", EVERYBODY, "MANAGE"),
            Some(_) => return Err(ApiError::invalid("initial_manage_principal is `users`.")),
        };
        let mut tx = self.db.write().await?;
        if store::scopes(&mut tx, workspace).await?.len() >= SCOPES_MAX {
            return Err(full("A workspace has secret scopes:", SCOPES_MAX));
        }
        if !store::scope_insert(&mut tx, workspace, scope, self.clock.now_ms()).await? {
            return Err(ApiError::new(
                ErrorCode::ResourceAlreadyExists,
                format!("Scope {scope} already exists!"),
            ));
        }
        acl::grant(&mut tx, workspace, &SCOPES, scope, &manager).await?;
        tx.commit().await
    }

    pub async fn secret_scope_list(&self, ctx: &Ctx) -> Result<SecretScopes> {
        let workspace = ctx.workspace()?;
        let mut tx = self.db.read().await?;
        let mut scopes = Vec::new();
        for name in store::scopes(&mut tx, workspace).await? {
            let entries = acl::entries(&mut tx, workspace, &SCOPES, &name).await?;
            if acl::rank(ctx, &SCOPES, &entries).is_some() {
                scopes.push(SecretScope { name, backend_type: BACKEND.into() });
            }
        }
        Ok(SecretScopes { scopes })
    }

    pub async fn secret_scope_delete(&self, ctx: &Ctx, scope: Option<&str>) -> Result<()> {
        let scope = name("scope", scope)?;
        let mut tx = self.db.write().await?;
        self.scope(&mut tx, ctx, scope, "MANAGE").await?;
        let workspace = ctx.workspace()?;
        store::scope_delete(&mut tx, workspace, scope).await?;
        acl::clear(&mut tx, workspace, &SCOPES, scope).await?;
        tx.commit().await
    }

    pub async fn scope_secret_put(&self, ctx: &Ctx, asked: &SecretPut) -> Result<()> {
        let workspace = ctx.workspace()?;
        let scope = name("scope", asked.scope.as_deref())?;
        let key = name("key", asked.key.as_deref())?;
        let value = match (&asked.string_value, &asked.bytes_value) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(bytes)) => STANDARD
                .decode(bytes)
                .map_err(|_| ApiError::invalid("bytes_value is not valid Base64."))?,
            _ => {
                return Err(ApiError::invalid(
                    "Exactly one of string_value and bytes_value must be given.",
                ));
            }
        };
        if value.len() > VALUE_BYTES_MAX {
            return Err(ApiError::invalid(format!(
                "A secret has at most {VALUE_BYTES_MAX} bytes."
            )));
        }
        let sealed = self.seal.close(&place(workspace, scope, key), &value)?;
        let mut tx = self.db.write().await?;
        self.scope(&mut tx, ctx, scope, "WRITE").await?;
        store::secret_put(&mut tx, workspace, (scope, key), &sealed, self.clock.now_ms()).await?;
        if store::secrets(&mut tx, workspace, scope).await?.len() > SECRETS_MAX {
            return Err(full("A scope has secrets:", SECRETS_MAX));
        }
        tx.commit().await
    }

    pub async fn scope_secret_delete(
        &self,
        ctx: &Ctx,
        scope: Option<&str>,
        key: Option<&str>,
    ) -> Result<()> {
        let (scope, key) = (name("scope", scope)?, name("key", key)?);
        let mut tx = self.db.write().await?;
        self.scope(&mut tx, ctx, scope, "WRITE").await?;
        match store::secret_delete(&mut tx, ctx.workspace()?, scope, key).await? {
            true => tx.commit().await,
            false => Err(no_secret(scope, key)),
        }
    }

    pub async fn scope_secret_list(&self, ctx: &Ctx, scope: Option<&str>) -> Result<SecretList> {
        let scope = name("scope", scope)?;
        let mut tx = self.db.read().await?;
        self.scope(&mut tx, ctx, scope, "READ").await?;
        let found = store::secrets(&mut tx, ctx.workspace()?, scope).await?.into_iter();
        let one = |(key, last_updated_timestamp)| SecretMetadata { key, last_updated_timestamp };
        Ok(SecretList { secrets: found.map(one).collect() })
    }

    pub async fn scope_secret_get(
        &self,
        ctx: &Ctx,
        scope: Option<&str>,
        key: Option<&str>,
    ) -> Result<SecretValue> {
        let (scope, key) = (name("scope", scope)?, name("key", key)?);
        let value = self.secret_read(ctx, scope, key).await?;
        Ok(SecretValue { key: key.into(), value: STANDARD.encode(value) })
    }

    /// The value, for `ctx`.
    pub async fn secret_read(&self, ctx: &Ctx, scope: &str, key: &str) -> Result<Vec<u8>> {
        let workspace = ctx.workspace()?;
        let mut tx = self.db.read().await?;
        self.scope(&mut tx, ctx, scope, "READ").await?;
        let sealed = store::secret(&mut tx, workspace, scope, key).await?;
        let sealed = sealed.ok_or_else(|| no_secret(scope, key))?;
        self.seal.open(&place(workspace, scope, key), &sealed)
    }

    pub async fn secret_acl_put(&self, ctx: &Ctx, asked: &SecretAclPut) -> Result<()> {
        let scope = name("scope", asked.scope.as_deref())?;
        let level = asked.permission.as_deref().unwrap_or_default();
        if SCOPES.rank(level).is_none() {
            return Err(ApiError::invalid("permission is READ, WRITE or MANAGE."));
        }
        let (kind, principal) = self.principal(asked.principal.as_deref()).await?;
        let mut tx = self.db.write().await?;
        self.scope(&mut tx, ctx, scope, "MANAGE").await?;
        let entry = entry(&kind, &principal, level);
        acl::grant(&mut tx, ctx.workspace()?, &SCOPES, scope, &entry).await?;
        tx.commit().await
    }

    async fn principal(&self, name: Option<&str>) -> Result<(String, String)> {
        match name.unwrap_or_default() {
            "" => Err(ApiError::invalid("principal is missing.")),
            // Of the workspace; identity knows those of the account.
            name @ (EVERYBODY | acl::ADMINS) => Ok(("group".into(), name.into())),
            name => self.people.known(name).await?.ok_or_else(|| {
                ApiError::not_found(format!("The principal {name:.255} does not exist."))
            }),
        }
    }

    pub async fn secret_acl_delete(
        &self,
        ctx: &Ctx,
        scope: Option<&str>,
        principal: Option<&str>,
    ) -> Result<()> {
        let (scope, principal) = (name("scope", scope)?, principal.unwrap_or_default());
        let workspace = ctx.workspace()?;
        let mut tx = self.db.write().await?;
        let entries = self.scope(&mut tx, ctx, scope, "MANAGE").await?;
        let (gone, kept): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|one| one.principal_name == principal);
        if gone.is_empty() {
            return Err(no_acl(scope, principal));
        }
        acl::clear(&mut tx, workspace, &SCOPES, scope).await?;
        for entry in &kept {
            acl::grant(&mut tx, workspace, &SCOPES, scope, entry).await?;
        }
        tx.commit().await
    }

    pub async fn secret_acl_list(&self, ctx: &Ctx, scope: Option<&str>) -> Result<SecretAcls> {
        let scope = name("scope", scope)?;
        let entries = self.scope(&mut self.db.read().await?, ctx, scope, "MANAGE").await?;
        Ok(SecretAcls { items: entries.into_iter().map(acl_of).collect() })
    }

    pub async fn secret_acl_get(
        &self,
        ctx: &Ctx,
        scope: Option<&str>,
        principal: Option<&str>,
    ) -> Result<SecretAcl> {
        let (scope, principal) = (name("scope", scope)?, principal.unwrap_or_default());
        let entries = self.scope(&mut self.db.read().await?, ctx, scope, "MANAGE").await?;
        let found = entries.into_iter().find(|one| one.principal_name == principal);
        found.map(acl_of).ok_or_else(|| no_acl(scope, principal))
    }

    /// The end of a workspace.
    pub async fn workspace_forget(&self, workspace: WorkspaceId) -> Result<()> {
        let mut tx = self.db.write().await?;
        for scope in store::scopes(&mut tx, workspace).await? {
            acl::clear(&mut tx, workspace, &SCOPES, &scope).await?;
        }
        store::workspace_delete(&mut tx, workspace).await?;
        tx.commit().await
    }
}

fn acl_of(entry: Entry) -> SecretAcl {
    SecretAcl { principal: entry.principal_name, permission: entry.permission_level }
}

fn no_secret(scope: &str, key: &str) -> ApiError {
    ApiError::not_found(format!("Secret does not exist with scope: {scope} and key: {key}"))
}

fn no_acl(scope: &str, principal: &str) -> ApiError {
    ApiError::not_found(format!("{principal:.255} has no permission on the scope {scope}."))
}
