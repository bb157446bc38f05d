//! The DataFusion session of a statement: configuration, functions, planners, stores.

use datafusion::common::plan_datafusion_err;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::optimizer::{Analyzer, Optimizer};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use datafusion_spark::SessionStateBuilderSpark;
use object_store::ObjectStore;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

use super::relations::SparkRelations;
use crate::config::EngineConfig;

/// What of a session's configuration changes how plans are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub ansi: bool,
    pub time_zone: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { ansi: true, time_zone: "Etc/UTC".to_owned() }
    }
}

impl Settings {
    /// The time zone of timestamps in plans. Delta stores UTC under this very name.
    pub fn plan_zone(&self) -> Arc<str> {
        match self.time_zone.as_str() {
            "Etc/UTC" | "UTC" | "GMT" | "Z" | "+00:00" | "Etc/GMT" => "UTC".into(),
            other => other.into(),
        }
    }

    pub fn apply(&self, mut config: SessionConfig) -> SessionConfig {
        let options = config.options_mut();
        options.execution.time_zone = Some(self.plan_zone().to_string());
        options.execution.enable_ansi_mode = self.ansi;
        config
    }
}

/// Made once per engine and copied for each statement.
pub fn template(config: &EngineConfig, runtime: Arc<RuntimeEnv>) -> SessionState {
    let mut session = SessionConfig::new()
        .with_target_partitions(config.partitions())
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    let options = session.options_mut();
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.enable_ident_normalization = true;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.default_null_ordering = "nulls_min".to_owned();
    // `first(x)` of a sorted subquery takes the first.
    options.sql_parser.enable_subquery_sort_elimination = false;
    options.execution.parquet.schema_force_view_types = true;
    options.execution.parquet.pushdown_filters = false;
    options.execution.collect_statistics = true;
    // `join_order` has chosen the sides.
    options.optimizer.join_reordering = false;
    let mut builder = SessionStateBuilder::new()
        .with_config(session)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_query_planner(super::planner::query_planner())
        .with_spark_features();
    // These two lose track of columns where a field of a struct is taken beside `*`.
    let mut rules = Optimizer::new().rules;
    rules.retain(|rule| {
        !matches!(rule.name(), "extract_leaf_expressions" | "push_down_leaf_projections")
    });
    rules.insert(0, super::correlated::optimizer_rule());
    rules.push(super::crossing::optimizer_rule());
    builder = builder.with_optimizer_rules(super::deadline::between(rules));
    let mut rules = PhysicalOptimizer::new().rules;
    rules.insert(0, super::sharing::rule());
    builder = builder.with_physical_optimizer_rules(rules);
    // The first planner that answers wins.
    builder.relation_planners().get_or_insert_default().insert(0, Arc::new(SparkRelations));
    let mut rules = Analyzer::new().rules;
    rules.insert(0, Arc::new(super::together::ComeTogether));
    rules.insert(0, Arc::new(super::frames::DaysOfFrames));
    builder = builder.with_analyzer_rules(rules);
    for rule in super::analyzer_rules() {
        builder = builder.with_analyzer_rule(rule);
    }
    let mut state = builder.build();
    // It would tell where the files of a table lie.
    let _ = state.deregister_udf("input_file_name");
    let _ = state.register_udf(super::operators::type_of());
    let _ = biplane_functions::register(&mut state);
    let _ = super::text::register(&mut state);
    let _ = super::bounds::register(&mut state);
    let _ = super::registry::settle(&mut state);
    state
}

/// Stores of one statement. Unlike DataFusion's own registry it begins empty: not even the local
/// file system can be reached before a resolved location was registered.
#[derive(Debug, Default)]
pub struct StatementStores(RwLock<HashMap<String, Arc<dyn ObjectStore>>>);

fn key(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.authority())
}

impl ObjectStoreRegistry for StatementStores {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.0.write().insert(key(url), store)
    }

    fn get_store(&self, url: &Url) -> datafusion::common::Result<Arc<dyn ObjectStore>> {
        self.0.read().get(&key(url)).cloned().ok_or_else(|| {
            plan_datafusion_err!(
                "no storage of the kind {} is open to this statement",
                url.scheme()
            )
        })
    }
}
