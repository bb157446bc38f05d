//! From the name of a method to its implementation.

use super::codec::{ApplicationError, Call, ErrorKind, Wire, reply};
use super::failure::{Answer, Failure, Result};
use super::idl::*;
use super::metadata::{calls, keys};
use super::{Thrift, execute, fetch, session, status};
use biplane_platform::Ctx;
use bytes::Bytes;

/// The reply of a call. Whatever goes wrong inside is a status in it; what cannot be read or is not a
/// method of ours is an application error.
pub async fn dispatch(
    thrift: &Thrift,
    ctx: &Ctx,
    compute_id: &str,
    call: Call,
) -> std::result::Result<Vec<Bytes>, ApplicationError> {
    macro_rules! run {
        ($operation:path $(, $extra:expr)*) => {{
            let envelope = call.envelope();
            let request = read(call)?;
            let result = $operation(thrift, ctx, $($extra,)* request).await;
            Ok(reply(&envelope, &answer(result)))
        }};
    }
    match call.method.as_str() {
        "OpenSession" => run!(session::open, compute_id),
        "CloseSession" => run!(session::close),
        "GetInfo" => run!(session::get_info),
        "ExecuteStatement" => run!(execute::execute),
        "GetOperationStatus" => run!(status::get),
        "GetResultSetMetadata" => run!(fetch::result_set_metadata),
        "FetchResults" => run!(fetch::fetch_results),
        "CancelOperation" => run!(status::cancel),
        "CloseOperation" => run!(status::close),
        "GetTypeInfo" => run!(calls::type_info),
        "GetCatalogs" => run!(calls::catalogs),
        "GetSchemas" => run!(calls::schemas),
        "GetTables" => run!(calls::tables),
        "GetTableTypes" => run!(calls::table_types),
        "GetColumns" => run!(calls::columns),
        "GetFunctions" => run!(calls::functions),
        "GetPrimaryKeys" => run!(keys::primary_keys),
        "GetCrossReference" => run!(keys::cross_reference),
        "GetDelegationToken" | "CancelDelegationToken" | "RenewDelegationToken" => {
            run!(no_delegation_tokens)
        }
        other => Err(ApplicationError::new(
            ErrorKind::UnknownMethod,
            format!("Invalid method name: '{other}'"),
        )),
    }
}

fn read<T: Wire>(call: Call) -> std::result::Result<T, ApplicationError> {
    let method = call.method.clone();
    call.argument().map_err(|error| {
        ApplicationError::new(ErrorKind::ProtocolError, format!("{method}: {error}"))
    })
}

fn answer<T: Answer>(result: Result<T>) -> T {
    result.unwrap_or_else(|failure: Failure| T::failed(failure.status()))
}

async fn no_delegation_tokens(
    thrift: &Thrift,
    ctx: &Ctx,
    request: TDelegationTokenReq,
) -> Result<TStatusResp> {
    session::find(thrift, ctx, &request.session_handle).await?;
    Err(Failure::unsupported("A delegation token"))
}
