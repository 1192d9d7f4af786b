//! Storage, and where it is.

use lazuli_model::charm::StorageKind;
use lazuli_model::state::*;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::common::id;

pub(super) fn provider() -> impl Strategy<Value = StorageProvider> {
    select(vec![
        StorageProvider::Azure,
        StorageProvider::Loop,
        StorageProvider::Rootfs,
        StorageProvider::Tmpfs,
    ])
}

fn storage() -> impl Strategy<Value = Row> {
    let kind = select(vec![StorageKind::Block, StorageKind::Filesystem]);
    let made = (provider(), text(), 0_u64..1 << 40, at());
    (1_u128..9, kind, made, of(ids()), life(), any::<bool>()).prop_map(
        |(n, kind, (provider, pool, size, created_at), unit, life, force)| {
            Row::Storage(Storage {
                source: None,
                id: id(n),
                // Names are unique.
                name: format!("data/{n}").parse().unwrap(),
                kind,
                pool,
                provider,
                size,
                unit,
                life,
                force,
                created_at,
            })
        },
    )
}

fn state() -> impl Strategy<Value = Row> {
    let place = (of(ids()), of(ids()), of(any::<u8>()));
    (ids(), place, any::<bool>(), at()).prop_map(
        |(storage, (unit, machine, lun), attached, since)| {
            Row::StorageState(StorageState {
                storage,
                unit,
                machine,
                lun,
                attached,
                since,
            })
        },
    )
}

pub(super) fn storage_rows() -> impl Strategy<Value = Row> {
    prop_oneof![storage(), state()]
}

pub(super) fn directive() -> impl Strategy<Value = StorageDirective> {
    (text(), 0_u64..1 << 40, 0_u32..9).prop_map(|(pool, size, count)| StorageDirective {
        pool,
        size,
        count,
    })
}
