//! A hook that is due: with what it is run, and what is said of it.

use lazuli_model::hook::{Hook, RelationHook};

use super::{Rows, block};
use crate::advance::advance;
use crate::leader::renewed_grant;
use crate::resources::resources_level;
use crate::settings::config_level;
use crate::types::{Action, Levels, Subject, SubjectPlan};

impl Rows<'_> {
    /// Runs a hook, or passes over one that the charm does not have.
    pub(super) fn due(self, plan: &mut SubjectPlan, hook: &Hook) {
        let Some(levels) = self.levels(hook) else {
            block(plan, "waiting for its charm".to_owned(), None, None);
            return;
        };
        let state = self.inputs.state;
        let name = self.hook_name(hook);
        let Some(charm) = state.charm(levels.charm) else {
            block(plan, "waiting for its charm".to_owned(), None, None);
            return;
        };
        if !charm.charm.has_hook(&name) && !self.mounts(hook) {
            // Costs nothing: no connection, and no commit of its own.
            plan.decisions = advance(state, self.unit, self.done, &levels, self.inputs.now);
            return;
        }
        if let Some(task) = self.task_first() {
            block(
                plan,
                format!("waiting for task {}", task.number),
                Some(Subject::Task(task.number)),
                None,
            );
            return;
        }
        if self.is_put_off(plan, &name) {
            return;
        }
        if let Some(other) = self.busy_neighbour() {
            block(
                plan,
                format!("waiting for machine {}: {other}", self.machine.name),
                Some(Subject::Machine(self.machine.id)),
                None,
            );
            return;
        }
        plan.decisions
            .extend(renewed_grant(state, self.unit, self.inputs.now));
        self.set_before(plan, hook);
        plan.actions.push(Action::RunHook {
            unit: self.unit.id,
            seq: self.done.hook_seq + 1,
            levels,
        });
        block(plan, format!("{name} hook is due"), None, None);
    }

    /// Whether the machine has work to do for a hook that the charm lacks: it
    /// mounts storage, and does so again after a reboot.
    pub(super) fn mounts(self, hook: &Hook) -> bool {
        match hook {
            Hook::Storage(_) => true,
            Hook::Start => self.has_storage(),
            _ => false,
        }
    }

    /// The hook's name, with the local endpoint of a relation hook.
    pub(super) fn hook_name(self, hook: &Hook) -> String {
        hook.name(&self.endpoint(hook))
    }

    /// Juju's text: `running db-relation-joined hook for mysql/0`.
    pub(super) fn running_message(self, hook: &Hook, name: &str) -> String {
        let remote = match hook {
            Hook::Relation(hook) => hook
                .remote
                .and_then(|remote| self.inputs.state.relation_unit(hook.relation, remote)),
            _ => None,
        };
        match remote {
            Some(remote) => format!("running {name} hook for {}", remote.name),
            None => format!("running {name} hook"),
        }
    }

    pub(super) fn endpoint(self, hook: &Hook) -> String {
        let relation = match hook {
            Hook::Relation(RelationHook { relation, .. }) => relation,
            Hook::Storage(hook) => {
                let storage = self.inputs.state.storages().get(hook.storage);
                return storage.map_or_else(String::new, |row| row.name.storage().to_string());
            }
            _ => return String::new(),
        };
        self.inputs
            .state
            .relation(*relation)
            .and_then(|relation| relation.local(self.application.id))
            .map(|end| end.name.to_string())
            .unwrap_or_default()
    }

    /// What the hook is shown; none when what it is about is gone.
    pub(super) fn levels(self, hook: &Hook) -> Option<Levels> {
        let state = self.inputs.state;
        let new_charm = matches!(hook, Hook::Install | Hook::UpgradeCharm);
        if let Hook::Storage(about) = hook {
            state.storages().get(about.storage)?;
        }
        let mut levels = Levels {
            hook: hook.clone(),
            charm: self
                .done
                .charm
                .filter(|id| !new_charm && state.charm(*id).is_some())
                .unwrap_or(self.application.charm),
            config: config_level(state, self.unit, self.application),
            leader_version: state
                .leader(self.application.id)
                .map_or(0, |leader| leader.version),
            remote_version: 0,
            app_version: 0,
            boot: self
                .known
                .and_then(|known| known.facts.as_ref())
                .map(|facts| facts.boot_id.clone()),
            resources: match new_charm {
                true => resources_level(state, self.application.id),
                false => None,
            },
        };
        if let Hook::Secret(about) = hook {
            state.secret(about.secret)?;
        }
        if let Hook::Relation(about) = hook {
            let relation = state.relation(about.relation)?;
            let remote = relation.remote(self.application.id)?;
            levels.app_version = state
                .relation_application(relation.id, remote.application)
                .map_or(0, |bag| bag.version);
            if let Some(unit) = about.remote {
                levels.remote_version = state.relation_unit(relation.id, unit)?.version;
            }
        }
        Some(levels)
    }
}
