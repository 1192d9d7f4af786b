//! Ranges of IPv4 addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// A range such as `10.64.0.0/18`: aligned, its prefix 32 at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    first: u32,
    prefix: u8,
}

impl Range {
    /// The length of its prefix.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// How many addresses it has.
    #[must_use]
    pub fn size(self) -> u64 {
        1 << (32 - u32::from(self.prefix))
    }

    /// Whether all of another is in it.
    #[must_use]
    pub fn holds(self, other: Self) -> bool {
        u64::from(self.first) <= u64::from(other.first) && other.end() <= self.end()
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let bits = u64::from(v4.to_bits());
                (u64::from(self.first)..self.end()).contains(&bits)
            }
            IpAddr::V6(_) => false,
        }
    }

    /// Its first half; itself where it has but one address.
    #[must_use]
    pub fn first_half(self) -> Self {
        Self {
            prefix: 32.min(self.prefix + 1),
            ..self
        }
    }

    /// The first range within this one, of a prefix length, that meets none of
    /// those taken; none when all do.
    #[must_use]
    pub fn free(self, prefix: u8, taken: &[Self]) -> Option<Self> {
        if prefix > 32 || prefix < self.prefix {
            return None;
        }
        let mut taken = taken.to_vec();
        taken.sort_by_key(|range| range.first);
        let size = 1_u64 << (32 - u32::from(prefix));
        let mut first = u64::from(self.first);
        // Whatever is in the way moves the candidate past itself, so this
        // walks the ranges taken and not the whole.
        for range in &taken {
            if range.end() <= first {
                continue;
            }
            if u64::from(range.first) >= first + size {
                break;
            }
            first = range.end().div_ceil(size) * size;
        }
        let first = u32::try_from(first).ok()?;
        let found = Self { first, prefix };
        (found.end() <= self.end()).then_some(found)
    }

    /// One past the last address.
    fn end(self) -> u64 {
        u64::from(self.first) + self.size()
    }
}

/// What is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRange;

impl fmt::Display for NoRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no range of IPv4 addresses, such as 10.64.0.0/24")
    }
}

impl std::error::Error for NoRange {}

impl FromStr for Range {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        let (first, prefix) = text.split_once('/').ok_or(NoRange)?;
        let first: Ipv4Addr = first.parse().map_err(|_| NoRange)?;
        let prefix: u8 = prefix.parse().map_err(|_| NoRange)?;
        if prefix > 32 {
            return Err(NoRange);
        }
        let range = Self {
            first: first.to_bits(),
            prefix,
        };
        let aligned = u64::from(range.first).is_multiple_of(range.size());
        aligned.then_some(range).ok_or(NoRange)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.first), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Range {
        text.parse().unwrap()
    }

    fn free(whole: &str, prefix: u8, taken: &[&str]) -> Option<String> {
        let taken: Vec<_> = taken.iter().map(|text| range(text)).collect();
        Some(range(whole).free(prefix, &taken)?.to_string())
    }

    #[test]
    fn ranges_are_aligned() {
        assert_eq!(range("10.64.0.0/18").to_string(), "10.64.0.0/18");
        for bad in ["10.64.0.1/18", "10.64.0.0", "10.64.0.0/33", "x/8", "::/0"] {
            assert_eq!(bad.parse::<Range>(), Err(NoRange), "{bad}");
        }
    }

    #[test]
    fn they_hold_addresses_and_each_other() {
        let whole = range("10.64.0.0/18");
        assert_eq!(whole.first_half(), range("10.64.0.0/19"));
        assert!(whole.contains("10.64.63.255".parse().unwrap()));
        assert!(!whole.contains("10.64.64.0".parse().unwrap()));
        assert!(!whole.contains("fd00::1".parse().unwrap()));
        assert!(whole.holds(range("10.64.32.0/24")));
        assert!(!range("10.64.32.0/24").holds(whole));
    }

    #[test]
    fn the_first_free_range_is_found() {
        assert_eq!(
            free("10.64.0.0/10", 18, &[]).as_deref(),
            Some("10.64.0.0/18")
        );
        assert_eq!(
            free("10.64.0.0/10", 18, &["10.64.0.0/18", "10.64.128.0/18"]).as_deref(),
            Some("10.64.64.0/18")
        );
        assert_eq!(
            free("10.64.0.0/10", 18, &["192.168.0.0/16", "10.64.64.0/18"]).as_deref(),
            Some("10.64.0.0/18")
        );
        assert_eq!(
            free("10.64.0.0/18", 24, &["10.64.0.0/19", "10.64.33.0/24"]).as_deref(),
            Some("10.64.32.0/24")
        );
    }

    #[test]
    fn ranges_of_other_sizes_are_stepped_over() {
        assert_eq!(
            free("10.64.0.0/10", 18, &["10.64.1.0/24", "10.0.0.0/8"]),
            None,
            "all of it is within a range taken"
        );
        assert_eq!(
            free("10.64.0.0/10", 18, &["10.64.1.0/24", "10.65.0.0/16"]).as_deref(),
            Some("10.64.64.0/18")
        );
        assert_eq!(
            free("10.64.0.0/23", 24, &["10.64.0.0/24", "10.64.1.0/24"]),
            None
        );
        assert_eq!(free("10.64.0.0/24", 18, &[]), None);
    }
}
