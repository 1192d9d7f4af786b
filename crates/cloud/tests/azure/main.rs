//! The Azure provider against the ARM simulator, over https.

#![expect(clippy::unwrap_used, reason = "in a test a failure may panic")]

mod adoption;
mod common;
mod deletion;
mod making;
mod pace;
mod refusals;
mod surveys;
