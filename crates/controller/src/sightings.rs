//! What lists of machines tell: addresses and children of a model's machines
//! from the lists of its group, and from the survey of the subscription
//! whether they are there and run. Pure.
//!
//! A list is positive evidence only. What it lacks is doubted: the cloud is
//! asked about it by its id, and not believed the first time.

use std::time::Duration;

use lazuli_cloud::{Health, SeenMachine};
use lazuli_model::id::{self, EffectId, MachineId};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, Effect, EffectSpec, EffectState, FailureClass, MachineState, ModelState, Row,
};
use time::OffsetDateTime;

use crate::ledger;

/// A group's machines are listed again after this while something about them
/// is not known.
pub(crate) const LIST_AGAIN: Duration = Duration::from_secs(2);
/// A list may lack what is younger than this.
const LAG: time::Duration = time::Duration::seconds(10);
/// A list may go on showing what was deleted for this long.
const DELETION_LAG: time::Duration = time::Duration::seconds(60);
/// Instances that were deleted are looked out for so long: no request of ours
/// takes effect later.
pub(crate) const LATE: time::Duration = time::Duration::minutes(10);

/// What a list of the model's machines tells: addresses, which machines are
/// made, and the resources that came with each as rows of their own. A list is positive
/// evidence only: what it lacks is not gone.
#[must_use]
pub(crate) fn observe(
    state: &ModelState,
    seen: &[SeenMachine],
    now: OffsetDateTime,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for machine in seen {
        let Some(effect) = machine.effect.and_then(|id| state.effect(id)) else {
            continue;
        };
        let Some(owner) = effect.machine else {
            continue;
        };
        if matches!(
            effect.state,
            EffectState::Gone | EffectState::Deleting { .. }
        ) {
            continue;
        }
        changes.extend(addresses(state, owner, machine));
        let pending = matches!(effect.state, EffectState::Accepted { .. });
        if pending && machine.provisioning == "Succeeded" {
            changes.push(Change::Put(Row::Effect(Effect {
                state: EffectState::Present,
                cloud_id: Some(machine.cloud_id.clone()),
                failure: None,
                changed_at: now,
                ..effect.clone()
            })));
        }
        for (kind, name, cloud_id) in &machine.children {
            let id = id::derived(state.model().id, &format!("child:{name}"));
            if state.effect(id).is_some() {
                continue;
            }
            changes.push(Change::Put(Row::Effect(Effect {
                id,
                machine: Some(owner),
                parent: Some(effect.id),
                name: name.clone(),
                spec: EffectSpec::Child { kind: *kind },
                state: EffectState::Present,
                cloud_id: Some(cloud_id.clone()),
                failure: None,
                created_at: now,
                changed_at: now,
            })));
        }
    }
    changes
}

fn addresses(state: &ModelState, owner: MachineId, seen: &SeenMachine) -> Option<Change> {
    let old = state
        .machine_state(owner)
        .cloned()
        .unwrap_or_else(|| MachineState::new(owner));
    let mut new = old.clone();
    new.address = seen.address.or(old.address);
    new.public_address = seen.public_address;
    new.mac = seen.mac.clone().or(new.mac);
    if seen.address.is_some() {
        new.interfaces.clone_from(&seen.interfaces);
    }
    (new != old).then_some(Change::Put(Row::MachineState(new)))
}

/// Whether a list of the group is worth its price for a machine: its instance
/// is there and its address is not known, or its public address came or went.
#[must_use]
pub(crate) fn needs_list(state: &ModelState, machine: MachineId) -> bool {
    let Some(known) = state.machine_state(machine) else {
        return false;
    };
    state
        .effects_of(machine)
        .any(|effect| match (&effect.spec, &effect.state) {
            (
                EffectSpec::VirtualMachine(_),
                EffectState::Accepted { .. } | EffectState::Present,
            ) => known.address.is_none(),
            (EffectSpec::Association { .. }, EffectState::Present) => {
                known.public_address.is_none()
            }
            (EffectSpec::Association { .. }, EffectState::Gone) => known.public_address.is_some(),
            _ => false,
        })
}

/// The instance of a machine, if it is there as far as we know.
#[must_use]
pub(crate) fn present(state: &ModelState, machine: MachineId) -> Option<&Effect> {
    state.effects_of(machine).find(|effect| {
        matches!(effect.spec, EffectSpec::VirtualMachine(_)) && effect.state == EffectState::Present
    })
}

/// Whether the instance of a machine is being made.
#[must_use]
pub(crate) fn is_pending(state: &ModelState, machine: MachineId) -> bool {
    state.effects_of(machine).any(|effect| {
        matches!(
            (&effect.spec, &effect.state),
            (EffectSpec::VirtualMachine(_), EffectState::Accepted { .. })
        )
    })
}

/// What a survey tells of one instance.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    /// Nothing new.
    Nothing,
    /// The row, as it is now.
    Row(Box<Effect>),
    /// It is not in the list though it should be.
    Doubt(EffectId),
}

/// Compares an instance that should be there with what a survey that began at
/// `began` tells of it.
#[must_use]
pub(crate) fn compare(effect: &Effect, seen: Option<&Health>, began: OffsetDateTime) -> Told {
    let failure = match seen {
        None if effect.changed_at + LAG > began => return Told::Nothing,
        None => return Told::Doubt(effect.id),
        Some(Health::Up) => None,
        Some(Health::Down(down)) => Some(ledger::failure(down)),
    };
    if effect.failure == failure {
        return Told::Nothing;
    }
    Told::Row(Box::new(Effect {
        failure,
        ..effect.clone()
    }))
}

/// What becomes of an instance that is gone and that a survey, begun at
/// `began`, shows nevertheless. One that its machine still wants was taken for
/// gone wrongly: it counts as there. One that we deleted was made once more by
/// a request that came late: it is deleted again. A list that lags is not
/// believed.
#[must_use]
pub(crate) fn revived(
    state: &ModelState,
    tombstone: &Effect,
    seen: Option<&Health>,
    began: OffsetDateTime,
) -> Option<Effect> {
    let lags = tombstone.changed_at + DELETION_LAG > began;
    if seen.is_none() || lags {
        return None;
    }
    let deleting = EffectState::Deleting {
        operation: None,
        poll_at: began,
    };
    Some(Effect {
        state: match is_wanted(state, tombstone) {
            true => EffectState::Present,
            false => deleting,
        },
        failure: None,
        changed_at: began,
        ..tombstone.clone()
    })
}

/// Whether an instance is its machine's present one, and the machine stays.
fn is_wanted(state: &ModelState, instance: &Effect) -> bool {
    let alive = |id: MachineId| {
        let machine = state.machine(id);
        machine.is_some_and(|machine| machine.life == Life::Alive)
    };
    let present = |id: MachineId| {
        let known = state.machine_state(id);
        known.is_some_and(|known| instance.name.ends_with(&format!("-g{}", known.generation)))
    };
    instance.machine.is_some_and(|id| alive(id) && present(id))
}

/// Whether an instance runs again that did not: it may be elsewhere now.
#[must_use]
pub(crate) fn is_back(before: &Effect, now: &Effect) -> bool {
    let down = |effect: &Effect| {
        let failure = effect.failure.as_ref();
        failure.is_some_and(|failure| failure.class == FailureClass::Down)
    };
    down(before) && !down(now)
}

#[cfg(test)]
mod tests {
    use lazuli_cloud::Down;
    use lazuli_model::id::{GenericUuid, ModelId};
    use lazuli_model::state::ChildKind;
    use uuid::Uuid;

    use super::*;

    const MADE: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn effect() -> Effect {
        Effect {
            id: id::derived(ModelId::from_untyped_uuid(Uuid::nil()), "m-0-g1"),
            machine: None,
            parent: None,
            name: "m-0-g1".to_owned(),
            spec: EffectSpec::Child {
                kind: ChildKind::Disk,
            },
            state: EffectState::Present,
            cloud_id: Some("/A/m-0-g1".to_owned()),
            failure: None,
            created_at: MADE,
            changed_at: MADE,
        }
    }

    #[test]
    fn what_a_list_lacks_is_doubted_once_it_should_be_there() {
        let row = effect();
        let soon = MADE + time::Duration::seconds(9);
        assert_eq!(compare(&row, None, soon), Told::Nothing);
        let later = MADE + time::Duration::seconds(11);
        assert_eq!(compare(&row, None, later), Told::Doubt(row.id));
        assert_eq!(compare(&row, Some(&Health::Up), later), Told::Nothing);
    }

    #[test]
    fn what_does_not_run_is_recorded_and_taken_back() {
        let row = effect();
        let stopped = Health::Down(Down {
            code: "PowerState/stopped".to_owned(),
            reason: "it is stopped".to_owned(),
        });
        let Told::Row(down) = compare(&row, Some(&stopped), MADE) else {
            panic!("it is not noticed");
        };
        assert_eq!(
            down.failure.as_ref().map(|failure| failure.class),
            Some(FailureClass::Down)
        );
        assert_eq!(down.state, EffectState::Present);
        assert_eq!(compare(&down, Some(&stopped), MADE), Told::Nothing);
        let Told::Row(up) = compare(&down, Some(&Health::Up), MADE) else {
            panic!("it is not noticed");
        };
        assert_eq!(*up, row);
        assert!(is_back(&down, &up));
        assert!(!is_back(&up, &down));
    }
}
