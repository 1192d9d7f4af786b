//! A whole charm.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::actions::{self, Actions};
use super::bases::{self, Manifest};
use super::charmcraft;
use super::document::Document;
use super::error::CharmError;
use super::files::{CharmFiles, EntryKind, ReadError, follow};
use super::hooks::{HookIndex, known_hooks};
use super::metadata::{self, Metadata};
use super::options;
use crate::base::Base;
use crate::config::ConfigSchema;
use crate::text::excerpt;
use crate::yaml::{self, Node};

/// The longest file that is read of a charm, in bytes.
const LARGEST_FILE: u64 = 4 << 20;
/// The longest version that is kept, in bytes.
const LONGEST_VERSION: usize = 255;

/// A charm, read and validated. It is stored as JSON and comes back the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Charm {
    /// `metadata.yaml`.
    pub meta: Metadata,
    /// `config.yaml`.
    #[serde(default)]
    pub config: ConfigSchema,
    /// `actions.yaml`.
    #[serde(default)]
    pub actions: Actions,
    /// `manifest.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// The number in the file `revision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The first line of the file `version`: what status shows as charm-version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Which hooks and actions exist as files.
    #[serde(default)]
    pub hooks: HookIndex,
}

impl Charm {
    /// The hooks that this charm may be asked for, by name: those of every unit, of its endpoints and of its stores.
    pub fn known_hooks(&self) -> BTreeSet<String> {
        known_hooks(&self.meta)
    }

    /// Reads a charm. `name` is what errors call it (its path, or the name of the upload; may be empty).
    ///
    /// Unless the charm is packed (it has `metadata.yaml` and `manifest.yaml`), `charmcraft.yaml` stands in for the
    /// files that are missing, so that a project directory reads as what it would be packed to.
    pub fn parse(files: &dyn CharmFiles, name: &str) -> Result<Self, CharmError> {
        let source = Source { files, name };
        let packed = ["metadata.yaml", "manifest.yaml"]
            .iter()
            .all(|file| source.has(file));
        let project = if packed {
            None
        } else {
            source.yaml("charmcraft.yaml")?
        };
        let project = project
            .as_ref()
            .map(|root| source.document("charmcraft.yaml", root));
        let metadata = match (source.yaml("metadata.yaml")?, &project) {
            (Some(root), _) => metadata::read(&source.document("metadata.yaml", &root))?,
            (None, Some(project)) => metadata::read(project)?,
            (None, None) => {
                let reason =
                    "missing: a charm has a metadata.yaml (or a charmcraft.yaml) at its root";
                return Err(source.fault("metadata.yaml", reason));
            }
        };
        let config = match (
            source.yaml("config.yaml")?,
            section(project.as_ref(), "config"),
        ) {
            (Some(root), _) => options::read(&source.document("config.yaml", &root))?,
            (None, Some(root)) => options::read(&source.document("charmcraft.yaml", root))?,
            (None, None) => ConfigSchema::default(),
        };
        let actions = match (
            source.yaml("actions.yaml")?,
            section(project.as_ref(), "actions"),
        ) {
            (Some(root), _) => actions::read(&source.document("actions.yaml", &root))?,
            (None, Some(root)) => actions::read(&source.document("charmcraft.yaml", root))?,
            (None, None) => Actions::new(),
        };
        let manifest = match (source.yaml("manifest.yaml")?, &project) {
            (Some(root), _) => Some(bases::read(&source.document("manifest.yaml", &root))?),
            (None, Some(project)) => Some(bases::from_charmcraft(project)?),
            (None, None) => None,
        };
        check_format(&source, &metadata, manifest.as_ref())?;
        Ok(Self {
            meta: metadata,
            config,
            actions,
            manifest: manifest.filter(|manifest| !manifest.bases.is_empty()),
            revision: source.revision()?,
            version: source.version()?,
            hooks: HookIndex::of(files),
        })
    }

    /// The bases that the charm says it runs on, best first as it says; empty where it says nothing.
    pub fn bases(&self) -> Vec<Base> {
        match &self.manifest {
            Some(manifest) => manifest
                .bases
                .iter()
                .map(|base| base.base.clone())
                .collect(),
            None => self
                .meta
                .series
                .iter()
                .filter_map(|series| Base::from_series(series))
                .collect(),
        }
    }

    /// Whether anything runs for this hook; one that nothing runs for costs nothing.
    pub fn has_hook(&self, name: &str) -> bool {
        self.hooks.has_hook(name)
    }

    /// The files (names and texts) that a packed charm would have beside those that are there, from `charmcraft.yaml`:
    /// what to add when a project directory is packed. Empty where there is no such file.
    pub fn files_to_add(
        files: &dyn CharmFiles,
        name: &str,
    ) -> Result<Vec<(&'static str, String)>, CharmError> {
        let source = Source { files, name };
        let Some(root) = source.yaml("charmcraft.yaml")? else {
            return Ok(Vec::new());
        };
        let manifest = bases::from_charmcraft(&source.document("charmcraft.yaml", &root))?;
        let split = charmcraft::split(&root, &manifest)
            .map_err(|error| CharmError::in_yaml(name, error))?;
        Ok(split
            .into_iter()
            .filter(|(path, _)| !source.has(path))
            .collect())
    }
}

fn section<'a>(project: Option<&Document<'a>>, key: &str) -> Option<&'a Node> {
    project.and_then(|project| project.get(key))
}

/// Metadata v2 has bases and no series, and may not have what belongs to v1.
fn check_format(
    source: &Source<'_>,
    metadata: &Metadata,
    manifest: Option<&Manifest>,
) -> Result<(), CharmError> {
    let v2 =
        metadata.series.is_empty() && manifest.is_some_and(|manifest| !manifest.bases.is_empty());
    if v2 && metadata.min_juju_version.is_some() {
        return Err(source.fault("metadata.yaml", "min-juju-version in metadata v2 not valid"));
    }
    Ok(())
}

/// The files of a charm with its name.
struct Source<'a> {
    files: &'a dyn CharmFiles,
    name: &'a str,
}

impl Source<'_> {
    fn fault(&self, file: &str, reason: impl Into<String>) -> CharmError {
        CharmError {
            charm: self.name.to_owned(),
            file: file.to_owned(),
            line: None,
            reason: reason.into(),
        }
    }

    fn has(&self, file: &str) -> bool {
        self.files.entries().iter().any(|entry| entry.path == file)
    }

    fn document<'b>(&'b self, file: &'b str, root: &'b Node) -> Document<'b> {
        Document {
            charm: self.name,
            file,
            root,
        }
    }

    /// The content of a file, through links within the charm.
    fn read(&self, file: &str) -> Result<Option<Vec<u8>>, CharmError> {
        let entries = self.files.entries();
        let Some(entry) = entries.iter().find(|entry| entry.path == file) else {
            return Ok(None);
        };
        let path = match &entry.kind {
            EntryKind::Symlink { .. } => {
                follow(entries, file).map_err(|fault| self.fault(file, fault.to_string()))?
            }
            EntryKind::File { .. } => file.to_owned(),
            EntryKind::Directory => return Err(self.fault(file, "is a directory")),
        };
        let content = self
            .files
            .read(&path, LARGEST_FILE)
            .map_err(|error| match error {
                ReadError::Failed { source, .. } => {
                    self.fault(file, format!("failed to read: {source}"))
                }
                ReadError::TooLarge { limit, .. } => {
                    self.fault(file, format!("larger than {limit} bytes"))
                }
            })?;
        match content {
            None => Err(self.fault(file, format!("links to {path:?}, which is not there"))),
            content => Ok(content),
        }
    }

    fn yaml(&self, file: &str) -> Result<Option<Node>, CharmError> {
        let Some(content) = self.read(file)? else {
            return Ok(None);
        };
        yaml::parse_one(file, &content)
            .map(Some)
            .map_err(|error| CharmError::in_yaml(self.name, error))
    }

    fn revision(&self) -> Result<Option<u32>, CharmError> {
        let Some(content) = self.read("revision")? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&content);
        let number = text.trim().parse();
        number.map(Some).map_err(|_| {
            self.fault(
                "revision",
                format!("expected a number, got {:?}", excerpt(text.trim())),
            )
        })
    }

    fn version(&self) -> Result<String, CharmError> {
        let Some(content) = self.read("version")? else {
            return Ok(String::new());
        };
        let text = String::from_utf8_lossy(&content);
        let line = text.lines().next().unwrap_or_default().trim();
        let kept = line.chars().filter(|char| !char.is_control());
        let mut version = String::new();
        for char in kept {
            if version.len() + char.len_utf8() > LONGEST_VERSION {
                break;
            }
            version.push(char);
        }
        Ok(version)
    }
}
