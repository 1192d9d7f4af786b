//! What secrets say is in no table in clear, events among them.

use std::collections::BTreeMap;

use lazuli_model::secret::{SecretData, SecretId};
use lazuli_model::state::{Change, RotatePolicy, Row, RowKey, Secret, SecretOwner, SecretRevision};
use sqlx::query_scalar;

use crate::common::{NOW, World, batch};

/// Reference faults, F40 and P8.
#[tokio::test]
async fn nothing_of_a_secret_is_kept_in_clear() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    let key = store.data_key(hold.model).await.unwrap();
    let id = SecretId::from_random([7; 12]);
    // `canary-of-a-charm` in base64.
    let canary = "Y2FuYXJ5LW9mLWEtY2hhcm0=";
    let data = SecretData::from([("token".to_owned(), canary.to_owned())]);
    let secret = Secret {
        id,
        owner: SecretOwner::Model,
        label: "db".to_owned(),
        description: String::new(),
        rotate: RotatePolicy::Never,
        next_rotate: None,
        latest: 1,
        auto_prune: false,
        grants: BTreeMap::new(),
        created_at: NOW,
        updated_at: NOW,
    };
    let revision = SecretRevision {
        secret: id,
        revision: 1,
        content: key.seal_content(id, &data).unwrap(),
        created_at: NOW,
        expires_at: None,
        next_expire: None,
        obsolete_told: false,
    };
    let changes = vec![
        Change::Put(Row::Secret(secret)),
        Change::Put(Row::SecretRevision(revision)),
    ];
    store.commit(&[batch(hold, changes)]).await.unwrap();

    let tables: Vec<String> = query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE'",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    assert!(
        tables.contains(&"secret_revisions".to_owned()),
        "{tables:?}"
    );
    let in_hex = hex::encode(canary);
    for table in tables {
        for part in [canary, "canary-of-a-charm", &in_hex] {
            let found: i64 = query_scalar(sqlx::AssertSqlSafe(format!(
                "select count(*) from {table} t where t::text like '%{part}%'"
            )))
            .fetch_one(store.pool())
            .await
            .unwrap();
            assert_eq!(found, 0, "{part} in {table}");
        }
    }

    // Whoever has the key reads it, from what was loaded.
    let loaded = store.load(hold.model).await.unwrap();
    let row = loaded.state.secret_revision(id, 1).unwrap();
    assert_eq!(key.open_content(id, &row.content).unwrap(), data);
    let all: Vec<RowKey> = vec![RowKey::Secret(id), RowKey::SecretRevision(id, 1)];
    let gone = all.into_iter().map(Change::Delete).collect();
    store.commit(&[batch(hold, gone)]).await.unwrap();
    let loaded = store.load(hold.model).await.unwrap();
    assert_eq!(loaded.state.secrets().count(), 0);
}
