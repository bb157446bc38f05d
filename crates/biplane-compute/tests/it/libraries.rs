//! Libraries: wanted, installed on every host, gone with a restart; and who may ask for them.

use crate::clusters::{Site, named};
use crate::support::eventually;
use biplane_api::ids::{NodeId, WorkspaceId};
use biplane_api::internal::Access;
use biplane_compute::{FileBytes, InBucket, Supplies};
use biplane_platform::testing::{admin_ctx, ctx};
use biplane_platform::{ApiError, Ctx, Result};
use bytes::Bytes;
use futures::StreamExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Path and text of what was written.
pub type Written = Arc<Mutex<BTreeMap<String, String>>>;

/// One file, which everybody but one may read.
pub struct Shelf {
    pub owner: Ctx,
    pub secret_from: String,
    pub written: Written,
}

pub const SCRIPT: &str = "/Volumes/main/default/files/a.sh";
pub const WHEEL: &str = "/Volumes/main/default/files/a-1-py3-none-any.whl";

#[async_trait::async_trait]
impl Supplies for Shelf {
    async fn ctx_of(&self, _: &str, _: WorkspaceId) -> Result<Ctx> {
        Ok(self.owner.clone())
    }

    async fn file_open(&self, ctx: &Ctx, path: &str) -> Result<FileBytes> {
        if ctx.principal.is(&self.secret_from) {
            return Err(ApiError::denied("You may not read this volume."));
        }
        match path {
            WHEEL | SCRIPT => Ok(futures::stream::iter([Ok("wheel".into())]).boxed()),
            _ => Err(ApiError::not_found("The file does not exist.")),
        }
    }

    async fn file_write(&self, _: &Ctx, path: &str, bytes: Bytes) -> Result<()> {
        if path.contains("/full/") {
            return Err(ApiError::denied("The volume is full."));
        }
        self.written.lock().insert(path.into(), String::from_utf8(bytes.to_vec()).unwrap());
        Ok(())
    }

    async fn place_check(&self, ctx: &Ctx, _: &str) -> Result<()> {
        match ctx.principal.is(&self.secret_from) {
            true => Err(ApiError::denied("You may not write there.")),
            false => Ok(()),
        }
    }

    async fn object_read(
        &self,
        _: &Ctx,
        url: &str,
        _: &InBucket,
        _: Access,
        _: usize,
    ) -> Result<Option<Bytes>> {
        Ok(self.written.lock().get(url).map(|text| text.clone().into()))
    }

    async fn object_write(&self, ctx: &Ctx, url: &str, _: &InBucket, bytes: Bytes) -> Result<()> {
        self.file_write(ctx, url, bytes).await
    }

    async fn object_check(&self, ctx: &Ctx, url: &str, _: &InBucket) -> Result<()> {
        self.place_check(ctx, url).await
    }

    async fn secret(&self, ctx: &Ctx, scope: &str, key: &str) -> Result<Vec<u8>> {
        match (scope, key) {
            _ if ctx.principal.is(&self.secret_from) => Err(ApiError::not_found("no such scope")),
            ("vault", "word") => Ok(b"s3cret".to_vec()),
            _ => Err(ApiError::not_found(format!("no secret {scope}/{key}"))),
        }
    }
}

pub type Ran = Arc<Mutex<Vec<(NodeId, Value)>>>;

/// What `fails` is in the arguments of, fails.
pub fn recorded(site: &Site, fails: &'static str) -> Ran {
    let ran = Ran::default();
    let log = ran.clone();
    *site.provider.runs.lock() = Arc::new(move |node_id, order| {
        log.lock().push((node_id.clone(), order.clone()));
        match order["arguments"].to_string().contains(fails) {
            true => (1, "Collecting it\nERROR: No matching distribution found\n".into()),
            false => (0, "Successfully installed\n".into()),
        }
    });
    ran
}

pub async fn site() -> Site {
    stocked(Site::new().await).0
}

pub fn stocked(site: Site) -> (Site, Written) {
    let written = Written::default();
    let (owner, secret_from) = (site.world.ctx.clone(), "other@example.org".into());
    let shelf = Shelf { owner, secret_from, written: written.clone() };
    site.world.compute.set_supplies(Arc::new(shelf));
    (site, written)
}

async fn statuses(site: &Site, id: &str) -> Vec<(String, Value)> {
    let path = format!("/api/2.0/libraries/cluster-status?cluster_id={id}");
    let (status, answer) = site.call_as(&site.world.ctx, "GET", &path, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let one = |one: &Value| (one["status"].as_str().unwrap().to_owned(), one.clone());
    answer["library_statuses"]
        .as_array()
        .map(|all| all.iter().map(one).collect())
        .unwrap_or_default()
}

async fn until(site: &Site, id: &str, wanted: &[&str]) -> Vec<Value> {
    eventually(&format!("{wanted:?}"), async || {
        let found = statuses(site, id).await;
        let words: Vec<&str> = found.iter().map(|(word, _)| word.as_str()).collect();
        (words == wanted).then(|| found.iter().map(|(_, one)| one.clone()).collect())
    })
    .await
}

async fn ask(site: &Site, ctx: &Ctx, verb: &str, id: &str, libraries: Value) -> (u16, Value) {
    let path = format!("/api/2.0/libraries/{verb}");
    let body = json!({ "cluster_id": id, "libraries": libraries });
    site.call_as(ctx, "POST", &path, body).await
}

async fn done(site: &Site, verb: &str, id: &str, libraries: Value) {
    let (status, answer) = ask(site, &site.world.ctx, verb, id, libraries).await;
    assert_eq!((status, &answer), (200, &json!({})), "{verb}");
}

fn package(name: &str) -> Value {
    json!({ "pypi": { "package": name } })
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_are_on_every_host_and_there_again_after_a_restart() {
    let site = site().await;
    let ran = recorded(&site, "broken");
    let id = site.create_with(json!({ "num_workers": 1, "spark_env_vars": { "A": "b" } })).await;
    // Before there is a host.
    done(&site, "install", &id, json!([package("good"), package("broken"), { "whl": WHEEL }]))
        .await;
    site.until(&id, "RUNNING").await;
    let told = until(&site, &id, &["INSTALLED", "FAILED", "INSTALLED"]).await;
    assert_eq!(told[0]["library"], package("good"));
    assert!(told[1]["messages"][0].as_str().unwrap().contains("No matching distribution"));
    {
        let ran = ran.lock();
        let hosts_with = |word: &str| {
            let of = |(_, order): &&(NodeId, Value)| order["arguments"].to_string().contains(word);
            ran.iter().filter(of).count()
        };
        assert_eq!((hosts_with("good"), hosts_with("whl")), (2, 2));
        assert_eq!(ran[0].1["environment"], json!({ "A": "b" }));
        assert_eq!(ran[0].1["kind"], "pip");
    }
    // One more host gets what the others have; what failed is not tried again.
    site.done("resize", json!({ "cluster_id": id, "num_workers": 2 })).await;
    site.until(&id, "RUNNING").await;
    eventually("the new host", async || {
        let ran = ran.lock();
        (ran.iter().filter(|(_, order)| order["arguments"].to_string().contains("good")).count()
            == 3)
            .then_some(())
    })
    .await;
    done(&site, "uninstall", &id, json!([package("good"), package("never-there")])).await;
    until(&site, &id, &["UNINSTALL_ON_RESTART", "FAILED", "INSTALLED"]).await;
    let path = "/api/2.0/libraries/all-cluster-statuses";
    let (_, all) = site.call_as(&site.world.ctx, "GET", path, Value::Null).await;
    assert_eq!(all["statuses"][0]["cluster_id"], id);
    let before = ran.lock().len();
    site.done("restart", named(&id)).await;
    until(&site, &id, &["FAILED", "INSTALLED"]).await;
    let again = ran.lock()[before..]
        .iter()
        .map(|(_, order)| order["arguments"].to_string())
        .collect::<String>();
    assert!(!again.contains("good") && again.contains("whl"), "{again}");
    // Without anything running, what is uninstalled is gone.
    site.done("delete", named(&id)).await;
    site.until(&id, "TERMINATED").await;
    until(&site, &id, &["PENDING", "PENDING"]).await;
    done(&site, "uninstall", &id, json!([package("broken"), { "whl": WHEEL }])).await;
    assert!(statuses(&site, &id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_gets_nothing_installed() {
    let site = site().await;
    recorded(&site, "broken");
    let id = site.create(0).await;
    let mut stranger = ctx("stranger@example.org");
    stranger.workspace = site.world.ctx.workspace;
    assert_eq!(ask(&site, &stranger, "install", &id, json!([package("a")])).await.0, 404);
    for (library, status) in [
        (json!({ "jar": "/Volumes/a/b/c/d.jar" }), 501),
        (json!({ "maven": { "coordinates": "a:b:c" } }), 501),
        (json!({ "cran": { "package": "a" } }), 501),
        (json!({ "whl": "/Workspace/a.whl" }), 404),
        (json!({ "whl": "/Volumes/main/default/files/b-1-py3-none-any.whl" }), 404),
        (json!({}), 400),
    ] {
        let (told, answer) = ask(&site, &site.world.ctx, "install", &id, json!([library])).await;
        assert_eq!(told, status, "{answer}");
    }
    assert!(statuses(&site, &id).await.is_empty());
    // A manager of the cluster who may not read the file.
    let mut other = admin_ctx("other@example.org");
    other.workspace = site.world.ctx.workspace;
    assert_eq!(ask(&site, &other, "install", &id, json!([{ "whl": WHEEL }])).await.0, 403);
}
