//! External locations, credentials, paths, and what is vended for them.

use crate::harness::*;
use serde_json::{Value, json};

async fn path(world: &World, user: &str, path: &str, access: &str) -> Answer {
    world.internal(user, "/resolve-path", json!({ "path": path, "access": access })).await
}

fn dir(world: &World) -> String {
    format!("file://{}", world.test.dir().display())
}

async fn location(world: &World, name: &str, url: &str) -> Answer {
    world.post(ADMIN, "/external-locations", json!({ "name": name, "url": url })).await
}

#[tokio::test]
async fn volume_paths_stay_in_their_volume() {
    let world = World::new().await;
    let body = json!({ "name": "v", "catalog_name": "main", "schema_name": "default", "volume_type": "MANAGED" });
    let volume = world.post(BOB, "/volumes", body).await.ok();
    let root = volume["storage_location"].as_str().unwrap().to_owned();
    for (asked, expected) in [
        ("/Volumes/main/default/v", root.clone()),
        ("/Volumes/MAIN/Default/V/", root.clone()),
        ("/Volumes/main/default/v/a b/ü.csv", format!("{root}/a%20b/%C3%BC.csv")),
        ("dbfs:/Volumes/main/default/v/x", format!("{root}/x")),
        ("/Volumes/main/default/v/50%25.csv", format!("{root}/50%2525.csv")),
        ("/Volumes/main/default/v/d=1/*.parquet", format!("{root}/d=1/*.parquet")),
    ] {
        assert_eq!(path(&world, BOB, asked, "READ").await.ok()["url"], expected, "{asked}");
    }
    for bad in [
        "/Volumes/main/default/v/../x",
        "/Volumes/main/default/v/a/../../..",
        "/Volumes/main/default/v/%2e%2e/x",
        "/Volumes/main/default/v/..%2f..%2fetc",
        "/Volumes/main/default/v/.",
        "/Volumes/main/default/v/a\\..\\b",
        "/Volumes/main/default/v/a\0",
        "/Volumes/main/default",
        "/Volumes",
        "/etc/passwd",
        "etc",
        "",
        "dbfs:/x",
        "/Volumes/../etc",
    ] {
        let answer = path(&world, BOB, bad, "READ").await;
        assert!(answer.status.is_client_error() || answer.status == 501, "{bad:?} {}", answer.body);
    }
    path(&world, ALICE, "/Volumes/main/default/v/x", "READ").await.fails("PERMISSION_DENIED");
    world.grant("VOLUME", "main.default.v", ALICE, &["READ_VOLUME"]).await;
    path(&world, ALICE, "/Volumes/main/default/v/x", "READ").await.ok();
    path(&world, ALICE, "/Volumes/main/default/v/x", "WRITE").await.fails("PERMISSION_DENIED");
    path(&world, BOB, "/Volumes/main/default/none/x", "READ").await.fails("VOLUME_DOES_NOT_EXIST");
}

#[tokio::test]
async fn urls_need_the_right_on_their_location() {
    let world = World::new().await;
    let root = format!("{}/ext", dir(&world));
    location(&world, "ext", &root).await.ok();
    let file = format!("{root}/a/b.csv");
    assert_eq!(path(&world, ADMIN, &file, "WRITE").await.ok()["url"], file);
    path(&world, BOB, &file, "READ").await.fails("PERMISSION_DENIED");
    world.grant("external_location", "ext", BOB, &["READ FILES"]).await;
    path(&world, BOB, &file, "READ").await.ok();
    path(&world, BOB, &file, "WRITE").await.fails("PERMISSION_DENIED");
    path(&world, ADMIN, &format!("{root}2/x"), "READ").await.fails("PERMISSION_DENIED");
    path(&world, ADMIN, &format!("{root}/../data"), "READ").await.fails("INVALID_PARAMETER_VALUE");
    path(&world, ADMIN, &format!("{root}/%2e%2e/data"), "READ")
        .await
        .fails("INVALID_PARAMETER_VALUE");
    // Tables' and volumes' files are reached by their names only.
    let table = json!({ "name": "t", "catalog_name": "main", "schema_name": "default", "table_type": "EXTERNAL",
        "storage_location": format!("{root}/t") });
    world.post(ADMIN, "/tables", table).await.ok();
    for inside in [format!("{root}/t"), format!("{root}/t/part-0.parquet"), root.clone()] {
        path(&world, ADMIN, &inside, "READ").await.fails("PERMISSION_DENIED");
    }
    path(&world, ADMIN, &format!("{root}/tt"), "READ").await.ok();
}

#[tokio::test]
async fn locations_do_not_touch_what_is_not_theirs() {
    let world = World::new().await;
    let root = dir(&world);
    location(&world, "ext", &format!("{root}/ext")).await.ok();
    for overlapping in [format!("{root}/ext"), format!("{root}/ext/inner"), format!("{root}/ext/")]
    {
        location(&world, "x", &overlapping).await.fails("INVALID_PARAMETER_VALUE");
    }
    // The server's own files, around them, and everything the operator did not open.
    for forbidden in [
        format!("{root}/data"),
        format!("{root}/data/storage/x"),
        root.clone(),
        "file:///".into(),
        "file:///etc".into(),
    ] {
        location(&world, "x", &forbidden).await.fails("PERMISSION_DENIED");
    }
    world
        .post(ADMIN, "/external-locations", json!({ "name": "x", "url": "s3://bucket/x" }))
        .await
        .fails("INVALID_PARAMETER_VALUE");
    // In use.
    let volume = json!({ "name": "v", "catalog_name": "main", "schema_name": "default", "volume_type": "EXTERNAL",
        "storage_location": format!("{root}/ext/v") });
    world.post(ADMIN, "/volumes", volume).await.ok();
    world.delete(ADMIN, "/external-locations/ext").await.fails("INVALID_STATE");
    world.delete(ADMIN, "/external-locations/ext?force=true").await.ok();
}

#[tokio::test]
async fn catalogs_may_have_a_root_of_their_own() {
    let world = World::new().await;
    let root = format!("{}/ext", dir(&world));
    let body = json!({ "name": "c", "storage_root": format!("{root}/c") });
    world.post(ADMIN, "/catalogs", body.clone()).await.fails("PERMISSION_DENIED");
    location(&world, "ext", &root).await.ok();
    let made = world.post(ADMIN, "/catalogs", body).await.ok();
    let own = made["storage_location"].as_str().unwrap().to_owned();
    assert!(own.starts_with(&format!("{root}/c/__unitystorage/catalogs/")), "{own}");
    let table = world.table(ADMIN, "c.default.t").await;
    assert!(table["storage_location"].as_str().unwrap().starts_with(&format!("{own}/tables/")));
    path(&world, ADMIN, &format!("{own}/tables"), "READ").await.fails("PERMISSION_DENIED");
    path(&world, ADMIN, &own, "WRITE").await.fails("PERMISSION_DENIED");
}

#[tokio::test]
async fn s3_goes_by_the_operators_access_and_hides_it() {
    let world = World::with_s3(true).await;
    let credentials = world.get(ADMIN, "/storage-credentials").await.ok();
    assert_eq!(names(&credentials, "storage_credentials"), ["server_storage"]);
    let body =
        json!({ "name": "s3", "url": "s3a://bucket/x/", "credential_name": "server_storage" });
    let made = world.post(ADMIN, "/external-locations", body).await.ok();
    assert_eq!(made["url"], "s3://bucket/x");
    assert!(!made.to_string().contains("hunter"));
    let storage = path(&world, ADMIN, "s3://bucket/x/y", "READ").await.ok();
    assert_eq!(
        storage,
        json!({ "url": "s3://bucket/x/y", "options": {
        "aws_region": "us-east-1",
        "aws_endpoint": "http://127.0.0.1:9000", "aws_allow_http": "true",
        "aws_virtual_hosted_style_request": "false" } })
    );
    // A role nobody can assume is kept, and refused where it would be used.
    let role = json!({ "name": "role", "aws_iam_role": { "role_arn": "arn:aws:iam::1:role/x" } });
    assert_eq!(
        world.post(ADMIN, "/storage-credentials", role).await.ok()["aws_iam_role"]["role_arn"],
        "arn:aws:iam::1:role/x"
    );
    let body = |skip: bool| json!({ "name": "r", "url": "s3://other/x", "credential_name": "role", "skip_validation": skip });
    world.post(ADMIN, "/external-locations", body(false)).await.fails("FEATURE_DISABLED");
    world.post(ADMIN, "/external-locations", body(true)).await.ok();
    path(&world, ADMIN, "s3://other/x/y", "READ").await.fails("FEATURE_DISABLED");
    world.delete(ADMIN, "/storage-credentials/role").await.fails("INVALID_STATE");
    world.delete(ADMIN, "/storage-credentials/role?force=true").await.ok();
    path(&world, ADMIN, "s3://other/x/y", "READ").await.fails("INVALID_STATE");
    // The operator's credential is the metastore admin's to use, nobody's to change.
    world.delete(ADMIN, "/storage-credentials/server_storage").await.fails("PERMISSION_DENIED");
    let summary = world.get(ADMIN, "/metastore_summary").await.ok();
    world
        .grant(
            "METASTORE",
            summary["metastore_id"].as_str().unwrap(),
            BOB,
            &["CREATE_EXTERNAL_LOCATION"],
        )
        .await;
    let body = json!({ "name": "b", "url": "s3://bucket/b", "credential_name": "server_storage" });
    world.post(BOB, "/external-locations", body).await.fails("PERMISSION_DENIED");
}

#[tokio::test]
async fn temporary_credentials_need_three_keys() {
    let world = World::new().await;
    let table = world.table(BOB, "main.default.t").await;
    let ask = json!({ "table_id": table["table_id"], "operation": "READ" });
    let call = |user: &'static str, ask: Value| {
        let world = &world;
        async move {
            world
                .call(
                    user,
                    axum::http::Method::POST,
                    "/api/2.0/unity-catalog/temporary-table-credentials",
                    ask,
                )
                .await
        }
    };
    let message = call(BOB, ask.clone()).await.fails("PERMISSION_DENIED");
    assert!(message.contains("metastore"), "{message}");
    let summary = world.get(ADMIN, "/metastore_summary").await.ok();
    let id = summary["metastore_id"].as_str().unwrap();
    world
        .patch(BOB, &format!("/metastores/{id}"), json!({ "external_access_enabled": true }))
        .await
        .fails("PERMISSION_DENIED");
    world
        .patch(ADMIN, &format!("/metastores/{id}"), json!({ "external_access_enabled": true }))
        .await
        .ok();
    call(BOB, ask.clone()).await.fails("PERMISSION_DENIED");
    world.grant("SCHEMA", "main.default", BOB, &["EXTERNAL USE SCHEMA"]).await;
    let vended = call(BOB, ask.clone()).await.ok();
    assert_eq!(vended["url"], table["storage_location"]);
    assert_eq!(vended.get("aws_temp_credentials"), None);
    world.post(BOB, "/temporary-table-credentials", ask.clone()).await.ok();
    world.grant("SCHEMA", "main.default", ALICE, &["EXTERNAL USE SCHEMA"]).await;
    call(ALICE, ask).await.fails("TABLE_DOES_NOT_EXIST");
    world.grant("TABLE", "main.default.t", ALICE, &["SELECT"]).await;
    call(ALICE, json!({ "table_id": table["table_id"], "operation": "READ" })).await.ok();
    call(ALICE, json!({ "table_id": table["table_id"], "operation": "READ_WRITE" }))
        .await
        .fails("PERMISSION_DENIED");
    for bad in ["", "x", "00000000-0000-4000-8000-000000000000", id] {
        call(BOB, json!({ "table_id": bad, "operation": "READ" }))
            .await
            .fails("TABLE_DOES_NOT_EXIST");
    }
    // A table still being made.
    let staging = json!({ "name": "new", "catalog_name": "main", "schema_name": "default" });
    let staged = world.post(BOB, "/staging-tables", staging).await.ok();
    let ask = json!({ "table_id": staged["id"], "operation": "READ_WRITE" });
    assert_eq!(call(BOB, ask.clone()).await.ok()["url"], staged["staging_location"]);
    call(ALICE, ask).await.fails("TABLE_DOES_NOT_EXIST");
    // Paths and volumes.
    let root = format!("{}/ext", dir(&world));
    location(&world, "ext", &root).await.ok();
    let ask = json!({ "url": format!("{root}/x"), "operation": "PATH_READ" });
    world.post(ADMIN, "/temporary-path-credentials", ask.clone()).await.fails("PERMISSION_DENIED");
    world.grant("EXTERNAL_LOCATION", "ext", ADMIN, &["EXTERNAL_USE_LOCATION"]).await;
    world.post(ADMIN, "/temporary-path-credentials", ask).await.ok();
    let volume = json!({ "name": "v", "catalog_name": "main", "schema_name": "default", "volume_type": "MANAGED" });
    let volume = world.post(BOB, "/volumes", volume).await.ok();
    let ask = json!({ "volume_id": volume["volume_id"], "operation": "WRITE_VOLUME" });
    assert_eq!(
        world.post(BOB, "/temporary-volume-credentials", ask).await.ok()["url"],
        volume["storage_location"]
    );
}
