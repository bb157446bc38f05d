//! Everything one statement may use.

use biplane_api::catalog::system_tables::SYSTEM_FORMAT;
use biplane_api::internal::{
    Access, ResolvePathRequest, ResolveRequest, ResolveResponse, Resolved, ResolvedTable, Storage,
};
use biplane_proto::v1;
use datafusion::catalog::TableProvider;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast;
use deltalake_core::DeltaTable;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::confined::Places;
use crate::control::{CallError, ControlClient, ControlError};
use crate::error::{SqlError, SqlResult};
use crate::output::{Output, QueryStream};
use crate::plan::deadline;
use crate::plan::state::Settings;
use crate::plan::streams::Streams;
use crate::results::Reads;
use crate::runtime::Engine;
use crate::service::{Pruned, StatementPool};
use crate::session::{SESSION, SessionObjects, temporary_name};
use crate::storage::Location;
use crate::variables::{Frame, Variable};

/// Names one call of `resolve` may carry.
const NAMES_MAX: usize = 1_000;

/// One statement while it runs. Cheap to share behind `&`.
pub struct StatementContext {
    pub engine: Arc<Engine>,
    /// Made for this statement; memory, spill space and caches are the engine's.
    pub session: SessionContext,
    /// As the request gave it: catalog, schema, conf, user, groups, workspace, metastore.
    pub state: v1::Session,
    pub settings: Settings,
    pub parameters: Vec<v1::Parameter>,
    /// Temporary views and variables of the session.
    pub objects: Arc<SessionObjects>,
    token: String,
    memory: Arc<StatementPool>,
    pub pruned: Arc<Pruned>,
    changes: Mutex<v1::SessionChange>,
    lineage: Mutex<BTreeSet<(String, String)>>,
    /// Tables read so far, for lineage and history.
    sources: Mutex<BTreeSet<String>>,
    /// Relations that only this statement knows, by names that no user can write.
    relations: Mutex<BTreeMap<String, Arc<dyn TableProvider>>>,
    /// Blocks of the script that runs, innermost last.
    pub frames: Mutex<Vec<Frame>>,
    /// EXECUTE IMMEDIATE inside of each other.
    pub executions: Mutex<usize>,
    pub reads: Mutex<Reads>,
    /// While a streaming table is filled.
    pub streams: Mutex<Option<Arc<Streams>>>,
    /// Where it was let in, by store.
    places: Mutex<HashMap<Arc<str>, Places>>,
    from_cache: AtomicBool,
}

impl StatementContext {
    pub fn new(engine: Arc<Engine>, request: v1::ExecuteRequest) -> SqlResult<Self> {
        let state = request.session.unwrap_or_default();
        let settings = settings(&state);
        let (state_of_plan, memory) = engine.statement_state(&settings);
        let session = SessionContext::new_with_state(state_of_plan);
        Ok(Self {
            objects: engine.sessions.objects(&state.session_id),
            engine,
            session,
            settings,
            state,
            parameters: request.parameters,
            token: request.token,
            memory,
            pruned: Arc::default(),
            changes: Mutex::default(),
            lineage: Mutex::default(),
            sources: Mutex::default(),
            relations: Mutex::default(),
            frames: Mutex::default(),
            executions: Mutex::default(),
            reads: Mutex::default(),
            streams: Mutex::default(),
            places: Mutex::default(),
            from_cache: AtomicBool::new(false),
        })
    }

    // --- the control plane ---

    pub fn control(&self) -> &ControlClient {
        &self.engine.control
    }

    /// The bearer token of this statement, for [`ControlClient`] alone.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// One round trip; the first name that cannot be had fails it.
    pub async fn resolve(
        &self,
        names: &[[String; 3]],
        access: Access,
    ) -> SqlResult<Vec<ResolvedTable>> {
        self.try_resolve(names, access, &[])
            .await?
            .into_iter()
            .map(|found| found.map_err(SqlError::from))
            .collect()
    }

    /// The same, with an answer per name. `via`: views that lead there, outermost first.
    pub async fn try_resolve(
        &self,
        names: &[[String; 3]],
        access: Access,
        via: &[String],
    ) -> SqlResult<Vec<Result<ResolvedTable, ControlError>>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        if names.len() > NAMES_MAX {
            return Err(SqlError::exhausted(format!(
                "a statement may name at most {NAMES_MAX} tables and views"
            )));
        }
        if names.iter().any(|name| name[0] == SESSION) {
            return self.resolve_with_session(names, access, via).await;
        }
        let body = ResolveRequest { names: names.to_vec(), access, via: via.to_vec() };
        let asked = self.control().post("/internal/v1/resolve", &self.token, &body);
        let answer: ResolveResponse = crate::trace::span("resolve", asked).await?;
        if answer.tables.len() != names.len() {
            return Err(SqlError::internal("resolve answered another number of names"));
        }
        let found = answer.tables.into_iter().map(|resolved| match resolved {
            Resolved::Table(table) => Ok(*table),
            Resolved::Error { error_code, message } => {
                Err(ControlError { status: 400, error_code, message })
            }
        });
        Ok(found.collect())
    }

    /// Where some of the names are those of temporary tables.
    async fn resolve_with_session(
        &self,
        names: &[[String; 3]],
        access: Access,
        via: &[String],
    ) -> SqlResult<Vec<Result<ResolvedTable, ControlError>>> {
        let is_own = |name: &&[String; 3]| name[0] == SESSION;
        let others: Vec<[String; 3]> = names.iter().filter(|name| !is_own(name)).cloned().collect();
        let mut others = Box::pin(self.try_resolve(&others, access, via)).await?.into_iter();
        let own = |name: &[String; 3]| {
            let found = self.objects.temp_table(&name[2]).filter(|_| via.is_empty());
            let found = found.map(|it| ResolvedTable { info: it.info, storage: Some(it.storage) });
            found.ok_or_else(|| ControlError {
                status: 404,
                error_code: "TABLE_DOES_NOT_EXIST".to_owned(),
                message: format!("The temporary table {} does not exist", name[2]),
            })
        };
        let found = names.iter().map(|name| match is_own(&name) {
            true => Some(own(name)),
            false => others.next(),
        });
        let found: Option<Vec<_>> = found.collect();
        found.ok_or_else(|| SqlError::internal("resolve answered another number of names"))
    }

    /// A path the statement names: `/Volumes/…`, `s3://…`, `file://…`.
    pub async fn resolve_path(&self, path: &str, access: Access) -> SqlResult<Storage> {
        let body = ResolvePathRequest { path: path.to_owned(), access };
        let found: Result<Storage, CallError> =
            self.control().post("/internal/v1/resolve-path", &self.token, &body).await;
        found.map_err(SqlError::from)
    }

    // --- names ---

    /// Full name in lower case; what is not written comes from the session.
    pub fn qualify(&self, name: &ast::ObjectName) -> SqlResult<[String; 3]> {
        let parts = object_name_parts(name)?;
        self.qualify_parts(&parts)
    }

    /// The same; one name alone may be that of a temporary table.
    pub fn table_parts(&self, parts: &[String]) -> SqlResult<[String; 3]> {
        match parts {
            [one] if self.objects.temp_table(one).is_some() => Ok(temporary_name(one)),
            _ => self.qualify_parts(parts),
        }
    }

    pub fn qualify_parts(&self, parts: &[String]) -> SqlResult<[String; 3]> {
        let lower = |text: &String| text.to_lowercase();
        match parts {
            [table] => Ok([self.catalog(), self.schema(), lower(table)]),
            [schema, table] => Ok([self.catalog(), lower(schema), lower(table)]),
            [catalog, schema, table] => Ok([lower(catalog), lower(schema), lower(table)]),
            _ => {
                let text = format!(
                    "{} is not a valid name: at most three parts are allowed",
                    parts.join(".")
                );
                Err(SqlError::new("IDENTIFIER_TOO_MANY_NAME_PARTS", "42601", text))
            }
        }
    }

    /// Current catalog: what USE in this statement's session set, else the session's.
    pub fn catalog(&self) -> String {
        let changed = self.changes.lock().catalog.clone();
        let name = changed.unwrap_or_else(|| self.state.catalog.clone());
        if name.is_empty() { "main".to_owned() } else { name.to_lowercase() }
    }

    pub fn schema(&self) -> String {
        let changed = self.changes.lock().schema.clone();
        let name = changed.unwrap_or_else(|| self.state.schema.clone());
        if name.is_empty() { "default".to_owned() } else { name.to_lowercase() }
    }

    pub fn conf(&self, key: &str) -> Option<&str> {
        self.state.conf.get(&key.to_lowercase()).map(String::as_str)
    }

    // --- data ---

    /// Opens a place. Registers nothing.
    pub fn location(&self, storage: &Storage) -> SqlResult<Location> {
        let location = self.engine.stores.open(storage)?;
        let places = self.places.lock().entry(location.store.clone()).or_default().clone();
        Ok(location.confined(places))
    }

    /// The session with the footers of one store at hand.
    pub fn state_of(&self, location: &Location) -> SqlResult<SessionState> {
        let runtime = self.session.runtime_env();
        let runtime = self.engine.footers.runtime(location, runtime.as_ref())?;
        let state = SessionStateBuilder::new_from_existing(self.session.state());
        Ok(state.with_runtime_env(runtime).build())
    }

    /// The table at its newest version, loaded.
    pub async fn delta_table(&self, table: &ResolvedTable) -> SqlResult<DeltaTable> {
        let name = &table.info.full_name;
        if table.info.data_source_format.as_deref() == Some(SYSTEM_FORMAT) {
            return Err(SqlError::unsupported(format!("this statement on {name}, a system table")));
        }
        let storage = table.storage.as_ref().ok_or_else(|| {
            let text = format!("{name} is a view; a table is expected");
            SqlError::new("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", text)
        })?;
        let mut delta = self.location(storage)?.delta();
        delta.load().await?;
        Ok(delta)
    }

    // --- plans ---

    /// Plans a query: resolves its names, expands views. The columns carry the names that users see;
    /// they must differ from each other.
    pub async fn plan_query(&self, query: &ast::Query) -> SqlResult<LogicalPlan> {
        let planned = crate::plan::query(self, query).await?;
        crate::plan::renamed(planned.plan, &planned.names)
    }

    /// Plans an expression over the columns of `schema`, which are found in any case of letters.
    pub async fn plan_expr(&self, expr: &ast::Expr, schema: &DFSchema) -> SqlResult<Expr> {
        crate::plan::expr(self, expr, schema).await
    }

    /// The value of an expression that names no column.
    pub async fn constant(&self, expr: &ast::Expr) -> SqlResult<ScalarValue> {
        crate::plan::constant(self, expr).await
    }

    /// How SQL types of casts and column definitions become Arrow types.
    pub fn types(&self) -> Arc<dyn TypePlanner> {
        crate::plan::spark_types(self.settings.plan_zone())
    }

    pub async fn physical(&self, plan: LogicalPlan) -> SqlResult<Arc<dyn ExecutionPlan>> {
        let state = self.session.state();
        Ok(deadline::start(state.create_physical_plan(&plan)).await?)
    }

    /// For running a plan. It carries no functions: the plan has those it needs.
    pub fn task_context(&self) -> Arc<TaskContext> {
        Arc::new(TaskContext::new(
            None,
            self.session.session_id(),
            self.session.copied_config(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            self.session.runtime_env(),
        ))
    }

    pub async fn execute(&self, plan: LogicalPlan) -> SqlResult<SendableRecordBatchStream> {
        let physical = self.physical(plan).await?;
        Ok(execute_stream(physical, self.task_context())?)
    }

    /// A query as the statement itself.
    pub async fn query(&self, query: ast::Query) -> SqlResult<Output> {
        let planned = crate::plan::query(self, &query).await?;
        let names = Some(planned.names);
        let key = crate::results::key(self, &query, &planned.plan);
        if let Some(stream) = key.as_ref().and_then(|key| self.engine.results.get(key)) {
            self.from_cache.store(true, Ordering::Relaxed);
            return Ok(Output::Stream(QueryStream { stream, plan: None, names }));
        }
        let physical = self.physical(planned.plan).await?;
        let mut stream = execute_stream(physical.clone(), self.task_context())?;
        if let Some(key) = key {
            stream = self.engine.results.keeping(key, stream);
        }
        Ok(Output::Stream(QueryStream { stream, plan: Some(physical), names }))
    }

    // --- variables ---

    pub fn variable(&self, parts: &[String]) -> Option<Variable> {
        self.with_variable(parts, |variable| variable.clone())
    }

    /// `v`, `label.v`, `session.v` or `system.session.v`.
    pub fn with_variable<T>(
        &self,
        parts: &[String],
        with: impl FnOnce(&mut Variable) -> T,
    ) -> Option<T> {
        let is = |part: &String, word: &str| part.eq_ignore_ascii_case(word);
        let (label, name) = match parts {
            [name] => (None, name),
            [label, name] => (Some(label), name),
            [catalog, label, name] if is(catalog, "system") && is(label, "session") => {
                (Some(label), name)
            }
            _ => return None,
        };
        let mut frames = self.frames.lock();
        let mut visible = frames.iter_mut().rev().filter(|frame| match (label, &frame.label) {
            (Some(label), Some(own)) => own.eq_ignore_ascii_case(label),
            (Some(_), None) => false,
            (None, _) => true,
        });
        if let Some(found) = visible.find_map(|frame| frame.variables.get_mut(name)) {
            return Some(with(found));
        }
        if label.is_none_or(|label| is(label, "session")) {
            return self.objects.variables.lock().get_mut(name).map(with);
        }
        None
    }

    // --- what the statement leaves behind ---

    pub fn set_catalog(&self, name: &str) {
        self.changes.lock().catalog = Some(name.to_lowercase());
    }

    pub fn set_schema(&self, name: &str) {
        self.changes.lock().schema = Some(name.to_lowercase());
    }

    pub fn set_conf(&self, key: &str, value: &str) {
        let mut changes = self.changes.lock();
        changes.unset_conf.retain(|unset| unset != &key.to_lowercase());
        changes.set_conf.insert(key.to_lowercase(), value.to_owned());
    }

    pub fn unset_conf(&self, key: &str) {
        let mut changes = self.changes.lock();
        changes.set_conf.remove(&key.to_lowercase());
        changes.unset_conf.push(key.to_lowercase());
    }

    pub fn add_source(&self, full_name: &str) {
        if !full_name.starts_with(SESSION) {
            self.sources.lock().insert(full_name.to_owned());
        }
    }

    /// Gives a relation a name for this statement: the files of a COPY INTO.
    pub fn put_relation(&self, name: &str, relation: Arc<dyn TableProvider>) {
        self.relations.lock().insert(name.to_owned(), relation);
    }

    pub fn relation(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.relations.lock().get(name).cloned()
    }

    /// Everything read so far flows into `target`.
    pub fn add_target(&self, full_name: &str) {
        if full_name.starts_with(SESSION) {
            return;
        }
        let sources = self.sources.lock().clone();
        let mut lineage = self.lineage.lock();
        lineage.extend(sources.into_iter().map(|source| (source, full_name.to_owned())));
    }

    /// None when nothing changed.
    pub(crate) fn take_changes(&self) -> Option<v1::SessionChange> {
        let changes = std::mem::take(&mut *self.changes.lock());
        (changes != v1::SessionChange::default()).then_some(changes)
    }

    /// The rows were there already, from the same query before.
    pub(crate) fn answered_before(&self) -> bool {
        self.from_cache.load(Ordering::Relaxed)
    }

    pub(crate) fn peak_memory_bytes(&self) -> u64 {
        self.memory.peak() as u64
    }

    pub(crate) fn take_lineage(&self) -> Vec<v1::Lineage> {
        let lineage = std::mem::take(&mut *self.lineage.lock());
        let pairs: Vec<(String, String)> = if lineage.is_empty() {
            self.sources.lock().iter().map(|source| (source.clone(), String::new())).collect()
        } else {
            lineage.into_iter().collect()
        };
        pairs
            .into_iter()
            .map(|(source_table, target_table)| v1::Lineage { source_table, target_table })
            .collect()
    }
}

/// The parts of a name as written, without quotes.
pub fn object_name_parts(name: &ast::ObjectName) -> SqlResult<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ast::ObjectNamePart::Identifier(ident) => Ok(ident.value.clone()),
            ast::ObjectNamePart::Function(_) => {
                Err(SqlError::unsupported("a function as a part of a name"))
            }
        })
        .collect()
}

fn settings(session: &v1::Session) -> Settings {
    let conf = |key: &str| session.conf.get(key).map(|value| value.trim());
    Settings {
        ansi: !conf("ansi_mode").is_some_and(|value| value.eq_ignore_ascii_case("false")),
        time_zone: conf("timezone").filter(|zone| !zone.is_empty()).unwrap_or("Etc/UTC").to_owned(),
    }
}
