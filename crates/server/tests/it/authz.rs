//! Every route, asked by every kind of user.

use std::collections::BTreeSet;

use lazuli_api::{AccessLevel, Login};

use super::common::{PASSWORD, World};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Need {
    Nothing,
    LogIn,
    Superuser,
    Read,
    Write,
    Admin,
}

use Need::{Admin, LogIn, Nothing, Read, Superuser, Write};

/// All routes below `/v1`, as the description names them.
const ROUTES: &[(&str, &str, Need)] = &[
    ("post", "/login", Nothing),
    ("get", "/version", Nothing),
    ("get", "/whoami", LogIn),
    ("post", "/logout", LogIn),
    ("get", "/users", Superuser),
    ("post", "/users", Superuser),
    ("get", "/users/{user}", Superuser),
    ("patch", "/users/{user}", Superuser),
    ("put", "/users/{user}/password", Superuser),
    ("get", "/charms", LogIn),
    ("get", "/charms/{charm}", LogIn),
    ("get", "/charms/{charm}/archive", LogIn),
    ("get", "/models", LogIn),
    ("post", "/models", Superuser),
    ("get", "/models/{model}", Read),
    ("delete", "/models/{model}", Admin),
    ("get", "/models/{model}/status", Read),
    ("get", "/models/{model}/status-log", Read),
    ("get", "/models/{model}/config", Read),
    ("patch", "/models/{model}/config", Admin),
    ("get", "/models/{model}/constraints", Read),
    ("put", "/models/{model}/constraints", Admin),
    ("get", "/models/{model}/ssh-keys", Read),
    ("post", "/models/{model}/ssh-keys", Admin),
    ("put", "/models/{model}/ssh-keys", Admin),
    ("get", "/models/{model}/access", Admin),
    ("put", "/models/{model}/access/{user}", Admin),
    ("delete", "/models/{model}/access/{user}", Admin),
    ("get", "/models/{model}/charms", Read),
    ("post", "/models/{model}/charms", Write),
    ("post", "/models/{model}/charms/named", Write),
    ("post", "/models/{model}/uploads", Write),
    ("get", "/models/{model}/applications", Read),
    ("post", "/models/{model}/applications", Write),
    ("get", "/models/{model}/applications/{application}", Read),
    (
        "delete",
        "/models/{model}/applications/{application}",
        Write,
    ),
    (
        "get",
        "/models/{model}/applications/{application}/config",
        Read,
    ),
    (
        "patch",
        "/models/{model}/applications/{application}/config",
        Write,
    ),
    (
        "get",
        "/models/{model}/applications/{application}/constraints",
        Read,
    ),
    (
        "put",
        "/models/{model}/applications/{application}/constraints",
        Write,
    ),
    (
        "put",
        "/models/{model}/applications/{application}/expose",
        Write,
    ),
    (
        "delete",
        "/models/{model}/applications/{application}/expose",
        Write,
    ),
    (
        "put",
        "/models/{model}/applications/{application}/trust",
        Write,
    ),
    (
        "put",
        "/models/{model}/applications/{application}/charm",
        Write,
    ),
    (
        "put",
        "/models/{model}/applications/{application}/base",
        Write,
    ),
    (
        "get",
        "/models/{model}/applications/{application}/resources",
        Read,
    ),
    (
        "put",
        "/models/{model}/applications/{application}/resources/{resource}",
        Write,
    ),
    (
        "post",
        "/models/{model}/applications/{application}/units",
        Write,
    ),
    ("get", "/models/{model}/units/{unit}", Read),
    ("delete", "/models/{model}/units/{unit}", Write),
    ("post", "/models/{model}/units/{unit}/resolved", Write),
    ("get", "/models/{model}/spaces", Read),
    ("post", "/models/{model}/spaces", Write),
    ("patch", "/models/{model}/spaces/{space}", Write),
    ("delete", "/models/{model}/spaces/{space}", Write),
    (
        "post",
        "/models/{model}/applications/{application}/bindings",
        Write,
    ),
    (
        "get",
        "/models/{model}/applications/{application}/hooks",
        Read,
    ),
    ("get", "/models/{model}/storage", Read),
    ("post", "/models/{model}/storage", Write),
    ("get", "/models/{model}/ledger", Read),
    ("get", "/models/{model}/storage-pools", Read),
    ("post", "/models/{model}/storage-pools", Write),
    ("patch", "/models/{model}/storage-pools/{pool}", Write),
    ("delete", "/models/{model}/storage-pools/{pool}", Write),
    ("delete", "/models/{model}/storage/{storage}", Write),
    ("put", "/models/{model}/storage/{storage}/unit", Write),
    ("delete", "/models/{model}/storage/{storage}/unit", Write),
    ("post", "/models/{model}/units/{unit}/storage", Write),
    ("get", "/models/{model}/machines", Read),
    ("post", "/models/{model}/machines", Write),
    ("get", "/models/{model}/machines/{machine}", Read),
    ("delete", "/models/{model}/machines/{machine}", Write),
    ("get", "/models/{model}/machines/{machine}/ssh-keys", Read),
    ("get", "/models/{model}/machines/{machine}/ssh", Admin),
    (
        "get",
        "/models/{model}/applications/{application}/actions",
        Read,
    ),
    ("get", "/models/{model}/operations", Read),
    ("post", "/models/{model}/operations", Write),
    ("get", "/models/{model}/operations/{operation}", Read),
    ("post", "/models/{model}/exec", Admin),
    ("get", "/models/{model}/tasks/{task}", Read),
    ("post", "/models/{model}/tasks/{task}/cancel", Write),
    ("get", "/models/{model}/relations", Read),
    ("post", "/models/{model}/relations", Write),
    ("delete", "/models/{model}/relations", Write),
    ("get", "/models/{model}/relations/{relation}", Read),
    ("delete", "/models/{model}/relations/{relation}", Write),
    ("get", "/models/{model}/secrets", Read),
    ("post", "/models/{model}/secrets", Write),
    ("get", "/models/{model}/secrets/{secret}", Read),
    ("patch", "/models/{model}/secrets/{secret}", Write),
    ("delete", "/models/{model}/secrets/{secret}", Write),
    ("get", "/models/{model}/secrets/{secret}/content", Admin),
    ("patch", "/models/{model}/secrets/{secret}/access", Write),
    ("get", "/models/{model}/logs", Read),
    ("get", "/models/{model}/events", Read),
];

/// Who asks, and what they may do.
const ROLES: [(&str, &[Need]); 6] = [
    ("", &[Nothing]),
    ("stranger", &[Nothing, LogIn]),
    ("reader", &[Nothing, LogIn, Read]),
    ("writer", &[Nothing, LogIn, Read, Write]),
    ("boss", &[Nothing, LogIn, Read, Write, Admin]),
    ("admin", &[Nothing, LogIn, Read, Write, Admin, Superuser]),
];

#[test]
fn the_table_has_every_route() {
    let description = serde_json::to_value(lazuli_server::openapi()).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert((method.clone(), path.strip_prefix("/v1").unwrap().to_owned()));
        }
    }
    let table: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(table, described);
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    // A store that nobody answers for.
    let world = World::with(|settings| {
        settings.charmhub_url = "http://127.0.0.1:1".to_owned();
    })
    .await;
    world.model("dev").await;
    let model = world.admin.model("dev");
    for (name, access) in [
        ("stranger", None),
        ("reader", Some(AccessLevel::Read)),
        ("writer", Some(AccessLevel::Write)),
        ("boss", Some(AccessLevel::Admin)),
    ] {
        world.user(name).await;
        if let Some(access) = access {
            model.grant(name, access).await.unwrap();
        }
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (role, may) in ROLES {
        for (method, path, need) in ROUTES {
            let path = path
                .replace("{model}", "admin%2Fdev")
                .replace("{user}", "nobody")
                .replace("{unit}", "x-0")
                .replace("{application}", "x")
                .replace("{resource}", "x")
                .replace("{charm}", "x")
                .replace("{machine}", "9")
                .replace("{storage}", "data-9")
                .replace("{pool}", "fast")
                .replace("{relation}", "9");
            let url = format!("http://{}/v1{path}?dry_run=maybe", world.address);
            let method = method.to_uppercase().parse().unwrap();
            // Nothing that could succeed: who may not is told so before that.
            let mut request = http
                .request(method, url)
                .header("content-type", "application/json");
            request = request.header("last-event-id", "x").body("[");
            if !role.is_empty() {
                // Each time anew: one of the routes logs out.
                let login = Login {
                    user: role.to_owned(),
                    password: PASSWORD.to_owned(),
                    label: None,
                    expires_in: None,
                };
                let token = world.anonymous().login(&login).await.unwrap().token;
                request = request.bearer_auth(token);
            }
            let status = request.send().await.unwrap().status().as_u16();
            let sees = may.contains(&Read) || !path.starts_with("/models/");
            let expected: &[u16] = match (role.is_empty(), may.contains(need)) {
                (_, true) => &[200, 204, 400, 404, 415, 422, 502],
                (true, false) => &[401],
                (false, false) if sees => &[403],
                // What one may not see is not there.
                (false, false) => &[404],
            };
            assert!(
                expected.contains(&status),
                "{role:?} {path} {need:?}: {status}"
            );
        }
    }
}
