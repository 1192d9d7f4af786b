//! Conditions of writes: generations, dry runs, idempotency keys, overload.

use lazuli_api::{Class, Code, Problem};

use super::common::{World, code, deploy_of, problem};

#[tokio::test]
async fn a_write_on_what_moved_is_refused() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let at = model.info().await.unwrap().at.generation;
    let stale = model
        .clone()
        .if_generation(at + 1)
        .deploy(&deploy_of(&url))
        .await;
    assert_eq!(code(stale), Some(Code::GenerationMismatch));
    let stale = model.clone().if_generation(at - 1).dry_run(true);
    let stale = stale.deploy(&deploy_of(&url)).await;
    assert_eq!(code(stale), Some(Code::GenerationMismatch));
    let done = model
        .clone()
        .if_generation(at)
        .deploy(&deploy_of(&url))
        .await
        .unwrap();
    assert_eq!(done.written.unwrap().generation, at + 1);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let before = model.info().await.unwrap();
    let would = model
        .clone()
        .dry_run(true)
        .deploy(&deploy_of(&url))
        .await
        .unwrap();
    assert_eq!((would.written, would.changes.len()), (None, 3));
    assert_eq!(model.info().await.unwrap(), before);
    let did = model.deploy(&deploy_of(&url)).await.unwrap();
    assert_eq!(did.changes, would.changes, "and said the truth");
}

#[tokio::test]
async fn a_repeat_under_a_key_gets_the_first_answer() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let keyed = model.clone().idempotent("k1").unwrap();
    let first = keyed.deploy(&deploy_of(&url)).await.unwrap();
    let again = keyed.deploy(&deploy_of(&url)).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(model.machines().await.unwrap().machines.len(), 1);
    let mut other = deploy_of(&url);
    other.name = Some("other".to_owned());
    assert_eq!(code(keyed.deploy(&other).await), Some(Code::KeyReused));
    // A failure frees the key for another try.
    let keyed = model.clone().idempotent("k2").unwrap();
    let refused = keyed.deploy(&deploy_of(&url)).await;
    assert_eq!(code(refused), Some(Code::AlreadyExists));
    keyed.deploy(&other).await.unwrap();
}

#[tokio::test]
async fn writers_at_once_get_numbers_of_their_own() {
    let world = World::new().await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let deploys = (0..12).map(|n| {
        let mut deploy = deploy_of(&url);
        deploy.name = Some(format!(
            "web-{}",
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"][n]
        ));
        let model = model.clone();
        async move { model.deploy(&deploy).await }
    });
    let mut generations = Vec::new();
    for done in futures::future::join_all(deploys).await {
        generations.push(done.unwrap().written.unwrap().generation);
    }
    generations.sort_unstable();
    generations.dedup();
    assert_eq!(generations.len(), 12);
    assert_eq!(model.machines().await.unwrap().machines.len(), 12);
}

#[tokio::test]
async fn unreadable_requests_are_problems() {
    let world = World::new().await;
    world.model("dev").await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = format!("http://{}/v1", world.address);
    let token = {
        let body = serde_json::json!({"user": "admin", "password": super::common::PASSWORD});
        let login = http.post(format!("{base}/login")).body(body.to_string());
        let login = login
            .header("content-type", "application/json")
            .send()
            .await
            .unwrap();
        let answer: serde_json::Value = login.json().await.unwrap();
        answer["token"].as_str().unwrap().to_owned()
    };
    let ask = |method: reqwest::Method, path: &str, kind: &str, body: &str| {
        let request = http
            .request(method, format!("{base}{path}"))
            .bearer_auth(&token);
        let request = request.header("content-type", kind).body(body.to_owned());
        async move {
            let response = request.send().await.unwrap();
            let kind = response.headers()["content-type"]
                .to_str()
                .unwrap()
                .to_owned();
            assert_eq!(kind, lazuli_api::PROBLEM_JSON);
            response.json::<Problem>().await.unwrap()
        }
    };
    let json = "application/json";
    let post = reqwest::Method::POST;
    let path = "/models/dev/applications";
    let problem = ask(post.clone(), path, json, "{").await;
    assert!(problem.is(Code::BadRequest), "{problem:?}");
    let problem = ask(post.clone(), path, json, r#"{"charmm": "x"}"#).await;
    assert!(problem.is(Code::Invalid), "{problem:?}");
    assert!(
        problem.detail.contains("unknown field `charmm`"),
        "{problem:?}"
    );
    let problem = ask(post.clone(), path, "text/plain", "{}").await;
    assert!(problem.is(Code::UnsupportedMedia), "{problem:?}");
    let query = format!("{path}?dryrun=true");
    let problem = ask(post, &query, json, "{}").await;
    assert!(problem.is(Code::BadRequest), "{problem:?}");
    let problem = ask(reqwest::Method::PATCH, path, json, "{}").await;
    assert!(problem.is(Code::MethodNotAllowed), "{problem:?}");
    let problem = ask(reqwest::Method::GET, "/nowhere", json, "").await;
    assert!(problem.is(Code::NotFound), "{problem:?}");
    let page = http
        .get(format!("http://{}{}", world.address, problem.kind))
        .send();
    let page = page.await.unwrap().text().await.unwrap();
    assert!(page.starts_with("Not found (404)"), "{page}");
}

#[tokio::test]
async fn a_lost_database_is_told() {
    let world = World::new().await;
    world.admin.whoami().await.unwrap();
    world.store.pool().close().await;
    let refused = problem(world.admin.models().await);
    assert_eq!(refused.class(), Class::Transient);
    assert!(refused.is(Code::Unavailable) && refused.retry_after.is_some());
}

#[tokio::test]
async fn overload_is_told() {
    let world = World::with(|settings| settings.most_streams = 1).await;
    let (_, url) = world.model_with_charm("dev").await;
    let model = world.admin.model("dev");
    let stream = model.events(None).await.unwrap();
    let refused = model.events(None).await.err().unwrap();
    let refused = refused.problem().unwrap();
    assert!(refused.is(Code::TooManyRequests) && refused.retry_after.is_some());
    // Others are served meanwhile.
    model.deploy(&deploy_of(&url)).await.unwrap();
    drop(stream);
}
