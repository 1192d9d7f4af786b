//! The secrets of users: those of charms are for charms alone to change.

use std::collections::BTreeMap;

use lazuli_api::{SecretAccessChange, SecretData};
use lazuli_model::config::ConfigValue;
use lazuli_model::secret::{SecretId, check_secret};
use lazuli_model::state::{
    Application, Grant, Grantee, ModelState, RotatePolicy, Row, RowKey, SealedContent, Secret,
    SecretOwner, SecretRevision,
};

use super::{Draft, Refusal, application};

/// What a request says of a secret; none stays.
#[derive(Debug, Default)]
pub(crate) struct SecretFields {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) auto_prune: Option<bool>,
    /// What it says, sealed for its id.
    pub(crate) content: Option<SealedContent>,
}

/// The secret of this name, id or URI.
pub(crate) fn secret<'a>(state: &'a ModelState, name: &str) -> Result<&'a Secret, Refusal> {
    let id: Option<SecretId> = name.parse().ok();
    let named = || {
        state
            .secrets_of(SecretOwner::Model)
            .find(|secret| !name.is_empty() && secret.label == name)
    };
    id.and_then(|id| state.secret(id))
        .or_else(named)
        .ok_or_else(|| Refusal::not_found("secret", name))
}

/// The user's secret of this name, id or URI.
pub(crate) fn users_secret<'a>(state: &'a ModelState, name: &str) -> Result<&'a Secret, Refusal> {
    let secret = secret(state, name)?;
    if secret.owner == SecretOwner::Model {
        Ok(secret)
    } else {
        Err(Refusal::forbidden(format!(
            "permission denied: secret {name:?} belongs to a charm, which alone changes it"
        )))
    }
}

/// Refuses what cannot be the content of a secret.
pub(crate) fn check_content(data: &SecretData) -> Result<(), Refusal> {
    use base64::Engine as _;
    let engine = &base64::engine::general_purpose::STANDARD;
    if data.0.is_empty() {
        return Err(Refusal::invalid("missing secret value or filename").at("/content"));
    }
    for (key, value) in &data.0 {
        if engine.decode(value).is_err() {
            return Err(
                Refusal::invalid(format!("the value of key {key:?} is not base64")).at("/content"),
            );
        }
    }
    check_secret(&data.0).map_err(|error| Refusal::invalid(error).at("/content"))
}

/// Adds a secret.
pub(crate) fn add_secret(
    draft: &mut Draft<'_>,
    id: SecretId,
    fields: &SecretFields,
) -> Result<(), Refusal> {
    draft.check_alive()?;
    let now = draft.now;
    let secret = Secret {
        id,
        owner: SecretOwner::Model,
        label: String::new(),
        description: String::new(),
        rotate: RotatePolicy::Never,
        next_rotate: None,
        latest: 0,
        auto_prune: false,
        grants: BTreeMap::new(),
        created_at: now,
        updated_at: now,
    };
    change(draft, secret, fields)
}

/// Changes a secret.
pub(crate) fn update_secret(
    draft: &mut Draft<'_>,
    name: &str,
    fields: &SecretFields,
) -> Result<(), Refusal> {
    let secret = users_secret(draft.state, name)?.clone();
    change(draft, secret, fields)
}

fn change(draft: &mut Draft<'_>, mut secret: Secret, fields: &SecretFields) -> Result<(), Refusal> {
    let state = draft.state;
    if let Some(name) = &fields.name {
        check_name(name)?;
        let taken = state
            .secrets_of(SecretOwner::Model)
            .any(|other| other.id != secret.id && other.label == *name);
        if taken {
            return Err(Refusal::exists(format!(
                "secret with name {name:?} already exists"
            )));
        }
        secret.label.clone_from(name);
    }
    if let Some(description) = &fields.description {
        secret.description.clone_from(description);
    }
    secret.auto_prune = fields.auto_prune.unwrap_or(secret.auto_prune);
    let newest = state.secret_revision(secret.id, secret.latest);
    let same = |content: &SealedContent| {
        newest.is_some_and(|row| row.content.checksum == content.checksum)
    };
    if let Some(content) = fields.content.as_ref().filter(|content| !same(content)) {
        secret.latest += 1;
        draft.put(Row::SecretRevision(SecretRevision {
            secret: secret.id,
            revision: secret.latest,
            content: content.clone(),
            created_at: draft.now,
            expires_at: None,
            next_expire: None,
            obsolete_told: false,
        }));
    }
    secret.updated_at = draft.now;
    draft.put(Row::Secret(secret));
    Ok(())
}

/// Refuses names that could be taken for ids, or for nothing.
fn check_name(name: &str) -> Result<(), Refusal> {
    let fits = !name.is_empty()
        && name.len() <= 255
        && name.parse::<SecretId>().is_err()
        && !name.contains(|c: char| c.is_control() || c == '/');
    if fits {
        Ok(())
    } else {
        Err(Refusal::invalid(format!("secret name {name:?} not valid")).at("/name"))
    }
}

/// Removes a secret, or one revision.
pub(crate) fn remove_secret(
    draft: &mut Draft<'_>,
    name: &str,
    revision: Option<u32>,
) -> Result<(), Refusal> {
    let state = draft.state;
    let secret = users_secret(state, name)?;
    let left = state
        .secret_revisions(secret.id)
        .any(|row| Some(row.revision) != revision);
    match revision {
        Some(revision) if state.secret_revision(secret.id, revision).is_none() => Err(
            Refusal::not_found("secret", &format!("{name} revision {revision}")),
        ),
        Some(revision) if left => {
            draft.extend(vec![lazuli_model::state::Change::Delete(
                RowKey::SecretRevision(secret.id, revision),
            )]);
            Ok(())
        }
        _ => {
            draft.extend(lazuli_plan::secret_removal(state, secret.id));
            Ok(())
        }
    }
}

/// Says who may read a secret.
pub(crate) fn change_secret_access(
    draft: &mut Draft<'_>,
    name: &str,
    change: &SecretAccessChange,
) -> Result<(), Refusal> {
    let state = draft.state;
    let mut secret = users_secret(state, name)?.clone();
    for name in &change.grant {
        let application = application(state, name)?;
        secret.grants.insert(
            Grantee::Application(application.id),
            Grant { relation: None },
        );
    }
    for name in &change.revoke {
        let application = application(state, name)?;
        secret.grants.remove(&Grantee::Application(application.id));
    }
    draft.put(Row::Secret(secret));
    Ok(())
}

/// Refuses new settings that name secrets which are not there; says which of them
/// the application may not read yet.
pub(crate) fn check_settings(draft: &mut Draft<'_>, row: &Application) -> Result<(), Refusal> {
    let before = draft.state.application(row.id);
    let named: Vec<(String, String)> = row
        .config
        .iter()
        // What was set before may be gone meanwhile.
        .filter(|(option, value)| before.and_then(|row| row.config.get(*option)) != Some(*value))
        .filter_map(|(option, value)| match value {
            ConfigValue::Secret(uri) if !uri.is_empty() => Some((option.clone(), uri.clone())),
            _ => None,
        })
        .collect();
    for (option, uri) in named {
        let secret =
            secret(draft.state, &uri).map_err(|refusal| refusal.at(format!("/config/{option}")))?;
        let granted = secret.grants.contains_key(&Grantee::Application(row.id));
        if secret.owner == SecretOwner::Model && !granted {
            let name = if secret.label.is_empty() {
                uri
            } else {
                secret.label.clone()
            };
            draft.notice(format!(
                "application {:?} may not read secret {name:?} of option {option:?} yet: \
                 grant-secret {name} {}",
                row.name.as_str(),
                row.name
            ));
        }
    }
    Ok(())
}
