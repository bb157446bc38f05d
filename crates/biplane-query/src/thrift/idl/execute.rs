//! Running a statement and watching it.

use super::super::codec::{thrift_enum, thrift_struct};
use super::results::{TFetchResultsResp, TGetResultSetMetadataResp};
use super::session::{TNamespace, TOperationHandle, TSessionHandle, TStatus, TStatusResp};
use std::collections::BTreeMap;

thrift_enum! {
    enum TJobExecutionStatus {
        IN_PROGRESS = 0,
        COMPLETE = 1,
        NOT_AVAILABLE = 2,
    }

    enum TOperationState {
        INITIALIZED = 0,
        RUNNING = 1,
        FINISHED = 2,
        CANCELED = 3,
        CLOSED = 4,
        ERROR = 5,
        UNKNOWN = 6,
        PENDING = 7,
        TIMEDOUT = 8,
    }
}

thrift_struct! {
    struct TSparkGetDirectResults {
        1: required max_rows: i64,
        2: optional max_bytes: i64,
    }

    struct TSparkArrowTypes {
        1: optional timestamp_as_arrow: bool,
        2: optional decimal_as_arrow: bool,
        3: optional complex_types_as_arrow: bool,
        4: optional interval_types_as_arrow: bool,
        5: optional null_type_as_arrow: bool,
    }

    /// A union.
    struct TSparkParameterValue {
        1: optional string_value: String,
        2: optional double_value: f64,
        3: optional boolean_value: bool,
    }

    struct TSparkParameterValueArg {
        1: optional r#type: String,
        2: optional value: String,
        3: optional arguments: Vec<TSparkParameterValueArg>,
    }

    struct TSparkParameter {
        1: optional ordinal: i32,
        2: optional name: String,
        3: optional r#type: String,
        4: optional value: TSparkParameterValue,
        5: optional arguments: Vec<TSparkParameterValueArg>,
    }

    struct TStatementConf {
        1: optional sessionless: bool,
        2: optional initial_namespace: TNamespace,
        3: optional client_protocol: i32,
        4: optional client_protocol_i64: i64,
    }

    struct TExecuteStatementReq {
        1: required session_handle: TSessionHandle,
        2: required statement: String,
        3: optional conf_overlay: BTreeMap<String, String>,
        4: optional run_async: bool,
        5: optional query_timeout: i64,
        1281: optional get_direct_results: TSparkGetDirectResults,
        1282: optional can_read_arrow_result: bool,
        1283: optional can_download_result: bool,
        1284: optional can_decompress_lz4_result: bool,
        1285: optional max_bytes_per_file: i64,
        1286: optional use_arrow_native_types: TSparkArrowTypes,
        1287: optional result_row_limit: i64,
        1288: optional parameters: Vec<TSparkParameter>,
        1289: optional max_bytes_per_batch: i64,
        1296: optional statement_conf: TStatementConf,
        3353: optional enforce_embedded_schema_correctness: bool,
    }

    struct TSparkDirectResults {
        1: optional operation_status: TGetOperationStatusResp,
        2: optional result_set_metadata: TGetResultSetMetadataResp,
        3: optional result_set: TFetchResultsResp,
        4: optional close_operation: TStatusResp,
    }

    /// Of ExecuteStatement and of every metadata call.
    struct TOperationResp {
        1: required status: TStatus,
        2: optional operation_handle: TOperationHandle,
        1281: optional direct_results: TSparkDirectResults,
    }

    /// A table of stages in the original; here one row, of the statement as a whole.
    struct TProgressUpdateResp {
        1: required header_names: Vec<String>,
        2: required rows: Vec<Vec<String>>,
        3: required progressed_percentage: f64,
        4: required status: TJobExecutionStatus,
        5: required footer_summary: String,
        6: required start_time: i64,
    }

    struct TGetOperationStatusReq {
        1: required operation_handle: TOperationHandle,
        2: optional get_progress_update: bool,
    }

    struct TGetOperationStatusResp {
        1: required status: TStatus,
        2: optional operation_state: TOperationState,
        3: optional sql_state: String,
        4: optional error_code: i32,
        5: optional error_message: String,
        6: optional task_status: String,
        7: optional operation_started: i64,
        8: optional operation_completed: i64,
        9: optional has_result_set: bool,
        10: optional progress_update_response: TProgressUpdateResp,
        11: optional num_modified_rows: i64,
        1281: optional display_message: String,
        1282: optional diagnostic_info: String,
        1283: optional error_details_json: String,
    }

    /// Of CancelOperation, CloseOperation and GetResultSetMetadata.
    struct TOperationReq {
        1: required operation_handle: TOperationHandle,
    }
}
