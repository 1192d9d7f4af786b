//! Hooks whose machine gave them back: they run again, but not at once for
//! ever.

use time::{Duration, OffsetDateTime};

/// The second time in a row, a hook that was given back waits this long; each
/// further time doubles it,
const FIRST: Duration = Duration::seconds(5);
/// up to this.
const LAST: Duration = Duration::minutes(5);

/// A hook that its machine gave back without an outcome of its own: it was
/// interrupted, or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOff {
    /// The run's sequence.
    pub seq: u64,
    /// How often in a row.
    pub times: u32,
    /// It is not handed out before.
    pub until: OffsetDateTime,
    /// Why it was given back, for people.
    pub reason: String,
}

impl PutOff {
    /// The run `seq` was given back once more. The first time it may run again
    /// at once if that is likely to help (a machine that rebooted), and has to
    /// wait if it is not (a request that was refused).
    #[must_use]
    pub fn again(
        before: Option<&Self>,
        seq: u64,
        reason: String,
        at_once: bool,
        now: OffsetDateTime,
    ) -> Self {
        let before = before.filter(|before| before.seq == seq);
        let times = before.map_or(0, |before| before.times).saturating_add(1);
        let doublings = if at_once { times - 1 } else { times };
        let wait = match doublings.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => (FIRST * 2_i32.pow(doublings.min(10))).min(LAST),
        };
        Self {
            seq,
            times,
            until: now + wait,
            reason,
        }
    }
}
