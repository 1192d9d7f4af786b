//! Secrets of charms and users.

use lazuli_model::secret::SecretId;
use lazuli_model::state::*;
use proptest::collection::btree_map;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn secret_id() -> impl Strategy<Value = SecretId> {
    (1_u8..6).prop_map(|n| SecretId::from_random([n; 12]))
}

fn grants() -> impl Strategy<Value = BTreeMap<Grantee, Grant>> {
    let grantee = prop_oneof![
        ids().prop_map(Grantee::Application),
        ids().prop_map(Grantee::Unit),
    ];
    let grant = of(ids()).prop_map(|relation| Grant { relation });
    btree_map(grantee, grant, 0..3)
}

fn own() -> impl Strategy<Value = Row> {
    let owner = prop_oneof![
        Just(SecretOwner::Model),
        ids().prop_map(SecretOwner::Application),
        ids().prop_map(SecretOwner::Unit),
    ];
    let rotate = select(vec![RotatePolicy::Never, RotatePolicy::Quarterly]);
    let texts = (text(), text());
    let times = (of(at()), at(), at());
    (
        secret_id(),
        owner,
        texts,
        rotate,
        times,
        (any::<u16>(), any::<bool>(), grants()),
    )
        .prop_map(|(id, owner, texts, rotate, times, rest)| {
            Row::Secret(Secret {
                id,
                owner,
                label: texts.0,
                description: texts.1,
                rotate,
                next_rotate: times.0,
                latest: rest.0.into(),
                auto_prune: rest.1,
                grants: rest.2,
                created_at: times.1,
                updated_at: times.2,
            })
        })
}

pub(super) fn secret_rows() -> impl Strategy<Value = Row> {
    let sealed = vec(any::<u8>(), 0..9);
    let revision = (
        secret_id(),
        1_u32..5,
        sealed,
        text(),
        (at(), of(at()), of(at())),
        any::<bool>(),
    )
        .prop_map(|(secret, revision, sealed, checksum, times, told)| {
            Row::SecretRevision(SecretRevision {
                secret,
                revision,
                content: SealedContent {
                    sealed: Arc::new(sealed),
                    checksum,
                },
                // What a revision says and when it was made never changes.
                created_at: NOW,
                expires_at: times.1,
                next_expire: times.2,
                obsolete_told: told,
            })
        });
    let consumer = (secret_id(), ids(), text(), 0_u32..5, 0_u32..5).prop_map(
        |(secret, unit, label, revision, told)| {
            Row::SecretConsumer(SecretConsumer {
                secret,
                unit,
                label,
                revision,
                told,
            })
        },
    );
    prop_oneof![own(), revision, consumer]
}
