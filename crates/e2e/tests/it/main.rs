//! The whole, from the command line: one subject per file. Each test has a
//! Lazuli of its own, and mostly waits for it, so that several at once are
//! quicker: `cargo test -p lazuli-e2e -- --test-threads 4`.

mod actions;
mod archives;
mod changes;
mod debugging;
mod drift;
mod force;
mod keeping;
mod kills;
mod life;
mod login;
mod manual;
mod moments;
mod refusals;
mod relations;
mod resources;
mod secrets;
mod services;
mod spaces;
mod storage;
mod subordinates;
mod trouble;
mod upgrades;
mod weather;
