//! The schema, from nothing and again.

use lazuli_model::id::{ControllerId, GenericUuid};
use lazuli_store::private::Scratch;
use lazuli_store::seal::Sealer;
use lazuli_store::{Class, Store, check_schema, controller, migrate};
use uuid::Uuid;

#[tokio::test]
async fn migrations_apply_from_nothing_and_twice_is_once() {
    let scratch = Scratch::empty().await.unwrap();
    let pool = scratch.pool().await.unwrap();
    let error = check_schema(&pool).await.unwrap_err();
    assert!(error.to_string().contains("lazulid migrate"), "{error}");
    migrate(&pool).await.unwrap();
    check_schema(&pool).await.unwrap();
    let tables = || async {
        let (tables,): (i64,) = sqlx::query_as("select count(*) from pg_class")
            .fetch_one(&pool)
            .await
            .unwrap();
        tables
    };
    let before = tables().await;
    migrate(&pool).await.unwrap();
    assert_eq!(tables().await, before);
    pool.close().await;
}

#[tokio::test]
async fn another_key_than_the_controllers_is_refused() {
    let scratch = Scratch::new().await.unwrap();
    let pool = scratch.pool().await.unwrap();
    let key = |fill| Sealer::new(&[fill; 32]).unwrap();
    let error = Store::open(pool.clone(), key(1)).await.unwrap_err();
    assert!(error.to_string().contains("lazulid init"), "{error}");
    let id = |n| ControllerId::from_untyped_uuid(Uuid::from_u128(n));
    assert_eq!(
        controller::init(&pool, id(5), &key(1)).await.unwrap(),
        id(5)
    );
    assert_eq!(
        controller::init(&pool, id(6), &key(1)).await.unwrap(),
        id(5)
    );
    let error = controller::init(&pool, id(6), &key(2)).await.unwrap_err();
    assert_eq!(error.class(), Class::Bug);
    let error = Store::open(pool.clone(), key(2)).await.unwrap_err();
    assert!(error.to_string().contains("key"), "{error}");
    let store = Store::open(pool, key(1)).await.unwrap();
    assert_eq!(store.controller(), id(5));
    store.close().await;
}
