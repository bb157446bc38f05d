//! The rules of contexts and commands: whose they are, how many, what they may run.

use super::context::{Context, Language, Next, State};
use super::sandbox::too_many;
use super::{CLUSTER, result};
use crate::Compute;
use biplane_api::compute::WarehouseState;
use biplane_api::ids::{ClusterId, WarehouseId};
use biplane_platform::{ApiError, Ctx, Entitlement, Result};
use serde_json::{Value, json};
use std::sync::Arc;

const CONTEXTS_OF_USER_MAX: usize = 10;
const CONTEXTS_OF_WORKSPACE_MAX: usize = 100;
const CODE_BYTES_MAX: usize = 1 << 20;
const SQL_ROWS_MAX: u64 = 10_000;

/// None: serverless.
fn cluster_named(id: Option<&str>) -> Result<Option<ClusterId>> {
    match id.unwrap_or_default() {
        CLUSTER => Ok(None),
        "" => Err(ApiError::invalid("clusterId is missing.")),
        other => other
            .parse()
            .map(Some)
            .map_err(|_| ApiError::invalid(format!("Cluster {other:.64} does not exist"))),
    }
}

fn language(text: Option<&str>) -> Result<Language> {
    match text.unwrap_or("python").to_ascii_lowercase().as_str() {
        "python" => Ok(Language::Python),
        "sql" => Ok(Language::Sql),
        "scala" | "r" => Err(ApiError::unsupported("Running Scala or R")),
        _ => Err(ApiError::invalid("language must be python or sql.")),
    }
}

fn required<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str> {
    value
        .filter(|text| !text.is_empty())
        .ok_or_else(|| ApiError::invalid(format!("{name} is missing.")))
}

impl Compute {
    pub async fn context_create(
        self: &Arc<Self>,
        ctx: &Ctx,
        cluster: Option<&str>,
        wanted: Option<&str>,
    ) -> Result<Value> {
        let workspace = ctx.workspace()?;
        ctx.require_entitlement(Entitlement::WorkspaceAccess)?;
        let cluster = match cluster_named(cluster)? {
            Some(id) => Some(self.cluster_attach(ctx, id.as_str()).await?),
            None => None,
        };
        let language = language(wanted)?;
        if language == Language::Python && cluster.is_none() {
            self.code_possible()?;
        }
        let warehouse = self.code_warehouse(ctx).await?;
        let principal = ctx.principal.id;
        let id = self.code.context_id();
        let context = {
            let mut contexts = self.code.contexts.lock();
            let of_workspace = contexts.values().filter(|one| one.workspace_id == workspace);
            let (all, own) = of_workspace.fold((0, 0), |(all, own), one| {
                (all + 1, own + usize::from(one.principal_id == principal))
            });
            if own >= CONTEXTS_OF_USER_MAX {
                return Err(too_many("You may have", CONTEXTS_OF_USER_MAX));
            }
            if all >= CONTEXTS_OF_WORKSPACE_MAX {
                return Err(too_many("A workspace may have", CONTEXTS_OF_WORKSPACE_MAX));
            }
            let now = self.clock.now_ms();
            let on = cluster.as_ref();
            let sandbox = (language == Language::Python)
                .then(|| self.code.sandbox_of(workspace, &ctx.principal, warehouse, on, now));
            let kept = sandbox.as_ref().map(|(sandbox, _)| sandbox.clone());
            let cluster = on.map(|on| on.id.clone());
            let whose = (workspace, principal);
            let context = Arc::new(Context::new(id.clone(), whose, language, cluster, kept));
            contexts.insert(id.clone(), context.clone());
            if let Some((sandbox, true)) = sandbox {
                tokio::spawn(self.clone().code_keep(sandbox));
            }
            context
        };
        if let Some(sandbox) = &context.sandbox
            && !sandbox.order(json!({
                "op": "create", "context": id,
                "environment": sandbox.cluster.as_ref().map(|on| &on.environment.variables),
                "secrets": sandbox.cluster.as_ref().map(|on| &on.environment.secret),
            }))
        {
            context.fail("The Python sandbox does not answer.");
        }
        Ok(json!({ "id": id }))
    }

    pub fn context_status(
        &self,
        ctx: &Ctx,
        cluster: Option<&str>,
        id: Option<&str>,
    ) -> Result<Value> {
        let context = self.context(ctx, cluster, id)?;
        let status = match context.state() {
            State::Pending => "Pending",
            State::Running => "Running",
            State::Error(_) => "Error",
        };
        Ok(json!({ "id": context.id, "status": status }))
    }

    pub fn context_destroy(
        &self,
        ctx: &Ctx,
        cluster: Option<&str>,
        id: Option<&str>,
    ) -> Result<Value> {
        let context = self.context(ctx, cluster, id)?;
        self.code_end(&context, "The context was destroyed.");
        Ok(json!({ "id": context.id }))
    }

    pub fn command_execute(
        self: &Arc<Self>,
        ctx: &Ctx,
        cluster: Option<&str>,
        id: Option<&str>,
        wanted: Option<&str>,
        code: Option<&str>,
    ) -> Result<Value> {
        let context = self.context(ctx, cluster, id)?;
        let language = match wanted {
            None => context.language,
            some => language(some)?,
        };
        if language == Language::Python && context.sandbox.is_none() {
            return Err(ApiError::invalid("A context of SQL does not run Python."));
        }
        let code = code.unwrap_or_default();
        if code.len() > CODE_BYTES_MAX {
            return Err(ApiError::invalid(format!(
                "A command is at most {CODE_BYTES_MAX} bytes long."
            )));
        }
        let command_id = uuid::Uuid::new_v4().simple().to_string();
        context.submit(ctx, command_id.clone(), language, code.to_owned())?;
        self.code_advance(&context);
        Ok(json!({ "id": command_id }))
    }

    pub fn command_status(
        &self,
        ctx: &Ctx,
        cluster: Option<&str>,
        id: Option<&str>,
        command: Option<&str>,
    ) -> Result<Value> {
        self.context(ctx, cluster, id)?.status(required("commandId", command)?)
    }

    pub fn command_cancel(
        self: &Arc<Self>,
        ctx: &Ctx,
        cluster: Option<&str>,
        id: Option<&str>,
        command: Option<&str>,
    ) -> Result<Value> {
        let context = self.context(ctx, cluster, id)?;
        let command = required("commandId", command)?;
        if context.cancel(command)?
            && let Some(sandbox) = &context.sandbox
        {
            sandbox.order(json!({ "op": "cancel", "context": context.id, "command": command }));
        }
        self.code_advance(&context);
        Ok(json!({ "id": command }))
    }

    /// The caller's own; somebody else's is not there.
    fn context(&self, ctx: &Ctx, cluster: Option<&str>, id: Option<&str>) -> Result<Arc<Context>> {
        let workspace = ctx.workspace()?;
        let cluster = cluster_named(cluster)?;
        let id = required("contextId", id)?;
        let found = self.code.contexts.lock().get(id).cloned();
        let own = |context: &Arc<Context>| {
            context.workspace_id == workspace
                && context.principal_id == ctx.principal.id
                && context.cluster == cluster
        };
        found.filter(own).ok_or_else(|| {
            if self.code.is_elsewhere(id) {
                return ApiError::not_found(format!(
                    "The context {id} does not exist here: it was made at another server, or before this one \
                     started. What asks for a context must reach the server that made it."
                ));
            }
            let id: String = id.chars().take(64).collect();
            ApiError::not_found(format!("The context {id} does not exist."))
        })
    }

    /// Forgets a context; its sandbox ends with the last one.
    pub(super) fn code_end(&self, context: &Arc<Context>, reason: &str) {
        context.fail(reason);
        let mut contexts = self.code.contexts.lock();
        contexts.remove(&context.id);
        let Some(sandbox) = &context.sandbox else {
            return;
        };
        let of =
            |other: &Arc<Context>| other.sandbox.as_ref().is_some_and(|own| own.id == sandbox.id);
        if contexts.values().any(of) {
            sandbox.order(json!({ "op": "destroy", "context": context.id }));
        } else {
            sandbox.closed.cancel();
        }
    }

    /// Begins what waits, when nothing runs.
    pub(super) fn code_advance(self: &Arc<Self>, context: &Arc<Context>) {
        let Some(next) = context.next() else {
            return;
        };
        match (next.language, &context.sandbox) {
            (Language::Python, Some(sandbox)) => {
                let Next { command_id, code, .. } = next;
                let order = json!({
                    "op": "execute", "context": context.id, "command": command_id, "code": code,
                });
                if !sandbox.order(order) {
                    context.fail("The Python sandbox does not answer.");
                }
            }
            (Language::Python, None) => context.fail("The context has no interpreter."),
            (Language::Sql, _) => {
                tokio::spawn(self.clone().code_sql(context.clone(), next));
            }
        }
    }

    async fn code_sql(self: Arc<Self>, context: Arc<Context>, next: Next) {
        let Next { command_id, code, ctx, cancel, .. } = next;
        let runner = self.code.sql.read().clone();
        let ran = async {
            let runner = runner.ok_or_else(|| ApiError::unsupported("SQL in a context"))?;
            let none = || ApiError::denied("You may use no SQL warehouse in this workspace.");
            let warehouse = self.code_warehouse(&ctx).await?.ok_or_else(none)?;
            runner.run(&ctx, &warehouse, &code, SQL_ROWS_MAX, cancel.clone()).await
        };
        let results = match ran.await {
            Ok(table) => result::of_sql(&table),
            Err(error) => result::failure(error.code.as_str(), &error.message, ""),
        };
        context.finish(&command_id, cancel.is_cancelled(), |_| results);
        self.code_advance(&context);
    }

    /// The user's default, a running one, or the first.
    async fn code_warehouse(&self, ctx: &Ctx) -> Result<Option<WarehouseId>> {
        if let Ok(own) = self.warehouse_override_get(ctx, "me").await
            && let Some(id) = own.warehouse_id.and_then(|id| id.parse().ok())
        {
            return Ok(Some(id));
        }
        let all = self.warehouse_list(ctx, None, None).await?.warehouses;
        let running = all.iter().find(|one| one.state == WarehouseState::Running);
        Ok(running.or_else(|| all.first()).map(|one| one.id.clone()))
    }
}
