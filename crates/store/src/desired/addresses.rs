//! Address ranges of models, distinct within a controller.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::StoreError;

/// The range from which models get theirs, such as a /18 each of
/// `10.64.0.0/10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressPool {
    all: Range,
    prefix: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    prefix: u8,
}

impl AddressPool {
    /// A pool that gives out ranges of this prefix length.
    ///
    /// # Errors
    ///
    /// Fails when the text is no IPv4 range, or smaller than what it gives.
    pub fn new(range: &str, prefix: u8) -> Result<Self, StoreError> {
        let invalid = |why: &str| StoreError::Invalid {
            what: format!("address pool {range}").into(),
            why: why.to_owned(),
        };
        let all: Range = range
            .parse()
            .map_err(|()| invalid("write it as 10.64.0.0/10"))?;
        // Azure takes networks of up to /29; a model's holds a subnet.
        if prefix > 29 || prefix < all.prefix {
            return Err(invalid("it cannot be divided into ranges of that size"));
        }
        Ok(Self { all, prefix })
    }

    /// The first range that meets none of those taken; none when all do.
    pub(crate) fn free(&self, taken: &[String]) -> Option<String> {
        let mut taken: Vec<Range> = taken.iter().filter_map(|text| text.parse().ok()).collect();
        taken.sort_by_key(|range| range.first);
        let size = size(self.prefix);
        let end = self.all.end();
        let mut first = u64::from(self.all.first);
        // Whatever is in the way moves the candidate past itself, so this
        // walks the ranges taken and not the pool.
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
        let found = Range {
            first,
            prefix: self.prefix,
        };
        (found.end() <= end).then(|| found.to_string())
    }
}

impl Range {
    /// One past the last address.
    fn end(self) -> u64 {
        u64::from(self.first) + size(self.prefix)
    }
}

impl FromStr for Range {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, prefix) = text.split_once('/').ok_or(())?;
        let first: Ipv4Addr = first.parse().map_err(|_| ())?;
        let prefix: u8 = prefix.parse().map_err(|_| ())?;
        let range = Self {
            first: first.to_bits(),
            prefix,
        };
        let aligned = prefix <= 32 && u64::from(range.first).is_multiple_of(size(prefix));
        aligned.then_some(range).ok_or(())
    }
}

/// Addresses in a range; the prefix is 32 at most.
fn size(prefix: u8) -> u64 {
    1_u64 << (32 - u32::from(prefix))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.first), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(pool: &AddressPool, taken: &[&str]) -> Option<String> {
        let taken: Vec<String> = taken.iter().map(|&text| text.to_owned()).collect();
        pool.free(&taken)
    }

    #[test]
    fn the_first_free_range_is_found() {
        let pool = AddressPool::new("10.64.0.0/10", 18).unwrap();
        assert_eq!(free(&pool, &[]).as_deref(), Some("10.64.0.0/18"));
        assert_eq!(
            free(&pool, &["10.64.0.0/18", "10.64.128.0/18"]).as_deref(),
            Some("10.64.64.0/18")
        );
        assert_eq!(
            free(&pool, &["192.168.0.0/16", "10.64.64.0/18"]).as_deref(),
            Some("10.64.0.0/18")
        );
    }

    #[test]
    fn ranges_of_other_sizes_are_stepped_over() {
        let pool = AddressPool::new("10.64.0.0/10", 18).unwrap();
        assert_eq!(
            free(&pool, &["10.64.1.0/24", "10.0.0.0/8"]).as_deref(),
            None,
            "the whole pool is within a range taken"
        );
        assert_eq!(
            free(&pool, &["10.64.1.0/24", "10.65.0.0/16"]).as_deref(),
            Some("10.64.64.0/18")
        );
    }

    #[test]
    fn a_full_pool_gives_nothing() {
        let pool = AddressPool::new("10.64.0.0/23", 24).unwrap();
        assert_eq!(free(&pool, &["10.64.0.0/24", "10.64.1.0/24"]), None);
    }

    #[test]
    fn pools_that_make_no_sense_are_refused() {
        for (range, prefix) in [
            ("10.64.0.1/10", 18),
            ("10.64.0.0", 18),
            ("10.64.0.0/33", 33),
            ("10.64.0.0/24", 18),
            ("nonsense/10", 18),
        ] {
            assert!(AddressPool::new(range, prefix).is_err(), "{range} {prefix}");
        }
    }
}
