//! A whole Lazuli for a test, used as a user uses it: `lazulid dev` in a fresh
//! directory, and `lazuli` on it.
//!
//! Needs root and what `scripts/build` makes. Nothing is left behind: dropping
//! a [`Lazuli`] ends all it started and checks that no mount is left.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

mod check;
mod daemon;
mod ending;
mod faults;
mod guest;
mod history;
mod status;
mod transcript;
mod upgrade;

pub use check::{Log, Ran};
pub use daemon::{Lazuli, Said};
pub use history::{assert_lawful, essence};
pub use status::Status;

/// A charm of this crate.
#[must_use]
pub fn charm(name: &str) -> String {
    format!("{}/charms/{name}", env!("CARGO_MANIFEST_DIR"))
}
