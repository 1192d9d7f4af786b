//! The rows of a model: written under its fence, and read anew after a write
//! that failed or when others wrote.

use std::time::Duration;

use lazuli_model::id::MachineId;
use lazuli_model::state::{Change, Row, RowKey};
use lazuli_model::status::{Status, StatusKey};
use lazuli_store::{Batch, Class, StoreError};
use tokio::time::{Instant, sleep};

use super::{End, ModelLoop};
use crate::freeze;
use crate::shared::now;

/// Commits that fail are tried again from this, doubling,
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(100);
/// to this.
const LAST_RETRY: Duration = Duration::from_secs(5);
/// Decisions that the database refuses are tried again at least this often.
const REFUSED_RETRY: Duration = Duration::from_secs(60);
/// What others committed is read again after this when it could not be.
const REFRESH_RETRY: Duration = Duration::from_secs(1);

/// What a commit did.
#[derive(Default)]
pub(super) struct Done {
    /// Rows that are no more.
    pub(super) deleted: Vec<RowKey>,
    /// Machines that may be elsewhere now.
    pub(super) moved: Vec<MachineId>,
    /// The model is one of them.
    pub(super) removed: bool,
}

impl ModelLoop {
    /// Writes what the desk has, under the fence.
    pub(super) async fn commit(&mut self) -> Result<Done, StoreError> {
        if self.desk.is_clean() {
            return Ok(Done::default());
        }
        let bodies = freeze::new_machines(&self.shared, &self.cloud, &mut self.desk).await?;
        let changes = self.desk.take_changes();
        let mut done = Done::default();
        let mut touches_desired = false;
        for change in &changes {
            touches_desired |= is_desired(&change.key());
            match change {
                Change::Delete(key) => done.deleted.push(key.clone()),
                Change::Put(Row::MachineState(known)) => done.moved.push(known.machine),
                // It is no more in memory.
                Change::Put(row @ Row::Task(task)) if task.status.is_final() => {
                    done.deleted.push(row.key());
                }
                Change::Put(_) => {}
            }
        }
        let batch = Batch {
            bodies,
            generation: touches_desired.then_some(self.position.generation),
            ..Batch::new(self.model, self.epoch, changes)
        };
        let committed = self.shared.store.commit(&[batch]).await?;
        if let Some(committed) = committed.first() {
            // Only when nobody committed in between is what we have all there
            // is.
            if committed.position.revision == self.position.revision + 1 {
                self.position = committed.position;
            }
            done.removed = committed.removed;
        }
        Ok(done)
    }

    /// What to do about a commit that failed follows from its class. The rows
    /// are read anew, however long that takes, and the batch is taken again
    /// on top of them: taking an outcome twice changes nothing.
    pub(super) async fn after_failed_commit(
        &mut self,
        error: &StoreError,
        retry: &mut Duration,
    ) -> Result<(), End> {
        match error.class() {
            Class::Fenced => return Err(End::Fenced { seen: None }),
            Class::NotFound => return Err(End::Removed),
            Class::Conflict | Class::Unknown => {}
            Class::Transient => {
                tracing::warn!(model = %self.model, error = ?error, "the database does not answer; trying again");
            }
            Class::User | Class::Bug => {
                tracing::error!(model = %self.model, error = ?error, "a batch cannot be committed; trying again");
            }
        }
        let refused = matches!(error.class(), Class::User | Class::Bug);
        let longest = if refused { REFUSED_RETRY } else { LAST_RETRY };
        // What users change may be what helps.
        let mut feed = self.shared.store.feed().subscribe(self.model);
        loop {
            tokio::select! {
                () = sleep(*retry) => {}
                Ok(()) = feed.changed(), if self.quarantine.is_stuck() => {}
            }
            *retry = (*retry * 2).min(longest);
            match lazuli_store::load(self.shared.store.pool(), self.model).await {
                Ok(loaded) => {
                    self.desk.reload(loaded.state);
                    self.position = loaded.position;
                    return Ok(());
                }
                Err(error) if error.class() == Class::NotFound => return Err(End::Removed),
                Err(error) => {
                    tracing::warn!(model = %self.model, %error, "failed to read the model; trying again");
                }
            }
        }
    }

    /// Tells operators that nothing of the model is decided any more, and why.
    /// The planner puts the status right with the first commit that succeeds.
    pub(super) async fn tell_stuck(&mut self, error: &StoreError) -> Result<(), End> {
        let text = format!(
            "the controller cannot store what it decides: {error}; it tries again at least every {} s",
            REFUSED_RETRY.as_secs()
        );
        let status = Status::new("error", &text, now());
        let key = StatusKey::Model;
        if self
            .desk
            .state
            .status(key)
            .is_some_and(|old| old.says(&status))
        {
            return Ok(());
        }
        let change = Change::Put(Row::Status(key, status));
        let batch = Batch::new(self.model, self.epoch, vec![change.clone()]);
        match self.shared.store.commit(&[batch]).await {
            Ok(committed) => {
                self.desk.absorb(change);
                if let Some(committed) = committed.first()
                    && committed.position.revision == self.position.revision + 1
                {
                    self.position = committed.position;
                }
                Ok(())
            }
            Err(error) if error.class() == Class::Fenced => Err(End::Fenced { seen: None }),
            Err(error) if error.class() == Class::NotFound => Err(End::Removed),
            Err(error) => {
                tracing::warn!(model = %self.model, %error, "failed to say that the model is stuck");
                Ok(())
            }
        }
    }

    /// Reads what others committed.
    pub(super) async fn refresh(&mut self) -> Result<(), End> {
        match self.read_changes().await {
            Ok(true) => {
                self.refresh_at = None;
                Ok(())
            }
            Ok(false) => Err(End::Removed),
            Err(error) => {
                tracing::warn!(model = %self.model, %error, "failed to read what changed; trying again");
                self.refresh_at = Some(Instant::now() + REFRESH_RETRY);
                Ok(())
            }
        }
    }

    /// Whether the model is still there.
    async fn read_changes(&mut self) -> Result<bool, StoreError> {
        let since = self.position.revision;
        if let Some((position, changes)) = self.shared.store.own_since(self.model, since) {
            for change in changes {
                self.desk.absorb(change);
            }
            self.position = position;
            return Ok(true);
        }
        let pool = self.shared.store.pool();
        let Some(changed) = lazuli_store::changed_since(pool, self.model, since).await? else {
            return Ok(false);
        };
        if changed.position.revision == since {
            return Ok(true);
        }
        let Some(keys) = changed.keys else {
            // Older than the events that are kept.
            let loaded = lazuli_store::load(pool, self.model).await?;
            self.desk.reload(loaded.state);
            self.position = loaded.position;
            return Ok(true);
        };
        for change in lazuli_store::rows(pool, self.model, &keys).await? {
            self.desk.absorb(change);
        }
        self.position = changed.position;
        Ok(true)
    }
}

/// Whether users write rows of this kind: decisions about them rest on what
/// users want, and are refused when that has changed. A revoked grant would
/// come back otherwise, and a task that was cancelled would run.
fn is_desired(key: &RowKey) -> bool {
    matches!(
        key,
        RowKey::Model
            | RowKey::Charm(_)
            | RowKey::Application(_)
            | RowKey::Machine(_)
            | RowKey::Unit(_)
            | RowKey::Relation(_)
            | RowKey::Secret(_)
            | RowKey::SecretRevision(..)
            | RowKey::Storage(_)
            | RowKey::Task(_)
    )
}

#[cfg(test)]
mod tests {
    use lazuli_model::id::{GenericUuid, StorageInstanceId, UnitId};
    use lazuli_model::secret::SecretId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_users_write_too_is_decided_on_their_last_word() {
        let nil = Uuid::nil();
        let secret = SecretId::from_random([1; 12]);
        for key in [
            RowKey::Secret(secret),
            RowKey::SecretRevision(secret, 1),
            RowKey::Storage(StorageInstanceId::from_untyped_uuid(nil)),
            RowKey::Task(1),
            RowKey::Unit(UnitId::from_untyped_uuid(nil)),
        ] {
            assert!(is_desired(&key), "{key:?}");
        }
        let own = RowKey::UnitState(UnitId::from_untyped_uuid(nil));
        assert!(!is_desired(&own));
    }
}
