//! The pace of requests: token buckets at Azure's published rates, shared by
//! all models of the process.
//!
//! Every request draws from the buckets that it counts against at Azure: of
//! the resource manager (per subscription and client), of the compute and the
//! network provider (per subscription), and of its virtual machine or
//! operation. They are filled to 97 % of the published rates, corrected by
//! what answers say is left, and closed for as long as a refusal says. A
//! request waits for its turn; one that would have to wait too long fails as
//! throttled, without being sent.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use super::scope::{Draw, Scope};

/// How much of a published rate is used: others may use the subscription too.
const SHARE: f64 = 0.97;
/// A request waits at most so long for its turn.
const PATIENCE: Duration = Duration::from_secs(120);
/// A refusal that names no time closes for this.
const DEFAULT_CLOSED: Duration = Duration::from_secs(10);
/// Requests under way at once.
const PARALLEL: usize = 64;
/// Buckets of single machines and operations that are full are dropped when
/// there are more than this.
const MAX_BUCKETS: usize = 20_000;

/// The pace of one client.
#[derive(Debug)]
pub(super) struct Pace {
    buckets: Mutex<Buckets>,
    slots: Semaphore,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            buckets: Mutex::default(),
            slots: Semaphore::new(PARALLEL),
        }
    }

    /// Waits for a request's turn. The request is under way while the permit
    /// is kept.
    ///
    /// # Errors
    /// How long it would have to wait, if that is too long.
    pub(super) async fn turn(&self, draws: &[Draw]) -> Result<SemaphorePermit<'_>, Duration> {
        let mut at = self.lock().reserve(draws, Instant::now())?;
        loop {
            sleep_until(at).await;
            // Never closed.
            let permit = self.slots.acquire().await.map_err(|_| PATIENCE)?;
            match self.lock().opens(draws, Instant::now()) {
                None => return Ok(permit),
                Some(wait) if wait > PATIENCE => return Err(wait),
                Some(wait) => at = Instant::now() + wait,
            }
        }
    }

    /// What an answer says is left.
    pub(super) fn correct(&self, left: impl IntoIterator<Item = (Scope, f64)>) {
        let mut buckets = self.lock();
        for (scope, left) in left {
            buckets.correct(scope, left, Instant::now());
        }
    }

    /// The cloud refused a request for there being too many.
    pub(super) fn close(&self, scope: Scope, retry_after: Option<Duration>) {
        let until = Instant::now() + retry_after.unwrap_or(DEFAULT_CLOSED);
        self.lock().close(scope, until);
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The level may be below zero: what waits has drawn already, so that turns
/// are kept in order.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: f64,
    at: Instant,
    closed_until: Option<Instant>,
}

#[derive(Debug, Default)]
struct Buckets {
    buckets: HashMap<Scope, Bucket>,
}

impl Buckets {
    /// Draws from all buckets, or from none; when it is the request's turn.
    fn reserve(&mut self, draws: &[Draw], now: Instant) -> Result<Instant, Duration> {
        if self.buckets.len() > MAX_BUCKETS {
            self.prune(now);
        }
        let mut wait = self.opens(draws, now).unwrap_or_default();
        for draw in draws {
            let level = self.filled(draw, now).level;
            if level < 1.0 {
                let seconds = (1.0 - level) / (draw.rate.per_second * SHARE);
                wait = wait.max(Duration::from_secs_f64(seconds));
            }
        }
        if wait > PATIENCE {
            return Err(wait);
        }
        for draw in draws {
            self.filled(draw, now).level -= 1.0;
        }
        Ok(now + wait)
    }

    /// How long the request has to wait until none of its buckets is closed.
    fn opens(&self, draws: &[Draw], now: Instant) -> Option<Duration> {
        draws
            .iter()
            .filter_map(|draw| self.buckets.get(&draw.scope)?.closed_until)
            .filter(|until| *until > now)
            .map(|until| until - now)
            .max()
    }

    /// The bucket as it is now.
    fn filled(&mut self, draw: &Draw, now: Instant) -> &mut Bucket {
        let full = draw.rate.burst * SHARE;
        let bucket = self.buckets.entry(draw.scope.clone()).or_insert(Bucket {
            level: full,
            at: now,
            closed_until: None,
        });
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.level = (bucket.level + elapsed * draw.rate.per_second * SHARE).min(full);
        bucket.at = now;
        bucket
    }

    fn correct(&mut self, scope: Scope, left: f64, now: Instant) {
        let draw = Draw::of(scope);
        let bucket = self.filled(&draw, now);
        bucket.level = bucket.level.min(left);
    }

    fn close(&mut self, scope: Scope, until: Instant) {
        let draw = Draw::of(scope);
        let bucket = self.filled(&draw, Instant::now());
        bucket.closed_until = bucket.closed_until.max(Some(until));
        bucket.level = bucket.level.min(1.0);
    }

    /// Drops buckets that are full: a new one is full as well.
    fn prune(&mut self, now: Instant) {
        self.buckets.retain(|scope, bucket| {
            let rate = scope.rate();
            let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
            let full = bucket.level + elapsed * rate.per_second * SHARE >= rate.burst * SHARE;
            !full || bucket.closed_until.is_some_and(|until| until > now)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope::Operation;
    use super::*;

    fn write() -> [Draw; 1] {
        [Draw::of(Scope::Principal(Operation::Write))]
    }

    fn waits(buckets: &mut Buckets, count: usize, now: Instant) -> Vec<f64> {
        (0..count)
            .map(|_| match buckets.reserve(&write(), now) {
                Ok(at) => (at - now).as_secs_f64(),
                Err(wait) => -wait.as_secs_f64(),
            })
            .collect()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_published_rate() {
        let mut buckets = Buckets::default();
        let now = Instant::now();
        let waits = waits(&mut buckets, 194 + 97, now);
        assert!(waits[..194].iter().all(|wait| *wait == 0.0));
        assert!(waits[194] > 0.0);
        assert!(waits.is_sorted());
        assert!((waits[194 + 96] - 10.0).abs() < 0.01, "{waits:?}");
    }

    #[test]
    fn what_would_wait_too_long_is_not_queued() {
        let mut buckets = Buckets::default();
        let now = Instant::now();
        let waits = waits(&mut buckets, 2_000, now);
        let queued = waits.iter().filter(|wait| **wait >= 0.0).count();
        assert_eq!(queued, 194 + 1_164);
        // Who was turned away has drawn nothing.
        assert_eq!(waits[1_500], waits[1_999]);
    }

    #[test]
    fn nothing_goes_through_a_closed_bucket_and_others_are_not_touched() {
        let mut buckets = Buckets::default();
        let now = Instant::now();
        let until = now + Duration::from_secs(17);
        buckets.close(Scope::Principal(Operation::Write), until);
        let at = buckets.reserve(&write(), now).expect("a turn");
        assert!(at >= until);
        let read = [Draw::of(Scope::Principal(Operation::Read))];
        assert_eq!(buckets.reserve(&read, now), Ok(now));
        assert_eq!(
            buckets.opens(&write(), now + Duration::from_secs(5)),
            Some(Duration::from_secs(12))
        );
        assert_eq!(buckets.opens(&write(), until), None);
    }

    #[test]
    fn answers_correct_what_is_left_downwards_only() {
        let mut buckets = Buckets::default();
        let now = Instant::now();
        buckets.correct(Scope::Principal(Operation::Write), 2.0, now);
        let first = waits(&mut buckets, 3, now);
        assert_eq!(first[..2], [0.0, 0.0]);
        assert!(first[2] > 0.0);
        buckets.correct(Scope::Principal(Operation::Write), 150.0, now);
        assert!(waits(&mut buckets, 1, now)[0] > 0.0);
    }

    #[test]
    fn buckets_that_are_full_are_dropped() {
        let mut buckets = Buckets::default();
        let now = Instant::now();
        for n in 0..=MAX_BUCKETS {
            let scope = Scope::resource(&format!("vm{n}"), super::super::scope::Policy::PutVm);
            let draw = [Draw::of(scope.expect("a bucket of its own"))];
            buckets.reserve(&draw, now).expect("a turn");
        }
        let later = now + Duration::from_secs(60);
        buckets.reserve(&write(), later).expect("a turn");
        assert_eq!(buckets.buckets.len(), 1);
    }
}
