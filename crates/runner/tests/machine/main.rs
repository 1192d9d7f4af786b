//! The machine-side program as a whole: `serve` over pipes, a real supervisor,
//! real hooks, in a directory instead of a machine.

#![cfg(test)]

mod actions;
mod charms;
mod connections;
mod crashes;
mod debug;
mod hooks;
mod limits;
mod local;
mod reboots;
mod support;
mod tools;
mod trouble;
