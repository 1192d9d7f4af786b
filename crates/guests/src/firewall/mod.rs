//! The rules of one virtual network's router, as nftables.
//!
//! `router` says what must be in force, purely; `change` turns the difference
//! between two such states into one transaction; `groups` compiles security
//! groups. Chains are named by a hash of what they hold: guests with equal
//! rules share one, and a chain never changes.

mod change;
mod groups;
mod router;

pub(crate) use change::transaction;
pub(crate) use router::{GuestRules, Rendered, Router};

use std::process::Command;

use crate::error::Result;
use crate::tools;

/// Runs a transaction in the calling thread's namespace.
pub(crate) fn apply(transaction: &str) -> Result<()> {
    tools::run(Command::new("nft").args(["-f", "-"]), transaction).map(drop)
}
