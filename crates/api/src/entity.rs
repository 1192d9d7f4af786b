//! What a write answers: how far it took the model, and what it changed.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How far a write took a model. Read with `?min_revision=` to see it on any
/// replica; write with `If-Match: "g<generation>"` to be sure that nobody
/// wrote in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// Raised by each change of desired state.
    pub generation: u64,
    /// Raised by every commit.
    pub revision: u64,
}

/// The answer to a write: what it changed, or (of a dry run) would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// How far the model is; absent when nothing was written, since it was a
    /// dry run or there was nothing to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
    /// What changed, in order of kind and name.
    pub changes: Vec<EntityChange>,
    /// The operation that it began, if it ran an action or a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What a person should know, such as a default that was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// A change of one entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct EntityChange {
    /// What it is.
    pub kind: EntityKind,
    /// Its name; of a relation, its number.
    pub name: String,
    /// What becomes of it.
    pub change: ChangeKind,
    /// More, for people: what a relation joins, where a unit goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The nouns of a model.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum EntityKind {
    Model,
    Charm,
    Application,
    Relation,
    Machine,
    Unit,
    Secret,
    Storage,
}

/// What becomes of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is another than before.
    Changed,
    /// It goes: its life is dying from now on.
    Removed,
}

/// What every write takes in its query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WriteQuery {
    /// Answer what would change, and change nothing.
    pub dry_run: bool,
}

/// What a removal takes in its query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Removal {
    /// Answer what would go, and remove nothing.
    pub dry_run: bool,
    /// Skip what fails on the way.
    pub force: bool,
    /// Destroy storage that would be detached.
    pub destroy_storage: bool,
    /// Of a model: keep its storage.
    pub release_storage: bool,
    /// Of a machine: leave what runs at the cloud.
    pub keep_instance: bool,
}

impl Changed {
    /// The names of what was added of one kind, in order.
    pub fn added(&self, kind: EntityKind) -> impl Iterator<Item = &str> {
        self.of(kind, ChangeKind::Added)
    }

    /// The names of what goes of one kind, in order.
    pub fn removed(&self, kind: EntityKind) -> impl Iterator<Item = &str> {
        self.of(kind, ChangeKind::Removed)
    }

    fn of(&self, kind: EntityKind, change: ChangeKind) -> impl Iterator<Item = &str> {
        self.changes
            .iter()
            .filter(move |one| one.kind == kind && one.change == change)
            .map(|one| one.name.as_str())
    }
}

impl EntityKind {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Charm => "charm",
            Self::Application => "application",
            Self::Relation => "relation",
            Self::Machine => "machine",
            Self::Unit => "unit",
            Self::Secret => "secret",
            Self::Storage => "storage",
        }
    }
}
