//! Any row there can be, within what the vocabulary allows.

mod desired;
mod observed;
mod secrets;
mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_model::life::Life;
use lazuli_model::state::*;
use newtype_uuid::{TypedUuid, TypedUuidKind};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::common::{NOW, id};
use desired::*;
use observed::*;
use secrets::*;
use storage::*;

pub(crate) fn changes(own: Model) -> impl Strategy<Value = Vec<Change>> {
    let row = prop_oneof![
        1 => model(own),
        2 => charm(),
        2 => application(),
        1 => leader(),
        2 => machine(),
        2 => machine_state(),
        2 => unit(),
        3 => unit_state(),
        1 => opened_port(),
        1 => charm_state(),
        2 => relation(),
        4 => relation_rows(),
        4 => effect(),
        4 => secret_rows(),
        2 => storage_rows(),
        3 => status(),
    ];
    vec((row, prop::bool::weighted(0.2)), 0..60).prop_map(|rows| {
        let mut names = BTreeMap::new();
        for (n, (row, _)) in rows.iter().enumerate() {
            names.insert(name(row, n), n);
        }
        rows.into_iter()
            .enumerate()
            .filter(|(n, (row, _))| names.get(&name(row, *n)) == Some(n))
            .map(|(_, (row, delete))| match row.key() {
                RowKey::Model => Change::Put(row),
                key if delete => Change::Delete(key),
                _ => Change::Put(row),
            })
            .collect()
    })
}

fn ids<K: TypedUuidKind>() -> impl Strategy<Value = TypedUuid<K>> {
    (1_u128..9).prop_map(id)
}

fn text() -> impl Strategy<Value = String> {
    "[^\u{0}]{0,9}"
}

fn word() -> impl Strategy<Value = String> {
    "[a-z]{1,5}"
}

fn at() -> impl Strategy<Value = OffsetDateTime> {
    (0_i64..4_000_000_000_000_000)
        .prop_map(|micros| NOW + time::Duration::microseconds(micros - 2_000_000_000_000_000))
}

fn version() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), 0..u64::MAX / 2]
}

fn life() -> impl Strategy<Value = Life> {
    select(vec![Life::Alive, Life::Dying, Life::Dead])
}

fn settings() -> impl Strategy<Value = Arc<Settings>> {
    btree_map(text(), text(), 0..4).prop_map(Arc::new)
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text().prop_map(Value::from),
        text().prop_map(|text| json!({ "nested": [text] })),
    ]
}

fn class() -> impl Strategy<Value = FailureClass> {
    select(vec![
        FailureClass::Transient,
        FailureClass::Quota,
        FailureClass::Bug,
    ])
}

fn name(row: &Row, n: usize) -> String {
    match row {
        Row::Charm(row) => format!("charm {}", row.url),
        Row::Application(row) => format!("application {}", row.name),
        Row::Machine(row) => format!("machine {}", row.name),
        Row::Unit(row) => format!("unit {}", row.name),
        Row::Relation(row) => format!("relation {}", row.number),
        _ => format!("row {n}"),
    }
}
