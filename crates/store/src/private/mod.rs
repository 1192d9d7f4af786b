//! A private Postgres, for `lazulid dev` and for tests.
//!
//! It runs as a process in a session of its own, over a unix socket alone,
//! and survives whoever started it; the next one to start it in the same
//! directory adopts it. What tells that it runs is a lock on a file, which
//! the server holds through an inherited descriptor for as long as any of its
//! processes lives. A pid would not tell: a zombie keeps it.

mod account;
mod database;
mod process;
mod scratch;
mod server;

pub use scratch::Scratch;
pub use server::{Options, Postgres, PrivateError};
