//! Groups the changes of a commit by entity.

use std::collections::BTreeMap;

use lazuli_model::id::ModelId;
use lazuli_model::state::{Change, Receiver, Row, RowKey, Task, TaskLog};
use lazuli_model::status::StatusKey;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::public::show;
use crate::convert::raw;

/// What an event is about, in the order of events within a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Model,
    Charm,
    Application,
    Machine,
    Unit,
    Relation,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Charm => "charm",
            Self::Application => "application",
            Self::Machine => "machine",
            Self::Unit => "unit",
            Self::Relation => "relation",
        }
    }
}

/// An event to be.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    pub(crate) id: Uuid,
    /// The entity's name, if its own row is among the changes.
    pub(crate) name: Option<String>,
    /// The entity's own row is written.
    pub(crate) put: bool,
    /// The entity's own row goes.
    pub(crate) removed: bool,
    pub(crate) keys: Vec<RowKey>,
    pub(crate) after: Map<String, Value>,
}

/// One draft per entity that the changes are about.
pub(crate) fn group<'a>(model: ModelId, changes: impl Iterator<Item = &'a Change>) -> Vec<Draft> {
    let mut drafts: BTreeMap<(Kind, Uuid), Draft> = BTreeMap::new();
    for change in changes {
        let (kind, id) = entity(model, change);
        let draft = drafts.entry((kind, id)).or_insert_with(|| Draft {
            kind,
            id,
            name: None,
            put: false,
            removed: false,
            keys: Vec::new(),
            after: Map::new(),
        });
        draft.keys.push(change.key());
        match change {
            Change::Put(row) => {
                if let Some(name) = own_name(row) {
                    draft.name = Some(name);
                    draft.put = true;
                }
            }
            Change::Delete(key) => draft.removed |= is_own(key),
        }
        show(change, &mut draft.after);
    }
    drafts.into_values().collect()
}

fn entity(model: ModelId, change: &Change) -> (Kind, Uuid) {
    if let Change::Put(Row::Task(Task { receiver, .. }) | Row::TaskLog(TaskLog { receiver, .. })) =
        change
    {
        return match receiver {
            Receiver::Unit { id, .. } => (Kind::Unit, raw(*id)),
            Receiver::Machine { id, .. } => (Kind::Machine, raw(*id)),
        };
    }
    if let Change::Put(Row::Effect(effect)) = change {
        return match effect.machine {
            Some(machine) => (Kind::Machine, raw(machine)),
            None => (Kind::Model, raw(model)),
        };
    }
    match change.key() {
        // Which machine a row of the ledger was for is not known once it goes.
        // So it is with tasks, which go with their model alone. Storage goes from
        // unit to unit: it is the model's.
        RowKey::Model
        | RowKey::Effect(_)
        | RowKey::Storage(_)
        | RowKey::StorageState(_)
        | RowKey::Secret(_)
        | RowKey::SecretRevision(..)
        | RowKey::Status(StatusKey::Model)
        | RowKey::Operation(_)
        | RowKey::Task(_)
        | RowKey::TaskLog(..) => (Kind::Model, raw(model)),
        RowKey::Charm(id) => (Kind::Charm, raw(id)),
        RowKey::Application(id)
        | RowKey::CharmSource(id)
        | RowKey::Resource(id, _)
        | RowKey::Leader(id)
        | RowKey::Status(StatusKey::Application(id)) => (Kind::Application, raw(id)),
        RowKey::Machine(id)
        | RowKey::MachineState(id)
        | RowKey::Status(StatusKey::Machine(id) | StatusKey::Instance(id)) => {
            (Kind::Machine, raw(id))
        }
        RowKey::Unit(id)
        | RowKey::UnitState(id)
        | RowKey::UnitResources(id)
        | RowKey::CharmState(id)
        | RowKey::RelationUnit(_, id)
        | RowKey::RelationSeen(id, _)
        | RowKey::RemoteSeen(id, _, _)
        | RowKey::SecretConsumer(id, _)
        | RowKey::Status(StatusKey::Workload(id) | StatusKey::Agent(id)) => (Kind::Unit, raw(id)),
        RowKey::OpenedPort(port) => (Kind::Unit, raw(port.unit)),
        RowKey::Relation(id) | RowKey::RelationApplication(id, _) => (Kind::Relation, raw(id)),
    }
}

/// The name in an entity's own row.
fn own_name(row: &Row) -> Option<String> {
    match row {
        Row::Model(row) => Some(row.name.to_string()),
        Row::Charm(row) => Some(row.url.clone()),
        Row::Application(row) => Some(row.name.to_string()),
        Row::Machine(row) => Some(row.name.to_string()),
        Row::Unit(row) => Some(row.name.to_string()),
        Row::Relation(row) => Some(row.number.to_string()),
        _ => None,
    }
}

fn is_own(key: &RowKey) -> bool {
    matches!(
        key,
        RowKey::Model
            | RowKey::Charm(_)
            | RowKey::Application(_)
            | RowKey::Machine(_)
            | RowKey::Unit(_)
            | RowKey::Relation(_)
    )
}
