//! The secrets of a model in memory, and who may read them.

use super::{Grantee, ModelState, Secret, SecretConsumer, SecretOwner, SecretRevision, Unit};
use crate::id::UnitId;
use crate::secret::SecretId;

impl ModelState {
    pub(super) fn put_secret(&mut self, row: Secret) {
        self.delete_secret(row.id);
        self.secrets_by_owner.insert((row.owner, row.id));
        self.secrets.insert(row.id, row);
    }

    pub(super) fn delete_secret(&mut self, id: SecretId) {
        if let Some(row) = self.secrets.remove(&id) {
            self.secrets_by_owner.remove(&(row.owner, id));
        }
    }

    pub(super) fn put_secret_consumer(&mut self, row: SecretConsumer) {
        self.consumers_by_secret.insert((row.secret, row.unit));
        self.secret_consumers.insert((row.unit, row.secret), row);
    }

    pub(super) fn delete_secret_consumer(&mut self, unit: UnitId, id: SecretId) {
        self.consumers_by_secret.remove(&(id, unit));
        self.secret_consumers.remove(&(unit, id));
    }

    /// A secret.
    #[must_use]
    pub fn secret(&self, id: SecretId) -> Option<&Secret> {
        self.secrets.get(&id)
    }

    /// All secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.values()
    }

    /// The secrets of an owner.
    pub fn secrets_of(&self, owner: SecretOwner) -> impl Iterator<Item = &Secret> {
        self.secrets_by_owner
            .range((owner, SecretId::MIN)..)
            .take_while(move |(of, _)| *of == owner)
            .filter_map(|(_, id)| self.secrets.get(id))
    }

    /// A revision of a secret.
    #[must_use]
    pub fn secret_revision(&self, id: SecretId, revision: u32) -> Option<&SecretRevision> {
        self.secret_revisions.get(&(id, revision))
    }

    /// The revisions of a secret that are there, from the oldest.
    pub fn secret_revisions(&self, id: SecretId) -> impl Iterator<Item = &SecretRevision> {
        self.secret_revisions
            .range((id, 0)..=(id, u32::MAX))
            .map(|(_, row)| row)
    }

    /// What a unit reads of a secret.
    #[must_use]
    pub fn secret_consumer(&self, unit: UnitId, id: SecretId) -> Option<&SecretConsumer> {
        self.secret_consumers.get(&(unit, id))
    }

    /// Everything that a unit reads.
    pub fn secrets_read_by(&self, unit: UnitId) -> impl Iterator<Item = &SecretConsumer> {
        self.secret_consumers
            .range((unit, SecretId::MIN)..)
            .take_while(move |((of, _), _)| *of == unit)
            .map(|(_, row)| row)
    }

    /// Everybody who reads a secret.
    pub fn readers_of(&self, id: SecretId) -> impl Iterator<Item = &SecretConsumer> {
        self.consumers_by_secret
            .range((id, UnitId::nil())..)
            .take_while(move |(of, _)| *of == id)
            .filter_map(move |(_, unit)| self.secret_consumers.get(&(*unit, id)))
    }

    /// Whether a unit leads its application.
    #[must_use]
    pub fn leads(&self, unit: &Unit) -> bool {
        self.leader(unit.application)
            .is_some_and(|leader| leader.unit == Some(unit.id))
    }

    /// Whether a unit may read a secret: its own, its application's, and what
    /// was granted to either.
    #[must_use]
    pub fn may_read(&self, unit: &Unit, secret: &Secret) -> bool {
        owns(unit, secret)
            || [
                Grantee::Unit(unit.id),
                Grantee::Application(unit.application),
            ]
            .iter()
            .any(|grantee| secret.grants.contains_key(grantee))
    }

    /// Whether a unit may change a secret: its own, and its application's if
    /// it leads.
    #[must_use]
    pub fn may_manage(&self, unit: &Unit, secret: &Secret) -> bool {
        match secret.owner {
            SecretOwner::Application(_) => owns(unit, secret) && self.leads(unit),
            SecretOwner::Unit(_) => owns(unit, secret),
            SecretOwner::Model => false,
        }
    }

    /// Whether nobody reads a revision any more, nor will begin to.
    #[must_use]
    pub fn is_obsolete(&self, secret: &Secret, revision: u32) -> bool {
        revision != secret.latest
            && !self.readers_of(secret.id).any(|reader| {
                reader.revision == revision
                    && self
                        .unit(reader.unit)
                        .is_some_and(|unit| self.may_read(unit, secret))
            })
    }
}

fn owns(unit: &Unit, secret: &Secret) -> bool {
    match secret.owner {
        SecretOwner::Application(id) => id == unit.application,
        SecretOwner::Unit(id) => id == unit.id,
        SecretOwner::Model => false,
    }
}
