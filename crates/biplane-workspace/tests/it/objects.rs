//! The workspace API over its router: the tree, who sees what, what comes in and goes out.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use biplane_platform::acl::{self, DIRECTORIES, Entry, NOTEBOOKS};
use biplane_platform::testing::{TestDb, admin_ctx, ctx};
use biplane_platform::{Clock, Ctx};
use biplane_workspace::objects::{self, Objects};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

struct Site {
    db: TestDb,
    objects: Arc<Objects>,
    router: Router,
}

impl Site {
    async fn new() -> Self {
        let db = TestDb::new(&[objects::MIGRATIONS]).await.unwrap();
        let objects = Objects::new(db.db.clone(), Clock::fixed(7));
        let router = objects.routes().split_for_parts().0;
        Self { db, objects, router }
    }

    async fn send(&self, ctx: &Ctx, request: Request<Body>) -> (u16, Vec<u8>) {
        let mut request = request;
        request.extensions_mut().insert(ctx.clone());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    async fn get(&self, ctx: &Ctx, path: &str) -> (u16, Value) {
        let uri = format!("/api/2.0/workspace/{path}");
        let (status, bytes) = self.send(ctx, Request::get(uri).body(Body::empty()).unwrap()).await;
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The error code, or empty.
    async fn post(&self, ctx: &Ctx, path: &str, body: Value) -> String {
        let uri = format!("/api/2.0/workspace/{path}");
        let (status, bytes) =
            self.send(ctx, Request::post(uri).body(body.to_string().into()).unwrap()).await;
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(status == 200, answer == json!({}), "{path}: {answer}");
        answer["error_code"].as_str().unwrap_or_default().to_owned()
    }

    async fn import(&self, ctx: &Ctx, path: &str, text: &str, more: Value) -> String {
        let mut body = json!({ "path": path, "content": STANDARD.encode(text), "format": "AUTO" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(ctx, "import", body).await
    }

    async fn text(&self, ctx: &Ctx, path: &str) -> Option<String> {
        let (status, answer) = self.get(ctx, &format!("export?path={path}&format=AUTO")).await;
        let content = STANDARD.decode(answer["content"].as_str().unwrap_or_default()).unwrap();
        (status == 200).then(|| String::from_utf8(content).unwrap())
    }

    async fn names(&self, ctx: &Ctx, path: &str) -> Vec<String> {
        let (status, answer) = self.get(ctx, &format!("list?path={path}")).await;
        assert_eq!(status, 200, "{path}: {answer}");
        let objects = answer["objects"].as_array().cloned().unwrap_or_default();
        objects.iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn everybody_has_a_directory_and_sees_no_others() {
    let site = Site::new().await;
    let (ann, bob, admin) = (ctx("ann@x"), ctx("bob@x"), admin_ctx("root@x"));
    assert_eq!(site.names(&ann, "/").await, ["/Shared", "/Users"]);
    assert_eq!(site.names(&ann, "/Users").await, ["/Users/ann@x"]);
    assert_eq!(site.import(&ann, "/Users/ann@x/a.txt", "A", json!({})).await, "");
    assert_eq!(site.names(&bob, "/Workspace/Users").await, ["/Users/bob@x"]);
    for path in ["/Users/ann@x", "/Users/ann@x/a.txt"] {
        let (status, answer) = site.get(&bob, &format!("get-status?path={path}")).await;
        assert_eq!((status, &answer["error_code"]), (404, &json!("RESOURCE_DOES_NOT_EXIST")));
        let asked = json!({ "path": path });
        assert_ne!(site.post(&bob, "delete", asked).await, "");
    }
    assert_eq!(
        site.post(&bob, "mkdirs", json!({ "path": "/Users/ann@x" })).await,
        "RESOURCE_DOES_NOT_EXIST"
    );
    assert_eq!(site.text(&bob, "/Users/ann@x/a.txt").await, None);
    assert_eq!(
        site.import(&bob, "/Users/ann@x/b.txt", "B", json!({})).await,
        "RESOURCE_DOES_NOT_EXIST"
    );
    assert_eq!(
        site.import(&bob, "/Users/ann@x/a.txt", "B", json!({ "overwrite": true })).await,
        "RESOURCE_DOES_NOT_EXIST"
    );
    assert_eq!(
        site.post(&bob, "mkdirs", json!({ "path": "/Projects" })).await,
        "PERMISSION_DENIED"
    );
    assert_eq!(
        site.names(&admin, "/Users").await,
        ["/Users/ann@x", "/Users/bob@x", "/Users/root@x"]
    );
    assert_eq!(site.text(&admin, "/Users/ann@x/a.txt").await.as_deref(), Some("A"));
    // What is shared is everybody's; what belongs to the workspace stays.
    assert_eq!(site.import(&ann, "/Shared/s.txt", "S", json!({})).await, "");
    assert_eq!(site.text(&bob, "/Shared/s.txt").await.as_deref(), Some("S"));
    for path in ["/", "/Users", "/Shared", "/Users/ann@x"] {
        let asked = json!({ "path": path, "recursive": true });
        assert_eq!(site.post(&admin, "delete", asked).await, "INVALID_PARAMETER_VALUE", "{path}");
    }
}

#[tokio::test]
async fn what_one_may_do_in_a_directory_one_may_do_inside() {
    let site = Site::new().await;
    let (ann, bob) = (ctx("ann@x"), ctx("bob@x"));
    assert_eq!(site.post(&ann, "mkdirs", json!({ "path": "/Users/ann@x/p/q" })).await, "");
    let source = json!({ "format": "SOURCE", "language": "PYTHON" });
    assert_eq!(site.import(&ann, "/Users/ann@x/p/q/nb", "x = 1", source.clone()).await, "");
    let (_, directory) = site.get(&ann, "get-status?path=/Users/ann@x/p").await;
    let id = directory["object_id"].to_string();
    let share = async |level: &str| {
        let entry = Entry::of(&bob.principal, level);
        let mut tx = site.db.db.write().await.unwrap();
        acl::grant(&mut tx, bob.workspace().unwrap(), &DIRECTORIES, &id, &entry).await.unwrap();
        tx.commit().await.unwrap();
    };
    let path = "/Users/ann@x/p/q/nb";
    let change = json!({ "format": "SOURCE", "language": "PYTHON", "overwrite": true });
    share("CAN_READ").await;
    assert_eq!(site.text(&bob, path).await.as_deref(), Some("# Databricks notebook source\nx = 1"));
    assert_eq!(site.import(&bob, path, "x = 2", change.clone()).await, "PERMISSION_DENIED");
    share("CAN_EDIT").await;
    assert_eq!(site.import(&bob, path, "x = 2", change).await, "");
    assert_eq!(site.import(&bob, "/Users/ann@x/p/new", "x", source).await, "PERMISSION_DENIED");
    assert_eq!(site.post(&bob, "delete", json!({ "path": path })).await, "PERMISSION_DENIED");
    share("CAN_MANAGE").await;
    assert_eq!(site.post(&bob, "mkdirs", json!({ "path": "/Users/ann@x/p/r" })).await, "");
    assert_eq!(
        site.post(&bob, "delete", json!({ "path": "/Users/ann@x/p" })).await,
        "DIRECTORY_NOT_EMPTY"
    );
    let (_, notebook) = site.get(&ann, &format!("get-status?path={path}")).await;
    let (workspace, id) = (ann.workspace().unwrap(), notebook["object_id"].to_string());
    let above = site.objects.directories_above(workspace, &id);
    assert_eq!(above.await.unwrap().map(|above| above.len()), Some(5));
    let asked = json!({ "path": "/Users/ann@x/p", "recursive": true });
    assert_eq!(site.post(&bob, "delete", asked).await, "");
    assert_eq!(site.names(&ann, "/Users/ann@x").await, Vec::<String>::new());
    let mut tx = site.db.db.read().await.unwrap();
    let left = acl::entries(&mut tx, workspace, &NOTEBOOKS, &id);
    assert_eq!(left.await.unwrap(), []);
}

#[tokio::test]
async fn an_import_becomes_what_its_name_and_format_say() {
    let site = Site::new().await;
    let ann = ctx("ann@x");
    let home = "/Users/ann@x";
    let jupyter = r##"{"cells":[{"cell_type":"markdown","source":["# T"]},{"cell_type":"code","source":"1"}],"metadata":{}}"##;
    for (name, text, more, path, kind, language) in [
        ("a.py", "print(1)", json!({}), "a.py", "FILE", Value::Null),
        ("b.py", "# Databricks notebook source\n1", json!({}), "b", "NOTEBOOK", json!("PYTHON")),
        (
            "c.sql",
            "-- Databricks notebook source\nSELECT 1",
            json!({}),
            "c",
            "NOTEBOOK",
            json!("SQL"),
        ),
        (
            "d.py",
            "# Databricks notebook source\n1",
            json!({ "format": "RAW" }),
            "d.py",
            "FILE",
            Value::Null,
        ),
        ("e.ipynb", jupyter, json!({}), "e", "NOTEBOOK", json!("PYTHON")),
        ("f", jupyter, json!({ "format": "JUPYTER" }), "f", "NOTEBOOK", json!("PYTHON")),
        (
            "g",
            "SELECT 1",
            json!({ "format": "SOURCE", "language": "SQL" }),
            "g",
            "NOTEBOOK",
            json!("SQL"),
        ),
    ] {
        assert_eq!(site.import(&ann, &format!("{home}/{name}"), text, more).await, "", "{name}");
        let (_, found) = site.get(&ann, &format!("get-status?path={home}/{path}")).await;
        assert_eq!(
            (found["object_type"].as_str(), &found["language"]),
            (Some(kind), &language),
            "{found}"
        );
    }
    let (_, exported) = site.get(&ann, &format!("export?path={home}/e&format=JUPYTER")).await;
    let notebook = STANDARD.decode(exported["content"].as_str().unwrap()).unwrap();
    let notebook: Value = serde_json::from_slice(&notebook).unwrap();
    assert_eq!(notebook["cells"][0]["source"], json!(["# T"]));
    assert_eq!(exported["file_type"], "ipynb");
    for (name, text, more, code) in [
        ("a.py", "2", json!({}), "RESOURCE_ALREADY_EXISTS"),
        ("b", "2", json!({ "overwrite": true }), "RESOURCE_ALREADY_EXISTS"),
        ("x/y", "2", json!({}), "RESOURCE_DOES_NOT_EXIST"),
        ("a.py/y", "2", json!({}), "INVALID_PARAMETER_VALUE"),
        ("x", "2", json!({ "format": "SOURCE" }), "INVALID_PARAMETER_VALUE"),
        ("x", "2", json!({ "format": "DBC" }), "FEATURE_DISABLED"),
        ("x", "2", json!({ "format": "JUPYTER" }), "INVALID_PARAMETER_VALUE"),
        ("x", "2", json!({ "content": "%" }), "INVALID_PARAMETER_VALUE"),
        ("../x", "2", json!({}), "INVALID_PARAMETER_VALUE"),
    ] {
        assert_eq!(site.import(&ann, &format!("{home}/{name}"), text, more).await, code, "{name}");
    }
    let large = "x".repeat((10 << 20) + 1);
    assert_eq!(
        site.import(&ann, &format!("{home}/l"), &large, json!({})).await,
        "MAX_NOTEBOOK_SIZE_EXCEEDED"
    );
    assert_eq!(site.import(&ann, &format!("{home}/l"), &large[1..], json!({})).await, "");
}

#[tokio::test]
async fn bytes_come_as_a_form_and_as_they_are() {
    let site = Site::new().await;
    let ann = ctx("ann@x");
    let form = "--B\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/Users/ann@x/f.bin\r\n--B\r\nContent-Disposition: form-data; name=\"format\"\r\n\r\nRAW\r\n--B\r\nContent-Disposition: form-data; name=\"content\"; filename=\"f\"\r\n\r\nA\x00B\r\n--B--\r\n";
    let request = Request::post("/api/2.0/workspace/import")
        .header("content-type", "multipart/form-data; boundary=B")
        .body(Body::from(form))
        .unwrap();
    assert_eq!(site.send(&ann, request).await.0, 200);
    let path = "/api/2.0/workspace/export?path=/Users/ann@x/f.bin&direct_download=true";
    let bytes = site.send(&ann, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(bytes, (200, b"A\0B".to_vec()));
    let path = "/api/2.0/workspace-files/import-file/Users%2Fann@x%2Fg.txt?overwrite=true";
    for text in ["one", "two"] {
        assert_eq!(site.send(&ann, Request::post(path).body(text.into()).unwrap()).await.0, 200);
    }
    assert_eq!(site.text(&ann, "/Users/ann@x/g.txt").await.as_deref(), Some("two"));
    site.objects.workspace_forget(ann.workspace().unwrap()).await.unwrap();
    assert_eq!(site.names(&ann, "/Users/ann@x").await, Vec::<String>::new());
}
