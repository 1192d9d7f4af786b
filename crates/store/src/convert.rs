//! Between the vocabulary's types and Postgres'.

use std::str::FromStr;

use lazuli_model::life::Life;
use newtype_uuid::{GenericUuid, TypedUuid, TypedUuidKind};
use uuid::Uuid;

use crate::StoreError;

/// A row to write, with its model.
pub(crate) type Of<'a, T> = (Uuid, &'a T);

/// One column of the rows to write, for `unnest`.
pub(crate) fn column<R, T>(rows: &[Of<'_, R>], of: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(|(_, row)| of(row)).collect()
}

/// The models of the rows to write, for `unnest`.
pub(crate) fn models<R>(rows: &[Of<'_, R>]) -> Vec<Uuid> {
    rows.iter().map(|(model, _)| *model).collect()
}

/// The first, second, ... parts of keys, for `unnest`.
pub(crate) fn part<K>(keys: &[K], of: impl Fn(&K) -> Uuid) -> Vec<Uuid> {
    keys.iter().map(of).collect()
}

pub(crate) fn raw<K: TypedUuidKind>(id: TypedUuid<K>) -> Uuid {
    id.into_untyped_uuid()
}

pub(crate) fn typed<K: TypedUuidKind>(id: Uuid) -> TypedUuid<K> {
    TypedUuid::from_untyped_uuid(id)
}

/// To `bigint`. Versions and sequences count events of a life time and never
/// come near the end of its range; the schema's checks hold the other end.
pub(crate) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// From a `bigint` that the schema keeps from being negative.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// To `integer`, as [`bigint`].
pub(crate) fn integer(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// From an `integer` that the schema keeps from being negative.
pub(crate) fn unsigned32(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// Reads a value that was written with its `Display`.
pub(crate) fn parsed<T: FromStr>(
    table: &'static str,
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt {
        table,
        what,
        value: text.to_owned(),
    })
}

pub(crate) fn life(table: &'static str, text: &str) -> Result<Life, StoreError> {
    [Life::Alive, Life::Dying, Life::Dead]
        .into_iter()
        .find(|life| life.as_str() == text)
        .ok_or_else(|| StoreError::Corrupt {
            table,
            what: "life",
            value: text.to_owned(),
        })
}
