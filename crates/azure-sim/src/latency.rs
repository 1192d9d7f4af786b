//! How long the simulated cloud takes: nothing, a fixed time, or figures drawn
//! from published ranges by a seeded hash, so that a run can be repeated.

use std::str::FromStr;

use uuid::Uuid;

use crate::ids::Kind;
use crate::operation::Work;

/// The latency of operations, on top of the real work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latency {
    /// An operation is done as soon as its guest is.
    #[default]
    None,
    /// As on Azure: seconds for networks, about a minute for a VM.
    Realistic,
    /// So many milliseconds for each.
    Fixed(u64),
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "realistic" => Ok(Self::Realistic),
            _ => text
                .strip_prefix("ms=")
                .and_then(|ms| ms.parse().ok())
                .map(Self::Fixed)
                .ok_or_else(|| format!("{text:?} is none of: none, realistic, ms=N")),
        }
    }
}

impl Latency {
    /// Milliseconds for an operation; `draw` decides within the range.
    pub(crate) fn of(self, work: Work, kind: Kind, draw: Uuid) -> u64 {
        let (low, high) = match self {
            Self::None => return 0,
            Self::Fixed(ms) => return ms,
            Self::Realistic => range(work, kind),
        };
        let (draw, _) = draw.as_u64_pair();
        low + draw % (high - low + 1)
    }

    /// The `Retry-After` that fits, in seconds.
    pub(crate) const fn retry_after(self, work: Work) -> u64 {
        match (self, work) {
            (Self::None, _) => 0,
            (Self::Fixed(ms), _) => ms.div_ceil(1000),
            (Self::Realistic, Work::Settle | Work::Delete | Work::UpdateVm) => 2,
            (Self::Realistic, Work::DeleteGroup) => 15,
            (Self::Realistic, _) => 10,
        }
    }
}

const fn range(work: Work, kind: Kind) -> (u64, u64) {
    match (work, kind) {
        (Work::CreateVm, _) => (25_000, 60_000),
        (Work::UpdateVm, _) => (2_000, 8_000),
        (Work::StartVm | Work::RestartVm, _) => (10_000, 30_000),
        (Work::PowerOffVm | Work::DeallocateVm, _) => (10_000, 40_000),
        (Work::DeleteVm, _) => (20_000, 90_000),
        (Work::DeleteGroup, _) => (30_000, 120_000),
        (Work::Settle | Work::Delete, Kind::Vnet | Kind::Nsg | Kind::NatGateway) => (2_000, 10_000),
        (Work::Settle | Work::CopyDisk | Work::Delete, _) => (1_000, 5_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_range_and_repeat() {
        for n in 0..200_u8 {
            let draw = Uuid::new_v5(&Uuid::NAMESPACE_OID, &[n]);
            let ms = Latency::Realistic.of(Work::CreateVm, Kind::Vm, draw);
            assert!((25_000..=60_000).contains(&ms), "{ms}");
            assert_eq!(ms, Latency::Realistic.of(Work::CreateVm, Kind::Vm, draw));
        }
        assert_eq!(Latency::None.of(Work::DeleteVm, Kind::Vm, Uuid::nil()), 0);
    }

    #[test]
    fn reads_its_names() {
        assert_eq!("ms=250".parse(), Ok(Latency::Fixed(250)));
        assert_eq!("none".parse(), Ok(Latency::None));
        assert!("fast".parse::<Latency>().is_err());
    }
}
