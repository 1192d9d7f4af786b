use lazuli_api::client::StatusAnswer;
use lazuli_api::{AddUnits, Code, ConfigChange, EntityKind, Expose, Refresh, Removal, StatusQuery};
use serde_json::json;

use super::common::{World, charm, code, deploy_of, lines, problem};

#[tokio::test]
async fn an_archive_is_judged_before_it_is_a_charm() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let first = model.add_charm(charm("web", "")).await.unwrap();
    assert_eq!(first.charm.url, "local:web-0");
    assert_eq!(first.charm.bases, ["ubuntu@24.04"]);
    let again = model.add_charm(charm("web", "")).await.unwrap();
    assert_eq!((again.charm, again.written), (first.charm, None));
    let next = model.add_charm(charm("web", "tags: [x]")).await.unwrap();
    assert_eq!(next.charm.url, "local:web-1");
    assert_eq!(model.charms().await.unwrap().charms.len(), 2);
    let junk = problem(model.add_charm(&b"junk"[..]).await);
    assert!(
        junk.detail
            .starts_with("this is no charm: not a usable zip archive"),
        "{}",
        junk.detail
    );
    let dry = model
        .clone()
        .dry_run(true)
        .add_charm(charm("db", ""))
        .await
        .unwrap();
    assert_eq!(dry.written, None);
    assert_eq!(model.charms().await.unwrap().charms.len(), 2);
}

#[tokio::test]
async fn archives_have_a_limit() {
    let world = World::with(|settings| settings.largest_charm = 200).await;
    world.model("dev").await;
    let refused = world.admin.model("dev").add_charm(charm("web", "")).await;
    assert_eq!(code(refused), Some(Code::TooLarge));
    // Without a length said in advance, too.
    let chunks = futures::stream::iter((0..10).map(|_| Ok(vec![0_u8; 64].into())));
    let refused = world.admin.model("dev").add_charm_stream(chunks).await;
    assert_eq!(code(refused), Some(Code::TooLarge));
}

#[tokio::test]
async fn a_deployment_shows_in_status() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let mut deploy = deploy_of(&url);
    deploy.num_units = Some(2);
    deploy.config = [("port".to_owned(), json!("8080"))].into();
    let changed = model.deploy(&deploy).await.unwrap();
    assert_eq!(
        lines(&changed),
        [
            ("application", vec!["web"]),
            ("machine", vec!["0", "1"]),
            ("unit", vec!["web/0", "web/1"]),
        ]
        .into()
    );
    let query = StatusQuery {
        min_revision: Some(changed.written.unwrap().revision),
        after: None,
    };
    let answer = model.status_if_changed(None, &query).await.unwrap();
    let StatusAnswer::Document { document, .. } = answer else {
        panic!("no document");
    };
    assert_eq!(document.model.controller, "ctl");
    let unit = &document.applications["web"].units["web/1"];
    assert_eq!(unit.machine, "1");
    assert_eq!(unit.workload_status.message, "waiting for machine");
    let config = model.application_config("web").await.unwrap();
    assert_eq!(config.settings["port"].value, Some(json!(8080)));
    assert_eq!(model.application("web").await.unwrap().base, "ubuntu@24.04");
    assert_eq!(model.unit("web/0").await.unwrap().charm, "local:web-0");
    assert_eq!(model.unit("web-0").await.unwrap().machine, "0");
    assert_eq!(model.applications().await.unwrap().applications.len(), 1);
}

#[tokio::test]
async fn an_application_is_changed_in_all_its_parts() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    model.deploy(&deploy_of(&url)).await.unwrap();
    let units = AddUnits {
        count: 2,
        placement: vec!["0".to_owned()],
        attach_storage: Vec::new(),
    };
    let added = model.add_units("web", &units).await.unwrap();
    assert_eq!(
        added.added(EntityKind::Unit).collect::<Vec<_>>(),
        ["web/1", "web/2"]
    );
    assert_eq!(added.added(EntityKind::Machine).collect::<Vec<_>>(), ["1"]);
    let change = ConfigChange {
        set: [("port".to_owned(), json!(1))].into(),
        reset: Vec::new(),
    };
    model
        .change_application_config("web", &change)
        .await
        .unwrap();
    let again = model
        .change_application_config("web", &change)
        .await
        .unwrap();
    assert_eq!(
        (again.written, again.changes.len()),
        (None, 0),
        "nothing to change"
    );
    model.expose("web", &Expose::default()).await.unwrap();
    let shown = model.application("web").await.unwrap();
    assert_eq!(shown.exposed_endpoints[""].cidrs, ["0.0.0.0/0", "::/0"]);
    model.unexpose("web", &[]).await.unwrap();
    model.trust("web", true).await.unwrap();
    model
        .set_application_constraints("web", "cores=2")
        .await
        .unwrap();
    let constraints = model.application_constraints("web").await.unwrap();
    assert_eq!(constraints.constraints, "cores=2");
    assert_eq!(
        problem(model.set_base("web", "ubuntu@22.04").await).detail,
        "base \"ubuntu@22.04\" not supported by charm, supported bases are: ubuntu@24.04"
    );
    let next = model.add_charm(charm("web", "tags: [x]")).await.unwrap();
    let refresh = Refresh {
        charm: next.charm.url,
        ..Refresh::default()
    };
    model.refresh("web", &refresh).await.unwrap();
    let status = model.status().await.unwrap();
    assert_eq!(status.applications["web"].charm_rev, 1);
    assert_eq!(
        problem(model.resolved("web/0", true).await).detail,
        "unit \"web/0\" is not in an error state"
    );
}

#[tokio::test]
async fn relations_come_and_go() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let web = charm("web", "requires: {db: {interface: pg}}");
    let pg = charm("pg", "provides: {a: {interface: pg}, b: {interface: pg}}");
    for archive in [web, pg] {
        let url = model.add_charm(archive).await.unwrap().charm.url;
        model.deploy(&deploy_of(&url)).await.unwrap();
    }
    let ambiguous = problem(model.integrate("web", "pg").await);
    assert_eq!(
        ambiguous.detail,
        "ambiguous relation: \"web pg\" could refer to \"web:db pg:a\"; \"web:db pg:b\""
    );
    let added = model.integrate("web", "pg:a").await.unwrap();
    assert_eq!(added.changes[0].detail.as_deref(), Some("web:db pg:a"));
    let shown = model.relation(0).await.unwrap();
    assert_eq!(
        (shown.key.as_str(), shown.status.as_str()),
        ("web:db pg:a", "joining")
    );
    assert_eq!(
        code(model.integrate("web", "pg:a").await),
        Some(Code::AlreadyExists)
    );
    let how = Removal::default();
    let removed = model
        .remove_relation_between("pg", "web", &how)
        .await
        .unwrap();
    assert_eq!(
        removed.removed(EntityKind::Relation).collect::<Vec<_>>(),
        ["0"]
    );
    let again = model.remove_relation(0, &how).await.unwrap();
    assert_eq!(again.written, None, "it goes already");
    assert_eq!(model.relations().await.unwrap().relations[0].life, "dying");
}

#[tokio::test]
async fn removals_show_what_goes() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    model.deploy(&deploy_of(&url)).await.unwrap();
    let dry = Removal {
        dry_run: true,
        ..Removal::default()
    };
    let would = model.remove_application("web", &dry).await.unwrap();
    assert_eq!(
        would.removed(EntityKind::Unit).collect::<Vec<_>>(),
        ["web/0"]
    );
    assert_eq!(model.application("web").await.unwrap().life, "alive");
    let how = Removal::default();
    assert_eq!(
        problem(model.remove_machine("0", &how).await).detail,
        "machine 0 has unit \"web/0\" assigned; --force removes it as well"
    );
    model.remove_unit("web/0", &how).await.unwrap();
    assert_eq!(model.unit("web/0").await.unwrap().life, "dying");
    let force = Removal { force: true, ..how };
    let forced = model.remove_application("web", &force).await.unwrap();
    assert!(forced.written.is_some());
    assert_eq!(
        problem(model.remove_unit("web/7", &how).await).detail,
        "unit \"web/7\" not found"
    );
}

#[tokio::test]
async fn a_dry_run_knows_a_charm_that_the_model_has() {
    let world = World::new().await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    let dry = model.clone().dry_run(true);
    let archive = charm("web", "");
    let unknown = dry.add_charm(archive.clone()).await.unwrap();
    assert_eq!((unknown.written, unknown.charm.sha256.as_str()), (None, ""));
    assert!(model.charms().await.unwrap().charms.is_empty());
    let added = model.add_charm(archive.clone()).await.unwrap().charm;
    let known = dry.add_charm(archive).await.unwrap();
    assert_eq!((known.written, &known.charm), (None, &added));
    let would = dry.deploy(&deploy_of(&added.url)).await.unwrap();
    assert_eq!(would.added(EntityKind::Unit).collect::<Vec<_>>(), ["web/0"]);
    assert_eq!(code(model.application("web").await), Some(Code::NotFound));
}
