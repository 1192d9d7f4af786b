//! Real guests on this machine: root, nftables and a base (built at first, for
//! about 30 s) are needed; without root each test says so and is skipped.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod first_boot;
mod life;
mod network;
mod support;
