//! What the hooks of secrets leave behind when they succeeded.

use lazuli_model::hook::{SecretHook, SecretHookKind};
use lazuli_model::id::UnitId;
use lazuli_model::state::{Row, Secret, SecretConsumer, SecretRevision};
use time::{Duration, OffsetDateTime};

use super::Draft;

/// secret-rotate and secret-expired come again after this, until the charm
/// has acted on them (Juju, `RotateRetryDelay`, `ExpireRetryDelay`).
const AGAIN: Duration = Duration::minutes(5);

/// Advances the rows that a hook was about, on top of what it wrote.
pub(crate) fn advance(draft: &mut Draft<'_>, unit: UnitId, hook: &SecretHook, now: OffsetDateTime) {
    match hook.kind {
        SecretHookKind::Changed => {
            if let Some(row) = draft.state.secret_consumer(unit, hook.secret)
                && row.told < hook.revision
            {
                let told = hook.revision;
                draft.put(Row::SecretConsumer(SecretConsumer {
                    told,
                    ..row.clone()
                }));
            }
        }
        SecretHookKind::Rotate => {
            if let Some(secret) = draft.secret(hook.secret) {
                let next_rotate = next_rotation(draft, &secret, hook.revision, now);
                draft.put(Row::Secret(Secret {
                    next_rotate,
                    ..secret
                }));
            }
        }
        SecretHookKind::Expired => {
            if let Some(row) = draft.revision(hook.secret, hook.revision) {
                let again = row.expires_at.map(|at| at.max(now + AGAIN));
                draft.put(Row::SecretRevision(SecretRevision {
                    next_expire: again,
                    ..row
                }));
            }
        }
        SecretHookKind::Remove => {
            if let Some(row) = draft.revision(hook.secret, hook.revision) {
                draft.put(Row::SecretRevision(SecretRevision {
                    obsolete_told: true,
                    ..row
                }));
            }
        }
    }
}

/// Soon when the charm made no new revision, or when the newest would expire
/// before its turn.
fn next_rotation(
    draft: &Draft<'_>,
    secret: &Secret,
    revision: u32,
    now: OffsetDateTime,
) -> Option<OffsetDateTime> {
    let last = secret.next_rotate.unwrap_or(now);
    let next = secret.rotate.after(last)?;
    let next = if next > now {
        next
    } else {
        secret.rotate.after(now)?
    };
    let expires = draft
        .revision(secret.id, secret.latest)
        .and_then(|row| row.expires_at);
    let soon = secret.latest == revision || expires.is_some_and(|at| at < next);
    Some(if soon { now + AGAIN } else { next })
}
