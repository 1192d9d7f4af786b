//! The server over a real, private Postgres, asked by the typed client.

mod api;
mod authz;
#[cfg(test)]
mod common;
mod conditions;
mod deploy;
mod machines;
mod models;
mod observe;
mod operations;
mod secrets;
mod session;
mod sources;
