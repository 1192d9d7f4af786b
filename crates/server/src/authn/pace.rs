//! Slows down whoever guesses passwords.
//!
//! Failures are counted by where they come from: were they counted by name
//! alone, anybody could lock anybody out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures with one name that are free.
const FREE: u32 = 10;
/// Failures with any names that are free: some share an address.
const FREE_OF_PEER: u32 = 100;
/// One failure is forgotten in this time.
const FORGET: Duration = Duration::from_secs(6);
/// What is kept count of.
const COUNTS: usize = 20_000;

/// Where a request comes from: an address, or of IPv6 the network of 64 bits
/// that one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    /// This machine.
    pub(crate) const LOCAL: Self = Self(IpAddr::V6(Ipv6Addr::LOCALHOST));
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            other => other,
        })
    }
}

/// What failures are counted by: a name at a peer (one that does not exist
/// counts as well, so that nobody learns which do), and the peer alone.
type Key = (Peer, Option<String>);

/// Failures to log in.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<HashMap<Key, Failures>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// How many are not forgotten yet.
    fn left(self, now: Instant) -> u32 {
        let forgotten = (now - self.last).as_secs() / FORGET.as_secs();
        self.count
            .saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

fn keys(peer: Peer, name: &str) -> [(Key, u32); 2] {
    [
        ((peer, Some(name.to_owned())), FREE),
        ((peer, None), FREE_OF_PEER),
    ]
}

impl Pace {
    /// Seconds to wait before this peer may try this name again; none: now.
    pub(crate) fn wait(&self, peer: Peer, name: &str) -> Option<u32> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        keys(peer, name)
            .iter()
            .filter_map(|(key, free)| {
                let over = known.get(key)?.left(now).checked_sub(*free)?;
                let seconds = u64::from(over + 1) * FORGET.as_secs();
                Some(u32::try_from(seconds).unwrap_or(u32::MAX))
            })
            .max()
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, peer: Peer, name: &str) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, free) in keys(peer, name) {
            if known.len() >= COUNTS && !known.contains_key(&key) {
                known.retain(|_, failures| failures.left(now) > 0);
                // Somebody invents names or has many addresses: what is tried
                // again and again is kept last.
                if known.len() >= COUNTS {
                    known.retain(|_, failures| failures.left(now) > 1);
                }
                if known.len() >= COUNTS {
                    continue;
                }
            }
            let count = known.get(&key).map_or(0, |failures| failures.left(now));
            let count = (count + 1).min(free * 2);
            known.insert(key, Failures { count, last: now });
        }
    }

    /// Forgets the failures of who knew the password.
    pub(crate) fn succeeded(&self, peer: Peer, name: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&(peer, Some(name.to_owned())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_gets_slow_and_is_forgotten() {
        let (pace, here) = (Pace::default(), peer("192.0.2.1"));
        for _ in 0..FREE {
            assert_eq!(pace.wait(here, "bob"), None);
            pace.failed(here, "bob");
        }
        assert_eq!(pace.wait(here, "bob"), Some(6));
        assert_eq!(pace.wait(here, "eve"), None);
        tokio::time::advance(FORGET).await;
        assert_eq!(pace.wait(here, "bob"), None);
        pace.failed(here, "bob");
        assert_eq!(pace.wait(here, "bob"), Some(6));
        pace.succeeded(here, "bob");
        assert_eq!(pace.wait(here, "bob"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_locks_out_others_elsewhere() {
        let (pace, there) = (Pace::default(), peer("2001:db8:1:2::3"));
        for n in 0..FREE_OF_PEER {
            pace.failed(there, "bob");
            pace.failed(there, &format!("other-{n}"));
        }
        let neighbour = peer("2001:db8:1:2:ffff::4");
        assert!(pace.wait(neighbour, "bob").is_some());
        assert!(pace.wait(there, "not tried yet").is_some());
        assert_eq!(pace.wait(peer("2001:db8:1:3::3"), "bob"), None);
        assert_eq!(pace.wait(peer("192.0.2.1"), "bob"), None);
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    }

    #[tokio::test(start_paused = true)]
    async fn invented_names_do_not_fill_the_memory() {
        let (pace, here) = (Pace::default(), peer("192.0.2.1"));
        pace.failed(here, "bob");
        pace.failed(here, "bob");
        for n in 0..COUNTS * 2 {
            pace.failed(here, &format!("invented-{n}"));
        }
        let known = pace.0.lock().unwrap();
        assert!(known.len() <= COUNTS);
        assert!(known.contains_key(&(here, Some("bob".to_owned()))));
    }
}
