//! Rows of secrets while several writes are made to them.

use std::collections::BTreeMap;

use lazuli_model::secret::SecretId;
use lazuli_model::state::{Change, ModelState, Row, RowKey, Secret, SecretOwner, SecretRevision};

/// The rows with what was written so far.
pub(crate) struct Draft<'a> {
    pub(crate) state: &'a ModelState,
    changes: BTreeMap<RowKey, Change>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(state: &'a ModelState) -> Self {
        Self {
            state,
            changes: BTreeMap::new(),
        }
    }

    pub(crate) fn put(&mut self, row: Row) {
        self.changes.insert(row.key(), Change::Put(row));
    }

    pub(crate) fn delete(&mut self, key: RowKey) {
        self.changes.insert(key.clone(), Change::Delete(key));
    }

    pub(crate) fn secret(&self, id: SecretId) -> Option<Secret> {
        match self.changes.get(&RowKey::Secret(id)) {
            Some(Change::Put(Row::Secret(row))) => Some(row.clone()),
            Some(_) => None,
            None => self.state.secret(id).cloned(),
        }
    }

    /// The secrets of an owner, with those that were made here.
    pub(crate) fn secrets_of(&self, owner: SecretOwner) -> impl Iterator<Item = Secret> + '_ {
        let made = self.changes.keys().filter_map(|key| match key {
            RowKey::Secret(id) if self.state.secret(*id).is_none() => Some(*id),
            _ => None,
        });
        let known = self.state.secrets_of(owner).map(|secret| secret.id);
        known
            .chain(made)
            .filter_map(|id| self.secret(id))
            .filter(move |secret| secret.owner == owner)
    }

    pub(crate) fn revision(&self, id: SecretId, revision: u32) -> Option<SecretRevision> {
        match self.changes.get(&RowKey::SecretRevision(id, revision)) {
            Some(Change::Put(Row::SecretRevision(row))) => Some(row.clone()),
            Some(_) => None,
            None => self.state.secret_revision(id, revision).cloned(),
        }
    }

    /// The numbers of the revisions that are there.
    pub(crate) fn revisions(&self, secret: &Secret) -> Vec<u32> {
        // What was written here is the newest one, or gone.
        let known = self.state.secret_revisions(secret.id);
        let mut numbers: Vec<u32> = known.map(|row| row.revision).collect();
        numbers.extend((numbers.last().map_or(0, |last| *last) + 1)..=secret.latest);
        numbers.retain(|number| self.revision(secret.id, *number).is_some());
        numbers
    }

    /// Takes a secret away with everything of it.
    pub(crate) fn remove(&mut self, secret: &Secret) {
        for revision in self.revisions(secret) {
            self.delete(RowKey::SecretRevision(secret.id, revision));
        }
        let readers: Vec<_> = self.state.readers_of(secret.id).collect();
        for reader in readers {
            self.delete(RowKey::SecretConsumer(reader.unit, secret.id));
        }
        self.delete(RowKey::Secret(secret.id));
    }

    pub(crate) fn into_changes(self) -> Vec<Change> {
        // What was made here and is gone again, never was.
        let state = self.state;
        let keep = |change: &Change| match change {
            Change::Delete(key) => state.row(key).is_some(),
            Change::Put(_) => true,
        };
        self.changes.into_values().filter(keep).collect()
    }
}
