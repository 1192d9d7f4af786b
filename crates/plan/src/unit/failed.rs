//! A unit whose hook failed: tried again, skipped, or forced past it.

use lazuli_model::hook::Hook;
use lazuli_model::life::Life;
use lazuli_model::state::{Change, HookError, Row, RowKey, UnitState};

use super::{Rows, block};
use crate::advance::advance;
use crate::resources::{resources_level, saw_resources};
use crate::types::SubjectPlan;

impl Rows<'_> {
    /// A failed hook holds up all others until it succeeds or is skipped.
    pub(super) fn after_error(self, plan: &mut SubjectPlan, error: &HookError) {
        if let Some(changes) = self.forced_charm() {
            plan.decisions = changes;
            return;
        }
        self.set_idle(plan);
        let now = self.inputs.now;
        let resolve = self
            .unit
            .resolve
            .filter(|resolve| resolve.seq > self.done.resolved);
        let removal_timeout = self.removal_timeout();
        let going = self.unit.life != Life::Alive;
        let given_up = (going && (self.unit.force || now - error.since >= removal_timeout))
            || self.is_forced_storage(&error.hook);
        let skipped = resolve.is_some_and(|resolve| !resolve.retry) || given_up;
        let levels = self.levels(&error.hook);
        let Some(levels) = levels.filter(|_| !skipped) else {
            self.skip(plan, error, resolve.map(|resolve| resolve.seq));
            return;
        };
        if let Some(resolve) = resolve {
            plan.decisions.push(Change::Put(Row::UnitState(UnitState {
                resolved: resolve.seq,
                error: Some(HookError {
                    next_try: Some(now),
                    ..error.clone()
                }),
                ..self.done.clone()
            })));
            return;
        }
        let name = self.hook_name(&error.hook);
        let reason = format!("hook failed: \"{name}\": {}", error.reason);
        match error.next_try {
            Some(at) if at <= now => {
                self.due(plan, &levels.hook);
            }
            next_try => {
                let deadline =
                    (self.unit.life != Life::Alive).then(|| error.since + removal_timeout);
                plan.wake_at = [next_try, deadline].into_iter().flatten().min();
                block(plan, reason, None, plan.wake_at);
            }
        }
    }

    /// A unit in error changes its charm only when that is forced; then
    /// without upgrade-charm, and the failed hook is tried with the new one
    /// (Juju, `refresh --force-units`).
    pub(super) fn forced_charm(self) -> Option<Vec<Change>> {
        let state = self.inputs.state;
        let wanted = self.application.charm;
        let forced = state.charm_source(self.application.id)?.forced == Some(wanted);
        let other = self.done.charm.is_some_and(|charm| charm != wanted);
        if !forced || !other || self.unit.life != Life::Alive {
            return None;
        }
        let level = resources_level(state, self.application.id);
        let mut changes = vec![Change::Put(Row::UnitState(UnitState {
            charm: Some(wanted),
            ..self.done.clone()
        }))];
        changes.extend(saw_resources(state, self.unit.id, level.as_ref()));
        Some(changes)
    }

    /// Whether the hook is of storage whose detaching may skip what fails.
    pub(super) fn is_forced_storage(self, hook: &Hook) -> bool {
        let Hook::Storage(hook) = hook else {
            return false;
        };
        let storage = self.inputs.state.storages().get(hook.storage);
        storage.is_some_and(|row| row.force && row.unit != Some(self.unit.id))
    }

    /// Goes on as if the failed hook had succeeded, and says so.
    pub(super) fn skip(self, plan: &mut SubjectPlan, error: &HookError, resolved: Option<u64>) {
        let name = self.hook_name(&error.hook);
        let done = UnitState {
            error: None,
            resolved: resolved.unwrap_or(self.done.resolved),
            ..self.done.clone()
        };
        let levels = self.levels(&error.hook);
        plan.decisions = match &levels {
            Some(levels) => advance(self.inputs.state, self.unit, &done, levels, self.inputs.now),
            None => Vec::new(),
        };
        let writes_state = plan
            .decisions
            .iter()
            .any(|change| change.key() == RowKey::UnitState(self.unit.id));
        if !writes_state {
            plan.decisions.push(Change::Put(Row::UnitState(done)));
        }
        self.set_skipped(plan, &name, &error.reason);
    }
}
