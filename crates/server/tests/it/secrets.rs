//! Secrets of users over the API: made, read by administrators alone, granted,
//! and never kept in clear.

use lazuli_api::{
    AccessLevel, Code, EntityKind, NewSecret, SecretAccessChange, SecretData, SecretUpdate,
};

use super::common::{World, charm, code, deploy_of, problem};

fn data(text: &str) -> SecretData {
    use base64::Engine as _;
    let value = base64::engine::general_purpose::STANDARD.encode(text);
    SecretData([("token".to_owned(), value)].into())
}

fn new(name: &str, text: &str) -> NewSecret {
    NewSecret {
        name: name.to_owned(),
        description: "d".to_owned(),
        content: data(text),
    }
}

#[tokio::test]
async fn a_secret_is_made_changed_and_removed() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let added = model.add_secret(&new("db", "canary-one")).await.unwrap();
    let id = added.added(EntityKind::Secret).next().unwrap().to_owned();
    for name in ["db", &id, &format!("secret:{id}")] {
        let shown = model.secret(name).await.unwrap();
        assert_eq!((shown.id.as_str(), shown.revision), (id.as_str(), 1));
        assert_eq!(
            (shown.owner.as_str(), shown.name.as_str()),
            ("<model>", "db")
        );
        assert_eq!(shown.created, shown.updated);
        assert_eq!(
            model.secret_content(name, None).await.unwrap().data,
            data("canary-one")
        );
    }
    let taken = problem(model.add_secret(&new("db", "x")).await);
    assert_eq!(taken.detail, "secret with name \"db\" already exists");
    // The same content is no new revision.
    for (text, revision) in [("canary-one", 1), ("canary-two", 2)] {
        let update = SecretUpdate {
            content: Some(data(text)),
            ..SecretUpdate::default()
        };
        model.update_secret("db", &update).await.unwrap();
        assert_eq!(model.secret("db").await.unwrap().revision, revision);
    }
    let first = model.secret_content("db", Some(1)).await.unwrap();
    assert_eq!((first.revision, first.data), (1, data("canary-one")));
    model.remove_secret("db", Some(1)).await.unwrap();
    assert_eq!(
        code(model.secret_content("db", Some(1)).await),
        Some(Code::NotFound)
    );
    model.remove_secret("db", None).await.unwrap();
    let gone = problem(model.secret("db").await);
    assert_eq!(gone.detail, "secret \"db\" not found");
    assert_eq!(model.secrets().await.unwrap().secrets, []);
}

#[tokio::test]
async fn what_a_secret_may_say_is_bounded() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let mut bad_key = new("db", "x");
    bad_key.content = SecretData([("ab".to_owned(), "eA==".to_owned())].into());
    let mut no_base64 = new("db", "x");
    no_base64.content = SecretData([("abc".to_owned(), "?".to_owned())].into());
    let mut empty = new("db", "x");
    empty.content = SecretData::default();
    for (secret, detail) in [
        (bad_key, "key \"ab\" not valid"),
        (no_base64, "the value of key \"abc\" is not base64"),
        (empty, "missing secret value or filename"),
        (
            new("9m4e2mr0ui3e8a215n4g", "x"),
            "secret name \"9m4e2mr0ui3e8a215n4g\" not valid",
        ),
    ] {
        assert_eq!(problem(model.add_secret(&secret).await).detail, detail);
    }
    let long = problem(model.add_secret(&new("db", &"x".repeat(750_001))).await);
    assert!(long.detail.contains("too large"), "{}", long.detail);
}

#[tokio::test]
async fn applications_are_granted_secrets() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    model.deploy(&deploy_of(&url)).await.unwrap();
    model.add_secret(&new("db", "x")).await.unwrap();
    let change = |grant: &[&str], revoke: &[&str]| SecretAccessChange {
        grant: grant.iter().map(|name| (*name).to_owned()).collect(),
        revoke: revoke.iter().map(|name| (*name).to_owned()).collect(),
    };
    model
        .change_secret_access("db", &change(&["web"], &[]))
        .await
        .unwrap();
    let shown = model.secret("db").await.unwrap();
    assert_eq!(shown.access.len(), 1);
    assert_eq!(
        (
            shown.access[0].target.as_str(),
            shown.access[0].role.as_str()
        ),
        ("application-web", "view")
    );
    let unknown = problem(
        model
            .change_secret_access("db", &change(&["nobody"], &[]))
            .await,
    );
    assert_eq!(unknown.detail, "application \"nobody\" not found");
    model
        .change_secret_access("db", &change(&[], &["web"]))
        .await
        .unwrap();
    assert_eq!(model.secret("db").await.unwrap().access, []);
    // Charms are not the only ones that are here.
    assert!(model.add_charm(charm("other", "")).await.is_ok());
}

#[tokio::test]
async fn who_may_write_does_not_read_what_secrets_say() {
    let world = World::new().await;
    world.model("dev").await;
    let writer = world.user("writer").await;
    let dev = world.admin.model("dev");
    dev.grant("writer", AccessLevel::Write).await.unwrap();
    let model = writer.model("admin/dev");
    model.add_secret(&new("db", "x")).await.unwrap();
    assert_eq!(model.secrets().await.unwrap().secrets.len(), 1);
    assert_eq!(
        code(model.secret_content("db", None).await),
        Some(Code::Forbidden)
    );
}
