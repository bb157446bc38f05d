//! Result sets: their metadata, and rows in each of the three shapes.

use super::super::codec::{thrift_enum, thrift_struct};
use super::session::{TOperationHandle, TStatus};
use super::types::TTableSchema;
use bytes::Bytes;
use std::collections::BTreeMap;

thrift_enum! {
    enum TSparkRowSetType {
        ARROW_BASED = 0,
        COLUMN_BASED = 1,
        ROW_BASED = 2,
        URL_BASED = 3,
    }

    enum TFetchOrientation {
        NEXT = 0,
        PRIOR = 1,
        RELATIVE = 2,
        ABSOLUTE = 3,
        FIRST = 4,
        LAST = 5,
    }

    enum TCacheLookupResult {
        CACHE_INELIGIBLE = 0,
        LOCAL_CACHE_HIT = 1,
        REMOTE_CACHE_HIT = 2,
        CACHE_MISS = 3,
    }
}

thrift_struct! {
    struct TGetResultSetMetadataResp {
        1: required status: TStatus,
        2: optional schema: TTableSchema,
        1281: optional result_format: TSparkRowSetType,
        1282: optional lz4_compressed: bool,
        1283: optional arrow_schema: Bytes,
        1284: optional cache_lookup_result: TCacheLookupResult,
        1285: optional uncompressed_bytes: i64,
        1286: optional compressed_bytes: i64,
        1287: optional is_staging_operation: bool,
    }

    struct TFetchResultsReq {
        1: required operation_handle: TOperationHandle,
        2: required orientation: TFetchOrientation,
        3: required max_rows: i64,
        4: optional fetch_type: i16,
        1281: optional max_bytes: i64,
        1282: optional start_row_offset: i64,
        1283: optional include_result_set_metadata: bool,
    }

    struct TFetchResultsResp {
        1: required status: TStatus,
        2: optional has_more_rows: bool,
        3: optional results: TRowSet,
        1281: optional result_set_metadata: TGetResultSetMetadataResp,
    }

    /// A row of the row-based shape, which nobody uses; the list of them is required but empty.
    struct TRow {}

    struct TRowSet {
        1: required start_row_offset: i64,
        2: required rows: Vec<TRow>,
        3: optional columns: Vec<TColumn>,
        4: optional binary_columns: Bytes,
        5: optional column_count: i32,
        1281: optional arrow_batches: Vec<TSparkArrowBatch>,
        1282: optional result_links: Vec<TSparkArrowResultLink>,
    }

    struct TSparkArrowBatch {
        1: required batch: Bytes,
        2: required row_count: i64,
    }

    /// `expiry_time` is in milliseconds since the epoch. The Python connector compares it with seconds, so
    /// for it links never expire; the Node driver refuses links that have.
    struct TSparkArrowResultLink {
        1: required file_link: String,
        2: required expiry_time: i64,
        3: required start_row_offset: i64,
        4: required row_count: i64,
        5: required bytes_num: i64,
        6: optional http_headers: BTreeMap<String, String>,
    }

    /// A union. `nulls` has a bit per value, least significant first.
    struct TColumn {
        1: optional bool_val: TBoolColumn,
        2: optional byte_val: TByteColumn,
        3: optional i16_val: TI16Column,
        4: optional i32_val: TI32Column,
        5: optional i64_val: TI64Column,
        6: optional double_val: TDoubleColumn,
        7: optional string_val: TStringColumn,
        8: optional binary_val: TBinaryColumn,
    }

    struct TBoolColumn { 1: required values: Vec<bool>, 2: required nulls: Bytes, }
    struct TByteColumn { 1: required values: Vec<i8>, 2: required nulls: Bytes, }
    struct TI16Column { 1: required values: Vec<i16>, 2: required nulls: Bytes, }
    struct TI32Column { 1: required values: Vec<i32>, 2: required nulls: Bytes, }
    struct TI64Column { 1: required values: Vec<i64>, 2: required nulls: Bytes, }
    struct TDoubleColumn { 1: required values: Vec<f64>, 2: required nulls: Bytes, }
    struct TStringColumn { 1: required values: Vec<String>, 2: required nulls: Bytes, }
    struct TBinaryColumn { 1: required values: Vec<Bytes>, 2: required nulls: Bytes, }
}
