//! The storage door of a Spark runtime, before files of this host.

use crate::bed::answer;
use biplane_api::ids::{SandboxId, WorkspaceId};
use biplane_api::network::EgressProduct;
use biplane_doors::storage::{Client, Files, Roots, Storage, Store, Stores, Whose};
use biplane_doors::{EventLog, Identity, Limits, Meter, Recorder};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

struct Bed {
    dir: tempfile::TempDir,
    /// The directory of the table that may be written, as a key.
    own: String,
    stores: watch::Sender<Arc<Stores>>,
    closed: CancellationToken,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl Bed {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap().join("tables");
        for (path, text) in [
            ("own/_delta_log/00000000000000000000.json", "{\"commitInfo\":{}}"),
            ("own/p=1/a.parquet", "0123456789"),
            ("own/b.parquet", "bb"),
            ("seen/c.parquet", "ccc"),
            ("other/secret", "hush"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let key = |name: &str| root.join(name).to_str().unwrap().trim_start_matches('/').to_owned();
        let granted = Store::of_files([(key("own"), true), (key("seen"), false)]);
        let door = biplane_doors::open(dir.path(), "storage.sock").unwrap();
        let identity = Identity {
            sandbox_id: SandboxId::random(),
            workspace_id: WorkspaceId(7),
            product: EgressProduct::Other,
        };
        let (stores, watched) = watch::channel(Arc::new(Stores(vec![granted])));
        let closed = CancellationToken::new();
        let roots = Arc::new(Roots::open(&[PathBuf::from(&root)]).unwrap());
        let storage = Storage {
            recorder: Arc::new(Recorder::new(identity, Arc::<EventLog>::default())),
            stores: watched,
            limits: Limits::default(),
            meter: Arc::<Meter>::default(),
            client: Client::new().unwrap(),
            whose: Whose::Runtime(Files::new(roots)),
        };
        tokio::spawn(Arc::new(storage).keep(door, closed.clone()));
        Self { own: key("own"), dir, stores, closed }
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new("/").join(&self.own).join(name)
    }

    /// The status, and the rest of the answer.
    async fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(self.dir.path().join("storage.sock")).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = answer(&mut stream).await;
        (answer[9..12].parse().unwrap(), answer)
    }

    async fn own(&self, method: &str, name: &str, body: &str) -> (u16, String) {
        self.ask(method, &format!("/local_files/{}/{name}", self.own), "", body).await
    }

    async fn list(&self, query: &str) -> String {
        let (status, text) =
            self.ask("GET", &format!("/local_files?list-type=2&{query}"), "", "").await;
        assert_eq!(status, 200, "{text}");
        text.replace(&self.own, "T")
    }
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn files_are_read_whole_and_in_parts() {
    let bed = Bed::new().await;
    let (status, text) = bed.own("GET", "p%3D1/a.parquet", "").await;
    assert_eq!((status, body(&text)), (200, "0123456789"));
    let path = format!("/local_files/{}/p=1/a.parquet", bed.own);
    let (status, text) = bed.ask("GET", &path, "Range: bytes=2-4\r\n", "").await;
    assert_eq!((status, body(&text)), (206, "234"));
    assert!(text.to_lowercase().contains("content-range: bytes 2-4/10"), "{text}");
    assert_eq!(bed.ask("GET", &path, "Range: bytes=99-\r\n", "").await.0, 416);
    let (status, text) = bed.own("HEAD", "b.parquet", "").await;
    assert_eq!((status, body(&text)), (200, ""));
    assert!(text.to_lowercase().contains("content-length: 2"), "{text}");
    let path = format!("/local_files/{}", bed.own);
    assert_eq!(bed.ask("HEAD", &path, "", "").await.0, 404);
    for missing in ["nothing", "p=1", "b.parquet/x"] {
        assert_eq!(bed.own("GET", missing, "").await.0, 404, "{missing}");
    }
}

#[tokio::test]
async fn listings_are_in_the_order_of_keys() {
    let bed = Bed::new().await;
    fs::write(bed.path(".biplane-part-1"), "half").unwrap();
    let keys = |text: &str| -> Vec<String> {
        text.split("<Key>")
            .skip(1)
            .map(|rest| rest.split("</Key>").next().unwrap().to_owned())
            .collect()
    };
    let prefix = format!("prefix={}/", bed.own);
    let all = ["T/_delta_log/00000000000000000000.json", "T/b.parquet", "T/p=1/a.parquet"];
    assert_eq!(keys(&bed.list(&prefix).await), all);
    let first = bed.list(&format!("{prefix}&max-keys=2")).await;
    assert_eq!(keys(&first), all[..2]);
    assert!(
        first.contains("<IsTruncated>true<")
            && first.contains("<NextContinuationToken>T/b.parquet<")
    );
    let next = bed.list(&format!("{prefix}&continuation-token={}/b.parquet", bed.own)).await;
    assert_eq!(keys(&next), all[2..]);
    assert!(next.contains("<IsTruncated>false<"));
    let flat = bed.list(&format!("{prefix}&delimiter=/")).await;
    assert_eq!(keys(&flat), ["T/b.parquet"]);
    assert!(flat.contains("<Prefix>T/p=1/</Prefix>"), "{flat}");
    let after =
        bed.list(&format!("{prefix}_delta_log/&start-after={}/_delta_log/0", bed.own)).await;
    assert_eq!(keys(&after), all[..1]);
    assert_eq!(keys(&bed.list(&format!("{prefix}none/")).await), [""; 0]);
}

#[tokio::test]
async fn what_was_not_granted_is_not_there() {
    let bed = Bed::new().await;
    let root = bed.own.strip_suffix("/own").unwrap();
    for path in [
        format!("/local_files/{root}/other/secret"),
        format!("/local_files/{root}/ownx/secret"),
        "/local_files/etc/passwd".to_owned(),
        format!("/local_files?list-type=2&prefix={root}/"),
        "/local_files?list-type=2".to_owned(),
        "/another/x".to_owned(),
    ] {
        let (status, text) = bed.ask("GET", &path, "", "").await;
        assert_eq!(status, 403, "{path}: {text}");
        assert!(!text.contains("hush"));
    }
    let way_up = format!("/local_files/{}/../other/secret", bed.own);
    assert_eq!(bed.ask("GET", &way_up, "", "").await.0, 400);
    // Nor by a link that somebody put there.
    std::os::unix::fs::symlink(bed.path("../other"), bed.path("out")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", bed.path("passwd")).unwrap();
    for link in ["out/secret", "passwd"] {
        assert_eq!(bed.own("GET", link, "").await.0, 403, "{link}");
    }
    assert_eq!(bed.own("PUT", "out/new", "x").await.0, 403);
    assert!(!bed.list(&format!("prefix={}/", bed.own)).await.contains("passwd"));
    bed.stores.send_replace(Arc::default());
    assert_eq!(bed.own("GET", "b.parquet", "").await.0, 403);
}

#[tokio::test]
async fn files_are_added_and_never_changed() {
    let bed = Bed::new().await;
    assert_eq!(bed.own("PUT", "p=2/d/new.parquet", "new").await.0, 200);
    assert_eq!(fs::read_to_string(bed.path("p=2/d/new.parquet")).unwrap(), "new");
    assert_eq!(bed.own("PUT", "p=2/d/new.parquet", "other").await.0, 412);
    assert_eq!(fs::read_to_string(bed.path("p=2/d/new.parquet")).unwrap(), "new");
    assert_eq!(bed.own("DELETE", "b.parquet", "").await.0, 403);
    assert!(bed.path("b.parquet").exists());
    let commit = "_delta_log/00000000000000000001.json";
    let (status, text) = bed.own("PUT", commit, "{\"metaData\":{}}").await;
    assert!(status == 403 && text.contains("changed in SQL"), "{text}");
    assert_eq!(bed.own("PUT", commit, "{\"add\":{\"path\":\"x\"}}").await.0, 200);
    assert_eq!(bed.own("PUT", commit, "{\"add\":{\"path\":\"x\"}}").await.0, 412);
    let next = format!("/local_files/{}/_delta_log/00000000000000000002.json", bed.own);
    let copied = format!("x-amz-copy-source: /local_files/{}/b.parquet\r\n", bed.own);
    assert_eq!(bed.ask("PUT", &next, &copied, "").await.0, 403);
    assert_eq!(bed.own("PUT", "_delta_log/_last_checkpoint", "{}").await.0, 403);
    let seen = bed.own.replace("/own", "/seen");
    let (status, text) = bed.ask("PUT", &format!("/local_files/{seen}/x"), "", "x").await;
    assert!(status == 403 && text.contains("read-only"), "{text}");
    let left: Vec<_> = fs::read_dir(bed.path("p=2/d")).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn a_file_comes_in_parts() {
    let bed = Bed::new().await;
    let (status, text) = bed.own("POST", "big.parquet?uploads", "").await;
    assert_eq!(status, 200, "{text}");
    let id = text.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let part = |number: u32| format!("big.parquet?partNumber={number}&uploadId={id}");
    assert_eq!(bed.own("PUT", &part(2), "world").await.0, 200);
    assert_eq!(bed.own("PUT", &part(1), "hello ").await.0, 200);
    assert!(!bed.path("big.parquet").exists());
    assert_eq!(
        bed.own("PUT", &format!("other.parquet?partNumber=1&uploadId={id}"), "x").await.0,
        404
    );
    let end = format!("big.parquet?uploadId={id}");
    assert_eq!(bed.own("POST", &end, "<CompleteMultipartUpload/>").await.0, 200);
    assert_eq!(fs::read_to_string(bed.path("big.parquet")).unwrap(), "hello world");
    assert_eq!(bed.own("POST", &end, "").await.0, 404);
    let (_, text) = bed.own("POST", "never.parquet?uploads", "").await;
    let id = text.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    bed.own("PUT", &format!("never.parquet?partNumber=1&uploadId={id}"), "x").await;
    assert_eq!(bed.own("DELETE", &format!("never.parquet?uploadId={id}"), "").await.0, 204);
    let names = fs::read_dir(bed.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_str().unwrap().starts_with(".biplane")));
}
