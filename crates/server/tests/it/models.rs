use lazuli_api::{AccessLevel, AuthorizedKeys, Code, ModelConfigChange, NewModel, Removal};
use lazuli_model::state::{Change, RowKey};
use lazuli_server::SSH_IDENTITY;
use lazuli_store::secrets;
use serde_json::json;

use super::common::{World, code, problem};

#[tokio::test]
async fn a_model_is_made_with_a_network_and_an_identity() {
    let world = World::new().await;
    let new = NewModel {
        name: "dev".to_owned(),
        constraints: Some("mem=4G".to_owned()),
        config: [("default-base".to_owned(), json!("ubuntu@22.04"))].into(),
        ..NewModel::default()
    };
    let added = world.admin.add_model(&new).await.unwrap();
    assert_eq!(added.model.address_range, "10.64.0.0/18");
    assert_eq!(
        (added.model.owner.as_str(), added.model.life.as_str()),
        ("admin", "alive")
    );
    assert_eq!(added.model.users["admin"].access, "admin");
    let model = world.admin.model("dev");
    assert_eq!(model.constraints().await.unwrap().constraints, "mem=4096M");
    let id = world.model("other").await;
    let secret = secrets::get(world.store.pool(), world.store.sealer(), id, SSH_IDENTITY).await;
    assert_eq!(secret.unwrap().unwrap(), b"a private key");
    let names: Vec<String> = world
        .admin
        .models()
        .await
        .unwrap()
        .models
        .into_iter()
        .map(|model| model.name)
        .collect();
    assert_eq!(names, ["dev", "other"]);
}

#[tokio::test]
async fn models_are_found_by_name_owner_and_id() {
    let world = World::new().await;
    let id = world.model("dev").await.to_string();
    for name in ["dev", "admin/dev", &id] {
        let info = world.admin.model(name).info().await.unwrap();
        assert_eq!(info.uuid, id, "{name}");
    }
    for name in [
        "nope",
        "bob/dev",
        "Not A Name",
        "00000000-0000-0000-0000-000000000000",
    ] {
        let refused = code(world.admin.model(name).info().await);
        assert_eq!(refused, Some(Code::NotFound), "{name}");
    }
}

#[tokio::test]
async fn what_is_no_model_is_refused() {
    let world = World::new().await;
    world.model("dev").await;
    let new = |name: &str| NewModel {
        name: name.to_owned(),
        ..NewModel::default()
    };
    let again = problem(world.admin.add_model(&new("dev")).await);
    assert_eq!(again.detail, "model \"dev\" already exists");
    let invalid = problem(world.admin.add_model(&new("-dev")).await);
    assert!(
        invalid.detail.starts_with("invalid model name \"-dev\""),
        "{}",
        invalid.detail
    );
    let elsewhere = NewModel {
        cloud: Some("aws".to_owned()),
        ..new("x")
    };
    assert_eq!(
        code(world.admin.add_model(&elsewhere).await),
        Some(Code::Invalid)
    );
    let bob = world.user("bob").await;
    assert_eq!(
        code(bob.add_model(&new("mine")).await),
        Some(Code::Forbidden)
    );
}

#[tokio::test]
async fn access_is_given_and_taken() {
    let world = World::new().await;
    world.model("dev").await;
    let bob = world.user("bob").await;
    let (of_admin, of_bob) = (world.admin.model("admin/dev"), bob.model("admin/dev"));
    assert_eq!(code(of_bob.info().await), Some(Code::NotFound));
    assert!(bob.models().await.unwrap().models.is_empty());
    of_admin.grant("bob", AccessLevel::Read).await.unwrap();
    assert_eq!(of_bob.info().await.unwrap().access, "read");
    assert_eq!(bob.model("dev").info().await.unwrap().access, "read");
    assert_eq!(
        code(of_bob.set_constraints("").await),
        Some(Code::Forbidden)
    );
    of_admin.grant("bob", AccessLevel::Admin).await.unwrap();
    of_bob.set_constraints("mem=1G").await.unwrap();
    assert_eq!(of_bob.access().await.unwrap().users.len(), 2);
    of_admin.revoke("bob").await.unwrap();
    assert_eq!(code(of_bob.info().await), Some(Code::NotFound));
    assert_eq!(code(of_admin.revoke("bob").await), Some(Code::NotFound));
    assert_eq!(
        problem(of_admin.grant("eve", AccessLevel::Read).await).detail,
        "user \"eve\" not found"
    );
}

#[tokio::test]
async fn settings_and_keys_are_changed() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let change = ModelConfigChange {
        set: [
            ("egress".to_owned(), json!("public")),
            ("typo".to_owned(), json!("x")),
        ]
        .into(),
        reset: Vec::new(),
    };
    let changed = model.change_config(&change).await.unwrap();
    assert_eq!(changed.written.unwrap().generation, 2);
    assert_eq!(changed.notices.len(), 1);
    let config = model.config().await.unwrap().config;
    assert_eq!(
        (&config["egress"].value, config["egress"].source.as_str()),
        (&json!("public"), "model")
    );
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    let keys = |comment: &str| AuthorizedKeys {
        keys: vec![format!("{key} {comment}")],
    };
    model.add_ssh_keys(&keys("bob")).await.unwrap();
    let again = model.add_ssh_keys(&keys("alice")).await.unwrap();
    assert_eq!(again.written, None, "the same key is there already");
    let known = model.ssh_keys().await.unwrap();
    assert_eq!(known.keys, keys("bob").keys);
    let own = known.model_key;
    assert!(own.starts_with("ssh-ed25519 "), "{own}");
    assert!(own.contains("lazuli-"), "{own}");
    let bad = AuthorizedKeys {
        keys: vec!["command=\"x\" ssh-ed25519 AAAA".to_owned()],
    };
    assert_eq!(code(model.add_ssh_keys(&bad).await), Some(Code::Invalid));
}

#[tokio::test]
async fn a_model_goes_when_the_controller_says_so() {
    let world = World::new().await;
    let (id, _) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let gone = model.destroy(&Removal::default()).await.unwrap();
    assert!(gone.written.is_some());
    assert_eq!(model.info().await.unwrap().life, "dying");
    let status = model.status().await.unwrap();
    assert_eq!(status.model.model_status.current, "destroying");
    world.commit(id, vec![Change::Delete(RowKey::Model)]).await;
    assert_eq!(code(model.info().await), Some(Code::NotFound));
    assert_eq!(code(model.status().await), Some(Code::NotFound));
    // The name is free again.
    world.model("dev").await;
}
