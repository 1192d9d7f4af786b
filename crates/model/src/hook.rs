//! Hooks: what a unit may have to run (Juju 3.6's names).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{RelationId, StorageInstanceId, UnitId};
use crate::secret::SecretId;

/// A hook that is due for a unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "hook", rename_all = "kebab-case")]
pub enum Hook {
    /// Once, before all others.
    Install,
    /// After the first config-changed, and after a reboot.
    Start,
    /// When settings, trust or addresses differ from what was seen.
    ConfigChanged,
    /// When the unit became the leader.
    LeaderElected,
    /// When another unit leads, or leader settings changed.
    LeaderSettingsChanged,
    /// Now and then, when nothing else is due.
    UpdateStatus,
    /// After a new charm revision is in place.
    UpgradeCharm,
    /// The unit goes: before `remove`.
    Stop,
    /// The unit goes: the last hook.
    Remove,
    /// A hook of a relation.
    Relation(RelationHook),
    /// A hook of a secret.
    Secret(SecretHook),
    /// A hook of a storage instance.
    Storage(StorageHook),
}

/// A hook of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretHook {
    /// Which of the four.
    pub kind: SecretHookKind,
    /// The secret.
    pub secret: SecretId,
    /// In expired and remove: the revision that is meant; in changed and
    /// rotate: the newest one at the time.
    pub revision: u32,
}

/// The four hooks of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretHookKind {
    /// To who reads it: there is a newer revision.
    Changed,
    /// To the owner: a new revision is due.
    Rotate,
    /// To the owner: the revision's time is over.
    Expired,
    /// To the owner: nobody reads the revision any more.
    Remove,
}

impl SecretHookKind {
    /// The word at the end of the hook's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Rotate => "rotate",
            Self::Expired => "expired",
            Self::Remove => "remove",
        }
    }
}

/// A hook of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationHook {
    /// Which of the five.
    pub kind: RelationHookKind,
    /// The relation.
    pub relation: RelationId,
    /// The remote unit; none in created and broken, and for changes of the
    /// application's bag.
    pub remote: Option<UnitId>,
    /// In departed: the unit that goes, which is the remote one or the local
    /// one.
    pub departing: Option<UnitId>,
}

/// A hook of a storage instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StorageHook {
    /// Which of the two.
    pub kind: StorageHookKind,
    /// The instance.
    pub storage: StorageInstanceId,
}

/// The two hooks of a storage instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StorageHookKind {
    /// It is in place.
    Attached,
    /// It is about to go from the unit.
    Detaching,
}

impl StorageHookKind {
    /// The word at the end of the hook's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Detaching => "detaching",
        }
    }
}

/// The five hooks of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationHookKind {
    /// First, once.
    Created,
    /// Once per remote unit.
    Joined,
    /// After joined, and for each newer version seen.
    Changed,
    /// The remote unit left.
    Departed,
    /// Last, once; never for peers.
    Broken,
}

impl RelationHookKind {
    /// The word at the end of the hook's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Joined => "joined",
            Self::Changed => "changed",
            Self::Departed => "departed",
            Self::Broken => "broken",
        }
    }
}

impl Hook {
    /// The hook's name, such as `db-relation-changed`; `endpoint` is the
    /// local endpoint of a relation hook, the store of a storage hook, and
    /// unused for others.
    #[must_use]
    pub fn name(&self, endpoint: &str) -> String {
        match self {
            Self::Install => "install".to_owned(),
            Self::Start => "start".to_owned(),
            Self::ConfigChanged => "config-changed".to_owned(),
            Self::LeaderElected => "leader-elected".to_owned(),
            Self::LeaderSettingsChanged => "leader-settings-changed".to_owned(),
            Self::UpdateStatus => "update-status".to_owned(),
            Self::UpgradeCharm => "upgrade-charm".to_owned(),
            Self::Stop => "stop".to_owned(),
            Self::Remove => "remove".to_owned(),
            Self::Relation(hook) => format!("{endpoint}-relation-{}", hook.kind),
            Self::Secret(hook) => format!("secret-{}", hook.kind.as_str()),
            Self::Storage(hook) => format!("{endpoint}-storage-{}", hook.kind.as_str()),
        }
    }
}

impl fmt::Display for RelationHookKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
