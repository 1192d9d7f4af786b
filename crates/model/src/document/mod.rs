//! The documents that Juju's CLI prints, in its JSON shape: which keys there
//! are always and which are left out when empty (reference juju, 2).
//!
//! Times are RFC 3339 here; the CLI prints them in Juju's forms.

pub mod application;
pub mod ledger;
pub mod status;
pub mod storage;
pub mod unit;

/// The version of Juju that charms, clients and status see.
pub const JUJU_VERSION: &str = "3.6.28";

/// Whether a flag is off: Go leaves such out.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes references"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}
