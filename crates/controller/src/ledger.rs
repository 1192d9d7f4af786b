//! How the ledger's rows advance: pure functions from what a call brought.

use std::time::Duration;

use lazuli_cloud::{CloudError, Down, Progress};
use lazuli_model::id::{EffectId, GenericUuid};
use lazuli_model::state::{
    Effect, EffectFailure, EffectState, FailureClass, MachineState, Unreachable,
};
use time::OffsetDateTime;

/// Failures back off from this, doubling,
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// to this.
const LAST_RETRY: Duration = Duration::from_secs(300);
/// Between two questions about one, for each of those that are being made.
const PER_PEER: Duration = Duration::from_millis(25);
/// Work of the cloud is asked about this often at most,
const FIRST_POLL: Duration = Duration::from_millis(20);
/// and this often at least.
const LAST_POLL: Duration = Duration::from_secs(60);
/// A resource that was accepted, and that the cloud does not know so many
/// times, is asked for again.
const PATIENCE: u32 = 5;
/// Looks at a first boot that is not finished are this far apart at least,
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// and this far at most.
const LAST_LOOK: Duration = Duration::from_secs(15);

/// What becomes of a row after a call about it. The planner chose the call;
/// what the row says now may be newer, so the state only moves along the path
/// that the call was on. Of `crowd` that are being made each is asked about
/// the less often.
#[must_use]
pub(crate) fn advance(
    effect: &Effect,
    result: &Result<Progress, CloudError>,
    crowd: usize,
    now: OffsetDateTime,
) -> Effect {
    let mut row = effect.clone();
    let deleting = matches!(effect.state, EffectState::Deleting { .. });
    match result {
        Ok(Progress::Present { cloud_id }) => {
            row.cloud_id = Some(cloud_id.clone());
            row.failure = None;
            if !deleting {
                set(&mut row, EffectState::Present, now);
            }
        }
        Ok(Progress::Accepted {
            cloud_id,
            operation,
            poll_after,
        }) => {
            row.cloud_id = cloud_id.clone().or(row.cloud_id);
            // Only success ends the count: what is accepted again and again,
            // and fails each time, has to slow down as well.
            if let Some(failure) = &mut row.failure {
                failure.next_try = None;
            }
            let poll_at = now + (*poll_after).max(patience(&row, crowd, now));
            let operation = operation.clone();
            let state = if deleting {
                EffectState::Deleting { operation, poll_at }
            } else {
                EffectState::Accepted { operation, poll_at }
            };
            set(&mut row, state, now);
        }
        Ok(Progress::Down(down)) => {
            row.failure = Some(failure(down));
        }
        Ok(Progress::Gone) => {
            // That there was none of this size is remembered.
            row.failure
                .take_if(|failure| failure.class != FailureClass::Capacity);
            set(&mut row, EffectState::Gone, now);
        }
        Ok(Progress::Foreign { found }) => {
            row.failure = Some(EffectFailure {
                class: FailureClass::Conflict,
                code: "NameTaken".to_owned(),
                message: found.clone(),
                attempts: 1,
                next_try: Some(now + LAST_RETRY),
            });
            set(&mut row, EffectState::Foreign, now);
        }
        Err(error) => fail(&mut row, error, now),
    }
    row
}

/// Why a machine does not run. Nobody but a person, or the cloud, ends that;
/// it is noticed in the next list.
pub(crate) fn failure(down: &Down) -> EffectFailure {
    EffectFailure {
        class: FailureClass::Down,
        code: down.code.clone(),
        message: down.reason.clone(),
        attempts: 1,
        next_try: None,
    }
}

/// What takes long is asked about less often, by an eighth of its age, and
/// what is one of many too: the cloud counts the questions about each
/// operation, and those of all.
fn patience(row: &Effect, crowd: usize, now: OffsetDateTime) -> Duration {
    let under_way = matches!(
        row.state,
        EffectState::Accepted { .. } | EffectState::Deleting { .. }
    );
    let age = match under_way {
        true => (now - row.changed_at).max(time::Duration::ZERO),
        false => time::Duration::ZERO,
    };
    let crowd = u32::try_from(crowd).unwrap_or(u32::MAX);
    (age.unsigned_abs() / 8)
        .max(PER_PEER.saturating_mul(crowd))
        .clamp(FIRST_POLL, LAST_POLL)
}

fn set(row: &mut Effect, state: EffectState, now: OffsetDateTime) {
    if std::mem::discriminant(&row.state) != std::mem::discriminant(&state) {
        row.changed_at = now;
    }
    row.state = state;
}

fn fail(row: &mut Effect, error: &CloudError, now: OffsetDateTime) {
    let before = row.failure.as_ref();
    let attempts = before.map_or(0, |failure| failure.attempts) + 1;
    let again = before.is_some_and(|failure| failure.class == error.class);
    let backoff = match (&row.state, error.class) {
        // The second look is due soon, however often the deletion failed.
        (EffectState::Deleting { .. }, FailureClass::Gone) => FIRST_RETRY,
        _ => backoff(row.id, attempts),
    };
    let wait = error.retry_after.unwrap_or(backoff);
    let next_try = match error.class {
        // A person has to act; still, look again now and then, so that
        // nobody has to tell us that they did.
        FailureClass::Auth | FailureClass::Quota | FailureClass::Invalid | FailureClass::Bug => {
            now + wait.max(Duration::from_secs(60))
        }
        FailureClass::Capacity => now + wait.max(Duration::from_secs(10)),
        FailureClass::Transient
        | FailureClass::Throttled
        | FailureClass::Conflict
        | FailureClass::Down
        | FailureClass::Gone => now + wait,
    };
    row.failure = Some(EffectFailure {
        class: error.class,
        code: error.code.clone(),
        message: error.to_string(),
        attempts,
        next_try: Some(next_try),
    });
    match &row.state {
        // It was there and is no more, though nobody knows of its end: asking
        // for it again is safe, and reads that lag get the time to catch up.
        EffectState::Accepted { .. }
            if error.class == FailureClass::Gone && attempts >= PATIENCE =>
        {
            set(row, EffectState::Sent { at: now }, now);
        }
        // The cloud's work came to nothing: what is left of it has to be
        // looked at, and asked for again.
        EffectState::Accepted { .. } if !error.effect_unknown => {
            set(row, EffectState::Sent { at: now }, now);
        }
        EffectState::Planned if error.effect_unknown => {
            set(row, EffectState::Sent { at: now }, now);
        }
        // Lists and reads lag: once is not enough to believe it.
        EffectState::Deleting { .. } if error.class == FailureClass::Gone && again => {
            row.failure = None;
            set(row, EffectState::Gone, now);
        }
        EffectState::Deleting { .. } => {
            let state = EffectState::Deleting {
                operation: None,
                poll_at: next_try,
            };
            set(row, state, now);
        }
        EffectState::Present if error.class == FailureClass::Gone && again => {
            row.failure = None;
            set(row, EffectState::Gone, now);
        }
        EffectState::Planned
        | EffectState::Sent { .. }
        | EffectState::Accepted { .. }
        | EffectState::Present
        | EffectState::Gone
        | EffectState::Foreign => {}
    }
}

/// Doubles from [`FIRST_RETRY`] to [`LAST_RETRY`], shortened by up to a
/// quarter by a jitter that depends on row and attempt alone.
fn backoff(id: EffectId, attempts: u32) -> Duration {
    let full = FIRST_RETRY
        .saturating_mul(1 << attempts.saturating_sub(1).min(16))
        .min(LAST_RETRY);
    let seed =
        id.as_untyped_uuid().as_u128() as u64 ^ u64::from(attempts).wrapping_mul(0x9e37_79b9);
    full - full.mul_f64((seed % 256) as f64 / 1024.0)
}

/// A machine was reached, or not.
pub(crate) fn reach(
    known: &mut MachineState,
    trouble: Option<String>,
    boot_id: Option<String>,
    now: OffsetDateTime,
) {
    known.unreachable = trouble.map(|reason| {
        let since = known.unreachable.as_ref().map_or(now, |old| old.since);
        Unreachable { reason, since }
    });
    if let (Some(facts), Some(boot_id)) = (&mut known.facts, boot_id) {
        facts.boot_id = boot_id;
    }
}

/// When to look at a machine's first boot again: soon at first, and the later
/// the longer the trouble lasts, by half of that time.
#[must_use]
pub(crate) fn next_look(trouble: &Unreachable, now: OffsetDateTime) -> OffsetDateTime {
    let lasted = (now - trouble.since)
        .max(time::Duration::ZERO)
        .unsigned_abs();
    now + (lasted / 2).clamp(FIRST_LOOK, LAST_LOOK)
}

#[cfg(test)]
mod tests {
    use lazuli_model::id::{self, ModelId};
    use lazuli_model::state::{ChildKind, EffectSpec};
    use uuid::Uuid;

    use super::*;

    fn effect() -> Effect {
        let now = OffsetDateTime::UNIX_EPOCH;
        Effect {
            id: id::derived(ModelId::from_untyped_uuid(Uuid::nil()), "m-0-g1"),
            machine: None,
            parent: None,
            name: "m-0-g1".to_owned(),
            spec: EffectSpec::Child {
                kind: ChildKind::Disk,
            },
            state: EffectState::Planned,
            cloud_id: None,
            failure: None,
            created_at: now,
            changed_at: now,
        }
    }

    fn error(class: FailureClass) -> CloudError {
        CloudError {
            what: "ask".to_owned(),
            class,
            code: "No".to_owned(),
            message: "no".to_owned(),
            hint: None,
            retry_after: None,
            correlation: None,
            effect_unknown: false,
        }
    }

    #[test]
    fn what_is_accepted_and_fails_again_and_again_slows_down() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let accepted = Ok(Progress::Accepted {
            cloud_id: None,
            operation: Some("op".to_owned()),
            poll_after: Duration::from_secs(1),
        });
        let failed = Err(error(FailureClass::Transient));
        let mut row = effect();
        let mut waits = Vec::new();
        for _ in 0..4 {
            row = advance(&row, &accepted, 1, now);
            assert_eq!(
                row.failure.as_ref().and_then(|failure| failure.next_try),
                None
            );
            row = advance(&row, &failed, 1, now);
            let next = row.failure.as_ref().and_then(|failure| failure.next_try);
            waits.push((next.expect("a next try") - now).whole_seconds());
        }
        assert!(waits.is_sorted_by(|a, b| a * 3 < b * 2), "{waits:?}");
        let present = Ok(Progress::Present {
            cloud_id: "/m".to_owned(),
        });
        assert_eq!(advance(&row, &present, 1, now).failure, None);
    }

    #[test]
    fn what_was_there_is_gone_when_the_cloud_says_so_twice() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let absent = Err(error(FailureClass::Gone));
        let mut row = effect();
        row.state = EffectState::Present;
        let once = advance(&row, &absent, 1, now);
        assert_eq!(once.state, EffectState::Present);
        assert_eq!(advance(&once, &absent, 1, now).state, EffectState::Gone);
        let other = Err(error(FailureClass::Transient));
        let mixed = advance(&advance(&row, &other, 1, now), &absent, 1, now);
        assert_eq!(mixed.state, EffectState::Present);
        row.state = EffectState::Deleting {
            operation: None,
            poll_at: now,
        };
        let once = advance(&row, &absent, 1, now);
        let poll_at = now + FIRST_RETRY;
        let operation = None;
        assert_eq!(once.state, EffectState::Deleting { operation, poll_at });
        let twice = advance(&once, &absent, 1, now);
        assert_eq!((twice.state, twice.failure), (EffectState::Gone, None));
    }

    #[test]
    fn looks_at_a_first_boot_begin_soon_and_slow_down() {
        let since = OffsetDateTime::UNIX_EPOCH;
        let trouble = Unreachable {
            reason: "no route".to_owned(),
            since,
        };
        let wait = |after_ms: i64| {
            let now = since + time::Duration::milliseconds(after_ms);
            (next_look(&trouble, now) - now).whole_milliseconds()
        };
        assert_eq!([wait(-5), wait(0), wait(200)], [50, 50, 100]);
        assert_eq!([wait(10_000), wait(3_600_000)], [5_000, 15_000]);
    }
}
