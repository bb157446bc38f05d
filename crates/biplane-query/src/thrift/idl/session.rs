//! Status, handles, and the calls that open, close and describe a session.

use super::super::codec::{thrift_enum, thrift_struct};
use bytes::Bytes;
use std::collections::BTreeMap;

thrift_enum! {
    enum TStatusCode {
        SUCCESS = 0,
        SUCCESS_WITH_INFO = 1,
        STILL_EXECUTING = 2,
        ERROR = 3,
        INVALID_HANDLE = 4,
    }

    enum TOperationType {
        EXECUTE_STATEMENT = 0,
        GET_TYPE_INFO = 1,
        GET_CATALOGS = 2,
        GET_SCHEMAS = 3,
        GET_TABLES = 4,
        GET_TABLE_TYPES = 5,
        GET_COLUMNS = 6,
        GET_FUNCTIONS = 7,
        UNKNOWN = 8,
    }

    /// What GetInfo asks for (those we answer).
    enum TGetInfoType {
        MAX_CONCURRENT_ACTIVITIES = 1,
        DATA_SOURCE_NAME = 2,
        SERVER_NAME = 13,
        SEARCH_PATTERN_ESCAPE = 14,
        DBMS_NAME = 17,
        DBMS_VER = 18,
        DATA_SOURCE_READ_ONLY = 25,
        IDENTIFIER_CASE = 28,
        IDENTIFIER_QUOTE_CHAR = 29,
        MAX_COLUMN_NAME_LEN = 30,
        MAX_SCHEMA_NAME_LEN = 32,
        MAX_CATALOG_NAME_LEN = 34,
        MAX_TABLE_NAME_LEN = 35,
        TXN_CAPABLE = 46,
        USER_NAME = 47,
        NULL_COLLATION = 85,
        SPECIAL_CHARACTERS = 94,
        MAX_IDENTIFIER_LEN = 10005,
    }
}

thrift_struct! {
    struct TStatus {
        1: required status_code: TStatusCode,
        2: optional info_messages: Vec<String>,
        3: optional sql_state: String,
        4: optional error_code: i32,
        5: optional error_message: String,
        6: optional display_message: String,
        1281: optional error_details_json: String,
    }

    struct THandleIdentifier {
        1: required guid: Bytes,
        2: required secret: Bytes,
    }

    struct TSessionHandle {
        1: required session_id: THandleIdentifier,
        3329: optional server_protocol_version: i32,
    }

    struct TOperationHandle {
        1: required operation_id: THandleIdentifier,
        2: required operation_type: TOperationType,
        3: required has_result_set: bool,
        4: optional modified_row_count: f64,
    }

    struct TNamespace {
        1: optional catalog_name: String,
        2: optional schema_name: String,
    }

    struct TOpenSessionReq {
        1: optional client_protocol: i32,
        2: optional username: String,
        3: optional password: String,
        4: optional configuration: BTreeMap<String, String>,
        1281: optional get_infos: Vec<TGetInfoType>,
        1282: optional client_protocol_i64: i64,
        1283: optional connection_properties: BTreeMap<String, String>,
        1284: optional initial_namespace: TNamespace,
        1285: optional can_use_multiple_catalogs: bool,
    }

    struct TOpenSessionResp {
        1: required status: TStatus,
        2: required server_protocol_version: i32,
        3: optional session_handle: TSessionHandle,
        4: optional configuration: BTreeMap<String, String>,
        1281: optional get_infos: Vec<TGetInfoValue>,
        1284: optional initial_namespace: TNamespace,
        1285: optional can_use_multiple_catalogs: bool,
    }

    struct TCloseSessionReq {
        1: required session_handle: TSessionHandle,
    }

    /// Of every call that answers nothing but its status.
    struct TStatusResp {
        1: required status: TStatus,
    }

    struct TGetInfoReq {
        1: required session_handle: TSessionHandle,
        2: required info_type: TGetInfoType,
    }

    /// A union.
    struct TGetInfoValue {
        1: optional string_value: String,
        2: optional small_int_value: i16,
        3: optional integer_bitmask: i32,
        4: optional integer_flag: i32,
        5: optional binary_value: i32,
        6: optional len_value: i64,
    }

    struct TGetInfoResp {
        1: required status: TStatus,
        2: required info_value: TGetInfoValue,
    }

    /// Of all three calls about delegation tokens, which are refused; the rest is skipped.
    struct TDelegationTokenReq {
        1: required session_handle: TSessionHandle,
    }
}
