use lazuli_api::{Code, Login, PasswordChange, UserUpdate};

use super::common::{PASSWORD, World, code, problem};

#[tokio::test]
async fn a_password_gives_a_token_that_ends_with_the_session() {
    let world = World::new().await;
    assert_eq!(
        code(world.anonymous().whoami().await),
        Some(Code::Unauthorized)
    );
    let bob = world.user("bob").await;
    let whoami = bob.whoami().await.unwrap();
    assert_eq!(
        (whoami.user.as_str(), whoami.access.as_str()),
        ("bob", "login")
    );
    bob.logout().await.unwrap();
    assert_eq!(code(bob.whoami().await), Some(Code::Unauthorized));
    let version = world.anonymous().version().await.unwrap();
    assert_eq!(version.controller, "ctl");
}

#[tokio::test]
async fn wrong_names_and_wrong_passwords_are_told_alike() {
    let world = World::new().await;
    let wrong = problem(world.log_in("admin", "battery staple").await);
    let unknown = problem(world.log_in("nobody", "battery staple").await);
    let invalid = problem(world.log_in("no such name", "battery staple").await);
    let plain = |mut problem: lazuli_api::Problem| {
        problem.instance = None;
        problem
    };
    assert_eq!(wrong.status, 401);
    assert!(wrong.instance.is_some());
    let wrong = plain(wrong);
    assert_eq!(plain(unknown), wrong);
    assert_eq!(plain(invalid), wrong);
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let world = World::new().await;
    let guess = || Login {
        user: "admin".to_owned(),
        password: "battery staple".to_owned(),
        label: None,
        expires_in: None,
    };
    for _ in 0..10 {
        let refused = world.anonymous().login(&guess()).await;
        assert_eq!(refused.err().unwrap().problem().unwrap().status, 401);
    }
    let refused = world.anonymous().login(&guess()).await.err().unwrap();
    let problem = refused.problem().unwrap();
    assert_eq!(problem.status, 429);
    assert!(problem.retry_after.is_some());
    // Who knows the password, elsewhere, is not held up by it.
    let elsewhere = reqwest::Client::builder()
        .local_address(std::net::IpAddr::from([127, 0, 0, 2]))
        .build()
        .unwrap();
    let right = Login {
        password: PASSWORD.to_owned(),
        ..guess()
    };
    let url = format!("http://{}/v1/login", world.address);
    let answer = elsewhere.post(url).json(&right).send().await.unwrap();
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    let world = World::new().await;
    let bob = world.user("bob").await;
    let change = |current: &str, password: &str| PasswordChange {
        password: password.to_owned(),
        current: Some(current.to_owned()),
    };
    let wrong = bob
        .set_password("bob", &change("wrong one", "another horse"))
        .await;
    assert_eq!(code(wrong), Some(Code::Forbidden));
    let short = bob.set_password("bob", &change(PASSWORD, "short")).await;
    assert_eq!(code(short), Some(Code::Invalid));
    let others = bob
        .set_password("admin", &change(PASSWORD, "another horse"))
        .await;
    assert_eq!(code(others), Some(Code::Forbidden));
    bob.set_password("bob", &change(PASSWORD, "another horse"))
        .await
        .unwrap();
    assert_eq!(code(bob.whoami().await), Some(Code::Unauthorized));
    world.log_in("bob", "another horse").await.unwrap();
}

#[tokio::test]
async fn disabled_users_are_out_at_once() {
    let world = World::new().await;
    let bob = world.user("bob").await;
    bob.whoami().await.unwrap();
    let update = UserUpdate {
        disabled: Some(true),
        access: None,
    };
    let shown = world.admin.update_user("bob", &update).await.unwrap();
    assert!(shown.disabled);
    assert_eq!(code(bob.whoami().await), Some(Code::Unauthorized));
    assert_eq!(
        world
            .log_in("bob", PASSWORD)
            .await
            .err()
            .unwrap()
            .problem()
            .unwrap()
            .status,
        401
    );
    // Nobody locks themselves out.
    let own = world.admin.update_user("admin", &update).await;
    assert_eq!(code(own), Some(Code::Conflict));
    let names: Vec<String> = world
        .admin
        .users()
        .await
        .unwrap()
        .users
        .into_iter()
        .map(|user| user.name)
        .collect();
    assert_eq!(names, ["admin", "bob"]);
}
