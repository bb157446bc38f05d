//! The services, made and joined, and the routers in front of them.

use crate::config::ServerConfig;
use crate::edge::{self, Edge, Operations};
use crate::{reach, web, wiring};
use anyhow::Context;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::{Router, middleware};
use biplane_catalog::Catalog;
use biplane_compute::{ClusterConfig, Compute, ComputeConfig, RelayCa};
use biplane_identity::Identity;
use biplane_platform::audit::AuditSink;
use biplane_platform::trace::Tracer;
use biplane_platform::{Clock, Db, keys};
use biplane_query::Query;
use biplane_query::thrift::Thrift;
use biplane_workspace::Workspace;
use biplane_workspace::objects::Objects;
use biplane_workspace::secrets::Secrets;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, OpenApiBuilder, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

/// Statements are up to 16 MiB, and their JSON is larger.
const BODY_BYTES_MAX: usize = 40 << 20;

pub struct Services {
    pub identity: Arc<Identity>,
    pub catalog: Arc<Catalog>,
    pub workspace: Arc<Workspace>,
    pub objects: Arc<Objects>,
    pub secrets: Arc<Secrets>,
    pub compute: Arc<Compute>,
    pub query: Arc<Query>,
    pub thrift: Arc<Thrift>,
    pub relay_ca: Arc<RelayCa>,
}

impl Services {
    pub async fn start(
        config: &ServerConfig,
        db: &Db,
        clock: &Clock,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let identity = Identity::new(db.clone(), clock.clone(), wiring::identity_config(config))
            .await
            .map_err(wiring::told)?;
        let catalog = wiring::catalog(config, db, clock, &identity)?;
        let key = keys::signing_key(db, clock, "uploads").await.map_err(wiring::told)?;
        let volumes = Arc::new(wiring::CatalogVolumes(catalog.clone(), identity.clone()));
        let workspace =
            Workspace::new(volumes, clock.clone(), config.data_dir.join("uploads"), key);
        let limits = ComputeConfig {
            workspace_limits: config.workspace_limits.clone(),
            lease: config.node_lease,
            clusters: ClusterConfig {
                boot_wait: config.hosts.boot_wait,
                launch_wait: config.hosts.launch_wait,
                ..ClusterConfig::default()
            },
            ..ComputeConfig::default()
        };
        let compute = Compute::start(db.clone(), clock.clone(), limits, stop.clone())
            .await
            .map_err(wiring::told)?;
        compute.set_tenancies(Arc::new(wiring::IdentityTenancies(identity.clone())));
        compute.set_reaches(Arc::new(reach::WorkspaceReaches {
            identity: identity.clone(),
            catalog: catalog.clone(),
        }));
        let secrets = wiring::secrets(db, clock, &identity).await.map_err(wiring::told)?;
        let objects = Objects::new(db.clone(), clock.clone());
        identity.set_containers(Arc::new(wiring::ObjectContainers(objects.clone())));
        compute.set_supplies(Arc::new(wiring::ClusterSupplies {
            identity: identity.clone(),
            workspace: workspace.clone(),
            objects: objects.clone(),
            secrets: secrets.clone(),
            catalog: catalog.clone(),
        }));
        compute.set_places(Arc::new(crate::places::WorkspacePlaces {
            identity: identity.clone(),
            cloud: config.cloud.clone(),
        }));
        let relay_ca = RelayCa::load(db, &config.data_dir.join("tls"), clock.clone())
            .await
            .context("the relay's authority")?;
        let relay_ca = Arc::new(relay_ca);
        compute.set_authority(relay_ca.clone());
        let query = wiring::query(config, db, clock, &compute, &catalog, &workspace).await?;
        compute.set_sql_runner(Arc::new(crate::code::ContextSql(Arc::downgrade(&query))));
        catalog.set_system_source(Arc::new(crate::system::ServiceRows {
            account_id: identity.account_id().to_string(),
            db: db.clone(),
            compute: compute.clone(),
            query: query.clone(),
        }));
        let names = Arc::new(wiring::CatalogNames(catalog.clone()));
        let thrift = Thrift::new(&query, names).await.map_err(wiring::told)?;
        if let Some(cloud) = &config.cloud {
            identity.set_cloud(Arc::new(crate::cloud::ProviderCloud(cloud.clone())));
        }
        identity.on_workspace_created(Arc::new(wiring::FurnishWorkspace {
            db: db.clone(),
            catalog: catalog.clone(),
            compute: compute.clone(),
        }));
        identity.on_workspace_deleting(Arc::new(wiring::ForgetWorkspace {
            query: query.clone(),
            compute: compute.clone(),
            catalog: catalog.clone(),
            objects: objects.clone(),
            secrets: secrets.clone(),
        }));
        identity.on_principal_deleting(Arc::new(wiring::ForgetGrants(catalog.clone())));
        Ok(Self {
            identity,
            catalog,
            workspace,
            objects,
            secrets,
            compute,
            query,
            thrift,
            relay_ca,
        })
    }

    fn documented(&self) -> OpenApiRouter {
        OpenApiRouter::with_openapi(description())
            .merge(self.identity.public_routes())
            .merge(self.identity.routes())
            .merge(self.catalog.routes())
            .merge(self.workspace.routes())
            .merge(self.objects.routes())
            .merge(self.secrets.routes())
            .merge(self.compute.clone().routes())
            .merge(self.query.routes())
    }
}

fn description() -> OpenApi {
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let mut components = Components::new();
    components.add_security_scheme("bearer", bearer);
    OpenApiBuilder::new()
        .info(Info::new("Biplane", env!("CARGO_PKG_VERSION")))
        .components(Some(components))
        .security(Some([SecurityRequirement::new("bearer", Vec::<String>::new())]))
        .build()
}

/// The router of public listeners, and the one that engines call through the relay.
pub fn routers(
    services: &Services,
    config: &ServerConfig,
    audit: AuditSink,
    tracer: Option<Tracer>,
    clock: Clock,
) -> anyhow::Result<(Router, Router)> {
    let (router, api) = services.documented().split_for_parts();
    let edge = Arc::new(Edge {
        identity: services.identity.clone(),
        audit,
        tracer,
        operations: Operations::of(&api),
        clock,
        trusted_proxies: config.trusted_proxies.clone(),
    });
    // Bytes, not the tree they came from: that one is megabytes, and routers clone what handlers hold.
    let api = Bytes::from(serde_json::to_vec(&api).context("the API description")?);
    let plain = router
        .merge(services.thrift.routes())
        .merge(services.compute.clone().spark_routes())
        .route("/healthz", get(async || "ok"))
        .route("/openapi.json", get(async move || ([(CONTENT_TYPE, "application/json")], api)));
    let calls = plain.clone().merge(services.catalog.internal_routes());
    Ok((finish(plain.fallback(web::fallback), &edge), finish(calls, &edge)))
}

fn finish(router: Router, edge: &Arc<Edge>) -> Router {
    router
        .method_not_allowed_fallback(edge::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(CatchPanicLayer::custom(edge::panicked))
        .layer(middleware::from_fn_with_state(edge.clone(), edge::edge))
}
