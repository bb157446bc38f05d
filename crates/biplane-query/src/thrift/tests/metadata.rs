//! Metadata calls as clients make them.

use super::super::idl::*;
use super::open;
use super::world::World;

fn texts(rows: &TRowSet, column: usize) -> Vec<String> {
    rows.columns.as_ref().unwrap()[column].string_val.as_ref().unwrap().values.clone()
}

fn direct() -> Option<TSparkGetDirectResults> {
    Some(TSparkGetDirectResults { max_rows: 100, max_bytes: None })
}

#[tokio::test]
async fn tables_and_columns_match_their_patterns() {
    let world = World::new().await;
    let session_handle = open(&world).await;
    let request = TGetTablesReq {
        session_handle: session_handle.clone(),
        catalog_name: Some("MAIN".into()),
        schema_name: Some("s_".into()),
        table_types: Some(vec!["TABLE".into()]),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetTables", &request).await;
    let found = found.direct_results.unwrap();
    assert!(found.close_operation.is_some());
    let rows = found.result_set.unwrap().results.unwrap();
    assert_eq!((texts(&rows, 1), texts(&rows, 2)), (vec!["s2".into()], vec!["t_1".into()]));
    let request = TGetColumnsReq {
        session_handle,
        schema_name: Some("default".into()),
        table_name: Some(r"t\_1".into()),
        column_name: Some("%".into()),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetColumns", &request).await;
    let rows = found.direct_results.unwrap().result_set.unwrap().results.unwrap();
    assert_eq!(
        (texts(&rows, 3), texts(&rows, 5)),
        (vec!["price".into()], vec!["DECIMAL(10,2)".into()])
    );
}

#[tokio::test]
async fn an_exact_name_is_all_that_is_asked_for() {
    let world = World::new().await;
    let request = TGetColumnsReq {
        session_handle: open(&world).await,
        catalog_name: Some("main".into()),
        schema_name: Some("default".into()),
        table_name: Some(r"t\_1".into()),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetColumns", &request).await;
    let rows = found.direct_results.unwrap().result_set.unwrap().results.unwrap();
    assert_eq!(texts(&rows, 2), ["t_1"]);
    assert_eq!(*world.names.asked.lock(), [r#"main.Some("default").Some("t\\_1")"#]);
}

#[tokio::test]
async fn the_information_schema_is_there() {
    let world = World::new().await;
    let session_handle = open(&world).await;
    let request = TGetTablesReq {
        session_handle: session_handle.clone(),
        catalog_name: Some("main".into()),
        schema_name: Some("information_schema".into()),
        table_name: Some("table%".into()),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetTables", &request).await;
    let rows = found.direct_results.unwrap().result_set.unwrap().results.unwrap();
    assert!(texts(&rows, 2).contains(&"tables".to_owned()), "{rows:?}");
    assert!(texts(&rows, 3).iter().all(|kind| kind == "VIEW"));
    let request = TGetColumnsReq {
        session_handle: session_handle.clone(),
        catalog_name: Some("main".into()),
        schema_name: Some("information_schema".into()),
        table_name: Some("schemata".into()),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetColumns", &request).await;
    let rows = found.direct_results.unwrap().result_set.unwrap().results.unwrap();
    assert_eq!(texts(&rows, 3)[..2], ["catalog_name", "schema_name"]);
    // Of a catalog that is not there for the user there is none.
    let request = TGetTablesReq {
        session_handle,
        catalog_name: Some("nowhere".into()),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetTables", &request).await;
    let rows = found.direct_results.unwrap().result_set.unwrap().results.unwrap();
    assert!(texts(&rows, 0).is_empty());
}

#[tokio::test]
async fn functions_and_keys_are_told() {
    let world = World::new().await;
    let session_handle = open(&world).await;
    let request = TGetFunctionsReq {
        session_handle: session_handle.clone(),
        function_name: "a%".into(),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetFunctions", &request).await;
    let rows = found.direct_results.unwrap().result_set.unwrap().results.unwrap();
    assert_eq!(
        (texts(&rows, 2), texts(&rows, 3)),
        (vec!["area".into()], vec!["of a circle".into()])
    );
    let request = TGetPrimaryKeysReq {
        session_handle: session_handle.clone(),
        catalog_name: Some("main".into()),
        schema_name: Some("default".into()),
        table_name: Some("t_1".into()),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetPrimaryKeys", &request).await;
    let rows = found.direct_results.unwrap().result_set.unwrap().results.unwrap();
    assert_eq!((texts(&rows, 3), texts(&rows, 5)), (vec!["price".into()], vec!["pk".into()]));
    // What points to it: its like in every schema.
    let request = TGetCrossReferenceReq {
        session_handle: session_handle.clone(),
        parent_catalog_name: Some("main".into()),
        parent_schema_name: Some("default".into()),
        parent_table_name: Some("t_1".into()),
        get_direct_results: direct(),
        ..Default::default()
    };
    let found: TOperationResp = world.call("GetCrossReference", &request).await;
    let rows = found.direct_results.unwrap().result_set.unwrap().results.unwrap();
    assert_eq!(texts(&rows, 5), ["default", "s2"]);
    assert_eq!(texts(&rows, 12), ["pk", "pk"]);
    let request = TGetPrimaryKeysReq { session_handle, ..Default::default() };
    let refused: TOperationResp = world.call("GetPrimaryKeys", &request).await;
    assert_eq!(refused.status.status_code, TStatusCode::ERROR);
}

#[tokio::test]
async fn without_direct_results_rows_are_held() {
    let world = World::new().await;
    let session_handle = open(&world).await;
    let request = TGetPlainReq { session_handle, ..Default::default() };
    let found: TOperationResp = world.call("GetTypeInfo", &request).await;
    let operation_handle = found.operation_handle.unwrap();
    let operation = TOperationReq { operation_handle: operation_handle.clone() };
    let metadata: TGetResultSetMetadataResp = world.call("GetResultSetMetadata", &operation).await;
    assert_eq!(metadata.result_format, Some(TSparkRowSetType::COLUMN_BASED));
    let columns = metadata.schema.unwrap().columns;
    assert_eq!(columns[0].column_name, "TYPE_NAME");
    let mut names = Vec::new();
    loop {
        let request = TFetchResultsReq {
            operation_handle: operation_handle.clone(),
            max_rows: 5,
            ..Default::default()
        };
        let found: TFetchResultsResp = world.call("FetchResults", &request).await;
        let rows = found.results.unwrap();
        assert_eq!(rows.start_row_offset, names.len() as i64);
        names.extend(texts(&rows, 0));
        if found.has_more_rows != Some(true) {
            break;
        }
    }
    assert!(names.len() > 10 && names.contains(&"DECIMAL".to_owned()));
    let closed: TStatusResp = world.call("CloseOperation", &operation).await;
    assert_eq!(closed.status, TStatus::default());
    let gone: TGetResultSetMetadataResp = world.call("GetResultSetMetadata", &operation).await;
    assert_eq!(gone.status.status_code, TStatusCode::INVALID_HANDLE);
}
