//! The calls of JDBC's DatabaseMetaData. All answer a `TOperationResp`.

use super::super::codec::thrift_struct;
use super::execute::TSparkGetDirectResults;
use super::session::TSessionHandle;

thrift_struct! {
    /// Of GetTypeInfo, GetCatalogs and GetTableTypes.
    struct TGetPlainReq {
        1: required session_handle: TSessionHandle,
        1281: optional get_direct_results: TSparkGetDirectResults,
        1282: optional run_async: bool,
    }

    struct TGetSchemasReq {
        1: required session_handle: TSessionHandle,
        2: optional catalog_name: String,
        3: optional schema_name: String,
        1281: optional get_direct_results: TSparkGetDirectResults,
        1282: optional run_async: bool,
    }

    struct TGetTablesReq {
        1: required session_handle: TSessionHandle,
        2: optional catalog_name: String,
        3: optional schema_name: String,
        4: optional table_name: String,
        5: optional table_types: Vec<String>,
        1281: optional get_direct_results: TSparkGetDirectResults,
        1282: optional run_async: bool,
    }

    struct TGetColumnsReq {
        1: required session_handle: TSessionHandle,
        2: optional catalog_name: String,
        3: optional schema_name: String,
        4: optional table_name: String,
        5: optional column_name: String,
        1281: optional get_direct_results: TSparkGetDirectResults,
        1282: optional run_async: bool,
    }

    struct TGetFunctionsReq {
        1: required session_handle: TSessionHandle,
        2: optional catalog_name: String,
        3: optional schema_name: String,
        4: required function_name: String,
        1281: optional get_direct_results: TSparkGetDirectResults,
        1282: optional run_async: bool,
    }

    struct TGetPrimaryKeysReq {
        1: required session_handle: TSessionHandle,
        2: optional catalog_name: String,
        3: optional schema_name: String,
        4: optional table_name: String,
        1281: optional get_direct_results: TSparkGetDirectResults,
        1282: optional run_async: bool,
    }

    struct TGetCrossReferenceReq {
        1: required session_handle: TSessionHandle,
        2: optional parent_catalog_name: String,
        3: optional parent_schema_name: String,
        4: optional parent_table_name: String,
        5: optional foreign_catalog_name: String,
        6: optional foreign_schema_name: String,
        7: optional foreign_table_name: String,
        1281: optional get_direct_results: TSparkGetDirectResults,
        1282: optional run_async: bool,
    }
}
