//! Outcomes come from machines, and a machine is root's, which may be anybody:
//! what it says must be about what its unit has to do with.

use lazuli_model::hook::{Hook, SecretHookKind};
use lazuli_model::state::{ModelState, SecretOwner, Unit};

/// Whether a hook is about a relation, a secret or storage that is there and
/// that this unit would never have a hook of.
#[must_use]
pub fn is_foreign(state: &ModelState, unit: &Unit, hook: &Hook) -> bool {
    match hook {
        Hook::Relation(about) => state
            .relation(about.relation)
            .is_some_and(|relation| relation.local(unit.application).is_none()),
        // What a unit was told of is its own matter; all else is the owner's.
        Hook::Secret(about) => {
            about.kind != SecretHookKind::Changed
                && state
                    .secret(about.secret)
                    .is_some_and(|secret| match secret.owner {
                        SecretOwner::Application(id) => id != unit.application,
                        SecretOwner::Unit(id) => id != unit.id,
                        SecretOwner::Model => true,
                    })
        }
        Hook::Storage(about) => {
            let storages = state.storages();
            let wanted = storages.get(about.storage).and_then(|row| row.unit);
            let is = storages.state(about.storage).and_then(|row| row.unit);
            let mut units = wanted.into_iter().chain(is).peekable();
            units.peek().is_some() && units.all(|id| id != unit.id)
        }
        Hook::Install
        | Hook::Start
        | Hook::ConfigChanged
        | Hook::LeaderElected
        | Hook::LeaderSettingsChanged
        | Hook::UpdateStatus
        | Hook::UpgradeCharm
        | Hook::Stop
        | Hook::Remove => false,
    }
}
