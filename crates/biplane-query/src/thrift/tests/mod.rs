//! The front end at the wire: HTTP in, Thrift out, a fake engine behind.
mod metadata;
mod statements;
mod world;

use super::idl::*;
use axum::http::StatusCode;
use biplane_platform::testing::admin_ctx;
use bytes::Bytes;
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use world::{WAREHOUSE, World, message};

async fn open(world: &World) -> TSessionHandle {
    let request = TOpenSessionReq { client_protocol_i64: Some(42247), ..Default::default() };
    let opened: TOpenSessionResp = world.call("OpenSession", &request).await;
    assert_eq!(opened.status, TStatus::default());
    opened.session_handle.unwrap()
}

#[tokio::test]
async fn a_session_opens_and_closes_once() {
    let world = World::new().await;
    let request = TOpenSessionReq {
        client_protocol_i64: Some(42248),
        can_use_multiple_catalogs: Some(true),
        configuration: Some(BTreeMap::from([
            ("spark.thriftserver.arrowBasedRowSet.timestampAsString".into(), "false".into()),
            ("set:hiveconf:unheard.of".into(), "1".into()),
            ("QUERY_TAGS".into(), "team:x".into()),
        ])),
        initial_namespace: Some(TNamespace {
            catalog_name: Some("main".into()),
            schema_name: Some("default".into()),
        }),
        ..Default::default()
    };
    let opened: TOpenSessionResp = world.call("OpenSession", &request).await;
    assert_eq!(opened.server_protocol_version, 42248);
    assert_eq!(opened.can_use_multiple_catalogs, Some(true));
    assert_eq!(opened.initial_namespace.unwrap().schema_name.as_deref(), Some("default"));
    let session_handle = opened.session_handle.unwrap();
    assert_eq!(session_handle.session_id.guid.len(), 16);
    let close = TCloseSessionReq { session_handle };
    let closed: TStatusResp = world.call("CloseSession", &close).await;
    assert_eq!(closed.status.status_code, TStatusCode::SUCCESS);
    let again: TStatusResp = world.call("CloseSession", &close).await;
    assert_eq!(again.status.status_code, TStatusCode::INVALID_HANDLE);
    assert!(again.status.error_message.unwrap().contains("Invalid SessionHandle"));
}

#[tokio::test]
async fn an_unknown_catalog_or_warehouse_opens_nothing() {
    let world = World::new().await;
    let request = |catalog: Option<&str>, schema: Option<&str>| TOpenSessionReq {
        initial_namespace: Some(TNamespace {
            catalog_name: catalog.map(Into::into),
            schema_name: schema.map(Into::into),
        }),
        ..Default::default()
    };
    let request_of_nowhere = request(Some("nowhere"), None);
    let opened: TOpenSessionResp = world.call("OpenSession", &request_of_nowhere).await;
    assert_eq!(opened.status.status_code, TStatusCode::ERROR);
    assert!(opened.status.error_message.unwrap().contains("NO_SUCH_CATALOG_EXCEPTION"));
    // The schema may be made in the session.
    let opened: TOpenSessionResp = world.call("OpenSession", &request(None, Some("later"))).await;
    assert_eq!(opened.status.status_code, TStatusCode::SUCCESS);
    assert_eq!(opened.initial_namespace.unwrap().schema_name.as_deref(), Some("later"));
    let body = message("OpenSession", &TOpenSessionReq::default());
    for path in ["/sql/1.0/warehouses/ffffffffffffffff", "/sql/protocolv1/o/1/0123-456789-abcdefgh"]
    {
        let response = world.post(&world.ctx, path, body.clone()).await;
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        assert!(
            answer.windows(14).any(|part| part == b"does not exist" || part == b"must end in th")
        );
    }
}

#[tokio::test]
async fn every_path_of_a_warehouse_is_served() {
    let world = World::new().await;
    let body = message("OpenSession", &TOpenSessionReq::default());
    for path in [
        format!("/sql/1.0/endpoints/{WAREHOUSE}"),
        format!("/sql/1.0/warehouses/{WAREHOUSE}?o=42"),
        format!("/sql/protocolv1/o/42/{WAREHOUSE}"),
    ] {
        let response = world.post(&world.ctx, &path, body.clone()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_session_is_its_owners_alone() {
    let world = World::new().await;
    let session_handle = open(&world).await;
    let mut other = admin_ctx("mallory");
    let principal = std::sync::Arc::make_mut(&mut other.principal);
    principal.id = biplane_api::ids::PrincipalId(7);
    let request = TGetInfoReq { session_handle, info_type: TGetInfoType::DBMS_NAME };
    let own: TGetInfoResp = world.call("GetInfo", &request).await;
    assert_eq!(own.info_value.string_value.as_deref(), Some("Spark SQL"));
    let theirs: TGetInfoResp = world.call_as(&other, "GetInfo", &request).await;
    assert_eq!(theirs.status.status_code, TStatusCode::INVALID_HANDLE);
}

#[tokio::test]
async fn what_is_not_a_call_is_told_so() {
    let world = World::new().await;
    let path = format!("/sql/1.0/warehouses/{WAREHOUSE}");
    let truncated = message("OpenSession", &TOpenSessionReq::default());
    let truncated = truncated.slice(..truncated.len() - 2);
    for body in [Bytes::new(), Bytes::from_static(b"{}"), truncated] {
        let response = world.post(&world.ctx, &path, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(!response.headers()["x-thriftserver-error-message"].is_empty());
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(answer[..4], [0x80, 1, 0, 3]);
    }
    let body = message("LaunchMissiles", &TStatusResp::default());
    let response = world.post(&world.ctx, &path, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer[..4], [0x80, 1, 0, 3]);
}

#[tokio::test]
async fn delegation_tokens_are_refused() {
    let world = World::new().await;
    let request = TDelegationTokenReq { session_handle: open(&world).await };
    let refused: TStatusResp = world.call("GetDelegationToken", &request).await;
    assert!(refused.status.error_message.unwrap().starts_with("[UNSUPPORTED_FEATURE]"));
}
