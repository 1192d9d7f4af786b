//! The storage of a unit (reference: Juju 3.6, `storage/resolver.go`).

use lazuli_model::hook::{Hook, StorageHook, StorageHookKind};
use lazuli_model::life::Life;
use lazuli_model::state::{Storage, StorageState};

use super::{Next, Rows};
use crate::storage::{is_in_place, let_go};
use crate::types::Subject;

impl<'a> Rows<'a> {
    fn storages(self) -> Vec<(&'a Storage, Option<&'a StorageState>)> {
        let storages = self.inputs.state.storages();
        storages
            .of_unit(self.unit.id)
            .into_iter()
            .map(|storage| (storage, storages.state(storage.id)))
            .collect()
    }

    /// Whether any storage-attached of the unit succeeded and its detaching
    /// is not over: then the unit's hooks mount it.
    pub(super) fn has_storage(self) -> bool {
        self.storages()
            .iter()
            .any(|(_, known)| known.is_some_and(|known| self.holds(known) && known.attached))
    }

    fn holds(self, known: &StorageState) -> bool {
        known.unit == Some(self.unit.id)
    }

    /// Instances that are to leave the unit, or all of them when it goes.
    pub(super) fn storage_detaching(self) -> Option<Next> {
        let leaves = self.unit.life != Life::Alive;
        self.storages().into_iter().find_map(|(storage, known)| {
            let known = known.filter(|known| self.holds(known))?;
            let stays =
                storage.unit == Some(self.unit.id) && storage.life == Life::Alive && !leaves;
            if stays {
                None
            } else if known.attached {
                Some(due(StorageHookKind::Detaching, storage))
            } else {
                Some(Next::Decide(vec![let_go(self.inputs, known)]))
            }
        })
    }

    /// Instances whose storage-attached is due. Before install all have to be
    /// in place; later ones are not waited for.
    pub(super) fn storage_attached(self) -> Option<Next> {
        let state = self.inputs.state;
        let mut missing = None;
        for (storage, known) in self.storages() {
            let wanted = storage.unit == Some(self.unit.id) && storage.life == Life::Alive;
            let done = known.is_some_and(|known| self.holds(known) && known.attached);
            if !wanted || done {
                continue;
            }
            if is_in_place(state, storage, self.unit) {
                return Some(due(StorageHookKind::Attached, storage));
            }
            missing = missing.or(Some(storage));
        }
        let storage = missing.filter(|_| !self.done.installed)?;
        Some(Next::Wait(
            format!("waiting for storage {}", storage.name),
            Subject::Storage(storage.id),
        ))
    }
}

fn due(kind: StorageHookKind, storage: &Storage) -> Next {
    Next::Due(Hook::Storage(StorageHook {
        kind,
        storage: storage.id,
    }))
}
