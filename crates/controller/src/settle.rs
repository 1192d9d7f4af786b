//! Planning until there is nothing left to decide.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_model::id::MachineId;
use lazuli_model::offer::Offer;
use lazuli_model::state::{Change, ModelState, RowKey};
use lazuli_plan::{Action, InFlight, Inputs, Subject, SubjectPlan, affected, plan_subject};
use time::OffsetDateTime;

use crate::lookout::Lookout;
use crate::replays::Replays;
use crate::vault::Vault;

/// Decisions in one go; a planner that decides for ever is a bug, and this
/// bounds what it can do.
const MAX_ROUNDS: usize = 100_000;

/// A model in memory with the plans of its subjects. It is ahead of the
/// database by `changes`, which the next commit writes; nothing acts before
/// that.
pub(crate) struct Desk {
    /// The rows, with `changes` applied.
    pub(crate) state: ModelState,
    /// What executors are doing.
    pub(crate) flight: InFlight,
    /// What opens and seals secrets.
    pub(crate) vault: Vault,
    /// Commands whose outcomes are among the rows: a reload forgets them with
    /// what was not committed.
    pub(crate) wishes: Replays,
    /// What lists of machines are about.
    pub(crate) lookout: Lookout,
    /// The last plan of each subject that has one.
    plans: BTreeMap<Subject, SubjectPlan>,
    /// Subjects to plan again.
    dirty: BTreeSet<Subject>,
    /// When to plan a subject again though nothing changed.
    wakes: BTreeSet<(OffsetDateTime, Subject)>,
    /// Subjects whose plan has actions that were not looked at yet.
    ready: BTreeSet<Subject>,
    /// What the next commit writes: the last change of each row.
    changes: BTreeMap<RowKey, Change>,
    /// Units that go with the next commit, and the machines they were on.
    departed: Vec<(MachineId, String)>,
}

/// The planner went on deciding; see [`MAX_ROUNDS`].
#[derive(Debug, thiserror::Error)]
#[error("the planner does not settle: it still decides about {0:?}")]
pub(crate) struct Unsettled(Subject);

impl Desk {
    /// A desk for a model that was just loaded: everything is to be planned.
    #[must_use]
    pub(crate) fn new(state: ModelState) -> Self {
        let dirty = lazuli_plan::subjects(&state);
        Self {
            lookout: Lookout::new(&state),
            vault: Vault::default(),
            wishes: Replays::default(),
            state,
            flight: InFlight::default(),
            plans: BTreeMap::new(),
            dirty,
            wakes: BTreeSet::new(),
            ready: BTreeSet::new(),
            changes: BTreeMap::new(),
            departed: Vec::new(),
        }
    }

    /// Puts the rows as the database has them in place of what is here, keeps
    /// what is in flight, and forgets what was to be written.
    pub(crate) fn reload(&mut self, state: ModelState) {
        let flight = std::mem::take(&mut self.flight);
        let vault = std::mem::take(&mut self.vault);
        let (survey, list) = (self.lookout.survey_wanted, self.lookout.list_wanted);
        *self = Self::new(state);
        self.flight = flight;
        self.vault = vault;
        self.lookout.survey_wanted = survey;
        self.lookout.list_wanted = list;
    }

    /// Applies a row that the database has already.
    pub(crate) fn absorb(&mut self, change: Change) {
        // What is about to be written is newer than what was read.
        if !self.changes.contains_key(&change.key()) {
            self.apply(change);
        }
    }

    /// Applies a change and writes it with the next commit.
    pub(crate) fn record(&mut self, change: Change) {
        if let Change::Delete(RowKey::Unit(id)) = &change
            && let Some(unit) = self.state.unit(*id)
        {
            self.departed.push((unit.machine, unit.name.to_string()));
        }
        self.changes.insert(change.key(), change.clone());
        self.apply(change);
    }

    fn apply(&mut self, change: Change) {
        let before = self.state.row(&change.key());
        self.state.apply(change.clone());
        self.lookout.follow(&self.state, &change, before.as_ref());
        self.dirty
            .extend(affected(&self.state, &change, before.as_ref()));
    }

    /// Has a subject planned again.
    pub(crate) fn touch(&mut self, subject: Subject) {
        self.dirty.insert(subject);
    }

    /// Has a subject planned again at a time.
    pub(crate) fn touch_at(&mut self, at: OffsetDateTime, subject: Subject) {
        self.wakes.insert((at, subject));
    }

    /// The next time at which something is to be planned again.
    #[must_use]
    pub(crate) fn next_wake(&self) -> Option<OffsetDateTime> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// Plans what is dirty or due, and again what that touches, until nothing
    /// is decided any more. Decisions become changes of the next commit.
    ///
    /// # Errors
    /// When the planner does not come to an end.
    pub(crate) fn settle(
        &mut self,
        offers: &[Offer],
        now: OffsetDateTime,
    ) -> Result<(), Unsettled> {
        while let Some((at, subject)) = self.wakes.first().copied() {
            if at > now {
                break;
            }
            self.wakes.pop_first();
            self.dirty.insert(subject);
        }
        let mut rounds = 0;
        while let Some(subject) = self.dirty.pop_first() {
            rounds += 1;
            if rounds > MAX_ROUNDS {
                return Err(Unsettled(subject));
            }
            let inputs = Inputs {
                state: &self.state,
                flight: &self.flight,
                offers,
                now,
            };
            let mut plan = plan_subject(inputs, subject);
            for decision in std::mem::take(&mut plan.decisions) {
                self.record(decision);
            }
            self.keep(subject, plan);
        }
        Ok(())
    }

    fn keep(&mut self, subject: Subject, plan: SubjectPlan) {
        if let Some(at) = self.plans.get(&subject).and_then(|old| old.wake_at) {
            self.wakes.remove(&(at, subject));
        }
        if let Some(at) = plan.wake_at {
            self.wakes.insert((at, subject));
        }
        if plan.actions.is_empty() {
            self.ready.remove(&subject);
        } else {
            self.ready.insert(subject);
        }
        if plan == SubjectPlan::default() {
            self.plans.remove(&subject);
        } else {
            self.plans.insert(subject, plan);
        }
    }

    /// What the next commit has to write.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Change> {
        self.changes.values()
    }

    /// Hands over what the next commit has to write. When it fails, the rows
    /// are to be reloaded.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes).into_values().collect()
    }

    /// Whether there is something to write.
    #[must_use]
    pub(crate) fn is_clean(&self) -> bool {
        self.changes.is_empty()
    }

    /// Units that went with the last commit, and the machines they were on.
    pub(crate) fn take_departed(&mut self) -> Vec<(MachineId, String)> {
        std::mem::take(&mut self.departed)
    }

    /// The actions of the plans that are new since the last call. Only to be
    /// called when everything is committed.
    pub(crate) fn take_actions(&mut self) -> Vec<Action> {
        let ready = std::mem::take(&mut self.ready);
        ready
            .iter()
            .filter_map(|subject| self.plans.get(subject))
            .flat_map(|plan| plan.actions.iter().cloned())
            .collect()
    }
}
