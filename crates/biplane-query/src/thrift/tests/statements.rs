//! Statements as clients run them.

use super::super::idl::*;
use super::open;
use super::world::World;

struct Client<'a> {
    world: &'a World,
    session: TSessionHandle,
}

impl<'a> Client<'a> {
    async fn new(world: &'a World) -> Self {
        Self { world, session: open(world).await }
    }

    /// As the Python connector asks.
    fn request(&self, statement: &str) -> TExecuteStatementReq {
        TExecuteStatementReq {
            session_handle: self.session.clone(),
            statement: statement.into(),
            run_async: Some(true),
            get_direct_results: Some(TSparkGetDirectResults { max_rows: 4, max_bytes: None }),
            can_read_arrow_result: Some(true),
            ..Default::default()
        }
    }

    async fn execute(&self, request: &TExecuteStatementReq) -> TOperationResp {
        let response: TOperationResp = self.world.call("ExecuteStatement", request).await;
        assert_eq!(response.status, TStatus::default());
        response
    }

    async fn fetch(&self, handle: &TOperationHandle, max_rows: i64) -> TFetchResultsResp {
        let request = TFetchResultsReq {
            operation_handle: handle.clone(),
            max_rows,
            include_result_set_metadata: Some(true),
            ..Default::default()
        };
        self.world.call("FetchResults", &request).await
    }

    async fn status(&self, handle: &TOperationHandle) -> TGetOperationStatusResp {
        let request =
            TGetOperationStatusReq { operation_handle: handle.clone(), get_progress_update: None };
        self.world.call("GetOperationStatus", &request).await
    }

    async fn end(&self, method: &str, handle: &TOperationHandle) -> TStatusResp {
        let request = TOperationReq { operation_handle: handle.clone() };
        self.world.call(method, &request).await
    }
}

#[tokio::test]
async fn a_small_result_comes_with_the_answer() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let response = client.execute(&client.request("ROWS 1")).await;
    let direct = response.direct_results.unwrap();
    let status = direct.operation_status.unwrap();
    assert_eq!(status.operation_state, Some(TOperationState::FINISHED));
    let metadata = direct.result_set_metadata.unwrap();
    assert_eq!(metadata.result_format, Some(TSparkRowSetType::ARROW_BASED));
    assert_eq!(metadata.arrow_schema.as_deref(), Some(&b"schema"[..]));
    assert_eq!(metadata.schema.unwrap().columns[0].column_name, "n");
    let set = direct.result_set.unwrap();
    assert_eq!(set.has_more_rows, Some(false));
    let batches = set.results.unwrap().arrow_batches.unwrap();
    assert_eq!((&batches[0].batch[..], batches[0].row_count), (&b"batch-0"[..], 3));
    assert!(direct.close_operation.is_some());
    // A cancel or close that came too late is no error.
    let handle = response.operation_handle.unwrap();
    for method in ["CancelOperation", "CloseOperation", "CloseOperation"] {
        assert_eq!(client.end(method, &handle).await.status, TStatus::default());
    }
}

#[tokio::test]
async fn a_full_chunk_goes_out_while_more_is_being_made() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let request =
        TExecuteStatementReq { can_download_result: Some(true), ..client.request("FULL 1") };
    let response = client.execute(&request).await;
    let direct = response.direct_results.unwrap();
    let state = direct.operation_status.unwrap().operation_state;
    assert_eq!(state, Some(TOperationState::FINISHED), "rows can be fetched");
    let metadata = direct.result_set_metadata.unwrap();
    assert_eq!(metadata.result_format, Some(TSparkRowSetType::URL_BASED));
    let set = direct.result_set.unwrap();
    assert_eq!((set.has_more_rows, direct.close_operation), (Some(true), None));
    assert_eq!(set.results.unwrap().result_links.unwrap().len(), 1);
    let handle = response.operation_handle.unwrap();
    client.end("CloseOperation", &handle).await;
}

#[tokio::test]
async fn large_results_are_fetched_in_order_and_once() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let response = client.execute(&client.request("ROWS 5")).await;
    let direct = response.direct_results.unwrap();
    assert!(direct.close_operation.is_none());
    let mut batches = direct.result_set.unwrap().results.unwrap().arrow_batches.unwrap();
    let handle = response.operation_handle.unwrap();
    loop {
        let found = client.fetch(&handle, 7).await;
        let rows = found.results.unwrap();
        let so_far: i64 = batches.iter().map(|batch| batch.row_count).sum();
        assert_eq!(rows.start_row_offset, so_far);
        assert!(found.result_set_metadata.is_some());
        batches.extend(rows.arrow_batches.unwrap());
        if found.has_more_rows != Some(true) {
            break;
        }
    }
    let texts: Vec<_> = batches.iter().map(|batch| &batch.batch[..]).collect();
    assert_eq!(texts, [&b"batch-0"[..], b"batch-1", b"batch-2", b"batch-3", b"batch-4"]);
    assert_eq!(client.fetch(&handle, 7).await.has_more_rows, Some(false));
    assert_eq!(client.end("CloseOperation", &handle).await.status, TStatus::default());
    let gone = client.fetch(&handle, 7).await;
    assert_eq!(gone.status.status_code, TStatusCode::INVALID_HANDLE);
}

#[tokio::test]
async fn clients_that_download_get_links() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let mut request = client.request("ROWS 4");
    request.can_download_result = Some(true);
    let response = client.execute(&request).await;
    let handle = response.operation_handle.unwrap();
    let direct = response.direct_results.unwrap();
    assert!(direct.close_operation.is_none());
    let metadata = direct.result_set_metadata.unwrap();
    assert_eq!(metadata.result_format, Some(TSparkRowSetType::URL_BASED));
    let mut set = direct.result_set.unwrap();
    let mut links = set.results.unwrap().result_links.unwrap();
    while set.has_more_rows == Some(true) {
        set = client.fetch(&handle, 100).await;
        links.extend(set.results.unwrap().result_links.unwrap());
    }
    let offsets: Vec<_> =
        links.iter().map(|link| (link.start_row_offset, link.row_count)).collect();
    assert_eq!(offsets, [(0, 3), (3, 3), (6, 3), (9, 3)]);
    assert!(links.iter().all(|link| link.file_link.starts_with("http://127.0.0.1:8080/")));
    assert!(links[0].expiry_time > world.ctx.now_ms());
    // An expired link is asked for again by its row.
    let again = TFetchResultsReq {
        operation_handle: handle,
        max_rows: 100,
        start_row_offset: Some(7),
        ..Default::default()
    };
    let found: TFetchResultsResp = world.call("FetchResults", &again).await;
    let found = found.results.unwrap();
    assert_eq!((found.start_row_offset, found.result_links.unwrap().len()), (6, 2));
}

#[tokio::test]
async fn clients_without_arrow_get_columns() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let mut request = client.request("ROWS 2");
    request.can_read_arrow_result = Some(false);
    let response = client.execute(&request).await;
    let handle = response.operation_handle.unwrap();
    let direct = response.direct_results.unwrap();
    let format = direct.result_set_metadata.unwrap().result_format;
    assert_eq!(format, Some(TSparkRowSetType::COLUMN_BASED));
    let column = |rows: TRowSet| rows.columns.unwrap().remove(0).i64_val.unwrap();
    let first = column(direct.result_set.unwrap().results.unwrap());
    assert_eq!((&first.values[..], &first.nulls[..]), (&[0, 0, 2][..], &[0b10][..]));
    assert_eq!(column(client.fetch(&handle, 1).await.results.unwrap()).values, [3]);
    let rest = client.fetch(&handle, 10).await;
    assert_eq!(
        (rest.has_more_rows, column(rest.results.unwrap()).values),
        (Some(false), vec![0, 5])
    );
    let from_start = TFetchResultsReq {
        operation_handle: handle,
        orientation: TFetchOrientation::FIRST,
        max_rows: 2,
        ..Default::default()
    };
    let found: TFetchResultsResp = world.call("FetchResults", &from_start).await;
    assert_eq!(column(found.results.unwrap()).values, [0, 0]);
}

#[tokio::test]
async fn statements_without_rows_have_empty_metadata() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    for (statement, modified) in [("UPDATE", Some(3)), ("DDL", None)] {
        let response = client.execute(&client.request(statement)).await;
        assert!(!response.operation_handle.unwrap().has_result_set);
        let direct = response.direct_results.unwrap();
        assert_eq!(direct.operation_status.unwrap().num_modified_rows, modified);
        assert!(direct.result_set_metadata.unwrap().schema.unwrap().columns.is_empty());
        assert_eq!(direct.result_set.unwrap().has_more_rows, Some(false));
        assert!(direct.close_operation.is_some());
    }
}

#[tokio::test]
async fn failures_are_states_with_their_class() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let response = client.execute(&client.request("FAIL")).await;
    let direct = response.direct_results.unwrap();
    let status = direct.operation_status.unwrap();
    assert_eq!(status.operation_state, Some(TOperationState::ERROR));
    assert!(status.display_message.unwrap().starts_with("[DIVIDE_BY_ZERO]"));
    assert_eq!(status.sql_state.as_deref(), Some("22012"));
    assert!(direct.result_set_metadata.is_none() && direct.close_operation.is_none());
    let handle = response.operation_handle.unwrap();
    let request = TOperationReq { operation_handle: handle.clone() };
    let metadata: TGetResultSetMetadataResp = world.call("GetResultSetMetadata", &request).await;
    assert!(metadata.status.error_message.unwrap().starts_with("[DIVIDE_BY_ZERO]"));
    assert_eq!(client.fetch(&handle, 1).await.status.status_code, TStatusCode::ERROR);
}

#[tokio::test]
async fn a_running_statement_is_watched_and_cancelled() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let mut request = client.request("HANG");
    request.get_direct_results = None;
    let response = client.execute(&request).await;
    assert!(response.direct_results.is_none());
    let handle = response.operation_handle.unwrap();
    let (status, canceled) =
        tokio::join!(client.status(&handle), client.end("CancelOperation", &handle));
    assert_eq!(canceled.status, TStatus::default());
    // The wait ended with the statement, long before its time.
    assert_eq!(status.operation_state, Some(TOperationState::CANCELED));
}

#[tokio::test]
async fn a_statement_whose_client_left_is_cancelled() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let request = client.request("HANG");
    let waiting = client.execute(&request);
    let gone = tokio::time::timeout(std::time::Duration::from_millis(200), waiting).await;
    assert!(gone.is_err());
    let known = || {
        let known = world.query.statements.known.lock();
        known.all.values().map(|statement| statement.snapshot().state).collect::<Vec<_>>()
    };
    while known() != [crate::statements::State::Canceled] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn forged_handles_open_nothing() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let mut request = client.request("ROWS 3");
    request.get_direct_results = None;
    let handle = client.execute(&request).await.operation_handle.unwrap();
    let mut forged = handle.clone();
    forged.operation_id.secret = bytes::Bytes::from_static(&[0; 16]);
    let found = client.fetch(&forged, 1).await;
    assert_eq!(found.status.status_code, TStatusCode::INVALID_HANDLE);
    let closed = client.end("CloseOperation", &forged).await;
    assert_eq!(closed.status.status_code, TStatusCode::INVALID_HANDLE);
    assert_eq!(client.fetch(&handle, 100).await.status, TStatus::default());
}

#[tokio::test]
async fn a_file_is_put_by_the_client_with_a_link() {
    let world = World::new().await;
    let execute = async |text: &str| -> TOperationResp {
        let request = TExecuteStatementReq {
            session_handle: super::open(&world).await,
            statement: text.into(),
            can_read_arrow_result: Some(true),
            can_download_result: Some(true),
            get_direct_results: Some(TSparkGetDirectResults { max_rows: 10, max_bytes: None }),
            ..Default::default()
        };
        world.call("ExecuteStatement", &request).await
    };
    let direct = execute("PUT '/tmp/x' INTO '/Volumes/c/s/v/x' OVERWRITE").await;
    let direct = direct.direct_results.unwrap();
    let metadata = direct.result_set_metadata.unwrap();
    assert_eq!(metadata.is_staging_operation, Some(true));
    assert_eq!(metadata.result_format, Some(TSparkRowSetType::COLUMN_BASED));
    let columns = direct.result_set.unwrap().results.unwrap().columns.unwrap();
    let values: Vec<_> = columns
        .iter()
        .map(|column| column.string_val.as_ref().unwrap().values[0].clone())
        .collect();
    assert_eq!(values[0], "PUT");
    assert!(values[1].starts_with("http://files/Volumes/c/s/v/x"));
    assert_eq!((&values[2][..], &values[3][..]), ("{}", "/tmp/x"));
    for (text, class) in [
        ("REMOVE '/Volumes/denied'", "INSUFFICIENT_PERMISSIONS"),
        ("GET '/Volumes/c/s/v/x' TO ''", "EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY"),
        ("GET 'stage://tmp/x' TO 'y'", "INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY"),
        ("PUT 'x' INTO", "PARSE_SYNTAX_ERROR"),
    ] {
        let status = execute(text).await.direct_results.unwrap().operation_status.unwrap();
        assert_eq!(status.operation_state, Some(TOperationState::ERROR), "{text}");
        assert!(status.error_message.unwrap().starts_with(&format!("[{class}]")), "{text}");
    }
}
