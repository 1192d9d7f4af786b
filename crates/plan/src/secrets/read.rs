//! `secret-get`: which revision a unit reads, and what it reads from then on.

use lazuli_model::secret::SecretId;
use lazuli_model::state::{
    Change, ModelState, Row, Secret, SecretConsumer, SecretOwner, SecretRevision, Unit,
};

/// What a unit wants to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretRead {
    /// The secret, unless the label says which.
    pub id: Option<SecretId>,
    /// The unit's label for it: a new one when the id is given.
    pub label: Option<String>,
    /// Read the newest revision from now on.
    pub refresh: bool,
    /// Read the newest revision this once.
    pub peek: bool,
}

/// The revision to read, and the row to commit when what the unit reads (or
/// calls it) changes.
///
/// # Errors
/// In Juju's words: there is none, or the unit may not read it.
pub fn read_secret<'a>(
    state: &'a ModelState,
    unit: &Unit,
    read: &SecretRead,
) -> Result<(&'a SecretRevision, Option<Change>), String> {
    let label = read.label.as_deref().filter(|label| !label.is_empty());
    let secret = match read.id {
        Some(id) => state
            .secret(id)
            .ok_or_else(|| format!("secret \"{id}\" not found"))?,
        None => labelled(state, unit, label.unwrap_or_default())?,
    };
    if !state.may_read(unit, secret) {
        return Err("permission denied".to_owned());
    }
    let before = state.secret_consumer(unit.id, secret.id);
    let mut row = before.cloned().unwrap_or(SecretConsumer {
        secret: secret.id,
        unit: unit.id,
        label: String::new(),
        revision: 0,
        told: 0,
    });
    // Whoever owns it has the owner's label for it.
    if let Some(label) = label
        && read.id.is_some()
        && !is_owned(unit, secret)
        && row.label != label
    {
        let taken = state
            .secrets_read_by(unit.id)
            .any(|other| other.label == label);
        if taken {
            return Err(format!("secret consumer label {label:?} already exists"));
        }
        label.clone_into(&mut row.label);
    }
    if read.refresh || before.is_none() {
        row.revision = secret.latest;
        row.told = secret.latest;
    }
    let wanted = if read.peek {
        secret.latest
    } else {
        row.revision
    };
    let revision = state
        .secret_revision(secret.id, wanted)
        .ok_or_else(|| format!("secret \"{}\" revision {wanted} not found", secret.id))?;
    let change = (before != Some(&row)).then_some(Change::Put(Row::SecretConsumer(row)));
    Ok((revision, change))
}

/// By the owner's label for its own, or the unit's for those of others.
fn labelled<'a>(state: &'a ModelState, unit: &Unit, label: &str) -> Result<&'a Secret, String> {
    let own = [
        SecretOwner::Unit(unit.id),
        SecretOwner::Application(unit.application),
    ]
    .into_iter()
    .flat_map(|owner| state.secrets_of(owner))
    .find(|secret| secret.label == label);
    let read = || {
        state
            .secrets_read_by(unit.id)
            .find(|row| row.label == label)
            .and_then(|row| state.secret(row.secret))
    };
    own.or_else(read)
        .filter(|_| !label.is_empty())
        .ok_or_else(|| format!("consumer label {label:?} not found"))
}

fn is_owned(unit: &Unit, secret: &Secret) -> bool {
    match secret.owner {
        SecretOwner::Unit(id) => id == unit.id,
        SecretOwner::Application(id) => id == unit.application,
        SecretOwner::Model => false,
    }
}
