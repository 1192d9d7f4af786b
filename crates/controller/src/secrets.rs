//! What hooks are shown of secrets, and of the cloud's credential.

use lazuli_model::hook::{Hook, SecretHookKind};
use lazuli_model::state::{ModelState, Secret, SecretOwner, Unit};
use lazuli_plan::SecretRead;
use lazuli_runner::frames::{
    Answer, HookSecret, Question, RunId, SecretAccess, SecretContent, SecretInfo,
};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::convert;
use crate::settle::Desk;

/// Answers `secret-get`, and records what the unit reads from now on. The
/// answer goes once that is committed.
pub(crate) fn answer(desk: &mut Desk, run: &RunId, question: &Question) -> Result<Answer, String> {
    let Question::Secret {
        id,
        label,
        refresh,
        peek,
    } = question
    else {
        return Err("unexpected question".to_owned());
    };
    let unit = convert::unit(run)
        .and_then(|id| desk.state.unit(id))
        .ok_or("unit not found")?;
    let read = SecretRead {
        id: id
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: lazuli_model::secret::SecretIdError| error.to_string())?,
        label: label.clone(),
        refresh: *refresh,
        peek: *peek,
    };
    let (revision, change) = lazuli_plan::read_secret(&desk.state, unit, &read)?;
    let content = desk.vault.open(revision.secret, &revision.content)?;
    if let Some(change) = change {
        desk.record(change);
    }
    Ok(Answer::Secret {
        content: SecretContent(content),
    })
}

/// Answers `credential-get`, to the units of applications that are trusted.
pub(crate) fn cloud_spec(desk: &Desk, unit: &Unit) -> Result<Answer, String> {
    const REFUSED: &str = "cannot access cloud credentials";
    let trusted = desk
        .state
        .application(unit.application)
        .is_some_and(|application| application.trust);
    let spec = desk.vault.cloud().filter(|_| trusted).ok_or(REFUSED)?;
    let model = desk.state.model();
    Ok(Answer::Document {
        value: json!({
            "type": spec.kind,
            "name": model.cloud,
            "region": model.region,
            "endpoint": spec.endpoint,
            "identity-endpoint": spec.identity_endpoint,
            "storage-endpoint": spec.storage_endpoint,
            "credential": {
                "auth-type": spec.auth_type,
                "attrs": spec.attributes,
            },
        }),
    })
}

/// What a secret's hook is about.
pub(crate) fn hook_secret(state: &ModelState, unit: &Unit, hook: &Hook) -> Option<HookSecret> {
    let Hook::Secret(hook) = hook else {
        return None;
    };
    let secret = state.secret(hook.secret)?;
    let (label, revision) = match hook.kind {
        SecretHookKind::Changed => (
            state
                .secret_consumer(unit.id, secret.id)
                .map_or("", |row| row.label.as_str()),
            None,
        ),
        SecretHookKind::Rotate => (secret.label.as_str(), None),
        SecretHookKind::Expired | SecretHookKind::Remove => {
            (secret.label.as_str(), Some(hook.revision))
        }
    };
    Some(HookSecret {
        uri: secret.id.uri(),
        label: label.to_owned(),
        revision,
    })
}

/// The secrets that a unit manages, what they say aside.
pub(crate) fn managed(state: &ModelState, unit: &Unit) -> Vec<SecretInfo> {
    let application = SecretOwner::Application(unit.application);
    state
        .leads(unit)
        .then_some(application)
        .into_iter()
        .chain([SecretOwner::Unit(unit.id)])
        .flat_map(|owner| state.secrets_of(owner))
        .map(|secret| info(state, secret))
        .collect()
}

fn info(state: &ModelState, secret: &Secret) -> SecretInfo {
    let time = |at: Option<OffsetDateTime>| {
        at.and_then(|at| at.format(&Rfc3339).ok())
            .unwrap_or_default()
    };
    let newest = state.secret_revision(secret.id, secret.latest);
    SecretInfo {
        id: secret.id.to_string(),
        revision: secret.latest,
        label: secret.label.clone(),
        application: matches!(secret.owner, SecretOwner::Application(_)),
        description: secret.description.clone(),
        rotation: match secret.next_rotate {
            Some(_) => secret.rotate.as_str().to_owned(),
            None => String::new(),
        },
        expiry: time(newest.and_then(|row| row.expires_at)),
        rotates: time(secret.next_rotate),
        access: lazuli_plan::secret_access(state, secret)
            .into_iter()
            .map(|access| SecretAccess {
                target: access.target,
                scope: access.scope,
                role: "view".to_owned(),
            })
            .collect(),
    }
}
