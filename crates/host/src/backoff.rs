//! How long to wait after failures.

use std::time::Duration;

use rand::RngExt;

/// Waits that double from `first` to `last`, a quarter of each by chance, so
/// that many machines do not come back at once.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    last: Duration,
    /// Failures in a row.
    pub(crate) failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, last: Duration) -> Self {
        Self {
            first,
            last,
            failures: 0,
        }
    }

    /// The wait after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        let share = rand::rng().random_range(0.75..=1.0);
        doubled.min(self.last).mul_f64(share)
    }

    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound() {
        let (first, last) = (Duration::from_millis(250), Duration::from_secs(30));
        let mut backoff = Backoff::new(first, last);
        let waits: Vec<_> = (0..100).map(|_| backoff.next()).collect();
        assert!(waits[0] <= first && waits[0] >= first.mul_f64(0.75));
        assert!(waits[3] >= first.mul_f64(6.0));
        assert!(
            waits[10..]
                .iter()
                .all(|wait| *wait <= last && *wait >= last.mul_f64(0.75))
        );
        backoff.reset();
        assert!(backoff.next() <= first);
    }
}
