//! The frames that host and machine exchange, and the machine-side program.
//!
//! The library half is what both ends share: [`frames`]. The other half is the
//! binary `lazuli-runner`, one static program that is supervisor, channel end
//! and every hook tool at once.

pub mod frames;
