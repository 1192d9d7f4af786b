//! Secrets as frames have them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Write;

/// What a secret says: key to value in base64. It does not show when it is
/// printed for debugging.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretContent(pub BTreeMap<String, String>);

impl fmt::Debug for SecretContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretContent({} keys)", self.0.len())
    }
}

/// What the hook of a secret is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookSecret {
    /// `JUJU_SECRET_ID`: the URI.
    pub uri: String,
    /// `JUJU_SECRET_LABEL`.
    pub label: String,
    /// `JUJU_SECRET_REVISION`; in secret-expired and secret-remove alone.
    pub revision: Option<u32>,
}

/// What the owner of a secret knows of it, content aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretInfo {
    /// The id, without `secret:`.
    pub id: String,
    /// The newest revision.
    pub revision: u32,
    /// The owner's label.
    pub label: String,
    /// Whether the application rather than the unit owns it.
    pub application: bool,
    /// For people.
    pub description: String,
    /// The rotate policy; empty for never.
    pub rotation: String,
    /// When the newest revision expires, RFC 3339; empty for never.
    pub expiry: String,
    /// When it is to be rotated next, RFC 3339; empty for never.
    pub rotates: String,
    /// Who may read it.
    pub access: Vec<SecretAccess>,
}

/// Who may read a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretAccess {
    /// The tag of a unit or an application.
    pub target: String,
    /// The tag of the relation or model that it ends with.
    pub scope: String,
    /// `view`.
    pub role: String,
}

/// What `secret-add` and `secret-set` say; none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretFields {
    /// The owner's label.
    pub label: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// A rotate policy.
    pub rotate: Option<String>,
    /// A time or a duration, as the tool was given it.
    pub expire: Option<String>,
    /// The content of a new revision.
    pub content: Option<SecretContent>,
}

/// A write to a secret; all are buffered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "s", rename_all = "kebab-case")]
pub enum SecretWrite {
    /// `secret-add`.
    Add {
        /// The id, which the tool printed.
        id: String,
        /// Whether the application owns it.
        application: bool,
        /// The rest.
        fields: SecretFields,
    },
    /// `secret-set`.
    Set {
        /// The id.
        id: String,
        /// What changes.
        fields: SecretFields,
    },
    /// `secret-grant`.
    Grant {
        /// The id.
        id: String,
        /// The relation's number.
        relation: u64,
        /// One unit of the other end rather than all.
        unit: Option<String>,
    },
    /// `secret-revoke`.
    Revoke {
        /// The id.
        id: String,
        /// From the application at the other end of this relation.
        relation: Option<u64>,
        /// From this application.
        application: Option<String>,
        /// From this unit.
        unit: Option<String>,
    },
    /// `secret-remove`.
    Remove {
        /// The id.
        id: String,
        /// One revision rather than all.
        revision: Option<u32>,
    },
}

impl SecretWrite {
    /// The secret's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Add { id, .. }
            | Self::Set { id, .. }
            | Self::Grant { id, .. }
            | Self::Revoke { id, .. }
            | Self::Remove { id, .. } => id,
        }
    }

    /// What it says of the secret.
    #[must_use]
    pub fn fields(&self) -> Option<&SecretFields> {
        match self {
            Self::Add { fields, .. } | Self::Set { fields, .. } => Some(fields),
            Self::Grant { .. } | Self::Revoke { .. } | Self::Remove { .. } => None,
        }
    }

    /// Whether it holds what must be kept in memory alone.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.fields().is_some_and(|fields| fields.content.is_some())
    }
}

impl Write {
    /// Whether it holds what must be kept in memory alone.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { write } if write.has_content())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_does_not_show() {
        let content = SecretContent([("key".to_owned(), "aHVudGVyMg==".to_owned())].into());
        let write = Write::Secret {
            write: SecretWrite::Set {
                id: "x".to_owned(),
                fields: SecretFields {
                    content: Some(content),
                    ..SecretFields::default()
                },
            },
        };
        assert!(write.is_secret());
        let shown = format!("{write:?}");
        assert!(shown.contains("SecretContent(1 keys)"), "{shown}");
        assert!(!shown.contains("aHVu"), "{shown}");
    }
}
