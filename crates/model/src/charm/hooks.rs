//! Which hooks and actions a charm has as files, so that those that it lacks cost nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::files::{CharmFiles, Entry, EntryKind, follow};
use super::metadata::Metadata;

/// The hooks of every unit.
const UNIT_HOOKS: [&str; 18] = [
    "collect-metrics",
    "config-changed",
    "install",
    "leader-deposed",
    "leader-elected",
    "leader-settings-changed",
    "meter-status-changed",
    "post-series-upgrade",
    "pre-series-upgrade",
    "remove",
    "secret-changed",
    "secret-expired",
    "secret-remove",
    "secret-rotate",
    "start",
    "stop",
    "update-status",
    "upgrade-charm",
];

/// A program of a charm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Whether it may be executed. One that may not fails its hook; it does not skip it.
    pub executable: bool,
}

/// The programs of a charm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookIndex {
    /// `dispatch`, which runs for every hook and action where it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatch: Option<Script>,
    /// Files in `hooks/` by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<String, Script>,
    /// Files in `actions/` by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub actions: BTreeMap<String, Script>,
}

impl HookIndex {
    /// Finds the programs among the files of a charm. A link counts as what it leads to.
    pub fn of(files: &dyn CharmFiles) -> Self {
        let mut index = Self::default();
        for entry in files.entries() {
            let (directory, name) = entry.path.split_once('/').unwrap_or(("", &entry.path));
            if name.contains('/') {
                continue;
            }
            let Some(script) = script(files.entries(), entry) else {
                continue;
            };
            match (directory, name) {
                ("", "dispatch") => index.dispatch = Some(script),
                ("hooks", name) => drop(index.hooks.insert(name.to_owned(), script)),
                ("actions", name) => drop(index.actions.insert(name.to_owned(), script)),
                _ => {}
            }
        }
        index
    }

    /// Whether anything runs for this hook.
    pub fn has_hook(&self, name: &str) -> bool {
        self.dispatch.is_some() || self.hooks.contains_key(name)
    }

    /// Whether anything runs for this action.
    pub fn has_action(&self, name: &str) -> bool {
        self.dispatch.is_some() || self.actions.contains_key(name)
    }
}

/// The hooks that Juju may run of a charm with this metadata.
pub(super) fn known_hooks(metadata: &Metadata) -> BTreeSet<String> {
    let mut hooks: BTreeSet<String> = UNIT_HOOKS.iter().map(|hook| (*hook).to_owned()).collect();
    let endpoints = metadata
        .endpoints
        .keys()
        .map(ToString::to_string)
        .chain(["juju-info".to_owned()]);
    for endpoint in endpoints {
        hooks.extend(
            ["created", "joined", "changed", "departed", "broken"]
                .map(|kind| format!("{endpoint}-relation-{kind}")),
        );
    }
    for store in metadata.storage.keys() {
        hooks.extend(["attached", "detaching"].map(|kind| format!("{store}-storage-{kind}")));
    }
    hooks
}

fn script(entries: &[Entry], entry: &Entry) -> Option<Script> {
    let path = match &entry.kind {
        EntryKind::File { .. } => {
            return Some(Script {
                executable: entry.mode & 0o111 != 0,
            });
        }
        EntryKind::Directory => return None,
        EntryKind::Symlink { .. } => follow(entries, &entry.path).ok()?,
    };
    let target = entries.iter().find(|other| other.path == path)?;
    matches!(target.kind, EntryKind::File { .. }).then_some(Script {
        executable: target.mode & 0o111 != 0,
    })
}
