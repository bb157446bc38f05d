//! A warehouse as callers see it.

use super::slot::{Live, Slot};
use biplane_api::compute::{
    OdbcParams, TerminationReason, WarehouseHealth, WarehouseInfo, WarehouseState,
};
use biplane_platform::Ctx;

impl Slot {
    pub fn view(&self, ctx: &Ctx) -> WarehouseInfo {
        let live = self.live.borrow();
        let (row, spec, state) = (&live.row, &live.row.spec, live.state());
        let odbc_params = address(&ctx.base_url, row.id.as_str());
        let num_clusters = match state {
            WarehouseState::Running => live.serving().count(),
            WarehouseState::Starting => 1,
            _ => 0,
        };
        WarehouseInfo {
            id: row.id.clone(),
            name: row.name.clone(),
            cluster_size: spec.cluster_size.clone(),
            min_num_clusters: spec.min_num_clusters,
            max_num_clusters: spec.max_num_clusters,
            auto_stop_mins: spec.auto_stop_mins,
            warehouse_type: spec.warehouse_type.clone(),
            enable_serverless_compute: spec.enable_serverless_compute,
            enable_photon: spec.enable_photon,
            spot_instance_policy: spec.spot_instance_policy.clone(),
            channel: spec.channel.clone(),
            tags: spec.tags.clone(),
            instance_profile_arn: spec.instance_profile_arn.clone(),
            statement_timeout: spec.statement_timeout,
            creator_name: row.creator_name.clone(),
            state,
            num_clusters: i64::try_from(num_clusters).unwrap_or(i64::MAX),
            num_active_sessions: live.sessions,
            jdbc_url: jdbc_url(&odbc_params),
            odbc_params,
            health: health(&live),
        }
    }
}

fn health(live: &Live) -> WarehouseHealth {
    match (&live.row.failure, &live.trouble) {
        (Some(failure), _) => WarehouseHealth {
            status: "FAILED".into(),
            summary: Some(failure.summary.clone()),
            message: Some(failure.summary.clone()),
            details: Some("The last start was given up. The server's log has the cause.".into()),
            failure_reason: Some(TerminationReason {
                code: failure.code.clone(),
                kind: "SERVICE_FAULT".into(),
            }),
        },
        (None, Some(trouble)) => WarehouseHealth {
            status: "DEGRADED".into(),
            summary: Some(trouble.clone()),
            ..WarehouseHealth::default()
        },
        (None, None) => WarehouseHealth { status: "HEALTHY".into(), ..WarehouseHealth::default() },
    }
}

/// Where drivers connect: the host the caller reached this server at.
fn address(base_url: &str, id: &str) -> OdbcParams {
    let uri = base_url.parse::<http::Uri>().unwrap_or_default();
    let protocol = if uri.scheme_str() == Some("https") { "https" } else { "http" };
    OdbcParams {
        hostname: uri.host().unwrap_or("localhost").to_owned(),
        path: format!("/sql/1.0/warehouses/{id}"),
        port: uri.port_u16().unwrap_or(if protocol == "https" { 443 } else { 80 }),
        protocol: protocol.into(),
    }
}

fn jdbc_url(odbc: &OdbcParams) -> String {
    format!(
        "jdbc:databricks://{}:{}/default;transportMode=http;ssl={};AuthMech=3;httpPath={};",
        odbc.hostname,
        odbc.port,
        u8::from(odbc.protocol == "https"),
        odbc.path
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_where_the_caller_is() {
        let odbc = address("http://127.0.0.1:8080", "abc");
        assert_eq!(
            (odbc.hostname.as_str(), odbc.port, odbc.protocol.as_str()),
            ("127.0.0.1", 8080, "http")
        );
        let odbc = address("https://dbx.example.org", "abc");
        assert_eq!(
            (odbc.hostname.as_str(), odbc.port, odbc.protocol.as_str()),
            ("dbx.example.org", 443, "https")
        );
        assert_eq!(
            jdbc_url(&odbc),
            "jdbc:databricks://dbx.example.org:443/default;transportMode=http;ssl=1;AuthMech=3;httpPath=/sql/1.0/warehouses/abc;"
        );
        assert_eq!(address("https://[::1]:8443", "a").port, 8443);
    }
}
