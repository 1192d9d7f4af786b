//! How instances are shown, and what others may rely on.

use lazuli_model::life::Life;
use lazuli_model::state::{Effect, EffectState, FailureClass, Machine, MachineSource, ModelState};
use lazuli_model::status::Status;

use super::machine::{instance, label};
use super::step::trouble;
use crate::types::Inputs;

/// Whether the instance is being deleted, or is gone.
pub(crate) fn instance_is_going(state: &ModelState, machine: &Machine) -> bool {
    let effect = state
        .machine_state(machine.id)
        .and_then(|known| instance(state, known));
    effect.is_none_or(|effect| {
        matches!(
            effect.state,
            EffectState::Deleting { .. } | EffectState::Gone
        )
    })
}

/// Whether the instance was there and is no more, though nobody asked for
/// that.
pub(crate) fn instance_is_gone(state: &ModelState, machine: &Machine) -> bool {
    state
        .machine_state(machine.id)
        .and_then(|known| instance(state, known))
        .is_some_and(|effect| effect.state == EffectState::Gone)
}

/// Why the instance does not run any more, though it did and nobody asked for
/// that.
pub(crate) fn instance_trouble(state: &ModelState, machine: &Machine) -> Option<String> {
    let known = state.machine_state(machine.id)?;
    let effect = instance(state, known)?;
    match effect.state {
        EffectState::Gone => Some(lost(effect, machine)),
        EffectState::Present => down(effect).map(str::to_owned),
        _ => None,
    }
}

fn lost(effect: &Effect, machine: &Machine) -> String {
    format!(
        "virtual machine {} was deleted outside Lazuli; remove machine {} and add another",
        effect.name, machine.name
    )
}

fn down(effect: &Effect) -> Option<&str> {
    let failure = effect.failure.as_ref()?;
    (failure.class == FailureClass::Down).then_some(failure.message.as_str())
}

/// The instance's status in Juju's words (`machine-status`).
pub(crate) fn instance_status(inputs: Inputs<'_>, machine: &Machine) -> Status {
    let status = |word: &str, message: String| Status::new(word, message, inputs.now);
    let Some(known) = inputs.state.machine_state(machine.id) else {
        return status("pending", String::new());
    };
    if let MachineSource::Manual { .. } = machine.source {
        return status("running", "Manually provisioned machine".to_owned());
    }
    if let Some(failure) = &known.failure {
        return status("provisioning error", failure.message.clone());
    }
    let Some(effect) = instance(inputs.state, known) else {
        return status("pending", String::new());
    };
    let failure = trouble(effect).map(|failure| failure.message.clone());
    match (&effect.state, failure) {
        (EffectState::Gone, _) if machine.life == Life::Alive => {
            status("down", lost(effect, machine))
        }
        (EffectState::Deleting { .. } | EffectState::Gone, failure) => {
            status("stopping", failure.unwrap_or_default())
        }
        (EffectState::Present, _) => match down(effect) {
            Some(reason) => status("stopped", reason.to_owned()),
            None => status("running", String::new()),
        },
        (_, Some(message)) => status("provisioning error", message),
        (EffectState::Foreign, None) => {
            status("provisioning error", "the name is taken".to_owned())
        }
        (EffectState::Planned | EffectState::Sent { .. } | EffectState::Accepted { .. }, None) => {
            status("allocating", format!("creating {}", label(effect)))
        }
    }
}
