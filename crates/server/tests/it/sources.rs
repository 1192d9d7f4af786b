//! Charms by name, from the catalogue and from a charm store on loopback;
//! resources, and refreshes.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up is to fail")]

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use lazuli_api::source::From;
use lazuli_api::{Choice, Code, NamedCharm, Refresh};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::common::{World, charm, code, deploy_of, problem};

/// What the store serves: archives by revision, and what the resource is.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Stock>>);

#[derive(Default)]
struct Stock {
    address: String,
    archives: Vec<Vec<u8>>,
    site: Vec<u8>,
    /// What is sent is not what was promised.
    damaged: bool,
    downloads: u32,
}

impl Shelf {
    async fn start() -> Self {
        let shelf = Self::default();
        let router = Router::new()
            .route("/v2/charms/refresh", post(refresh))
            .route("/content/{name}", get(content))
            .with_state(shelf.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        shelf.0.lock().unwrap().address = address;
        tokio::spawn(async move { axum::serve(listener, router).await });
        shelf
    }

    fn stock(&self, more: &str) {
        let metadata = format!("resources: {{site: {{type: file, filename: s.txt}}}}\n{more}");
        self.0
            .lock()
            .unwrap()
            .archives
            .push(charm("web", &metadata));
    }
}

async fn refresh(State(shelf): State<Shelf>, Json(body): Json<Value>) -> Json<Value> {
    let stock = shelf.0.lock().unwrap();
    let action = &body["actions"][0];
    let newest = stock.archives.len() - 1;
    let revision = action["revision"].as_u64().map_or(newest, |n| n as usize);
    let download = |name: &str, content: &[u8]| {
        json!({ "url": format!("{}/content/{name}", stock.address), "size": content.len(),
            "hash-sha-256": hex::encode(Sha256::digest(content)) })
    };
    if action["name"] != "web" {
        let error = json!({ "code": "name-not-found", "message": "no" });
        return Json(json!({ "results": [{ "result": "error", "error": error }] }));
    }
    Json(json!({ "results": [{
        "result": "install", "effective-channel": "latest/stable",
        "charm": {
            "type": "charm", "name": "web", "revision": revision,
            "bases": [{ "architecture": "amd64", "name": "ubuntu", "channel": "24.04" }],
            "download": download(&revision.to_string(), &stock.archives[revision]),
            "resources": [{ "name": "site", "type": "file", "filename": "s.txt", "revision": 3,
                "download": download("site", &stock.site) }],
        },
    }] }))
}

async fn content(State(shelf): State<Shelf>, Path(name): Path<String>) -> Vec<u8> {
    let mut stock = shelf.0.lock().unwrap();
    stock.downloads += 1;
    let mut content = match name.as_str() {
        "site" => stock.site.clone(),
        revision => stock.archives[revision.parse::<usize>().unwrap()].clone(),
    };
    if stock.damaged {
        content[0] ^= 1;
    }
    content
}

fn named(name: &str) -> NamedCharm {
    NamedCharm {
        name: name.to_owned(),
        ..NamedCharm::default()
    }
}

#[tokio::test]
async fn charms_of_the_store_come_with_their_resources() {
    let shelf = Shelf::start().await;
    shelf.stock("");
    shelf.0.lock().unwrap().site = b"hello".to_vec();
    let url = shelf.0.lock().unwrap().address.clone();
    let world = World::with(|settings| settings.charmhub_url = url).await;
    world.model("dev").await;
    let model = world.admin.model("dev");

    let missing = problem(model.add_named_charm(&named("none")).await);
    assert_eq!(missing.detail, "charm or bundle \"none\" not found");
    let foreseen = model
        .clone()
        .dry_run(true)
        .add_named_charm(&named("web"))
        .await;
    assert_eq!(foreseen.unwrap().added.charm.sha256, "");

    shelf.0.lock().unwrap().damaged = true;
    let damaged = problem(model.add_named_charm(&named("web")).await);
    assert!(
        damaged.detail.contains("nothing of it is taken"),
        "{}",
        damaged.detail
    );
    assert_eq!(model.charms().await.unwrap().charms, []);
    shelf.0.lock().unwrap().damaged = false;

    let found = model.add_named_charm(&named("web")).await.unwrap();
    assert_eq!(found.added.charm.url, "ch:amd64/noble/web-0");
    assert_eq!(found.channel.as_deref(), Some("latest/stable"));
    let mut deploy = deploy_of(&found.added.charm.url);
    deploy.channel.clone_from(&found.channel);
    deploy.resources = found.resources;
    let changed = model.deploy(&deploy).await.unwrap();
    assert_eq!(changed.notices, [""; 0]);
    let site = model.resources("web").await.unwrap().resources.remove(0);
    assert_eq!(
        (site.origin.as_str(), site.revision, site.size),
        ("store", Some(3), 5)
    );
    assert_eq!(
        model.application("web").await.unwrap().channel,
        "latest/stable"
    );
    let status = model.status().await.unwrap();
    let shown = &status.applications["web"];
    assert_eq!(
        (shown.charm.as_str(), shown.charm_origin.as_str()),
        ("web", "charmhub")
    );

    // Nothing new: nothing is downloaded.
    let before = shelf.0.lock().unwrap().downloads;
    let again = model.add_named_charm(&named("web")).await.unwrap();
    assert_eq!(
        (again.added.written, shelf.0.lock().unwrap().downloads),
        (None, before)
    );
    let refresh = |found: &lazuli_api::NamedAdded| Refresh {
        charm: found.added.charm.url.clone(),
        channel: found.channel.clone(),
        resources: found.resources.clone(),
        ..Refresh::default()
    };
    let mut same = refresh(&again);
    same.resources.clear();
    assert_eq!(model.refresh("web", &same).await.unwrap().written, None);

    // A newer revision, and an older one that is asked for.
    shelf.stock("tags: [x]");
    let newer = model.add_named_charm(&named("web")).await.unwrap();
    assert_eq!(newer.added.charm.url, "ch:amd64/noble/web-1");
    assert!(
        model
            .refresh("web", &refresh(&newer))
            .await
            .unwrap()
            .written
            .is_some()
    );
    let mut older = named("web");
    older.choice = Choice {
        revision: Some(0),
        ..Choice::default()
    };
    let older = model.add_named_charm(&older).await.unwrap();
    assert_eq!(older.added.charm.url, "ch:amd64/noble/web-0");
}

#[tokio::test]
async fn the_catalogue_comes_before_the_store() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("web.charm"), charm("web", "")).unwrap();
    let place = directory.path().to_owned();
    let world = World::with(|settings| {
        settings.charmhub_url = "http://127.0.0.1:1".to_owned();
        settings.charm_catalogue = vec![place];
    })
    .await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let found = model.add_named_charm(&named("web")).await.unwrap();
    assert_eq!(found.added.charm.url, "local:web-0");
    assert_eq!((found.origin.as_str(), found.channel), ("local", None));
    let mut other = named("other");
    other.from = From::Catalogue;
    assert_eq!(
        code(model.add_named_charm(&other).await),
        Some(Code::NotFound)
    );
    // A store that does not answer is said to be that.
    other.from = From::Anywhere;
    let unreachable = problem(model.add_named_charm(&other).await);
    assert_eq!(unreachable.code, Code::Unreachable.as_str());
    assert!(
        unreachable
            .detail
            .contains("a charm may be deployed from a path")
    );
}

#[tokio::test]
async fn resources_are_bounded_and_belong_to_their_model() {
    let world = World::with(|settings| settings.largest_resource = 10).await;
    world.model("dev").await;
    world.model("other").await;
    let (dev, other) = (world.admin.model("dev"), world.admin.model("other"));
    let metadata = "resources: {site: {type: file, filename: s.txt}, image: {type: oci-image}}";
    let file = |content: &str| {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        tokio::fs::File::from_std(file)
    };
    let large = dev.upload_resource("s.txt", file("0123456789x"), 11).await;
    assert_eq!(code(large), Some(Code::TooLarge));
    let sent = dev
        .upload_resource("/tmp/s.txt", file("0123456789"), 10)
        .await
        .unwrap();
    for model in [&dev, &other] {
        let url = model
            .add_charm(charm("web", metadata))
            .await
            .unwrap()
            .charm
            .url;
        let changed = model.deploy(&deploy_of(&url)).await.unwrap();
        assert_eq!(
            changed.notices,
            [
                "resource \"image\" is an OCI image, which machines do not get",
                "resource \"site\" is missing: give it with attach-resource web site=FILE",
            ]
        );
    }
    // Who knows an id of another model's upload has nothing of it.
    let stolen = other.attach_resource("web", "site", &sent.id).await;
    assert_eq!(code(stolen), Some(Code::NotFound));
    let image = problem(dev.attach_resource("web", "image", &sent.id).await);
    assert!(image.detail.contains("OCI image"), "{}", image.detail);
    let typo = problem(dev.attach_resource("web", "sit", &sent.id).await);
    assert_eq!(
        typo.detail,
        "resource \"sit\" not found; did you mean \"site\"?"
    );
    dev.attach_resource("web", "site", &sent.id).await.unwrap();
    let site = dev.resources("web").await.unwrap().resources.remove(1);
    assert_eq!(site.sha256, hex::encode(Sha256::digest("0123456789")));
    assert_eq!(
        (site.fingerprint.len(), site.username.as_str()),
        (96, "admin")
    );
}
