//! One row of the ledger, one step further.

use lazuli_model::state::{
    Change, Effect, EffectFailure, EffectSpec, EffectState, FailureClass, Row,
};
use time::OffsetDateTime;

use crate::types::{Action, Blocked, Inputs, SubjectPlan};

/// What should become of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It should be as its spec says.
    Present,
    /// It should not be.
    Gone,
}

/// Adds the next step of `effect` to `plan`; whether the wish has come true.
pub(super) fn step(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    effect: &Effect,
    wish: Wish,
    label: &str,
) -> bool {
    let done = (&effect.state, wish) == (&EffectState::Present, Wish::Present);
    if inputs.flight.effects.contains(&effect.id) && !done {
        wait(plan, reason(effect, wish, label), None);
        return false;
    }
    match (&effect.state, wish) {
        // What is not ours is never touched.
        (EffectState::Present, Wish::Present)
        | (EffectState::Gone | EffectState::Foreign, Wish::Gone) => true,
        (EffectState::Gone, Wish::Present) => {
            wait(plan, reason(effect, wish, label), None);
            false
        }
        // What took the name may have been renamed or deleted since.
        (EffectState::Foreign | EffectState::Planned | EffectState::Sent { .. }, Wish::Present) => {
            let at = retry_at(effect).unwrap_or(inputs.now);
            let action = Action::Ensure { effect: effect.id };
            act_at(inputs, plan, at, action, reason(effect, wish, label));
            false
        }
        (EffectState::Accepted { poll_at, .. }, Wish::Present) => {
            let at = retry_at(effect).map_or(*poll_at, |at| at.max(*poll_at));
            let action = Action::Poll { effect: effect.id };
            act_at(inputs, plan, at, action, reason(effect, wish, label));
            false
        }
        (EffectState::Deleting { operation, poll_at }, _) => {
            let action = if operation.is_some() {
                Action::Poll { effect: effect.id }
            } else {
                Action::Remove { effect: effect.id }
            };
            act_at(
                inputs,
                plan,
                *poll_at,
                action,
                reason(effect, Wish::Gone, label),
            );
            false
        }
        (
            EffectState::Planned
            | EffectState::Sent { .. }
            | EffectState::Accepted { .. }
            | EffectState::Present,
            Wish::Gone,
        ) => {
            let state = EffectState::Deleting {
                operation: None,
                poll_at: inputs.now,
            };
            plan.decisions.push(moved(effect, state, inputs.now));
            false
        }
    }
}

/// Asks whether a resource is still there, if that is doubted: a list lacked
/// it, or the last answer was not conclusive.
pub(super) fn is_it_there(inputs: Inputs<'_>, plan: &mut SubjectPlan, effect: &Effect) {
    if effect.state != EffectState::Present || inputs.flight.effects.contains(&effect.id) {
        return;
    }
    match retry_at(effect) {
        Some(at) if at > inputs.now => {
            plan.wake_at = Some(plan.wake_at.map_or(at, |wake| wake.min(at)));
        }
        None if !inputs.flight.doubted.contains(&effect.id) => {}
        Some(_) | None => plan.actions.push(Action::Poll { effect: effect.id }),
    }
}

/// The row in another state, its failure forgotten.
pub(super) fn moved(effect: &Effect, state: EffectState, now: OffsetDateTime) -> Change {
    Change::Put(Row::Effect(Effect {
        state,
        failure: None,
        changed_at: now,
        ..effect.clone()
    }))
}

/// The row with another spec, to be brought to it; one that is gone is made
/// anew.
pub(super) fn respecified(effect: &Effect, spec: EffectSpec, now: OffsetDateTime) -> Change {
    Change::Put(Row::Effect(Effect {
        spec,
        state: EffectState::Planned,
        cloud_id: effect
            .cloud_id
            .clone()
            .filter(|_| effect.state != EffectState::Gone),
        failure: None,
        changed_at: now,
        ..effect.clone()
    }))
}

fn act_at(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    at: OffsetDateTime,
    action: Action,
    reason: String,
) {
    if at <= inputs.now {
        plan.actions.push(action);
        wait(plan, reason, None);
    } else {
        wait(plan, reason, Some(at));
    }
}

/// Waits for `reason`; the first reason of a plan stands, the earliest time
/// counts.
pub(super) fn wait(plan: &mut SubjectPlan, reason: String, until: Option<OffsetDateTime>) {
    plan.wake_at = match (plan.wake_at, until) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    if plan.blocked.is_none() {
        plan.blocked = Some(Blocked {
            reason,
            on: None,
            until,
        });
    }
}

fn retry_at(effect: &Effect) -> Option<OffsetDateTime> {
    effect.failure.as_ref()?.next_try
}

/// Why the last try came to nothing, unless the next one is under way.
pub(super) fn trouble(effect: &Effect) -> Option<&EffectFailure> {
    match effect.state {
        EffectState::Accepted { .. } => None,
        _ => effect.failure.as_ref(),
    }
}

/// What is being done, or why it does not succeed, in the cloud's words.
fn reason(effect: &Effect, wish: Wish, label: &str) -> String {
    match (trouble(effect), wish) {
        (Some(failure), _) => format!("{label}: {}", failure.message),
        (None, Wish::Present) => format!("creating {label} {}", effect.name),
        (None, Wish::Gone) => format!("deleting {label} {}", effect.name),
    }
}

/// Whether another size or zone may help.
pub(super) fn lacks_capacity(effect: &Effect) -> bool {
    trouble(effect).is_some_and(|failure| failure.class == FailureClass::Capacity)
}
