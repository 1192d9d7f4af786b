//! Secrets go with their owner, grants with their relation or grantee.

use lazuli_model::id::{ApplicationId, RelationId, UnitId};
use lazuli_model::secret::SecretId;
use lazuli_model::state::{Change, Grantee, ModelState, Row, RowKey, Secret, SecretOwner};

use super::Draft;

/// The rows after a secret is taken away with all its revisions.
#[must_use]
pub fn secret_removal(state: &ModelState, id: SecretId) -> Vec<Change> {
    let mut draft = Draft::new(state);
    if let Some(secret) = state.secret(id) {
        draft.remove(secret);
    }
    draft.into_changes()
}

/// What a unit owned, read and was granted goes with it.
pub(crate) fn end_of_unit(state: &ModelState, unit: UnitId) -> Vec<Change> {
    let mut changes = owned(state, SecretOwner::Unit(unit));
    changes.extend(
        state
            .secrets_read_by(unit)
            .map(|row| Change::Delete(RowKey::SecretConsumer(unit, row.secret))),
    );
    let gone = Some(SecretOwner::Unit(unit));
    changes.extend(without(state, gone, |grantee, _| {
        *grantee == Grantee::Unit(unit)
    }));
    changes
}

/// What an application owned and was granted goes with it.
pub(crate) fn end_of_application(state: &ModelState, application: ApplicationId) -> Vec<Change> {
    let mut changes = owned(state, SecretOwner::Application(application));
    let gone = Some(SecretOwner::Application(application));
    changes.extend(without(state, gone, |grantee, _| {
        *grantee == Grantee::Application(application)
    }));
    changes
}

/// What was granted over a relation ends with it.
pub(crate) fn end_of_relation(state: &ModelState, relation: RelationId) -> Vec<Change> {
    without(state, None, |_, over| over == Some(relation))
}

/// Revisions of a user's secret that go by themselves.
pub(crate) fn pruned(state: &ModelState) -> Vec<Change> {
    state
        .secrets_of(SecretOwner::Model)
        .filter(|secret| secret.auto_prune)
        .flat_map(|secret| {
            state
                .secret_revisions(secret.id)
                .filter(|row| state.is_obsolete(secret, row.revision))
                .map(|row| Change::Delete(RowKey::SecretRevision(secret.id, row.revision)))
        })
        .collect()
}

fn owned(state: &ModelState, owner: SecretOwner) -> Vec<Change> {
    let mut draft = Draft::new(state);
    for secret in state.secrets_of(owner) {
        draft.remove(secret);
    }
    draft.into_changes()
}

/// Takes grants away from the secrets that stay: all but those of an owner.
fn without(
    state: &ModelState,
    gone: Option<SecretOwner>,
    ends: impl Fn(&Grantee, Option<RelationId>) -> bool,
) -> Vec<Change> {
    state
        .secrets()
        .filter(|secret| Some(secret.owner) != gone)
        .filter(|secret| {
            secret
                .grants
                .iter()
                .any(|(grantee, grant)| ends(grantee, grant.relation))
        })
        .map(|secret| {
            let mut secret: Secret = secret.clone();
            secret
                .grants
                .retain(|grantee, grant| !ends(grantee, grant.relation));
            Change::Put(Row::Secret(secret))
        })
        .collect()
}
