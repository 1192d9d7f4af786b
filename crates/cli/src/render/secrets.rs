//! `secrets` and `show-secret` (reference juju, 2).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_api::{SecretAccessInfo, SecretContent, SecretInfo};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::table::Table;

/// What of a secret is shown, and in which shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// JSON has what a secret says one level deeper than YAML.
    pub(crate) json: bool,
    /// With all revisions.
    pub(crate) revisions: bool,
    /// With who may read it.
    pub(crate) access: bool,
}

/// A secret as Juju's commands show it.
#[derive(Debug, Serialize)]
pub(crate) struct Secret {
    pub(crate) revision: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    rotation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotates: Option<String>,
    owner: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
    created: String,
    updated: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revisions: Vec<Revision>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access: Vec<SecretAccessInfo>,
}

/// What it says, as text.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    Json {
        #[serde(rename = "Data")]
        data: BTreeMap<String, String>,
    },
    Yaml(BTreeMap<String, String>),
}

#[derive(Debug, Serialize)]
struct Revision {
    revision: u32,
    backend: &'static str,
    created: String,
    updated: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl View {
    /// A secret, and what it says if that is to be seen.
    pub(crate) fn secret(self, info: SecretInfo, content: Option<SecretContent>) -> Secret {
        let revisions = match self.revisions {
            true => info.revisions,
            false => Vec::new(),
        };
        let access = match self.access {
            true => info.access,
            false => Vec::new(),
        };
        Secret {
            revision: info.revision,
            checksum: content.as_ref().map(|content| content.checksum.clone()),
            expires: info.expires,
            rotation: info.rotation,
            rotates: info.rotates,
            owner: info.owner,
            description: info.description,
            name: info.name,
            label: info.label,
            created: info.created,
            updated: info.updated,
            content: content.map(|content| self.content(&content)),
            revisions: revisions
                .into_iter()
                .map(|row| Revision {
                    revision: row.revision,
                    backend: "internal",
                    created: row.created.clone(),
                    updated: row.created,
                    expires: row.expires,
                })
                .collect(),
            access,
        }
    }

    fn content(self, content: &SecretContent) -> Content {
        let text = |value: &String| {
            let bytes = STANDARD.decode(value).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let data = content.data.0.iter();
        let data = data
            .map(|(key, value)| (key.clone(), text(value)))
            .collect();
        if self.json {
            Content::Json { data }
        } else {
            Content::Yaml(data)
        }
    }
}

/// `secrets` for people.
pub(crate) fn tabular(secrets: &[SecretInfo], now: OffsetDateTime) -> String {
    let mut table = Table::new(&[
        "ID",
        "Name",
        "Owner",
        "Rotation",
        "Revision",
        "Last updated",
    ])
    .right(4);
    for secret in secrets {
        let named = [&secret.name, &secret.label];
        let name = named.into_iter().find(|name| !name.is_empty());
        let rotation = match secret.rotation.as_str() {
            "" => "never",
            some => some,
        };
        table.row([
            secret.id.clone(),
            name.map_or_else(|| "-".to_owned(), Clone::clone),
            secret.owner.clone(),
            rotation.to_owned(),
            secret.revision.to_string(),
            ago(&secret.updated, now),
        ]);
    }
    if table.is_empty() {
        return String::new();
    }
    table.text()
}

/// How long ago, in one unit.
fn ago(at: &str, now: OffsetDateTime) -> String {
    let Ok(at) = OffsetDateTime::parse(at, &Rfc3339) else {
        return at.to_owned();
    };
    let seconds = (now - at).whole_seconds().max(0);
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => return at.date().to_string(),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use lazuli_api::{SecretData, SecretRevisionInfo};

    use super::*;
    use crate::output::Structured;

    fn info() -> SecretInfo {
        let at = "2026-01-02T15:04:05Z".to_owned();
        SecretInfo {
            id: "9m4e2mr0ui3e8a215n4g".to_owned(),
            revision: 2,
            owner: "<model>".to_owned(),
            name: "db".to_owned(),
            label: String::new(),
            description: String::new(),
            rotation: String::new(),
            rotates: None,
            expires: None,
            created: at.clone(),
            updated: at.clone(),
            revisions: vec![SecretRevisionInfo {
                revision: 2,
                created: at,
                expires: None,
            }],
            access: Vec::new(),
        }
    }

    fn content() -> SecretContent {
        SecretContent {
            revision: 2,
            checksum: "c".to_owned(),
            data: SecretData([("token".to_owned(), "aHVudGVyMg==".to_owned())].into()),
        }
    }

    /// Reference charms, 1.5: the JSON that jubilant reads.
    #[test]
    fn json_is_jujus() {
        let view = View {
            json: true,
            revisions: true,
            access: true,
        };
        let text = Structured::Json.text(&view.secret(info(), Some(content())));
        assert_eq!(
            text.unwrap(),
            "{\"revision\":2,\"checksum\":\"c\",\"owner\":\"\\u003cmodel\\u003e\",\"name\":\"db\",\
             \"created\":\"2026-01-02T15:04:05Z\",\"updated\":\"2026-01-02T15:04:05Z\",\
             \"content\":{\"Data\":{\"token\":\"hunter2\"}},\"revisions\":[{\"revision\":2,\
             \"backend\":\"internal\",\"created\":\"2026-01-02T15:04:05Z\",\
             \"updated\":\"2026-01-02T15:04:05Z\"}]}\n"
        );
    }

    #[test]
    fn yaml_has_the_content_at_once() {
        let view = View {
            json: false,
            revisions: false,
            access: true,
        };
        let text = Structured::Yaml
            .text(&view.secret(info(), Some(content())))
            .unwrap();
        assert!(text.ends_with("content:\n  token: hunter2\n"), "{text}");
    }

    #[test]
    fn the_table_is_jujus() {
        let now = OffsetDateTime::parse("2026-01-02T20:04:06Z", &Rfc3339).unwrap();
        assert_eq!(
            tabular(&[info()], now),
            "ID                    Name  Owner    Rotation  Revision  Last updated\n\
             9m4e2mr0ui3e8a215n4g  db    <model>  never            2  5 hours ago\n"
        );
        assert_eq!(tabular(&[], now), "");
    }
}
