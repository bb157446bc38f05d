//! OpenSession, CloseSession, GetInfo, and finding the session of a call.

use super::Thrift;
use super::failure::{Failure, Result, success};
use super::handles::{Kind, uuid_of};
use super::idl::*;
use crate::sessions::{OpenSession, SqlSession};
use biplane_api::ids::{SqlSessionId, WarehouseId};
use biplane_platform::{ApiError, Ctx, ErrorCode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// SPARK_CLI_SERVICE_PROTOCOL_V1 and V9.
const PROTOCOL_VERSION_MIN: i32 = 42241;
pub const PROTOCOL_VERSION: i32 = 42249;
/// For clients that name no version of this family: parameters work from V8 on.
const PROTOCOL_VERSION_UNNAMED: i32 = 42248;
/// Settings of the transport that are decided per statement, and prefixes of JDBC drivers.
const CONF_OF_TRANSPORT: &str = "spark.thriftserver.";
const CONF_PREFIX: &str = "set:hiveconf:";
const CONF_USE_SCHEMA: &str = "use:database";

pub async fn open(
    thrift: &Thrift,
    ctx: &Ctx,
    compute_id: &str,
    request: TOpenSessionReq,
) -> Result<TOpenSessionResp> {
    let warehouse_id = warehouse(compute_id)?;
    let version = negotiate(&request);
    let mut namespace = request.initial_namespace.unwrap_or_default();
    let mut conf = BTreeMap::new();
    for (key, value) in request.configuration.unwrap_or_default() {
        let key = key.strip_prefix(CONF_PREFIX).map_or(key.as_str(), |key| key);
        if key == CONF_USE_SCHEMA {
            namespace.schema_name.get_or_insert(value);
        } else if !key.starts_with(CONF_OF_TRANSPORT) {
            conf.insert(key.to_owned(), value);
        }
    }
    let catalog = namespace.catalog_name.filter(|name| !name.is_empty());
    let schema = namespace.schema_name.filter(|name| !name.is_empty());
    check_namespace(thrift, ctx, catalog.as_deref(), schema.as_deref()).await?;
    let open = OpenSession { warehouse_id, catalog, schema, conf, client_application: None };
    let session = thrift.sessions.open(ctx, open).await?;
    let settings = session.settings();
    let infos = request.get_infos.unwrap_or_default();
    Ok(TOpenSessionResp {
        status: success(),
        server_protocol_version: version,
        session_handle: Some(TSessionHandle {
            session_id: thrift.handles.make(Kind::Session, uuid_of(session.id.as_str())?),
            server_protocol_version: Some(version),
        }),
        configuration: Some(BTreeMap::new()),
        get_infos: (!infos.is_empty())
            .then(|| infos.iter().map(|kind| info(ctx, *kind).unwrap_or_default()).collect()),
        initial_namespace: Some(TNamespace {
            catalog_name: settings.catalog,
            schema_name: settings.schema,
        }),
        can_use_multiple_catalogs: Some(true),
    })
}

/// A session may begin in this catalog and schema. The texts are those clients look for. A schema that is
/// not there yet is taken: dbt makes it in the session that it opened in it.
async fn check_namespace(
    thrift: &Thrift,
    ctx: &Ctx,
    catalog: Option<&str>,
    schema: Option<&str>,
) -> Result<()> {
    let absent = |error: ApiError, text: String| match error.code.http_status().is_client_error() {
        true => Failure::new("42704", format!("{text}: {}", error.message)),
        false => error.into(),
    };
    if let Some(catalog) = catalog {
        thrift.names.check(ctx, catalog, None).await.map_err(|error| {
            absent(error, format!("[NO_SUCH_CATALOG_EXCEPTION] Catalog '{catalog}' was not found"))
        })?;
    }
    if let Some(schema) = schema {
        let catalog = match catalog {
            Some(catalog) => catalog.to_owned(),
            None => thrift.statements.homes.home(ctx.workspace()?).await?.default_catalog,
        };
        match thrift.names.check(ctx, &catalog, Some(schema)).await {
            Err(error) if error.code == ErrorCode::SchemaDoesNotExist => {}
            checked => checked.map_err(|error| {
                let text =
                    format!("[SCHEMA_NOT_FOUND] The schema `{catalog}`.`{schema}` cannot be found");
                absent(error, text)
            })?,
        }
    }
    Ok(())
}

/// Clusters and warehouses have ids of different shape; only warehouses run SQL so far.
fn warehouse(compute_id: &str) -> Result<WarehouseId> {
    compute_id.parse().map_err(|_| {
        Failure::new(
            "HY000",
            "[RESOURCE_DOES_NOT_EXIST] The HTTP path must end in the id of a SQL warehouse \
             (16 hexadecimal digits): /sql/1.0/warehouses/<id>. Clusters are not supported.",
        )
    })
}

/// The lower of the client's and ours.
fn negotiate(request: &TOpenSessionReq) -> i32 {
    let asked = request.client_protocol_i64.and_then(|version| i32::try_from(version).ok());
    match asked.or(request.client_protocol) {
        Some(version) if version >= PROTOCOL_VERSION_MIN => version.min(PROTOCOL_VERSION),
        _ => PROTOCOL_VERSION_UNNAMED,
    }
}

/// Closing twice, or what has expired, says so: connectors log it and go on.
pub async fn close(thrift: &Thrift, ctx: &Ctx, request: TCloseSessionReq) -> Result<TStatusResp> {
    let session = find(thrift, ctx, &request.session_handle).await?;
    thrift.sessions.close(ctx, &session.id).await?;
    Ok(TStatusResp { status: success() })
}

/// The session of a handle, if it is the caller's own.
pub async fn find(thrift: &Thrift, ctx: &Ctx, handle: &TSessionHandle) -> Result<Arc<SqlSession>> {
    let id = thrift
        .handles
        .open(Kind::Session, &handle.session_id)
        .and_then(|id| id.to_string().parse::<SqlSessionId>().ok())
        .ok_or_else(|| Failure::invalid_handle("SessionHandle"))?;
    let session = thrift.sessions.get(ctx, &id).await;
    session.map_err(|error| match error.code.http_status().as_u16() {
        404 => Failure::invalid_handle("SessionHandle"),
        _ => error.into(),
    })
}

pub async fn get_info(thrift: &Thrift, ctx: &Ctx, request: TGetInfoReq) -> Result<TGetInfoResp> {
    find(thrift, ctx, &request.session_handle).await?;
    let value = info(ctx, request.info_type)
        .ok_or_else(|| Failure::unsupported(&format!("GetInfo of type {}", request.info_type.0)))?;
    Ok(TGetInfoResp { status: success(), info_value: value })
}

fn info(ctx: &Ctx, kind: TGetInfoType) -> Option<TGetInfoValue> {
    let text =
        |text: &str| TGetInfoValue { string_value: Some(text.to_owned()), ..Default::default() };
    let small = |number| TGetInfoValue { small_int_value: Some(number), ..Default::default() };
    let length = |number| TGetInfoValue { len_value: Some(number), ..Default::default() };
    Some(match kind {
        // Tools choose their SQL dialect by this name.
        TGetInfoType::SERVER_NAME | TGetInfoType::DBMS_NAME => text("Spark SQL"),
        TGetInfoType::DATA_SOURCE_NAME => text("Biplane"),
        TGetInfoType::DBMS_VER => text(env!("CARGO_PKG_VERSION")),
        TGetInfoType::DATA_SOURCE_READ_ONLY => text("N"),
        TGetInfoType::IDENTIFIER_QUOTE_CHAR => text("`"),
        TGetInfoType::SEARCH_PATTERN_ESCAPE => text("\\"),
        TGetInfoType::SPECIAL_CHARACTERS => text(""),
        TGetInfoType::USER_NAME => text(&ctx.principal.name),
        // SQL_IC_LOWER, SQL_NC_LOW, SQL_TC_NONE, no limit.
        TGetInfoType::IDENTIFIER_CASE => small(2),
        TGetInfoType::NULL_COLLATION => small(1),
        TGetInfoType::TXN_CAPABLE | TGetInfoType::MAX_CONCURRENT_ACTIVITIES => small(0),
        TGetInfoType::MAX_COLUMN_NAME_LEN
        | TGetInfoType::MAX_SCHEMA_NAME_LEN
        | TGetInfoType::MAX_CATALOG_NAME_LEN
        | TGetInfoType::MAX_TABLE_NAME_LEN
        | TGetInfoType::MAX_IDENTIFIER_LEN => length(255),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(i64_version: Option<i64>, version: Option<i32>) -> i32 {
        negotiate(&TOpenSessionReq {
            client_protocol_i64: i64_version,
            client_protocol: version,
            ..Default::default()
        })
    }

    #[test]
    fn the_lower_version_is_spoken() {
        assert_eq!(asks(Some(42247), Some(-7)), 42247);
        assert_eq!(asks(Some(42300), None), PROTOCOL_VERSION);
        assert_eq!(asks(None, Some(42245)), 42245);
        for unnamed in [asks(None, Some(-7)), asks(Some(i64::MAX), None), asks(None, Some(9))] {
            assert_eq!(unnamed, PROTOCOL_VERSION_UNNAMED);
        }
    }
}
