//! The order of hooks (reference: Juju 3.6, `uniter/resolver.go`).

use lazuli_model::hook::Hook;
use lazuli_model::life::Life;
use lazuli_model::state::{LeadershipSeen, Unit};
use time::OffsetDateTime;

use super::{Next, Rows};
use crate::network::moved_bags;
use crate::resources::resources_changed;
use crate::types::Inputs;

/// What a unit does before any of its tasks: the hook's name. A unit in error
/// runs tasks whatever else is due.
pub(crate) fn before_tasks(inputs: Inputs<'_>, unit: &Unit) -> Option<String> {
    let state = inputs.state;
    let install = || Some("install".to_owned());
    let (Some(done), Some(application), Some(machine)) = (
        state.unit_state(unit.id),
        state.application(unit.application),
        state.machine(unit.machine),
    ) else {
        return install();
    };
    if done.error.is_some() {
        return None;
    }
    if !done.installed {
        return install();
    }
    let rows = Rows {
        inputs,
        unit,
        done,
        application,
        machine,
        known: state.machine_state(machine.id),
    };
    // Juju queues start when the first config-changed is done.
    let queued = !done.started && done.config_seen.is_some() && !rows.config_changed();
    if rows.rebooted() || queued {
        return Some("start".to_owned());
    }
    if rows.relation_created().is_some() {
        return Some("relation-created".to_owned());
    }
    rows.leadership().map(|hook| hook.name(""))
}

impl Rows<'_> {
    /// What is next; the first that applies.
    pub(super) fn next(self) -> Next {
        if self.unit.life != Life::Alive {
            return self.leave();
        }
        if let Some(next) = self.storage_detaching() {
            return next;
        }
        if !self.done.installed {
            let before = self.storage_attached().or_else(|| self.bags_born());
            return before.unwrap_or(Next::Due(Hook::Install));
        }
        if self.rebooted() {
            return Next::Due(Hook::Start);
        }
        if let Some(next) = self.storage_attached() {
            return next;
        }
        if let Some(next) = self.relation_created() {
            return next;
        }
        if let Some(hook) = self.leadership() {
            return Next::Due(hook);
        }
        if let Some(hook) = self.secret_due() {
            return Next::Due(hook);
        }
        if self.done.charm != Some(self.application.charm)
            || resources_changed(self.inputs.state, self.unit)
        {
            return Next::Due(Hook::UpgradeCharm);
        }
        if self.config_changed() {
            let seen = self.done.config_seen.as_deref();
            let moved = moved_bags(self.inputs.state, self.unit, self.application, seen);
            return match moved.is_empty() {
                true => Next::Due(Hook::ConfigChanged),
                false => Next::Decide(moved),
            };
        }
        if !self.done.started {
            return Next::Due(Hook::Start);
        }
        if let Some(next) = self.relation_due() {
            return next;
        }
        self.update_status()
    }

    /// Storage goes, relations are left, then stop (of what has started) and
    /// remove run; peers hear of it without a broken of their own.
    fn leave(self) -> Next {
        if let Some(next) = self.storage_detaching() {
            return next;
        }
        if !self.done.installed {
            // It never got so far as to have anything to take back.
            return Next::Over;
        }
        if let Some(next) = self.relation_due() {
            return next;
        }
        if self.done.started && !self.done.stopped {
            return Next::Due(Hook::Stop);
        }
        if !self.done.removed {
            return Next::Due(Hook::Remove);
        }
        Next::Over
    }

    fn rebooted(self) -> bool {
        let boot = self
            .known
            .and_then(|known| known.facts.as_ref())
            .map(|facts| &facts.boot_id);
        self.done.started && boot.is_some() && self.done.boot_seen.as_ref() != boot
    }

    fn leadership(self) -> Option<Hook> {
        let leader = self.inputs.state.leader(self.application.id)?;
        if leader.unit == Some(self.unit.id) {
            let told = self.done.leadership_seen == LeadershipSeen::Elected;
            return (!told).then_some(Hook::LeaderElected);
        }
        match self.done.leadership_seen {
            LeadershipSeen::Follower { version } if version == leader.version => None,
            LeadershipSeen::Follower { .. } | LeadershipSeen::Elected | LeadershipSeen::Nothing => {
                Some(Hook::LeaderSettingsChanged)
            }
        }
    }

    fn config_changed(self) -> bool {
        let level = crate::settings::config_level(self.inputs.state, self.unit, self.application);
        level.is_some() && self.done.config_seen != level
    }

    /// Now and then, when nothing else is due: each interval, shortened or
    /// stretched by up to a fifth, by a jitter that depends on unit and run.
    fn update_status(self) -> Next {
        let has_hook = self
            .done
            .charm
            .and_then(|id| self.inputs.state.charm(id))
            .is_some_and(|charm| charm.charm.has_hook("update-status"));
        let Some(last) = self.done.updated_at.filter(|_| has_hook) else {
            return Next::Idle(None);
        };
        let interval = self.inputs.state.model().update_status_interval();
        let at: OffsetDateTime = last + interval * self.jitter(self.done.hook_seq);
        if at <= self.inputs.now {
            Next::Due(Hook::UpdateStatus)
        } else {
            Next::Idle(Some(at))
        }
    }

    /// From 0.8 to 1.2, the same for the same unit and number.
    fn jitter(self, number: u64) -> f64 {
        0.8 + 0.4 * crate::advance::fraction(self.unit.id, number)
    }
}
