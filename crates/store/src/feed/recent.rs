//! What this process committed lately, so that it need not be read back from
//! the database by the others in the process who follow a model.

use std::collections::VecDeque;

use lazuli_model::id::ModelId;
use lazuli_model::state::{Change, Row};

use crate::heads::Position;

/// Commits that are kept, of all models.
const COMMITS: usize = 256;
/// A commit with more changes is read back instead.
const CHANGES: usize = 256;
/// Changes that are kept, of all commits.
const ALL_CHANGES: usize = 4096;

/// The latest commits of this process, in the order in which it heard that
/// they were done.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    commits: VecDeque<Commit>,
    changes: usize,
}

#[derive(Debug)]
struct Commit {
    model: ModelId,
    position: Position,
    changes: Vec<Change>,
}

/// Changes of one commit, as far as they are worth keeping; none of one that
/// is better read back.
pub(crate) fn worth_keeping(changes: &[Change]) -> Option<Vec<Change>> {
    (changes.len() <= CHANGES).then(|| {
        let kept = changes.iter().filter(|change| {
            // No model in memory has these.
            !matches!(change, Change::Put(Row::Operation(_) | Row::TaskLog(_)))
        });
        kept.cloned().collect()
    })
}

impl Recent {
    /// Takes what a commit did.
    pub(crate) fn keep(&mut self, model: ModelId, position: Position, changes: Vec<Change>) {
        self.changes += changes.len();
        while (self.commits.len() >= COMMITS || self.changes > ALL_CHANGES)
            && let Some(oldest) = self.commits.pop_front()
        {
            self.changes -= oldest.changes.len();
        }
        self.commits.push_back(Commit {
            model,
            position,
            changes,
        });
    }

    /// What was committed after one revision of a model, up to and with
    /// another, in the order of the revisions; none when some of it was
    /// committed elsewhere, is unknown, or is no longer kept.
    pub(crate) fn between(
        &self,
        model: ModelId,
        after: u64,
        upto: u64,
    ) -> Option<(Position, Vec<Change>)> {
        let wanted = usize::try_from(upto.checked_sub(after)?).ok()?;
        if wanted == 0 || wanted > self.commits.len() {
            return None;
        }
        let mut found: Vec<&Commit> = self
            .commits
            .iter()
            .filter(|commit| {
                commit.model == model
                    && commit.position.revision > after
                    && commit.position.revision <= upto
            })
            .collect();
        // Each revision is committed once.
        if found.len() != wanted {
            return None;
        }
        found.sort_by_key(|commit| commit.position.revision);
        let last = found.last()?.position;
        let changes = found.iter().flat_map(|commit| commit.changes.clone());
        Some((last, changes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use lazuli_model::id::GenericUuid;
    use lazuli_model::state::RowKey;
    use uuid::Uuid;

    use super::*;

    fn model(n: u128) -> ModelId {
        ModelId::from_untyped_uuid(Uuid::from_u128(n))
    }

    fn at(revision: u64) -> Position {
        Position {
            revision,
            generation: 7,
        }
    }

    fn task(number: u64) -> Vec<Change> {
        vec![Change::Delete(RowKey::Task(number))]
    }

    #[test]
    fn commits_come_by_revision_however_they_were_heard_of() {
        let mut recent = Recent::default();
        recent.keep(model(1), at(3), task(3));
        recent.keep(model(2), at(2), task(9));
        recent.keep(model(1), at(2), task(2));
        let (position, changes) = recent.between(model(1), 1, 3).unwrap();
        assert_eq!(position, at(3));
        assert_eq!(changes, [task(2), task(3)].concat());
        let (position, changes) = recent.between(model(1), 2, 3).unwrap();
        assert_eq!((position, changes), (at(3), task(3)));
    }

    #[test]
    fn a_gap_is_never_bridged() {
        let mut recent = Recent::default();
        recent.keep(model(1), at(2), task(2));
        recent.keep(model(1), at(4), task(4));
        assert!(recent.between(model(1), 1, 4).is_none());
        assert!(recent.between(model(1), 1, 3).is_none());
        assert!(recent.between(model(1), 4, 5).is_none());
        assert!(recent.between(model(1), 4, 4).is_none());
        assert!(recent.between(model(1), 5, 4).is_none());
        assert!(recent.between(model(1), 0, u64::MAX).is_none());
        assert!(recent.between(model(1), 3, 4).is_some());
    }

    #[test]
    fn as_many_are_kept_as_it_says_and_no_more() {
        let mut recent = Recent::default();
        for revision in 1..=u64::try_from(COMMITS).unwrap() + 1 {
            recent.keep(model(1), at(revision), task(revision));
        }
        assert_eq!(recent.commits.len(), COMMITS);
        assert!(recent.between(model(1), 0, 1).is_none());
        assert!(recent.between(model(1), 1, 2).is_some());
        let many = vec![Change::Delete(RowKey::Model); CHANGES + 1];
        for revision in 1..=100 {
            recent.keep(model(2), at(revision), many[1..].to_vec());
        }
        assert_eq!(recent.commits.len(), ALL_CHANGES / CHANGES);
        assert_eq!(recent.changes, ALL_CHANGES);
        assert!(worth_keeping(&many).is_none());
        assert!(worth_keeping(&many[1..]).is_some());
    }
}
