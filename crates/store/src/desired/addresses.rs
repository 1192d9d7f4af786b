//! Address ranges of models, distinct within a controller.

use lazuli_model::range::Range;

use crate::StoreError;

/// The range from which models get theirs, such as a /18 each of
/// `10.64.0.0/10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressPool {
    all: Range,
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
            .map_err(|_| invalid("write it as 10.64.0.0/10"))?;
        // Azure takes subnets of up to /29; a model's network has at least two.
        if prefix > 28 || prefix < all.prefix() {
            return Err(invalid("it cannot be divided into ranges of that size"));
        }
        Ok(Self { all, prefix })
    }

    /// The first range that meets none of those taken; none when all do.
    pub(crate) fn free(&self, taken: &[String]) -> Option<String> {
        let taken: Vec<Range> = taken.iter().filter_map(|text| text.parse().ok()).collect();
        Some(self.all.free(self.prefix, &taken)?.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_among_those_taken() {
        let pool = AddressPool::new("10.64.0.0/10", 18).unwrap();
        let taken = ["10.64.0.0/18".to_owned(), "nonsense".to_owned()];
        assert_eq!(pool.free(&taken).as_deref(), Some("10.64.64.0/18"));
    }

    #[test]
    fn pools_that_make_no_sense_are_refused() {
        for (range, prefix) in [
            ("10.64.0.1/10", 18),
            ("10.64.0.0", 18),
            ("10.64.0.0/33", 33),
            ("10.64.0.0/24", 18),
            ("10.64.0.0/24", 29),
            ("nonsense/10", 18),
        ] {
            assert!(AddressPool::new(range, prefix).is_err(), "{range} {prefix}");
        }
    }
}
